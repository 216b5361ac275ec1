"""What is done to a record that must not change the answer, to see what a model loses by it.

Each perturbation is a pure function of a text and a seed (`tasks.evaluation.draws`), the same on every machine. It
changes what a model reads, never what it should say. Placeholders of de-identification ("[NAME_1]") are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tasks.config.words import DATASET_TASKS, DatasetTask
from tasks.data.records import INPUT
from tasks.evaluation.draws import Draws
from tasks.evaluation.quantities import in_other_units, tokens_in_other_units
from tasks.evaluation.rewording import reworded, reworded_tokens

Row = Mapping[str, Any]
PerturbationName = Literal[
    "typing-noise",
    "lower-case",
    "upper-case",
    "full-width",
    "paraphrase",
    "shuffled-options",
    "truncated",
    "other-units",
]
SEED = 0
"""Of the perturbations that gates ask for. One for all: candidates of a year are asked the same."""

SHORTEST, EVERY = 5, 10
"""Letters of a word that may be misspelled, as a slip in a shorter one often makes another word; one of so many is."""
SPARED = frozenset({"cannot", "hardly", "neither", "never", "unless", "without"})
"""Negations, which say the opposite where they are not read."""
KEPT_SHARE, SHORTEST_TEXT = 0.8, 80
"""What is kept of a text of at least so many characters."""
LONGEST_JOIN = 8
"""Characters between two options of a list: "), B) ", " or "."""
_PLACEHOLDER = re.compile(r"(\[[A-Z]+_\d+\])")
_WORD = re.compile(r"(?<![\w-])[A-Za-z][a-z]{4,}(?![\w-])", re.ASCII)
_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_JOIN = re.compile(r"[^\w\n]*\n?[^\w\n]*(?:or|and|或|[A-Za-z1-9](?=[).:、]))?[^\w\n]*")


@dataclass(frozen=True)
class Perturbation:
    """One way in which texts differ that mean the same."""

    name: PerturbationName
    does: str
    why: str
    """Why the right answer is still the right one."""
    tasks: tuple[DatasetTask, ...]
    changes: Callable[[DatasetTask, Row, Draws], dict[str, Any]]
    """The columns that it changes, for a record of one of `tasks`."""

    def of(self, task: DatasetTask, row: Row, seed: int = SEED) -> dict[str, Any] | None:
        """The record as it is put to a model; None where this changes nothing about it.

        Args:
            task: what the record holds.
            row: the record.
            seed: with the text that the model reads, all that the result depends on.
        """
        read = row[INPUT[task]]
        text = read if isinstance(read, str) else "\x1e".join(read)
        changed = self.changes(task, row, Draws(self.name, str(seed), text))
        if all(row[name] == value for name, value in changed.items()):
            return None
        return {**row, **changed}


def perturbed_rows(name: str, task: DatasetTask, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of some records those that a perturbation changes, changed, in their order."""
    kind = PERTURBATIONS[name]
    return [changed for row in rows if (changed := kind.of(task, row)) is not None]


