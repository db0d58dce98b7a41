"""A study that is killed and whose files are damaged at random times, and then is finished."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from tests.faults.random_damage.commands import start
from tests.faults.random_damage.harms import harm_a_file
from tests.faults.random_damage.places import Bucket, Folder, Place
from tests.faults.random_damage.reports import differences, report_of
from tests.faults.small_study import small_study
from tests.s3_server import s3_server

__all__ = ["Rounds", "rounds_in"]

KILLED = -9
# Done, some of it failed, something is not what was written: all that damage may lead to.
ENDS = {0, 3, 5}
# A run makes several passes, and damage that hides behind other damage shows in the next.
MOST_RUNS = 4
# Engines start anew in every pass, on a machine that may be busy.
LONGEST = 600.0


@dataclass(kw_only=True)
class Rounds:
    """One store, through as many rounds as are asked for."""

    place: Place
    study: Path
    engine: str
    report: dict[str, bytes]
    """Of a run that nothing disturbed."""
    seconds: float
    """That it took."""
    chance: random.Random
    log: Path
    codes: list[int] = field(default_factory=list)
    """Exit codes of the last round, in order."""
    harms: list[str] = field(default_factory=list)
    """What was done to files in the last round, in order."""

    def round(self) -> None:
        """Disturbed runs, then undisturbed ones until one is done: the report is as it should be.

        Raises
        ------
        AssertionError
            When a run ends as it must not, or what it made is not what it makes undisturbed.
        """
        self.codes, self.harms = [], []
        self.log.write_bytes(b"")
        if self.chance.random() < 0.3:
            for path in self.place.files():
                self.place.remove(path)
        for _ in range(self.chance.randint(1, 3)):
            self._harm(self.chance.choice([0, 1, 3, 10]))
            self._disturbed_run()
        self._harm(self.chance.choice([0, 1, 3]))
        self._until_done()
        self._compare()

    def _disturbed_run(self) -> None:
        """A run that meets damage at random times and is killed at another, if it lives so long."""
        moments = [(self._moment(), self._harm) for _ in range(self.chance.randint(0, 4))]
        harmed_before = len(self.harms)
        process, started = self._start(), time.monotonic()
        if self.chance.random() < 0.75:
            moments.append((self._moment(), lambda _: process.kill()))
        for moment, disturb in sorted(moments, key=lambda one: one[0]):
            process.join(max(0.0, started + moment - time.monotonic()))
            if process.is_alive():
                disturb(1)
        harmed = self.harms[harmed_before:]
        # What harms the report itself while it is written, the next run finds.
        if self._end(process) == 0 and not any(" studies/" in harm for harm in harmed):
            self._compare()

    def _compare(self) -> None:
        wrong = differences(report_of(self.place), self.report)
        assert not wrong, f"done, but {wrong} differ\n{self._told()}"

    def _moment(self) -> float:
        return self.chance.uniform(0, self.seconds)

    def _until_done(self) -> None:
        for _ in range(MOST_RUNS):
            if self._end(self._start()) == 0:
                return
        raise AssertionError(f"never done\n{self._told()}")

    def _start(self) -> BaseProcess:
        return run(self.study, self.place, self.engine, self.log)

    def _end(self, process: BaseProcess) -> int:
        process.join(LONGEST)
        code = process.exitcode
        if code is None:
            process.kill()
            raise AssertionError(f"does not end\n{self._told()}")
        self.codes.append(code)
        assert code in ENDS | {KILLED}, self._told()
        return code

    def _harm(self, files: int) -> None:
        self.harms += [harm_a_file(self.place, self.chance) for _ in range(files)]

    def _told(self) -> str:
        said = self.log.read_text()
        return "\n".join([f"exit codes {self.codes}", *self.harms, said])


def run(study: Path, place: Place, engine: str, log: Path) -> BaseProcess:
    """`repsim run` in a process of its own."""
    return start("run", str(study), "--store", place.location, "--engine", engine, log=log)


@contextmanager
def rounds_in(kind: str, folder: Path, *, seed: int, engine: str = "inline") -> Iterator[Rounds]:
    """Rounds in ``"a folder"``, or in ``"a bucket"`` of a server on loopback."""
    study, log = small_study(folder), folder / "rounds.log"
    with places(kind, folder) as (clean, place):
        # Once for the imports, and once to know how long it takes.
        for asked in (clean, place):
            started = time.monotonic()
            process = run(study, asked, engine, log)
            process.join()
            assert process.exitcode == 0, log.read_text()
        rounds = Rounds(
            place=place,
            study=study,
            engine=engine,
            report=report_of(clean),
            seconds=time.monotonic() - started,
            chance=random.Random(seed),
            log=log,
        )
        assert not differences(report_of(place), rounds.report)
        yield rounds


@contextmanager
def places(kind: str, folder: Path) -> Iterator[tuple[Place, Place]]:
    """A folder for what nothing disturbs, and a place of the kind for the rest."""
    clean = Folder(folder / "clean")
    if kind == "a folder":
        yield clean, Folder(folder / "runs")
    else:
        with s3_server() as server, patch.dict("os.environ", server.environment()):
            yield clean, Bucket(server, "of/rounds")
