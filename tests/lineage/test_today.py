"""Versions that were judged by earlier code than today's are told apart until they are judged again."""

from __future__ import annotations

import pytest

from flows.cli.show import models_table
from tasks.evaluation import evaluate
from tasks.lineage import ledger
from tasks.lineage.audit import audit
from tasks.lineage.roles import roles
from tasks.lineage.today import EARLIER, judged_today
from tasks.meta.model import ModelMeta
from tasks.release.register import models
from tasks.store import Store, key_of
from tests.lineage.chain import Chain, build_chain, release


@pytest.fixture
def chain(store: Store) -> Chain:
    made = build_chain(store)
    release(store, made)
    return made


def measured(store: Store, chain: Chain, code: str) -> None:
    """The evaluation of the served form, as if this code had made it."""
    found = chain.evaluations[chain.quantized.kind]
    meta = evaluate.EvaluationMeta.read(found.artifact)
    inputs = evaluate._inputs(meta.subject, meta.task, meta.labels, meta.split, meta.test, meta.settings)
    file = store._index("evaluation", key_of("evaluation", inputs, code))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(found.digest)


def test_what_earlier_code_judged_is_marked_until_it_is_judged_again(store: Store, chain: Chain) -> None:
    def today() -> tuple[bool, bool]:
        text, rows = audit(store, "m@champion").text(), models(store, "m")
        (marked,) = {EARLIER in text, not rows[-1]["judged_by_this_code"], EARLIER in models_table(rows)}
        return marked, bool(audit(store, "m@champion").plain()["judged_by_this_code"])

    measured(store, chain, "c" * 64)  # some other code
    assert today() == (True, False)
    measured(store, chain, evaluate.evaluation_code(ModelMeta.read(chain.quantized), chain.dataset.task))
    assert today() == (False, True)


def test_what_is_not_here_any_more_cannot_be_told(store: Store, chain: Chain) -> None:
    measured(store, chain, evaluate.evaluation_code(ModelMeta.read(chain.quantized), chain.dataset.task))
    version, history = roles(store, "m").versions[-1], ledger.events(store)
    assert judged_today(store, version, history)
    store.remove(chain.evaluations[chain.quantized.kind].digest)
    assert not judged_today(store, version, history)
