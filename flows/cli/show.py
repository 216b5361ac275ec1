"""Tables for people; `--json` prints the same data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows.console import table

if TYPE_CHECKING:
    from tasks.evaluation.policy_check import Check
    from tasks.release.mutation import Score


SHOWN = 3
"""Gates that a line of a table names."""


def dataset_table(found: Mapping[str, Any]) -> str:
    """What `galen data show` prints: the data of `tasks.data.shown.show`."""
    version = f"version {found['digest'][:12]}" if found["digest"] else f"built up to {found['built']}"
    source = found["source"]
    parts = [
        f"{found['name']}: {found['task']}, {version}\n"
        f"source: {source['path']} ({source['format']}, {source['encoding']}), {found['rows']:,} rows"
    ]
    parts += [f"{what}: {found[key]}" for what, key in (("tags read as", "tags"), ("grouped by", "by")) if found[key]]
    counts = found["counts"]
    if counts:
        rows = [(split, count, found["groups"][split]) for split, count in counts.items()]
        parts.append(table(("split", "records", "groups"), rows))
    for kind, slices in found["slices"].items():
        rows = [(value, *(held.get(split, 0) for split in counts)) for value, held in sorted(slices.items())]
        parts.append(table((kind, *counts), rows))
    if found["label_counts"]:
        rows = [(name, *(held.get(split, 0) for split in counts)) for name, held in found["label_counts"].items()]
        parts.append(table(("label", *counts), rows))
    if found["twins"]:
        parts.append(table(("test records with a twin in train", "number"), list(found["twins"].items())))
    for what, share in found["known"].items():
        parts.append(f"{what} of the test split that the train split shows too: {share:.1%}")
    for title, counted in (
        ("rejected because", found["rejected"]),
        (
            "that is",
            {f"{reason}: {one}": rows for reason, ones in found["details"].items() for one, rows in ones.items()},
        ),
        ("columns that nothing reads", found["unused"]),
        ("passed over in the source", found["noticed"]),
        ("not declared, in few groups, not named", found["rare"]),
        ("replaced by placeholders", found["phi"]),
        ("added by augmentation", found["augmentation"]),
        ("not added, too much like held-out records", found["augmentation_dropped"]),
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
    versions = [one for one in found if one["version"] is not None]
    rejected = [one for one in found if one["version"] is None]
    parts = []
    if versions:
        rows = [
            (
                one["model"],
                one["version"],
                ", ".join([*one["roles"], *(["anchor"] if one["anchor"] else [])]) or None,
                _metric(one),
                None if one["bytes"] is None else f"{one['bytes'] / 1e6:.1f} MB",
                one["approved_by"],
                str(one["artifact"])[:12],
                one["time"],
            )
            for one in versions
        ]
        header = ("model", "version", "roles", "metric", "size", "approved by", "artifact", "registered")
        parts.append(table(header, rows))
    notes = [f"{one['model']}@{one['version']}: {note}" for one in versions for note in _notes(one)]
    if notes:
        parts.append("\n".join(notes))
    if rejected:
        lines = [(one["model"], one["form"], _metric(one), one["gates"], one["time"]) for one in rejected]
        title = "rejected by a gate, so never a version (reasons: galen models --json):"
        parts.append(f"{title}\n\n{table(('model', 'form', 'metric', 'gates', 'judged'), lines)}")
    return "\n\n".join(parts)


def _metric(one: Mapping[str, Any]) -> str | None:
    return None if one["metric"] is None else f"{one['metric']} {one['value']:.3f}"


def _notes(one: Mapping[str, Any]) -> Iterator[str]:
    """What to know of how a version was judged."""
    from tasks.lineage.looks import Spent
    from tasks.lineage.standing import WORDS
    from tasks.lineage.today import AGAIN, EARLIER

    if one["withdrawn"]:
        yield one["withdrawn"]
    if one["standing"] != "current":
        yield WORDS[one["standing"]]
    if not one["judged_by_this_code"]:
        yield f"{EARLIER}; {AGAIN}"
    if one["looks"]:
        yield str(Spent(**one["looks"]))


def mutation_table(found: Score) -> str:
    """What `galen policy test` prints."""
    rows = [
        (
            one.harm,
            one.planted_in,
            one.strength,
            ("gates meant for it" if one.by_meant else "others alone" if one.caught_by else "nobody"),
            one.smallest,
            ", ".join(one.caught_by[:SHOWN]) + f", {len(one.caught_by) - SHOWN} more" * (len(one.caught_by) > SHOWN),
        )
        for one in found.counted
    ]
    header = ("harm", "planted in", "strength", "noticed by", "smallest noticed", "gates")
    absent = [(one.harm, one.why_not) for one in found.plantings if not one.planted]
    parts = [
        f"{found.policy} on {found.subject}: {found.records} records of {found.groups} groups of the {found.split} "
        f"split; seed {found.seed}",
        f"the unharmed model {'does not pass' if found.twin else 'passes'}",
        table(header, rows) if rows else "",
        f"cannot be planted here\n\n{table(('harm', 'why'), absent)}" if absent else "",
        f"noticed: {found.caught} of {len(found.counted)} harms, {found.by_meant} by gates meant for them "
        f"({found.share:.0%})"
        if rows
        else "",
    ]
    return "\n\n".join(part for part in parts if part)


def sizes_table(found: Check) -> str:
    """What `galen policy check` prints."""
    rows = [
        (
            one.gate,
            one.slice,
            one.records,
            one.groups,
            f"{one.tolerance:g}",
            None if one.noticed is None else f"{one.noticed:.3f}",
            None if one.promoted is None else f"{one.promoted:.1f} of {one.looks}",
            one.needs,
        )
        for one in found.sizes
    ]
    header = ("gate", "slice", "records", "groups", "tolerance", "stops 80 % at", "equal ones let by", "needs")
    worlds = [(one.candidates, one.records, "holds" if one.holds else "does not hold", one.why) for one in found.worlds]
    return "\n\n".join(
        [
            f"{found.policy} on {found.dataset} (test split {found.test[:12]}); how much two equal models differ: "
            f"{found.source}",
            table(header, rows) if rows else "no gate compares with an earlier release",
            f"the margin since the last approval, for a year\n\n{table(('candidates', 'records', '', 'why'), worlds)}",
        ]
    )
