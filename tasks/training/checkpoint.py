"""Training state on disk: replaced in one rename, believed only if its digests match."""

from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Mapping
from typing import Any

from tasks.artifact import sync, write_atomically
from tasks.digest import canonical_json, digest_file
from tasks.errors import Interrupted
from tasks.store import Store

log = logging.getLogger(__name__)
RECORD = "checkpoint.json"


class Checkpoints:
    """The last state of one training, under `checkpoints/<key>/` of the store; the key says what is being trained."""

    def __init__(self, store: Store, key: str, machine: Mapping[str, str | int]) -> None:
        """`machine`: what else must be the same for a run to go on with the same bytes (precision, device, threads)."""
        self._folder = store.root / "checkpoints" / key
        self._identity = {"key": key, "machine": dict(machine)}

    def save(self, step: int, state: dict[str, Any]) -> None:
        """Keep this state (tensors and plain data) instead of the last one.

        Raises:
            Interrupted: the disk is full; the last state is still there.
        """
        import torch

        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"state-{step}.pt"
        draft = file.with_suffix(".draft")
        try:
            torch.save(state, draft)
            sync(draft)
            draft.replace(file)
        except (OSError, RuntimeError) as error:
            draft.unlink(missing_ok=True)
            hint = "make room and run again: it continues from the last checkpoint"
            raise Interrupted("a checkpoint could not be written", value=self._folder, hint=hint) from error
        record = {**self._identity, "step": step, "file": file.name, "sha256": digest_file(file)}
        write_atomically(self._folder / RECORD, canonical_json(record))
        for other in self._folder.glob("state-*"):
            if other != file:
                other.unlink()

    def load(self) -> dict[str, Any] | None:
        """The last state; None, with a message, where it is not whole or belongs to something else."""
        import torch

        path = self._folder / RECORD
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_bytes())
            file = self._folder / record["file"]
            if {"key": record["key"], "machine": record["machine"]} != self._identity:
                raise ValueError("it was written by another run or on another machine")
            if digest_file(file) != record["sha256"]:
                raise ValueError("its digest does not match")
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, pickle.UnpicklingError) as error:
            log.warning("the checkpoint in %s is ignored (%s): training starts again", self._folder, error)
            return None
        return state

    def clear(self) -> None:
        """Forget the state: what it led to is sealed."""
        shutil.rmtree(self._folder, ignore_errors=True)
