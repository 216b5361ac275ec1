"""Whether a version was judged by the rules of today: a policy gains gates, and older versions are judged again."""

from __future__ import annotations

import json
from functools import cache
from typing import Literal

from tasks.digest import canonical_json
from tasks.errors import InputError
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import Judgement, ProtocolFixed, statements
from tasks.store import Store

Standing = Literal["current", "older rules", "rejected since"]
WORDS: dict[Standing, str] = {
    "current": "judged by the gates of today",
    "older rules": "judged by older gates: retrain to judge it again",
    "rejected since": "rejected when it was judged again",
}


def standing(store: Store, version: RegisteredVersion) -> Standing:
    """How the last judgement of a version's bytes stands to what its policy asks today.

    `older rules`: the policy, a metric or a kind of gate has changed since, or the policy is gone.

    Raises:
        IntegrityError: the ledger does not verify.
    """
    history = events(store, model=version.model)
    judged = _last_judgement(history, version)
    if judged.verdict == "failed":
        return "rejected since"
    fixed = [said for _, said in statements(ProtocolFixed, history) if said.protocol == judged.protocol]
    if fixed and _protocol_today(canonical_json(fixed[-1].settings.plain())) == judged.protocol:
        return "current"
    return "older rules"


def _last_judgement(history: list[Event], version: RegisteredVersion) -> Judgement:
    found = [said for _, said in statements(Judgement, history) if said.artifact == version.artifact]
    return found[-1] if found else Judgement.read(version.judged)


@cache
def _protocol_today(recipe: bytes) -> str | None:
    """Digest of what a recipe, as the ledger has it, would be judged by now; None where it cannot be read any more."""
    from tasks.evaluation.policy import parse_recipe, protocol_of

    try:
        return protocol_of(parse_recipe(json.loads(recipe), "the recipe in the ledger")).digest
    except InputError:
        return None
