from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForCausalLM, AutoTokenizer

from tasks.digest import digest_file
from tasks.errors import InputError, Stopped
from tasks.home import CHECKOUT
from tasks.settings import load
from tasks.store import Store
from tasks.training import base as base_module
from tasks.training import base_text, pretraining
from tasks.training.base import BaseReport, train_base
from tasks.training.base_spec import BaseSpec
from tasks.training.base_text import read_corpus, train_tokenizer
from tasks.training.checkpoint import Checkpoints
from tasks.training.course import Progressed
from tasks.training.pretraining import Plateau, Pretraining

TEXT = [
    "Asthma is a disease of the airways. The symptoms of asthma include wheezing.",
    "Gout is a disease of the joints. The symptoms of gout include pain.",
    "哮喘是气道的疾病。哮喘的症状包括喘鸣。",
    "痛风是关节的疾病。痛风的症状包括疼痛。",
] * 8


def small(**changes: object) -> BaseSpec:
    settings: dict[str, object] = {
        "corpus": "corpus.txt",
        "vocabulary": 384,
        "hidden": 64,
        "intermediate": 128,
        "layers": 2,
        "heads": 2,
        "context": 128,
        "row": 32,
        "batch_tokens": 128,
        "warmup_steps": 2,
        "max_steps": 24,
        "decay_steps": 8,
        "window": 4,
    }
    return BaseSpec.model_validate(settings | changes)


def made(spec: BaseSpec, corpus: Path, out: Path) -> BaseReport:
    return train_base(spec, corpus, out, Checkpoints(Store(corpus.parent / "home"), out.name, {}))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(TEXT), encoding="utf-8")
    return path


def test_a_base_is_a_plain_folder_that_has_learned_the_corpus(corpus: Path, tmp_path: Path) -> None:
    report = made(small(max_steps=120), corpus, tmp_path / "base")

    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base").eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    assert (tmp_path / "base" / "generation_config.json").is_file()
    assert {file.suffix for file in (tmp_path / "base").iterdir()} <= {".json", ".safetensors"}
    assert report.loss < report.curve[0][1] / 3
    prompt = tokenizer("The symptoms of gout include", return_tensors="pt")
    said = model.generate(**prompt, max_new_tokens=3, do_sample=False)
    # Either disease's sign: which one, in so short a training, depends on how sums are rounded.
    known = [f"The symptoms of gout include {sign}" for sign in ("pain", "wheezing")]
    assert tokenizer.decode(said[0]).startswith(tuple(known))
    assert model.config.vocab_size % 64 == 0
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            assert module.in_features % 64 == 0
            assert module.out_features % 64 == 0


def test_the_same_spec_and_corpus_give_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    one = made(small(), corpus, tmp_path / "one")
    state = torch.get_rng_state()
    torch.manual_seed(2)
    two = made(small(), corpus, tmp_path / "two")
    other = made(small(seed=18), corpus, tmp_path / "other")

    files = {file.name for file in (tmp_path / "one").iterdir()}
    for name in files:
        assert digest_file(tmp_path / "one" / name) == digest_file(tmp_path / "two" / name), name
    weights = "model.safetensors"
    assert digest_file(tmp_path / "one" / weights) != digest_file(tmp_path / "other" / weights)
    assert one.plain() == two.plain() != other.plain()
    assert "seconds" not in one.plain()
    torch.manual_seed(1)
    assert torch.equal(state, torch.get_rng_state())  # the caller's generator is left alone


