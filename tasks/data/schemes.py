"""Which scheme the tags of a source are written in.

Ramshaw and Marcus 1995 (IOB1), Tjong Kim Sang and Veenstra 1999 (IOB2, which is BIO; IOE1, IOE2), Ratinov and Roth 2009
(BILOU, BIOES by other letters; BMES and BMEWO by yet others).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.data.label_names import MOST_NAMES, SHOWN
from tasks.data.named import ENOUGH, Named, name_shown
from tasks.data.scheme import Scheme, canonical
from tasks.data.tagging import OUTSIDE, Grammar, Tag
from tasks.errors import InputError

_POSITION = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_LETTERS = "".join(_POSITION)
_OUTSIDE_TOO = ("o", "0", "OUT", "OUTSIDE", "out", "outside", "_", "-")
"""Taken for outside where they stand beside tags of a scheme, or where there is no O."""
_SEVERAL = re.compile(rf"[{_LETTERS}]-[^|,;]+[|,;](?:O|[{_LETTERS}]-).*")
_WITH_WORD = re.compile(rf"[^{_LETTERS}].*/(?:O|[{_LETTERS}]-.+)|[{_LETTERS}][^-].*/(?:O|[{_LETTERS}]-.+)")
_BRACKETS = re.compile(r"\(.*\*.*|\*\)*")
FEW = 0.01
"""Share of the tokens in entities."""
ONE_KIND = "entity"
"""Type of the entities of a source whose tags are letters alone."""


@dataclass(frozen=True)
class _Style:
    """One way to write position and type into a tag."""

    pattern: re.Pattern[str]
    words: str
    usual: bool = False

    def part(self, tag: str) -> tuple[str, str] | None:
        """Letter and type."""
        found = self.pattern.fullmatch(tag)
        return (found["letter"].upper(), found.groupdict().get("kind") or ONE_KIND) if found else None


_STYLES = (
    _Style(re.compile(rf"(?P<letter>[{_LETTERS}])-(?P<kind>.+)"), "", usual=True),
    _Style(re.compile(rf"(?P<letter>[{_LETTERS}])"), "letters without a type"),
    _Style(re.compile(rf"(?P<letter>[{_LETTERS}])(?:[^\w\s]|_|\s)(?P<kind>.+)"), "another sign than -"),
    _Style(re.compile(rf"(?P<letter>[{_LETTERS.lower()}])(?:[^\w\s]|_|\s)(?P<kind>.+)"), "small letters"),
    _Style(re.compile(rf"(?P<kind>.+)(?:[^\w\s]|_|\s)(?P<letter>[{_LETTERS}])"), "the letter behind the type"),
    _Style(
        re.compile(r"(?P<letter>BEGIN|INSIDE|MIDDLE|END|LAST|SINGLE|UNIT|B|I)[-_:](?P<kind>.+)", re.IGNORECASE), "words"
    ),
)


class SeenTags:
    """The tags of a source, and which follow which; O stands before and behind every sequence."""

    def __init__(self, named: Named | None = None) -> None:
        """`named`: which tags messages may name; default: those of many groups."""
        self._named = named or Named()
        self.pairs: Counter[tuple[str, str]] = Counter()
        self.tags: Counter[str] = Counter()

    def add(self, tags: Sequence[str], group: str = "") -> None:
        """Look at one sequence of a group.

        Raises:
            InputError: there are too many different ones to be tags.
        """
        self.tags.update(tags)
        if len(self.tags) > MOST_NAMES:
            raise InputError(
                "the tags are no tags", value=f"more than {MOST_NAMES:,} different ones", hint="check `columns.tags`"
            )
        for tag in set(tags):
            self._named.add(tag, group)
        self.pairs.update(pairwise((OUTSIDE, *tags, OUTSIDE)))

    def shown(self, tags: Sequence[str]) -> str:
        """Tags for people; those that may not be named by their number."""
        may = [tag for tag in tags if self._named.may(tag)]
        told = [", ".join(map(name_shown, may[:SHOWN]))] if may else []
        told += [f"{len(may) - SHOWN:,} more"] if len(may) > SHOWN else []
        told += [f"{len(tags) - len(may):,} in fewer than {ENOUGH} groups each"] if len(may) < len(tags) else []
        return " and ".join(told)


def scheme_of(seen: SeenTags) -> Scheme:
    """The scheme that tags are written in.

    Raises:
        InputError: they look like a scheme, and cannot be read as one; numbers stand for tags.
    """
    used = set(seen.tags)
    _refuse_other_notations(used, seen)
    outside = _outside(used)
    tags = sorted(used - outside)
    looked = []
    for style in _STYLES:
        read = {tag: part for tag in tags if (part := style.part(tag))}
        fitting = _fitting(read, style)
        odd = [tag for tag in tags if tag not in fitting]
        if fitting and (not odd or (_begun(fitting) and _rare(odd, tags, seen.tags))):
            parts = {tag: Tag(_POSITION[letter[0]], kind) for tag, (letter, kind) in fitting.items()}
            parts |= {tag: Tag(OUTSIDE, "") for tag in outside}
            scheme = _scheme({letter for letter, _ in fitting.values()}, parts, seen, style)
            if scheme is not None:
                return scheme
        if read and ((len(read) == len(tags) and _only_letters_missing(read)) or _begun(read)):
            looked.append((style, odd or tags))
    if looked:
        raise _unclear(*looked[0], seen)
    return _types_alone(tags, outside)


def _refuse_other_notations(used: set[str], seen: SeenTags) -> None:
    if used and all(tag.isdigit() for tag in used):
        raise InputError(
            "the tags are numbers, whose meaning stands elsewhere",
            value=", ".join(sorted(used)[:SHOWN]),
            hint="say it in params.yaml: labels: {0: O, 1: B-Disease, 2: I-Disease}",
        )
    if several := sorted(tag for tag in used if _SEVERAL.fullmatch(tag)):
        raise InputError(
            "several tags of one token (nested entities)", value=seen.shown(several), hint="leave one layer of tags"
        )
    if words := sorted(tag for tag in used if _WITH_WORD.fullmatch(tag)):
        hint = "put a line break behind each, and a tab for the slash"
        raise InputError("each tag holds its word, as in fever/O", value=f"{len(words):,} tags", hint=hint)
    if brackets := sorted(tag for tag in used if _BRACKETS.fullmatch(tag)):
        raise InputError(
            "tags in brackets, as in CoNLL-2012", value=seen.shown(brackets), hint="write them as B-, I- and O"
        )


def _outside(used: set[str]) -> set[str]:
    """The tags that stand for no entity."""
    others = {tag for tag in _OUTSIDE_TOO if tag in used}
    if OUTSIDE in used:
        numbers = any(tag.isdigit() and tag != "0" for tag in used)
        return {OUTSIDE} | used & ({"o"} if numbers else {"o", "0"})
    return others


def _fitting(read: Mapping[str, tuple[str, str]], style: _Style) -> dict[str, tuple[str, str]]:
    """The tags whose letter can be one of a scheme: `E-cig` is no end where no `cig` begins."""
    letters: defaultdict[str, set[str]] = defaultdict(set)
    for letter, kind in read.values():
        letters[kind].add(letter[0])
    every = set().union(*letters.values())
    positions = {kind: {_POSITION[letter] for letter in held} for kind, held in letters.items()}
    begins = "B" in every
    ends = any("E" in held and "B" in held for held in positions.values())
    by_ends = any({"I", "E"} <= held for held in positions.values())  # IOE, where nothing begins
    fits = {}
    for tag, (letter, kind) in read.items():
        match _POSITION[letter[0]]:
            case "E":
                good = "B" in positions[kind] if begins else letter[0] == "E" and by_ends
            case "S":
                good = ends
            case "I":
                good = letter[0] == "I" or "B" in positions[kind]
            case _:
                good = True
        if good:
            fits[tag] = (letter, kind)
    if not style.usual and not any("B" in held and len(held) > 1 for held in positions.values()):
        return {}  # B_cell alone is a name as well as a tag
    return fits


def _rare(odd: Sequence[str], tags: Sequence[str], counts: Mapping[str, int]) -> bool:
    """Whether so few tokens have these tags that they are faults of rows: then those rows are turned away."""
    return sum(counts[tag] for tag in odd) <= FEW * sum(counts[tag] for tag in tags)


def _begun(read: Mapping[str, tuple[str, str]]) -> bool:
    """Whether some type has a beginning and something else, or an inside and an end."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for letter, kind in read.values():
        kinds[kind].add(_POSITION[letter[0]])
    return any(("B" in held and len(held) > 1) or {"I", "E"} <= held for held in kinds.values())


