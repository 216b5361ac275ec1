"""Chinese word lists, each made once, when first needed: a segmenter on jieba's dictionary, surnames, given names."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from math import log
from typing import Any

from tasks.data.phi.shared.word_lists import read_lines
from tasks.data.phi.zh import name_characters, places_words
from tasks.home import CHECKOUT

READS = ("tasks/data/phi/zh/lists/cities.txt",)
_CITIES = CHECKOUT / READS[0]
_SHORT, _FULL = 2, 3  # characters of a name: 王芳, 王晓明
GIVEN_LENGTHS = (2, 1)
"""Characters of a given name, the longer tried first."""


@dataclass(frozen=True, slots=True)
class LexiconWeights:
    """How often something is used in jieba's dictionary, and how long its entries are.

    Effects: see en/people_weights.py. Here the gold set has 291 values, the generated texts have 2,849, and "public"
    means 400 texts of toyhom_zh.
    """

    # Uses of all words that a surname begins; with fewer, a name is likely where it stands. Double: public 1 wrong.
    sure_uses: int = 60
    # Full names that hold a character, from which it is one of given names. -1: generated +1; +1: generated -1.
    given_uses: int = 2
    # Full names from which it is a usual one. Half: gold -1, public 1 wrong; double: gold -2, generated -3.
    usual_given_uses: int = 25
    # Uses of a word below which it may be a name. Half: generated -1; double: generated +1, but public 3 wrong.
    rare_uses: int = 400
    # Characters of a person in the dictionary. -1: generated -1; +1: generated +1, but public 1 wrong.
    longest_name: int = 4
    # Characters of a word that is compared with a possible name; names are no longer. No effect.
    longest_word: int = 4


WEIGHTS = LexiconWeights()


def _faster(tokenizer: Any) -> Any:
    """jieba's tokenizer class, the likeliest way through a sentence found in one pass instead of two."""

    class Faster(tokenizer):  # type: ignore[misc]  # jieba has no types
        def get_DAG(self, sentence: str) -> None:  # noqa: N802  # jieba's name
            """Nothing: `calc` looks words up as it goes."""

        def calc(self, sentence: str, _: None, route: dict[int, tuple[float, int]]) -> None:
            """Fill in where the word that begins at each character ends; of equally likely ones the longest wins."""
            uses, total, size = self.FREQ, log(self.total), len(sentence)
            route[size] = (0.0, 0)
            for start in range(size - 1, -1, -1):
                best, last, end = None, start, start + 1
                count = uses.get(sentence[start])
                while count is not None:
                    if count:
                        likely = log(count) - total + route[end][0]
                        if best is None or likely >= best:
                            best, last = likely, end - 1
                    end += 1
                    count = uses.get(sentence[start:end]) if end <= size else None
                route[start] = (route[start + 1][0] - total if best is None else best, last)

    return Faster


@cache
def _tokenizer() -> Any:
    """jieba's tokenizer, its dictionary read directly: its own start would leave a cache file in a shared folder."""
    import jieba

    tokenizer = _faster(jieba.Tokenizer)()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    for word in (*places_words.FACILITIES, "妇幼保健院"):
        tokenizer.add_word(word)
    return tokenizer


def cut(text: str) -> list[str]:
    """The words of a text; joined, they are the text."""
    return list(_tokenizer().cut(text, HMM=False))


@cache
def surnames() -> frozenset[str]:
    """Surnames of one character, simplified and traditional."""
    from faker.providers.person.zh_CN import Provider

    return (
        frozenset(name for name in Provider.last_names if len(name) == 1) - name_characters.NOT_SURNAMES
        | name_characters.TRADITIONAL_SURNAMES
        | name_characters.HUNDRED_SURNAMES
    )


def surname_length(word: str) -> int:
    """How many characters of a word's beginning are a surname."""
    if word[:2] in name_characters.COMPOUND_SURNAMES:
        return 2
    return int(word[:1] in surnames())


def may_be_given(characters: str) -> bool:
    """Whether characters are Chinese and none of those that names avoid."""
    avoided = name_characters.NOT_GIVEN - name_characters.MODERN_GIVEN
    return all("\u3400" <= character <= "\u9fff" and character not in avoided for character in characters)


