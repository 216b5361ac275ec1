"""Signed notes outside the ledger of how far it had come: an older copy that is put back contradicts them.

Database and head together can be put back, and verify. Reports and the notes of what MLflow was shown lie elsewhere in
the home, and each names the last event that there was when it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.digest import canonical_json, digest_file
from tasks.errors import IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import Head, head
from tasks.signatures import Keys, check, sign, signer, unwrap
from tasks.store import Store

NOTE = "application/vnd.galen.note+json"
REPORT_NOTE = "report.dsse"


@dataclass(frozen=True)
class Note:
    """What was said, and the ledger's head at that time."""

    file: Path
    head: Head
    said: dict[str, Any]

    def contradicts(self, events: Sequence[Event]) -> bool:
        """Whether a ledger, event by event, does not hold the event that was its last one."""
        place = self.head.sequence
        return place > 0 and (place > len(events) or events[place - 1].digest != self.head.digest)


def write_note(store: Store, file: Path, said: Mapping[str, Any], at: Head | None = None) -> None:
    """Sign a note; `at` is the head that it names, by default the present one."""
    at = at or head(store)
    data = canonical_json({"said": dict(said), "head": {"sequence": at.sequence, "digest": at.digest}})
    write_atomically(file, sign(NOTE, data, signer(store)))


def read_note(file: Path, trusted: Keys | None) -> Note:
    """A note.

    Args:
        file: where it is.
        trusted: keys that may have signed it; None leaves its signature unchecked.

    Raises:
        FileNotFoundError: there is none.
        IntegrityError: it is damaged, or signed by no trusted key.
    """
    data = file.read_bytes()
    try:
        envelope = unwrap(data) if trusted is None else check(data, trusted)
        if envelope.payload_type != NOTE:
            raise ValueError(f"is of type {envelope.payload_type}")
        found = json.loads(envelope.payload)
        return Note(file, Head(int(found["head"]["sequence"]), str(found["head"]["digest"])), dict(found["said"]))
    except (ValueError, KeyError, TypeError) as error:
        words = error if type(error) is ValueError else "cannot be read"
        raise IntegrityError(f"the note {words}", value=file, hint="restore it, or remove it") from error


def sign_report(store: Store, folder: Path) -> None:
    """State the bytes of a run's report, and how far the ledger had come."""
    files = {file.name: digest_file(file) for file in sorted(folder.iterdir()) if file.name != REPORT_NOTE}
    write_note(store, folder / REPORT_NOTE, {"files": files})


def report_differences(folder: Path, trusted: Keys) -> list[str] | None:
    """What of a run's report is not as it was written; None where nothing was stated about it."""
    try:
        files = read_note(folder / REPORT_NOTE, trusted).said["files"]
    except FileNotFoundError:
        return None
    except (IntegrityError, KeyError) as error:
        return [f"{REPORT_NOTE}: {error}"]
    return [
        f"{name} {'was changed' if (folder / name).is_file() else 'is missing'}"
        for name, digest in sorted(files.items())
        if not (folder / name).is_file() or digest_file(folder / name) != digest
    ]


def contradictions(store: Store, events: Sequence[Event], trusted: Keys) -> list[str]:
    """Notes on this machine that know events which a ledger does not hold, in words."""
    return [
        f"{note.file.relative_to(store.root).as_posix()} knows event {note.head.sequence} ({note.head.digest[:12]})"
        for note in _notes(store, trusted)
        if note.contradicts(events)
    ]


def _notes(store: Store, trusted: Keys) -> Iterable[Note]:
    for file in sorted([*store.root.glob(f"reports/*/{REPORT_NOTE}"), *store.root.glob("mirrored/*")]):
        try:
            yield read_note(file, trusted)
        except (OSError, IntegrityError):
            continue  # no witness; whoever reads it for what it says reports it
