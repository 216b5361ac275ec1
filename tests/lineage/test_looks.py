"""Which release the others are measured against, and how often a test split was looked at since."""

from __future__ import annotations

import pytest

from tasks.digest import digest_bytes
from tasks.errors import InputError
from tasks.evaluation.policy import load_policy
from tasks.lineage import recording
from tasks.lineage.looks import SealedTest, arrived, looks_of, spent
from tasks.lineage.roles import resolve, roles
from tasks.store import Store
from tests.factories import seal_rows
from tests.lineage.chain import ORIGIN, build_chain, release
from tests.rows import rows


def digest(name: str) -> str:
    return digest_bytes(name.encode())


def number(store: Store, reference: str) -> int:
    return resolve(store, reference).number


def test_the_first_release_is_the_anchor_until_a_person_approves_another(store: Store) -> None:
    with pytest.raises(InputError):
        resolve(store, "m@anchor")
    for seed in (1, 2, 3):
        release(store, build_chain(store, seed=seed))
        assert number(store, "m@anchor") == 1
    with pytest.raises(InputError, match="not the champion"):
        recording.record_confirmed(store, "m", 2, name="Ada Example", reason="read", origin=ORIGIN)
    confirmed = recording.record_confirmed(store, "m", 3, name="Ada Example", reason="read", origin=ORIGIN)
    assert number(store, "m@anchor") == 3 and roles(store, "m").anchored == confirmed
    release(store, build_chain(store, seed=4))
    assert (number(store, "m@champion"), number(store, "m@anchor")) == (4, 3)


def test_who_goes_back_goes_back_to_the_anchor_of_that_time(store: Store) -> None:
    for seed in (1, 2):
        release(store, build_chain(store, seed=seed))
    why = {"name": "Ada Example", "reason": "wrong doses", "origin": ORIGIN}
    recording.record_confirmed(store, "m", 2, **why)  # type: ignore[arg-type]
    recording.record_rolled_back(store, "m", 1, **why)  # type: ignore[arg-type]
    assert number(store, "m@anchor") == 1
    recording.record_recalled(store, "m", 1, **why)  # type: ignore[arg-type]
    assert roles(store, "m").anchor is None


def test_looks_at_a_split_that_grows_count_for_what_they_saw(store: Store) -> None:
    few, all_ = rows("text-classification", 20), rows("text-classification", 80)
    small, grown = (
        seal_rows(store, "text-classification", {"train": few, "validation": few, "test": test}) for test in (few, all_)
    )
    recording.record_sealed(store, small, ORIGIN)
    for place in range(3):
        recording.record_looked(store, "m", digest(f"candidate {place}"), small, "retrain", digest("setup"), ORIGIN)
    recording.record_looked(store, "m", digest("candidate 2"), small, "retrain", digest("setup"), ORIGIN)
    recording.record_looked(store, "other", digest("candidate 2"), small, "compare", digest("arm"), ORIGIN)
    before = SealedTest(store, small)
    assert before.used(0) == 3, "one candidate is one look, whoever looks again"
    assert before.used(0, but=digest("candidate 2")) == 2
    after = SealedTest(store, grown)
    share = len(before.groups) / len(after.groups)
    assert 0.2 < share < 0.3 and after.used(0) == pytest.approx(3 * share)
    assert spent(after, roles(store, "m"), []) is None, "nothing is the anchor yet"
    looks = looks_of(after, roles(store, "m"), digest("candidate 9"), digest("setup"))
    assert looks.used == pytest.approx(3 * share) and not looks.adaptive
    fresh = looks.missing(looks=2, cost=1)
    used = 3 * len(before.groups)
    assert used / (len(after.groups) + fresh) <= 1, "with so many groups more, one look is left"
    assert not fresh or used / (len(after.groups) + fresh - 1) > 1


def test_what_is_spent_and_left_is_listed(store: Store) -> None:
    chain = build_chain(store, seed=1)
    release(store, chain)
    for place in range(3):
        recording.record_looked(store, "m", digest(f"{place}"), chain.dataset, "retrain", digest("setup"), ORIGIN)
    gate = load_policy("classification-default").gates
    assert vars(spent(SealedTest(store, chain.dataset), roles(store, "m"), gate) or object()) == {
        "model": "m",
        "used": 3,
        "left": 49,
    }


def test_a_changed_setup_has_only_what_nobody_had_seen(store: Store) -> None:
    few, all_ = rows("text-classification", 20), rows("text-classification", 80)
    small, grown = (
        seal_rows(store, "text-classification", {"train": few, "validation": few, "test": test}) for test in (few, all_)
    )
    recording.record_sealed(store, small, ORIGIN)
    chain = build_chain(store)
    recording.record_looked(store, "m", chain.adapter.digest, small, "retrain", digest("setup"), ORIGIN)
    release(store, chain)
    found, split = roles(store, "m"), SealedTest(store, grown)
    same, other = (looks_of(split, found, digest("next"), digest(name)) for name in ("setup", "another"))
    assert (same.adaptive, other.adaptive) == (False, True)
    new = split.groups - SealedTest(store, small).groups
    sealed_since = new - SealedTest(store, chain.dataset).groups
    assert arrived(split, found, digest("another")) == {
        "since-champion": sealed_since,
        "since-anchor": sealed_since,
        "since-setup": new,
    }
    recording.record_looked(store, "m", digest("next"), grown, "retrain", digest("another"), ORIGIN)
    later = SealedTest(store, grown)
    assert arrived(later, found, digest("another"))["since-setup"] == new, "its own looks do not count"
    assert not arrived(later, found, digest("a third"))["since-setup"]
    assert arrived(later, found, digest("setup"))["since-setup"] == later.groups
