"""Questions asked in other words, by template. The wordings are in `data/lexicons/paraphrases.json`."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.home import CHECKOUT

READS = ("data/lexicons/paraphrases.json",)
WORDINGS = CHECKOUT / READS[0]
LONGEST_SUBJECT = 60  # characters of what a question is about; more is no name but half a sentence
LONGEST_FRAMED = 300
_INTERROGATIVE = re.compile(
    r"(What|Which|Who|Whom|Whose|When|Where|Why|How|Is|Are|Do|Does|Did|Can|Could|Should|Will)\b"
)


@dataclass(frozen=True)
class _Family:
    ask: tuple[str, ...]
    unless: tuple[str, ...]


@dataclass(frozen=True)
class _Reading:
    """One wording by which a question is recognised."""

    wording: str
    pattern: re.Pattern[str]
    family: _Family


class Paraphrases:
    """Paraphrases the `prompt` of a question-answer record in English or Chinese."""

    def __init__(self, path: Path = WORDINGS) -> None:
        plain = json.loads(path.read_text("utf-8"))
        self._readings: dict[str, list[_Reading]] = {}
        self._frames: dict[str, list[str]] = {}
        for language in ("en", "zh"):
            found = []
            for entry in plain[language]["families"]:
                family = _Family(tuple(entry["ask"]), tuple(entry.get("unless", ())))
                found += [_Reading(wording, _pattern(wording), family) for wording in [*entry["ask"], *entry["read"]]]
            self._readings[language] = sorted(found, key=lambda one: -len(one.wording))
            self._frames[language] = plain[language]["any"]

    def child(self, record: dict[str, Any], rng: random.Random) -> dict[str, Any] | None:
        """The changed columns of a paraphrase; None where no template fits."""
        language, prompt = record["language"], record["prompt"].strip()
        if language not in self._readings:
            return None
        for reading in self._readings[language]:
            found = reading.pattern.fullmatch(prompt)
            if not found or not _is_subject(found[1], reading.family):
                continue
            others = [other for other in reading.family.ask if other.casefold() != reading.wording.casefold()]
            return {"prompt": rng.choice(others).replace("{X}", found[1])} if others else None
        if not prompt.endswith(("?", "？")) or len(prompt) > LONGEST_FRAMED:
            return None
        inside = prompt[0].lower() + prompt[1:] if _INTERROGATIVE.match(prompt) else prompt
        return {"prompt": rng.choice(self._frames[language]).replace("{Q}", prompt).replace("{q}", inside)}


def _pattern(wording: str) -> re.Pattern[str]:
    """A wording as a pattern: any case, any white space, with or without its last punctuation mark."""
    before, after = wording.rstrip("?？.。 ").split("{X}")
    spaced = [re.escape(part).replace(r"\ ", r"\s+") for part in (before, after)]
    return re.compile(rf"{spaced[0]}(\S.*?){spaced[1]}\s*[?？.。\s]*", re.IGNORECASE)


def _is_subject(found: str, family: _Family) -> bool:
    """Whether what a pattern caught can be a name, rather than a clause."""
    if len(found) > LONGEST_SUBJECT or re.search(r"[?？!！。；;]|\.\s", found):
        return False
    return not found.lower().startswith(tuple(f"{word} " for word in family.unless))
