"""Labels in their normal form, mapped as the dataset says, and refused where several look like one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping

from tasks.data.named import Named
from tasks.data.normal import MAYBE_NO_LABEL, NO_LABEL, look_alike, normal_label
from tasks.errors import InputError

_TAG = re.compile("O|[BIESLUMW]-.+")
MOST_NAMES = 10_000
"""A column with more different values holds no labels: they are not looked at any more."""
SHOWN = 20


class LabelNames:
    """What a source calls a class, and what the records call it.

    Args:
        given: `labels` of the dataset: from a spelling in the source to a label. It is looked up in its normal form.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = {normal_label(spelling): normal_label(label) for spelling, label in given.items()}
        self._met: set[str] = set()
        self.named = Named((*self._given, *self._given.values()))
        self.counts: Counter[str] = Counter()
        """How often each label was met."""

    def of(self, spelling: str, group: str) -> str:
        """The label of a spelling in a row of a group; empty where there is nothing to see."""
        label = normal_label(spelling)
        if label in self._given:
            self._met.add(label)
            label = self._given[label]
        if label and (label in self.counts or len(self.counts) < MOST_NAMES):
            self.counts[label] += 1
            self.named.add(label, group)
        return label

    def target(self, spelling: str, group: str) -> str:
        """The label that a record is to get: `of`, but empty where a program wrote that there is none ("NaN")."""
        label = normal_label(spelling)
        return "" if label.casefold() in NO_LABEL and label not in self._given else self.of(label, group)

    def tag(self, spelling: str) -> str:
        """The tag of a spelling, where the map has one for the whole of it (`1: B-Disease`), else its normal form."""
        normal = normal_label(spelling)
        if _TAG.fullmatch(self._given.get(normal, "")):
            self._met.add(normal)
            return self._given[normal]
        return normal

    def never_met(self) -> list[str]:
        """Spellings of the dataset's map that the source does not hold."""
        return sorted(self._given.keys() - self._met)

    def in_doubt(self) -> int:
        """How many labels say "none" or "n/a" and the like: a class of its own, or a label that is missing."""
        meant = set(self._given.values())
        return sum(
            count for label, count in self.counts.items() if label.casefold() in MAYBE_NO_LABEL and label not in meant
        )

    def check(self, name: str) -> None:
        """Refuse labels that people take for one. A label that the map names as such is meant.

        Raises:
            InputError: naming those that may be named, with the map that would make them one.
        """
        if not are_names(self.counts):
            return
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for label in self.counts:
            alike[look_alike(label)].append(label)
        meant = set(self._given.values())
        several = [sorted(labels) for labels in alike.values() if len(labels) > 1 and not meant.issuperset(labels)]
        if not several:
            return
        told: list[str] = []
        renamed: list[str] = []
        for labels in sorted(several):
            best = max(labels, key=lambda label: (label in meant, self.counts[label]))
            told.append(" and ".join(f"{self.named.shown(label)} ({self.counts[label]:,})" for label in labels))
            renamed += [
                f"{self.named.shown(label)}: {self.named.shown(best)}"
                for label in labels
                if label != best and label not in meant
            ]
        raise InputError(
            "labels that differ only in case, width, a fraction of zero or what stands between words are not one class",
            value="; ".join(told[:SHOWN]) + (f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""),
            hint=f"if they are one, say so in params.yaml, datasets.{name}: labels: {{{', '.join(renamed[:SHOWN])}}}; "
            "if they are not, map each to itself",
        )


def are_names(counts: Mapping[str, int]) -> bool:
    """Whether values with these counts can be names of classes, and be shown: names come again and again.

    A column of notes, or of people, was taken for labels by mistake.
    """
    few = len(counts) <= SHOWN
    return few or (len(counts) < MOST_NAMES and 2 * len(counts) <= sum(counts.values()))
