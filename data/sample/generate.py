"""Writes the sample data from the facts of `knowledge/`: `python data/sample/generate.py [FOLDER]`.

The same facts always give the same bytes; a test compares the committed files with what this script makes. The people
in the questions are invented. The facts are general textbook knowledge and hold no doses.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SEED = 20250131
LANGUAGES = ("en", "zh")
PARAGRAPHS = 6
"""Per condition and language; each tells every fact once, in an order and wording of its own."""
WRITTEN = ("kind", "organ", "symptoms", "cause", "risks", "diagnosis", "treatment", "prevention", "complications")
"""Facts that knowledge/ words in both languages."""
ASKED_TWICE = ("kind", "symptoms", "cause", "treatment")
CLOSED = ("organ", "specialist", "category", "contagious")
"""Facts with a closed answer: the other choices are the same fact of other conditions."""
IDENTIFIED = 0.05
"""Share of the questions that carry made-up identifiers."""
LONG = 20_100
"""Characters of the over-long answers: beyond the default limit of a dataset."""
FAULTS = {
    "blank answer": 6,
    "duplicate": 6,
    "duplicate id": 5,
    "over-long answer": 2,
    "broken JSON": 3,
    "no question": 3,
}
TRIAGE_FRAMES = (
    "{text}",
    "Hello, I need advice. {text}",
    "{text} How soon should I be seen?",
    "{text} What should I do?",
    "I am writing because I am not sure what to do. {text}",
    "Good day. {text} Thank you.",
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """One fact about one condition, in one language."""

    condition: str
    category: str
    kind: str
    language: str
    name: str
    plural: bool
    values: tuple[str, ...]
    prose: tuple[str, ...]
    questions: tuple[str, ...]

    def say(self, template: str, values: tuple[str, ...] | None = None) -> str:
        """A wording filled in, with its first letter in upper case."""
        endings = {"is": "are", "s": "", "es": ""} if self.plural else {"is": "is", "s": "s", "es": "es"}
        text = template.format(N=self.name, V=listing(values or self.values, self.language), **endings)
        return text[0].upper() + text[1:]

    @property
    def answer(self) -> str:
        """Answers are worded like the first of the corpus's sentences."""
        return self.say(self.prose[0])


def listing(values: tuple[str, ...], language: str) -> str:
    """`a, b and c`, in the language's own way."""
    comma, last = (", ", " and ") if language == "en" else ("、", "和")
    return last.join([comma.join(values[:-1]), values[-1]] if len(values) > 1 else values)


def load(name: str) -> Any:
    """A YAML file of this folder."""
    return yaml.safe_load((HERE / name).read_text("utf-8"))


def facts() -> list[Fact]:
    """Every fact of `knowledge/`, in both languages."""
    wording, specialists = load("templates.yaml"), load("specialists.yaml")
    found = []
    for path in sorted((HERE / "knowledge").glob("*.yaml")):
        category = load(f"knowledge/{path.name}")
        for condition in category["conditions"]:
            told = {kind: condition[kind] for kind in WRITTEN}
            told["specialist"], told["category"] = specialists[condition["specialist"]], category["name"]
            contagious = condition["contagious"]
            if contagious is not None:  # the honest answer may be "it depends"
                told["contagious"] = {"en": "", "zh": ""}  # its wordings say it all
            for language in LANGUAGES:
                for kind, value in told.items():
                    words = wording[language][kind]
                    prose = words.get("prose") or words["prose_yes" if contagious else "prose_no"]
                    values = value[language]
                    found.append(
                        Fact(
                            condition=condition["id"],
                            category=path.stem,
                            kind=kind,
                            language=language,
                            name=condition["name"][language],
                            plural=condition.get("plural", False),
                            values=tuple(values) if isinstance(values, list) else (values,),
                            prose=tuple(prose),
                            questions=tuple(words["questions"]),
                        )
                    )
    return found


def corpus(known: list[Fact], chance: random.Random) -> list[str]:
    """Paragraphs of declarative prose, for the base model: one condition each, every fact in several wordings.

    A fact that is told in one wording only can be recited, but not be asked for (Allen-Zhu and Li 2023, "Physics of
    language models: part 3.1, knowledge storage and extraction"): so wordings and orders vary. Only the sentence that
    serves as the answer stays as it is.
    """
    blocks: dict[tuple[str, str], list[Fact]] = {}
    for fact in known:
        blocks.setdefault((fact.condition, fact.language), []).append(fact)
    paragraphs = []
    for (_, language), block in blocks.items():
        wordings = {fact.kind: chance.sample(fact.prose, len(fact.prose)) for fact in block}
        for number in range(PARAGRAPHS):
            sentences = []
            for fact in chance.sample(block, len(block)):
                wording = wordings[fact.kind][number % len(fact.prose)]
                values = tuple(chance.sample(fact.values, len(fact.values))) if number % 2 else fact.values
                sentences.append(fact.answer if wording == fact.prose[0] else fact.say(wording, values))
            paragraphs.append((" " if language == "en" else "").join(sentences))
    chance.shuffle(paragraphs)
    return paragraphs


def questions(known: list[Fact], chance: random.Random) -> list[Row]:
    """Question-answer records; `group` is the condition."""
    people = load("people.yaml")
    rows = []
    for fact in known:
        wordings = chance.sample(fact.questions, 2 if fact.kind in ASKED_TWICE else 1)
        for number, wording in enumerate(wordings, 1):
            question = fact.say(wording)
            if chance.random() < IDENTIFIED:
                question = signed(question, people[fact.language], fact.language, chance)
            row: Row = {
                "id": f"{fact.condition}-{fact.kind}-{fact.language}-{number}",
                "group": fact.condition,
                "question": question,
                "answer": fact.answer,
                "category": fact.category,
                "language": fact.language,
            }
            if fact.kind in CLOSED:
                row["choices"] = choices(fact, known, chance)
            rows.append(row)
    return rows


