"""The table: what a hostile user, or a hostile machine, tries, and how it has to end.

A further attempt is a further `Row` here and nothing else.
"""

import signal
from resource import RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC

from tests.conftest import TINY_STUDY
from tests.hostile.inputs import ARRAYS, GIGABYTES, INLINE, PLAN, STUDIES
from tests.hostile.runner import Row

__all__ = ["ROWS"]

STORES = [
    Row(
        name="a file as the store",
        command=f"{INLINE} --store taken",
        code=4,
        files={"taken": b""},
        says=("Expected a folder that can be written",),
    ),
    Row(name="a store nobody can write", command=f"{INLINE} --store /proc/repsim", code=4),
    Row(name="a store of an unknown kind", command=f"{PLAN} --store ftp://host/x", code=2),
    Row(
        name="a secret in the store's name",
        command=f"{PLAN} --store s3://key:hidden@bucket/x",
        code=2,
        never=("hidden",),
    ),
    Row(name="a store that leads out", command=f"{PLAN} --store s3://bucket/../x", code=2),
    Row(name="a link to itself as the store", command=INLINE, code=4, shell="ln -s runs runs"),
    Row(
        name="a store for reading",
        command=INLINE,
        code=4,
        nobody=True,
        shell="mkdir runs; chmod 0 runs",
    ),
    Row(name="a full disk", command=INLINE, code=4, limits={RLIMIT_FSIZE: 4000}),
    Row(
        name="few open files",
        command=INLINE,
        code=2,
        limits={RLIMIT_NOFILE: 24},
        says=("ulimit -n 256",),
    ),
    *[
        Row(
            name=f"{threads} threads: {verb}",
            command=verb,
            code=2,
            nobody=True,
            limits={RLIMIT_NPROC: threads},
            says=("ulimit -u",),
        )
        for threads, verb in ((0, PLAN), (5, INLINE), (200, INLINE))
    ],
    Row(
        name="markers of garbage",
        command="status study.toml",
        code=0,
        finished=True,
        shell="for m in runs/matches/*/marker.json; do echo '{' > $m; done",
        says=("Corrupt",),
    ),
    Row(
        name="markers of other JSON",
        command="verify study.toml",
        code=5,
        finished=True,
        shell="for m in runs/*/*/marker.json; do echo '[1, {\"parts\": 3}]' > $m; done",
    ),
    Row(
        name="a link out of the store",
        command="verify study.toml --deep",
        code=5,
        finished=True,
        shell="for a in runs/moments/*/*/arrays.npz; do ln -sf /etc/passwd $a; done",
    ),
    Row(
        name="the report is gone",
        command="status study.toml",
        code=0,
        finished=True,
        shell="rm -r runs/studies/tiny/report",
    ),
    Row(
        name="damaged weights",
        command="verify study.toml --deep",
        code=5,
        finished=True,
        shell="for w in runs/networks/*/*/weights.pt; do echo x > $w; done",
        says=("weights.pt",),
    ),
    Row(
        name="damage is repaired",
        command=INLINE,
        code=0,
        finished=True,
        shell="for m in runs/m*/*/marker.json; do echo '{' > $m; done",
    ),
]

