"""A sealed model as MLflow keeps and serves it: what is registered, and what is tried out before."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version as installed
from pathlib import Path

from tasks import signatures
from tasks.artifact import FILE, Artifact, entries_of, read, verify, write_atomically
from tasks.digest import canonical_json, digest_file
from tasks.errors import IntegrityError
from tasks.home import CHECKOUT
from tasks.progress import notice
from tasks.store import Store
from tasks.tracking import registry

READS = ("tasks/release/served.py", "tasks/model_text.py", "tasks/training/prompts.py")
SERVED, *BESIDE = (CHECKOUT / name for name in READS)
REQUIREMENTS = ("transformers", "torch", "bitsandbytes", "accelerate")
STATEMENT = "galen.dsse"
"""In the folder: the SHA-256 of every other file, the code that serves it included, signed by the machine that made it.
`served.py` checks the files before it loads anything, `galen audit` the signature, too."""
PACKAGED = "application/vnd.galen.package+json"
MADE_BY_MLFLOW = ("registered_model_meta",)
"""Files that MLflow writes beside them when it loads a version by its name."""


def package(store: Store, artifact: Artifact, target: Path) -> Path:
    """Write a model as MLflow serves it to `target`, and return that."""
    requirements = [f"{name}=={installed(name).partition('+')[0]}" for name in REQUIREMENTS]
    registry.package_model(store, artifact.path, SERVED, BESIDE, target, requirements)
    for left in target.rglob("__pycache__"):
        shutil.rmtree(left)
    files = {name: digest_file(target / name) for name in entries_of(target)}
    said = canonical_json({"artifact": artifact.digest, "files": files})
    write_atomically(target / STATEMENT, signatures.sign(PACKAGED, said, signatures.signer(store)))
    return target


def check_packaged(package: Path, artifact: Artifact) -> None:
    """See that an MLflow model holds the bytes of an artifact.

    Raises:
        IntegrityError: it does not, or it cannot be read.
    """
    copy = read(package / "artifacts" / artifact.path.name)
    verify(copy)
    if copy.digest != artifact.digest:
        raise IntegrityError("MLflow keeps other bytes than were judged", value=copy.digest)


def packaged_differences(package: Path, digest: str, trusted: signatures.Keys) -> list[str] | None:
    """What of an MLflow model is not as this machine made it of an artifact; None: an earlier Galen stated nothing.

    Args:
        package: the folder.
        digest: of the artifact that it must be of.
        trusted: keys that may have signed.
    """
    if not (package / STATEMENT).exists() and (package / "MLmodel").exists():
        return None
    try:
        envelope = signatures.check((package / STATEMENT).read_bytes(), trusted)
        said = json.loads(envelope.payload)
        files: dict[str, str] = said["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        words = error if type(error) is ValueError else "cannot be read"
        return [f"{STATEMENT} {words}"]
    if envelope.payload_type != PACKAGED or said.get("artifact") != digest:
        return ["it is of another artifact than was judged"]
    present, found = entries_of(package), []
    for name in sorted(files.keys() | present.keys() - {STATEMENT, *MADE_BY_MLFLOW}):
        if name not in present:
            found.append(f"{name} is missing")
        elif present[name] != FILE or name not in files:
            if Path(name).parent.name != "__pycache__":  # `served.py` runs none of it
                found.append(f"{name} was added")
        elif digest_file(package / name) != files[name]:
            found.append(f"{name} was changed")
    return found


def whole(store: Store, model: str, digest: str, registered: str) -> Artifact:
    """The artifact of a version; where it is damaged or gone, taken again from the copy that MLflow keeps.

    Args:
        store: where everything is kept.
        model: its name.
        digest: of the artifact.
        registered: digest of the event that registered it, by which MLflow's version is found.

    Raises:
        IntegrityError: no whole copy is left on this machine or in MLflow.
    """
    try:
        return store.load(digest)
    except IntegrityError as error:
        location = registry.sources(store, model, "galen.registered").get(registered)
        if location is None:
            raise
        with store.staging(f"again-{digest[:16]}") as staging:
            try:
                copy = registry.fetch(store, location, staging / "fetched")
                found = read(copy / "artifacts" / digest)
                verify(found)
                if found.digest != digest:
                    raise error
                shutil.copytree(found.path, staging / "model")
                artifact = store.adopt(staging / "model", found.kind, found.meta)
            except (OSError, IntegrityError):
                raise error from None
        notice(f"{artifact.kind} {digest[:12]} was damaged or gone: taken from MLflow's copy")
        return artifact
