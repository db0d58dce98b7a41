"""What torch can compute on: the instructions of the CPU, and GPUs with their driver and memory."""

import shutil
import subprocess
from typing import Any

from rich.filesize import decimal

from cluster.doctor.finding import UNREACHABLE, WRONG, Finding, ok, problem, warning

__all__ = ["check_processors", "check_torch"]

# Of a GPU's memory: less is free where another program computes on it.
FREE_SHARE = 0.5
DRIVER_SECONDS = 10


def check_torch(*, gpus: bool) -> list[Finding]:
    """Import torch and look; `gpus` says whether the networks need a GPU."""
    import torch

    return check_processors(torch, driver_report(), gpus=gpus)


def driver_report() -> str | None:
    """What ``nvidia-smi`` says, a line for each GPU; None where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    query = "--query-gpu=name,driver_version,memory.total"
    try:
        asked = subprocess.run(
            [program, query, "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=DRIVER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None


def check_processors(torch: Any, driver: str | None, *, gpus: bool) -> list[Finding]:
    """The CPU, and GPUs as torch and the driver see them.

    Parameters
    ----------
    torch
        The module.
    driver
        Of `driver_report`.
    gpus
        Whether the networks need a GPU.
    """
    findings = [_cpu(torch)]
    count = torch.cuda.device_count()
    if count:
        return [*findings, *(_gpu(torch, number, driver) for number in range(count))]
    build = torch.version.cuda
    if driver:
        seen = f"torch sees none, and the driver has {'; '.join(driver.splitlines())}"
        remedy = (
            f"Torch is built for CUDA {build}: install a driver that is as new, or look at "
            "CUDA_VISIBLE_DEVICES."
            if build
            else "Torch is built without CUDA: install a build with it."
        )
        if gpus:
            return [*findings, problem("GPU", seen, remedy, code=WRONG)]
        return [*findings, warning("GPU", seen, remedy)]
    if gpus:
        found = "a GPU was asked for, and torch sees none"
        remedy = "Is there one, a driver (nvidia-smi), and a torch built for CUDA?"
        return [*findings, problem("GPU", found, remedy, code=WRONG)]
    return [*findings, ok("GPU", "none: networks are trained on the CPU")]


def _cpu(torch: Any) -> Finding:
    instructions = torch.backends.cpu.get_cpu_capability()
    found = f"{instructions}, {torch.get_num_threads()} threads"
    if instructions == "DEFAULT":
        remedy = "Does a virtual machine mask them? Ask for the processor of the host."
        return warning("CPU", f"{found}: torch computes without vector instructions", remedy)
    return ok("CPU", found)


def _gpu(torch: Any, number: int, driver: str | None) -> Finding:
    name = f"GPU {number}"
    try:
        free, total = torch.cuda.mem_get_info(number)
        torch.ones(2, device=f"cuda:{number}").sum().item()
    except Exception as refusal:  # of the driver, of a build without this GPU's kernels
        found = f"torch cannot compute on it: {str(refusal).strip().splitlines()[0]}"
        remedy = "Compare the driver (nvidia-smi) with torch.version.cuda, and see who uses it."
        return problem(name, found, remedy, code=UNREACHABLE)
    title = torch.cuda.get_device_name(number)
    version = driver.splitlines()[0].split(", ")[1] if driver else "unknown"
    found = (
        f"{title}, {decimal(free)} of {decimal(total)} free; CUDA {torch.version.cuda}, driver "
        f"{version}"
    )
    if free < FREE_SHARE * total:
        remedy = "Another program computes on it: nvidia-smi names it."
        return warning(name, found, remedy)
    return ok(name, found)
