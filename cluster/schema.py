"""What may stand in a profile, and what each field means. Nothing in it changes a result's key."""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from repsim.options import StrictOptions

__all__ = [
    "DaskProfile",
    "KubernetesProfile",
    "Memory",
    "Profile",
    "RayProfile",
    "SlurmJob",
    "SlurmProfile",
    "memory_bytes",
]

PositiveInt = Annotated[int, Field(ge=1)]
Memory = Annotated[str, Field(pattern=r"^[1-9][0-9]*(MiB|GiB|TiB)$")]
"""A size as in ``16GiB``."""
Walltime = Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,2}:[0-9]{2}:[0-9]{2}$")]
"""``8:00:00``, or with days ``1-12:00:00``."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""Name of an environment variable."""
ClusterName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)]
"""A name as Kubernetes takes it."""

# Words for people, shell, and values that are quoted wherever they go.
OF_SEVERAL_LINES = {"description", "setup", "environment"}

UNITS = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def memory_bytes(size: Memory) -> int:
    """Bytes of a size.

    >>> memory_bytes("2GiB")
    2147483648
    """
    return int(size[:-3]) * UNITS[size[-3:]]


def _slurm_name(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.,:@+=/-]*", value):
        raise ValueError(
            "Expected a name as Slurm has it, of letters, digits and . , : @ + = / _ -. "
            f"Got {value!a}"
        )
    return value


SlurmName = Annotated[str, AfterValidator(_slurm_name)]
"""An account, a quality of service, a partition or a kind of GPU; empty for the site's default."""


class ProfileTable(StrictOptions):
    """A table of a profile. Each text in it is one line that can be printed."""

    @field_validator("*")
    @classmethod
    def _can_be_printed(cls, value: object, info: ValidationInfo) -> object:
        allowed = "\n\t" if info.field_name in OF_SEVERAL_LINES else ""
        for text in _texts(value):
            if not all(character.isprintable() or character in allowed for character in text):
                raise ValueError(
                    "Expected text on one line, without control characters and marks of direction: "
                    f"it may become a line of a job script. Got {text!a}"
                )
        return value


