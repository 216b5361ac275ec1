"""The key that turns patients' ids into HMACs: made once, known by its fingerprint, replaced on purpose only.

Every identified dataset version, and every data stage's manifest, holds the fingerprint of the key that its ids were
made with. With another key the same patient has another id: nobody is found again, and the split is drawn anew. So a
key is made only where no data refers to one, and is refused where the data refers to another.

`GALEN_HOME/keys/` holds `identity.key`, and of every key that was replaced `identity-FINGERPRINT.key`, with which
`galen trace` still finds people; `identity.lost` names the keys that were given up.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import Counter
from pathlib import Path

from tasks.artifact import write_atomically
from tasks.errors import IntegrityError
from tasks.home import CHECKOUT
from tasks.meta.dataset import DatasetMeta
from tasks.store import Store

KEY_BYTES = 32
BEFORE_FINGERPRINTS = "unknown"
"""Stands for the key of versions that were sealed before fingerprints were kept."""
RESTORE = "restore GALEN_HOME/keys/ from a backup; only if the key is lost for good: galen data new-key"


def fingerprint(key: bytes) -> str:
    """16 hexadecimal digits that name a key and say nothing about it."""
    return hashlib.sha256(b"galen identity key\0" + key).hexdigest()[:16]


def key_file(store: Store) -> Path:
    """Where the key lies; back it up with GALEN_HOME: without it nobody can be found again."""
    return store.root / "keys" / "identity.key"


def identity_key(store: Store) -> bytes:
    """The key of this GALEN_HOME, made at first use; only its owner may read it.

    Raises:
        IntegrityError: the file does not hold a key, or datasets here were built with another key or a missing one.
    """
    path = key_file(store)
    with store.locked("identity-key"):
        if not path.exists():
            _check(store, None)
            _write(path, secrets.token_bytes(KEY_BYTES))
        else:
            _check(store, fingerprint(_read(path)))
        return _read(path)


def held_keys(store: Store) -> list[bytes]:
    """The key in use, if there is one, and all that it replaced.

    Raises:
        IntegrityError: as `identity_key`.
    """
    path = key_file(store)
    _check(store, fingerprint(_read(path)) if path.exists() else None)
    return [_read(one) for one in ([path] if path.exists() else []) + sorted(path.parent.glob("identity-*.key"))]


def lost_keys(store: Store) -> frozenset[str]:
    """Fingerprints of keys that were given up: of the versions built with them nobody can be found again."""
    path = key_file(store).with_suffix(".lost")
    return frozenset(path.read_text().split()) if path.exists() else frozenset()


def new_key(store: Store) -> str:
    """Replace the key on purpose; the one before is kept for `galen trace`, a missing one is noted as lost.

    Returns:
        The fingerprint of the new key.

    Raises:
        IntegrityError: the file does not hold a key.
    """
    path = key_file(store)
    with store.locked("identity-key"):
        old = _read(path) if path.exists() else None
        if old is not None:
            _write(_retired(path, fingerprint(old)), old)
        if missing := versions_by_key(store).keys() - _known(store, None):
            given_up = sorted(lost_keys(store) | missing)
            write_atomically(path.with_suffix(".lost"), "".join(f"{one}\n" for one in given_up).encode())
        _write(path, secrets.token_bytes(KEY_BYTES))
        return fingerprint(_read(path))


def versions_by_key(store: Store) -> Counter[str]:
    """How many identified dataset versions on this machine were built with which key, by its fingerprint."""
    return Counter(filter(None, (key_of(DatasetMeta.read(one)) for one in store.all("dataset"))))


def key_of(meta: DatasetMeta) -> str | None:
    """Fingerprint of the key that a version's ids were made with; None where its source identifies nobody."""
    return (meta.identity_key or BEFORE_FINGERPRINTS) if meta.identified else None


def built_with(name: str) -> str | None:
    """Fingerprint of the key that the last build of a dataset used, by the manifest of its first stage."""
    try:
        said = json.loads((CHECKOUT / "data" / "built" / name / "ingest" / "manifest.json").read_bytes())
        found = said["ingest"].get("identity_key")
    except (OSError, ValueError, KeyError, AttributeError):  # not built, or not by us: the stage runs anyway
        return None
    return str(found) if found else None


def key_to_build(store: Store, name: str) -> str:
    """Fingerprint of the key for the next build of an identified dataset.

    Raises:
        IntegrityError: as `identity_key`; or what is built of the dataset already had another key, which is not here.
    """
    active = fingerprint(identity_key(store))
    before = built_with(name)
    if before is not None and before not in _known(store, active):
        message = f"the identity key is not the one that {name} was built with"
        raise IntegrityError(message, value=f"{active} instead of {before}", hint=RESTORE)
    return active


def _check(store: Store, active: str | None) -> None:
    """See that the key of every version here is the active one, was replaced on purpose, or was given up.

    Raises:
        IntegrityError: some other key is needed.
    """
    counts = versions_by_key(store)
    missing = counts.keys() - _known(store, active)
    if not missing:
        return
    what, named = f"{sum(counts[one] for one in missing)} dataset version(s)", ", ".join(sorted(missing))
    if active is None:
        raise IntegrityError(f"the identity key that {what} were built with is missing", value=named, hint=RESTORE)
    message = f"the identity key is not the one that {what} were built with"
    raise IntegrityError(message, value=f"{active} instead of {named}", hint=RESTORE)


def _known(store: Store, active: str | None) -> frozenset[str | None]:
    """Fingerprints of keys that are accounted for."""
    retired = {path.stem.removeprefix("identity-") for path in key_file(store).parent.glob("identity-*.key")}
    # Nothing says which key the oldest versions had: one that is here is believed.
    believed = {BEFORE_FINGERPRINTS} if active is not None or retired else set()
    return frozenset({active} | retired | believed | lost_keys(store))


def _retired(path: Path, name: str) -> Path:
    return path.with_name(f"identity-{name}.key")


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise IntegrityError("this is not an identity key", value=path, hint="restore it from a backup of GALEN_HOME")
    return key


def _write(path: Path, key: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = os.umask(0o077)
    try:
        write_atomically(path, key)
    finally:
        os.umask(before)
