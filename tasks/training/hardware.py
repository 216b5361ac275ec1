"""What this machine computes with."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def _cpu_multiplies_bf16() -> bool:
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
