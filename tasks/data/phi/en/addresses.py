"""Postal addresses in text of Latin script: streets, boxes, postcodes, and what follows "Address:"."""

from __future__ import annotations

import re

from tasks.data.phi.en.scan import Scan
from tasks.data.phi.en.tokens import OTHER
from tasks.data.phi.shared.word_lists import word_set

_ENDS = (
    "Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Drive|Dr|Lane|Ln|Way|Court|Ct|Place|Pl|Square|Sq|Terrace|Parkway"
    "|Pkwy|Highway|Hwy|Circle|Cir|Trail|Crescent|Close|Row|Walk|Alley|Plaza|Loop|Pike|Gardens|Grove|Mews|Hill|Heights"
)
_NAME = r"[A-Z0-9ÀÁÂÄÇÈÉÊËÍÎÑÓÔÖØÚÛÜŠŽ][\w'’.-]{0,30}"
_NAMES = rf"{_NAME}(?:\s{_NAME}){{0,2}}"
_UNIT_WORD = r"(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|Flat|#)\.?\s?#?"
_TOWN_WORD = r"[A-Z][^\W\d_]{1,25}\b"
_CITY = (
    rf"(?:,\s{{1,2}}(?!Dr\b|Mr|Ms|Pt\b|Patient){_TOWN_WORD}(?:[\s'’.-]{{1,2}}{_TOWN_WORD}){{0,2}}"
    r"(?:,?\s[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b)?)?"
)
_ZIP = r"(?:,?\s{1,2}[A-Z]{2}\b(?:,?\s{1,2}\d{5}(?:-\d{4})?\b)?|,?\s{1,2}\d{5}(?:-\d{4})?\b)?"
_ARTICLES = r"(?:(?:de|du|des|la|le|les|los|las|das|dos|da|do|del|della|l')\s?){0,3}"
_ROMANCE = r"(?:[Rr]u[ea]|[Aa]venue|[Bb]oulevard|[Pp]lace|[Aa]llée|[Qq]uai|[Cc]alle|[Aa]venida|[Vv]ia|[Pp]iazza)"
_STREET = re.compile(
    rf"(?<![\w/.-])(?:{_UNIT_WORD}\w{{1,5}},?\s{{1,2}})?\d{{1,6}}[A-Za-z]?(?:-\d{{1,4}})?,?\s{{1,2}}"
    rf"(?:{_NAME}\s{{1,2}}){{1,4}}(?:{_ENDS})\b\.?(?:\s(?:NW|NE|SW|SE|[NSEW])\b)?"
    rf"(?:,?\s{{1,2}}{_UNIT_WORD}[\w-]{{1,6}})?{_CITY}{_ZIP}"
    rf"|\b[Pp]\.?\s?[Oo]\.?\s?[Bb]ox\s\d{{1,8}}{_CITY}{_ZIP}"
    r"|\b[A-ZÄÖÜ]\w{2,30}(?:straße|strasse|str\.|gasse|weg|allee|platz)\s\d{1,4}[a-z]?\b(?:,\s\d{4,5}\s[A-ZÄÖÜ]\w{2,30})?"
    rf"|\b\d{{1,4}},?\s{_ROMANCE}\s{_ARTICLES}{_NAMES}{_CITY}"
    rf"|\b(?:Calle|Avenida|Via|Viale|Rua|Carrer|Paseo|Piazza|Jalan|Ulica|ul\.)\s{_ARTICLES}{_NAMES},?\s\d{{1,4}}\b"
)
_STREET_LOWER = re.compile(
    r"(?<![\w/.-])\d{1,6}\s(?:[nsew]\.?\s)?[a-z][a-z'’]{2,20}(?:\s[a-z]{3,20})?\s"
    r"(?:street|avenue|road|boulevard|blvd|lane|ave|rd|st|drive)\b\.?(?!\s(?:of|for|to)\b)"
)
_POSTCODE = re.compile(
    r"\b(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKPSTUW]?\s\d[ABD-HJLNP-UW-Z]{2})\b"
    r"|\b(?:[Zz]ip|ZIP)(?:\s?[Cc]ode)?(?:\sis)?[\s:]{1,3}(\d{5}(?:-\d{4})?)\b"
    r"|\b[A-Z]\d[A-Z]\s\d[A-Z]\d\b"
)
_LABELLED = re.compile(r"\b(?:[Aa]ddress|ADDRESS)(?:\sis)?\s?:\s{0,3}([^\n;]{4,120})")
# One of these must stand in a text before the patterns for streets are tried.
_STREET_WORDS = word_set(
    """
    street st avenue ave av road rd boulevard blvd drive dr lane ln way court ct place pl square sq terrace ter
    parkway pkwy highway hwy circle cir trail trl crescent close row walk alley plaza loop pike route gardens grove
    mews hill heights view straße strasse str allee platz rue via calle avenida allée quai viale rua carrer paseo
    piazza jalan ulica ul box
    """
)
_GERMAN_ENDS = ("straße", "strasse", "str", "gasse", "weg", "allee", "platz")


def find(scan: Scan) -> None:
    """Add the postal addresses of a scanned text to its cover."""
    text = scan.text
    if "ddress" in text or "ADDRESS" in text:
        for match in _LABELLED.finditer(text):
            if re.search(r"\d|,", match[1]) and "@" not in match[1]:
                scan.cover.add(match.start(1), match.start(1) + len(match[1].rstrip(" .,")), "PLACE")
    if not any(word.shape == OTHER for word in scan.words):
        return  # every street, box and postcode holds a number
    if scan.holds(_STREET_WORDS) or any(low.endswith(_GERMAN_ENDS) for low in scan.lows):
        scan.cover.add_all(_STREET.finditer(text), "PLACE")
        scan.cover.add_all(_STREET_LOWER.finditer(text), "PLACE")
    for match in _POSTCODE.finditer(text):
        scan.cover.add(*match.span(match.lastindex or 0), "PLACE")
