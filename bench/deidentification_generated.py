"""Recall of de-identification on thousands of generated texts.

    python -m bench.deidentification_generated [--texts 40] [--seed 7] [--show NAME]

Texts are templates filled with names of several kinds: common, of many peoples, made of syllables (in no list), names
that are words; Chinese names with common, rare and compound surnames, and surnames that are words. The rules were
developed on the first half of the templates, then on the second half, then on the fresh ones; the misses of the unseen
ones were never looked at. The same team wrote templates and rules: this measures how rules carry over to names and
sentences that they were not fitted to, not how the world writes. `--show KIND` prints misses, of the seen parts only.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable

from bench import generated_names as pools
from bench import generated_templates as templates_of
from bench.deidentification import Case, measure
from tasks.data.phi import Deidentifier

PARTS = ("first half", "second half", "fresh", "unseen")
UNSEEN = 3
KIND_OF_SLOT = {"p": "PLACE", "h": "PLACE", "d": "DATE", "t": "CONTACT", "x": "ID"}
_SLOT = re.compile(r"\{(\w)(\.low)?\}")
Person = tuple[str, str]  # given name and surname


def _cased(word: str) -> str:
    return word[:1].upper() + word[1:]


def _made(pick: random.Random) -> Person:
    syllables = pools.SYLLABLES.split()
    given = "".join(pick.choices(syllables, k=pick.choice((2, 3))))
    family = "".join(pick.choices(syllables, k=2)) + pick.choice(pools.ENDINGS.split())
    return _cased(given), _cased(family)


def _from(given: str, family: str) -> Callable[[random.Random], Person]:
    return lambda pick: (pick.choice(given.split()), pick.choice(family.split()))


ENGLISH_NAMES: dict[str, Callable[[random.Random], Person]] = {
    "common": _from(pools.COMMON_GIVEN, pools.COMMON_FAMILY),
    "world": _from(pools.WORLD_GIVEN, pools.WORLD_FAMILY),
    "made": _made,
    "word": _from(pools.WORD_GIVEN, pools.WORD_FAMILY),
}


def _chinese(surnames: str, characters: str, most: int = 2) -> Callable[[random.Random], Person]:
    def name(pick: random.Random) -> Person:
        listed = surnames.split() if " " in surnames else list(surnames)
        return "".join(pick.choices(characters, k=pick.randint(1, most))), pick.choice(listed)

    return name


CHINESE_NAMES: dict[str, Callable[[random.Random], Person]] = {
    "common": _chinese(pools.SURNAMES_ZH, pools.GIVEN_ZH),
    "rare": _chinese(pools.RARE_ZH, pools.GIVEN_ZH + pools.RARE_GIVEN_ZH),
    "compound": _chinese(pools.COMPOUND_ZH, pools.GIVEN_ZH + pools.RARE_GIVEN_ZH),
    "word": _chinese(pools.WORDS_ZH, pools.GIVEN_ZH),
}


def _digits(pick: random.Random, shape: str) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    return "".join(pick.choice("0123456789") if c == "#" else pick.choice(letters) if c == "@" else c for c in shape)


def _date(pick: random.Random, language: str) -> str:
    year, month, day = pick.randint(2008, 2025), pick.randint(1, 12), pick.randint(1, 28)
    if language == "zh":
        return pick.choice((f"{year}年{month}月{day}日", f"{year}-{month:02}-{day:02}", f"{month}月{day}日"))
    name = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ][month - 1]
    return pick.choice(
        (
            f"{month:02}/{day:02}/{year}",
            f"{name} {day}, {year}",
            f"{day} {name[:3]} {year}",
            f"{year}-{month:02}-{day:02}",
        )
    )


def _town(pick: random.Random) -> str:
    return _cased("".join(pick.choices(pools.SYLLABLES.split(), k=2))) + pick.choice(pools.TOWN_ENDS.split())


def fill(template: str, language: str, person: Callable[[random.Random], Person], pick: random.Random) -> Case:
    """A template with its slots filled; the values carry their kinds."""
    people = (person(pick), person(pick))
    values: list[tuple[str, str]] = []

    def slot(match: re.Match[str]) -> str:
        key = match[1]
        before = ""
        if key in KIND_OF_SLOT:
            before, value = _other(key, language, pick)
            kind = KIND_OF_SLOT[key]
        else:
            given, family = people[key in "meo"]
            kind = "NAME"
            value = _name(key, given, family) if language == "en" else family + given
            if key == "o":
                given, family = person(pick)
                value = f"{given} {family}" if language == "en" else family + given
        if match[2]:
            value = value.lower()
        values.append((kind, value))
        return before + value

    return Case(_SLOT.sub(slot, template), language, values)


def _name(key: str, given: str, family: str) -> str:
    forms = {
        "g": given,
        "e": given,
        "s": family,
        "i": f"{given} {family[0]}.",
        "r": f"{family}, {given}",
        "b": f"{family.upper()}, {given}",
    }
    return forms.get(key, f"{given} {family}")


def _other(key: str, language: str, pick: random.Random) -> tuple[str, str]:
    """What announces a place, date, telephone or record number, and its value."""
    if key == "d":
        return "", _date(pick, language)
    if key == "t":
        shapes = ("1##########",) if language == "zh" else ("(5##) ###-####", "7##-###-####", "+1 6## ### ####")
        value = _digits(pick, pick.choice(shapes))
        return "", value if language == "en" else f"13{value[2:]}"
    if key == "x":
        labels = pools.LABELS_ZH if language == "zh" else pools.LABELS
        label = pick.choice(labels.replace("\n", "").split("|"))
        space = " " if language == "en" else ""
        return label + space, _digits(pick, pick.choice(pools.SHAPES.split()))
    if language == "zh":
        town = pick.choice(pools.TOWNS_ZH.split())
        return "", town if key == "p" else pick.choice(pools.HOSPITALS_ZH.split("|")).format(town)
    town = _town(pick)
    forms = " ".join(pools.HOSPITALS.split()).split("|")
    return "", town if key == "p" else pick.choice(forms).format(town)


def generate(language: str, part: int, texts: int, seed: int) -> dict[str, list[Case]]:
    """Cases by kind of name: `texts` of each template of one part (one of `PARTS`)."""
    first = templates_of.ENGLISH if language == "en" else templates_of.CHINESE
    fresh = templates_of.ENGLISH_FRESH if language == "en" else templates_of.CHINESE_FRESH
    unseen = templates_of.ENGLISH_UNSEEN if language == "en" else templates_of.CHINESE_UNSEEN
    templates = (first[::2], first[1::2], fresh, unseen)[part]
    names = ENGLISH_NAMES if language == "en" else CHINESE_NAMES
    pick = random.Random(f"{seed}-{language}-{part}")
    return {
        kind: [fill(template, language, person, pick) for template in templates for _ in range(texts)]
        for kind, person in names.items()
    }


def show(cases: list[Case], kind: str, deidentifier: Deidentifier) -> None:
    """Print the development texts that leave a value of a kind readable, three for each number of misses."""
    missed: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        hidden = {at for start, end, _ in deidentifier.find(case.text, case.language) for at in range(start, end)}
        for value in {value for which, value in case.values if which == kind}:
            for match in re.finditer(re.escape(value), case.text):
                if any(at not in hidden and case.text[at].isalnum() for at in range(*match.span())):
                    around = case.text[max(0, match.start() - 30) : match.end() + 20].replace("\n", "|")
                    missed[case.text[max(0, match.start() - 8) : match.start()]].append(f"{value!r} in {around!r}")
    for before, examples in sorted(missed.items(), key=lambda row: -len(row[1])):
        print(f"{len(examples):4} {before!r}: " + "; ".join(examples[:3]))


def main() -> None:
    """Measure both languages, both halves, each kind of name."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--texts", type=int, default=40, help="texts per template and kind of name")
    options.add_argument("--seed", type=int, default=7)
    options.add_argument("--show", metavar="KIND", help="print misses of this kind instead")
    chosen = options.parse_args()
    deidentifier = Deidentifier()
    for language in ("en", "zh"):
        for part, title in enumerate(PARTS):
            sets = generate(language, part, chosen.texts, chosen.seed)
            if chosen.show:
                if part != UNSEEN:
                    show([case for cases in sets.values() for case in cases], chosen.show, deidentifier)
                continue
            for kind, cases in sets.items():
                measure(f"{language}, {title}, {kind} names", cases, deidentifier)
            counted = Counter(kind for cases in sets.values() for case in cases for kind, _ in case.values)
            print(f"  values in {language}, {title}: " + ", ".join(f"{n} {kind}" for kind, n in counted.items()))


if __name__ == "__main__":
    main()