@cache
def plain_surnames() -> frozenset[str]:
    """Surnames that are hardly ever a word of their own."""
    return surnames() - name_characters.WORD_SURNAMES


@cache
def sure_surnames() -> frozenset[str]:
    """Surnames that begin hardly any word: where one stands, a name is likely to begin."""
    uses: Counter[str] = Counter()
    for word, count in _tokenizer().FREQ.items():
        if len(word) > 1 and count and word not in _tagged_names():
            uses[word[0]] += count
    return frozenset(surname for surname in plain_surnames() - set("姜窦") if uses[surname] < WEIGHTS.sure_uses)


@cache
def surname_starts() -> re.Pattern[str]:
    """The first characters of sure surnames and of those of two characters."""
    return re.compile(f"[{''.join(sure_surnames())}{''.join(name[0] for name in name_characters.COMPOUND_SURNAMES)}]")


@cache
def _tagged_names() -> frozenset[str]:
    """The persons of jieba's dictionary: surname and one or two characters more."""
    names: set[str] = set()
    with _tokenizer().get_dict_file() as lines:
        for line in lines:
            word, _, tag = line.decode("utf-8").split()
            if (
                tag in ("nr", "nrfg")
                and _SHORT <= len(word) <= WEIGHTS.longest_name
                and (word[0] in surnames() or word[:2] in name_characters.COMPOUND_SURNAMES)
            ):
                names.add(word)
    return frozenset(names)


@cache
def _person_words() -> frozenset[str]:
    with _tokenizer().get_dict_file() as lines:
        rows = (line.decode("utf-8").split() for line in lines)
        return frozenset(word for word, _, tag in rows if tag == "nr" and len(word) == _SHORT)


@cache
def full_names() -> frozenset[str]:
    """The persons of jieba's dictionary of three characters, the given name of usual ones."""
    return frozenset(
        name for name in _tagged_names() if len(name) == _FULL and set(name[1:]) <= usual_given_characters()
    )


@cache
def short_names() -> frozenset[str]:
    """The persons of jieba's dictionary of two characters; many are words as well."""
    return frozenset(name for name in _tagged_names() if len(name) == _SHORT)


@cache
def given_characters() -> frozenset[str]:
    """Characters that stand in given names."""
    from faker.providers.person.zh_CN import Provider

    counts = Counter(character for name in _tagged_names() if len(name) == _FULL for character in name[1:])
    listed = {character for name in Provider.first_names for character in name}
    return (
        frozenset(
            {character for character, count in counts.items() if count >= WEIGHTS.given_uses}
            | listed
            | name_characters.MODERN_GIVEN
        )
        - name_characters.NOT_GIVEN
    )


@cache
def usual_given_characters() -> frozenset[str]:
    """Characters that stand in many given names."""
    counts = Counter(character for name in _tagged_names() if len(name) == _FULL for character in name[1:])
    return (
        frozenset(character for character, count in counts.items() if count >= WEIGHTS.usual_given_uses)
        - name_characters.NOT_GIVEN
    )


@cache
def is_word() -> frozenset[str]:
    """Words of jieba's dictionary of two to four characters that are no person's name."""
    return (
        frozenset(
            word
            for word, count in _tokenizer().FREQ.items()
            if count > 0 and _SHORT <= len(word) <= WEIGHTS.longest_word
        )
        - _tagged_names()
    )


def can_be_given(word: str) -> bool:
    """Whether two characters are a given name rather than a word: rare, or a person's name in jieba's dictionary."""
    return rare(word) or word in _person_words()


def rare(word: str) -> bool:
    """Whether a word is hardly ever read, so that before "医院" it is a name."""
    return bool(_tokenizer().FREQ.get(word, 0) < WEIGHTS.rare_uses)


@cache
def towns() -> frozenset[str]:
    """Provinces, cities and districts of China."""
    from faker.providers.address.zh_CN import Provider

    return (
        read_lines(_CITIES)
        | frozenset(Provider.provinces)
        | frozenset(city for city in Provider.cities if len(city) > 1)
    )
