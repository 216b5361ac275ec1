"""Encoder-decoders: what they read and write, that padding changes nothing, and which bases are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tasks.artifact import verify
from tasks.config.words import GENERATING
from tasks.errors import InputError
from tasks.store import Store
from tasks.training.batches import Layout, collate, padding_share, plan_epoch, plan_in_order, real_tokens
from tasks.training.encode import IGNORED, Encoded
from tasks.training.fit import check_fit
from tasks.training.loading import load_base
from tasks.training.objectives import objective_for
from tasks.training.objectives.seq2seq_lm import shifted_right
from tasks.training.opening import open_model
from tasks.training.prompts import prompt_ids, without_beginning
from tasks.training.shapes import auto_class, fresh_modules, head_modules, task_of
from tasks.training.tokenizer import load_tokenizer
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama, tiny_model
from tests.training.recipes import base_of, recipe

ARCHITECTURES = ("t5", "bart")
CPU = torch.device("cpu")
ONE_BY_ONE = Layout(4096, 4096, 0)

both = pytest.mark.parametrize("architecture", ARCHITECTURES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("bases")
    return {name: tiny_model(place / name, name) for name in ARCHITECTURES}


def encoded(store: Store, folder: Path, max_length: int = 200) -> tuple[Encoded, Any]:
    tokenizer = load_tokenizer(folder)
    table = dataset_version(store, "seq2seq-lm", n=20).read("train")
    return objective_for("seq2seq-lm").encode(table, tokenizer, [], max_length), (table, tokenizer)


@both
def test_the_question_is_read_as_pretrained_and_the_answer_is_learned_whole(
    store: Store, architecture: str, folders: dict[str, Path]
) -> None:
    found, (table, tokenizer) = encoded(store, folders[architecture])
    assert (found.cut, found.left_out, len(found)) == (0, 0, len(table))
    assert found.target_starts is not None
    for record in range(len(found)):
        read = found.ids[found.starts[record] : found.starts[record + 1]].tolist()
        learned = found.targets[found.target_starts[record] : found.target_starts[record + 1]].tolist()
        assert read == tokenizer(table["prompt"][record].as_py())["input_ids"]  # with its own special tokens
        assert tokenizer.decode(learned) == table["answer"][record].as_py() + tokenizer.eos_token
    assert found.lengths.tolist() == [[a, b] for a, b in zip(found.lengths[:, 0], found.target_counts(), strict=True)]
    assert found.target_counts().sum() == len(found.targets)


@both
def test_a_long_question_keeps_its_end_and_a_long_answer_is_left_out(
    store: Store, architecture: str, folders: dict[str, Path]
) -> None:
    whole, _ = encoded(store, folders[architecture])
    limit = int(np.median(whole.lengths))
    cut, (table, tokenizer) = encoded(store, folders[architecture], limit)
    assert cut.left_out == int((whole.lengths[:, 1] > limit).sum()) > 0
    kept = whole.lengths[cut.rows]
    assert cut.cut == int((kept[:, 0] > limit).sum()) > 0
    assert cut.lengths.max() <= limit
    record = int(kept[:, 0].argmax())
    asked = tokenizer(table["prompt"][int(cut.rows[record])].as_py())["input_ids"]
    read = cut.ids[cut.starts[record] : cut.starts[record + 1]].tolist()
    assert read == [asked[0], *asked[len(asked) - limit + 1 :]]  # <s>, the end of the question, </s>
    assert without_beginning(tokenizer, asked, 500) == asked


@both
def test_padding_changes_no_loss_and_no_gradient(store: Store, architecture: str, folders: dict[str, Path]) -> None:
    found, (_, tokenizer) = encoded(store, folders[architecture])
    model = load_base(base_of(store, folders[architecture]), "seq2seq-lm", [])
    objective, pad = objective_for("seq2seq-lm"), tokenizer.pad_token_id

    def losses(micros: list[list[list[int]]]) -> tuple[float, torch.Tensor]:
        model.zero_grad()
        total = 0.0
        for micro in micros:
            loss = objective.loss(model, collate(found, micro, pad, ONE_BY_ONE, CPU), 0.0)
            torch.autograd.backward(loss)
            total += float(loss.detach())
        return total, model.get_input_embeddings().weight.grad.clone()

    together, gradient = losses([[[record] for record in range(len(found))]])
    alone, gradient_alone = losses([[[record]] for record in range(len(found))])
    assert together == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(gradient, gradient_alone, rtol=1e-3, atol=1e-4)


@both
def test_the_loss_is_that_of_transformers(store: Store, architecture: str, folders: dict[str, Path]) -> None:
    found, (_, tokenizer) = encoded(store, folders[architecture])
    model = load_base(base_of(store, folders[architecture]), "seq2seq-lm", [])
    batch = collate(found, [[0], [1], [2]], tokenizer.pad_token_id, ONE_BY_ONE, CPU)
    with torch.no_grad():
        ours = objective_for("seq2seq-lm").loss(model, batch, 0.0)
        theirs = model(**batch.inputs, labels=batch.targets).loss  # the mean
    count = int((batch.targets != IGNORED).sum())
    assert count == int(found.target_counts()[:3].sum())
    assert float(ours) / count == pytest.approx(float(theirs), rel=1e-5)


def test_the_decoder_reads_what_it_wrote() -> None:
    targets = torch.tensor([[5, 6, 2], [7, 2, IGNORED]])
    assert shifted_right(targets, 9).tolist() == [[9, 5, 6], [9, 7, 2]]
    assert shifted_right(torch.tensor([[2, IGNORED, IGNORED]]), 9).tolist() == [[9, 2, 9]]


def test_batches_count_the_padding_of_both_sides() -> None:
    chance = np.random.default_rng(0)
    read = np.clip(chance.lognormal(3, 0.4, 3000), 6, 200).astype(np.int64)
    written = np.clip(chance.lognormal(4, 0.8, 3000), 3, 400).astype(np.int64)
    lengths = np.stack([read, written], axis=1)
    how = Layout(2048, 1024, 0)
    steps = plan_epoch(lengths, how, seed=0, epoch=0)
    micros = [micro for step in steps for micro in step]
    assert sorted(record for micro in micros for [record] in micro) == list(range(3000))
    for micro in micros:
        records = [record for [record] in micro]
        assert len(records) * int(lengths[records].max(axis=0).sum()) <= 1024
    assert real_tokens(lengths, micros) == lengths.sum()
    assert padding_share(lengths, steps) < 0.2
    in_order = [record for micro in plan_in_order(lengths, how) for [record] in micro]
    assert sorted(in_order) == list(range(3000))


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
@both
def test_it_learns_and_opens_again(store: Store, architecture: str, method: str, folders: dict[str, Path]) -> None:
    folder = folders[architecture]
    given = recipe("seq2seq-lm", folder, method, epochs=6)
    check_fit(store, given)
    dataset = dataset_version(store, "causal-lm", n=40)  # what a decoder learns from
    artifact = finetune(store, given, dataset, base_of(store, folder))
    verify(artifact)
    curve = json.loads(artifact.file("history.json").read_text())["train"]
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    assert artifact.meta["prompt"] == "{prompt}"
    lengths = objective_for("seq2seq-lm").encode(dataset.read("train"), load_tokenizer(folder), [], 512).lengths
    assert artifact.meta["training"]["tokens"] == 6 * lengths.sum()
    assert artifact.meta["training"]["target_tokens"] == 6 * lengths[:, 1].sum()
    model, tokenizer = open_model(artifact, "seq2seq-lm", [], base=base_of(store, folder))
    assert not model.training and tokenizer("asthma")["input_ids"]
    assert finetune(store, given, dataset, base_of(store, folder)).digest == artifact.digest


@both
def test_a_chat_template_writes_its_own_special_tokens(architecture: str, folders: dict[str, Path]) -> None:
    tokenizer = load_tokenizer(folders[architecture])
    tokenizer.chat_template = "<s>{% for one in messages %}{{ one.content }}{% endfor %}!</s>"
    [ids] = prompt_ids(tokenizer, ["asthma"], "seq2seq-lm")
    assert tokenizer.decode(ids) == "<s>asthma!</s>"


@both
def test_nothing_is_fresh_and_no_head_trains(store: Store, architecture: str, folders: dict[str, Path]) -> None:
    base = base_of(store, folders[architecture])
    assert fresh_modules(base, "seq2seq-lm", []) == ()
    assert head_modules(load_base(base, "seq2seq-lm", []), (), "seq2seq-lm") == ()
    assert task_of(base, "causal-lm") == "seq2seq-lm"
    assert task_of(base, "text-classification") == "text-classification"


def test_a_decoder_answers_as_causal_lm(store: Store, tmp_path: Path) -> None:
    assert task_of(base_of(store, tiny_llama(tmp_path / "base")), "causal-lm") == "causal-lm"


@pytest.mark.parametrize("held", ["shared.weight", "encoder.embed_tokens.weight", "lm_head.weight"])
def test_of_tied_weights_a_file_may_hold_any(store: Store, held: str, tmp_path: Path) -> None:
    base = base_of(store, tiny_model(tmp_path / "base", "t5"))
    expected = load_base(base, "seq2seq-lm", []).get_output_embeddings().weight
    file = base.path / "model.safetensors"
    weights = load_file(file)
    value = weights.pop("shared.weight")
    assert not {"encoder.embed_tokens.weight", "lm_head.weight"} & weights.keys()
    save_file(weights | {held: value}, file, {"format": "pt"})
    assert fresh_modules(base, "seq2seq-lm", []) == ()
    assert torch.equal(load_base(base, "seq2seq-lm", []).get_output_embeddings().weight, expected)


def test_a_bart_saved_without_its_output_part_is_whole(store: Store, tmp_path: Path) -> None:
    """The published bart-base is: its output embeddings are tied, and its bias is a buffer of zeros."""
    folder = tiny_model(tmp_path / "base", "bart")
    auto_class("seq2seq-lm").from_pretrained(folder).model.save_pretrained(folder)
    model = load_base(base_of(store, folder), "seq2seq-lm", [])
    assert torch.equal(model.get_output_embeddings().weight, model.get_input_embeddings().weight)
    assert not model.final_logits_bias.any()


@both
def test_weights_that_writing_needs_must_be_there(store: Store, architecture: str, tmp_path: Path) -> None:
    base = base_of(store, tiny_model(tmp_path / "base", architecture))
    file = base.path / "model.safetensors"
    weights = load_file(file)
    lost = next(name for name in sorted(weights) if "decoder" in name and name.endswith("weight"))
    save_file({name: value for name, value in weights.items() if name != lost}, file, {"format": "pt"})
    with pytest.raises(InputError, match="no weights for a part that generation needs"):
        load_base(base, "seq2seq-lm", [])


@pytest.mark.parametrize(
    ("make", "task", "said"),
    [
        (tiny_llama, "seq2seq-lm", r"(?s)a llama model cannot do seq2seq-lm.*needs an encoder-decoder"),
        (tiny_bert, "seq2seq-lm", r"(?s)a bert model cannot do seq2seq-lm.*needs an encoder-decoder"),
        (lambda folder: tiny_model(folder, "t5"), "causal-lm", r"(?s)a t5 model cannot do causal-lm.*seq2seq-lm"),
        (lambda folder: tiny_model(folder, "bart"), "causal-lm", r"(?s)a bart model cannot do causal-lm.*seq2seq-lm"),
    ],
)
def test_the_wrong_kind_of_model_is_refused_when_the_recipe_is_read(
    store: Store, make: Any, task: Any, said: str, tmp_path: Path
) -> None:
    assert task in GENERATING
    with pytest.raises(InputError, match=said):
        check_fit(store, recipe(task, make(tmp_path / "base")))


def test_a_decoder_must_know_where_to_start(store: Store, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", "t5")
    config = json.loads((folder / "config.json").read_text())
    del config["decoder_start_token_id"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="decoder_start_token_id"):
        check_fit(store, recipe("seq2seq-lm", folder))


def test_a_dataset_of_labels_is_refused(store: Store, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", "t5")
    with pytest.raises(InputError, match="the recipe is for seq2seq-lm, the dataset for text-classification"):
        finetune(
            store,
            recipe("seq2seq-lm", folder),
            dataset_version(store, "text-classification", 20),
            base_of(store, folder),
        )
