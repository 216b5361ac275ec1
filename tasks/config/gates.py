"""Settings of gates, as a recipe or a policy declares them."""

from __future__ import annotations

from pydantic import ConfigDict

from tasks.config.words import Name
from tasks.settings import Settings


class GateEntry(Settings):
    """A gate whose kind is not known here: `tasks.evaluation.gate` knows the kinds, and what else each is told."""

    model_config = ConfigDict(extra="allow")

    name: Name
    kind: str
