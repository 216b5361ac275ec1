"""A kill at any point between judging and promoting: what the next run takes for decided, and what it finishes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flows.inputs import decided_before
from tasks.digest import digest_data
from tasks.evaluation.gate import Protocol
from tasks.lineage import recording
from tasks.lineage.event import Event, Origin
from tasks.lineage.roles import approval_of, roles
from tasks.release.register import approve
from tasks.store import Store
from tests.lineage import chain as chains
from tests.lineage.chain import ORIGIN, Chain, build_chain, protocol_named

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


def asking(**who: Any) -> Protocol:
    return replace(protocol_named("p"), **who)


def outcome(store: Store, protocol: Protocol, inputs: str = INPUTS) -> str | None:
    found = decided_before(store, "m", inputs, protocol)
    return found.outcome if found else None


ASKING = [asking(first_release="approval"), asking(first_release="base", approval="every")]


@pytest.mark.parametrize("protocol", [asking(first_release="base"), *ASKING])
def test_only_what_a_person_must_decide_waits(protocol: Protocol, store: Store) -> None:
    chain = build_chain(store)
    assert outcome(store, protocol) is None, "killed before it was registered"
    registered(store, chain)
    asks = protocol in ASKING
    assert outcome(store, protocol) == ("waiting" if asks else None), "killed before it was promoted"
    if asks:
        recording.record_approved(store, "m", 1, name="Ada Example", reason="read", origin=ORIGIN)
        assert outcome(store, protocol) is None, "killed between a person's word and what follows from it"
    recording.record_promoted(store, "m", 1, approved=approval_of(store, roles(store, "m").versions[0]), origin=ORIGIN)
    assert outcome(store, protocol) == "promoted"


def test_what_a_person_withdrew_is_decided(store: Store) -> None:
    registered(store, build_chain(store))
    recording.record_turned_down(store, "m", 1, name="Ada Example", reason="worse", origin=ORIGIN)
    found = decided_before(store, "m", INPUTS, ASKING[0])
    assert found and found.outcome == "rejected" and "turned down by Ada Example: worse" in found.text


def test_a_second_version_whose_promotion_was_cut_off_is_finished(store: Store) -> None:
    first = build_chain(store)
    chains.release(store, first)
    assert outcome(store, ASKING[0]) == "promoted"
    other = Origin(actor="user:test", run="run-2", code=ORIGIN.code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains, "ORIGIN", other)
        second = build_chain(store, seed=18, dataset=first.dataset)
    registered(store, second)
    assert outcome(store, ASKING[0], digest_data(18)) is None
    assert outcome(store, ASKING[1], digest_data(18)) == "waiting", "a policy that asks a person at every release"


def test_an_approval_that_was_cut_off_counts_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(store, build_chain(store))
    given = recording.record_approved(store, "m", 1, name="Ada Example", reason="read", origin=ORIGIN)
    monkeypatch.setattr("tasks.release.register._mirror", lambda *_: None)
    monkeypatch.setattr("tasks.release.register.tag_run", lambda *_: None)
    version = approve(store, "m@1", by="Ada Example", reason="read")
    assert version.approved == given and version.promoted
