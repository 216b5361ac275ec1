"""Which gates a model must pass: an approved policy, tightened by its recipe, fixed as a protocol before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, SerializeAsAny, ValidationError, ValidationInfo, field_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, PydanticKnownError

from tasks.config.gates import GateEntry
from tasks.config.words import DATASET_TASK, DatasetTask, Name, Task
from tasks.data.params import one_dataset
from tasks.digest import digest_data
from tasks.errors import ConfigError, InputError
from tasks.evaluation.gate import Fault, Gate, Protocol, gate_kinds
from tasks.home import CHECKOUT, shown
from tasks.settings import Settings, load_yaml, parse
from tasks.training.recipe import Recipe

POLICIES, SAMPLE = CHECKOUT / "policies", CHECKOUT / "data" / "sample"
MIN_CONFIDENCE = 0.95
"""Of the intervals that a significant gate looks at: a recipe must not loosen a gate by way of its intervals."""


def _typed(entry: object, info: ValidationInfo) -> object:
    """A gate of its kind from what a file says, for the task that the file names before it.

    Raises:
        ValidationError: all that is wrong with it.
    """
    data = entry.plain() if isinstance(entry, GateEntry) else entry
    if not isinstance(data, Mapping):
        return data  # pydantic says what it should be
    kind: type[GateEntry] = gate_kinds().get(str(data.get("kind")), GateEntry)
    faults = list(_strange(kind, data))
    try:
        gate = kind.model_validate({name: data[name] for name in kind.model_fields if name in data})
    except ValidationError as error:
        raise _located(faults, error) from None
    if isinstance(gate, Gate) and "task" in info.data:
        faults += gate.faults(DATASET_TASK[info.data["task"]])
    if faults:
        raise _located(faults)
    return gate


def _strange(kind: type[GateEntry], data: Mapping[Any, Any]) -> Iterator[Fault]:
    """A kind that there is not; or settings that the kind does not use: they would be ignored."""
    kinds, said = gate_kinds(), data.get("kind")
    if kind is GateEntry:
        *most, last = map(repr, kinds)
        if isinstance(said, str):  # else pydantic says what it should be
            yield "kind", f"Input should be {', '.join(most)} or {last} (found {said!r})"
        return
    elsewhere = {name for other in kinds.values() for name in other.model_fields}
    known = ", ".join(sorted(kind.model_fields))
    for name in sorted(set(map(str, data)) - set(kind.model_fields)):
        yield name, f"a {said} gate does not use it" if name in elsewhere else f"unknown key (known: {known})"


def _located(faults: list[Fault], error: ValidationError | None = None) -> ValidationError:
    """Faults of single settings, and those that pydantic found, as one error."""
    found = [
        InitErrorDetails(type=PydanticCustomError("value_error", "{text}", {"text": text}), loc=(name,), input=None)
        for name, text in faults
    ]
    for item in error.errors() if error else ():
        found.append(InitErrorDetails(type=item["type"], loc=item["loc"], input=item["input"], ctx=item.get("ctx", {})))
    return ValidationError.from_exception_data("gate", found)


TypedGate = Annotated[SerializeAsAny[Gate], BeforeValidator(_typed)]


class Policy(Settings):
    """policies/NAME.yaml: an approved set of gates. A recipe names one, and may only tighten it."""

    name: Name
    task: DatasetTask
    """What the records hold that it judges by: a policy for causal-lm serves recipes for seq2seq-lm, too."""
    description: str
    approval: Literal["first", "every"] = "first"
    """Which releases wait for a person: what a recipe says (`first`), or every one."""
    gates: tuple[TypedGate, ...]

    @property
    def rules(self) -> dict[str, Any]:
        """What a person approves: all but the description."""
        return {key: value for key, value in self.plain().items() if key != "description"}

    @property
    def digest(self) -> str:
        """SHA-256 of the rules."""
        return digest_data(self.rules)

    @field_validator("gates")
    @classmethod
    def _distinct(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        if not gates:  # not as Field(min_length=1): that would say so, too, when the only gate is wrong
            raise PydanticKnownError("too_short", {"field_type": "Tuple", "min_length": 1, "actual_length": 0})
        names = [gate.name for gate in gates]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"gate names must differ: {', '.join(doubled)}")
        return gates


class _Tightened(Recipe):
    """A recipe in which the gates have their kinds, which training does not know."""

    tighten: tuple[TypedGate, ...] = ()


def parse_recipe(data: Any, file: object) -> Recipe:
    """A recipe from plain data, the gates that it tightens or adds included.

    Raises:
        ConfigError: every fault at once, each with its path and what is allowed.
    """
    return Recipe.model_validate(parse(_Tightened, data, file).plain())


def load_recipe(path: Path) -> Recipe:
    """A recipe from its file.

    Raises:
        InputError, ConfigError: as `parse_recipe`, or it cannot be read.
    """
    return parse_recipe(load_yaml(path), path)


def load_policy(name: str, task: Task | None = None) -> Policy:
    """An approved policy by name.

    Raises:
        InputError: there is no such policy.
        ConfigError: it is not well-formed, names a metric or slice that its task does not have, sets what a gate
            does not use, calls itself something else, or judges by other records than a recipe for `task` needs.
    """
    file = POLICIES / f"{name}.yaml"
    policy = parse(Policy, load_yaml(file), shown(file))
    faults = []
    if policy.name != name:
        faults.append(f"name: {policy.name!r} must be the name of the file, {name!r}")
    if task is not None and policy.task != DATASET_TASK[task]:
        faults.append(f"task: this policy is for {policy.task}, the recipe is for {task}")
    if not any(gate.always for gate in policy.gates):
        *most, last = sorted((name for name, kind in gate_kinds().items() if kind.always), reverse=True)
        always = f"{', '.join(most)} or {last}"
        faults.append(f"gates: at least one {always} gate is needed: the others cannot judge a first release")
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
    return _effective(recipe, load_policy(recipe.policy, recipe.task))


def _effective(recipe: Recipe, policy: Policy) -> tuple[Gate, ...]:
    source = f"the recipe of {recipe.model}"
    tighten = parse(_Tightened, recipe.plain(), source).tighten
    approved = {gate.name: gate for gate in policy.gates}
    faults = []
    names = [gate.name for gate in tighten]
    for place, gate in enumerate(tighten):
        where = f"tighten.{place}"
        if gate.name in approved:
            faults += _loosened(where, gate, approved[gate.name])
        if names.count(gate.name) > 1:
            faults.append(f"{where}.name: {gate.name!r} is given twice")
    gates = tuple((approved | {gate.name: gate for gate in tighten}).values())
    significant = any(getattr(gate, "significant", False) for gate in gates)
    if significant and recipe.evaluation.confidence < MIN_CONFIDENCE:
        faults.append(f"evaluation.confidence: a significant gate needs at least {MIN_CONFIDENCE}")
    if faults:
        raise ConfigError.of(source, faults)
    return gates


def protocol_of(recipe: Recipe) -> Protocol:
    """What a recipe's model will be judged by.

    Raises:
        InputError, ConfigError: as `effective_gates`.
    """
    policy = load_policy(recipe.policy, recipe.task)
    gates = _effective(recipe, policy)
    every = "every" in (recipe.approval, policy.approval)
    approval: Literal["first", "every"] = "every" if every else "first"
    return Protocol(
        recipe.task,
        recipe.policy,
        gates,
        recipe.evaluation,
        recipe.first_release,
        approval,
        policy.digest,
        on_sample(recipe.dataset),
    )


def on_sample(dataset: str) -> bool:
    """Whether a dataset's source lies in data/sample: recipes on it may run by a policy that nobody approved."""
    try:
        source = CHECKOUT / Path(one_dataset(dataset).source).expanduser()
    except InputError:  # not declared (any more), or not well: whoever needs it says so
        return False
    return source.resolve().is_relative_to(SAMPLE.resolve())


def _loosened(where: str, gate: Gate, approved: Gate) -> list[str]:
    """Every field in which a recipe's gate is weaker than the policy's, or asks about something else."""
    faults = []
    for name in dict.fromkeys(("kind", *gate.about, *approved.about)):
        mine, theirs = getattr(gate, name, None), getattr(approved, name, None)
        if mine != theirs:
            faults.append(f"{where}.{name}: {mine!r}, but the policy's {gate.name} says {theirs!r}")
    for name in gate.weaker_than(approved) if type(gate) is type(approved) else ():
        mine, theirs = getattr(gate, name), getattr(approved, name)
        faults.append(f"{where}.{name}: {mine!r} is weaker than the policy's {theirs!r} ({gate.name})")
    return faults
