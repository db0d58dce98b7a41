"""All manifests of a study, rendered from its profile: plain values, and the YAML of them."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w

from cluster.kubernetes.access import access_manifests
from cluster.kubernetes.jobs import cron_job, driver_job, indexed_job
from cluster.kubernetes.names import content_name, study_name
from cluster.kubernetes.pods import Request, Site
from cluster.kubernetes.ray_job import ray_job, worker_pods
from cluster.kubernetes.requirements import check_profile, check_schedule
from cluster.kubernetes.text import yaml_text
from cluster.schema import Profile
from repsim.study import Study

__all__ = ["Manifests", "manifests_of"]

# Said above what is printed and not applied.
NOT_APPLIED = (
    "# The driver makes these from the ConfigMap, one after the other, when its turn has come.\n"
    "# They are suspended: to apply them by hand starts nothing."
)


@dataclass(frozen=True, kw_only=True)
class Manifests:
    """What is applied, and what the driver starts later."""

    site: Site
    applied: tuple[dict[str, Any], ...]
    """In their order; the last one is the driver, a Job or a CronJob."""
    stages: Mapping[str, dict[str, Any]]
    """Template of the job of each stage, also in the ConfigMap."""

    @property
    def driver(self) -> dict[str, Any]:
        """The Job that takes the study through its stages, or the CronJob that starts it."""
        return self.applied[-1]

    @property
    def scheduled(self) -> bool:
        """Whether the study runs on a schedule."""
        return bool(self.driver["kind"] == "CronJob")

    @property
    def text(self) -> str:
        """YAML of what is applied."""
        return yaml_text(*self.applied)

    @property
    def full_text(self) -> str:
        """YAML of everything, for people and validators."""
        return f"{self.text}{NOT_APPLIED}\n{yaml_text(*self.stages.values())}"


def manifests_of(
    study: Study, profile: Profile, store: str, *, schedule: str = "", ray_version: str = ""
) -> Manifests:
    """Render everything that runs a study on Kubernetes.

    Parameters
    ----------
    study
        It need not be planned: neither data nor model has to be on this machine.
    profile
        With ``batch = "kubernetes"``.
    store
        URL, or absolute folder at which ``kubernetes.store_claim`` is mounted.
    schedule
        Cron expression in place of the profile's; where neither says one, the study runs once.
    ray_version
        Of the image; by default that of this environment, from which the image is built.

    Raises
    ------
    StudyError
        When the profile does not say what a pod needs, or says what cannot be.
    """
    check_profile(profile, store)
    schedule = schedule or profile.kubernetes.schedule
    if schedule:
        check_schedule(schedule)
    name = study_name(study.name, store)
    files = {"study.toml": _study_text(study), "profile.toml": _profile_text(profile, store)}
    site = Site(study=study.name, name=name, store=store, profile=profile, config="")
    # The pods of a run find what it was submitted with, whatever is submitted later.
    render = {"ray_version": ray_version or importlib.metadata.version("ray")}
    stages = _stages(site, len(study.networks), **render)
    content = "".join((*files.values(), yaml_text(*stages.values())))
    site = Site(
        study=study.name,
        name=name,
        store=store,
        profile=profile,
        config=content_name(name, content),
    )
    stages = _stages(site, len(study.networks), **render)
    files |= {f"{stage}.yaml": yaml_text(manifest) for stage, manifest in stages.items()}
    account, access = access_manifests(site)
    driver = cron_job(site, account, schedule) if schedule else driver_job(site, account)
    return Manifests(site=site, applied=(_config_map(site, files), *access, driver), stages=stages)


def _stages(site: Site, networks: int, *, ray_version: str) -> dict[str, dict[str, Any]]:
    dask, kubernetes = site.profile.dask, site.profile.kubernetes
    assert dask.workers != "auto"
    assert dask.memory_per_worker is not None
    if kubernetes.training == "ray":
        training = ray_job(site, networks=networks, ray_version=ray_version)
    else:
        pods = worker_pods(site.profile.ray, networks)
        training = indexed_job(
            site, "networks", shards=pods.pods, request=pods.request, on_training_nodes=True
        )
    matching = indexed_job(
        site,
        "comparisons",
        shards=dask.workers,
        request=Request(cpus=dask.threads_per_worker, memory=dask.memory_per_worker),
        on_training_nodes=False,
    )
    return {"networks": training, "comparisons": matching}


def _config_map(site: Site, files: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": site.metadata(site.config, "config"),
        "immutable": True,
        "data": files,
    }


def _study_text(study: Study) -> str:
    from repsim.stages.report import study_toml

    return study_toml(study)


def _profile_text(profile: Profile, store: str) -> str:
    """What is read of the profile inside a pod: Ray is the cluster that the pod belongs to."""
    read = {"environment", "ray", "dask"}
    values = {"store": store, **profile.model_dump(mode="json", exclude_none=True, include=read)}
    if profile.kubernetes.training == "ray":
        values["ray"]["address"] = "auto"
    return tomli_w.dumps(values)
