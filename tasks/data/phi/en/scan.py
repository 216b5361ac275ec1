"""A row of words with what surrounds each, shared by the rules for English places and people."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tasks.data.phi.en import lexicon, words
from tasks.data.phi.en.tokens import INITIAL, LOWER, MIXED, TITLE, UPPER, Word, split
from tasks.data.phi.shared.spans import Cover, Kind
from tasks.data.phi.shared.word_lists import word_set

_ABBREVIATIONS = word_set("st dr mr mrs ms prof jr sr mt ft rev fr sra")
# Between an eponym and what it names none of these stands: "Grace tolerates the diet".
_NO_EPONYM = word_set(
    """
    who is was has had have with and in at on presented seen for the a an of to from by her his their she he they my our
    your takes tolerates denies reports said says told will can may should would does did not also then when because
    """
)
_CAPITALS = frozenset((TITLE, UPPER, INITIAL, MIXED))


@dataclass(frozen=True, slots=True)
class ScanWeights:
    """How far a row of capitals goes, and how far an eponym may be from what it names."""

    # Words of a row. No effect; at 5, "Maria Teresa Ana Lopez Garcia Fernandez" loses her last name.
    row: int = 8
    # Words from an eponym to what it names: "Wilson ileal disease" has two. -1: generated +1; +1: no effect.
    eponym_reach: int = 3
    # The same behind a possessive, which makes a person less likely: "Crohn's small bowel disease". No effect.
    owned_eponym_reach: int = 4


WEIGHTS = ScanWeights()


class Scan:
    """The words of one text, the gaps before them, and the characters that are already taken."""

    def __init__(self, text: str, cover: Cover, announced: Callable[[int], bool] | None = None) -> None:
        self.text = text
        self.announced = announced  # in a Chinese record: whether a Chinese word announces what begins at a character
        self.cover = cover
        self.words: list[Word] = split(text)
        ends = [0, *(word.end for word in self.words)]
        self.gaps = [text[end : word.start] for end, word in zip(ends, self.words, strict=False)]
        self.gaps.append(text[ends[-1] :])
        self.titles = [index for index, word in enumerate(self.words) if word.shape == TITLE]
        self.lows = [word.low for word in self.words]
        self._known = frozenset(self.lows)
        self.small = text.islower()  # no capital in it: none of its words says that it is no name
        self._lower: frozenset[str] | None = None
        self._records: list[int] | None = None

    def low(self, index: int) -> str:
        """The word at an index in lower case, or nothing beyond the ends."""
        return self.lows[index] if 0 <= index < len(self.lows) else ""

    def holds(self, words: Iterable[str]) -> bool:
        """Whether one of these words stands anywhere in the text, which saves rules their way along it."""
        return not self._known.isdisjoint(words)

    def lower_words(self) -> frozenset[str]:
        """The words that the text writes in lower case."""
        if self._lower is None:
            self._lower = frozenset(word.low for word in self.words if word.shape == LOWER)
        return self._lower

    def record_behind(self, end: int) -> int:
        """Where the first record number at or behind a character begins; the length of the text when there is none."""
        if self._records is None:  # they are found before any word is looked at
            self._records = sorted(span.start for span in self.cover.spans if span.kind == "ID")
        index = bisect_left(self._records, end)
        return self._records[index] if index < len(self._records) else len(self.text)

    def capital(self, index: int) -> bool:
        """Whether the word at an index exists and begins with a capital letter."""
        return 0 <= index < len(self.words) and self.words[index].shape in _CAPITALS

    def free(self, first: int, last: int) -> bool:
        """Whether the words first..last-1 are not taken."""
        return self.cover.free(self.words[first].start, self.words[last - 1].end)

    def take(self, first: int, last: int, kind: Kind) -> bool:
        """Take the words first..last-1, with the full stop of a closing initial unless a sentence ends there."""
        end = self.words[last - 1].end
        if kind == "NAME" and self.words[last - 1].possessive:
            end -= 2  # "[NAME_1]'s mother"
        if self.words[last - 1].shape == INITIAL and self.gaps[last].startswith("."):
            after = self.gaps[last][1:]
            if not after or not after[0].isspace() or (last < len(self.words) and not self.capital(last)):
                end += bool(after)
        return self.cover.add(self.words[first].start, end, kind)

    def joined(self, index: int) -> bool:
        """Whether the word at an index continues the name that the word before it belongs to."""
        gap = self.gaps[index]
        if gap in (" ", "  ", "\u00a0"):
            return True
        before = self.words[index - 1]
        if gap in (". ", ".", ".-"):
            if before.low in _ABBREVIATIONS and (before.shape == TITLE or before.low == "st"):
                return True
            # "J. Smith" goes on; "John D. He was seen" does not.
            return before.shape == INITIAL and self.low(index) not in lexicon.words()
        return False

    def run_end(self, first: int, limit: int | None = None) -> int:
        """The end of the row of capitalised words, particles included, that begins at an index."""
        limit = limit or WEIGHTS.row
        last = first + 1
        while last < len(self.words) and last - first < limit and self.joined(last):
            if self.capital(last):
                last += 1
            elif self.low(last) in words.PARTICLES:
                ahead = last + 1
                if self.low(ahead) in words.PARTICLES and ahead < len(self.words) and self.joined(ahead):
                    ahead += 1
                if not (self.capital(ahead) and self.joined(ahead)):
                    break
                last = ahead + 1
            else:
                break
        return last

    def opens_sentence(self, index: int) -> bool:
        """Whether the word at an index is the first of the text, a line or a sentence."""
        gap = self.gaps[index]
        return index == 0 or "\n" in gap or any(mark in gap for mark in ".?!:;•")

    def medical(self, last: int) -> bool:
        """Whether the words that end before `last` are an eponym: "Crohn's disease", "Wilson ileal disease"."""
        heads = words.MEDICAL_HEADS
        reach = WEIGHTS.owned_eponym_reach if self.words[last - 1].possessive else WEIGHTS.eponym_reach
        for index in range(last, min(last + reach, len(self.words))):
            gap = self.gaps[index]
            if gap.strip(" -'’\u2013") and not (gap.strip() == "(" and index == last):
                return False
            low = self.words[index].low
            if low in heads or low.rpartition("-")[2] in heads:
                return True
            if low in _NO_EPONYM:
                return False
        return False
