"""What a network asks of a Ray cluster, and how many there is room for."""

import pytest

from cluster.profile import RayProfile
from repsim.errors import ClusterError
from repsim.graph import Resources
from workflows.engines.network_actors import Need

GPUS = {"CPU": 64.0, "GPU": 8.0, "memory": 2.0**40}
NO_GPUS = {"CPU": 16.0, "memory": 2.0**36}


def asked(total: dict[str, float], **options: object) -> tuple[int, dict[str, float]]:
    need = Need.of(RayProfile(**options), total)
    return need.ranks, need.bundle


@pytest.mark.parametrize(
    ("total", "options", "ranks", "bundle"),
    [
        (NO_GPUS, {}, 1, {"CPU": 1}),
        (GPUS, {}, 1, {"CPU": 1, "GPU": 1}),
        (GPUS, {"device": "cpu"}, 1, {"CPU": 1}),
        (GPUS, {"gpus_per_network": 0.25, "cpus_per_network": 2}, 1, {"CPU": 2, "GPU": 0.25}),
        (GPUS, {"gpus_per_network": 1.0, "cpus_per_network": 6}, 1, {"CPU": 6, "GPU": 1}),
        (GPUS, {"gpus_per_network": 8.0, "cpus_per_network": 60}, 8, {"CPU": 7, "GPU": 1}),
        (GPUS, {"gpus_per_network": 8.0}, 8, {"CPU": 1, "GPU": 1}),
        (GPUS, {"gpus_per_network": 0.0, "workers_per_network": 2}, 2, {"CPU": 1}),
        (NO_GPUS, {"workers_per_network": 2, "cpus_per_network": 8}, 2, {"CPU": 4}),
        # On GPUs there is one process for each.
        (GPUS, {"workers_per_network": 2}, 1, {"CPU": 1, "GPU": 1}),
        (
            GPUS,
            {"gpus_per_network": 2.0, "memory_per_network": "32GiB"},
            2,
            {"CPU": 1, "GPU": 1, "memory": 16 * 2**30},
        ),
    ],
)
def test_the_processes_of_a_network_share_what_it_is_given(total, options, ranks, bundle) -> None:
    assert asked(total, **options) == (ranks, bundle)


def test_threads_and_loaders_are_shared_too() -> None:
    profile = RayProfile(gpus_per_network=4.0, cpus_per_network=48, loader_workers=40)
    assert Need.of(profile, GPUS).resources == Resources(
        device="auto", threads=12, loader_workers=10
    )


def test_a_network_that_is_only_captured_takes_one_process() -> None:
    need = Need.of(RayProfile(gpus_per_network=8.0, cpus_per_network=64), GPUS)
    assert (need.one_process.ranks, need.one_process.bundle) == (1, {"CPU": 8, "GPU": 1})


@pytest.mark.parametrize(
    ("total", "options", "room"),
    [
        (GPUS, {}, 8),
        (GPUS, {"gpus_per_network": 0.25}, 32),
        (GPUS, {"gpus_per_network": 0.25, "cpus_per_network": 4}, 16),
        (GPUS, {"gpus_per_network": 3.0}, 2),
        (GPUS, {"memory_per_network": "300GiB"}, 3),
        (NO_GPUS, {"workers_per_network": 5}, 3),
    ],
)
def test_room_is_what_the_scarcest_resource_allows(total, options, room) -> None:
    assert Need.of(RayProfile(**options), total).room(total) == room


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus_per_network": 16.0, "cpus_per_network": 16}, "at least 16 GPU for one .* Got 8 in"),
        (
            {"cpus_per_network": 100},
            "at least 100 CPU for one .* Got 64 in all. Ask for less",
        ),
    ],
)
def test_a_network_that_fits_nowhere_is_refused(options, message) -> None:
    with pytest.raises(ClusterError, match=message):
        Need.of(RayProfile(**options), GPUS).room(GPUS)
