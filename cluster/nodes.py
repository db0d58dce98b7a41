"""Asking the nodes of Ray and the workers of Dask what they are."""

from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.dask_cluster import dask_session
from cluster.doctor import Answer, inspect_node, wants_gpu
from cluster.ray_cluster import ray_session
from cluster.schema import DaskProfile, Profile

__all__ = ["ask_dask", "ask_ray"]

# A node starts a process and imports what a training worker imports.
ANSWER_SECONDS = 120.0
# Of a GPU: enough to be let see it, too little to wait for whoever shares it.
GLIMPSE = 0.01


def ask_ray(profile: Profile, location: str, token: str) -> list[Answer]:
    """Each node of the Ray cluster; those with GPUs are to see them where a network needs one."""
    with ray_session(profile.ray, profile.environment):
        nodes = [node for node in ray.nodes() if node["Alive"]]
        gpus = any(node["Resources"].get("GPU") for node in nodes)
        wanted = wants_gpu(profile.ray, some=gpus)
        asked = [_ask_ray_node(node, location, token, gpus=wanted) for node in nodes]
        return [_ray_answer(*question) for question in asked]


def ask_dask(profile: DaskProfile, location: str, token: str) -> list[Answer]:
    """Each worker of the Dask cluster."""
    with dask_session(profile) as client:
        answers = client.run(inspect_node, location, token, gpus=None, on_error="return")
    return [
        Answer(place="Dask", node=address, problem=_words(answer))
        if isinstance(answer, BaseException)
        else Answer(place="Dask", node=address, report=answer)
        for address, answer in sorted(answers.items())
    ]


def _ask_ray_node(
    node: dict[str, Any], location: str, token: str, *, gpus: bool
) -> tuple[str, Any]:
    here = gpus and bool(node["Resources"].get("GPU"))
    question = ray.remote(inspect_node).options(
        num_cpus=0,
        num_gpus=GLIMPSE if here else 0,
        max_retries=0,
        scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
    )
    name = f"{node['NodeManagerHostname']} {node['NodeID'][:8]}"
    return name, question.remote(location, token, gpus=gpus)


def _ray_answer(name: str, reference: Any) -> Answer:
    try:
        report = ray.get(reference, timeout=ANSWER_SECONDS)
    except Exception as problem:  # of the node's environment, of Ray, of time
        return Answer(place="Ray", node=name, problem=_words(problem))
    return Answer(place="Ray", node=name, report=report)


def _words(problem: BaseException) -> str:
    """The last line of what Ray and Dask send as a traceback."""
    cause = getattr(problem, "cause", None) or problem
    lines = str(cause).strip().splitlines()
    return f"{type(cause).__name__}: {lines[-1] if lines else 'it said nothing'}"
