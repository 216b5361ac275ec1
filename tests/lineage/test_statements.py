"""Statements write events and read them; what was written once is read forever, also beside later versions."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.errors import IntegrityError
from tasks.lineage import ledger, recording
from tasks.lineage.event import Event, open_event
from tasks.lineage.roles import roles
from tasks.lineage.statements import (
    Approved,
    DatasetSealed,
    Judgement,
    ModelDerived,
    ModelMade,
    ModelTrained,
    Promoted,
    Registered,
    Statement,
    statements,
)
from tasks.lineage.statements import statement as register
from tasks.store import Store
from tests.lineage.chain import ORIGIN, build_chain
from tests.lineage.test_golden import DECISIONS, EVIDENCE, LOOKS, PEOPLE, envelopes

KEPT = (*envelopes(), *envelopes(DECISIONS), *envelopes(PEOPLE), *envelopes(LOOKS), *envelopes(EVIDENCE))
GOLDEN = [open_event(envelope, None) for envelope in KEPT]


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, int], type[Statement]]:
    """The register of statements, for a test to add to."""
    found = dict(register.KNOWN)
    monkeypatch.setattr(register, "KNOWN", found)
    return found


@pytest.mark.parametrize("event", GOLDEN, ids=lambda event: f"{event.sequence}-{event.kind}")
def test_each_version_is_read_and_would_be_written_the_same(event: Event) -> None:
    said = Statement.read(event)
    assert (said.kind, said.shape) == (event.kind, event.version)
    assert said.plain() == event.facts


def test_every_version_is_among_what_was_kept() -> None:
    assert {(event.kind, event.version) for event in GOLDEN} == set(register.KNOWN)


def test_events_are_found_by_what_they_state() -> None:
    assert [said.form for _, said in statements(ModelMade, GOLDEN)] == ["adapter", "merged", "quantized"]
    assert [said.method.name for _, said in statements(ModelTrained, GOLDEN)] == ["lora"]
    assert [said.step for _, said in statements(ModelDerived, GOLDEN)] == ["merge", "quantize"]
    (sealed,) = (said for _, said in statements(DatasetSealed, GOLDEN))
    assert (sealed.source.rows, sealed.source.encoding) == (30, None)  # which was not stated
    assert sealed.splits["train"].records == 18


def test_a_missing_fact_is_named_and_a_wrong_one_not_quoted(store: Store) -> None:
    (approved,) = (event for event in GOLDEN if event.kind == "approved")
    less = {name: value for name, value in approved.facts.items() if name != "reason"}
    event = ledger.append(store, "approved", {"m": "a" * 64}, less, ORIGIN)
    with pytest.raises(IntegrityError, match=r"event 1 \(approved, version 1\) does not say its reason") as caught:
        Approved.read(event)
    assert caught.value.exit_code == 6
    wrong = ledger.append(store, "approved", {"m": "a" * 64}, approved.facts | {"registered": "Jane Roe"}, ORIGIN)
    with pytest.raises(IntegrityError, match="something else as its registered") as caught:
        Approved.read(wrong)
    assert "Jane Roe" not in str(caught.value)


def test_what_states_something_else_or_comes_from_later_is_refused(store: Store) -> None:
    (approved,) = (event for event in GOLDEN if event.kind == "approved")
    with pytest.raises(IntegrityError, match="is not a statement of promoted"):
        Promoted.read(approved)
    later = ledger.append(store, "approved", {"m": "a" * 64}, approved.facts, ORIGIN, version=7)
    assert (later.kind, later.version) == ("approved", 7)
    with pytest.raises(IntegrityError, match=r"event 1 \(approved, version 7\) is not known here"):
        Approved.read(later)
    with pytest.raises(IntegrityError, match="is not known here"):
        list(statements(Approved, [later]))


def test_a_second_version_stands_beside_the_first(store: Store, known: dict[tuple[str, int], type[Statement]]) -> None:
    """It says more, so it is a subclass: whoever reads the first version understands both, unchanged."""

    class ApprovedInPosition(Approved):
        """An approval that also names the position of the person who gave it."""

        shape = 2
        position: str

    assert known["approved", 1] is Approved
    assert known["approved", 2] is ApprovedInPosition

    chain = build_chain(store)
    registered = recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    first = recording.record_approved(store, "m", 1, name="Ada Example", reason="report read", origin=ORIGIN)
    later = ApprovedInPosition(**Approved.read(first).plain(), position="safety officer")
    second = later.record(store, {"model/m@1": chain.quantized.digest}, ORIGIN)

    assert (first.version, second.version) == (1, 2)
    assert "position" not in first.facts
    read = [said for _, said in statements(Approved, ledger.events(store))]
    assert [type(said) for said in read] == [Approved, ApprovedInPosition]
    assert [said.registered for said in read] == [registered.digest] * 2
    assert [said.position for _, said in statements(ApprovedInPosition, [second])] == ["safety officer"]
    with pytest.raises(IntegrityError, match="version 1"):
        ApprovedInPosition.read(first)

    recording.record_promoted(store, "m", 1, approved=second, origin=ORIGIN)
    champion = roles(store, "m").champion
    assert champion and champion.approved == second
    assert [said.plain() for _, said in statements(Approved, GOLDEN)] == [
        event.facts for event in GOLDEN if event.kind == "approved"
    ]


def test_a_second_version_that_replaces_the_first_is_not_taken_for_it(
    store: Store, known: dict[tuple[str, int], type[Statement]]
) -> None:
    class Registration(Statement):
        """Another shape altogether."""

        kind = "registered"
        shape = 2
        name: str

    event = Registration(name="m").record(store, {"m": "a" * 64}, ORIGIN)
    assert Registration.read(event).name == "m"
    with pytest.raises(IntegrityError, match="version 2"):
        Registered.read(event)


def test_a_version_is_declared_once(known: dict[tuple[str, int], type[Statement]]) -> None:
    with pytest.raises(TypeError, match="judged has a version 1 already"):

        class Verdict(Judgement):
            """Forgot its shape."""

            reviewer: str


def test_a_statement_of_a_later_version_is_recorded_though_the_first_said_the_same(
    store: Store, known: dict[tuple[str, int], type[Statement]]
) -> None:
    build_chain(store)

    class DatasetSealedAgain(DatasetSealed):
        """Says one thing more."""

        shape = 2
        curator: str

    def sealed() -> list[Any]:
        return [said for _, said in statements(DatasetSealed, ledger.events(store))]

    (first,) = sealed()
    later = DatasetSealedAgain(**first.plain(), curator="Ada Example")
    assert later.record(store, {"d": first.dataset}, ORIGIN) == later.record(store, {"d": first.dataset}, ORIGIN)
    assert [one.shape for one in sealed()] == [1, 2]
