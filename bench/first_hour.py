"""The first hour of a new user: two dirty files of their own, no file edited by hand, two champions at the end.

    python -m bench.first_hour            # about ten minutes on two cores; in a copy of this checkout

`galen init` looks at each file and writes an entry and a recipe; then build, retrain, approve, next week's rows,
retrain again. It ends with an error unless each model has a champion of its second week that passed every gate, those
against the simple rivals among them. What it prints is times, verdicts and what the data stages turned away.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
LEFT_BEHIND = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", "built", ".mypy_cache", ".ruff_cache")
WAITS = 4
"""Exit code of `galen retrain` where a person must approve."""

WARDS = {
    "cardiology": ("palpitations at rest", "a pressing pain behind the breastbone", "ankles swollen by evening"),
    "pulmonology": ("a cough with thick sputum", "wheezing on breathing out", "short of breath on the stairs"),
    "gastroenterology": ("burning behind the sternum after meals", "loose stools for a week", "pain below the ribs"),
    "neurology": ("numbness of the left arm", "a tremor of both hands", "double vision since Monday"),
    "dermatology": ("an itching rash on both elbows", "a mole that has grown", "blisters on the palms"),
    "urology": ("burning on passing water", "blood in the urine", "getting up five times at night"),
    "orthopaedics": ("a knee that locks", "pain on lifting the arm", "a hip that aches when walking"),
    "ophthalmology": ("a red eye with discharge", "flashes of light", "blurred sight on one side"),
    "psychiatry": ("no joy in anything for months", "panic in crowds", "sleepless since the funeral"),
    "endocrinology": ("thirst and weight loss", "feeling cold all day", "a swelling of the neck"),
}
OPENINGS = ("Seen today.", "Known to us.", "Comes on referral.", "Came on foot.", "Was sent by the family doctor.")
ASIDES = (
    "Lives alone on the third floor and does the shopping.",
    "No allergies are known, no operations so far.",
    "Works in an office and sits for most of the day.",
    "Takes no regular drugs, smokes a pack a week.",
    "The family history gave nothing of note.",
    "Blood pressure and pulse were within the usual range.",
    "Would like to travel next month and asks for a letter.",
    "A blood count was taken and will follow by post.",
)


def notes(count: int, seed: int) -> list[list[str]]:
    """Rows of note id, patient, text, ward: what tells the ward is one phrase among others that tell nothing."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        ward = rng.choice(list(WARDS))
        said = [rng.choice(OPENINGS), f"Reports {rng.choice(WARDS[ward])}.", *rng.sample(ASIDES, 3)]
        rng.shuffle(said)
        rows.append([f"n{seed}-{number}", f"p{rng.randrange(10**6)}", " ".join(said), ward])
    return rows


def dirty_notes(path: Path, count: int, seed: int) -> None:
    """A CSV as a ward keeps it: a byte order mark, another week appended with its header, blank and double rows."""
    rows = notes(count, seed)
    rows[7][2] = ""  # no text
    rows[11][3] = ""  # no ward
    rows.append([f"n{seed}-again", *rows[3][1:]])  # the same note under another number
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        for part in (rows[: count // 2], rows[count // 2 :]):
            table.writerow(["note_id", "patient", "note", "ward"])
            table.writerows(part)


def dirty_questions(path: Path, weeks: int) -> None:
    """JSON lines with the sample's questions in two languages, and what people leave in such files.

    Args:
        weeks: 1 leaves out a fifth of the topics, which come with the second week.
    """
    rows = []
    for line in (CHECKOUT / "data/sample/medqa.jsonl").read_text("utf-8").split("\n"):
        with contextlib.suppress(json.JSONDecodeError):  # the sample has broken lines of its own
            rows.append(json.loads(line))
    topics = sorted({row["group"] for row in rows})
    kept = set(topics if weeks > 1 else topics[: len(topics) * 4 // 5])
    lines = [json.dumps({**row, "exported_by": "ward"}, ensure_ascii=False) for row in rows if row["group"] in kept]
    lines[20:20] = ["", '{"id": "broken", "question": "What is']
    lines.append(lines[0].replace('"id": "', '"id": "copy-of-'))
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")


class User:
    """Someone with a shell in a checkout."""

    def __init__(self, checkout: Path) -> None:
        self._checkout = checkout
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self._environment = os.environ | {
            "PYTHONPATH": str(checkout),
            "GALEN_HOME": str(checkout / "var"),
            "PATH": path,
        }

    def types(self, *arguments: str, may_wait: bool = False) -> str:
        """Run a command, show it with its time and its last lines, and stop at an error."""
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=self._checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        said = (done.stdout + done.stderr).strip()
        print(
            f"$ galen {' '.join(arguments)}   [{time.monotonic() - started:.0f} s, exit {done.returncode}]", flush=True
        )
        print("\n".join(f"    {line}" for line in said.splitlines()[-12:]), flush=True)
        if done.returncode not in ((0, WAITS) if may_wait else (0,)):
            raise SystemExit(f"galen {arguments[0]} failed:\n{said}")
        return done.stdout

    def policy(self, recipe: str) -> str:
        """Which policy a recipe names."""
        lines = (self._checkout / recipe).read_text("utf-8").splitlines()
        return next(line.removeprefix("policy: ") for line in lines if line.startswith("policy: "))

    def versions(self, model: str) -> list[dict[str, object]]:
        """What `galen models` says."""
        found: list[dict[str, object]] = json.loads(self.types("models", model, "--json"))
        return found


def first_hour(user: User, name: str, source: Path, flags: list[str], next_week: object) -> None:
    """From a file to the champion of the second week.

    Args:
        next_week: called with the file, adds its rows.
    """
    assert callable(next_week)
    user.types("init", "--yes", "--name", name, "--source", str(source), "--licence", "ours", *flags)
    user.types("data", "build", name)
    user.types("data", "show", name)
    recipe = f"recipes/{name}.yaml"
    user.types("retrain", recipe, may_wait=True)
    user.types("policy", "approve", user.policy(recipe), "--by", "A. Person", "--reason", "read its gates")
    user.types("approve", f"{name}@1", "--by", "A. Person", "--reason", "read forty answers")
    next_week(source)
    user.types("retrain", recipe, may_wait=True)
    champions = [one for one in user.versions(name) if "champion" in str(one["roles"])]
    if not champions or champions[0]["version"] == 1:
        raise SystemExit(f"{name}: the champion is not the model of the second week: {champions}")


def main() -> None:
    """Both files, in a copy of this checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["wards", "questions"])
    parser.add_argument("--keep", type=Path, help="work here, and leave it there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = asked.keep or Path(folder)
        shutil.copytree(CHECKOUT, place / "galen", ignore=LEFT_BEHIND)
        user = User(place / "galen")
        if asked.only != "questions":
            dirty_notes(place / "notes.csv", 800, seed=1)

            def more_notes(file: Path) -> None:
                dirty_notes(week := file.with_name("week2.csv"), 200, seed=2)
                with file.open("ab") as notes_so_far:  # as people do: cat week2.csv >> notes.csv
                    notes_so_far.write(week.read_bytes())

            first_hour(user, "wards", place / "notes.csv", ["--patient", "patient"], more_notes)
        if asked.only != "wards":
            dirty_questions(place / "questions.jsonl", 1)
            flags = ["--patient", "group", "--not-identified"]
            first_hour(user, "questions", place / "questions.jsonl", flags, lambda file: dirty_questions(file, 2))
    print("two champions, each of its second week")


if __name__ == "__main__":
    main()