def choices(fact: Fact, known: list[Fact], chance: random.Random) -> list[str]:
    """The answer and up to three others that the same kind of fact has elsewhere, about this condition."""
    own = (fact.prose[0], fact.values)
    peers = {(one.prose[0], one.values) for one in known if (one.kind, one.language) == (fact.kind, fact.language)}
    others = sorted(peers - {own})
    picked = [own, *chance.sample(others, min(3, len(others)))]
    return [fact.say(*one) for one in chance.sample(picked, len(picked))]


def signed(question: str, people: dict[str, list[str]], language: str, chance: random.Random) -> str:
    """The question with somebody's made-up name, date, number or address around it."""
    first, last = chance.choice(people["first"]), chance.choice(people["last"])
    year, month, day = chance.randint(1931, 2019), chance.randint(1, 12), chance.randint(1, 28)
    if language == "en":
        date = chance.choice((f"{day:02d}/{month:02d}/{year}", f"{year}-{month:02d}-{day:02d}"))
        phone = f"617-555-01{chance.randint(0, 99):02d}"
    else:
        date, phone = f"{year}年{month}月{day}日", f"1390000{chance.randint(0, 9999):04d}"
    return chance.choice(people["frames"]).format(
        question=question,
        first=first,
        last=last,
        city=chance.choice(people["city"]),
        date=date,
        phone=phone,
        number=chance.randint(1_000_000, 9_999_999),
        mail=f"{first}.{last}@example.org".lower(),
    )


def spoiled(rows: list[Row], chance: random.Random) -> list[str]:
    """The rows as lines of JSON, with `FAULTS` among them: what quarantine is shown with."""
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    for fault, count in FAULTS.items():
        for number, row in enumerate(chance.sample(rows, count)):
            new = row | {"id": f"{fault.lower().replace(' ', '-')}-{number + 1}"}
            new.pop("choices", None)
            if fault == "blank answer":
                new["answer"] = " " * number
            elif fault == "duplicate":
                new = row | {"id": new["id"]}
            elif fault == "duplicate id":
                new = new | {"id": row["id"], "question": row["question"] + " (2)"}
            elif fault == "over-long answer":
                new["answer"] = (row["answer"] + " ") * (LONG // len(row["answer"]) + 1)
            elif fault == "no question":
                del new["question"]
            line = json.dumps(new, ensure_ascii=False)
            if fault == "broken JSON":
                line = line[: len(line) // 2]
            lines.insert(chance.randint(len(lines) // 20, len(lines)), line)
    return lines


def triage(chance: random.Random) -> list[Row]:
    """Messages to a clinic and how soon their senders need care; `group` is the situation."""
    rows = []
    for label, cases in load("triage.yaml").items():
        for case in cases:
            told = [("en", frame.format(text=case["en"])) for frame in chance.sample(TRIAGE_FRAMES, 3)]
            for number, (language, text) in enumerate([*told, ("zh", case["zh"])], 1):
                rows.append(
                    {
                        "id": f"{case['id']}-{number}",
                        "group": case["id"],
                        "text": text,
                        "label": label,
                        "category": case["category"],
                        "language": language,
                    }
                )
    rows.append(rows[0] | {"id": "conflict-1", "label": "routine"})  # the same text under two labels
    rows.append(rows[-2] | {"id": "blank-1", "text": " "})
    return rows


def tagged(known: list[Fact], chance: random.Random) -> list[str]:
    """Lines of a CoNLL file: English notes, one document per condition, `token<TAB>tag`."""
    frames = load("symptom_frames.yaml")
    facts_of: dict[str, dict[str, Fact]] = {}
    for fact in known:
        if fact.language == "en":
            facts_of.setdefault(fact.condition, {})[fact.kind] = fact
    lines = ["# Synthetic notes; see README.md."]
    for number, own in enumerate(facts_of.values()):
        lines += ["-DOCSTART-\tO", ""]
        symptoms = chance.sample(own["symptoms"].values, len(own["symptoms"].values))
        entities = {
            "S1": ("SYMPTOM", symptoms[0]),
            "S2": ("SYMPTOM", symptoms[1]),
            "S3": ("SYMPTOM", symptoms[-1]),
            "C": ("CONDITION", own["symptoms"].name),
            "T": ("TEST", chance.choice(own["diagnosis"].values)),
        }
        for frame in chance.sample(frames, 4):
            for word in frame.split():
                lines += _tokens(*entities[word]) if word in entities else [f"{word}\tO"]
            lines.append("")
        if number % 30 == 29:  # a tag that continues nothing, and a token without a tag
            lines += ["Fever\tI-SYMPTOM", "again\tO", "", "No", "news\tO", ""]
    return lines


def _tokens(tag: str, entity: str) -> list[str]:
    words = entity.split()
    article = [f"{words.pop(0)}\tO"] if words[0] in {"a", "an", "the"} else []
    return article + [f"{word}\t{'I' if place else 'B'}-{tag}" for place, word in enumerate(words)]


def main(folder: Path) -> None:
    """Write every file into a folder."""
    known = facts()
    files = {
        "corpus.txt": corpus(known, random.Random(SEED)),
        "medqa.jsonl": spoiled(questions(known, random.Random(SEED + 1)), random.Random(SEED + 2)),
        "triage.jsonl": [json.dumps(row, ensure_ascii=False) for row in triage(random.Random(SEED + 3))],
        "symptoms.conll": tagged(known, random.Random(SEED + 4)),
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