def test_a_base_whose_training_was_stopped_goes_on_and_has_the_same_bytes(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small(tolerance=0.99, patience=1, max_steps=40)  # a plateau is found before it is stopped
    undisturbed = made(spec, corpus, tmp_path / "whole")
    real = Pretraining.factor

    def stop_at_eleven(course: Pretraining, now: Progressed) -> float:
        if now.step == 11:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(course, now)

    with monkeypatch.context() as patched:
        patched.setattr(Pretraining, "factor", stop_at_eleven)
        with pytest.raises(Stopped, match="step 12 of 16"):
            made(spec, corpus, tmp_path / "base")
    assert not (tmp_path / "base").exists()
    resumed: list[int] = []

    def note(course: Pretraining, now: Progressed) -> float:
        resumed.append(now.step)
        return real(course, now)

    monkeypatch.setattr(Pretraining, "factor", note)
    assert made(spec, corpus, tmp_path / "base").plain() == undisturbed.plain()
    assert resumed == [12, 13, 14, 15]
    weights = "model.safetensors"
    assert digest_file(tmp_path / "base" / weights) == digest_file(tmp_path / "whole" / weights)


def test_rates_decay_at_a_plateau_or_in_time_for_the_last_step(corpus: Path, tmp_path: Path) -> None:
    flat = made(small(tolerance=0.99, patience=1), corpus, tmp_path / "flat")
    assert flat.plateau
    assert flat.steps == 4 + 4 + 8  # one window to compare with, one that is no better, the decay

    falling = made(small(tolerance=0.0, patience=6), corpus, tmp_path / "falling")
    assert not falling.plateau
    assert falling.steps == 24
    assert falling.tokens == 24 * 128


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3.0, 2.0, 1.0], [False, False, False]),
        ([1.0, 0.995, 0.991], [False, False, True]),
        ([1.0, 1.2, 0.9, 0.9, 0.9], [False, False, False, False, True]),
    ],
)
def test_a_plateau_is_values_in_a_row_without_improvement(losses: list[float], expected: list[bool]) -> None:
    plateau = Plateau(patience=2, tolerance=0.01)
    assert [plateau.reached(loss) for loss in losses] == expected


def test_a_name_is_cut_the_same_way_wherever_it_stands(corpus: Path) -> None:
    tokenizer = train_tokenizer(read_corpus(corpus), small(vocabulary=512))

    def pieces(text: str) -> list[str]:
        return list(tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]))

    assert pieces("Asthma is")[:1] == pieces("and Asthma is")[-2:-1]
    name = pieces("哮喘")[1:]
    for text in ("哮喘的", "痛风和哮喘", "Is it 哮喘"):
        joined = pieces(text)
        assert any(joined[at : at + len(name)] == name for at in range(len(joined)))
    for text in ("Question: What is asthma?\nAnswer: ", "哮喘，café 🫁", "  two  spaces "):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_nothing_is_left_of_a_training_that_failed(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import PreTrainedTokenizerFast

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", fail)
    with pytest.raises(OSError, match="No space"):
        made(small(max_steps=10), corpus, tmp_path / "base")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt"]


def test_an_empty_folder_may_stand_there_a_filled_one_not(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "base"
    out.mkdir()
    made(small(max_steps=10), corpus, out)
    before = json.loads((out / "config.json").read_text())
    with pytest.raises(InputError, match="in use"):
        made(small(max_steps=10, layers=1), corpus, out)
    assert json.loads((out / "config.json").read_text()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "not a file"),
        (b"", "empty"),
        (b" \n\n  \n", "empty"),
        ("哮喘".encode("gbk"), "not UTF-8"),
        (b"Asthma is a disease.", "tokens"),
    ],
)
def test_a_corpus_that_cannot_be_used_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        made(small(), path, tmp_path / "base")
    assert not (tmp_path / "base").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": 96, "heads": 3}, "hidden must be a multiple of 64"),
        ({"vocabulary": 400}, "vocabulary must be a multiple of 64"),
        ({"heads": 3}, "rotary"),
        ({"batch_tokens": 100}, "multiple of row"),
        ({"row": 256, "batch_tokens": 256}, "context"),
        ({"max_steps": 9}, "exceed max_steps"),
        ({"learning_rates": 1}, "Extra inputs"),
    ],
)
def test_a_spec_that_cannot_work_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        small(**changes)


def test_every_shipped_spec_loads_and_its_corpus_is_there() -> None:
    specs = sorted((CHECKOUT / "recipes" / "bases").glob("*.yaml"))
    assert specs
    for path in specs:
        assert (CHECKOUT / load(BaseSpec, path).corpus).is_file()


def test_importing_it_loads_no_torch() -> None:
    assert not any(hasattr(one, "torch") for one in (base_module, base_text, pretraining))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_loss_of_a_base_is_pytorchs_own(dtype: torch.dtype) -> None:
    chance = torch.Generator().manual_seed(3)
    logits = (4 * torch.randn(300, 40, generator=chance)).to(dtype)  # no multiple of the rows worked on at a time
    targets = torch.randint(40, (300,), generator=chance)
    found = []
    plain = torch.nn.functional.cross_entropy
    for function in (pretraining.cross_entropy().apply, lambda one, two: plain(one.float(), two)):
        given = logits.clone().requires_grad_()
        loss = function(given, targets)
        torch.autograd.backward(3 * loss)
        found.append((loss, given.grad))
    torch.testing.assert_close(found[0][0], found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])
