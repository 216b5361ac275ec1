"""Ed25519 keys and DSSE envelopes (v1: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md).

`GALEN_HOME/keys` holds one private key, `signing.key`, and the public key of every signer that is trusted,
`<key id>.pub`. A key id is the SHA-256 of the 32 raw bytes of the public key. To change keys, move `signing.key` away:
the next signature makes a new one, and the old public key stays, so what it signed still verifies.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tasks.artifact import sync, write_atomically
from tasks.digest import canonical_json, digest_bytes
from tasks.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Keys = Mapping[str, "Ed25519PublicKey"]
"""Public keys by key id."""


class Rooted(Protocol):
    """What has a folder of its own for all that is made at run time: a `Store`."""

    @property
    def root(self) -> Path:
        """The folder."""


@dataclass(frozen=True)
class Signer:
    """A private key and its id."""

    id: str
    private: Ed25519PrivateKey = field(repr=False)


def keys_folder(store: Rooted) -> Path:
    """Where the keys are."""
    return store.root / "keys"


def key_id(public: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, in hexadecimal."""
    return digest_bytes(public.public_bytes_raw())


def signer(store: Rooted) -> Signer:
    """This installation's signing key, made on first use.

    Raises:
        IntegrityError: the key file is no Ed25519 key.
        InputError: others than its owner may read the key file.
    """
    path = keys_folder(store) / "signing.key"
    if not path.exists():
        _make_key(path)
    private = _load_private(path)
    public = private.public_key()
    shared = keys_folder(store) / f"{key_id(public)}.pub"
    if not shared.exists():
        write_atomically(shared, _public_pem(public))
    return Signer(key_id(public), private)


def _make_key(path: Path) -> None:
    """Put a new private key in place, unless another process was quicker: then theirs stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(draft)  # a link never replaces what is there, and is never half written
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def _load_private(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if path.stat().st_mode & 0o077:
        raise InputError("others may read the signing key", value=path, hint=f"chmod 600 {path}")
    hint = "restore it from a backup, or move it away: a new one is made, and what the old one signed still verifies"
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as error:
        raise IntegrityError("the signing key is unreadable", value=path, hint=hint) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise IntegrityError("the signing key is not an Ed25519 key", value=path, hint=hint)
    return private


def _public_pem(public: Ed25519PublicKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public(path: Path) -> Ed25519PublicKey:
    """A public key from a PEM file.

    Raises:
        IntegrityError: the file is no Ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        public = load_pem_public_key(path.read_bytes())
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as error:
        raise IntegrityError("a public key is unreadable", value=path, hint="restore it, or remove it") from error
    if not isinstance(public, Ed25519PublicKey):
        raise IntegrityError("not an Ed25519 public key", value=path, hint="restore it, or remove it")
    return public


def trusted_keys(store: Rooted) -> dict[str, Ed25519PublicKey]:
    """Every public key in the keys folder, by key id; empty where nothing was signed yet. File names do not count."""
    found = [load_public(path) for path in sorted(keys_folder(store).glob("*.pub"))]
    return {key_id(public): public for public in found}


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: the bytes that are signed, so that the type is signed too."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, by: Signer) -> bytes:
    """A DSSE envelope in canonical JSON with one signature."""
    signature = by.private.sign(pae(payload_type, payload))
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"keyid": by.id, "sig": base64.b64encode(signature).decode()}],
        }
    )


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope taken apart, not verified: payload, its type, and (key id, signature) pairs."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def unwrap(data: bytes) -> Envelope:
    """Take an envelope apart without verifying it.

    Raises:
        ValueError: it is not a DSSE envelope.
    """
    try:
        outer: Any = json.loads(data)
        pairs = tuple((str(one["keyid"]), _decode(one["sig"])) for one in outer["signatures"])
        return Envelope(str(outer["payloadType"]), _decode(outer["payload"]), pairs)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("is not a DSSE envelope") from error


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def check(data: bytes, trusted: Keys) -> Envelope:
    """An envelope whose bytes are canonical, and that has signatures, all of them good and by trusted keys.

    Args:
        data: the envelope.
        trusted: public keys by id; a signature by any other key is refused.

    Raises:
        ValueError: it is not; the message says why, in words that follow the name of a thing ("event 3 ...").
    """
    from cryptography.exceptions import InvalidSignature

    envelope = unwrap(data)
    if canonical_json(json.loads(data)) != data:
        raise ValueError("is not in its canonical form")
    if not envelope.signatures:
        raise ValueError("is not signed")
    message = pae(envelope.payload_type, envelope.payload)
    for name, signature in envelope.signatures:
        if name not in trusted:
            raise ValueError(f"is signed by an unknown key ({name[:12]})")
        try:
            trusted[name].verify(signature, message)
        except InvalidSignature:
            raise ValueError(f"does not match its signature (key {name[:12]})") from None
    return envelope
