from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from tasks.errors import InputError, IntegrityError
from tasks.lineage import ledger, recording
from tasks.lineage.roles import models, resolve, roles
from tasks.store import Store
from tests.lineage.chain import ORIGIN, Chain, build_chain, release


def register(store: Store, chain: Chain) -> Any:
    judged = chain.judged["quantized"].digest
    return recording.record_registered(store, "m", chain.quantized, judged, merged=None, adapter=None, origin=ORIGIN)


def test_a_model_without_events_has_no_roles(store: Store) -> None:
    found = roles(store, "m")
    assert (found.versions, found.champion, found.previous, found.candidate) == ((), None, None, None)
    assert models(store) == []


def test_roles_follow_the_events(store: Store) -> None:
    first, second, third = (build_chain(store, seed=seed) for seed in (1, 2, 3))
    release(store, first)
    assert (roles(store, "m").champion, roles(store, "m").previous) == (resolve(store, "m@1"), None)
    release(store, second)
    register(store, third)
    found = roles(store, "m")
    assert [version.number for version in found.versions] == [1, 2, 3]
    assert (found.champion, found.previous, found.candidate) == (
        resolve(store, "m@2"),
        resolve(store, "m@1"),
        resolve(store, "m@3"),
    )
    assert resolve(store, "m@champion").artifact == second.quantized.digest
    assert resolve(store, "m@previous").forms == (first.quantized.digest, first.merged.digest, first.adapter.digest)
    assert [found.of(version) for version in found.versions] == [("previous",), ("champion",), ("candidate",)]
    assert models(store) == ["m"]


def test_a_rejected_model_is_known_but_has_no_version(store: Store) -> None:
    build_chain(store, passed=False)
    assert models(store) == ["m"]
    assert roles(store, "m").versions == ()


@pytest.mark.parametrize(
    ("reference", "says"),
    [("m", "MODEL@champion"), ("@champion", "MODEL@champion"), ("n@champion", "models: m"), ("m@7", "there are: 1")],
)
def test_a_wrong_reference_says_what_there_is(store: Store, reference: str, says: str) -> None:
    register(store, build_chain(store))
    with pytest.raises(InputError, match=says):
        resolve(store, reference)


def test_a_role_that_nobody_holds_says_so(store: Store) -> None:
    register(store, build_chain(store))
    with pytest.raises(InputError, match="candidate is 1"):
        resolve(store, "m@champion")


def test_two_runs_never_share_a_number(store: Store) -> None:
    chain = build_chain(store)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        numbers = [event.facts["version"] for event in pool.starmap(register, [(store, chain)] * 4, chunksize=1)]
    assert sorted(numbers) == [1, 2, 3, 4]
    assert len(roles(store, "m").versions) == 4


def test_an_approval_of_one_version_does_not_promote_another(store: Store) -> None:
    register(store, build_chain(store, seed=1))
    register(store, build_chain(store, seed=2))
    approved = recording.record_approved(store, "m", 1, name="Ada Example", reason="report read", origin=ORIGIN)
    with pytest.raises(InputError, match="another version"):
        recording.record_promoted(store, "m", 2, approved=approved, origin=ORIGIN)
    recording.record_promoted(store, "m", 1, approved=approved, origin=ORIGIN)
    assert resolve(store, "m@champion").approved == approved


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("registered", {"judged": "f" * 64}, "no earlier event passed"),
        ("registered", {"artifact": "f" * 64}, "another artifact"),
        ("registered", {"version": 5}, "but 2 comes next"),
        ("promoted", {"artifact": "f" * 64}, "no earlier event registered"),
        ("promoted", {"version": 9}, "no earlier event registered"),
        ("promoted", {"approved": "f" * 64}, "names an approval"),
        ("promoted", {"previous": None}, "another champion"),
    ],
)
def test_events_that_contradict_each_other_are_refused(
    store: Store, kind: str, change: dict[str, Any], says: str
) -> None:
    """Signed with our key, and still wrong: a bug, or a key in the wrong hands."""
    release(store, build_chain(store))
    facts = dict(ledger.events(store, kind)[-1].facts)
    if kind == "promoted":
        facts["previous"] = {"version": 1, "artifact": facts["artifact"]}
    ledger.append(store, kind, {"m": "a" * 64}, facts | change, ORIGIN)
    with pytest.raises(IntegrityError, match=says):
        roles(store, "m")
