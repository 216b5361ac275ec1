"""What this machine computes with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch


def device() -> torch.device:
    """The GPU where there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_dtype() -> torch.dtype:
    """bfloat16 where the GPU or CPU multiplies it natively (AVX512-BF16, AMX, CUDA from Ampere on), else float32."""
    import torch

    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.backends.cpu.get_cpu_capability().startswith("AVX512") and _cpu_multiplies_bf16()
    return torch.bfloat16 if native else torch.float32


def precision(asked: Literal["auto", "bf16", "fp32"]) -> torch.dtype:
    """What a model computes in while it trains; auto: the native dtype."""
    import torch

    return native_dtype() if asked == "auto" else torch.bfloat16 if asked == "bf16" else torch.float32


def machine(dtype: torch.dtype) -> dict[str, str | int]:
    """What else must be the same for a killed training to go on with the same bytes (`Checkpoints`)."""
    import torch

    return {
        "precision": str(dtype),
        "device": device().type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def peak_memory() -> float:
    """The most memory used so far, MiB: of the GPU where there is one, else of this process."""
    import resource

    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    try:  # getrusage would count what the parent held before it started this process
        status = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cpu_multiplies_bf16() -> bool:
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
