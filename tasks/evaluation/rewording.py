"""Texts in other words, by a small table: another frame around a question, and other words that are not medical.

It reaches as far as the table does: it moves no clause and knows no grammar. None of its frames is among the templates
by which training data may be augmented (data/lexicons/paraphrases.json), so a model has not learned them there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.evaluation.draws import Draws

FRAMES = {
    "en": ("There is one thing that I do not understand. {Q}", "One more question. {Q}", "Tell me, please: {q}"),
    "zh": ("想问问，{Q}", "有一点不明白，{Q}", "能告诉我吗？{Q}"),
}
"""Around any question. {q}: with a small first letter where it begins with a question word."""
INDIRECT = ("Could you say what {X} {is}?", "I would like to hear what {X} {is}.")
"""For "What is X?": the same question, asked indirectly."""

WORDS = {
    "advice": "guidance",
    "although": "though",
    "currently": "presently",
    "happen": "occur",
    "happens": "occurs",
    "hence": "therefore",
    "however": "nevertheless",
    "mainly": "mostly",
    "often": "frequently",
    "people": "individuals",
    "perhaps": "maybe",
    "quickly": "rapidly",
    "seems": "appears",
    "sometimes": "occasionally",
    "suddenly": "abruptly",
    "therefore": "hence",
    "usually": "generally",
}
"""Words and what is said instead: one for one, none of them medical, and no negation or number."""
WORDS_ZH = {
    "为什么": "为何",
    "突然": "忽然",
    "非常": "十分",
    "因为": "由于",
    "但是": "不过",
    "经常": "常常",
    "应该": "应当",
}

LONGEST_SUBJECT = 80  # characters: more is no name but half a sentence
_WHAT_IS = re.compile(
    r"What (is \(are\)|is|are|was|were) (?!\w+(?:ed|ing)\b|(?:done|known|meant|made|given|seen)\b|\()([^?.;!]+?)\s*\?"
)
_ASKS = re.compile(
    r"(What|Which|Who|Whom|Whose|When|Where|Why|How|Is|Are|Do|Does|Did|Can|Could|Should|Will)\b[^\n]*\?\s*"
)
_ASKS_ZH = re.compile(r"[^\n]*[\u3400-\u9fff][^\n]*[?？]\s*")
_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(WORDS)})(?![\w-])", re.IGNORECASE | re.ASCII)
_WORD_ZH = re.compile("|".join(WORDS_ZH))


def reworded(text: str, draws: Draws) -> str:
    """A text in other words: its question framed otherwise, if its first line asks one, and words of the table."""
    first, line_end, rest = text.partition("\n")
    return _asked(other_words(first), draws) + line_end + other_words(rest)


def other_words(text: str) -> str:
    """A text with all words of the table exchanged."""
    changed = _WORD.sub(lambda found: _cased(WORDS[found[0].lower()], found[0]), text)
    return _WORD_ZH.sub(lambda found: WORDS_ZH[found[0]], changed)


def reworded_tokens(tokens: Sequence[str], free: Sequence[bool]) -> list[str]:
    """Tokens with words of the table exchanged where they are `free`: of no entity."""
    return [
        other_words(token) if open_ and (_WORD.fullmatch(token) or token in WORDS_ZH) else token
        for token, open_ in zip(tokens, free, strict=True)
    ]


def _asked(question: str, draws: Draws) -> str:
    found = _WHAT_IS.fullmatch(question.strip())
    if found and len(found[2]) <= LONGEST_SUBJECT:
        return draws.chosen(INDIRECT).replace("{X}", found[2]).replace("{is}", found[1])
    language = "en" if _ASKS.fullmatch(question) else "zh" if _ASKS_ZH.fullmatch(question) else None
    if language is None:
        return question
    inside = question[0].lower() + question[1:]
    return draws.chosen(FRAMES[language]).replace("{Q}", question).replace("{q}", inside)


def _cased(new: str, old: str) -> str:
    if old.isupper() and len(old) > 1:
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new
