"""What `galen data list` and `galen data remove` tell about the entries of params.yaml, broken ones too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.artifact import MANIFEST as SEALED
from tasks.artifact import read
from tasks.data.entries import one_entry, params_file
from tasks.data.params import checked
from tasks.data.sources import take_out
from tasks.data.stage import STAGES, built_folder, refused_file
from tasks.errors import ConfigError, GalenError, InputError
from tasks.home import shown
from tasks.meta.dataset import DatasetMeta
from tasks.settings import load_yaml
from tasks.store import Store


def listed(store: Store) -> list[dict[str, Any]]:
    """Every entry, in the order of their names; one that is broken stops no other.

    Returns:
        Of each: `name`, `task`, `format`, `source` (as written; None where that is no text), `digest` (of the version
        that is built now, or None), `records` (of its splits together, or None), `refused` (the last build was),
        `faults` (what is wrong with the entry or with what was built, or None).

    Raises:
        InputError: params.yaml cannot be read, or its `datasets` are no entries.
    """
    data = load_yaml(params_file())
    entries = data.get("datasets") if isinstance(data, Mapping) else None
    if entries is None:
        return []
    if not isinstance(entries, Mapping):
        raise ConfigError.of(shown(params_file()), ["datasets: expected one entry per dataset"])
    return [_one(store, str(name), entry) for name, entry in sorted(entries.items(), key=lambda one: str(one[0]))]


def _one(store: Store, name: str, entry: Any) -> dict[str, Any]:
    told = entry if isinstance(entry, Mapping) else {}
    written = {key: told[key] if isinstance(told.get(key), str) else None for key in ("task", "format", "source")}
    found: dict[str, Any] = {"name": name, **written, "digest": None, "records": None, "refused": False, "faults": None}
    try:
        checked(*one_entry(name))
        found["refused"] = any(refused_file(store, name, stage).is_file() for stage in STAGES)
        sealed = built_folder(name) / "seal"
        if (sealed / SEALED).is_file():
            artifact = read(sealed)
            found["digest"], found["records"] = artifact.digest, sum(DatasetMeta.read(artifact).counts.values())
    except GalenError as error:
        found["faults"] = str(error)
    return found


def remove(store: Store, name: str, *, although_used: bool = False) -> list[str]:
    """Take an entry out of params.yaml; its source, what was built, and sealed versions stay.

    Args:
        store: where everything is kept.
        name: of the entry.
        although_used: also where a recipe names this dataset.

    Returns:
        What still refers to it or is left, for people.

    Raises:
        InputError: no such entry, or a recipe names it.
    """
    one_entry(name)
    recipes = _recipes_of(name)
    if recipes and not although_used:
        raise InputError(
            "recipes train on this dataset",
            value=f"{name}: {', '.join(recipes)}",
            hint=f"name another dataset there, or remove them; `galen data remove {name} --yes` goes ahead",
        )
    versions = [one.digest[:12] for one in store.all("dataset") if DatasetMeta.read(one).name == name]
    with store.locked("params"):
        take_out(name)
    left = [f"{recipe} still names it, and fails until it names another dataset" for recipe in recipes]
    if versions:
        left.append(f"sealed versions stay, as do models made from them, for audit and trace: {', '.join(versions)}")
    built = built_folder(name)
    if built.exists():
        left.append(
            f"{shown(built)} is left; its assignments.parquet keeps each record in its split if the dataset comes back"
        )
    return [*left, "the source is left as it is"]


def _recipes_of(name: str) -> list[str]:
    """Files in recipes/ whose dataset this is; one that cannot be read names none."""
    found = []
    for path in sorted((params_file().parent / "recipes").glob("*.yaml")):
        try:
            recipe = load_yaml(path)
        except GalenError:
            continue
        if isinstance(recipe, Mapping) and recipe.get("dataset") == name:
            found.append(shown(path))
    return found
