"""What a search searches: `recipes/tune-NAME.yaml`, or a recipe and the usual space of its method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from tasks.config.training import Training
from tasks.config.words import DATASET_TASK, GENERATING
from tasks.digest import canonical_json
from tasks.errors import ConfigError, InputError
from tasks.evaluation.policy import load_recipe, parse_recipe
from tasks.home import CHECKOUT
from tasks.settings import Settings, load_yaml, parse
from tasks.store import Store
from tasks.training.recipe import Recipe

LOSS = "loss"
SIZES = ("rank", "target_rank", "length", "reduction")
"""Settings of methods that say how many weights train: the usual space tries them at a quarter to four times."""
Bound = Annotated[int | float, Field(ge=-1e12, le=1e12)]
Path_ = Annotated[str, StringConstraints(pattern=r"^(training|method)\.[a-z_]+$")]


class Values(Settings):
    """What a setting may become: numbers between `low` and `high`, both included, or one of `choices`."""

    low: Bound | None = None
    high: Bound | None = None
    log: bool = False
    """Even over orders of magnitude: for rates and sizes."""
    choices: tuple[Any, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.choices is None) == (self.low is None) or (self.low is None) != (self.high is None):
            raise ValueError("give low and high, or choices")
        if self.choices is not None:
            if self.log:
                raise ValueError("log is for low and high")
            if len({canonical(one) for one in self.choices}) < len(self.choices):
                raise ValueError("choices must differ")
        elif self.low >= self.high:  # type: ignore[operator]
            raise ValueError("low must be below high")
        elif self.log and self.low <= 0:  # type: ignore[operator]
            raise ValueError("log needs low above 0")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that say whether a setting takes all of them: both ends, or every choice."""
        return self.choices if self.choices is not None else (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Whether a value is among them."""
        if self.choices is not None:
            return any(canonical(value) == canonical(one) for one in self.choices)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


class Search(Settings):
    """recipes/tune-NAME.yaml: what is tried, how often, and what is looked for. The validation split decides."""

    recipe: str
    """What is tuned: the path of a recipe, relative to the checkout."""
    trials: int = Field(ge=1, le=10_000)
    """Trainings in all, those that were stopped early or failed among them."""
    space: dict[Path_, Values] = Field(default_factory=dict)
    """By name, `training.learning_rate` or `method.rank`; default: the usual space of the recipe's method."""
    metric: str = LOSS
    """loss: the best validation loss of a training. Or a metric of the task, measured on the validation split."""
    random: int = Field(default=10, ge=0, le=10_000)
    """Trials drawn blindly before the sampler begins to learn from what was found."""
    prune: bool | None = None
    """Stop a training whose validation loss stays above the median of earlier ones; default: if `metric` is loss."""

    @property
    def prunes(self) -> bool:
        """Whether trainings are stopped early."""
        return self.metric == LOSS if self.prune is None else self.prune


def load_search(path: Path, trials: int | None = None, metric: str | None = None) -> tuple[Search, Recipe, Path]:
    """A search from its file or for a recipe; with its recipe, and where that lies.

    Args:
        path: a search, or a recipe.
        trials: instead of what the file says; needed for a recipe.
        metric: likewise.

    Raises:
        ConfigError, InputError: something of it is wrong, all faults at once.
    """
    data = load_yaml(path)
    said = {key: value for key, value in (("trials", trials), ("metric", metric)) if value is not None}
    if isinstance(data, Mapping) and "recipe" in data:
        search = parse(Search, {**data, **said}, path)
        file = CHECKOUT / search.recipe
        recipe = load_recipe(file)
    else:
        if trials is None:
            raise InputError("say how many trainings the search may take", hint="--trials 20")
        recipe, file = parse_recipe(data, path), path
        search = parse(Search, {"recipe": str(path), **said}, path)
    if not search.space:
        search = search.model_copy(update={"space": usual_space(recipe)})
    if faults := list(_faults(search, recipe)):
        raise ConfigError.of(path, faults)
    return search, recipe, file


def usual_space(recipe: Recipe) -> dict[str, Values]:
    """Learning rates up to ten times lower and higher, weight decay, and the sizes that the method has."""
    space = {"training.learning_rate": _around(recipe.training.learning_rate)}
    if recipe.task not in GENERATING:
        head = recipe.training.head_learning_rate or recipe.training.learning_rate
        space["training.head_learning_rate"] = _around(head)
    decays = sorted({0.0, 0.01, 0.1, recipe.training.weight_decay})
    space["training.weight_decay"] = Values(choices=tuple(decays))
    for name in SIZES:
        if name in type(recipe.method).model_fields:
            size = getattr(recipe.method, name)
            sizes = dict.fromkeys([max(1, size // 4), max(1, size // 2), size, 2 * size, 4 * size])
            fitting = tuple(one for one in sizes if _refusal(recipe, {f"method.{name}": one}) is None)
            space[f"method.{name}"] = Values(choices=fitting)
    return space


def _around(rate: float) -> Values:
    return Values(low=float(f"{rate / 10:.3g}"), high=float(f"{rate * 10:.3g}"), log=True)


def with_values(recipe: Recipe, values: Mapping[str, Any], source: object = "recipe") -> Recipe:
    """The recipe with other values of some settings.

    Raises:
        ConfigError: a setting refuses its value.
    """
    plain = recipe.plain()
    for path, value in values.items():
        section, name = path.split(".")
        plain[section][name] = list(value) if isinstance(value, tuple) else value
    return parse(Recipe, plain, source)


def value_at(recipe: Recipe, path: str) -> Any:
    """What a recipe says at `training.NAME` or `method.NAME`, defaults included; a head's rate is the others' rate."""
    section, name = path.split(".")
    if path == "training.head_learning_rate" and recipe.training.head_learning_rate is None:
        return recipe.training.learning_rate
    return getattr(recipe.training if section == "training" else recipe.method, name)


def is_whole(search: Search, recipe: Recipe, path: str) -> bool:
    """Whether a setting counts something: its range then holds whole numbers only."""
    return isinstance(_lowest(search, recipe, path), int)


def own_values(search: Search, recipe: Recipe) -> dict[str, Any] | None:
    """What the recipe itself says, where the space holds it: the first trial, so that no result is worse."""
    own = {path: value_at(recipe, path) for path in search.space}
    return own if all(values.holds(own[path]) for path, values in search.space.items()) else None


def _faults(search: Search, recipe: Recipe) -> Iterator[str]:
    """Everything that is wrong with the space, tried on the recipe."""
    from tasks.evaluation.metric import metrics_of

    metrics, space = metrics_of(DATASET_TASK[recipe.task]), search.space
    if search.metric not in (LOSS, *metrics):
        yield f"metric: {search.metric} is none of {recipe.task} (there are: {', '.join((LOSS, *metrics))})"
    names = {path: _fault_of_name(recipe, search.metric, path) for path in space}
    yield from (f"space.{path}: {fault}" for path, fault in names.items() if fault is not None)
    known = [path for path, fault in names.items() if fault is None]
    # Settings of one section may refuse each other: they are tried together.
    sections = ([path for path in known if path.startswith(name)] for name in ("method.", "training."))
    refused = [fault for paths in sections for fault in _refused(recipe, {path: space[path] for path in paths})]
    yield from refused
    if refused or len(known) < len(space):
        return
    for path, values in space.items():
        if values.choices is None and isinstance(_lowest(search, recipe, path), bool):
            yield f"space.{path}: this is a switch: give choices"


def _fault_of_name(recipe: Recipe, metric: str, path: str) -> str | None:
    section, name = path.split(".")
    options = type(recipe.method) if section == "method" else Training
    if path == "method.name":
        return "galen compare is for several methods"
    if name not in options.model_fields:
        return f"no such setting (known: {', '.join(sorted(set(options.model_fields) - {'name'})) or 'none'})"
    if path in ("training.max_length", "training.class_weights") and metric == LOSS:
        return "it decides what the validation loss is measured on; choose a metric, or leave it out"
    return None


def _refused(recipe: Recipe, space: Mapping[str, Values]) -> Iterator[str]:
    """Values that the recipe takes in no combination, and combinations of others that it does not take."""
    combinations = [dict(zip(space, ends, strict=True)) for ends in product(*(one.ends for one in space.values()))]
    said = [(values, _refusal(recipe, values)) for values in combinations]
    hopeless = []
    for path, one in ((path, one) for path, values in space.items() for one in values.ends):
        faults = [fault for values, fault in said if values[path] == one]
        if all(faults):
            hopeless.append((path, one))
            yield f"space.{path}: {faults[0]} (tried {one!r})"
    for values, fault in said:
        if fault and not any(values[path] == one for path, one in hopeless):
            yield f"space: {', '.join(f'{path} {one}' for path, one in values.items())}: {fault}"


def _refusal(recipe: Recipe, values: Mapping[str, Any]) -> str | None:
    """Why a recipe does not take these values; None where it does."""
    try:
        with_values(recipe, values)
    except ConfigError as error:
        return "; ".join(line.removeprefix("  - ") for line in error.what.splitlines()[1:])
    return None


def _firsts(search: Search) -> dict[str, Any]:
    """A point of the space. Every combination of ends was tried, so any value may be put into it."""
    return {path: values.ends[0] for path, values in search.space.items()}


def _lowest(search: Search, recipe: Recipe, path: str) -> Any:
    """What a recipe makes of the low end of a setting."""
    return value_at(with_values(recipe, _firsts(search)), path)


def check_methods(store: Store, search: Search, recipe: Recipe) -> None:
    """See that the base takes every value of the method's settings, all faults at once. Needs torch; loads no weights.

    Raises:
        ConfigError: it does not.
    """
    from tasks.training.fit import check_fit

    check_fit(store, recipe)
    faults = []
    for path, values in search.space.items():
        for one in values.ends if path.startswith("method.") else ():
            try:
                check_fit(store, with_values(recipe, _firsts(search) | {path: one}))
            except InputError as error:
                faults.append(f"space.{path}: {error} (tried {one!r})")
    if faults:
        raise ConfigError.of(recipe.method.name, faults)


def canonical(value: Any) -> bytes:
    """A value in one form: 8 and 8.0, a list and a tuple are the same."""
    return canonical_json(list(value) if isinstance(value, tuple) else value)
