"""Whether a version was judged as models are judged today: told by the code that measured it, not by a date."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.artifact import read
from tasks.errors import IntegrityError
from tasks.evaluation.evaluate import measured_by_this_code
from tasks.lineage.event import Event
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import Evaluated, statements
from tasks.meta.model import ModelMeta
from tasks.store import Store

EARLIER = "judged by earlier code than today's"
AGAIN = "the next galen retrain of its recipe judges it again"


def judged_today(store: Store, version: RegisteredVersion, history: Sequence[Event]) -> bool:
    """Whether the code of this checkout measured a version: for its own verdict, or later, beside a candidate.

    False where that cannot be told, since the model or its evaluations are not on this machine any more.

    Args:
        store: where everything is kept.
        version: which one.
        history: the ledger's events.
    """
    if not store.has(version.artifact):
        return False
    measured = [said.evaluation for _, said in statements(Evaluated, history) if said.artifact == version.artifact]
    try:
        said = ModelMeta.read(read(store.folder(version.artifact)))
        return any(measured_by_this_code(store, said, one) for one in measured if store.has(one))
    except IntegrityError:  # an audit says which; what was changed counts as not measured
        return False