def _only_letters_missing(read: Mapping[str, tuple[str, str]]) -> bool:
    """Whether all tags are of one kind of letter that would do as a scheme with only short entities in it."""
    return len({_POSITION[letter[0]] for letter, _ in read.values()} - {"E"}) == 1 and not any(
        letter[0] in "EML" for letter, _ in read.values()
    )


def _scheme(letters: set[str], parts: Mapping[str, Tag], seen: SeenTags, style: _Style) -> Scheme | None:
    first = {letter[0] for letter in letters}
    name = _name(first)
    strict = {"BIOES", "BILOU", "BMES"}
    decodes = name in strict or name == "IOE"
    grammar = Grammar(map(canonical, parts.values())) if name in strict else None
    by_i, by_b = _starts(seen.pairs, parts)
    if name == "BIO" and by_i > by_b:
        name, decodes = "IOB1", True
    if not style.usual and grammar is not None and not _plausible(seen.pairs, parts, grammar):
        return None
    words = f", {style.words}" if style.words else ""
    return Scheme(name + words, parts, decodes=decodes, grammar=grammar)


def _name(letters: set[str]) -> str:
    if letters & set("LU"):
        return "BILOU"
    if letters & set("MW"):
        return "BMES"
    if letters & set("ES"):
        return "BIOES" if "B" in letters else "IOE"
    return "BIO" if "B" in letters else "IO"


