"""Readers: one file per format. Each yields the rows of a source one by one, with the names that the source uses."""

from __future__ import annotations

from tasks.data.formats.source import Row, Source, open_source

__all__ = ["Row", "Source", "open_source"]
