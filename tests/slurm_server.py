"""A real Slurm of two nodes on this machine, private to one folder: munge, controller, daemons.

Needs the programs of Debian's `slurm-wlm` and `munge`, and nothing of their configuration: no
daemon of the system is used or touched, and no user but this one is needed.

    uv run python -m tests.slurm_server               # a shell in which sbatch works
    uv run python -m tests.slurm_server run COMMAND   # one command
    uv run python -m tests.slurm_server kill n2       # in that shell: as if the machine were lost
    uv run python -m tests.slurm_server start n2      # and come back
"""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "squeue", "scancel")
SYSTEM_FOLDERS = "/usr/sbin:/sbin"
NODES = ("n1", "n2")
PACKAGES = ("slurm-wlm", "munge")
INSTALL = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"

CONFIGURATION = """
ClusterName=repsim
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# A job that is queued again waits for its old credential to expire: two minutes elsewhere.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SlurmctldParameters=preempt_send_user_signal
ReturnToService=2
# A lost daemon is noticed, and a job ended, in seconds: tests wait for both.
SlurmctldTimeout=30
SlurmdTimeout=5
InactiveLimit=0
MinJobAge=300
KillWait=5
CompleteWait=0
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1
RebootProgram=/bin/true
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_1} CPUs={cpus} RealMemory={memory}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port_2} CPUs={cpus} RealMemory={memory}
PartitionName=work Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class SlurmServer:
    """Two nodes, n1 and n2, as tests see them."""

    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """What makes sbatch, srun, squeue ... talk to this Slurm."""
        path = f"{os.environ['PATH']}:{SYSTEM_FOLDERS}"
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def ask(self, *command: str) -> str:
        """Run a command of Slurm; what it prints."""
        ran = subprocess.run(
            command,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"{' '.join(command)}: {ran.stderr or ran.stdout}")
        return ran.stdout

    def states(self) -> dict[str, str]:
        """State of every job, by its number, elements of arrays as ``12_3``."""
        lines = self.ask("squeue", "--all", "--noheader", "--array", "--states=all", "-o", "%i %T")
        return dict(line.split() for line in lines.splitlines())

    def node_states(self) -> dict[str, str]:
        """State of every node: idle, mixed, down ..., with * where it does not answer."""
        lines = self.ask("sinfo", "--noheader", "--Node", "-o", "%N %T")
        return dict(line.split() for line in lines.splitlines())

    def start_node(self, name: str) -> None:
        """Start the daemon of a node."""
        self._start(f"slurmd-{name}", "slurmd", "-D", "-N", name)

    def kill_node(self, name: str) -> None:
        """SIGKILL to a node's daemon and to all that runs there, as when a machine is lost."""
        with suppress(psutil.Error, OSError):
            psutil.Process(int((self.folder / f"slurmd-{name}.pid").read_text())).kill()
        daemon = self.daemons.pop(f"slurmd-{name}", None)
        if daemon is not None:
            daemon.wait()
        here = {"SLURM_CONF": self.environment()["SLURM_CONF"], "SLURMD_NODENAME": name}
        steps, others = set(), []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                variables = process.environ()
                if all(variables.get(key) == value for key, value in here.items()):
                    others.append(process)
                    parent = process.parent()  # a step itself has no variable of the node's
                    steps |= {parent} if parent and parent.name() == "slurmstepd" else set()
        # Steps first: one that outlives its job by a moment would report that the job failed.
        for process in (*steps, *others):
            with suppress(psutil.Error):
                process.kill()

    def _start(self, name: str, program: str, *arguments: str) -> None:
        variables = {**os.environ, **self.environment()}
        executable = shutil.which(program, path=variables["PATH"])
        assert executable is not None
        with (self.folder / f"{name}.out").open("wb") as output:
            self.daemons[name] = subprocess.Popen(
                [executable, *arguments],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self, *, cpus: int, memory: int) -> None:
        """Start all daemons and wait until both nodes are idle."""
        configuration = CONFIGURATION.format(
            folder=self.folder,
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            cpus=cpus,
            memory=memory,
            **dict(zip(("controller_port", "port_1", "port_2"), _free_ports(3), strict=True)),
        )
        (self.folder / "slurm.conf").write_text(configuration)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        (self.folder / "state").mkdir()
        named = (("socket", "socket"), ("key-file", "key"), ("pid-file", "pid"))
        options = [f"--{option}={self.folder}/munge.{ending}" for option, ending in named]
        options += [f"--{kind}-file={self.folder}/munge.{kind}" for kind in ("log", "seed")]
        self._start("munged", "munged", "--foreground", *options)
        self._wait((self.folder / "munge.socket").exists)
        self._start("slurmctld", "slurmctld", "-D")
        for name in NODES:
            self.start_node(name)
        self._wait(lambda: self.node_states() == dict.fromkeys(NODES, "idle"))

    def stop(self) -> None:
        """End all jobs and daemons."""
        for name in NODES:
            self.kill_node(name)
        for name in ("slurmctld", "munged"):
            if name in self.daemons:
                self.daemons[name].terminate()
                self.daemons[name].wait()

    def _wait(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        until = time.monotonic() + seconds
        while True:
            dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            try:
                if not dead and condition():
                    return
                problem = ""
            except RuntimeError as error:
                problem = str(error)
            if dead or time.monotonic() > until:
                logs = "\n".join(
                    f"{log.name}:\n{log.read_text(errors='replace')[-2000:]}"
                    for log in sorted([*self.folder.glob("*.log"), *self.folder.glob("*.out")])
                )
                raise RuntimeError(f"Slurm did not start ({problem}); ended: {dead}\n{logs}")
            time.sleep(0.1)


def missing_programs() -> list[str]:
    """Programs that a Slurm of one's own needs and this machine lacks."""
    path = f"{os.environ['PATH']}:{SYSTEM_FOLDERS}"
    return [program for program in PROGRAMS if shutil.which(program, path=path) is None]


def install() -> str:
    """Install what is missing where that is possible: as root of a Debian. Else why not."""
    if not missing_programs():
        return ""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"Slurm is not installed, and this is no root of a Debian: {INSTALL}"
    for command in (["install", *PACKAGES], ["update"], ["install", *PACKAGES]):
        ran = subprocess.run(
            ["apt-get", "-y", "--no-install-recommends", *command],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if not missing_programs():
            return ""
    return f"Slurm cannot be installed: {ran.stderr.strip()[-300:]}"


@contextmanager
def slurm_server(*, cpus: int = 4, memory: int = 16_000) -> Iterator[SlurmServer]:
    """A Slurm for the length of the block: two nodes of so many CPUs and MiB, real or not."""
    lacking = missing_programs()
    if lacking:
        raise RuntimeError(f"Expected a machine with {', '.join(lacking)}. Got none: {INSTALL}.")
    with tempfile.TemporaryDirectory(prefix="repsim-slurm-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)  # munge refuses a socket that others cannot reach
        server = SlurmServer(Path(folder))
        try:
            server.start(cpus=cpus, memory=memory)
            yield server
        finally:
            server.stop()


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def main(arguments: Sequence[str]) -> int:
    """Run a shell or a command with a Slurm of its own; or, in it, kill or start a node."""
    verb, *rest = arguments or ("run",)
    if verb in {"kill", "start"} and len(rest) == 1 and rest[0] in NODES:
        server = SlurmServer(Path(os.environ["SLURM_CONF"]).parent)
        {"kill": server.kill_node, "start": server.start_node}[verb](rest[0])
        return 0
    if verb != "run":
        print(__doc__)
        return 2
    with slurm_server() as server:
        program = rest or [os.environ.get("SHELL", "/bin/bash")]
        variables = {**os.environ, **server.environment()}
        return subprocess.run(program, env=variables, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
