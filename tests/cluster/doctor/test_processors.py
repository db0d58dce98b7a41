"""What torch can compute on, as a torch and a driver of any kind would say it."""

from types import SimpleNamespace
from typing import Any

import pytest

from cluster.doctor.processors import check_processors

DRIVER = "NVIDIA H200, 550.54, 143771 MiB"


def torch_with(
    *,
    gpus: int = 0,
    free: float = 0.9,
    cuda: str | None = "12.8",
    instructions: str = "AVX2",
    refusal: str = "",
) -> Any:
    """A torch that sees such a machine."""

    def ones(*arguments: object, device: str) -> Any:
        if refusal:
            raise RuntimeError(refusal)
        return SimpleNamespace(sum=lambda: SimpleNamespace(item=lambda: 2.0))

    return SimpleNamespace(
        version=SimpleNamespace(cuda=cuda),
        backends=SimpleNamespace(cpu=SimpleNamespace(get_cpu_capability=lambda: instructions)),
        get_num_threads=lambda: 2,
        ones=ones,
        cuda=SimpleNamespace(
            device_count=lambda: gpus,
            mem_get_info=lambda number: (int(free * 100e9), int(100e9)),
            get_device_name=lambda number: "NVIDIA H200",
        ),
    )


def test_a_cpu_without_vector_instructions() -> None:
    cpu, _ = check_processors(torch_with(instructions="DEFAULT"), None, gpus=False)
    assert (cpu.verdict, "virtual machine" in cpu.remedy) == ("warning", True)
    assert check_processors(torch_with(), None, gpus=False)[0].verdict == "ok"


def test_gpus_that_are_free() -> None:
    _, *found = check_processors(torch_with(gpus=2), DRIVER, gpus=True)
    assert [one.verdict for one in found] == ["ok", "ok"]
    assert found[1].name == "GPU 1"
    assert found[0].found == "NVIDIA H200, 90.0 GB of 100.0 GB free; CUDA 12.8, driver 550.54"


def test_a_gpu_that_others_use() -> None:
    _, found = check_processors(torch_with(gpus=1, free=0.2), DRIVER, gpus=False)
    assert (found.verdict, "nvidia-smi" in found.remedy) == ("warning", True)


def test_a_gpu_that_torch_cannot_use() -> None:
    refusal = "CUDA error: no kernel image is available\nfor execution"
    _, found = check_processors(torch_with(gpus=1, refusal=refusal), DRIVER, gpus=False)
    assert (found.verdict, found.code) == ("problem", 4)
    assert found.found.endswith("CUDA error: no kernel image is available")


@pytest.mark.parametrize(("gpus", "verdict"), [(False, "warning"), (True, "problem")])
@pytest.mark.parametrize(
    ("cuda", "remedy"), [("12.8", "built for CUDA 12.8"), (None, "built without CUDA")]
)
def test_a_gpu_that_the_driver_sees_and_torch_does_not(
    gpus: bool, verdict: str, cuda: str | None, remedy: str
) -> None:
    _, found = check_processors(torch_with(cuda=cuda), DRIVER, gpus=gpus)
    assert (found.verdict, remedy in found.remedy) == (verdict, True)


def test_no_gpu_at_all() -> None:
    _, found = check_processors(torch_with(), None, gpus=False)
    assert (found.verdict, found.name) == ("ok", "GPU")
    _, found = check_processors(torch_with(), None, gpus=True)
    assert (found.verdict, found.code) == ("problem", 2)
    assert found.found == "a GPU was asked for, and torch sees none"
