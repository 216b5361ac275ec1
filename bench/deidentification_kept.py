"""What de-identification must leave alone: names of species and drugs, put into plain sentences.

    python -m bench.deidentification_kept [--show N] [--sample 1500]

`data/gold/kept_en.txt` was written by hand. Larger lists are read where the packages that carry them are installed:
`birdnames` (AviList 2025, CC BY 4.0), `animalia` (UniProt's list of species, CC BY 4.0) and
`drug-named-entity-recognition` (MIT; its file is a pickle, of which only the texts are read). The heads of the birds on
even places of the list are in the rule's own list, so that the odd half is the measure. A name counts as altered if
any part of it is replaced.
"""

from __future__ import annotations

import argparse
import bz2
import csv
import pickletools
import random
import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from tasks.data.phi import Deidentifier
from tasks.home import CHECKOUT

OF_SPECIES = (
    "{} was recorded at every site.",
    "The diet of {} consists of insects.",
    "We compared {} with other species.",
    "Samples of {} were sequenced.",
    "Infection with {} was confirmed by culture.",
    "In {}, the gene is duplicated.",
    "Three species ({} among them) carried the virus.",
    "{} and related species were studied.",
    "Males of {} sing in spring.",
    "Populations of {} from Spain and Italy were sampled.",
)
OF_DRUGS = (
    "{} was started at 5 mg daily.",
    "She takes {} every morning.",
    "Treatment with {} was well tolerated.",
    "{} can cause drowsiness.",
    "He is allergic to {}.",
    "Switched from {} to another drug.",
    "Patients on {} had fewer events.",
    "{} 20 mg PO daily",
    "Medications: aspirin, {}, and vitamin D.",
    "The patient was given {} in the emergency room.",
)
_BINOMIAL = re.compile(r"N=([A-Z][a-z]+ [a-z-]+)$")
_ENGLISH = re.compile(r"C=([A-Z][A-Za-z'-]+(?: [A-Za-z'-]+)+)$")
_DRUG = re.compile(r"[a-z][a-z-]{3,}")


def by_hand() -> dict[str, list[str]]:
    """The names of the gold file, by kind."""
    names: dict[str, list[str]] = {}
    for line in (CHECKOUT / "data" / "gold" / "kept_en.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, name = line.split("\t")
            names.setdefault(kind, []).append(name)
    return names


def _folder(package: str) -> Path | None:
    spec = find_spec(package)
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


def lists() -> Iterator[tuple[str, list[str], Sequence[str]]]:
    """A title, names and sentences for each list that is there."""
    for kind, names in by_hand().items():
        yield f"by hand, {kind}", names, OF_DRUGS if kind in ("drug", "brand") else OF_SPECIES
        if kind == "drug":
            yield "by hand, drug with a capital", [name.capitalize() for name in names], OF_DRUGS
    if (birds := _folder("birdnames")) is not None:
        file = birds / "data" / "processed" / "avilist_2025_taxonomy.csv"
        with file.open(encoding="utf-8", newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["avilist_taxon_rank"] == "species"]
        english = sorted({row["avilist_common_name"].strip() for row in rows if row["avilist_common_name"]})
        yield "AviList, English, even half", english[::2], OF_SPECIES
        yield "AviList, English, odd half", english[1::2], OF_SPECIES
        yield "AviList, genera", sorted({row["genus"] for row in rows}), OF_SPECIES
        yield "AviList, binomials", sorted({row["scientific_name"] for row in rows}), OF_SPECIES
    if (animals := _folder("animalia")) is not None:
        text = [line.strip() for line in (animals / "data" / "species.txt").read_text(encoding="utf-8").splitlines()]
        yield "UniProt, binomials", sorted({m[1] for line in text if (m := _BINOMIAL.search(line))}), OF_SPECIES
        common = sorted({m[1] for line in text if (m := _ENGLISH.search(line))})
        yield "UniProt, English", common, OF_SPECIES
        yield "UniProt, English, each word with a capital", [_titled(name) for name in common], OF_SPECIES
    if (drugs := _folder("drug_named_entity_recognition")) is not None:
        content = bz2.decompress((drugs / "drug_ner_dictionary.pkl.bz2").read_bytes())
        texts = {arg for _, arg, _ in pickletools.genops(content) if isinstance(arg, str) and _DRUG.fullmatch(arg)}
        yield "drugs", sorted(texts), OF_DRUGS
        yield "drugs with a capital", sorted(_titled(name) for name in texts), OF_DRUGS


def _titled(name: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in name.split())


def altered(names: Sequence[str], sentences: Sequence[str], deidentifier: Deidentifier) -> list[tuple[str, str]]:
    """The names that lose a part, each with its sentence; sentences are taken in turn."""
    found = []
    for at, name in enumerate(names):
        sentence = sentences[at % len(sentences)]
        begin = sentence.index("{}")
        end = begin + len(name)
        spans = deidentifier.find(sentence.replace("{}", name), "en")
        if any(first < end and last > begin for first, last, _ in spans):
            found.append((name, sentence))
    return found


def main() -> None:
    """Measure every list."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--show", type=int, default=0, help="names that are printed per list")
    options.add_argument("--sample", type=int, default=1500, help="names per list, chosen by seed 7")
    chosen = options.parse_args()
    deidentifier = Deidentifier()
    for title, names, sentences in lists():
        picked = random.Random(7).sample(names, chosen.sample) if len(names) > chosen.sample else names
        bad = altered(picked, sentences, deidentifier)
        print(f"{title:44} {len(picked):6,} names, {len(bad):4} altered ({len(bad) / len(picked):.2%})")
        for name, sentence in bad[: chosen.show]:
            print(f"    {name!r} in {sentence!r}")


if __name__ == "__main__":
    main()
