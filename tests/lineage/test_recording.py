from __future__ import annotations

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from tasks.errors import InputError
from tasks.evaluation.policy import load_policy
from tasks.lineage import ledger, recording
from tasks.lineage.overlap import overlap
from tasks.lineage.roles import roles
from tasks.lineage.statements import GateFacts, NothingToDo
from tasks.lineage.statements.statement import KNOWN
from tasks.store import Store
from tests.factories import dataset_version, seal_rows
from tests.lineage.chain import ORIGIN, build_chain, protocol_named, release, verdict_of
from tests.rows import rows


def test_a_run_states_everything_in_order(store: Store) -> None:
    chain = build_chain(store)
    release(store, chain)
    kinds = [event.kind for event in ledger.events(store)]
    assert kinds == [
        "dataset-sealed",
        "protocol-fixed",
        "model-trained",
        *("evaluated", "judged"),
        *("model-derived", "evaluated", "judged") * 2,
        "registered",
        "promoted",
    ]
    trained = ledger.events(store, "model-trained")[0]
    assert trained.subjects == {"model/m/adapter": chain.adapter.digest}
    assert trained.facts["learned_from"] == chain.dataset.split_digest("train")
    assert trained.facts["libraries"]["torch"] and trained.facts["hardware"]["cores"] >= 1
    assert ledger.verify_chain(store).head.sequence == len(kinds)


def test_what_is_stated_once_is_not_stated_again_but_decisions_are(store: Store) -> None:
    build_chain(store)
    count = len(ledger.events(store))
    build_chain(store)
    again = [event.kind for event in ledger.events(store)[count:]]
    assert again == ["protocol-fixed", "judged", "judged", "judged"]


def test_no_content_of_a_record_reaches_the_ledger(store: Store) -> None:
    chain = build_chain(store)
    release(store, chain)
    payloads = b"".join(json.dumps(event.facts).encode() for event in ledger.events(store))
    for split in ("train", "validation", "test"):
        for row in chain.dataset.rows(split):
            assert row["text"].encode() not in payloads
            assert row["record_id"].encode() not in payloads


def test_the_overlap_of_splits_is_counted_not_believed(store: Store) -> None:
    clean = dataset_version(store, "text-classification", 30)
    assert set(overlap(clean).groups.values()) == {0}
    one, two, three, four = rows("text-classification", 4)
    two["group_id"] = "other"  # a train record of the group of `one`, a copy of it, and a child of a test record
    copy = two | {"record_id": "copy", "group_id": one["group_id"]}
    child = three | {"record_id": "child", "group_id": "child", "parents": [four["record_id"]]}
    split = {"train": [one, two, child], "validation": [copy], "test": [four]}
    found = overlap(seal_rows(store, "text-classification", split))
    assert found.groups == {"train/validation": 1, "train/test": 0, "validation/test": 0}
    assert found.contents == {"train/validation": 1, "train/test": 0, "validation/test": 0}
    assert found.records == {"train/validation": 0, "train/test": 0, "validation/test": 0}
    assert found.children_of_held_out == 1


def test_only_what_passed_is_registered(store: Store) -> None:
    chain = build_chain(store, passed=False)
    with pytest.raises(InputError, match="did not pass"):
        release(store, chain)
    with pytest.raises(InputError, match="did not pass"):
        recording.record_registered(
            store, "m", chain.quantized, chain.judged["merged"].digest, merged=None, adapter=None, origin=ORIGIN
        )
    assert ledger.events(store, "registered") == []


def test_a_statement_refuses_what_it_does_not_know() -> None:
    facts = {"model": "m", "recipe": "a" * 64, "inputs": "b" * 64, "reason": "same", "decided": None}
    NothingToDo.model_validate(facts)
    for wrong in ({"extra": 1}, {"recipe": "not a digest"}, {"model": "Not A Name"}):
        with pytest.raises(ValidationError):
            NothingToDo.model_validate(facts | wrong)


def test_a_number_that_is_not_finite_is_stated_as_absent() -> None:
    gate = GateFacts(name="g", slice=None, outcome="not-judged", reason="diverged", value=math.nan, limit=math.inf)
    assert (gate.value, gate.limit) == (None, None)


def withdraw(store: Store) -> None:
    """After version 1 of `m` was promoted: a second one that is left for it, a third that is turned down, a recall."""
    why: dict[str, Any] = {"name": "Ada Example", "reason": "wrong doses", "origin": ORIGIN}
    release(store, build_chain(store, seed=2))
    recording.record_rolled_back(store, "m", 1, **why)
    judged = build_chain(store, seed=3)
    recording.record_registered(
        store, "m", judged.quantized, judged.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    recording.record_turned_down(store, "m", 3, **why)
    recording.record_recalled(store, "m", 1, **why)
    held = roles(store, "m")
    assert (held.champion, held.previous, held.candidate) == (None, None, None)
    assert [version.withdrawn is not None for version in held.versions] == [True] * 3


def test_every_kind_of_statement_has_a_function_that_records_it(store: Store) -> None:
    kinds = {kind for kind, _ in KNOWN}
    chain = build_chain(store)
    recording.record_nothing_to_do(store, chain.recipe, "a" * 64, "nothing changed", chain.judged["quantized"], ORIGIN)
    registered = recording.record_registered(
        store, "m", chain.quantized, chain.judged["quantized"].digest, merged=None, adapter=None, origin=ORIGIN
    )
    approved = recording.record_approved(store, "m", 1, name="Ada Example", reason="report read", origin=ORIGIN)
    promoted = recording.record_promoted(store, "m", 1, approved=approved, origin=ORIGIN)
    assert promoted.facts["registered"] == registered.digest
    recording.record_confirmed(store, "m", 1, name="Ada Example", reason="read again", origin=ORIGIN)
    recording.record_looked(store, "m", chain.adapter.digest, chain.dataset, "retrain", "a" * 64, ORIGIN)
    screening = protocol_named("default").screening
    verdict = verdict_of(chain.adapter, chain.evaluations["adapter"], screening, True)
    recording.record_judged(store, "m", chain.adapter, verdict, screening, chain.dataset, ORIGIN)
    withdraw(store)
    recording.record_policy_approved(store, load_policy("qa-default"), name="Ada Example", reason="read", origin=ORIGIN)
    digests = {"sheet": "c" * 64, "marks": "d" * 64}
    recording.record_reviewed(
        store, roles(store, "m").versions[0], **digests, said=["right"], remarks=0, name="Ada Example", origin=ORIGIN
    )
    assert {event.kind for event in ledger.events(store)} == kinds


@pytest.mark.parametrize(("name", "reason"), [("", "why"), ("Ada", "  ")])
def test_an_approval_has_a_name_and_a_reason(store: Store, name: str, reason: str) -> None:
    chain = build_chain(store)
    release(store, chain)
    with pytest.raises(InputError, match="name and a reason"):
        recording.record_approved(store, "m", 1, name=name, reason=reason, origin=ORIGIN)


def test_counting_overlap_reads_a_membership_table_of_any_row_order(store: Store, tmp_path) -> None:  # type: ignore[no-untyped-def]
    version = dataset_version(store, "text-classification", 30)
    table = pq.read_table(version.artifact.file("membership.parquet"))
    shuffled = table.take(pa.array(list(reversed(range(table.num_rows)))))
    pq.write_table(shuffled, version.artifact.path / "membership.parquet")
    assert overlap(version) == overlap(dataset_version(store, "text-classification", 30, name="again"))
