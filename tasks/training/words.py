"""How a text becomes words as those of a dataset: learned from its train split, kept as one regular expression.

Records hold tokens, and the text that they were cut from is not kept. It is written again (`written`): by the rules of
typography a comma stands at the word before it, and Chinese or Thai has no blanks. What is learned is a pattern that
cuts such texts into the same tokens: which marks join letters (`COVID-19`) or digits (`3.5`), which stay at the end
(`CD4+`) or at the beginning (`'s`) of a word, which tokens are as they are (`e.g.`), and the words of scripts
without blanks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tasks.data.version import DatasetVersion
from tasks.meta.model import WordsMeta
from tasks.model_text import WORD_OR_MARK, Span, word_spans

LOOKED_AT = 20_000
"""Records of the train split that the pattern is learned from: the first ones."""
DENSE = (
    r"\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Myanmar, Khmer
    r"\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    r"\U00020000-\U0003134f"  # kana, bopomofo, ideographs
)
"""Scripts that put no blank between words, as ranges of a character class."""
JOINING = (
    r"\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    r"\u06d6-\u06dc\u06df-\u06e4\u0900-\u0963\u0971-\u0dff\u1ab0-\u1aff\u1dc0-\u1dff\u200c\u200d\u20d0-\u20f0"
)
"""Accents, vowel signs and joiners, which are part of the letter before them, as ranges of a character class."""
LETTER = rf"(?:[^\W{DENSE}]|[{JOINING}])"
_MARK = re.compile(rf"[^\w\s{JOINING}{DENSE}]")
_IS_LETTER, _IS_DENSE = re.compile(rf"{LETTER}\Z"), re.compile(rf"[{DENSE}]\Z")
_ALIKE = {"'": "\u2019\u02bc", "\u2019": "'\u02bc", "-": "\u2010\u2011"}  # the same mark in other fonts
_AT_WORD_BEFORE = frozenset(",.;:!?)]}%\u2019\u201d\u2026\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f\uff09\u300b\u300d")
_AT_WORD_AFTER = frozenset("([{\u201c\u2018\u00a3\u20ac$\uff08\u300a\u300c")
_BETWEEN = frozenset("-/'\u2019\u2010\u2011")
_CLITIC = re.compile(r"(?:['\u2019]\w{1,2}|n['\u2019]t)\Z", re.IGNORECASE)
_NEGATED = r"n['\u2019]t"
_SINGLE = 0.95  # of the tokens are single characters where text is cut into characters
_LITERALS, _WORDS = 500, 50_000


Written = tuple[str, list[Span]]
"""A text, and where its tokens are."""


def written(texts: Sequence[Sequence[str]]) -> list[Written]:
    """The texts that the tokens of a split's records were cut from, as people write them."""
    characters = in_characters(texts)
    return [_written(tokens, characters) for tokens in texts]


def _written(tokens: Sequence[str], characters: bool) -> Written:
    """One text; `characters`: each token is one character of a script without blanks, and nothing stands between."""
    text, spans, quoted = "", [], False
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else ""
        after = tokens[place + 1] if place + 1 < len(tokens) else ""
        closing = token == '"' and quoted
        opened = before == '"' and quoted
        quoted ^= token == '"'
        if place and not (characters or closing or opened or _together(before, token, after, tokens, place)):
            text += " "
        spans.append((len(text), len(text) + len(token)))
        text += token
    return text, spans


def in_characters(texts: Iterable[Sequence[str]]) -> bool:
    """Whether a dataset's tokens are the characters of a script without blanks."""
    sizes: Counter[str] = Counter()
    for tokens in texts:
        sizes["tokens"] += len(tokens)
        sizes["single"] += sum(len(token) == 1 for token in tokens)
        sizes["dense"] += sum(bool(_IS_DENSE.match(token[:1])) for token in tokens)
    return sizes["dense"] > sizes["tokens"] / 3 and sizes["single"] >= _SINGLE * sizes["tokens"]


