"""One arm with one seed: what its numbers depend on, and where they are kept."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.code import code_of
from tasks.comparison.config import Entry
from tasks.config.words import DATASET_TASK, Split
from tasks.digest import digest_data, digest_file
from tasks.errors import InputError
from tasks.evaluation.metric import metric_modules
from tasks.training.learn import RELEVANT
from tasks.training.method import method_of
from tasks.training.objectives import objective_module
from tasks.training.recipe import Recipe

NUMBERS = re.compile(r"\[\n((?:[-+\d.eE,\s]|null)*)\]")
"""A list of numbers in indented JSON; within a string there is no line break."""
Result = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """One training to make and measure. Everything is named by digest, so its numbers hold on any machine."""

    entry: Entry
    dataset: str
    """Digest of the dataset version."""
    test: str
    """SHA-256 of the split that it is judged on."""
    base: str
    """Digest of the base model."""
    forgetting: Path | None = None
    transfer: str | None = None
    """Digest of the second dataset version."""
    split: Split = "validation"
    """Which one it is judged on."""

    def asked(self) -> str:
        """Digest of what the arm is, whatever data, base bytes and code it meets: the name of its kept file."""
        return asked(self.entry, self.split)

    def inputs(self) -> dict[str, Any]:
        """Everything that the kept numbers depend on."""
        return {
            **part_of(self.entry.recipe),
            "dataset": self.dataset,
            "split": self.split,
            "base": self.base,
            "forgetting": digest_file(self.forgetting) if self.forgetting else None,
            "transfer": self.transfer,
            "code": measuring_code(self.entry.recipe),
        }

    def plain(self) -> dict[str, Any]:
        """For the process that does it."""
        return {
            "arm": self.entry.arm,
            "seed": self.entry.seed,
            "recipe": self.entry.recipe.plain(),
            "dataset": self.dataset,
            "test": self.test,
            "base": self.base,
            "forgetting": str(self.forgetting) if self.forgetting else None,
            "transfer": self.transfer,
            "split": self.split,
        }

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Job:
        """From `plain`."""
        entry = Entry(plain["arm"], plain["seed"], Recipe.model_validate(plain["recipe"]))
        corpus = Path(plain["forgetting"]) if plain["forgetting"] else None
        data = (plain["dataset"], plain["test"], plain["base"])
        return cls(entry, *data, corpus, plain["transfer"], plain["split"])


def part_of(recipe: Recipe) -> dict[str, Any]:
    """The part of a recipe that decides what an arm learns and how it is judged."""
    plain = recipe.plain()
    return {"recipe": {key: plain[key] for key in RELEVANT}, "evaluation": plain["evaluation"]}


def asked(entry: Entry, split: Split) -> str:
    """Digest of an arm with a seed: its part of the recipe, how the recipe names base and dataset, and the split.

    The test split is not named, as it is in no result that was kept before there was a choice.
    """
    recipe = entry.recipe
    base = {key: value for key, value in recipe.base_model.plain().items() if value is not None}
    judged = {} if split == "test" else {"split": split}
    return digest_data({**part_of(recipe), "base": base, "dataset": recipe.dataset, **judged})


def measuring_code(recipe: Recipe) -> str:
    """Digest of the code that decides an arm's numbers: measuring, with training and evaluation, the method, the
    objective and the metrics of the task."""
    plug_ins = (method_of(recipe.method).module, objective_module(recipe.task))
    return code_of("tasks.comparison.arm", *plug_ins, *metric_modules(DATASET_TASK[recipe.task]))


def kept_file(out: Path, entry: Entry, split: Split) -> Path:
    """Where the numbers of an arm with a seed are kept, one file per arm, seed and split."""
    return out / "arms" / f"{entry.arm}-{entry.seed}-{asked(entry, split)[:12]}.json"


def kept(out: Path, entry: Entry, split: Split) -> Result | None:
    """What is kept of an arm, or the error that it ended with last time; None where there is nothing.

    Raises:
        InputError: the file is not what this wrote.
    """
    file = kept_file(out, entry, split)
    try:
        found: Result = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError("a kept result cannot be read", value=file, hint="delete it, and compare again") from error
    if not isinstance(found, dict) or found.get("asked") != asked(entry, split):
        raise InputError("this is not a kept result of an arm", value=file, hint="delete it, and compare again")
    return found


def finished(out: Path, job: Job) -> Result | None:
    """The kept numbers of an arm, if it ended well and nothing that they depend on has changed."""
    found = kept(out, job.entry, job.split)
    return found if found and not found.get("error") and found["key"] == digest_data(job.inputs()) else None


def keep(out: Path, job: Job, measured: dict[str, Any]) -> Result:
    """Write what is known of an arm: its numbers, or under `error` why there are none."""
    inputs = job.inputs()
    head = {
        "arm": job.entry.arm,
        "seed": job.entry.seed,
        "asked": job.asked(),
        "key": digest_data(inputs),
        "inputs": inputs,
        "split": job.split,
        "test": job.test,
    }
    result = head | measured
    write_atomically(kept_file(out, job.entry, job.split), lines_of(result).encode())
    return result


def lines_of(result: Result) -> str:
    """A result as JSON that a person can read and a version control system compare: a list of numbers is one line."""
    text = json.dumps(result, indent=1, sort_keys=True)
    return NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"