def _texts(value: object) -> Iterable[str]:
    """All texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts((*value.keys(), *value.values()))
    elif isinstance(value, tuple):
        for item in value:
            yield from _texts(item)


class RayProfile(ProfileTable):
    """Where networks are trained and their activations captured."""

    address: str = Field(
        default="local", description="local, or the address of a cluster: host:6379, ray://..."
    )
    networks_at_once: PositiveInt | Literal["auto"] = Field(
        default="auto", description="networks in training at a time; auto: as many as there is room"
    )
    cpus_per_network: PositiveInt = Field(
        default=1, description="CPU cores of a network, and its torch threads"
    )
    gpus_per_network: Annotated[float, Field(ge=0)] | Literal["auto"] = Field(
        default="auto",
        description="auto: one where the cluster has GPUs; 0.25 packs four networks on one; "
        "8 trains one network on eight",
    )
    workers_per_network: PositiveInt = Field(
        default=1, description="processes that train a network together where it gets no GPU"
    )
    memory_per_network: Memory | None = Field(
        default=None, description="what a network is given; as much as there is where not said"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda")
    loader_workers: int = Field(default=0, ge=0, description="processes that decode images")
    restarts: int = Field(default=3, ge=0, description="how often a killed actor is replaced")
    dashboard: bool = Field(default=False, description="start Ray's dashboard with a local Ray")

    @field_validator("gpus_per_network")
    @classmethod
    def _whole_or_part(cls, value: float | str) -> float | str:
        if isinstance(value, float) and value > 1 and not value.is_integer():
            raise ValueError(
                f"Expected a part of one GPU (0.25) or a whole number of them (8). Got {value:g}"
            )
        return value


class DaskProfile(ProfileTable):
    """Where layers are matched."""

    scheduler: str = Field(
        default="local",
        description="local, the address of a scheduler (tcp://host:8786, tls://host:8786), or its "
        "scheduler file (file:scheduler.json)",
    )
    workers: PositiveInt | Literal["auto"] = Field(
        default="auto", description="worker processes that are started; auto: one for each core"
    )
    threads_per_worker: PositiveInt = 1
    memory_per_worker: Memory | None = Field(
        default=None, description="limit of a worker; its share of the machine where not said"
    )
    interface: str = Field(
        default="", description="network interface by which workers and scheduler talk: ib0"
    )
    dashboard: bool = Field(default=False, description="start Dask's dashboard with the scheduler")
    performance_report: str = Field(
        default="", description="file to which Dask's performance report is written"
    )


class SlurmJob(ProfileTable):
    """What one kind of job asks Slurm for, beside what follows from [ray] and [dask]."""

    partition: SlurmName = ""
    walltime: Walltime = Field(
        default="4:00:00", description="a job that needs longer goes on in the next one"
    )
    directives: tuple[str, ...] = Field(
        default=(), description="further options of sbatch: --constraint=a100, --exclusive"
    )

    @field_validator("directives")
    @classmethod
    def _are_options(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [line for line in value if not re.fullmatch(r"-\S.*", line)]
        if wrong:
            raise ValueError(
                "Expected options of sbatch, each on one line, as in --constraint=a100. "
                f"Got {wrong[0]!r}"
            )
        return value


class SlurmProfile(ProfileTable):
    """How jobs are submitted: an array that makes the networks, then one job that matches."""

    account: SlurmName = ""
    qos: SlurmName = ""
    gres: SlurmName = Field(default="gpu", description="the site's name of a GPU: gpu, gpu:a100")
    networks_per_job: PositiveInt = Field(
        default=1, description="networks that one job of the array trains, side by side"
    )
    warning_seconds: int = Field(
        default=120, ge=10, description="how long before walltime a job is told to stop"
    )
    requeues: int = Field(
        default=100, ge=0, description="how often a job that ran out of walltime is queued again"
    )
    python: str = Field(
        default="",
        description="how Python with repsim is started on a node, as in apptainer exec --nv "
        "/shared/repsim.sif python; by default the interpreter that submits",
    )
    setup: tuple[str, ...] = Field(
        default=(), description="lines of shell at the start of each job: module load cuda"
    )
    folder: str = Field(
        default="slurm-jobs",
        min_length=1,
        description="folder of job scripts and logs, seen by every node; without % and \\, which "
        "Slurm reads as signs of its own",
    )
    networks: SlurmJob = SlurmJob()
    matching: SlurmJob = SlurmJob()

    @field_validator("folder")
    @classmethod
    def _names_one_folder(cls, value: str) -> str:
        if set(value) & set("%\\"):
            raise ValueError(
                "Expected a folder without % and \\: in the names of logs Slurm replaces %j by the "
                f"number of the job. Got {value!a}"
            )
        return value


class KubernetesProfile(ProfileTable):
    """What manifests are rendered from, beside [ray] and [dask]."""

    training: Literal["ray", "indexed"] = Field(
        default="ray",
        description="ray: a RayJob of KubeRay. indexed: a job of Kubernetes itself, in which each "
        "pod trains its share of the networks, one after the other",
    )
    image: str = Field(default="repsim:latest", description="container image with repsim")
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    image_pull_secrets: tuple[ClusterName, ...] = ()
    namespace: ClusterName = "default"
    service_account: ClusterName | None = None
    store_secret: ClusterName | None = Field(
        default=None,
        description="Secret whose entries become environment variables: the store's credentials",
    )
    store_claim: ClusterName | None = Field(
        default=None, description="PersistentVolumeClaim mounted at the store, where it is a folder"
    )
    data_claim: ClusterName | None = Field(
        default=None, description="PersistentVolumeClaim with data sets, mounted read-only"
    )
    data_path: str = Field(default="/data", description="where data_claim is mounted")
    gpu_resource: str = "nvidia.com/gpu"
    node_selector: dict[str, str] = Field(
        default_factory=dict, description="labels of the nodes that networks are trained on"
    )
    tolerations: tuple[dict[str, str], ...] = Field(
        default=(), description="taints of those nodes, as Kubernetes has them"
    )
    head_cpus: PositiveInt = Field(default=2, description="of the Ray head and the driver")
    head_memory: Memory = "8GiB"
    shared_memory: Memory = Field(default="2GiB", description="size of /dev/shm in each pod")
    retries: int = Field(default=3, ge=0, description="how often a failed pod is started again")
    deadline_hours: PositiveInt | None = Field(
        default=None, description="a job that runs longer is ended; the next one goes on"
    )
    ttl_seconds: int = Field(
        default=86400, ge=0, description="how long an ended job is kept to be looked at"
    )
    schedule: str = Field(
        default="", description="cron expression of scheduled studies, as in 0 3 * * *"
    )
    time_zone: str = Field(default="Etc/UTC", description="of the schedule")


class Profile(ProfileTable):
    """Where a study runs, and with how much."""

    description: str = ""
    store: str | None = Field(
        default=None, description="folder or URL where --store is not given; runs where not said"
    )
    environment: dict[Variable, str] = Field(
        default_factory=dict,
        description="environment variables of every process; never a secret: they stand in job "
        "scripts and manifests",
    )
    batch: Literal["none", "slurm", "kubernetes"] = Field(
        default="none", description="to what `repsim submit` gives the jobs of a study"
    )
    ray: RayProfile = RayProfile()
    dask: DaskProfile = DaskProfile()
    slurm: SlurmProfile = SlurmProfile()
    kubernetes: KubernetesProfile = KubernetesProfile()

    @property
    def shares_machine(self) -> bool:
        """Whether both engines run here, so that one must end before the other starts."""
        return self.ray.address == "local" and self.dask.scheduler == "local"
