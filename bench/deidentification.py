"""Recall and precision of de-identification, what it alters in disease mentions, and its speed.

    python -m bench.deidentification

A value counts as recalled only if none of its words stays readable; the leak is the share of its letters and digits
that stay. The public queries are split in two: the rules were developed on the even half, the odd half was only run.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree import ElementTree

from tasks.data.phi import KINDS, Deidentifier
from tasks.home import CHECKOUT, real_data

KIND_OF_TAG = {"NAME": "NAME", "GEOGRAPHIC_LOCATION": "PLACE", "DATE": "DATE"} | dict.fromkeys(
    ("PHONE_NUMBER", "EMAIL_ADDRESS", "FAX_NUMBER", "URL", "IP_ADDRESS"), "CONTACT"
)  # every other tag is a record number
# Words that name nobody when they stay: "Clinic in [PLACE_1]", "patient ID: [ID_1]".
HARMLESS = {"in", "of", "the", "and", "at", "on"}
LABELS = {"patient", "id", "medicare"}


class Case(NamedTuple):
    """A text and the identifiers in it: (kind, value)."""

    text: str
    language: str
    values: list[tuple[str, str]]


def public_queries() -> list[Case]:
    """The 526 tagged queries of `synthetic_clinical_queries`."""
    cases = []
    content = (real_data() / "synthetic_clinical_queries" / "queries.txt").read_text(encoding="utf-8")
    for block in content.split("===QUERY===")[1:]:
        query, tags = block.split("===PHI_TAGS===")
        rows = [json.loads(line) for line in tags.splitlines() if line.strip()]
        values = [(KIND_OF_TAG.get(row["identifier_type"], "ID"), row["value"]) for row in rows]
        cases.append(Case(query.strip(), "en", values))
    return cases


def gold(name: str) -> list[Case]:
    """A gold set of `data/gold`."""
    lines = (CHECKOUT / "data" / "gold" / name).read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Case(row["text"], row["language"], [(v["type"], v["value"]) for v in row["values"]]) for row in rows]


@dataclass
class Counts:
    """What was tagged and what was found in some texts, per kind."""

    total: Counter[str] = field(default_factory=Counter)
    recalled: Counter[str] = field(default_factory=Counter)
    letters: Counter[str] = field(default_factory=Counter)
    leaked: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    texts: int = 0
    negatives: int = 0
    altered_negatives: int = 0


def count(cases: Iterable[Case], deidentifier: Deidentifier) -> Counts:
    """Look through texts and compare with what is tagged in them."""
    counts = Counts()
    for case in cases:
        counts.texts += 1
        spans = deidentifier.find(case.text, case.language)
        hidden = {at for start, end, _ in spans for at in range(start, end)}
        tagged: set[int] = set()
        for kind, value in case.values:
            counts.total[kind] += 1
            safe = True
            for match in re.finditer(re.escape(value), case.text):
                tagged.update(range(*match.span()))
                left = "".join(
                    c if at not in hidden and c.isalnum() else " " for at, c in enumerate(value, start=match.start())
                ).split()
                left = [word for word in left if word.lower() not in HARMLESS | (LABELS if kind == "ID" else set())]
                counts.letters[kind] += sum(map(str.isalnum, value))
                counts.leaked[kind] += sum(map(len, left))
                safe = safe and not left
            counts.recalled[kind] += safe
        for start, end, kind in spans:
            counts.found[kind] += 1
            counts.right[kind] += not tagged.isdisjoint(range(start, end))
        if not case.values:
            counts.negatives += 1
            counts.altered_negatives += bool(spans)
    return counts


def measure(title: str, cases: Iterable[Case], deidentifier: Deidentifier) -> None:
    """Print recall, leak and precision per kind."""
    counts = count(cases, deidentifier)
    print(
        f"\n{title}: {counts.texts} texts, {counts.negatives} without identifiers, "
        f"of which {counts.altered_negatives} altered"
    )
    print(f"  {'kind':8} {'values':>6} {'recall':>7} {'leak':>7} {'precision':>9}")
    for kind in KINDS:
        if counts.total[kind] or counts.found[kind]:
            print(
                f"  {kind:8} {counts.total[kind]:6} {_ratio(counts.recalled[kind], counts.total[kind])} "
                f"{_ratio(counts.leaked[kind], counts.letters[kind])}   "
                f"{_ratio(counts.right[kind], counts.found[kind])}"
            )


def _ratio(part: int, whole: int) -> str:
    return f"{part / whole:7.4f}" if whole else "      -"


def ncbi_sentences() -> Iterator[tuple[list[str], list[str]]]:
    """Tokens and tags of the sentences of NCBI-disease, train and devel."""
    for split in ("train", "devel"):
        for block in (real_data() / "ncbi_disease" / f"{split}.tsv").read_text(encoding="utf-8").split("\n\n"):
            rows = [line.split("\t") for line in block.splitlines() if line]
            if rows:
                yield [row[0] for row in rows], [row[1] for row in rows]


def disease_mentions(deidentifier: Deidentifier) -> None:
    """Print how many disease mentions lose a token."""
    mentions = altered = 0
    for tokens, tags in ncbi_sentences():
        result, _ = deidentifier.deidentify_tokens(tokens, "en")
        index = 0
        while index < len(tags):
            end = index + 1
            if tags[index].startswith("B-"):
                while end < len(tags) and tags[end].startswith("I-"):
                    end += 1
                mentions += 1
                altered += result[index:end] != tokens[index:end]
            index = end
    print(f"\nNCBI-disease, train and devel: {mentions} mentions, {altered} altered ({altered / mentions:.2%})")


def abstracts() -> list[str]:
    """The texts of `medical_abstracts`."""
    with (real_data() / "medical_abstracts" / "medical_abstracts.csv").open(encoding="utf-8", newline="") as lines:
        return [row["medical_abstract"] for row in csv.DictReader(lines)]


def public_texts(deidentifier: Deidentifier) -> None:
    """Print what is found in public texts about no one: most places and dates are true ones, names mostly errors."""
    pubmed = json.loads((real_data() / "pubmedqa" / "ori_pqal_dev500.json").read_text(encoding="utf-8")).values()
    questions = [" ".join([row["QUESTION"], *row["CONTEXTS"], row["LONG_ANSWER"]]) for row in pubmed]
    medquad = [
        element.text or ""
        for file in sorted((real_data() / "medquad").glob("*/*.xml"))
        for element in ElementTree.parse(file).iter("Answer")
    ]
    print("\nfound per 100,000 characters of public text")
    print(f"  {'':18} {'characters':>10} " + " ".join(f"{kind:>8}" for kind in KINDS))
    named = (("MedQuAD", medquad), ("medical abstracts", abstracts()), ("PubMedQA", questions), ("toyhom_zh", toyhom()))
    for name, texts in named:
        size = sum(map(len, texts))
        found = Counter(span.kind for text in texts for span in deidentifier.find(text))
        print(f"  {name:18} {size:10,} " + " ".join(f"{found[kind] * 1e5 / size:8.2f}" for kind in KINDS))


def toyhom() -> list[str]:
    """Questions and answers of `toyhom_zh`."""
    with next((real_data() / "toyhom_zh").glob("*.csv")).open(encoding="gb18030", newline="") as lines:
        return [f"{row['ask']} {row['answer']}" for row in csv.DictReader(lines)]


def speed(deidentifier: Deidentifier) -> None:
    """Print records per second of processor time, one core, on short records: the best of five passes."""
    english = [case.text for case in public_queries()]
    chinese = [text[:50] for text in toyhom()[:3000]]
    print()
    for language, texts in (("en", english), ("zh", chinese)):
        passes = []
        for _ in range(5):  # the best: other work on the machine slows the processor down, too
            start = time.process_time()
            for text in texts:
                deidentifier.deidentify_record({"text": text}, language)
            passes.append(time.process_time() - start)
        seconds = min(passes)
        size = sum(map(len, texts)) / len(texts)
        print(f"speed, {language}: {len(texts) / seconds:,.0f} records/s of {size:.0f} characters on average")


def main() -> None:
    """Measure everything."""
    deidentifier = Deidentifier()
    deidentifier.find("warm-up: 患者 John")  # the lists are read here, not in the timing
    queries = public_queries()
    measure("public queries, even half (development)", queries[::2], deidentifier)
    measure("public queries, odd half (held out)", queries[1::2], deidentifier)
    measure("own English gold set", gold("deid_en.jsonl"), deidentifier)
    facilities = gold("facilities_en.jsonl")
    measure("facilities by short names, even half (development)", facilities[::2], deidentifier)
    measure("facilities by short names, odd half", facilities[1::2], deidentifier)
    measure("own Chinese gold set", gold("deid_zh.jsonl"), deidentifier)
    disease_mentions(deidentifier)
    public_texts(deidentifier)
    speed(deidentifier)


if __name__ == "__main__":
    main()
