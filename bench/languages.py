"""Errors of the language of a record, by length of the text, and its speed.

    python -m bench.languages [--catalogs FOLDER] [--sentences 1500]

Texts of other languages: translated messages of programs (gettext catalogs, as a Linux system has them), which are
short and full of English words, so harder than notes. English texts that are wrongly taken for another language: the
public data sets, and the untranslated messages.
"""

from __future__ import annotations

import argparse
import gettext
import json
import random
import re
import time
from pathlib import Path

from bench.deidentification import abstracts, ncbi_sentences, public_queries, toyhom
from tasks.data.language import spoken
from tasks.home import real_data

LANGUAGES = ("fr", "de", "es", "it", "pt", "nl", "pl", "tr", "vi", "id", "sv", "da", "fi", "cs", "hu", "ro", "ca")
SCRIPTS = ("ja", "ko", "ru", "uk", "ar", "fa", "th", "hi", "el", "he", "ka", "zh_CN", "zh_TW")
LENGTHS = ((15, 30), (30, 60), (60, 200))
_MARKUP = re.compile(r"[%<>{}\\_=/&]|--|\n")


def messages(folder: Path, language: str, most: int) -> tuple[list[str], list[str]]:
    """Messages of programs, untranslated and translated."""
    pairs = set()
    for file in sorted((folder / language / "LC_MESSAGES").glob("*.mo")):
        with file.open("rb") as content:
            try:
                known = vars(gettext.GNUTranslations(content))["_catalog"]
            except (OSError, UnicodeDecodeError, ValueError):
                continue
        pairs |= {
            (key, value)
            for key, value in known.items()
            if isinstance(key, str) and isinstance(value, str) and key and key != value
            if not _MARKUP.search(key + value) and LENGTHS[0][0] <= len(key) < LENGTHS[-1][1]
        }
    chosen = sorted(pairs)
    random.Random(1).shuffle(chosen)
    return [key for key, _ in chosen[:most]], [value for _, value in chosen[:most]]


def other_languages(folder: Path, most: int) -> set[str]:
    """Print the share that is found to be without rules, by length; return the untranslated messages."""
    print("share of texts found to be in a language without rules (zh: taken for another), of so many characters")
    english: set[str] = set()
    for language in (*LANGUAGES, *SCRIPTS):
        keys, texts = messages(folder, language, most)
        english |= {key for key in keys if key.isascii()}
        row = []
        for low, high in ((4, 15), *LENGTHS) if language in SCRIPTS else LENGTHS:
            within = [text for text in texts if low <= len(text) < high]
            found = sum(spoken([text], "en").without_rules is not None for text in within)
            row.append(f"{low}-{high}: {found / len(within):.3f} of {len(within)}" if within else f"{low}-{high}: -")
        print(f"  {language:6} {'; '.join(row)}")
    return english


def in_english(messages_: set[str]) -> None:
    """Print how many English texts are taken for another language."""
    presidio = json.loads((real_data() / "presidio_general" / "synth_dataset_v2.json").read_text(encoding="utf-8"))
    sets = {
        "tagged queries": [case.text for case in public_queries()],
        "medical abstracts": abstracts(),
        "NCBI-disease sentences": [" ".join(tokens) for tokens, _ in ncbi_sentences()],
        "general sentences with names of many countries": [row["full_text"] for row in presidio],
        "messages of programs": sorted(messages_)[:5000],
    }
    print("English texts taken for another language")
    for name, texts in sets.items():
        found = [one for one in (spoken([text], "en").without_rules for text in texts) if one]
        print(f"  {name}: {len(found)} of {len(texts)}")
    chinese = toyhom()
    print(
        f"Chinese texts (toyhom_zh): {sum(spoken([text], 'zh').language != 'zh' for text in chinese)} of {len(chinese)}"
    )


def speed() -> None:
    """Print records per second of processor time."""
    for name, texts in (("en", [case.text for case in public_queries()]), ("zh", [text[:50] for text in toyhom()])):
        start = time.process_time()
        for text in texts:
            spoken([text], name)
        print(f"speed, {name}: {len(texts) / (time.process_time() - start):,.0f} records/s")


def main() -> None:
    """Measure everything."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--catalogs", type=Path, default=Path("/usr/share/locale"))
    options.add_argument("--sentences", type=int, default=1500, help="per language, at most")
    chosen = options.parse_args()
    spoken(["warm-up, ein Text, der den Detektor braucht"], "en")
    in_english(other_languages(chosen.catalogs, chosen.sentences))
    speed()


if __name__ == "__main__":
    main()
