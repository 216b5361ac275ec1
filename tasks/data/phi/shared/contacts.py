"""Contacts: e-mail and web addresses, telephone numbers, addresses of machines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.data.phi.shared import caseless
from tasks.data.phi.shared.spans import Cover

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+%-]{1,64}\s?@\s?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}", re.ASCII)
_TOP_LEVELS = ("com", "org", "net", "edu", "gov", "info", "io", "health", "hospital")
_PATH = r"[^\s<>\"'()\[\]，。；、）]"
_URL = re.compile(
    rf"(?:(?:https?|ftp)://|www\.){_PATH}{{3,300}}(?<![.,;:!?])"
    rf"|(?<![\w@.-])(?:[a-z0-9-]{{2,40}}\.){{1,4}}(?:{'|'.join(_TOP_LEVELS)})(?:\.[a-z]{{2}})?\b"
    rf"(?:/{_PATH}{{0,200}}(?<![.,;:!?]))?",
    re.IGNORECASE | re.ASCII,
)
_URL_PARTS = ("://", "www.", *(f".{level}" for level in _TOP_LEVELS))
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_MACHINE = re.compile(
    rf"(?<![\d.])(?:{_BYTE}\.){{3}}{_BYTE}(?![\d.]*\d)"
    r"|(?<![\w:])(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}(?![\w:])"
    r"|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}:?[0-9a-fA-F]{1,4}(?![\w:])",
    re.ASCII,
)
# "3.1.2.4 Diagnosis": four small numbers are a section, unless something says that they are an address.
_OF_MACHINE = re.compile(
    r"\bip(?:v4)?\b|address|host|server|router|gateway|\bdns\b|ping|login|logged|地址|服务器|网关|主机", re.IGNORECASE
)
_PRIVATE = "10."
_EXTENSION = r"(?:\s{0,2}(?:x|ext\.?|extension)\s{0,2}\d{1,6})?"
_ANNOUNCED = caseless.compiled(
    r"\b(?:tele?phone|phone|tel|ph|mobile|cell(?:phone)?|fax|pager|beeper|hotline|contact|paged?|call(?:ed|ing|s)?"
    r"|text(?:ed)?|reach(?:ed|able)?|whatsapp|landline|extension|ext|voicemail|helpline|registered|answering|messages?|sms|desk|office|direct)\b\.?"
    r"(?:\s{1,3}(?:no|nr|num|number|him|her|me|us|them|at|on|is|was|back|home|work|the|patient|office|line|toll|free"
    r"|or|and|via|by|to|from)\b\.?){0,5}"
    rf"[\s:=#№.,–—\-]{{0,6}}(?:\((?!\d{{3}}\)))?(\+?\(?\d[\d\s().\-/–]{{3,20}}\d{_EXTENSION})"
)
_PHONE = re.compile(
    r"(?<![\w.-])(?:"
    r"\+(?=(?:[\s().\-]{0,2}\d){8})\d{1,3}[\s.\-]?\(?\d{1,5}\)?(?:[\s.\-]?\d{2,5}){1,4}"
    r"|(?:1[\s.\-])?\(\d{3}\)\s?\d{3}[\s.\-–]?\d{4}"
    r"|(?:1[\s.\-])?\d{3}[\s.\-–]\d{3}[\s.\-–]\d{4}"
    r"|0\d{2,4}[\s\-]\d{3,4}[\s\-]?\d{3,4}"
    r"|07\d{3}\s?\d{6}"
    r"|0\d{1,4}(?:[\s-]\d{2,4}){2,4}"
    r"|\+\d{1,3}\s?\(0\)\s?\d(?:[\s-]?\d{2,4}){2,4}"
    r"|1[-\s]8\d\d[-\s][0-9A-Z][0-9A-Z-]{5,12}"
    rf"){_EXTENSION}(?![\w-]*\w)(?!\.\d)",
    re.ASCII,
)
# "416 60 039 office", "(37) 788-063-Fax": the word stands behind the number.
_NAMED_BEHIND = caseless.compiled(
    r"(?<![\w.+-])(\+?\(?\d[\d\s().-]{5,20}?\d)"
    r"(?=[\s-]{1,3}\(?(?:office|fax|mobile|cell|home|work|desk|direct|landline)\b)"
)


@dataclass(frozen=True, slots=True)
class ContactWeights:
    """What a telephone number needs, and a text before machine addresses are looked for."""

    # Digits behind a word that announces a telephone; four are an extension or a year. +1: gold -1.
    digits: int = 5
    # Dots of an IP address. 4 would lose 10.20.30.40; the pattern itself is what decides, this saves its time.
    dots: int = 3
    # The number from which a part of "3.1.2.4" is no section any more. No effect in these texts, which have none.
    section: int = 40
    # Characters back to "IP" or "server", which make small numbers an address. No effect.
    machine_reach: int = 40
    # Colons of the shortest address of version 6; the same.
    colons: int = 3
    # Dashes of a hardware address: 00-1b-44-11-3a-b7; the same.
    dashes: int = 5


WEIGHTS = ContactWeights()


def find_addresses(text: str, lowered: str, cover: Cover) -> None:
    """Add e-mail, web and machine addresses."""
    if "@" in text:
        cover.add_all(_EMAIL.finditer(text), "CONTACT")
    if any(part in lowered for part in _URL_PARTS):
        cover.add_all(_URL.finditer(text), "CONTACT")
    counts = (text.count(".") >= WEIGHTS.dots, text.count(":") >= WEIGHTS.colons, text.count("-") >= WEIGHTS.dashes)
    if any(counts):
        for match in _MACHINE.finditer(text):
            if not _section(text, match):
                cover.add(*match.span(), "CONTACT")


def _section(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers with dots are the number of a section rather than of a machine."""
    parts = match[0].split(".")
    if len(parts) == 1 or match[0].startswith(_PRIVATE) or any(int(part) >= WEIGHTS.section for part in parts):
        return False
    return not _OF_MACHINE.search(text, max(0, match.start() - WEIGHTS.machine_reach), match.start())


def find_numbers(text: str, lowered: str, cover: Cover) -> None:
    """Add telephone numbers: those that a word announces, then those of a usual shape."""
    for match in _ANNOUNCED.finditer(lowered):
        if sum(map(str.isdigit, match[1])) >= WEIGHTS.digits:
            cover.add(*match.span(1), "CONTACT")
    for match in _NAMED_BEHIND.finditer(lowered):
        if sum(map(str.isdigit, match[1])) > WEIGHTS.digits:
            cover.add(*match.span(1), "CONTACT")
    cover.add_all(_PHONE.finditer(text), "CONTACT")
