"""The library is asked, not assumed: what an architecture can do is found on a small model of its kind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.store import Store
from tasks.training import abilities as seen_on
from tasks.training.abilities import abilities
from tasks.training.fit import check_fit, remarks
from tasks.training.lesson import lesson_of
from tasks.training.loading import load_base
from tasks.training.methods.lora import Lora
from tasks.training.positions import positions
from tasks.training.reduced import reduced
from tasks.training.rehearsal import rehearse
from tasks.training.shapes import fresh_modules, task_config
from tasks.training.tokenizer import load_tokenizer
from tests.factories import ARCHITECTURES, dataset_version
from tests.training.recipes import MAIN, base_of, prepared, recipe, refusal

pytestmark = pytest.mark.filterwarnings("ignore")
SIZES: dict[str, Any] = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 300}
DECODER = SIZES | {"intermediate_size": 128, "num_key_value_heads": 2, "max_position_embeddings": 128}
ENCODER = SIZES | {"intermediate_size": 128, "max_position_embeddings": 66, "pad_token_id": 1}
OPT = SIZES | {"ffn_dim": 128, "word_embed_proj_dim": 64, "max_position_embeddings": 128}
RECURRENT = {"lru_width": 64, "head_dim": 16, "attention_window_size": 16, "num_hidden_layers": 3}
LED = {"d_model": 64, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4, "vocab_size": 300}
LED |= {"decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "attention_window": 16}
LED |= {"max_encoder_position_embeddings": 64, "max_decoder_position_embeddings": 32}


@pytest.mark.parametrize(
    ("architecture", "sizes", "packs"),
    [
        ("llama", DECODER, True),
        ("gpt_neox", SIZES | {"intermediate_size": 128}, True),
        ("biogpt", SIZES | {"intermediate_size": 128, "max_position_embeddings": 128}, False),
        ("opt", OPT, False),
        ("falcon", SIZES | {"new_decoder_architecture": True, "num_kv_heads": 2}, False),
        ("bloom", {"hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 300}, False),
        ("lfm2", DECODER | {"layer_types": ["conv", "full_attention"]}, False),
        ("recurrent_gemma", DECODER | RECURRENT, False),
        ("mamba", {"hidden_size": 64, "num_hidden_layers": 1, "state_size": 8, "vocab_size": 300}, False),
    ],
)
def test_records_are_packed_only_where_they_do_not_see_each_other(
    architecture: str, sizes: dict[str, Any], packs: bool
) -> None:
    assert abilities(AutoConfig.for_model(architecture, **sizes), "causal-lm").packs is packs


@pytest.mark.parametrize(
    ("architecture", "sizes", "continues"),
    [
        ("llama", DECODER, True),
        ("gemma2", DECODER | {"head_dim": 16, "sliding_window": 4}, True),
        ("bloom", {"hidden_size": 64, "n_layer": 2, "n_head": 4, "vocab_size": 300}, True),
        ("lfm2", DECODER | {"layer_types": ["conv", "full_attention"]}, False),
    ],
)
def test_answers_share_a_prompt_only_where_they_say_then_what_each_says_alone(
    architecture: str, sizes: dict[str, Any], continues: bool
) -> None:
    assert abilities(AutoConfig.for_model(architecture, **sizes), "causal-lm").continues is continues


@pytest.mark.parametrize(("architecture", "packed"), [("llama", True), ("biogpt", False)])
def test_where_they_would_each_has_a_row_and_the_plan_says_so(
    store: Store, bases: dict[str, Path], architecture: str, packed: bool
) -> None:
    folder = bases[architecture]
    given = recipe("causal-lm", folder)
    config = task_config(folder, "causal-lm", [])
    data = dataset_version(store, "causal-lm", n=40)
    lesson = lesson_of(given, data, load_tokenizer(folder), config, by_document=False)
    assert (lesson.how.capacity > 0) is packed
    assert any("a row of its own" in line for line in remarks(store, given)) is not packed


def test_what_the_config_says_is_not_how_long_a_text_may_be() -> None:
    def longest(architecture: str, **sizes: Any) -> int | None:
        return positions(AutoConfig.for_model(architecture, **sizes))

    # Behind the padding id; MPNet counts with its own, whatever the config says.
    assert {name: longest(name, **ENCODER) for name in ("roberta", "camembert", "ibert")} == dict.fromkeys(
        ("roberta", "camembert", "ibert"), 64
    )
    assert longest("mpnet", **ENCODER | {"pad_token_id": 0}) == 64
    assert longest("bert", **ENCODER) == 66
    assert longest("opt", **OPT) == 128  # two more than that in the table
    assert longest("llama", **DECODER) == 128
    assert longest("t5", d_model=64, d_kv=16, d_ff=64, num_layers=1, num_heads=4, vocab_size=300) is None
    assert longest("led", **LED) == 32  # the shorter of its two sides


@pytest.mark.parametrize("architecture", ["roberta", "mpnet"])
def test_the_longest_text_is_read_and_one_token_more_is_not(
    store: Store, bases: dict[str, Path], architecture: str
) -> None:
    base = base_of(store, bases[architecture])
    model = load_base(base, "text-classification", ["a", "b"])
    longest = positions(model.config)
    assert longest is not None
    ids = torch.full((1, longest + 1), 7)
    assert model(input_ids=ids[:, 1:]).logits.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model(input_ids=ids)


@pytest.mark.parametrize(
    ("architecture", "attention"), [("gemma2", "eager"), ("deberta-v2", "eager"), ("mpnet", "eager"), ("llama", "sdpa")]
)
def test_attention_is_what_the_architecture_has(
    store: Store, bases: dict[str, Path], architecture: str, attention: str
) -> None:
    task: Task = "text-classification"
    assert load_base(base_of(store, bases[architecture]), task, ["a"]).config._attn_implementation == attention
    notes = remarks(store, recipe(task, bases[architecture]))
    assert any("eager" in line for line in notes) is (attention == "eager")


def test_weights_that_are_renamed_on_loading_are_not_new(store: Store, bases: dict[str, Path]) -> None:
    """Pythia's file says `embed_out`, the model `lm_head`; of a mixture of experts each expert has its own matrices."""
    labels = ["a", "b"]
    assert fresh_modules(base_of(store, bases["gpt_neox"]), "causal-lm", []) == ()
    assert fresh_modules(base_of(store, bases["qwen3_moe"]), "causal-lm", []) == ()
    assert fresh_modules(base_of(store, bases["qwen3_moe"]), "text-classification", labels) == ("score",)
    _, _, model = prepared(store, recipe("text-classification", bases["qwen3_moe"]), bases["qwen3_moe"], labels)
    trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
    assert trained
    assert not [name for name in trained if "experts" in name]


