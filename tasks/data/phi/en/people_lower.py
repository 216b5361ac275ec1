"""Names of persons in lower case: "pt john smith", "my daughter mia", "dr patel"."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.data.phi.en import lexicon, people_cues, people_words, species, words
from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import INITIAL, LOWER

# "please schedule somchai wattanasin"; "my son sokha has".
_ARRANGED = frozenset(("schedule", "call", "remind", "admit", "contact", "tell", "ask", "saw", "seeing"))
_OWNERS = frozenset(("my", "his", "her", "our", "their"))

_WITH_INITIAL = 3  # words of "emidio p lombardo"


@dataclass(frozen=True, slots=True)
class LowerWeights:
    """Letters and words that a name in lower case needs: without a capital, short words are shorthand."""

    # Letters of a listed part behind a title or a name. No effect in the texts; at 3, "dr wu" is lost.
    part_letters: int = 2
    # Letters of a part in no list. No effect; at 2, "schedule somchai wu" is found, and so is shorthand.
    strange_letters: int = 3
    # Letters of a given name that stands alone. +1: general -1; at 3, "then amy came" is found, but so are short words.
    lone_letters: int = 4
    # Letters of a word in no list that only a cue supports. +1: generated -8.
    sure_letters: int = 4
    # Words behind a title. No effect; at 2, "dr maria lopez garcia" loses her last name.
    titled_words: int = 3


WEIGHTS = LowerWeights()


def take(scan: Scan, index: int) -> int:
    """Take the name in lower case that begins at a word, if there is one; returns the word to go on with."""
    low = scan.words[index].low
    if low in words.TITLES:
        end = _titled(scan, index)
    elif (
        low in lexicon.words()
        or low in words.PARTICLES
        or len(low) < WEIGHTS.part_letters
        or "-" in low
        or low in lexicon.eponyms()
        or (
            low in lexicon.cities()
            and not (low in lexicon.given_names() and (_announced(scan, index) or _part(scan, index + 1)))
        )
    ):
        return index + 1
    elif low in lexicon.given_names():
        end = index if species.epithet(scan, index) else _given(scan, index)
    else:
        end = _unlisted(scan, index)
    if end > index and scan.free(index, end):
        scan.take(index, end, "NAME")
    return max(end, index + 1)


def _titled(scan: Scan, index: int) -> int:
    """Where "dr smith" ends; every result of these three is the first word itself when there is no name."""
    if not people_cues.title_at(scan, index) or scan.gaps[index + 1] not in (" ", ". "):
        return index
    end = index + 1
    while end < min(index + 1 + WEIGHTS.titled_words, len(scan.words)) and scan.words[end].shape == LOWER:
        if not _part(scan, end, titled=end == index + 1) or (end > index + 1 and scan.gaps[end] != " "):
            break
        end += 1
    return end if end > index + 1 else index


def _given(scan: Scan, index: int) -> int:
    """Where a name ends that begins with a listed given name: "jane s.", "john smith", "my daughter mia"."""
    end = index + 1
    if end < len(scan.words) and scan.gaps[end] == " ":
        after = scan.words[end]
        closed = scan.gaps[end + 1].startswith((".", ",")) or after.shape == INITIAL
        announced = (_announced(scan, index) or scan.small) and _unknown(scan, end)
        if scan.small and _initialled(scan, end):
            end += 2  # "benjamin a seiler", "eric g. samoylova"
        elif (len(after.low) == 1 and after.low.isalpha() and closed) or _part(scan, end) or announced:
            end += 1
    alone = scan.low(index) in lexicon.lone_given_names() and len(scan.low(index)) >= WEIGHTS.lone_letters
    eponym = scan.medical(end) and scan.low(end) not in ("patient", "patients", "case", "chart")
    if eponym or not (end > index + 1 or alone or _announced(scan, index)):
        return index
    return end


def _initialled(scan: Scan, index: int) -> bool:
    """Whether an initial and a surname stand here, in a text without any capital."""
    low = scan.low(index)
    if len(low) != 1 or not low.isalpha() or index + 1 >= len(scan.words) or scan.gaps[index + 1] not in (" ", ". "):
        return False
    family = scan.low(index + 1)
    spelled = family.replace("'", "").replace("-", "").isalpha()
    unknown = spelled and len(family) >= WEIGHTS.strange_letters and family not in lexicon.words()
    return unknown or _part(scan, index + 1)


def _unlisted(scan: Scan, index: int) -> int:
    """Where a name ends that no list of given names holds: only behind "named", "pt" and the like."""
    low = scan.low(index)
    if len(low) < WEIGHTS.strange_letters:
        return index
    if low in lexicon.surnames() and scan.gaps[index + 1] == ", " and scan.low(index + 1) in ("mrn", "dob", "ssn"):
        return index + 1
    long = len(low) >= WEIGHTS.sure_letters
    if scan.low(index - 1) in _ARRANGED and scan.gaps[index] == " " and long and _unknown(scan, index + 1):
        return index + 2
    known = low in lexicon.surnames() or scan.opens_sentence(index)
    if scan.small and known and _initialled(scan, index + 1) and "." not in scan.gaps[index + 1]:
        return index + _WITH_INITIAL
    if not _announced(scan, index):
        return index
    if scan.low(index - 2) in _OWNERS and long and _unknown(scan, index) and _followed(scan, index + 1):
        return index + 1
    pair = _part(scan, index + 1)
    if long and low in lexicon.surnames() and pair:
        return index + 2
    direct = scan.low(index - 1) in ("pt", "patient", "named", "name", "is")
    if direct and long and _unknown(scan, index + 1):
        return index + 2
    if scan.low(index - 1) in ("named", "name", "is") and people_cues.person_near(scan, index):
        return index + 1 + pair
    return index


def _followed(scan: Scan, index: int) -> bool:
    """Whether the word before is spoken of: "my son sokha has asthma"."""
    return scan.gaps[index].startswith(",") or scan.low(index) in people_words.AFTER_CUES or scan.low(index) == "is"


def _announced(scan: Scan, index: int) -> bool:
    """Whether the word before speaks of a person: "pt", "daughter", "name is"."""
    said = scan.low(index - 1) == "is" and scan.low(index - 2) in ("name", "this")
    return scan.gaps[index] == " " and (said or scan.low(index - 1) in people_words.NAME_CUES)


def _part(scan: Scan, index: int, *, titled: bool = False) -> bool:
    """Whether a lower-case word can be the surname behind a title or a given name."""
    low = scan.low(index)
    if len(low) < WEIGHTS.part_letters or low in people_words.AFTER_CUES:
        return False
    listed = low in lexicon.surnames() or low in lexicon.given_names()
    if low in lexicon.words():
        return listed and low in lexicon.ambiguous() and (titled or low not in people_words.NO_LOWER_NAMES)
    return titled or listed


def _unknown(scan: Scan, index: int) -> bool:
    low = scan.low(index)
    spelled = low.replace("'", "").replace("-", "")
    return (
        len(low) >= WEIGHTS.strange_letters
        and spelled.isalpha()
        and low not in lexicon.words()
        and scan.gaps[index] == " "
    )
