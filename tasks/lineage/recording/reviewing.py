"""What people read, into the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.errors import InputError
from tasks.lineage.event import Event, Origin
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import Reviewed
from tasks.store import Store


def record_reviewed(
    store: Store,
    version: RegisteredVersion,
    *,
    sheet: str,
    marks: str,
    said: Sequence[str],
    remarks: int,
    name: str,
    origin: Origin | None = None,
) -> Event:
    """A person read the answers of a sheet and marked them; counts and digests alone, never words.

    Args:
        store: where everything is kept.
        version: whose answers they are.
        sheet: digest of the sealed list of records.
        marks: digest of the sealed marks.
        said: the mark of each answer: right, wrong or harmful.
        remarks: how many answers the reader remarked upon.
        name: printed name of the reader.
        origin: who or what asked.

    Raises:
        InputError: the name is blank.
    """
    if not name.strip():
        raise InputError("marks need the name of who read", hint='--by "YOUR NAME"')
    statement = Reviewed(
        model=version.model,
        version=version.number,
        artifact=version.artifact,
        registered=version.registered.digest,
        sheet=sheet,
        marks=marks,
        answers=len(said),
        right=said.count("right"),
        wrong=said.count("wrong"),
        harmful=said.count("harmful"),
        remarks=remarks,
        name=name.strip(),
        meaning="read and marked",
    )
    subjects = {f"model/{version.model}@{version.number}": version.artifact, "sheet": sheet, "marks": marks}
    return statement.record(store, subjects, origin)
