"""Which snapshots of a study are compared with which."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from repsim.errors import StudyError
from repsim.stages.networks import NetworkSpec
from repsim.study import Study

__all__ = ["snapshot_pairs"]


def snapshot_pairs(
    study: Study, networks: Mapping[str, NetworkSpec], pairs: Iterable[tuple[str, str]]
) -> list[tuple[NetworkSpec, NetworkSpec]]:
    """The pairs of snapshots that the study compares, in the order of its networks.

    Raises
    ------
    StudyError
        When it compares snapshots and no network has any, or none of one name as the other.
    """
    kinds = study.snapshot_pairs

    def all_pairs() -> Iterator[tuple[NetworkSpec, NetworkSpec]]:
        if "over training" in kinds:
            for spec in networks.values():
                yield from ((snapshot, spec) for snapshot in spec.snapshots)
        if "same snapshot" in kinds:
            for a, b in pairs:
                of_b = {snapshot.snapshot: snapshot for snapshot in networks[b].snapshots}
                for snapshot in networks[a].snapshots:
                    if snapshot.snapshot in of_b:
                        yield snapshot, of_b[snapshot.snapshot]

    for spec in networks.values():
        spec.steps  # noqa: B018 - one after the last epoch is refused here
    # More than these are refused by their number.
    found = list(islice(all_pairs(), study.most_comparisons + 1))
    if kinds and not found:
        raise StudyError(
            f"Expected snapshots for pairs = {sorted(kinds)}. Got training.snapshots that give no "
            'such pair. List some, as in training.snapshots = ["initial", 1, 5, "last"].'
        )
    return found