SURROUNDINGS = [
    Row(name="no home", command=PLAN, code=0, environment={"HOME": "/nowhere"}),
    Row(name="an empty home", command=PLAN, code=0, environment={"HOME": ""}),
    Row(name="no temporary folder", command=PLAN, code=0, environment={"TMPDIR": "/nowhere"}),
    Row(name="a narrow terminal", command=PLAN, code=0, environment={"COLUMNS": "1"}),
    Row(
        name="an unknown variable of ours",
        command="cluster show --resolved",
        code=2,
        environment={"REPSIM_RAY__CORES": "2"},
        says=("Got 'ray.cores'",),
    ),
    Row(
        name="a broken user file",
        command="cluster show --resolved",
        code=2,
        files={"home/.config/repsim/config.toml": b"[["},
        says=("config.toml",),
    ),
    *[
        Row(
            name=f"a user file that is {kind}: {verb}",
            command=verb,
            code=code,
            shell=f"mkdir -p home/.config/repsim; {make} home/.config/repsim/config.toml",
            says=(words,),
        )
        for kind, make, verb, code, words in (
            ("a FIFO", "mkfifo", PLAN, 0, "it is a FIFO. Going on without it"),
            ("a folder", "mkdir", PLAN, 0, "Going on without it"),
            ("a link to itself", "ln -s config.toml", PLAN, 0, "Going on without it"),
            ("a FIFO", "mkfifo", "doctor", 2, "is a FIFO"),
        )
    ],
    Row(name="an unknown profile", command=f"{INLINE} --cluster lokal", code=2, says=("'local'",)),
    Row(name="a folder as the profile", command=f"{INLINE} --cluster tmp", code=2),
    Row(
        name="a profile of binary",
        command=f"{INLINE} --cluster p.toml",
        code=2,
        files={"p.toml": b"\xff"},
        says=("p.toml",),
    ),
    Row(
        name="a profile with a wrong value",
        command=f"{INLINE} --cluster-set dask.workers=-1",
        code=2,
        says=("dask.workers",),
    ),
    Row(
        name="a doctor where nobody listens",
        command="doctor --cluster tcp://127.0.0.1:1",
        code=4,
        says=("nobody answers",),
    ),
    Row(name="ASCII alone", command=PLAN, code=0, environment={"LC_ALL": "C"}, fresh=True),
    *[
        Row(
            name=f"{number.name} while training",
            command=INLINE,
            code=75,
            study={"epochs = 2": "epochs = 4000"},
            signals=(number,),
            when="training 0",
            says=("The checkpoint is saved",),
        )
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
    ],
]

ENDINGS = [
    Row(
        name="an escape in the name of an array",
        command="compare 'a\x1b[2J.npy' a.npy",
        code=2,
        says=("a\\x1b[2J.npy",),
    ),
    Row(
        name="a closed home",
        command=PLAN,
        code=0,
        nobody=True,
        shell="mkdir -m 0 shut",
        environment={"HOME": "shut/in"},
    ),
    Row(name="plan on a full disk", command=PLAN, code=4, stdout="/dev/full", fresh=True),
    Row(name="deep nesting", command=PLAN, code=2, files={"study.toml": b"a = " + b"[" * 100000}),
    Row(
        name="5 000 digits",
        command=PLAN,
        code=2,
        study={"epochs = 2": "epochs = " + "9" * 5000},
    ),
    Row(name="a huge network", command=PLAN, code=2, study={"width = 0.2": "width = 1e7"}),
    Row(
        name="a byte order mark",
        command=PLAN,
        code=0,
        files={"study.toml": b"\xef\xbb\xbf" + TINY_STUDY.encode()},
    ),
    Row(name="--set with a newline", command=f"{PLAN} --set 'name=a\nseeds=[1,2]'", code=2),
    Row(
        name="a huge header",
        command="compare a.npy a.npy",
        code=2,
        files={"a.npy": b"\x93NUMPY\x01\x00" + len(GIGABYTES).to_bytes(2, "little") + GIGABYTES},
    ),
    Row(
        name="npz of text",
        command="compare a.npz a.npz",
        code=2,
        shell="echo x > t; python3 -m zipfile -c a.npz t",
    ),
    Row(
        name="a study of 20 GB",
        command=PLAN,
        code=2,
        shell="truncate -s 20G study.toml",
        says=("more than 16 MiB",),
    ),
    Row(
        name="a profile of 20 GB",
        command=f"{INLINE} --cluster p.toml",
        code=2,
        shell="truncate -s 20G p.toml",
        says=("more than 16 MiB",),
    ),
    Row(name="a FIFO as the study", command="plan pipe", code=2, shell="mkfifo pipe"),
    Row(
        name="a marker that is a folder",
        command=INLINE,
        code=0,
        finished=True,
        shell="for m in runs/m*/*/marker.json; do rm $m; mkdir $m; done",
    ),
    Row(
        name="SIGTERM while reading",
        command=INLINE,
        code=75,
        fresh=True,
        signals=(signal.SIGTERM,),
        when="Reading",
    ),
]

ROWS = [*STUDIES, *ARRAYS, *STORES, *SURROUNDINGS, *ENDINGS]
