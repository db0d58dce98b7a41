"""The RayJob: as many pods as the networks want, and a cluster that goes when they are trained."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.kubernetes.ray_job import OBJECT_STORE_BYTES, worker_pods
from cluster.schema import memory_bytes
from tests.cluster.kubernetes.profiles import of_kind, pod_templates, profile, rendered


def ray_cluster(**tables):
    return of_kind(rendered(**tables), "RayJob")["spec"]["rayClusterSpec"]


def workers(**tables):
    (group,) = ray_cluster(**tables)["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    return group, container


@pytest.mark.parametrize(
    ("ray", "pods", "cpu", "memory", "gpus"),
    [
        ({}, 8, "8", "32Gi", "1"),  # of ten networks, eight at once
        ({"networks_at_once": "auto"}, 10, "8", "32Gi", "1"),
        ({"networks_at_once": 64}, 10, "8", "32Gi", "1"),
        ({"gpus_per_network": 0.25}, 2, "32", "128Gi", "1"),
        ({"gpus_per_network": 0.2, "memory_per_network": "1536MiB"}, 2, "40", "7680Mi", "1"),
        ({"gpus_per_network": 0.25, "networks_at_once": 2}, 1, "16", "64Gi", "1"),
        ({"gpus_per_network": 0.4}, 4, "16", "64Gi", "1"),
        ({"gpus_per_network": 8}, 8, "8", "32Gi", "8"),
        ({"gpus_per_network": 0}, 8, "8", "32Gi", None),
    ],
)
def test_pods_that_hold_the_networks(ray, pods, cpu, memory, gpus):
    group, container = workers(ray=ray)
    assert (group["replicas"], group["minReplicas"], group["maxReplicas"]) == (pods,) * 3
    size = {"cpu": cpu, "memory": memory} | ({"nvidia.com/gpu": gpus} if gpus else {})
    assert container["resources"] == {"requests": size, "limits": size}
    assert group["rayStartParams"]["num-cpus"] == cpu
    assert group["rayStartParams"]["num-gpus"] == (gpus or "0")


@given(
    at_once=st.integers(1, 20),
    gpus=st.sampled_from([0, 0.1, 0.125, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 1, 2, 4]),
    cpus=st.integers(1, 16),
)
def test_all_networks_at_once_find_room_and_no_pod_is_idle(at_once, gpus, cpus):
    asked = {"networks_at_once": at_once, "gpus_per_network": gpus, "cpus_per_network": cpus}
    found = worker_pods(profile(ray=asked).ray, networks=10)
    room = found.request.cpus // cpus
    if gpus:
        room = min(room, int(found.request.gpus / gpus + 1e-9))
    assert room >= found.networks
    assert found.pods * found.networks >= min(at_once, 10)
    assert (found.pods - 1) * found.networks < min(at_once, 10)


def test_another_name_of_a_gpu():
    _, container = workers(kubernetes={"gpu_resource": "nvidia.com/mig-2g.20gb"})
    assert container["resources"]["limits"]["nvidia.com/mig-2g.20gb"] == "1"
    group, _ = workers(kubernetes={"gpu_resource": "nvidia.com/mig-2g.20gb"})
    assert group["rayStartParams"]["num-gpus"] == "1", "KubeRay knows names that end in gpu alone"


def test_nothing_is_trained_on_the_head():
    head = ray_cluster(kubernetes={"head_cpus": 3, "head_memory": "12GiB"})["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert head["rayStartParams"]["num-gpus"] == "0"
    (container,) = head["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"cpu": "3", "memory": "12Gi"}


def test_the_cluster_goes_with_its_job():
    spec = of_kind(rendered(), "RayJob")["spec"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] <= 60, "as long are GPUs held that nobody uses"
    assert spec["backoffLimit"] == 0, "each retry would be a new cluster, whatever went wrong"


def test_objects_of_ray_fit_into_shared_memory():
    cluster = ray_cluster()
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert group["rayStartParams"]["object-store-memory"] == str(OBJECT_STORE_BYTES)
        pod = group["template"]["spec"]
        (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == "/dev/shm"]
        (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
        assert volume["emptyDir"]["medium"] == "Memory"
        assert memory_bytes(volume["emptyDir"]["sizeLimit"] + "B") > OBJECT_STORE_BYTES


def test_ray_is_not_open_to_the_cluster():
    cluster = ray_cluster()
    assert cluster["authOptions"] == {"mode": "token"}
    assert tuple(map(int, cluster["rayVersion"].split("."))) >= (2, 52), "KubeRay asks for it"


def test_the_command_holds_nothing_that_a_shell_could_read_otherwise():
    """KubeRay puts it into a line of shell as it is."""
    manifests = rendered("s3://bucket/a b;c")
    entrypoint = of_kind(manifests, "RayJob")["spec"]["entrypoint"]
    words = shlex.split(entrypoint)
    assert " ".join(map(shlex.quote, words)) == entrypoint
    assert words[:2] == ["repsim", "run"]
    assert words[-2:] == ["--stage", "networks"]
    assert "--engine" not in words, "Ray trains"


def test_the_submitter_never_runs_twice_in_one_pod():
    spec = of_kind(rendered(), "RayJob")["spec"]
    assert spec["submitterPodTemplate"]["spec"]["restartPolicy"] == "Never"
    assert len(pod_templates(spec)) == 3
