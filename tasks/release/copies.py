"""The copies that MLflow keeps of registered versions in this home: damaged ones are set aside and made again."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tasks.artifact import Artifact
from tasks.errors import IntegrityError
from tasks.lineage.roles import RegisteredVersion, Roles
from tasks.progress import notice
from tasks.release.mirrored import EVENT
from tasks.release.package import check_packaged, package, packaged_differences
from tasks.signatures import Keys, trusted_keys
from tasks.store import Store
from tasks.tracking import registry

AGAIN = "the next galen retrain makes it again"


def in_home(store: Store, location: str) -> Path | None:
    """The folder of a copy, where it lies in this home; what a server keeps is not ours to mend."""
    if urlsplit(location).scheme not in ("", "file"):
        return None
    folder = Path(urlsplit(location).path)
    return folder if folder.is_relative_to(store.root) and folder != store.root else None


def mend_copies(store: Store, found: Roles) -> bool:
    """Make every damaged or lost copy of a model's versions again, from the artifact; whether there was one.

    What was not touched since it was last hashed costs no hashing (as with `Store.check`). A version whose artifact is
    damaged or gone, too, is left: `galen audit` names it.

    Raises:
        Interrupted: MLflow does not answer.
    """
    sources, mended = registry.sources(store, found.model, EVENT), False
    for version in found.versions:
        folder = in_home(store, sources.get(version.registered.digest, "models:/none"))
        name = f"mlflow-{version.registered.digest}"
        if folder is None or not (store.has(version.artifact) and store.touched(name, folder)):
            continue
        with store.locked(f"copies-{found.model}"):
            if not is_whole(store, version, folder, trusted_keys(store)):
                try:
                    artifact = store.load(version.artifact)
                except IntegrityError:
                    continue
                _make_again(store, version, artifact, folder)
                mended = True
            store.seen(name, folder)
    return mended


def is_whole(store: Store, version: RegisteredVersion, folder: Path, trusted: Keys) -> bool:
    """Whether a copy is as this machine made it, every byte hashed."""
    try:
        found = packaged_differences(folder, version.artifact, trusted)
        if found is None:  # of an earlier Galen, which stated nothing
            check_packaged(folder, store.load(version.artifact))
    except (OSError, IntegrityError):
        return False
    return not found


def _make_again(store: Store, version: RegisteredVersion, artifact: Artifact, folder: Path) -> None:
    with store.staging(f"copy-{artifact.digest[:16]}") as staging:
        made = package(store, artifact, staging / "package")
        if folder.is_symlink() or folder.exists():
            store.set_aside(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(folder)
    notice(f"MLflow's copy of {version.model} version {version.number} was damaged or gone: made again")
