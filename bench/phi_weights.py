"""What each weight of the de-identification rules does: it is changed, everything else stays, and all is counted again.

    python -m bench.phi_weights [TABLE ...] [--texts 4] [--public 400]

Weights are the numbers in the tables `WEIGHTS` under tasks/data/phi/. Points are switched off, then lowered and raised
by 0.2; lengths and reaches are changed by one, those above ten halved and doubled. A line per change tells the values
that are recalled and the replacements that hit no tagged value, more (+) or fewer (-) than with the weights as they
are: in the gold set, in the tagged public queries and general sentences (English only), in generated texts; and the
replacements in public texts about no one (medical abstracts; toyhom_zh), which say what a weight costs there.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from bench.deidentification import Case, abstracts, count, gold, public_queries, toyhom
from bench.deidentification_general import general
from bench.deidentification_generated import PARTS, generate
from tasks.data import phi
from tasks.data.phi import Deidentifier
from tasks.data.phi.zh import lexicon

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STEP = 0.2
LARGE = 10


def tables() -> dict[str, DataclassInstance]:
    """The tables of all rules, by the module that holds each: "en.people_weights"."""
    found: dict[str, DataclassInstance] = {}
    for module in pkgutil.walk_packages(phi.__path__, f"{phi.__name__}."):
        table = getattr(importlib.import_module(module.name), "WEIGHTS", None)
        if table is not None and type(table).__module__ == module.name:  # others import it
            found[module.name.removeprefix(f"{phi.__name__}.")] = table
    return found


@dataclass(frozen=True)
class Tally:
    """Values recalled and replacements that hit no tagged value; in public texts, all replacements."""

    recalled: int
    wrong: int

    def against(self, before: Tally) -> str:
        """The difference, or nothing."""
        parts = [
            f"{change:+d} {what}"
            for change, what in ((self.recalled - before.recalled, "recalled"), (self.wrong - before.wrong, "wrong"))
            if change
        ]
        return ", ".join(parts)


def corpora(language: str, texts: int, public: int) -> dict[str, list[Case]]:
    """The texts of one language that are counted."""
    sets = {"gold": gold(f"deid_{language}.jsonl")}
    if language == "en":
        sets["queries"] = public_queries()
        sets["general"] = general()
    sets["generated"] = [
        case for part in range(len(PARTS)) for cases in generate(language, part, texts, 7).values() for case in cases
    ]
    about_no_one = abstracts() if language == "en" else toyhom()
    sets["public texts"] = [Case(text, language, []) for text in about_no_one[:public]]
    return sets


def tallies(sets: dict[str, list[Case]], deidentifier: Deidentifier) -> dict[str, Tally]:
    """The counts of each set of texts."""
    found = {}
    for name, cases in sets.items():
        counts = count(cases, deidentifier)
        found[name] = Tally(counts.recalled.total(), counts.found.total() - counts.right.total())
    return found


def changes(value: float) -> Iterator[tuple[str, float]]:
    """The changes that are tried on a weight."""
    if not isinstance(value, int):
        yield "off", 0.0
        yield f"-{STEP}", round(value - STEP, 3)
        yield f"+{STEP}", round(value + STEP, 3)
    elif value > LARGE:
        yield "half", value // 2
        yield "double", value * 2
    else:
        yield "-1", value - 1
        yield "+1", value + 1


@contextmanager
def changed(table: object, name: str, value: float) -> Iterator[None]:
    """A weight set to another value for a while, and what was computed from it forgotten."""
    before = getattr(table, name)
    object.__setattr__(table, name, value)  # frozen for everybody else
    try:
        _forget(table)
        yield
    finally:
        object.__setattr__(table, name, before)
        _forget(table)


def _forget(table: object) -> None:
    if table is lexicon.WEIGHTS:
        for made in vars(lexicon).values():
            if hasattr(made, "cache_clear") and made is not lexicon._tokenizer:
                made.cache_clear()


def main() -> None:
    """Change every weight of the chosen tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("tables", nargs="*", metavar="TABLE", help="en.people_weights, for one; all without one")
    options.add_argument("--texts", type=int, default=4, help="generated texts per template and kind of name")
    options.add_argument("--public", type=int, default=400, help="public texts about no one")
    chosen = options.parse_args()
    known = tables()
    if unknown := sorted(set(chosen.tables) - set(known)):
        options.error(f"no such table: {', '.join(unknown)} (there are: {', '.join(known)})")
    deidentifier = Deidentifier()
    sets = {language: corpora(language, chosen.texts, chosen.public) for language in ("en", "zh")}
    normal = {language: tallies(sets[language], deidentifier) for language in sets}
    for language, found in normal.items():
        for name, tally in found.items():
            print(
                f"{language}, {name}: {len(sets[language][name])} texts, {tally.recalled} recalled, {tally.wrong} wrong"
            )
    for title, table in known.items():
        if chosen.tables and title not in chosen.tables:
            continue
        print(f"\n{title}")
        languages = ("en", "zh") if title.startswith("shared") else (title[:2],)
        for weight in fields(table):
            value = getattr(table, weight.name)
            for label, other in changes(value):
                effects = []
                with changed(table, weight.name, other):
                    for language in languages:
                        for name, tally in tallies(sets[language], deidentifier).items():
                            if effect := tally.against(normal[language][name]):
                                effects.append(f"{name} {effect}")
                print(f"  {weight.name} {value:g} {label}: {'; '.join(effects) or 'no effect'}", flush=True)


if __name__ == "__main__":
    main()