def learned_words(dataset: DatasetVersion) -> WordsMeta:
    """How the texts of a dataset of tokens and tags become words."""
    return _learned_from(dataset.artifact.file("train.parquet"), dataset.split_digest("train"))


@lru_cache(maxsize=4)
def _learned_from(file: Path, _digest: str) -> WordsMeta:
    """Of a train split; asked again for every evaluation of a base, and it takes seconds."""
    import pyarrow.parquet as pq

    return learned(pq.read_table(file, columns=["tokens"])["tokens"].slice(0, LOOKED_AT).to_pylist())


def learned(texts: Sequence[Sequence[str]]) -> WordsMeta:
    """The pattern under which the most tokens are found again in their written texts.

    Args:
        texts: the tokens of each record of a train split.
    """
    spelled = written(texts)
    if in_characters(texts):
        return _best([r"\S"], spelled)
    habits = _Habits()
    for text, spans in spelled:
        habits.learn(text, spans)
    plain = [habits.pattern(), habits.pattern(strict=True)]
    literals = [_literals(habits, spelled, strict) for strict in (False, True)]
    full = [habits.pattern(literals[strict], strict=strict) for strict in (False, True)]
    return _best([*full, *plain, WORD_OR_MARK, r"\S+"], spelled)


def found_again(pattern: str | None, spelled: Iterable[Written]) -> float:
    """The share of tokens that a pattern finds again as words of their written texts; 1 where there are none."""
    right = total = 0
    for text, spans in spelled:
        right += len(set(spans).intersection(word_spans(text, pattern)))
        total += len(spans)
    return right / total if total else 1.0


def _best(patterns: Iterable[str], spelled: Sequence[Written]) -> WordsMeta:
    """The first of the patterns that no other one beats."""
    shares = {one: found_again(one, spelled) for one in dict.fromkeys(patterns)}
    best = max(shares, key=lambda one: shares[one])
    return WordsMeta(pattern=best, found_again=round(shares[best], 6))


def _together(before: str, token: str, after: str, tokens: Sequence[str], place: int) -> bool:
    """Whether no blank stands before a token."""
    left, right = before[-1:], token[:1]
    if _IS_DENSE.match(left) or _IS_DENSE.match(right):
        return True
    if token in _AT_WORD_BEFORE or before in _AT_WORD_AFTER or _CLITIC.match(token):
        return True
    if token in _BETWEEN and after:
        return _is_word(left) and _is_word(after[:1])
    if before in _BETWEEN and place > 1:
        return _is_word(tokens[place - 2][-1:]) and _is_word(right)
    return before in (".", ":", "\u2013") and place > 1 and tokens[place - 2][-1:].isdigit() and right.isdigit()


def _is_word(character: str) -> bool:
    return bool(_IS_LETTER.match(character) or _IS_DENSE.match(character))


