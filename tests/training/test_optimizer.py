"""Gradients, rates and groups of the optimizer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tasks.config.training import Training
from tasks.store import Store
from tasks.training.batches import collate, layout, plan_in_order
from tasks.training.encode import IGNORED
from tasks.training.loading import load_base
from tasks.training.objectives import objective_for
from tasks.training.optimizer import Masters, adamw, learning_rate
from tasks.training.tokenizer import load_tokenizer
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import base_of

pytestmark = pytest.mark.filterwarnings("ignore")


def test_the_gradient_of_a_step_does_not_depend_on_how_it_is_cut(store: Store, tmp_path: Path) -> None:
    base, dataset = base_of(store, tiny_llama(tmp_path / "base")), dataset_version(store, "causal-lm", n=20)
    objective, tokenizer = objective_for("causal-lm"), load_tokenizer(base.path)
    encoded = objective.encode(dataset.read("train"), tokenizer, [], 200)
    gradients = []
    for micro_tokens in (4096, 64):
        model = load_base(base, "causal-lm", []).requires_grad_(True)
        masters = Masters(model, torch.float32, partial(adamw, model=model, settings=Training()), 1.0)
        how = layout(encoded, 4096, micro_tokens, pack=True)
        batches = [
            collate(encoded, micro, 0, how, torch.device("cpu")) for micro in plan_in_order(encoded.lengths, how)
        ]
        targets = sum(int((batch.targets != IGNORED).sum()) for batch in batches)
        for batch in batches:
            torch.autograd.backward(objective.loss(model, batch, 0.0) / targets)
            masters.gather()
        gradients.append(torch.cat([tensor.grad.flatten() for tensor in masters.tensors if tensor.grad is not None]))
    assert len(batches) > 1
    whole, parts = gradients
    assert torch.allclose(whole, parts, atol=1e-5)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_the_rate_warms_up_and_decays(schedule: Any) -> None:
    settings = Training(schedule=schedule, warmup=0.1)
    rates = [learning_rate(step, 100, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0)
    assert rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(1.0 if schedule == "constant" else 0.0, abs=0.02)


def test_rates_and_decay_by_group(store: Store, tmp_path: Path) -> None:
    model = load_base(base_of(store, tiny_bert(tmp_path / "base")), "text-classification", ["a", "b"]).requires_grad_(
        True
    )
    settings = Training(learning_rate=1e-5, head_learning_rate=1e-3, embedding_learning_rate=1e-6, weight_decay=0.1)
    masters = Masters(model, torch.bfloat16, partial(adamw, model=model, settings=settings, fresh=("classifier",)), 1.0)
    found = {
        masters.names[at]: (group["lr"], group["weight_decay"])
        for group in masters.optimizers[0].param_groups
        for tensor in group["params"]
        for at, master in enumerate(masters.tensors)
        if master is tensor
    }
    assert len(found) == len(list(model.parameters()))
    assert found["classifier.weight"] == (1e-3, 0.1)
    assert found["classifier.bias"] == (1e-3, 0.0)
    assert found["bert.embeddings.word_embeddings.weight"] == (1e-6, 0.1)
    assert found["bert.encoder.layer.0.attention.output.LayerNorm.weight"] == (1e-5, 0.0)
    assert found["bert.encoder.layer.0.attention.self.query.weight"] == (1e-5, 0.1)
    assert {tensor.dtype for tensor in masters.tensors} == {torch.float32}
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
