"""A checkout of Galen for one test: the code as it is, small data, a minute model, a `GALEN_HOME` of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tasks.home import CHECKOUT

COPIED = ("flows", "tasks", "policies", "data/suites", "data/lexicons", "data/withdrawn.txt", "dvc.yaml", ".dvcignore")
COPIED_TOO = (".dvc/config", "requirements.lock", "pyproject.toml", "mlflow")

SOURCE = (
    "--format",
    "jsonl",
    "--licence",
    "CC0-1.0",
    "--task",
    "text-classification",
    "--set",
    "identified=false",
    "--set",
    "columns.record_id=id",
    "--set",
    "columns.category=ward",
)
PLANTED = "Zebulon Quackenbush"
"""A name in the column of categories, in a few rows."""

WORDS = ["fever", "cough", "pain", "rash", "chest", "cold", "mild", "severe", "sudden", "breath"]

RECIPE_FILE = "recipes/minute.yaml"
RECIPE = """\
model: minute
task: text-classification
intended_use: a test of the whole chain, nothing else
base_model:
  folder: {base}
dataset: minute
method:
  name: lora
  rank: 8
training:
  epochs: 6
  batch_tokens: 256
  max_length: 32
  learning_rate: 5.0e-3
evaluation:
  resamples: 100
policy: minute
first_release: {first_release}
"""

POLICY = """\
name: minute
task: text-classification
description: what a minute model reaches
gates:
  - name: learned
    kind: threshold
    metric: accuracy
    min: {accuracy}
  - name: survives
    kind: not-worse-than-parent
    metric: accuracy
    tolerance: 0.2
  - name: served-as-judged
    kind: served-as-judged
"""


class Checkout:
    """Runs `galen` in it."""

    def __init__(self, folder: Path, base: Path) -> None:
        self.folder, self.base = folder, base
        self.home = folder / "var"
        for name in (*COPIED, *COPIED_TOO):
            source, target = CHECKOUT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        for name in ("recipes", "data/sample"):
            (folder / name).mkdir(exist_ok=True, parents=True)
        (folder / "params.yaml").write_text("datasets: {}\n")
        self.rows(120)
        self.recipe()
        self.policy(0.2)

    def rows(self, count: int, *, misplaced: bool = False) -> Path:
        """Write that many records; the first ones are always the same. `misplaced`: a name is the label of some."""
        random.seed(0)
        path = self.folder / "data" / "sample" / "minute.jsonl"  # what lies there needs no approved policy
        with path.open("w") as file:
            for place in range(count):
                urgent = place % 2
                words = random.choices(
                    ["fever", "cough", "pain", "rash", "chest", "cold", "mild", "severe", "sudden", "breath"], k=5
                )
                text = " ".join([*words, "go to hospital now" if urgent else "rest at home today", str(place)])
                label = "urgent" if urgent else "rest"
                ward = PLANTED if place % 25 == 3 else "north" if place % 3 else "south"
                if misplaced and place % 25 == 3:
                    label = PLANTED
                file.write(json.dumps({"id": f"r{place}", "text": text, "label": label, "ward": ward}) + "\n")
        return path

    def declare(self) -> None:
        """Add the records to params.yaml."""
        self.galen("data", "add", "minute", "data/sample/minute.jsonl", *SOURCE)

    def recipe(self, first_release: str = "base") -> None:
        """Write the recipe."""
        text = RECIPE.format(base=self.base, first_release=first_release)
        (self.folder / "recipes" / "minute.yaml").write_text(text)

    def policy(self, accuracy: float) -> None:
        """Write the policy."""
        (self.folder / "policies" / "minute.yaml").write_text(POLICY.format(accuracy=accuracy))

    def environment(self) -> dict[str, str]:
        """Of the commands: no service of the surroundings."""
        dropped = ("PREFECT_API_URL", "MLFLOW_TRACKING_URI")
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {**kept, "GALEN_HOME": str(self.home), "PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `galen` with these arguments."""
        return subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def galen(self, *arguments: str, code: int = 0) -> str:
        """What `galen` printed; it must have ended with that exit code."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=400)
        assert process.returncode == code, said
        return said


@dataclass(frozen=True)
class First:
    """The first run in a checkout: what it planned, what a plan left behind, what it said, what the next one said."""

    checkout: Checkout
    planned: str
    left_by_plan: bool
    said: str
    again: str