def _by_text(change: Callable[[str, Draws], str]) -> Callable[[DatasetTask, Row, Draws], dict[str, Any]]:
    """Of what a model reads: of a text, or of each token by itself."""

    def changes(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
        read = row[INPUT[task]]
        if isinstance(read, str):
            return {INPUT[task]: _outside(read, lambda part: change(part, draws))}
        return {INPUT[task]: [_outside(token, lambda part: change(part, draws)) for token in read]}

    return changes


def _outside(text: str, change: Callable[[str], str]) -> str:
    """A text changed outside its placeholders."""
    parts = _PLACEHOLDER.split(text)
    return "".join(part if place % 2 else change(part) for place, part in enumerate(parts))


def _with_slips(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
    """A slip in one word of `EVERY`, at least in one. A token is a word of its own."""
    read = row[INPUT[task]]
    texts = [read] if isinstance(read, str) else list(read)
    words = [(place, found.span()) for place, text in enumerate(texts) for found in _WORD.finditer(text)]
    words = [(place, span) for place, span in words if texts[place][slice(*span)].lower() not in SPARED]
    chosen = draws.shuffled(words)[: max(1, len(words) // EVERY)]
    for place, (start, end) in sorted(chosen, reverse=True):
        text = texts[place]
        texts[place] = text[:start] + slipped(text[start:end], draws) + text[end:]
    return {INPUT[task]: texts[0] if isinstance(read, str) else texts}


def slipped(word: str, draws: Draws) -> str:
    """A word of at least `SHORTEST` letters with two neighbours swapped, one doubled or one lost; the first and the
    last letter stay. No letter is replaced, which could turn one medical term into another (ileum, ilium)."""
    place = 1 + draws.below(len(word) - 3)
    kind = draws.below(3)
    if kind == 0 and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return word[:place] + word[place] * 2 + word[place + 1 :] if kind == 1 else word[:place] + word[place + 1 :]


def _paraphrased(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
    read = row[INPUT[task]]
    if isinstance(read, str):
        return {INPUT[task]: reworded(read, draws)}
    return {INPUT[task]: reworded_tokens(read, [tag == "O" for tag in row["tags"]])}


def _shuffled_options(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
    """The options that a question lists, in another order; whatever numbers them stays in place."""
    prompt, options = row["prompt"], list(row["choices"] or ())
    if len(options) < 2 or any(prompt.count(one) != 1 for one in options):
        return {}
    placed = sorted(options, key=prompt.index)
    ends = [prompt.index(one) + len(one) for one in placed]
    starts = [prompt.index(one) for one in placed]
    joins = [prompt[end:start] for end, start in zip(ends, starts[1:], strict=False)]
    if not all(len(join) <= LONGEST_JOIN and _JOIN.fullmatch(join) for join in joins):
        return {}
    order = draws.shuffled(placed)
    order = order if order != placed else [*placed[1:], placed[0]]
    listed = "".join(one + join for one, join in zip(order, [*joins, ""], strict=True))
    return {"prompt": prompt[: starts[0]] + listed + prompt[ends[-1] :], "choices": order}


def _beginning(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
    """The first four fifths of a text, back to the last white space if one is near."""
    text = row[INPUT[task]]
    if len(text) < SHORTEST_TEXT:
        return {}
    kept = text[: int(len(text) * KEPT_SHARE)]
    blank = max(kept.rfind(space) for space in " \n\t")
    return {INPUT[task]: (kept[:blank] if blank > len(kept) - 20 else kept).rstrip()}


def _other_units(task: DatasetTask, row: Row, draws: Draws) -> dict[str, Any]:
    read = row[INPUT[task]]
    return {INPUT[task]: in_other_units(read) if isinstance(read, str) else tokens_in_other_units(read)}


PERTURBATIONS: dict[str, Perturbation] = {
    one.name: one
    for one in (
        Perturbation(
            "typing-noise",
            f"In one word of {EVERY}, at least in one, two letters are swapped, one doubled or one lost. A word "
            f"has {SHORTEST} or more Latin letters, its ends stay. Numbers, negations and abbreviations do, too.",
            "A reader still knows the word.",
            DATASET_TASKS,
            _with_slips,
        ),
        Perturbation(
            "lower-case",
            "All letters are small.",
            "Medical texts are typed in haste; few abbreviations mean something else in small letters (US, us).",
            DATASET_TASKS,
            _by_text(lambda text, _: text.lower()),
        ),
        Perturbation(
            "upper-case",
            "All letters are capitals.",
            "Many hospital systems write so; few units mean something else in capitals (mM, MM).",
            DATASET_TASKS,
            _by_text(lambda text, _: text.upper()),
        ),
        Perturbation(
            "full-width",
            "Latin letters, digits and marks become their full-width forms (U+FF01 to U+FF5E).",
            "Unicode calls them the same characters (NFKC); Chinese and Japanese input methods write them.",
            DATASET_TASKS,
            _by_text(lambda text, _: text.translate(_WIDE)),
        ),
        Perturbation(
            "paraphrase",
            "A question gets another frame, and words that are not medical are exchanged, by a small table "
            "(tasks/evaluation/rewording.py); of tokens only such words outside entities.",
            "The table's pairs mean the same; what it does not hold is not reworded.",
            DATASET_TASKS,
            _paraphrased,
        ),
        Perturbation(
            "shuffled-options",
            "Options that a closed question lists are listed in another order.",
            "The answer is an option's text, not its number or place.",
            ("causal-lm",),
            _shuffled_options,
        ),
        Perturbation(
            "truncated",
            f"The last fifth of a text of {SHORTEST_TEXT} and more characters is missing.",
            "Mostly the rest still shows what the whole is about; not always, so some loss is to be expected. A "
            "question without its end is another one, and so are tags: only for labels.",
            ("text-classification",),
            _beginning,
        ),
        Perturbation(
            "other-units",
            "Quantities are written in another unit (5 mg, 5000 µg; 38 °C, 100.4 °F), exactly, in sentences in which "
            "every number is one.",
            "It is the same quantity.",
            DATASET_TASKS,
            _other_units,
        ),
    )
}
"""Every perturbation by name."""
