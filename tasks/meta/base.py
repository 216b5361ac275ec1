"""What a base made here says about itself, and how models name the base that they started from."""

from __future__ import annotations

from tasks.meta.record import ArtifactMeta, Plain, Record


class BaseMeta(ArtifactMeta):
    """A base made here."""

    kinds = ("base",)
    what = "a base made here"
    name: str
    spec: Plain
    corpus: str
    """SHA-256 of the text that it learned from."""
    training: Plain


class BaseRef(Record):
    """The base that a model started from, and how its recipe named it."""

    digest: str
    ref: dict[str, str | None]