def test_a_model_that_mixes_the_padding_in_is_refused(store: Store, bases: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(bases["roberta"], tmp_path / "base")
    config = AutoConfig.for_model("fnet", **SIZES | {"vocab_size": 384, "intermediate_size": 128})
    AutoModel.from_config(config).save_pretrained(tmp_path / "base")
    with pytest.raises(InputError, match="fnet model says of a text changes when longer texts are beside it"):
        check_fit(store, recipe("text-classification", tmp_path / "base"))


def test_a_small_model_has_every_kind_of_layer_and_draws_nothing() -> None:
    config = AutoConfig.for_model(
        "gemma3_text",
        **DECODER | {"hidden_size": 256, "intermediate_size": 4096, "vocab_size": 20_000, "num_hidden_layers": 12},
        head_dim=64,
        layer_types=["sliding_attention", "sliding_attention", "full_attention"] * 4,
    )
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    small = reduced(config, AutoModelForCausalLM)
    assert torch.equal(torch.rand(1), expected)
    assert small is not None
    assert small.config.layer_types == ["sliding_attention", "sliding_attention", "full_attention"]
    assert small.config.vocab_size == 1024
    assert small.config.hidden_size == 256
    assert config.num_hidden_layers == 12


def test_what_is_too_large_to_try_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen_on, "reduced", lambda *_: None)
    found = seen_on._seen(AutoConfig.for_model("llama", **DECODER), "causal-lm")
    assert (found.tried, found.packs, found.pads_left) == (False, False, False)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(one, marks=() if one in ("gemma2", "qwen3_moe") else (pytest.mark.slow,)) for one in ARCHITECTURES],
)
def test_a_recipe_that_works_is_rehearsed_to_the_end(store: Store, bases: dict[str, Path], architecture: str) -> None:
    task = next(one for one in MAIN if not refusal(one, architecture, "lora"))
    config = task_config(bases[architecture], task, ["one", "two"])
    rehearse(recipe(task, bases[architecture]), config, base_of(store, bases[architecture]), ["one", "two"])


def test_what_would_fail_at_the_end_fails_in_the_rehearsal(
    store: Store, bases: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = recipe("text-classification", bases["bert"], {"name": "lora", "rank": 3})
    merge = Lora.merge

    def wrong(self: Lora, model: Any) -> Any:
        merged = merge(self, model)
        next(merged.parameters()).data.mul_(2)
        return merged

    monkeypatch.setattr(Lora, "merge", wrong)
    said = "a bert model cannot be used for text-classification with lora: merging what lora learned fails"
    with pytest.raises(InputError, match=f"{said}: it does not say what it said before"):
        check_fit(store, given)


def test_of_a_shorter_model_the_plan_says_where_texts_are_cut(store: Store, bases: dict[str, Path]) -> None:
    notes = remarks(store, recipe("text-classification", bases["mpnet"], max_length=400))
    assert "records are cut at 256 tokens: the base reads no more (training.max_length: 400)" in notes
