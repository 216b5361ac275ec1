"""What a comparison compares: `recipes/compare-NAME.yaml`, or a recipe and the names of some methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from tasks.config.training import BaseModelRef
from tasks.config.words import Name, Seed
from tasks.errors import ConfigError, InputError
from tasks.evaluation.policy import load_recipe, parse_recipe
from tasks.home import CHECKOUT
from tasks.settings import Settings, load_yaml, parse
from tasks.training.method import method_named, method_of
from tasks.training.recipe import Recipe


class Budget(Settings):
    """What keeps a table to a given time, the same for every arm. A smaller train split is a dataset of its own."""

    steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Optimizer steps at most (`training.max_steps`)."""
    max_length: int | None = Field(default=None, ge=8, le=1 << 20)
    """Tokens per record at most (`training.max_length`)."""
    test_records: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Records judged at most (`evaluation.max_records`), of whichever split: whole groups, chosen by digest."""


class Arm(Settings):
    """One way to learn that takes part."""

    name: Name | None = None
    """What tables call it; default: the method's name, and the base where it is not the recipe's."""
    method: dict[str, Any]
    """As in a recipe."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Settings that replace the recipe's, e.g. `learning_rate: 1.0e-3`."""
    base_model: BaseModelRef | None = None
    """Instead of the recipe's."""
    seeds: Annotated[int, Field(ge=1, le=100)] | Annotated[tuple[Seed, ...], Field(min_length=1, max_length=100)] = 1
    """How many, counted up from the recipe's seed, or which ones."""

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: int | tuple[int, ...]) -> int | tuple[int, ...]:
        if isinstance(seeds, tuple) and len(set(seeds)) < len(seeds):
            raise ValueError("seeds must differ: the same one twice is the same training")
        return seeds


class Comparison(Settings):
    """recipes/compare-NAME.yaml: arms that learn from one dataset version and are judged on the same records."""

    name: Name
    """Of the report's folder and of the MLflow experiment."""
    recipe: str | Recipe
    """What every arm starts from: the path of a recipe, relative to the checkout, or a recipe."""
    arms: tuple[Arm, ...] = Field(min_length=1)
    budget: Budget = Budget()
    reference: Name | None = None
    """The arm that the others are compared with; default: `full` where there is one, else the first."""
    metric: str | None = None
    """Of the plots; default: the task's usual one."""
    forgetting: str | None = None
    """A text file (UTF-8, a text per line) that no arm learns from: how far its tuned model moves away on it."""
    transfer: Name | None = None
    """A second dataset of params.yaml: how useful what was learned is there."""

    @field_validator("recipe", mode="before")
    @classmethod
    def _readable(cls, recipe: Any) -> Any:
        if isinstance(recipe, Mapping):
            return parse_recipe(recipe, "recipe")
        return recipe

    @model_validator(mode="after")
    def _reference_takes_part(self) -> Self:
        if self.reference is not None and self.reference not in (names := [arm_name(arm) for arm in self.arms]):
            raise ValueError(f"reference {self.reference} is no arm (arms: {', '.join(names)})")
        return self


@dataclass(frozen=True)
class Entry:
    """One training that a comparison asks for: an arm with one of its seeds, as a recipe of its own."""

    arm: str
    seed: int
    recipe: Recipe


def load_comparison(
    path: Path, methods: Sequence[str] = (), bases: Sequence[str] = (), seeds: int | None = None
) -> Comparison:
    """A comparison from its file, or made of a recipe and the names of methods.

    Args:
        path: a comparison, or a recipe (then `methods` says which arms there are).
        methods: of a comparison's file, only the arms of these names or methods.
        bases: every arm on each of these bases instead: a name of recipes/bases, a folder, or a package's folder.
        seeds: for every arm, instead of what the file says.

    Raises:
        ConfigError, InputError: something of it is wrong, all faults at once.
    """
    data = load_yaml(path)
    if isinstance(data, Mapping) and "arms" in data:
        comparison = parse(Comparison, data, path)
        if methods:
            comparison = _narrowed(comparison, methods)
    else:
        recipe = parse_recipe(data, path)
        if not methods:
            hint = "add --methods full,lora (galen methods lists them), or name a comparison file"
            raise InputError("this is a recipe: say which methods to compare", value=path, hint=hint)
        comparison = of_methods(recipe, methods, path)
    if bases:
        arms = tuple(_on_base(arm, base) for arm in comparison.arms for base in bases)
        name = f"{comparison.name}-on-{'-'.join(_short(base_ref(base)) for base in bases)}"[:64].rstrip("-")
        comparison = comparison.model_copy(update={"name": name, "arms": arms, "reference": None})
    if seeds is not None:
        arms = tuple(arm.model_copy(update={"seeds": seeds}) for arm in comparison.arms)
        comparison = comparison.model_copy(update={"arms": arms})
    entries(comparison)  # so that every fault of an arm shows now
    return comparison


def reported(path: Path, comparison: Comparison) -> tuple[Comparison, list[Entry]]:
    """What the report of a comparison covers: all that its file asks for, also where only some arms or seeds were run.

    Args:
        path: what `load_comparison` read.
        comparison: what it returned.
    """
    asked = entries(comparison)
    data = load_yaml(path)
    if not (isinstance(data, Mapping) and "arms" in data):
        return comparison, asked
    whole = parse(Comparison, data, path)
    inside = entries(whole)
    if not {entry.arm for entry in asked} <= {entry.arm for entry in inside}:  # on other bases: a report of its own
        return comparison, asked
    known = [(entry.arm, entry.seed) for entry in inside]
    return whole, inside + [entry for entry in asked if (entry.arm, entry.seed) not in known]


