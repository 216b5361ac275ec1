"""One training of a search, in a process of its own. Of the dataset, it opens the train and the validation split."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, key_of, read
from tasks.children import answer
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.digest import digest_file
from tasks.errors import InputError, IntegrityError
from tasks.meta.model import ModelMeta
from tasks.store import Store
from tasks.training.checkpoint import Checkpoints
from tasks.training.learn import kind_of
from tasks.training.method import method_of
from tasks.training.recipe import Recipe
from tasks.training.train import finetune, inputs_of, training_code
from tasks.tuning.config import LOSS
from tasks.tuning.study import known_study

if TYPE_CHECKING:
    from optuna.trial import Trial

    from tasks.training.bases import Base

READ: tuple[Split, ...] = ("train", "validation")


@dataclass(frozen=True)
class Job:
    """What the process of a trial needs to know."""

    study: str
    """Key of the study."""
    trial: int
    """Optuna's id of the trial, which is not its number."""
    recipe: Recipe
    dataset: str
    base: str
    metric: str
    prunes: bool

    def plain(self) -> dict[str, Any]:
        """For the other process."""
        return vars(self) | {"recipe": self.recipe.plain()}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Job:
        """From `plain`."""
        return cls(**{**plain, "recipe": Recipe.model_validate(plain["recipe"])})


class Pruned(Exception):
    """A training is not worth going on with."""


class Follower:
    """What training reports to: it hands the validation loss to the study, which may end the training there.

    Points are counted, not named by their steps: trials may differ in steps, and are compared at the same share of
    their training. The last point is never a reason to stop: nothing would be saved.
    """

    def __init__(self, trial: Trial, evaluations: int, higher_is_better: bool) -> None:
        """`evaluations`: how many a whole training has."""
        self._trial, self._evaluations, self._sign = trial, evaluations, -1 if higher_is_better else 1

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Points of curves.

        Raises:
            Pruned: the validation loss is worse than the median of earlier trials at this point.
        """
        if "validation_loss" not in values:
            return
        last = self.note(step, values["validation_loss"]) >= self._evaluations
        if not last and self._trial.should_prune():
            raise Pruned

    def note(self, step: int, loss: float) -> int:
        """Report a validation loss; says which point of the curve it is. One that is known is not reported again."""
        curve: list[dict[str, float]] = self._trial.user_attrs.get("curve", [])
        steps = [point["step"] for point in curve]
        if step not in steps:
            self._trial.set_user_attr("curve", [*curve, {"step": step, "loss": loss}])
            self._trial.report(self._sign * loss, len(steps) + 1)
            return len(steps) + 1
        return steps.index(step) + 1

    def params(self, values: Mapping[str, Any]) -> None:
        """The study has them."""

    def artifact(self, path: Path, name: str | None = None) -> None:
        """A search keeps no files of its trials."""

    def dataset(self, version: DatasetVersion, split: Split = "train") -> None:
        """All trials of a study have the same."""


def run_trial(store: Store, job: Job) -> dict[str, Any]:
    """Train with the values of a trial, and find what they are worth.

    Returns:
        `state` "complete" with `value`, `artifact` (its digest), `made` (digests of what is new in the store) and what
        training said; or "pruned", with nothing left behind.

    Raises:
        GalenError: it cannot be trained or judged.
    """
    from optuna.trial import Trial

    from tasks.training.resolve import resolve_base

    study, recipe = known_study(store, job.study, job.prunes), job.recipe
    follower = Follower(Trial(study, job.trial), recipe.training.evaluations, study.direction.name == "MAXIMIZE")
    dataset, base = open_splits(store, job.dataset), resolve_base(store, recipe.base_model)
    if base.digest != job.base:
        raise InputError("the base model changed while the search ran", hint="run again")
    started = time.monotonic()
    try:
        artifact = finetune(store, recipe, dataset, base, track=follower)
    except Pruned:
        forget(store, recipe, dataset, base)
        return {"state": "pruned", "seconds": time.monotonic() - started, "code": training_code(recipe)}
    for point in json.loads(artifact.file("history.json").read_bytes())["validation"]:
        follower.note(int(point["step"]), float(point["loss"]))  # where it was found, nobody reported
    said = ModelMeta.read(artifact).training
    value, evaluation = _value(store, job, artifact, dataset)
    made = [one.digest for one in (artifact, evaluation) if one is not None and not one.reused]
    return {
        "state": "complete",
        "value": value,
        "artifact": artifact.digest,
        "made": made,
        "seconds": time.monotonic() - started,
        "code": training_code(recipe),
        "validation_loss": said.validation_loss,
        "train_loss": said.train_loss,
        "steps": said.steps,
        "best_step": said.best_step,
        "trained_parameters": said.trained_parameters,
    }


def _value(store: Store, job: Job, artifact: Artifact, dataset: DatasetVersion) -> tuple[float, Artifact | None]:
    """What the search looks at: the best validation loss, or a metric on the validation split, with its evaluation."""
    if job.metric == LOSS:
        return ModelMeta.read(artifact).training.validation_loss, None
    from tasks.evaluation.evaluate import evaluate

    found = evaluate(store, artifact, dataset, job.recipe.evaluation, split="validation")
    if job.metric not in found.metrics:
        raise InputError("the metric is not defined on the validation split", value=job.metric, hint="use another one")
    return found.metrics[job.metric].value, found.artifact


def open_splits(store: Store, digest: str) -> DatasetVersion:
    """A sealed dataset version of which the train and the validation split are verified, and nothing else is opened.

    Raises:
        IntegrityError: it is not there, or one of the two was changed.
    """
    folder = store.folder(digest)
    if not folder.is_dir():
        raise IntegrityError("this dataset version is not on this machine", value=digest, hint="build it again")
    sealed = read(folder)
    changed = [one for one in READ if digest_file(sealed.file(f"{one}.parquet")) != sealed.files[f"{one}.parquet"]]
    if sealed.digest != digest or changed:
        raise IntegrityError("a sealed dataset version was changed", value=digest, hint="restore it from a copy")
    return DatasetVersion(sealed)


def forget(store: Store, recipe: Recipe, dataset: DatasetVersion, base: Base) -> None:
    """Clear the checkpoints of a training that will not go on."""
    kind = kind_of(method_of(recipe.method))
    Checkpoints(store, key_of(kind, inputs_of(recipe, dataset, base), training_code(recipe)), {}).clear()


def _work(plain: dict[str, Any]) -> dict[str, Any]:
    return run_trial(Store.of_environment(), Job.of(plain))


if __name__ == "__main__":
    answer(_work, Path(sys.argv[1]), Path(sys.argv[2]))