def _starts(pairs: Mapping[tuple[str, str], int], parts: Mapping[str, Tag]) -> tuple[int, int]:
    """How many entities begin with I, and with a B that does not follow an entity of its type (never so in IOB1)."""
    by_i = by_b = 0
    for (before, after), count in pairs.items():
        one, following = parts.get(before, Tag(OUTSIDE, "")), parts.get(after, Tag(OUTSIDE, ""))
        if one.kind != following.kind and following.kind:
            by_i += count * (following.position == "I")
            by_b += count * (following.position == "B")
    return by_i, by_b


def _plausible(pairs: Mapping[tuple[str, str], int], parts: Mapping[str, Tag], grammar: Grammar) -> bool:
    """Whether most neighbours of entities keep to the grammar: else the letters are parts of names (`vitamin-E`)."""
    good = bad = 0
    for (before, after), count in pairs.items():
        one, following = parts.get(before, Tag(OUTSIDE, "")), parts.get(after, Tag(OUTSIDE, ""))
        if one.kind or following.kind:
            if grammar.may_follow(canonical(one), canonical(following)):
                good += count
            else:
                bad += count
    return good > 2 * bad


def _types_alone(tags: Iterable[str], outside: Iterable[str]) -> Scheme:
    """Types without letters: neighbours of one type are one entity."""
    parts = {tag: Tag("I", tag) for tag in tags}
    bare = all(Tag.of(tag) == part for tag, part in parts.items())  # else `E-cig` would be read as the end of a `cig`
    parts |= {tag: Tag(OUTSIDE, "") for tag in outside}
    return Scheme("types alone (IO)", parts, bare=bare)


def _unclear(style: _Style, odd: Sequence[str], seen: SeenTags) -> InputError:
    how = f" ({style.words})" if style.words else ""
    first = seen.shown(odd[:1]) if seen.shown(odd[:1]).startswith("'") else "TAG"
    return InputError(
        f"the tags look like a scheme{how}, and these cannot be read as part of it",
        value=seen.shown(odd),
        hint=f"say in params.yaml what they are: labels: {{{first}: B-...}}, {{{first}: I-...}} or {{{first}: O}}",
    )