def of_methods(recipe: Recipe, methods: Sequence[str], source: object) -> Comparison:
    """Methods by name: the recipe's own keeps its settings, others their defaults and `Method.rate`."""
    arms = []
    own = method_of(recipe.method)
    for name in methods:
        if name == own.name:
            arms.append({"method": recipe.method.plain()})
            continue
        method = method_named(name)
        ratio = method.rate / own.rate
        arms.append(
            {
                "method": {"name": name, **method.example},
                "training": {"learning_rate": recipe.training.learning_rate * ratio},
            }
        )
    return parse(Comparison, {"name": f"compare-{recipe.model}"[:64], "recipe": recipe.plain(), "arms": arms}, source)


def base_recipe(comparison: Comparison) -> Recipe:
    """The recipe that every arm starts from.

    Raises:
        ConfigError, InputError: its file is not there, or wrong.
    """
    if isinstance(comparison.recipe, Recipe):
        return comparison.recipe
    return load_recipe(CHECKOUT / comparison.recipe)


def entries(comparison: Comparison) -> list[Entry]:
    """Every training that a comparison asks for, arm by arm.

    Raises:
        ConfigError: settings of an arm are wrong, or two arms have one name.
    """
    start = base_recipe(comparison)
    found: list[Entry] = []
    faults: list[str] = []
    names = [arm_name(arm) for arm in comparison.arms]
    faults += [f"arms: two are called {name}" for name in sorted({one for one in names if names.count(one) > 1})]
    for arm, name in zip(comparison.arms, names, strict=True):
        seeds = tuple(start.seed + more for more in range(arm.seeds)) if isinstance(arm.seeds, int) else arm.seeds
        for seed in seeds:
            try:
                found.append(Entry(name, seed, _recipe_of(start, arm, comparison.budget, seed)))
            except ConfigError as error:
                faults += [f"arm {name}: {line.removeprefix('  - ')}" for line in error.what.splitlines()[1:]]
                break
    if faults:
        raise ConfigError.of(comparison.name, faults)
    return found


def reference_of(comparison: Comparison) -> str:
    """The arm that the others are compared with."""
    names = [arm_name(arm) for arm in comparison.arms]
    return comparison.reference or ("full" if "full" in names else names[0])


def arm_name(arm: Arm) -> str:
    """What tables call an arm."""
    if arm.name is not None:
        return arm.name
    method = str(arm.method.get("name", "unnamed"))
    return method if arm.base_model is None else f"{method}-on-{_short(arm.base_model)}"


def _recipe_of(start: Recipe, arm: Arm, budget: Budget, seed: int) -> Recipe:
    plain = start.plain()
    limits = {"max_steps": budget.steps, "max_length": budget.max_length}
    plain["training"] |= {name: value for name, value in limits.items() if value is not None} | arm.training
    if budget.test_records is not None:
        plain["evaluation"]["max_records"] = budget.test_records
    plain |= {"method": arm.method, "seed": seed}
    if arm.base_model is not None:
        plain["base_model"] = arm.base_model.plain()
    return parse(Recipe, plain, arm_name(arm))


def _narrowed(comparison: Comparison, wanted: Sequence[str]) -> Comparison:
    arms = tuple(arm for arm in comparison.arms if {arm_name(arm), arm.method.get("name")} & set(wanted))
    known = {name for arm in comparison.arms for name in (arm_name(arm), str(arm.method.get("name")))}
    if unknown := [name for name in wanted if name not in known]:
        raise InputError(
            "the comparison has no such arm", value=unknown[0], hint=f"there are: {', '.join(sorted(known))}"
        )
    kept = {arm_name(arm) for arm in arms}
    reference = comparison.reference if comparison.reference in kept else None
    return comparison.model_copy(update={"arms": arms, "reference": reference})


def _on_base(arm: Arm, base: str) -> Arm:
    ref = base_ref(base)
    name = f"{arm_name(arm)}-on-{_short(ref)}"[:64].rstrip("-")
    return arm.model_copy(update={"base_model": ref, "name": name})


def base_ref(text: str) -> BaseModelRef:
    """What a base on the command line means: a folder that is there, a name of recipes/bases, or a package's folder.

    Raises:
        InputError: none of them.
    """
    if (CHECKOUT / Path(text).expanduser()).is_dir():
        return BaseModelRef(folder=text)
    if (CHECKOUT / "recipes" / "bases" / f"{text}.yaml").is_file():
        return BaseModelRef(base=text)
    if "/" in text:
        return BaseModelRef(package=text)
    hint = "give a folder, a name of recipes/bases, or PACKAGE/FOLDER"
    raise InputError("no such base model", value=text, hint=hint)


def _short(ref: BaseModelRef) -> str:
    """A name of a base for tables: a-z, 0-9 and -."""
    text = ref.base or ref.hub or ref.package or Path(str(ref.folder)).name
    parts = "".join(letter if letter.isalnum() and letter.isascii() else " " for letter in text.lower()).split()
    return "-".join(parts)[:40].rstrip("-") or "base"
