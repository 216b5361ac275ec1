"""What a search comes to: its summary as plain data, the recipe of the best trial, and room on the disk."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import write_atomically
from tasks.errors import InputError
from tasks.evaluation.policy import parse_recipe
from tasks.home import shown
from tasks.lineage.ledger import events
from tasks.private import for_its_user
from tasks.store import Store
from tasks.training.recipe import Recipe
from tasks.training.train import training_code
from tasks.tuning.config import own_values, with_values
from tasks.tuning.study import Subject, open_study, own_draw, values_of

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "unfinished"}


def summarise(store: Store, subject: Subject) -> dict[str, Any]:
    """A search as plain data: what was asked, every trial, the best one, and how much each setting mattered."""
    study, recipe, search = open_study(store, subject), subject.recipe, subject.search
    trials = [_trial(subject, one) for one in study.get_trials(deepcopy=False) if one.state.name in STATES]
    ended = [one for one in trials if one["state"] == "complete"]
    sign = -1 if subject.higher_is_better else 1
    best = min(ended, key=lambda one: (sign * one["value"], one["number"]), default=None)
    return {
        "model": recipe.model,
        "task": recipe.task,
        "method": recipe.method.name,
        "seed": recipe.seed,
        "study": subject.key,
        "dataset": recipe.dataset,
        "dataset_digest": subject.dataset,
        "validation": subject.validation,
        "base_digest": subject.base,
        "metric": search.metric,
        "better": "higher" if subject.higher_is_better else "lower",
        "prune": search.prunes,
        "asked": search.trials,
        "space": {path: values.plain() for path, values in search.space.items()},
        "recipe_values": own_values(search, recipe),
        "best": best,
        "recipe_value": next((one["value"] for one in ended if one["own"]), None),
        "importance": importance(study, recipe.seed),
        "other_code": [one["number"] for one in ended if one["code"] != training_code(recipe)],
        "trials": trials,
    }


def importance(study: Study, seed: int) -> dict[str, float]:
    """The share of the variance of finished trials that each setting explains, largest first; empty with too few.

    fANOVA (Hutter et al. 2014, An Efficient Approach for Assessing Hyperparameter Importance), by Optuna.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    ended = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len({one.value for one in ended}) < 2:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))


def _trial(subject: Subject, trial: FrozenTrial) -> dict[str, Any]:
    noted = trial.user_attrs
    names = ("artifact", "seconds", "same_as", "error", "code", "train_loss", "validation_loss", "steps", "best_step")
    return {
        "number": trial.number,
        "state": "failed" if noted.get("error") else STATES[trial.state.name],
        "own": own_draw(trial),
        "values": values_of(subject, trial),
        "value": trial.value if trial.state.name == "COMPLETE" else None,
        "curve": noted.get("curve", []),
        **{name: noted.get(name) for name in names},
    }


def write_recipe(source: Path, target: Path, found: Mapping[str, Any], recipe: Recipe) -> None:
    """Write the recipe with the best settings to `target`; comments of the original stay, its schedule does not.

    Two scheduled recipes of one model would be refused: whether the new one takes over is for a person to say.

    Args:
        source: the recipe that was tuned.
        target: the new file.
        found: what `summarise` returned, with a best trial.
        recipe: what `source` held when the search began.

    Raises:
        InputError: `source` was changed since.
    """
    import yaml as plain_yaml
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    data, best = yaml.load(source.read_text(encoding="utf-8")), found["best"]
    for path, value in best["values"].items():
        section, name = path.split(".")
        # PyYAML's form, which writes 1.0e-05: other forms of small numbers are text to it.
        data.setdefault(section, {})[name] = yaml.load(plain_yaml.safe_dump(value))
    data.pop("schedule", None)
    text = io.StringIO()
    yaml.dump(data, text)
    written = f"{_origin(found, source)}{text.getvalue()}"
    expected = with_values(recipe, best["values"]).model_copy(update={"schedule": None})
    if parse_recipe(plain_yaml.safe_load(written), target) != expected:
        hint = "run the same command again: it makes a new search of the recipe as it is now"
        raise InputError("the recipe was changed while the search ran", value=shown(source), hint=hint)
    with for_its_user():
        write_atomically(target, written.encode())


def _origin(found: Mapping[str, Any], source: Path) -> str:
    """The comment above a tuned recipe."""
    best, states = found["best"], [one["state"] for one in found["trials"]]
    counts = ", ".join(f"{states.count(one)} {one}" for one in STATES.values() if one in states)
    losses = f"validation loss {best['validation_loss']:.6g}"
    if found["metric"] != "loss":
        losses = f"{found['metric']} {best['value']:.6g} on the validation split, {losses}"
    was = "" if found["recipe_value"] is None else f" (the recipe as it was: {found['recipe_value']:.6g})"
    return (
        f"# Tuned by `galen tune` from {shown(source)}: study {found['study'][:12]}, {len(states)} trials ({counts}).\n"
        f"# Trial {best['number']}: {losses}{was}. Dataset version {found['dataset_digest'][:12]}.\n"
    )


def sweep(store: Store, found: Mapping[str, Any], subject: Subject) -> int:
    """Remove what the trials of a search made, but for the best one's; returns how many artifacts went.

    What was there before the search, and what the ledger names, stays.
    """
    stays = {digest for event in events(store) for digest in event.subjects.values()}
    goes: set[str] = set()
    for trial in open_study(store, subject).get_trials(deepcopy=False):
        best = found["best"] is not None and trial.number == found["best"]["number"]
        (stays if best else goes).update(trial.user_attrs.get("made", []))
    gone = [digest for digest in sorted(goes - stays) if store.remove(digest)]
    for digest in gone:
        (store.root / "timings" / f"{digest}.json").unlink(missing_ok=True)
    return len(gone)
