"""What large layers cost, for the record: no literal algorithm could be waited for."""

from dataclasses import dataclass

from repsim.matching import match_profile, simple_matches
from repsim.moments import Factor, Moments
from tests.benchmarks.timing import timed
from tests.repsim.matching.instances import graded_pair


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Seconds of one core, and how many were allowed on two."""

    task: str
    seconds: float
    allowed: float

    def __str__(self) -> str:
        return f"{self.task:<58}{self.seconds:>10.2f} s{self.allowed:>8.0f} s"


def profile_costs(widths: tuple[int, ...] = (512, 2048)) -> list[Cost]:
    """Profiles from moments and from the factor."""
    allowed = {512: 3.0, 2048: 180.0}
    costs = []
    for width in widths:
        pair = graded_pair(0, 4 * width, width)
        for source in (
            Moments.from_arrays(pair.x, pair.y),
            Factor.from_arrays(pair.x, pair.y),
        ):
            profile, seconds = timed(lambda source=source: match_profile(source))
            costs.append(
                Cost(
                    task=f"profile from {profile.method}, {width} + {width} neurons",
                    seconds=seconds,
                    allowed=allowed.get(width, float("inf")),
                )
            )
    return costs


def minimal_costs(widths: tuple[int, ...] = (256, 512), eps: float = 0.65) -> list[Cost]:
    """All minimal matches, certified, where most of the layer matches."""
    allowed = {256: 15.0, 512: 180.0}
    costs = []
    for width in widths:
        pair = graded_pair(0, 8 * width, width)
        moments = Moments.from_arrays(pair.x, pair.y)
        found, seconds = timed(lambda moments=moments: simple_matches(moments, eps=eps))
        costs.append(
            Cost(
                task=f"all minimal matches, {found.whole.size} of {2 * width} neurons match",
                seconds=seconds,
                allowed=allowed.get(width, float("inf")),
            )
        )
    return costs
