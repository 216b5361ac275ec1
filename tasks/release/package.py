"""A sealed model as MLflow keeps and serves it: what is registered, and what is tried out before."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

from tasks.artifact import Artifact, read, verify
from tasks.errors import IntegrityError
from tasks.home import CHECKOUT
from tasks.store import Store
from tasks.tracking import registry

READS = ("tasks/release/served.py", "tasks/model_text.py", "tasks/training/prompts.py")
SERVED, *BESIDE = (CHECKOUT / name for name in READS)
REQUIREMENTS = ("transformers", "torch", "bitsandbytes", "accelerate")


def package(store: Store, artifact: Artifact, target: Path) -> Path:
    """Write a model as MLflow serves it to `target`, and return that."""
    requirements = [f"{name}=={installed(name).partition('+')[0]}" for name in REQUIREMENTS]
    registry.package_model(store, artifact.path, SERVED, BESIDE, target, requirements)
    return target


def check_packaged(package: Path, artifact: Artifact) -> None:
    """See that an MLflow model holds the bytes of an artifact.

    Raises:
        IntegrityError: it does not, or it cannot be read.
    """
    copy = read(package / "artifacts" / artifact.path.name)
    verify(copy)
    if copy.digest != artifact.digest:
        raise IntegrityError("MLflow keeps other bytes than were judged", value=copy.digest)
