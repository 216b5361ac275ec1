"""Versions that were judged by earlier code than today's are told apart until they are judged again."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.show import models_table
from tasks.artifact import key_of
from tasks.evaluation import policy
from tasks.evaluation.evaluate import evaluation_code
from tasks.evaluation.gate import Protocol
from tasks.evaluation.known import inputs_of
from tasks.evaluation.policy import protocol_of
from tasks.lineage import ledger, standing
from tasks.lineage.audit import audit
from tasks.lineage.roles import roles
from tasks.lineage.today import EARLIER, judged_today
from tasks.meta.evaluation import EvaluationMeta
from tasks.meta.model import ModelMeta
from tasks.release.listing import models
from tasks.store import Store
from tests.lineage.chain import Chain, build_chain, recipe, release


@pytest.fixture
def chain(store: Store) -> Chain:
    made = build_chain(store)
    release(store, made)
    return made


def measured(store: Store, chain: Chain, code: str) -> None:
    """The evaluation of the served form, as if this code had made it."""
    found = chain.evaluations[chain.quantized.kind]
    meta = EvaluationMeta.read(found.artifact)
    inputs = inputs_of(meta.subject, meta.task, meta.labels, meta.split, meta.test, meta.settings)
    store._state("evaluation", key_of("evaluation", inputs, code), found.digest)


def test_what_earlier_code_judged_is_marked_until_it_is_judged_again(store: Store, chain: Chain) -> None:
    def today() -> tuple[bool, bool]:
        text, rows = audit(store, "m@champion").text(), models(store, "m")
        (marked,) = {EARLIER in text, not rows[-1]["judged_by_this_code"], EARLIER in models_table(rows)}
        return marked, bool(audit(store, "m@champion").plain()["judged_by_this_code"])

    measured(store, chain, "c" * 64)  # some other code
    assert today() == (True, False)
    measured(store, chain, evaluation_code(ModelMeta.read(chain.quantized), chain.dataset.task))
    assert today() == (False, True)


def test_what_is_not_here_any_more_cannot_be_told(store: Store, chain: Chain) -> None:
    measured(store, chain, evaluation_code(ModelMeta.read(chain.quantized), chain.dataset.task))
    version, history = roles(store, "m").versions[-1], ledger.events(store)
    assert judged_today(store, version, history)
    store.remove(chain.evaluations[chain.quantized.kind].digest)
    assert not judged_today(store, version, history)


def test_a_version_is_marked_when_its_policy_asks_for_more(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def shipped(*gates: str) -> Protocol:
        lines = "".join(f"  - {{name: g{place}, {gate}}}\n" for place, gate in enumerate(gates))
        text = f"name: default\ntask: text-classification\ndescription: a test\ngates:\n{lines}"
        (tmp_path / "default.yaml").write_text(text)
        standing._protocol_today.cache_clear()
        return protocol_of(recipe())

    monkeypatch.setattr(policy, "POLICIES", tmp_path)
    first = "kind: threshold, metric: macro_f1, min: 0.5"
    monkeypatch.setattr("tests.lineage.chain.protocol_named", lambda _: shipped(first))
    chain = build_chain(store)
    release(store, chain)
    version = roles(store, "m").versions[-1]
    assert standing.standing(store, version) == "current"
    shipped(first, "kind: better-than-rival, metric: macro_f1, rival: majority label")
    assert standing.standing(store, version) == "older rules"
    assert standing.WORDS["older rules"] in audit(store, "m@champion").text()
    assert f"m@1: {standing.WORDS['older rules']}" in models_table(models(store, "m"))
    build_chain(store, passed=False)
    assert standing.standing(store, version) == "rejected since"
