"""Whether two alike question-answer pairs are about different things."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache

from tasks.data.compared_text import Text, tokens
from tasks.home import CHECKOUT

READS = ("data/lexicons/question_words.json",)
QUESTION_WORDS = CHECKOUT / READS[0]


def another_subject(one: Text, other: Text) -> bool:
    """Whether two similar question-answer pairs are about different things, such as two diseases in one template.

    Words that any question is made of (`data/lexicons/question_words.json`) aside, so it is when
    - the question of either has a word that comes back in its own answer, and that the other pair does not contain at
      all: the name of the disease, or the 1 of "type 1 diabetes";
    - or the questions of both have a word (no number) that the other pair does not contain: many diseases share one
      answer ("It is inherited in an autosomal recessive pattern. ...").
    A question put in quite other words before the same answer is therefore taken to be another question. Texts without
    an answer have no subject of their own.
    """
    if not (one.answer and other.answer):
        return False
    mine, theirs = _words(one), _words(other)
    return another_name(one, other) or not (mine.asked <= theirs.every or theirs.asked <= mine.every)


def another_name(one: Text, other: Text) -> bool:
    """Whether the question of either pair has a word that comes back in its own answer, and that the other pair does
    not contain at all. The first half of `another_subject`: a question in quite other words can be the same question.
    """
    if not (one.answer and other.answer):
        return False
    mine, theirs = _words(one), _words(other)
    return not mine.repeated <= theirs.every or not theirs.repeated <= mine.every


@dataclass(frozen=True)
class _Words:
    every: frozenset[str]
    asked: frozenset[str]
    repeated: frozenset[str]


@lru_cache(maxsize=4096)
def _words(text: Text) -> _Words:
    prompt, answer = (frozenset(tokens(part)) for part in text)
    topics = prompt - _question_words()
    asked = frozenset(word for word in topics if not word.isdigit())
    return _Words(prompt | answer, asked, topics & answer)


@cache
def _question_words() -> frozenset[str]:
    plain = json.loads(QUESTION_WORDS.read_text("utf-8"))
    return frozenset(word for language in ("en", "zh") for line in plain[language] for word in tokens(line))
