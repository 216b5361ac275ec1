from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig

from tasks.model_text import word_pieces
from tasks.store import Store
from tasks.training.batches import Layout, collate, layout, padding_share, plan_epoch, plan_in_order, row_width
from tasks.training.encode import IGNORED, flat
from tasks.training.lesson import pass_tokens
from tasks.training.objectives import objective_for
from tasks.training.tokenizer import load_tokenizer
from tests.factories import dataset_version, tiny_bert, tiny_llama

CPU = torch.device("cpu")


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=120),
    micro=st.integers(16, 100),
    times=st.integers(1, 4),
    capacity=st.sampled_from([0, 64, 100]),
    epoch=st.integers(0, 3),
)
def test_an_epoch_holds_every_record_once_within_the_budget(
    lengths: list[int], micro: int, times: int, capacity: int, epoch: int
) -> None:
    sizes = np.array(lengths)
    how = Layout(micro * times, micro, capacity)
    steps = plan_epoch(sizes, how, seed=3, epoch=epoch)
    assert steps == plan_epoch(sizes, how, seed=3, epoch=epoch)
    micros = [one for step in steps for one in step]
    assert sorted(record for one in micros for row in one for record in row) == list(range(len(lengths)))
    for one in micros:
        width = max(row_width(row, sizes) for row in one)
        assert len(one) * width <= micro or len(one) == 1
        assert width <= max(capacity, max(lengths))
    for step in steps:
        computed = sum(len(one) * max(row_width(row, sizes) for row in one) for one in step)
        assert computed <= micro * times or len(step) == 1


def test_epochs_and_seeds_differ() -> None:
    sizes = np.arange(1, 200) % 37 + 1
    plans = [plan_epoch(sizes, Layout(256, 256, 0), seed=seed, epoch=epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0))]
    assert plans[0] != plans[1] != plans[2] != plans[0]


@pytest.mark.parametrize(("capacity", "limit"), [(0, 0.05), (400, 0.01)])
def test_hardly_anything_is_padding(capacity: int, limit: float) -> None:
    sizes = np.random.default_rng(0).integers(5, 200, 3000)
    assert padding_share(sizes, plan_epoch(sizes, Layout(4096, 4096, capacity), seed=0, epoch=0)) < limit


def test_packed_rows_restart_positions_and_never_predict_across_records() -> None:
    encoded = flat([(0, [5, 6, 7], [5, 6, 7]), (1, [8, 9], [8, 9])])
    batch = collate(encoded, [[0, 1]], 0, Layout(8, 8, 6), CPU)
    assert batch.inputs["input_ids"].tolist() == [[5, 6, 7, 8, 9]]
    assert batch.inputs["position_ids"].tolist() == [[0, 1, 2, 0, 1]]
    assert batch.targets.tolist() == [[IGNORED, 6, 7, IGNORED, 9]]
    assert "attention_mask" not in batch.inputs


def test_rows_of_one_length_carry_no_mask() -> None:
    encoded = flat([(0, [5, 6], 1), (1, [7, 8], 0), (2, [9], 0)])
    how = Layout(8, 8, 0)
    assert "attention_mask" not in collate(encoded, [[0], [1]], 0, how, CPU).inputs
    padded = collate(encoded, [[0], [2]], 0, how, CPU)
    assert padded.inputs["attention_mask"].tolist() == [[1, 1], [1, 0]]
    assert padded.targets.tolist() == [1, 0]


def test_a_plan_in_order_is_complete() -> None:
    encoded = flat([(row, [1] * (row % 9 + 1), 0) for row in range(50)])
    how = layout(encoded, 64, 64, pack=False)
    assert sorted(record for micro in plan_in_order(encoded.lengths, how) for [record] in micro) == list(range(50))


def test_only_answers_are_learned_and_what_does_not_fit_is_counted(store: Store, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_llama(tmp_path / "base"))
    table = dataset_version(store, "causal-lm", n=20).read("train")
    objective = objective_for("causal-lm")
    whole = objective.encode(table, tokenizer, [], 500)
    assert (whole.cut, whole.left_out) == (0, 0)
    learned = whole.targets[whole.starts[0] : whole.starts[1]]
    text = tokenizer.decode(learned[learned != IGNORED])
    assert text == table["answer"][0].as_py() + tokenizer.eos_token
    short = int(np.median(whole.lengths))
    cut = objective.encode(table, tokenizer, [], short)
    assert cut.cut > 0
    assert cut.lengths.max() <= short
    assert (cut.target_counts() == whole.target_counts()[cut.rows]).all()
    none = objective.encode(table, tokenizer, [], 8)
    assert none.left_out == len(table) - len(none) > 0
    for length in (int(none.needs.min()), int(none.needs.max())):  # what it says would fit, fits
        assert objective.encode(table, tokenizer, [], length).left_out == (none.needs > length).sum()


def test_cut_texts_are_counted(store: Store, tmp_path: Path) -> None:
    version = dataset_version(store, "text-classification", n=20)
    tokenizer = load_tokenizer(tiny_bert(tmp_path / "base"))
    whole = objective_for("text-classification").encode(version.read("train"), tokenizer, version.labels, 200)
    assert whole.cut == 0
    limit = int(whole.lengths.max()) - 1
    cut = objective_for("text-classification").encode(version.read("train"), tokenizer, version.labels, limit)
    assert cut.cut == int((whole.lengths > limit).sum())


@pytest.mark.parametrize("make", [tiny_bert, tiny_llama])
def test_a_word_is_found_at_its_first_piece(make: object, tmp_path: Path) -> None:
    assert callable(make)
    tokenizer = load_tokenizer(make(tmp_path / "base"))
    words = ["the", "patient", "(", "asthma", ")", "喘息", "xq"]
    [(ids, firsts)], cut = word_pieces(tokenizer, [words], 200)
    assert cut == [False]
    assert list(firsts) == list(range(len(words)))
    for word, place in firsts.items():
        end = firsts.get(word + 1, len(ids))
        text = tokenizer.decode(ids[place:end], skip_special_tokens=True).replace(" ", "")
        if "[UNK]" not in tokenizer.convert_ids_to_tokens(ids[place:end]):
            assert text == words[word]
    [(short, kept)], cut = word_pieces(tokenizer, [words], 6)
    assert cut == [True]
    assert len(short) == 6
    assert list(kept) == list(range(len(kept)))
    assert len(kept) < len(words)


def test_a_pass_is_smaller_where_the_model_is_larger() -> None:
    def tokens(hidden: int, layers: int, size: int = 2) -> int:
        return pass_tokens(LlamaConfig(hidden_size=hidden, num_hidden_layers=layers), size)

    assert tokens(256, 4) == tokens(384, 6) == 2048  # the sample's base, MiniLM
    assert tokens(768, 12) == 1024  # BERT
    assert tokens(576, 30) == tokens(4096, 32) == tokens(768, 12, 4) == 512  # SmolLM-135M, larger ones, BERT in float32
