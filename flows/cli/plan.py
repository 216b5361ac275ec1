"""`--plan`: what a run would do, from which artifacts, and how long. Runs nothing; may note where a base lies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flows.console import table
from flows.inputs import damage, decided_before, inputs_of, known_dataset
from flows.run import checked_recipe
from tasks.artifact import Artifact
from tasks.data.params import one_dataset
from tasks.data.version import DatasetVersion
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.statements import Evaluated, Judgement, ModelDerived, ModelMade, Promoted, Registered, statements
from tasks.release.merge import cannot_merge, merged_before
from tasks.release.quantize import quantized_before
from tasks.store import Store
from tasks.training.fit import check_fit, remarks
from tasks.training.method import method_of
from tasks.training.recipe import Recipe

CHARACTERS_PER_TOKEN, TOKENS_PER_SECOND = 4, 2000  # a small model on two cores: for a first guess only


@dataclass(frozen=True)
class Planned:
    """One stage: whether it would run, from what, and its seconds the last time (None: never)."""

    stage: str
    what: str
    source: str
    seconds: float | None


def plan(store: Store, path: Path) -> str:
    """The plan of a recipe, for people.

    Raises:
        InputError, ConfigError: something of the recipe is wrong.
        IntegrityError: an artifact that would be reused does not match its digest.
    """
    recipe, protocol = checked_recipe(path)
    inputs = inputs_of(store, recipe, protocol)
    if (decision := decided_before(store, recipe.model, inputs, protocol)) and not damage(store, decision):
        return f"nothing would run: nothing changed since {decision.text} ({decision.event.time:%Y-%m-%d %H:%M} UTC)"
    check_fit(store, recipe)
    planned = _stages(store, recipe)
    rows = [(one.stage, one.what, one.source, "-" if one.seconds is None else f"{one.seconds:.0f}") for one in planned]
    notes = "".join(f"\n- {line}" for line in remarks(store, recipe))
    text = table(("stage", "would", "from", "seconds"), rows) + (f"\n{notes}" if notes else "")
    to_run = [one for one in planned if one.what != "be reused"]
    timed = [one.seconds for one in to_run if one.seconds is not None]
    if timed:
        without = ", ".join(one.stage for one in to_run if one.seconds is None)
        missing = f"; not counted, as their time is not kept: {without}" if without else ""
        return f"{text}\n\nabout {sum(timed):.0f} s, going by earlier runs{missing}"
    guess = _first_guess(recipe)
    return f"{text}\n\nno earlier run to go by; a rough guess for training alone on two cores: {guess}"


def _stages(store: Store, recipe: Recipe) -> list[Planned]:
    history = events(store, model=recipe.model)
    version = known_dataset(store, recipe.dataset)
    planned = [
        Planned("data", "be reused", f"version {version.digest[:12]}", None)
        if version
        else Planned("data", "run (only what changed)", one_dataset(recipe.dataset).source, None)
    ]
    trained = _trained(store, recipe, version) if version else None
    seconds = _last_seconds(history, None)
    name = f"fine-tune ({recipe.method.name})"
    if trained:
        planned.append(Planned(name, "be reused", f"{trained.kind} {trained.digest[:12]}", None))
    else:
        planned.append(Planned(name, "run", f"dataset {recipe.dataset}", seconds))
    method, whole, before = method_of(recipe.method), trained, "the form before it"
    merges = method.has_adapter and method.mergeable
    if merges:
        whole = merged_before(store, trained) if trained else None
        planned.append(_derived("merge", whole, before, _last_seconds(history, "merge")))
    elif method.has_adapter:
        before = f"the adapter: {cannot_merge(method)}"
    small = quantized_before(store, whole, recipe.quantization) if whole else None
    planned.append(_derived("quantize", small, before, _last_seconds(history, "quantize")))
    forms = 3 if merges else 2
    judging = _seconds_until(history, (Evaluated.kind, Judgement.kind))
    ending = _seconds_until(history, (Registered.kind, Promoted.kind))
    planned.append(Planned("judge", f"run ({forms} forms; what was measured before is reused)", recipe.policy, judging))
    return [*planned, Planned("register and promote", "run", recipe.model, ending)]


def _derived(stage: str, artifact: Artifact | None, source: str, seconds: float | None) -> Planned:
    if artifact:
        return Planned(stage, "be reused", f"{artifact.kind} {artifact.digest[:12]}", None)
    return Planned(stage, "run", source, seconds)


def _trained(store: Store, recipe: Recipe, version: DatasetVersion) -> Artifact | None:
    from tasks.training.bases import Base
    from tasks.training.learn import kind_of
    from tasks.training.named_base import known_base
    from tasks.training.resolve import resolve_base
    from tasks.training.train import inputs_of as training_inputs
    from tasks.training.train import training_code

    reference = recipe.base_model
    if reference.base is None:
        base = resolve_base(store, reference)
    elif made := known_base(store, reference.base):
        base = Base(made.path, made.digest, reference.plain())
    else:
        return None
    kind = kind_of(method_of(recipe.method))
    return store.find(kind, training_inputs(recipe, version, base), training_code(recipe))


def _last_seconds(history: list[Event], step: str | None) -> float | None:
    """How long a step took the last time; None: training."""
    for _, made in statements(ModelMade, reversed(history)):
        if step == (made.step if isinstance(made, ModelDerived) else None):
            return made.seconds
    return None


def _seconds_until(history: list[Event], kinds: tuple[str, ...]) -> float | None:
    """How long the last run that has events of these kinds took to come to them, each from the event before it."""
    last = next((event.run for event in reversed(history) if event.kind in kinds and event.run), None)
    steps = [event for event in history if event.run == last]
    pairs = pairwise(steps)
    return sum((two.time - one.time).total_seconds() for one, two in pairs if two.kind in kinds) if last else None


def _first_guess(recipe: Recipe) -> str:
    """From the size of the source: good to a factor of a few."""
    from tasks.data.reading import source_path

    source = source_path(one_dataset(recipe.dataset))
    files = [source] if source.is_file() else [file for file in source.rglob("*") if file.is_file()]
    tokens = sum(file.stat().st_size for file in files) / CHARACTERS_PER_TOKEN * recipe.training.epochs
    return f"{tokens / TOKENS_PER_SECOND / 60:.0f} minutes"
