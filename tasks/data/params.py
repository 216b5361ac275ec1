"""The datasets that this checkout builds, held to the formats that there are. Checked here before DVC sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.config.data import Dataset
from tasks.data.entries import one_entry
from tasks.data.format import settings_by_format
from tasks.settings import parse


def one_dataset(name: str, path: Path | None = None) -> Dataset:
    """One entry of params.yaml; faults of the others do not matter, so one bad entry never stops another dataset.

    Raises:
        InputError: the name is no name, or there is no such entry.
        ConfigError: every fault of this entry.
    """
    return checked(*one_entry(name, path))


def checked(entry: Any, where: str) -> Dataset:
    """The settings of an entry.

    Raises:
        ConfigError: every fault at once, a format that there is not and a setting that its format ignores among them.
    """
    return parse(Dataset, entry, where, context=settings_by_format())
