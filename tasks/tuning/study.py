"""Optuna's study of a search: in a database of its own, so that a search that was killed goes on, and can grow.

The sampler is TPE (Bergstra et al. 2011, Algorithms for Hyper-Parameter Optimization), the pruner the median rule
(Golovin et al. 2017, Google Vizier). Chance comes from the recipe's seed and the number of the trial: one trial at a
time, a search that was stopped in between tries what an uninterrupted one would have.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tasks.config.words import DATASET_TASK
from tasks.digest import digest_data
from tasks.errors import GalenError, Interrupted
from tasks.store import Store
from tasks.training.learn import RELEVANT
from tasks.training.recipe import Recipe
from tasks.tuning.config import LOSS, Search, canonical, is_whole, own_values

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial, Trial

PATIENCE = 60.0  # seconds to wait for another process that writes to the database
DIGITS = 3  # of a drawn number: a recipe is read by people


@dataclass(frozen=True)
class Subject:
    """A search on the data and the base that it meets: everything that the value of a trial depends on but code."""

    search: Search
    recipe: Recipe
    """What every trial starts from."""
    dataset: str
    """Digest of the dataset version."""
    validation: str
    """SHA-256 of its validation split."""
    base: str
    """Digest of the base model."""

    @cached_property
    def key(self) -> str:
        """Names the study. The number of trials does not count: a search may grow."""
        recipe, search = self.recipe.plain(), self.search.plain()
        parts = (*RELEVANT, *(() if self.search.metric == LOSS else ("evaluation",)))
        asked = {part: search[part] for part in ("space", "metric", "random")} | {"prune": self.search.prunes}
        return digest_data(
            {
                "recipe": {part: recipe[part] for part in parts},
                "search": asked,
                "dataset": self.dataset,
                "base": self.base,
            }
        )

    @property
    def higher_is_better(self) -> bool:
        """Which way is better."""
        if self.search.metric == LOSS:
            return False
        from tasks.evaluation.metric import metrics_of

        return metrics_of(DATASET_TASK[self.recipe.task])[self.search.metric].better == "higher"


def database(store: Store, key: str) -> Path:
    """Where a study is kept."""
    return store.root / "tuning" / f"{key}.db"


def open_study(store: Store, subject: Subject) -> Study:
    """The study of a search, made on first use; the recipe as it is becomes its first trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = database(store, subject.key)
    file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=_storage(file),
        study_name=subject.key,
        direction="maximize" if subject.higher_is_better else "minimize",
        pruner=pruner(subject.search.prunes),
        load_if_exists=True,
    )
    if not study.get_trials(deepcopy=False) and (own := own_values(subject.search, subject.recipe)):
        study.enqueue_trial({path: _coded(subject, path, value) for path, value in own.items()}, {"own": True})
    return study


