"""How gates answered, and how much of the data was used, in a few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.meta.model import TrainingMeta

if TYPE_CHECKING:
    from tasks.evaluation.evaluation import Evaluation

WORDS = {
    "failed": "failed",
    "not-judged": "could not be judged",
    "not-applicable": "not applicable (no champion yet)",
    "reported": "only reported (too few groups)",
}


def gates_in_words(outcomes: Sequence[str]) -> str:
    """From the outcome of each gate: "5 of 5 gates passed, 3 not applicable (no champion yet)".

    A gate that does not apply, or only reports, counts neither as passed nor as failed.
    """
    number = Counter(outcomes)
    text = f"{number['passed']} of {len(outcomes) - number['not-applicable'] - number['reported']} gates passed"
    return text + "".join(f", {number[outcome]} {words}" for outcome, words in WORDS.items() if number[outcome])


def records_in_words(training: TrainingMeta) -> str:
    """How much of the data a training used: "84 of 84 train and 18 of 18 validation records, none left out"."""
    used = " and ".join(
        f"{number:,} of {number + training.left_out.get(split, 0):,} {split}"
        for split, number in training.records.items()
    )
    out, cut = sum(training.left_out.values()), sum(training.cut.values())
    text = f"{used} records, "
    text += f"{out:,} left out (longer than {training.max_length:,} tokens)" if out else "none left out"
    return text + (f", {cut:,} cut to {training.max_length:,} tokens" if cut else "")


def judged_in_words(evaluation: Evaluation, test: int) -> str:
    """How much of a test split of `test` records was judged; nothing where it was all of it, in full."""
    text = f", judged on {evaluation.records:,} of {test:,} test records" if evaluation.records < test else ""
    return text + (f", {evaluation.cut:,} test records did not fit in full" if evaluation.cut else "")
