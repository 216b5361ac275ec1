"""Which gates a model must pass: an approved policy, tightened by its recipe, fixed as a protocol before training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tasks.config.evaluation import EvaluationSettings
from tasks.config.gates import Gate, Policy
from tasks.config.words import DATASET_TASK, DatasetTask, Task
from tasks.digest import digest_data, digest_file
from tasks.errors import ConfigError
from tasks.evaluation.metrics import LABEL_METRICS, LABEL_SLICE, METRICS
from tasks.evaluation.slices import RECORD_SLICES
from tasks.home import CHECKOUT, shown
from tasks.settings import load
from tasks.training.recipe import Recipe

POLICIES = CHECKOUT / "policies"
MIN_CONFIDENCE = 0.95
"""Of the intervals that a significant gate looks at: a recipe must not loosen a gate by way of its intervals."""

_USED: dict[str, frozenset[str]] = {
    "threshold": frozenset({"metric", "min", "max", "slice", "significant"}),
    "better-than-base": frozenset({"metric", "margin", "slice", "significant"}),
    "not-worse-than-champion": frozenset({"metric", "tolerance", "slice", "significant"}),
    "not-worse-than-parent": frozenset({"metric", "tolerance", "slice", "significant"}),
    "train-gap": frozenset({"max"}),
}
_DEFINING = ("text.py", "entities.py", "metrics.py", "slices.py", "bootstrap.py", "estimates.py", "gates.py")


@dataclass(frozen=True)
class Protocol:
    """How a model is judged: fixed before it is trained, and named by digest in every verdict."""

    task: Task
    policy: str
    gates: tuple[Gate, ...]
    evaluation: EvaluationSettings
    first_release: Literal["approval", "base"]

    def plain(self) -> dict[str, Any]:
        """As JSON, with the digest of the code that defines the metrics and the gates."""
        here = Path(__file__).parent
        return {
            "task": self.task,
            "policy": self.policy,
            "gates": [gate.plain() for gate in self.gates],
            "evaluation": self.evaluation.plain(),
            "first_release": self.first_release,
            "definitions": {name: digest_file(here / name) for name in _DEFINING},
        }

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return digest_data(self.plain())


def load_policy(name: str, task: Task | None = None) -> Policy:
    """An approved policy by name.

    Raises:
        InputError: there is no such policy.
        ConfigError: it is not well-formed, names a metric or slice that its task does not have, sets what a gate
            does not use, calls itself something else, or judges by other records than a recipe for `task` needs.
    """
    file = POLICIES / f"{name}.yaml"
    policy = load(Policy, file)
    faults = [
        fault for place, gate in enumerate(policy.gates) for fault in _faults(f"gates.{place}", gate, policy.task)
    ]
    if policy.name != name:
        faults.append(f"name: {policy.name!r} must be the name of the file, {name!r}")
    if task is not None and policy.task != DATASET_TASK[task]:
        faults.append(f"task: this policy is for {policy.task}, the recipe is for {task}")
    if not any(gate.kind in ("threshold", "better-than-base") for gate in policy.gates):
        faults.append("gates: at least one threshold or better-than-base gate is needed: the rest may have no rival")
    if faults:
        raise ConfigError.of(shown(file), faults)
    return policy


def effective_gates(recipe: Recipe) -> tuple[Gate, ...]:
    """The policy's gates, tightened by the recipe, and then those that the recipe adds.

    Raises:
        InputError: there is no such policy.
        ConfigError: the policy is wrong; or the recipe loosens a gate (every bound of a gate that it repeats must be
            at least as strict). Each fault names its field.
    """
    policy = load_policy(recipe.policy, recipe.task)
    approved = {gate.name: gate for gate in policy.gates}
    faults = []
    names = [gate.name for gate in recipe.tighten]
    for place, gate in enumerate(recipe.tighten):
        where = f"tighten.{place}"
        faults += _faults(where, gate, DATASET_TASK[recipe.task])
        if gate.name in approved:
            faults += _loosened(where, gate, approved[gate.name])
        if names.count(gate.name) > 1:
            faults.append(f"{where}.name: {gate.name!r} is given twice")
    gates = tuple((approved | {gate.name: gate for gate in recipe.tighten}).values())
    if any(gate.significant for gate in gates) and recipe.evaluation.confidence < MIN_CONFIDENCE:
        faults.append(f"evaluation.confidence: a significant gate needs at least {MIN_CONFIDENCE}")
    if faults:
        raise ConfigError.of(f"the recipe of {recipe.model}", faults)
    return gates


def protocol_of(recipe: Recipe) -> Protocol:
    """What a recipe's model will be judged by.

    Raises:
        InputError, ConfigError: as `effective_gates`.
    """
    return Protocol(recipe.task, recipe.policy, effective_gates(recipe), recipe.evaluation, recipe.first_release)


def _faults(where: str, gate: Gate, task: DatasetTask) -> list[str]:
    """What is wrong with one gate, for a task; an option that would be ignored is a fault."""
    unused = gate.model_fields_set - _USED[gate.kind] - {"name", "kind"}
    faults = [f"{where}.{name}: a {gate.kind} gate does not use it" for name in sorted(unused)]
    bounds = {name: getattr(gate, name) for name in ("min", "max", "margin", "tolerance")}
    faults += [
        f"{where}.{name}: {bound} is not a finite number"
        for name, bound in bounds.items()
        if bound is not None and not math.isfinite(bound)
    ]
    metrics = METRICS[task]
    if gate.slice is not None:
        key, _, value = gate.slice.partition("=")
        keys = [*RECORD_SLICES, *([LABEL_SLICE[task]] if LABEL_SLICE[task] else [])]
        if key not in keys or not value:
            known = ", ".join(map(str, keys))
            faults.append(f"{where}.slice: {gate.slice!r} is not KEY=VALUE or KEY=* with KEY one of {known}")
        metrics = LABEL_METRICS[task] if key == LABEL_SLICE[task] else metrics
    if gate.metric is not None and gate.metric not in metrics:
        faults.append(f"{where}.metric: there is no {gate.metric!r} here (there are: {', '.join(metrics)})")
    return faults


def _loosened(where: str, gate: Gate, approved: Gate) -> list[str]:
    """Every field in which a recipe's gate is weaker than the policy's, or asks about something else."""
    faults = [
        f"{where}.{name}: {getattr(gate, name)!r}, but the policy's {gate.name} says {getattr(approved, name)!r}"
        for name in ("kind", "metric", "slice")
        if getattr(gate, name) != getattr(approved, name)
    ]
    weaker = {
        "min": approved.min is not None and (gate.min is None or gate.min < approved.min),
        "max": approved.max is not None and (gate.max is None or gate.max > approved.max),
        "margin": gate.margin < approved.margin,
        "tolerance": gate.tolerance > approved.tolerance,
        "significant": approved.significant and not gate.significant,
    }
    faults += [
        f"{where}.{name}: {getattr(gate, name)!r} is weaker than the policy's {getattr(approved, name)!r} ({gate.name})"
        for name in weaker
        if weaker[name]
    ]
    return faults