def known_study(store: Store, key: str, prunes: bool) -> Study:
    """A study that exists, for the process of a trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.load_study(storage=_storage(database(store, key)), study_name=key, pruner=pruner(prunes))


def _storage(file: Path) -> Any:
    from optuna.storages import RDBStorage

    return RDBStorage(f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": PATIENCE}})


def pruner(prunes: bool) -> Any:
    """The median rule from the fifth trial on; or none."""
    from optuna.pruners import MedianPruner, NopPruner

    return MedianPruner(n_startup_trials=4) if prunes else NopPruner()


@dataclass(frozen=True)
class Asked:
    """A trial that is to be run."""

    trial: Trial
    values: dict[str, Any]
    """Of the settings that are searched."""

    @property
    def number(self) -> int:
        """Which trial of its search it is, from 0."""
        return self.trial.number

    @property
    def id(self) -> int:
        """What its database calls it."""
        return self.trial._trial_id


class Trials:
    """Hands out the trials of a search, one after the other, to threads that run them."""

    def __init__(self, store: Store, subject: Subject) -> None:
        """Only one process at a time may do this for a study: what runs in it now was left by one that died."""
        self.subject, self.study = subject, open_study(store, subject)
        self._lock = threading.Lock()
        self._left = [one for one in self.study.get_trials(deepcopy=False) if one.state.name == "RUNNING"]

    def to_do(self) -> int:
        """How many trials are missing to the number asked for."""
        ended = sum(one.state.is_finished() for one in self.study.get_trials(deepcopy=False))
        return max(0, self.subject.search.trials - ended)

    def ask(self) -> Asked:
        """The next trial: one that was left unfinished, or a new one."""
        from optuna.samplers import TPESampler
        from optuna.trial import Trial

        with self._lock:
            left = self._left.pop(0) if self._left else None
            begun = sum(one.state.name != "WAITING" for one in self.study.get_trials(deepcopy=False))
            number = left.number if left else begun
            chance = int(digest_data({"seed": self.subject.recipe.seed, "trial": number})[:8], 16)
            self.study.sampler = TPESampler(seed=chance, n_startup_trials=self.subject.search.random)
            trial = Trial(self.study, left._trial_id) if left else self.study.ask()
            return Asked(trial, _suggested(self.subject, trial))

    def twin(self, asked: Asked) -> FrozenTrial | None:
        """A finished trial of the same values: its result is known."""
        for one in self.study.get_trials(deepcopy=False):
            if one.state.name in ("COMPLETE", "PRUNED") and values_of(self.subject, one) == asked.values:
                return one
        return None

    def tell(self, asked: Asked, state: str, value: float | None = None, **noted: Any) -> None:
        """Note how a trial ended: `complete` with its value, `pruned` or `fail`."""
        from optuna.trial import TrialState

        for name, one in noted.items():
            asked.trial.set_user_attr(name, one)
        self.study.tell(asked.trial.number, value, TrialState[state.upper()])

    def repeat(self, asked: Asked, twin: FrozenTrial) -> None:
        """Note that a trial would end as an earlier one did."""
        value = twin.value if twin.state.name == "COMPLETE" else None
        names = ("artifact", "curve", "code", "error", "train_loss", "validation_loss", "steps", "best_step")
        noted = {name: twin.user_attrs[name] for name in names if name in twin.user_attrs}
        self.tell(asked, twin.state.name, value, same_as=twin.number, **noted)

    def fail(self, asked: Asked, error: GalenError) -> None:
        """Note that a trial came to no end: the search goes on without it.

        What failed for its values counts as pruned, which the sampler learns from: it tries less of the kind.
        """
        self.tell(asked, "fail" if isinstance(error, Interrupted) else "pruned", error=error.to_json())


def own_draw(trial: FrozenTrial | Trial) -> bool:
    """Whether a trial has the recipe's own values."""
    return bool(trial.user_attrs.get("own"))


def values_of(subject: Subject, trial: FrozenTrial) -> dict[str, Any]:
    """The settings that a trial has, as a recipe says them."""
    own = own_draw(trial)
    return {path: _plain(subject, path, one, own) for path, one in trial.params.items()}


def _suggested(subject: Subject, trial: Trial) -> dict[str, Any]:
    found: dict[str, Any] = {}
    own = own_draw(trial)
    for path, values in sorted(subject.search.space.items()):
        drawn: Any
        if values.choices is not None:
            drawn = trial.suggest_categorical(path, [json.dumps(one) for one in values.choices])
        elif is_whole(subject.search, subject.recipe, path):
            drawn = trial.suggest_int(path, int(values.low or 0), int(values.high or 0), log=values.log)
        else:
            drawn = trial.suggest_float(path, float(values.low or 0), float(values.high or 0), log=values.log)
        found[path] = _plain(subject, path, drawn, own)
    return found


def _coded(subject: Subject, path: str, value: Any) -> Any:
    """A value as Optuna keeps it: choices as JSON, since it knows no lists."""
    choices = subject.search.space[path].choices
    if choices is None:
        return value
    return next(json.dumps(one) for one in choices if canonical(one) == canonical(value))


def _plain(subject: Subject, path: str, kept: Any, own: bool) -> Any:
    """What `_coded` kept; a drawn number with few digits, within its range."""
    values = subject.search.space[path]
    if values.choices is not None:
        return json.loads(kept)
    if own or isinstance(kept, int):
        return kept
    low, high = cast("tuple[float, float]", values.ends)
    return min(max(float(f"{kept:.{DIGITS}g}"), low), high)
