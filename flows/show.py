"""Tables for people; `--json` prints the same data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns; numbers to the right."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(line[place]) for line in [list(header), *cells]) for place in range(len(header))]
    numeric = [bool(cells) and all(_is_number(row[place]) for row in cells) for place in range(len(header))]

    def line(parts: Sequence[str]) -> str:
        return "  ".join(
            part.rjust(width) if right else part.ljust(width)
            for part, width, right in zip(parts, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, cells)])


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "", 1).replace("-", "", 1).isdigit() or text == "-"


def dataset_table(found: Mapping[str, Any]) -> str:
    """What `galen data show` prints: the data of `tasks.data.shown.show`."""
    version = f"version {found['digest'][:12]}" if found["digest"] else f"built up to {found['built']}"
    source = found["source"]
    parts = [
        f"{found['name']}: {found['task']}, {version}\n"
        f"source: {source['path']} ({source['format']}, {source['encoding']}), {found['rows']:,} rows"
    ]
    counts = found["counts"]
    if counts:
        rows = [(split, count, found["groups"][split]) for split, count in counts.items()]
        parts.append(table(("split", "records", "groups"), rows))
    for kind, slices in found["slices"].items():
        rows = [(value, *(held.get(split, 0) for split in counts)) for value, held in sorted(slices.items())]
        parts.append(table((kind, *counts), rows))
    for title, counted in (
        ("turned away because", found["rejected"]),
        ("replaced by placeholders", found["phi"]),
        ("added by augmentation", found["augmentation"]),
        *((f"refused by {stage} because", reasons) for stage, reasons in found["refused"].items()),
    ):
        if counted:
            parts.append(table((title, "number"), sorted(counted.items())))
    if found["validation"]:
        parts.append("validation: " + ", ".join(f"{key} {value}" for key, value in found["validation"].items()))
    return "\n\n".join(parts)


def models_table(found: Sequence[Mapping[str, Any]]) -> str:
    """What `galen models` prints."""
    if not found:
        return "no model yet; next: galen retrain recipes/medqa-sample.yaml"
    rows = [
        (
            one["model"],
            one["version"],
            ", ".join(one["roles"]) or None,
            one["verdict"],
            str(one["artifact"])[:12],
            one["time"],
        )
        for one in found
    ]
    return table(("model", "version", "roles", "verdict", "artifact", "time"), rows)
