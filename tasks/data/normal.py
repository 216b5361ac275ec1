"""One normal form for what looks the same to people: ids, labels and blanks. Applied once, at ingest.

Blanks: every run of white space (no-break and ideographic spaces are some) is one space, none at the ends. Characters
that nobody sees (`tasks.data.blanks`: zero-width space, byte order mark, soft hyphen and others) are left out; joiners
stay between letters of the scripts that spell with them (Persian, those of India).

Labels, types of entities, categories, choices: that, in Unicode's composed form (NFC). What still looks alike, such as
`Flu` and `flu`, shares a key (`look_alike`).

Ids: that, in Unicode's compatibility form (NFKC; full-width digits are the common case), and no id at all where the
value says that there is none (`NO_ID`). In a column without fractions `7.0` is `7`: spreadsheets and pandas write whole
numbers so where an id of the column is missing. `007` stays another id than `7`, and `p7` another than `P7`.
"""

from __future__ import annotations

import re
import unicodedata

from tasks.data.blanks import INVISIBLE

_JOINING = "\u0600-\u109f\u1780-\u17ff\u1900-\u1aff\U00011000-\U00011fff"
_UNSEEN = re.compile(
    f"(?![\\s\u200c\u200d])[{INVISIBLE}]|(?<![{_JOINING}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINING}])"
)
_JOINERS = re.compile("[\u200c\u200d]")
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_\-\u2010-\u2015]+(?=\w)")
_BETWEEN_KINDS = re.compile(r"(?<=[^\W\d])[\W_]+(?=\d)|(?<=\d)[\W_]+(?=[^\W\d])")
_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_FRACTION = re.compile(r"[+-]?\d*\.\d*[1-9]\d*")

NO_ID = frozenset(
    (
        *("nan", "na", "n/a", "n.a.", "n.a", "<na>", "#n/a", "#na", "nat", "null", "(null)", "none", "nil"),
        *("unknown", "unk", "undefined", "missing", "not available", "not applicable", "not known", "anonymous"),
        *("blank", "(blank)", "empty", "-", "--", "---", "–", "—", "?", "??", "???", ".", "*", "_", "/"),
        *("unbekannt", "inconnu", "desconocido", "sconosciuto", "無", "无", "未知", "不详", "不詳", "不明", "なし"),
    )
)
"""What stands for a missing id, in lower case; so does what is blank."""

NO_LABEL = frozenset(("nan", "nat", "null", "(null)", "<na>", "#n/a", "#na", "<null>", "undefined"))
"""What programs write where there is no label, in lower case; a person who means a class by it says so in `labels`."""

MAYBE_NO_LABEL = frozenset(("none", "n/a", "na", "n.a.", "nil", "unknown", "-", "?", "missing", "blank", "empty"))
"""What may stand for a missing label, and may be a class ("none" of the findings): it stays one, and is counted."""


def plain(text: str) -> str:
    """A text with single spaces, and without what nobody sees."""
    return " ".join(_UNSEEN.sub("", text).split())


def normal_label(text: str) -> str:
    """The normal form of a label, a category or a choice; empty where there is nothing to see."""
    return plain(unicodedata.normalize("NFC", text))


def look_alike(label: str) -> str:
    """A key that labels share which people take for one: case, width, a fraction of zero (`1.0`), and what stands
    between words do not count."""
    folded = plain(unicodedata.normalize("NFKC", _JOINERS.sub("", label)).casefold())
    return whole_number(folded) or _BETWEEN_WORDS.sub(" ", folded)


def normal_id(text: str, *, whole: bool = True) -> str | None:
    """The normal form of an id; None where the value says that there is none.

    Args:
        text: as the source has it.
        whole: the numbers of its column have no fractions: `7.0` is then `7`.
    """
    found = plain(unicodedata.normalize("NFKC", text))
    if not found or found.casefold() in NO_ID:
        return None
    return whole_number(found) or found if whole else found


def forms_of_id(own: str) -> list[str]:
    """Every form in which a dataset may hold an id that a person gives: as it is, and its normal forms."""
    forms = (own, own.strip(), normal_id(own), normal_id(own, whole=False))
    return list(dict.fromkeys(form for form in forms if form))


def whole_number(own: str) -> str | None:
    """`7` of `7.0`; None of anything else."""
    found = _WHOLE.fullmatch(own)
    return found[1] if found else None


def is_fraction(own: str) -> bool:
    """Whether an id is a number with a fraction: its column is then not one of whole numbers."""
    return _FRACTION.fullmatch(own) is not None


def ids_alike(own: str) -> str:
    """A key that ids share which a person may well have meant as one: case, leading zeros and `p-7` for `p7`."""
    return _LEADING_ZEROS.sub("", _BETWEEN_KINDS.sub("", own.casefold()))
