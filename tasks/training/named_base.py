"""Bases made here: `recipes/bases/NAME.yaml` says how; `galen base train NAME`, or the first run, makes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.artifact import Artifact, key_of
from tasks.code import code_of
from tasks.digest import digest_file
from tasks.errors import InputError
from tasks.home import CHECKOUT, shown
from tasks.meta.base import BaseMeta
from tasks.settings import load
from tasks.store import Store
from tasks.training.base_spec import BaseSpec
from tasks.training.checkpoint import Checkpoints
from tasks.training.hardware import machine, precision


def spec_of(name: str, corpus: Path | None = None) -> tuple[BaseSpec, Path]:
    """How a base is made, and the corpus that it is made from.

    Args:
        name: of a file in recipes/bases/.
        corpus: instead of the one that the file names.

    Raises:
        InputError: no such file, or no such corpus.
    """
    spec = load(BaseSpec, CHECKOUT / "recipes" / "bases" / f"{name}.yaml")
    path = corpus if corpus is not None else CHECKOUT / spec.corpus
    if not path.is_file():
        hint = f"recipes/bases/{name}.yaml names it, or --corpus does"
        raise InputError("the corpus of a base model does not exist", value=shown(path), hint=hint)
    return spec, path


def base_inputs(name: str, corpus: Path | None = None) -> dict[str, Any]:
    """Everything that the bytes of a base depend on: its spec, its corpus and the code that makes it."""
    spec, path = spec_of(name, corpus)
    plain = spec.plain()
    plain.pop("corpus")  # its content counts, not its place
    return {"name": name, "spec": plain, "corpus": digest_file(path), "code": code_of(__name__)}


def base_artifact(store: Store, name: str, corpus: Path | None = None) -> Artifact:
    """The base of that name, trained if nobody did so before. A training that was stopped goes on.

    Raises:
        InputError: its spec or its corpus is wrong.
        Stopped: by a signal; the state is on disk.
    """
    from tasks.training.base import train_base

    spec, path = spec_of(name, corpus)
    inputs = base_inputs(name, corpus)
    code = inputs["code"]
    if found := store.find("base", inputs, code):
        return found
    kept = Checkpoints(store, key_of("base", inputs, code), machine(precision(spec.precision)))

    def build(folder: Path) -> dict[str, Any]:
        report = train_base(spec, path, folder, kept)
        return BaseMeta(name=name, spec=inputs["spec"], corpus=inputs["corpus"], training=report.plain()).plain()

    artifact = store.make("base", inputs, build, code)
    kept.clear()
    return artifact


def known_base(store: Store, name: str) -> Artifact | None:
    """The base of that name, if it was made before."""
    inputs = base_inputs(name)
    return store.find("base", inputs, inputs["code"])
