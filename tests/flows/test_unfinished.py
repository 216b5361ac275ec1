"""A kill at any point between judging and promoting: what the next run takes for decided, and what it finishes."""

from __future__ import annotations

import pytest

from flows.inputs import decided_before
from tasks.digest import digest_data
from tasks.lineage import recording
from tasks.lineage.event import Event, Origin
from tasks.lineage.roles import approval_of, roles
from tasks.release.register import approve
from tasks.store import Store
from tests.lineage import chain as chains
from tests.lineage.chain import ORIGIN, Chain, build_chain

INPUTS = digest_data(17)


def registered(store: Store, chain: Chain) -> Event:
    return recording.record_registered(
        store,
        "m",
        chain.quantized,
        chain.judged["quantized"].digest,
        merged=chain.merged.digest,
        adapter=chain.adapter.digest,
        origin=ORIGIN,
    )


def outcome(store: Store) -> str | None:
    found = decided_before(store, "m", INPUTS)
    return found.outcome if found else None


@pytest.mark.parametrize(("asks", "then"), [("base", None), ("approval", "waiting")])
def test_only_what_a_person_must_decide_waits(
    asks: str, then: str | None, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = chains.recipe
    asking = {"first_release": asks}
    monkeypatch.setattr(chains, "recipe", lambda *given: made(*given).model_copy(update=asking))
    chain = build_chain(store)
    assert outcome(store) is None, "killed before it was registered"
    registered(store, chain)
    assert outcome(store) == then, "killed before it was promoted"
    if asks == "approval":
        recording.record_approved(store, "m", 1, name="Ada Example", reason="read", origin=ORIGIN)
        assert outcome(store) is None, "killed between a person's word and what follows from it"
    recording.record_promoted(store, "m", 1, approved=approval_of(store, roles(store, "m").versions[0]), origin=ORIGIN)
    assert outcome(store) == "promoted"


def test_a_second_version_whose_promotion_was_cut_off_is_finished(store: Store) -> None:
    first = build_chain(store)
    chains.release(store, first)
    assert outcome(store) == "promoted"
    other = Origin(actor="user:test", run="run-2", code=ORIGIN.code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "ORIGIN", other)
        second = build_chain(store, seed=18, dataset=first.dataset)
    registered(store, second)
    assert decided_before(store, "m", digest_data(18)) is None


def test_an_approval_that_was_cut_off_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(store, build_chain(store))
    given = recording.record_approved(store, "m", 1, name="Ada Example", reason="read", origin=ORIGIN)
    monkeypatch.setattr("tasks.release.register._mirror", lambda *_: None)
    monkeypatch.setattr("tasks.release.register.tag_run", lambda *_: None)
    version = approve(store, "m@1", by="Ada Example", reason="read")
    assert version.approved == given and version.promoted
