"""Every fine-tuning method explained: what trains, how much of it, where it fits, and when to choose it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.training import BaseModelRef
from tasks.config.words import TASKS, Task
from tasks.errors import InputError
from tasks.training.method import Method, MethodOptions, methods, parse_options

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from tasks.training.bases import Base

LABELS = ("one", "two")
WIDTH = 98  # characters


def explained(base: Base | None = None) -> list[dict[str, Any]]:
    """What there is to know of each method, with the share of a base's parameters that it trains by default.

    Args:
        base: the model to count in; default: the shape of BERT-base, for classification into two labels.

    Raises:
        InputError: the base can do none of the tasks.
    """
    known = _tasks_of(base)
    return [_explained(method, base, known) for method in methods().values()]


def what_it_can(base: Base) -> list[str]:
    """A line for each task that a base can do: how long its texts may be, and what was seen of it on a small model.

    Raises:
        InputError: the base can do none of the tasks.
    """
    from tasks.training.abilities import abilities
    from tasks.training.positions import positions

    lines = []
    for task in _tasks_of(base):
        config = _config(base, task)
        try:
            seen, longest = abilities(config, task), positions(config)
        except Exception as error:  # of any kind: it is transformers that fails
            lines.append(f"{task}: cannot be tried on a small model of its kind ({type(error).__name__})")
            continue
        said = [f"texts of {longest} tokens" if longest else "texts of any length", f"attention {seen.attention}"]
        if task == "causal-lm":
            said.append("records are packed" if seen.packs else "a row for each record (no packing)")
            said += [] if seen.pads_left else ["answers one at a time"]
        said += [] if seen.pads else ["refused: texts beside it change what it says of a text"]
        lines.append(f"{task}: {', '.join(said)}")
    return lines


def _explained(method: Method[Any], base: Base | None, known: Sequence[Task]) -> dict[str, Any]:
    task = next((one for one in known if one in method.tasks), None)
    example = dict(method.example)
    options = parse_options({"name": method.name, **example})
    trained, total, reason = 0, 0, "no task that this base can do"
    if task is not None:
        try:
            trained, total = count(method, base, task, options)
        except InputError as error:
            reason = error.what
    return {
        "name": method.name,
        "summary": method.summary,
        "paper": method.paper or None,
        "tasks": [one for one in TASKS if one in method.tasks],
        "why_not": method.why_not or None,
        "form": "adapter" if method.has_adapter else "model",
        "mergeable": method.mergeable if method.has_adapter else None,
        "counted_for": task,
        "settings": example,
        "trained_parameters": trained if total else None,
        "parameters": total or None,
        "share": trained / total if total else None,
        "no_share_because": None if total else reason,
        "options": options.plain(),
    }


def count(method: Method[Any], base: Base | None, task: Task, options: MethodOptions) -> tuple[int, int]:
    """(parameters that train, parameters of the base with its head), from shapes alone where the method allows it.

    Raises:
        InputError: the method does not fit the base.
    """
    import torch

    model, heads = _model(base, task)
    method.check(model, options, task, heads)
    total = sum(weight.numel() for weight in model.parameters())
    with torch.random.fork_rng():
        try:
            with torch.device("meta"):
                prepared = method.prepare(model, options, task, heads)
        except (NotImplementedError, RuntimeError):
            # It looks at values, or runs the model once: any values will do to count weights.
            model, heads = _model(base, task)
            model = model.to_empty(device="cpu")
            with torch.no_grad():
                for value in (*model.parameters(), *model.buffers()):
                    value.zero_()
            prepared = method.prepare(model, options, task, heads)
    return sum(weight.numel() for weight in prepared.parameters() if weight.requires_grad), total


def _config(base: Base | None, task: Task) -> PreTrainedConfig:
    if base is None:
        from transformers import BertConfig

        return BertConfig(num_labels=len(LABELS))
    from tasks.training.shapes import task_config

    return task_config(base.path, task, LABELS)


def _model(base: Base | None, task: Task) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """The base without values, and the names of its heads."""
    from tasks.training.library import on_meta
    from tasks.training.quiet import quiet
    from tasks.training.shapes import auto_class, fresh_modules, head_modules

    quiet()
    model = on_meta(auto_class(task), _config(base, task))
    fresh = () if base is None else fresh_modules(base, task, LABELS)
    return model.eval(), head_modules(model, fresh, task)


def _tasks_of(base: Base | None) -> list[Task]:
    """What a base can do, the task that it was made for first."""
    from tasks.training.quiet import quiet

    if base is None:
        return ["text-classification", "token-classification"]
    quiet()
    found: list[Task] = []
    faults: list[InputError] = []
    for task in TASKS:
        try:
            _config(base, task)
        except InputError as error:
            faults.append(error)
        else:
            found.append(task)
    if not found:
        raise faults[0]
    return found


def text(found: Sequence[Mapping[str, Any]], base: str | None) -> str:
    """For a terminal of 100 columns."""
    where = base or "a model of BERT-base's shape"
    lines = [f"Share: of the parameters of {where}, with the method's default settings."]
    for one in found:
        share = f"{100 * one['share']:.3g} %" if one["share"] is not None else "-"
        if one["settings"]:
            share += " (" + ", ".join(f"{key}: {value}" for key, value in one["settings"].items()) + ")"
        merging = {None: "a whole model", True: "mergeable", False: "stays beside its base"}[one["mergeable"]]
        lines += ["", f"{one['name']}: trains {share}; {merging}"]
        lines += _indented(one["summary"])
        left_out = [task for task in TASKS if task not in one["tasks"]]
        because = f" ({one['why_not']})" if left_out and one["why_not"] else ""
        lines += _indented(f"For {', '.join(one['tasks']) if left_out else 'every task'}{because}.")
        if one["no_share_because"]:
            lines += _indented(f"Here: {one['no_share_because']}.")
        lines += _indented(one["paper"]) if one["paper"] else []
    return "\n".join(lines)


def _indented(words: str) -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def base_named(name: str | None) -> BaseModelRef | None:
    """What `--base` means; None for nothing said."""
    from tasks.comparison.config import base_ref

    if name is None:
        return None
    folder = Path(name).expanduser()
    return BaseModelRef(folder=str(folder.absolute())) if folder.is_dir() else base_ref(name)
