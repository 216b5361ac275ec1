"""Record numbers: of patients, insurances, accounts, licences, devices, and codes of such a shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tasks.data.phi.shared import caseless
from tasks.data.phi.shared.spans import Cover

_DESIGNATOR = (
    r"(?:[\s./-]{0,3}(?:ids?|identifiers?|identification|no|nos|num|nr|nbr|numbers?|code|card|record|policy|plan"
    r"|security|insurance|holder|account|#|№|n°)(?![a-z])\.?)"
)
# These announce a number by themselves ("MRN 12345") ...
_STRONG_KEY = (
    r"(?:m\.?r\.?n|med(?:ical)?\.?\s{0,2}rec(?:ord)?s?|medical\s{1,2}(?:history|chart)|health\s{1,2}record|chart|mr|emr"
    r"|ehr|epic|csn|har|fin|uhid|ssn?|s\.s\.n|soc(?:ial)?\.?\s{0,2}sec(?:urity)?|acct|account|a/c|insur(?:ance|ed)?|ins"
    r"|policy|health\s{0,2}plan|plan|member(?:ship)?|subscriber|beneficiary|medicare|medicaid|mbi|hicn|nhs|chi|ohip|npi"
    r"|dea|licen[sc]e|lic|cert(?:ificate|ification)?|passport|driver'?s?\s{1,2}licen[sc]e|plate|vin|serial|s/n|accession"
    r"|specimen|encounter|claim|authorization|prior\s{1,2}auth|reference|ref|barcode|imei|udi|lot|iban|tax|tin|ein|nino"
    r"|nin|identifier|id|uuid|guid|case|tracking|confirmation|empi|eid|urn|pan|mpi|cpi|upi|hcn|phn|pmi|crn)"
)
# ... and these only with "no.", "ID" or "#", or before a code ("visit 7781-03").
_WEAK_KEY = (
    r"(?:patient|pt|hospital|clinic|unit|admission|visit|file|sample|study|subject|participant|device|pacemaker|implant"
    r"|prescription|rx|order|group|family|employee|staff|student|vehicle|registration|registry|doctor|provider|room|bed"
    r"|invoice|bill(?:ing)?|card|bank|credit\s{1,2}card|debit\s{1,2}card|national|donor|referral|appointment|ticket"
    r"|booking|hosp|request|lab|report|episode|stay|health|personal|unique|record|user|client|resident|tenant|badge)"
)
_CODE_AHEAD = (
    r"(?=[\s:#]{1,3}(?:(?!(?:19|20)\d\d[-/](?:19|20)?\d\d\b)\d{3,}-\d{2,}|\d{2}/\d{5}|[A-Z]{1,4}-?\d{4,}|\d{5,8}[A-Z]?\b"
    r"|[A-Z]-\d{3,}-[A-Z]{1,3}\b))"
)
_BETWEEN = (
    r"(?:[\s:=#№.,–—\-(]{1,6}"
    r"|\s{1,3}(?:is|was|are|reads|under|recorded\s{1,2}as|listed\s{1,2}as|being)\s{1,3})(?:is\s{1,3})?"
)
_VALUE = (
    r"#?\s?((?=[A-Za-z0-9]{0,12}[-/._]?[A-Za-z0-9]{0,12}[-/._]?[A-Za-z]{0,12}\d)"
    r"[A-Za-z0-9]{1,36}(?:[-/._][A-Za-z0-9]{1,24}){0,6})(?![A-Za-z0-9])"
)
_KEYED = caseless.compiled(
    rf"(?=[a-z])(?<![A-Za-z])(?:{_STRONG_KEY}{_DESIGNATOR}{{0,3}}|{_WEAK_KEY}(?:{_DESIGNATOR}{{1,3}}|{_CODE_AHEAD}))"
    rf"(?![A-Za-z]){_BETWEEN}{_VALUE}"
)
_SPACED = caseless.compiled(  # groups of digits with blanks: NHS 943 476 5919, a card number
    r"(?:nhs|ssn|social security|card|medicare|account|iban|insurance|number|no\.?|id|#)[\s:#a-z]{0,24}"
    r"\b((?:[A-Z]{2}\d{2}\s)?\d{3,4}(?:\s\d{2,6}){2,5})\b(?!\.\d)"
)
_SPACED_DIGITS = re.compile(r"\d{3}\s\d{2}")
_SHAPE = re.compile(
    r"(?<![\w./-])(?:"
    r"\d{3}-\d{2}-\d{4}"  # US social security
    r"|[A-CEGHJ-PR-TW-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]"  # UK national insurance
    r"|\d[A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d{2}"  # US Medicare
    r"|#[A-Z]{0,6}-?\d[\dA-Z-]{3,20}"
    r"|[A-Z]{1,6}[-–]\d{5,}(?:-\d{2,}){0,3}"
    r"|[A-Z]{1,6}[-–]\d{3,}(?:-\d{2,}){1,3}"
    r"|[A-Z]{1,4}\d{6,}"
    r"|\d{5,}-(?:[A-Z]{1,4}|\d{1,3})"
    r"|[A-Z]{1,3}-\d{3,}-[A-Z]{1,4}"
    r"|(?=(?:[A-Z]*\d){4})(?:[A-Z]{1,4}\d{1,6}){2,6}[A-Z]{0,3}"  # X7K28P91B, EZP67979P: letters and digits by turns
    r"|(?=(?:[A-Z]*\d){4})(?:\d{1,6}[A-Z]{1,3}){3,6}\d{0,6}"
    r"|[A-Z]{2,4}\d{5}[A-Z]"
    r"|\d{2,6}(?:-\d{2,6}){2,4}"
    r"|\d{7,20}"
    r"|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r")(?![\w-]*\w)(?!\.\d)"
    r"(?!\s?(?:%|mg|g|ml|cells|copies|bp|kb|people|persons|patients|cases|years|dollars|USD|IU|units|per\b|/))",
    re.ASCII,
)
# Registers of trials, papers, genes and sequences: public, and no person's.
_PUBLIC = re.compile(
    r"(?:GO|HP|CHEBI|MONDO|DOID|MP)[:_]\d{4,7}(?!\d)|(?:NCT|PMID|PMC|OMIM|MIM|ENS[GTP]|rs|ISRCTN|EudraCT|ACTRN|ChiCTR|LOC|KIAA|FLJ|DKFZ|GSE|GSM|SRR|DRKS"
    r"|UMIN|ICD-?(?:9|10|11)\b|SNOMED|LOINC|ORPHA|ISBN|ISSN|RRID|HGNC)[-_: ]?\d|(?:NM|NP|XM|XP|NR|NG|NC|NT)_\d"
)
# Behind these a number is a person's, whatever register it looks like: "insurance number HP-20331".
_OF_PERSONS = caseless.compiled(
    r"(?:m\.?r\.?n|medical|health|chart|emr|ehr|ssn?\b|soc|acct|account|insur|ins\b|policy|plan|member|subscriber"
    r"|beneficiary|medicare|medicaid|nhs|licen|passport|driver|claim|patient|pt\b|hospital|encounter|employee|card|bank)"
)
_MARKER = re.compile(r"D\d{1,2}S\d+|[A-Z]{1,3}\d{1,2}[A-Z]{1,3}\d{1,2}[A-Z]?|[A-Z]{2,5}\d[A-Z]\d")  # loci, enzymes
_GENBANK = re.compile(r"(?:[A-Z]\d{5}|[A-Z]{2}\d{6})(?!\d)")
_PUBLIC_BEFORE = re.compile(
    r"(?:PMID|PMCID|O?MIM|ISBN|ISSN|doi|DOI|NCT|GenBank|ClinicalTrials\.gov|Orphanet|ORPHA|CAS|EC|MESH|GEO"
    r"|dbSNP|HGNC|HP|GO|CHEBI|MONDO|DOID)[\s:#.]{0,3}(?:(?:no|nos|number|numbers|identifier|ID)\b)?[\s:#.]{0,3}(?:[A-Z]{1,4})?$"
)
_DECIMAL = re.compile(r"\d{1,4}\.\d+")
_YEAR = re.compile(r"(?:19|20)\d\d")
_UNIT_AFTER = re.compile(
    r"\s?(?:%|mg|mcg|µg|ml|mL|mmHg|kg|cm|mm|year|yr|day|week|month|hour|patients|cases|people|percent)\b|%"
    r"|\s?of\s(?:the|all|patients)"
)
# Bank account numbers (ISO 13616) and their lengths per country.
_ACCOUNT = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?:\s?[A-Za-z0-9]{4}){2,7}(?:\s?[A-Za-z0-9]{1,3})?(?![A-Za-z0-9])", re.ASCII
)
_ACCOUNT_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL OM SO",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordWeights:
    """Digits that a number needs, and how far the name of a public register may stand before it."""

    # Digits behind a word that announces a number; two are a room or a dose. -1: public 1 wrong; +1: generated -32.
    keyed_digits: int = 3
    # Digits of a number that only its shape gives away. -1: public 1 wrong; +1: AB-12345 is lost.
    shaped_digits: int = 5
    # Characters back to "PMID:" or "GenBank accession no.": such numbers stay. No effect.
    register_reach: int = 30


WEIGHTS = RecordWeights()


def find_keyed(text: str, lowered: str, cover: Cover) -> None:
    """Add the numbers that a word announces."""
    if _SPACED_DIGITS.search(text):
        for match in _SPACED.finditer(lowered):
            cover.add(*match.span(1), "ID")
    for match in _ACCOUNT.finditer(text):
        if _ACCOUNT_LENGTHS.get(match[0][:2].upper()) == len("".join(match[0].split())):
            cover.add(*match.span(), "ID")
    for start, end in _keyed(text, lowered):
        cover.add(start, end, "ID")


def find_shaped(text: str, cover: Cover) -> None:
    """Add the numbers that their shape alone gives away."""
    for match in _SHAPE.finditer(text):
        value = match[0]
        if (
            _PUBLIC.match(value)
            or _GENBANK.fullmatch(value)
            or _MARKER.fullmatch(value)
            or _public_before(text, match.start())
        ):
            continue
        if sum(map(str.isdigit, value)) >= WEIGHTS.shaped_digits and not (value.isdigit() and value.endswith("000")):
            cover.add(*match.span(), "ID")


def _keyed(text: str, lowered: str) -> Iterator[tuple[int, int]]:
    for match in _KEYED.finditer(lowered):
        start, end = match.span(1)
        value = text[start:end]
        digits = sum(map(str.isdigit, value))
        if (
            digits < WEIGHTS.keyed_digits
            or _YEAR.fullmatch(value)
            or _DECIMAL.fullmatch(value)
            or _UNIT_AFTER.match(text, end)
        ):
            continue
        if _OF_PERSONS.match(match[0]) and not _public_before(text, start):
            yield (start - 1 if text[start - 1] == "#" else start), end
            continue
        sequence = "accession" in match[0] and _GENBANK.fullmatch(value)
        if not (sequence or _PUBLIC.match(value) or _public_before(text, start)):
            yield (start - 1 if text[start - 1] == "#" else start), end


def _public_before(text: str, start: int) -> bool:
    return bool(_PUBLIC_BEFORE.search(text[max(0, start - WEIGHTS.register_reach) : start]))
