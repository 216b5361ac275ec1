"""Which language a record is written in: by its script first, then, in Latin script, by a detector that is kept here.

The detector is py3langid (BSD-3-Clause; its model of 4.6 MB comes with the package, nothing is fetched): M. Lui and
T. Baldwin, "langid.py: an off-the-shelf language identification tool", ACL 2012. What it gets wrong on short texts is
in docs/deidentification.md; `python -m bench.languages` measures it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from tasks.data.phi.en import lexicon
from tasks.data.phi.shared import scripts
from tasks.data.phi.shared.word_lists import word_set

RULES = ("en", "zh")
"""Languages that de-identification has rules for."""

_SHARED = {
    "cyrillic": ("ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn", "tg", "tt", "ba"),
    "arabic": ("ar", "fa", "ur", "ps", "ug", "sdh"),
    "devanagari": ("hi", "mr", "ne", "sa"),
}
_LATIN = (
    "en", "fr", "de", "es", "it", "pt", "nl", "pl", "tr", "vi", "id", "ms", "sv", "da", "no", "nn", "fi", "cs", "sk",
    "hu", "ro", "ca", "gl", "hr", "bs", "sl", "sq", "et", "lv", "lt", "eu", "tl", "sw", "af", "az", "mt", "is", "ga",
    "cy",
)  # fmt: skip
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTERS = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_NUMBERED = re.compile(r"\S*[\d@]\S*|\S+://\S*")  # numbers, codes, addresses of machines: no language's words
_PIECE = re.compile(r"\S.{0,299}\S*", re.DOTALL)

# Characters that only Japanese writes so: neither simplified nor traditional Chinese. Notes without any kana hold them.
_JAPANESE = frozenset(
    "検発対圧経続覚薬気帰広図団売読転軽辺両児総歯臓塩処変楽栄労帯応桜沢髄鉄鋭雑霊頼顕駅験黒黙齢拡拠挙挿掲揺摂撃渋渓満滝"
    "単厳収悪恵戦戻払択抜歓歴毎涙浄渇壊壱実巣弾徳従仮仏価剤剣勧勲亜隠穏稲縁繊脳様権県働込畑斉伝円営観焼暁猟畳穂竜絵緑縦"
    "蔵蛍覧訳譲豊賛逓郷酔醸釈鉱銭録閲陥険隷歳査増掻頬痩嚢"
)
_PARTICLES = frozenset("のノ")  # also in names of Chinese shops and brands

# Words that English sentences consist of, and others hardly use.
_ENGLISH = word_set(
    """
    the of and is are was were with for from by this that what how my your his her their has have had not can does it
    its which after before during when who should would could been if than be we they you she our about into said just
    there please old year years
    """
)

LETTERS = 12
"""Fewer letters of Latin script are too few to tell a language by."""
WORDS = 20
"""Han characters up to which one that only Japanese writes is enough; in longer texts two are asked."""
SMALL_SHARE = 0.25
"""Share of words in lower case below which a text is a list of names and addresses, which says nothing."""
KANA_SHARE = 0.1
"""Share of kana in Han characters and kana from which a text is Japanese; a brand in a Chinese text is less."""
HAN_SHARE = 0.2
"""Share of Han characters from which a text is Chinese although it holds Latin words."""
PIECES_SHARE = 0.2
"""Share of a long text in another language from which the record is written in it too."""
# How probable English is for the detector, and the share of lower-case words that English has: other languages use some
# of them ("patient", "in"), names and addresses in English notes none. Measured in docs/deidentification.md.
UNLIKELY, SHARED_WORDS = 0.05, 0.8
LESS_LIKELY, HALF = 0.1, 0.5
EVEN, QUARTER, SENTENCE = 0.5, 0.25, 3


class Spoken(NamedTuple):
    """What a record is written in."""

    language: str
    """ISO 639-1 code."""
    without_rules: str | None
    """A language in the record that de-identification has no rules for."""
    by_script: bool
    """Whether the script says so, which is never wrong about it."""


def spoken(texts: Sequence[str], declared: str) -> Spoken:
    """The language of one record.

    Args:
        texts: its fields, the first being what a model reads.
        declared: the language that its column or its dataset names; it stands where the text does not say, or where
            only languages of one script are in question (Norwegian, Danish).
    """
    found = [_read(text) for text in texts]
    language = _reconciled(found[0][0], declared)
    others = [one for main, foreign in found for one in (*foreign, main) if one and one not in RULES]
    without = others[0] if others else None
    if language not in RULES:  # a declared one too: texts that are too short to tell are no proof against it
        without = language
    return Spoken(language, without, _group(language) != _group(declared))


def _reconciled(detected: str | None, declared: str) -> str:
    if detected is None or detected == declared:
        return declared
    if _group(detected) == _group(declared) and "en" not in (detected, declared) and detected != "ja":
        return declared
    return detected


def _group(language: str) -> str:
    """The script that a language is written in."""
    if language in ("zh", "ja", "yue", "wuu"):
        return "han"
    if language in scripts.SCRIPTS:
        return language
    return next((script for script, languages in _SHARED.items() if language in languages), "latin")


def _read(text: str) -> tuple[str | None, list[str]]:
    """The language that most of a text is in (None: it does not say), and those without rules that are in it too."""
    if text.isascii():
        return _latin(text)
    han, latin = len(_HAN.findall(text)), len(_LETTERS.findall(text))
    others = scripts.letters(text)
    total = han + latin + sum(others.values())
    if han and _japanese(text, han, others["ja"]):
        return "ja", []
    foreign = [
        _named(script, text) for script, letters in others.most_common() if letters >= scripts.WEIGHTS.most * total
    ]
    most = max(han, latin, *others.values()) if others else max(han, latin)
    if foreign and most not in (han, latin):
        return foreign[0], foreign
    if han and han >= HAN_SHARE * (han + latin):
        return "zh", foreign
    main, rest = _latin(scripts.WORDS.sub(" ", _HAN.sub(" ", text)))
    return main, foreign + rest


def _japanese(text: str, han: int, kana: int) -> bool:
    """Whether a text with Han characters is Japanese: it has kana, or characters that only Japanese writes so."""
    kana -= sum(map(text.count, _PARTICLES)) if kana else 0
    only = sum(character in _JAPANESE for character in text)
    return kana >= KANA_SHARE * (han + kana) or only > (han > WORDS)


def _named(script: str, text: str) -> str:
    """The language of a script, by the detector where several write in it."""
    if script not in _SHARED:
        return script
    own = " ".join(re.findall(f"[{scripts.SCRIPTS[script]}]+", text))
    return str(_detector(_SHARED[script]).classify(own)[0])


def _latin(text: str) -> tuple[str | None, list[str]]:
    """The same for Latin script; a long text is read piece by piece, each counting by its length."""
    pieces = _PIECE.findall(text)
    lengths: Counter[str | None] = Counter()
    for piece in pieces:
        lengths[_piece(piece)] += len(piece)
    silent = lengths.pop(None, 0)
    total = sum(lengths.values())
    if not total:
        return None, []
    main = lengths.most_common(1)[0][0]
    others = [
        one
        for one, length in lengths.most_common()
        if one and one not in RULES and length >= PIECES_SHARE * (total + silent)
    ]
    return main, others


def _piece(text: str) -> str | None:
    """The language of a short text, None where it does not say."""
    text = _NUMBERED.sub(" ", text)
    if text.isupper():
        text = text.lower()
    found = _WORD.findall(text)
    small = [word for word in found if word.islower()]
    if not small or sum(map(len, found)) < LETTERS or len(small) < SMALL_SHARE * len(found):
        return None
    known = lexicon.words()
    share = sum(word in known for word in small) / len(small)
    sentence = any(word.lower() in _ENGLISH for word in found)
    if share >= SHARED_WORDS or (sentence and share >= HALF):
        return "en"  # what the detector says would not count
    ranks: dict[str, float] = dict(_detector(_LATIN).rank(text))
    english = ranks["en"]
    other = (
        (english < UNLIKELY and not sentence)
        or (english < LESS_LIKELY and share < HALF)
        or (english < EVEN and share < QUARTER and len(small) >= SENTENCE)
    )
    return max((one for one in ranks if one != "en"), key=ranks.__getitem__) if other else "en"


@cache
def _detector(languages: tuple[str, ...]) -> Any:
    """py3langid's identifier for some languages; loading the model takes a third of a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    detector.set_languages(languages)
    return detector