@dataclass
class _Habits:
    """How often each mark was met in each place as part of a word (True), or as a token apart (False)."""

    inside: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Between letters."""
    in_number: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Between digits."""
    at_end: Counter[tuple[str, bool]] = field(default_factory=Counter)
    at_start: Counter[tuple[str, bool]] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    negated: bool = False
    """`does n't` is two tokens."""

    def learn(self, text: str, spans: Sequence[Span]) -> None:
        """Count the tokens and marks of one record."""
        self.tokens.update(text[start:end] for start, end in spans)
        self.negated = bool(self.negated or self.tokens["n't"] or self.tokens["n\u2019t"])
        starts, ends = {start for start, _ in spans}, {end for _, end in spans}
        for found in _MARK.finditer(text):
            place, mark = found.start(), found.group()
            left, right = text[place - 1 : place] if place else "", text[place + 1 : place + 2]
            before, after = place not in starts, place + 1 not in ends  # in one token with it
            if _letter(left) and _letter(right):
                where = self.in_number if left.isdigit() and right.isdigit() else self.inside
                where[mark, before and after] += 1
                if before != after:
                    (self.at_end if before else self.at_start)[mark, True] += 1
            elif _letter(left):
                self.at_end[mark, before] += 1
            elif _letter(right):
                self.at_start[mark, after] += 1

    def pattern(self, literals: Sequence[str] = (), *, strict: bool = False) -> str:
        """As a regular expression.

        Args:
            literals: tokens to be found as they are.
            strict: at the ends of words only marks that always belong there (not the full stop of `e.g.`).
        """
        anywhere = _usual(self.inside)
        numbers = _usual(self.in_number) if self.in_number else anywhere
        joins = [f"[{_class(anywhere & numbers)}]"] if anywhere & numbers else []
        if letters := anywhere - numbers:
            joins += [rf"(?<!\d)[{_class(letters)}]", rf"[{_class(letters)}](?!\d)"]
        if digits := numbers - anywhere:
            joins.append(rf"(?<=\d)[{_class(digits)}](?=\d)")
        word = f"{LETTER}+"
        if joins:
            word += f"(?:(?:{'|'.join(joins)}){LETTER}+)*"
        if start := _usual(self.at_start, strict=strict):
            word = f"[{_class(start)}]*{word}"
        if end := _usual(self.at_end, strict=strict):
            word += f"[{_class(end)}]*"
        parts = [rf"{LETTER}+(?={_NEGATED}(?!\w))", rf"{_NEGATED}(?!\w)"] if self.negated else []
        if own := [one for one in literals if _is_word(one[0]) and not _letter(one[0])]:
            parts.append(_tree(own))
        if own := [one for one in literals if _letter(one[0])]:
            parts.append(rf"(?<![^\W{DENSE}])(?:{_tree(own)})(?!{LETTER})")
        if own := [one for one in literals if not _is_word(one[0])]:
            parts.append(_tree(own))
        return "|".join([*parts, word, rf"[{DENSE}][{JOINING}]*", r"\S"])


def _letter(character: str) -> bool:
    return bool(character and _IS_LETTER.match(character))


def _usual(counts: Counter[tuple[str, bool]], *, strict: bool = False) -> set[str]:
    """The marks that are part of a word more often than not (strict: always), with those that look like them and were
    never met."""
    met = {mark for mark, _ in counts}
    usual = {mark for mark in met if counts[mark, True] > (0 if strict else counts[mark, False])}
    usual -= {mark for mark in met if strict and counts[mark, False]}
    return usual | {other for mark in usual for other in _ALIKE.get(mark, "") if other not in met}


def _class(marks: Iterable[str]) -> str:
    return "".join(re.escape(mark) for mark in sorted(marks))


def _literals(habits: _Habits, spelled: Sequence[Written], strict: bool) -> list[str]:
    """Tokens that the pattern cuts otherwise, and that are right more often than wrong where they are found as such."""
    plain = habits.pattern(strict=strict)
    common = [token for token, count in habits.tokens.most_common() if count > 1 < len(token)]
    cut = [token for token in common if word_spans(token, plain) != [(0, len(token))] and not re.search(r"\s", token)]
    proposed = [token for token in cut if _IS_DENSE.match(token)][:_WORDS]
    proposed += [token for token in cut if not _IS_DENSE.match(token)][:_LITERALS]
    if not proposed:
        return []
    pattern, known = habits.pattern(proposed, strict=strict), set(proposed)
    right: Counter[str] = Counter()
    for text, spans in spelled:
        meant = set(spans)
        for start, end in word_spans(text, pattern):
            if text[start:end] in known:
                right[text[start:end]] += 1 if (start, end) in meant else -1
    return [token for token in proposed if right[token] > 0]


def _tree(words: Iterable[str]) -> str:
    """A pattern that finds the longest of some words: one branch per first character, so that it stays fast."""
    branches: dict[str, list[str]] = {}
    whole = False
    for word in words:
        if word:
            branches.setdefault(word[0], []).append(word[1:])
        else:
            whole = True
    if not branches:
        return ""
    parts = [re.escape(first) + _tree(rest) for first, rest in sorted(branches.items())]
    inner = parts[0] if len(parts) == 1 and not whole else f"(?:{'|'.join(parts)})"
    return f"(?:{inner})?" if whole else inner
