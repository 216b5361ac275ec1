"""What a model was made on: machine and library versions."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "accelerate",
    "bitsandbytes",
    "dvc",
    "great-expectations",
    "mlflow",
    "numpy",
    "peft",
    "prefect",
    "pyarrow",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
)


def libraries() -> dict[str, str]:
    """Versions of the libraries that weights and numbers depend on, and of Python; the lock holds all the others."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def hardware() -> dict[str, Any]:
    """Processor, usable cores, memory (bytes), and the GPUs of a process that has loaded torch."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpus": _gpus(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")  # whoever trained has loaded it; nobody else needs to
    if torch is None or not torch.cuda.is_available():
        return []
    return [str(torch.cuda.get_device_name(number)) for number in range(torch.cuda.device_count())]
