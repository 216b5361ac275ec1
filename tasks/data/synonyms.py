"""Medical names exchanged for other names of the same thing: `data/lexicons/medical_synonyms.json`.

Only what a model reads is changed. Answers stay as their authors wrote them: a record may well ask about high blood
pressure and answer about hypertension, which is what it is to teach.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.config.words import DatasetTask
from tasks.data.records import INPUT
from tasks.data.tagging import Grammar
from tasks.home import CHECKOUT

READS = ("data/lexicons/medical_synonyms.json",)
LEXICON = CHECKOUT / READS[0]
_WORD = re.compile(r"[^\W_]+")
_VOWEL_SOUND = re.compile(r"[aeio]|u(?!ni|ri|ter)|[AEFHILMNORSX](?=[A-Z])|hour|honest", re.ASCII)


@dataclass(frozen=True)
class _Entry:
    names: tuple[str, ...]
    short: tuple[str, ...]
    not_after: frozenset[str]
    not_before: frozenset[str]


class Synonyms:
    """Exchanges one medical name of a record, wherever its input holds it, for another name of the same thing."""

    def __init__(self, task: DatasetTask, grammar: Grammar | None = None, path: Path = LEXICON) -> None:
        """Read the lexicon.

        Args:
            task: which column is the input.
            grammar: of the tags, for token-classification.
            path: the lexicon.
        """
        self._task, self._grammar = task, grammar
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        plain = json.loads(path.read_text("utf-8"))
        for language in ("en", "zh"):
            known: dict[str, _Entry] = {}
            for one in plain[language]:
                names = tuple(one["names"])
                limits = (frozenset(one.get(key, ())) for key in ("not_after", "not_before"))
                known |= dict.fromkeys(map(str.lower, names), _Entry(names, tuple(one.get("short", ())), *limits))
            self._entries[language] = known
            longest_first = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
            edge = r"(?<![\w-])(?:{})(?![\w-])" if language == "en" else r"(?:{})(?![症型性])"
            self._patterns[language] = re.compile(edge.format(longest_first), re.IGNORECASE)

    def child(self, record: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
        """The changed columns; None where the input holds no name of the lexicon."""
        if record["language"] not in self._entries:
            return None
        if self._task == "token-classification":
            return self._tagged(record, rng)
        text = record[INPUT[self._task]]
        found = self._found(text, record["language"])
        if not found:
            return None
        entry, name, new = self._choice(found, record["language"], rng)
        for match in reversed(found):
            if match[0].lower() == name:
                text = _replaced(
                    text, match.start(), match.end(), _in_case_of(match[0], new, entry, match.start() == 0)
                )
        return {INPUT[self._task]: text}

    def _found(self, text: str, language: str) -> list[re.Match[str]]:
        """Where names of the lexicon stand in a text. An author who uses two names for one thing ("magnetic resonance
        imaging (MRI)") explains one by the other: such a thing is left alone."""
        found = [match for match in self._patterns[language].finditer(text) if self._fits(match, text, language)]
        used: dict[_Entry, set[str]] = {}
        for match in found:
            used.setdefault(self._entries[language][match[0].lower()], set()).add(match[0].lower())
        words = set(_WORD.findall(text))
        explained = {entry for entry, names in used.items() if len(names) > 1 or words.intersection(entry.short)}
        return [match for match in found if self._entries[language][match[0].lower()] not in explained]

    def _fits(self, match: re.Match[str], text: str, language: str) -> bool:
        entry = self._entries[language][match[0].lower()]
        spelled = next(name for name in entry.names if name.lower() == match[0].lower())
        before = re.findall(r"\w+", text[: match.start()][-40:].lower())[-1:]
        after = re.findall(r"\w+", text[match.end() :][:40].lower())[:1]
        return (
            all(letter == own for letter, own in zip(match[0][1:], spelled[1:], strict=True) if own.isupper())
            and entry.not_after.isdisjoint(before)
            and entry.not_before.isdisjoint(after)
        )

    def _choice(self, found: list[re.Match[str]], language: str, rng: random.Random) -> tuple[_Entry, str, str]:
        """The entry, which of its names to replace, and by what."""
        name = rng.choice(sorted({match[0].lower() for match in found}))
        entry = self._entries[language][name]
        return entry, name, rng.choice([other for other in entry.names + entry.short if other.lower() != name])

    def _tagged(self, record: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
        """The same for tokens, which keep one tag each: a name of two tokens may become one of three."""
        tokens, tags, language = list(record["tokens"]), list(record["tags"]), record["language"]
        characters = language == "zh" and all(len(token) == 1 for token in tokens)
        glue = "" if language == "zh" else " "
        text = glue.join(tokens)
        begins, ends, place = {}, {}, 0
        for number, token in enumerate(tokens):
            begins[place], ends[place + len(token)] = number, number + 1
            place += len(token) + len(glue)
        found = [match for match in self._found(text, language) if match.start() in begins and match.end() in ends]
        if not found:
            return None
        entry, name, new = self._choice(found, language, rng)
        changed = False
        for match in reversed(found):
            first, end = begins[match.start()], ends[match.end()]
            if match[0].lower() != name:
                continue
            fresh = _in_case_of(match[0], new, entry, match.start() == 0)
            words = list(fresh) if characters else [fresh] if language == "zh" else fresh.split()
            retagged = self._grammar.retag(tags[first:end], len(words)) if self._grammar else None
            if retagged is not None:
                tokens[first:end], tags[first:end], changed = words, retagged, True
        return {"tokens": tokens, "tags": tags} if changed else None


def _in_case_of(old: str, new: str, entry: _Entry, at_start: bool) -> str:
    """The new name in the case of the old one; what has capital letters of its own keeps them."""
    spelled = next(name for name in entry.names if name.lower() == old.lower())
    if new != new.lower():
        return new
    if spelled != spelled.lower():
        return new[0].upper() + new[1:] if at_start else new
    if old.isupper():
        return new.upper()
    return new[0].upper() + new[1:] if old[0].isupper() else new


def _replaced(text: str, start: int, end: int, new: str) -> str:
    """The text with a stretch replaced, and the article before it made to agree."""
    if article := re.search(r"\b([Aa])n?(\s+)$", text[:start]):
        ending = "n" if _VOWEL_SOUND.match(new) else ""
        return text[: article.start()] + article[1] + ending + article[2] + new + text[end:]
    return text[:start] + new + text[end:]
