"""Where an answer ends, what is padding, and that text is text: of tokenizers and configs that disagree."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.errors import InputError
from tasks.evaluation.answers import generate
from tasks.evaluation.predict import predict
from tasks.training.bases import Base
from tasks.training.loading import agree, load_base
from tasks.training.prompts import answer_ids, answer_text, end_token, end_tokens, prompt_ids, text_ids
from tasks.training.tokenizer import check_writing, load_tokenizer
from tests.factories import tiny_bert, tiny_llama, tiny_model

TEXT = "open with <s>, close with </s>, <pad> or [MASK] [SEP], end by <|im_end|> now"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def edit(file: Path, **values: Any) -> None:
    known = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in known.items() if value is not None}))


def chat_model(folder: Path, *, special: bool = False) -> Path:
    """A Llama whose chat template ends a turn with another token than `tokenizer.eos_token`; it need not be special."""
    from tokenizers import AddedToken
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(tiny_llama(folder))
    tokenizer.add_tokens([AddedToken(one, special=special, normalized=False) for one in ("<|im_start|>", "<|im_end|>")])
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    config = LlamaConfig.from_pretrained(folder, vocab_size=len(tokenizer))
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def unigram(folder: Path) -> Path:
    """A tokenizer that finds its control tokens in any text, since they are pieces of its vocabulary: as T5's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = sorted({one for one in TEXT + "abc" if not one.isspace()})
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -4.0), *((one, -4.0) for one in letters)]
    backend = Tokenizer(models.Unigram(pieces, 2))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=backend, **special).save_pretrained(folder)
    return folder


def test_the_chat_template_says_how_answers_end_and_every_named_token_ends_one(tmp_path: Path) -> None:
    plain, chat = load_tokenizer(tiny_llama(tmp_path / "plain")), load_tokenizer(chat_model(tmp_path / "chat"))
    turn = chat.convert_tokens_to_ids("<|im_end|>")
    assert (end_token(plain), end_token(chat)) == (plain.eos_token_id, turn)
    assert answer_ids(chat, ["yes"])[0][-1] == turn
    assert end_tokens(chat) == [chat.eos_token_id, turn]
    beside = SimpleNamespace(eos_token_id=[plain.bos_token_id, 9, 100_000])  # 9 is a letter, and 100,000 nothing
    assert end_tokens(plain, SimpleNamespace(eos_token_id=None), SimpleNamespace(), beside) == [
        plain.bos_token_id,
        plain.eos_token_id,
    ]


@pytest.mark.parametrize("make", [tiny_llama, chat_model, unigram])
def test_what_looks_like_a_control_token_in_a_text_is_text(make: Any, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(make(tmp_path / "base"))
    ends, controls = end_tokens(tokenizer), set(tokenizer.all_special_ids)
    assert not controls & set(text_ids(tokenizer, [TEXT])[0])
    [answer] = answer_ids(tokenizer, [TEXT])
    assert [one for one in answer if one in controls | set(ends)] == [end_token(tokenizer)]
    assert answer_text(tokenizer, [*answer, *answer], ends) == TEXT
    around = text_ids(tokenizer, ["abc"], around=True)[0]
    spelled = text_ids(tokenizer, [TEXT], around=True)[0]
    assert [one for one in spelled if one in controls] == [one for one in around if one in controls]
    prompts = prompt_ids(tokenizer, [TEXT, "abc", TEXT])
    assert [[one for one in ids if one in controls] for ids in prompts] == 3 * [
        [one for one in prompts[1] if one in controls]
    ]
    assert TEXT in tokenizer.decode(prompts[0]) and prompts[0] == prompts[2]


def test_an_encoder_reads_control_tokens_as_text(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_bert(tmp_path / "base"))
    ids = text_ids(tokenizer, [TEXT], around=True)[0]
    assert tokenizer.mask_token_id not in ids and ids.count(tokenizer.sep_token_id) == 1


def test_a_prompt_without_control_tokens_is_what_the_template_makes_of_it(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tmp_path / "base", special=True))
    chat = [{"role": "user", "content": "what is asthma?"}]
    assert prompt_ids(tokenizer, ["what is asthma?"]) == [
        tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"]
    ]


def test_a_tokenizer_without_an_end_token_is_refused_where_a_model_writes(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    edit(folder / "tokenizer_config.json", eos_token=None)
    tokenizer = load_tokenizer(folder)
    check_writing(tokenizer, "text-classification", folder)
    for task in ("causal-lm", "seq2seq-lm"):
        with pytest.raises(InputError, match="no end token"):
            check_writing(tokenizer, task, folder)


def test_whatever_the_base_names_ends_an_answer_here_and_in_plain_transformers(tmp_path: Path) -> None:
    """The model writes <s> at its fourth step, which its tokenizer does not call an end, but its generation config."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tiny_llama(tmp_path / "base")
    habits = {"eos_token_id": [1], "do_sample": True, "temperature": 0.3, "repetition_penalty": 3.0, "max_length": 5}
    edit(folder / "generation_config.json", **habits)
    edit(folder / "config.json", eos_token_id=9)  # a letter: left over from another vocabulary
    model, tokenizer = load_base(Base(folder, "0" * 64, {}), "causal-lm", []), load_tokenizer(folder)
    prompts = prompt_ids(tokenizer, ["what is asthma?", "what is gout, then?"])
    free = [_steps(model, ids, 12) for ids in prompts]
    model.lm_head.weight.data[1] = 1.05 * model.lm_head.weight.data[free[0][3]]  # <s> is what it says there instead
    expected = []
    for ids in prompts:
        written = _steps(model, ids, 12)
        first = next((place for place, one in enumerate(written) if one in (1, 2)), 12)
        expected.append(tokenizer.decode(written[:first], skip_special_tokens=True).strip())
    assert 1 in _steps(model, prompts[0], 12)
    assert generate(model, tokenizer, prompts, Generation(max_new_tokens=12), positions=512) == expected

    agree(model, tokenizer, "causal-lm", 12)
    model.save_pretrained(tmp_path / "saved")
    load_tokenizer(folder).save_pretrained(tmp_path / "saved")
    said = json.loads((tmp_path / "saved" / "generation_config.json").read_text())
    assert said["eos_token_id"] == [1, 2] and said["pad_token_id"] == tokenizer.pad_token_id
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["eos_token_id"] == [1, 2]
    plain, reader = (kind.from_pretrained(tmp_path / "saved") for kind in (AutoModelForCausalLM, AutoTokenizer))
    for ids, answer in zip(prompts, expected, strict=True):
        made = plain.generate(torch.tensor([ids]))[0, len(ids) :]
        assert reader.decode(made, skip_special_tokens=True).strip() == answer


def _steps(model: Any, ids: list[int], steps: int) -> list[int]:
    """The likeliest tokens, one after the other, whatever they are."""
    said = list(ids)
    with torch.inference_mode():
        for _ in range(steps):
            said.append(int(model(input_ids=torch.tensor([said])).logits[0, -1].argmax()))
    return said[len(ids) :]


@pytest.mark.parametrize("padding", [5, None, -1, 60_000])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_label_does_not_depend_on_the_texts_beside_it(padding: int | None, side: str, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    edit(folder / "config.json", pad_token_id=padding)
    edit(folder / "tokenizer_config.json", padding_side=side)
    labels = [f"label {number}" for number in range(7)]
    model, tokenizer = load_base(Base(folder, "0" * 64, {}), "text-classification", labels), load_tokenizer(folder)
    rows = [{"text": "the patient coughs " * times + end, "label": labels[0]} for times in (1, 4, 9) for end in "%abc"]
    settings = EvaluationSettings()

    def judged(some: list[Any]) -> Any:
        return predict(model, tokenizer, "text-classification", labels, some, settings).columns["confidence"]

    assert judged(rows) == pytest.approx([judged([row])[0] for row in rows], abs=1e-5)
    model.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved" / "config.json").read_text())["pad_token_id"] == tokenizer.pad_token_id


def test_positions_counted_from_another_padding_token_are_refused(tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "base", "roberta")
    edit(folder / "config.json", pad_token_id=2)
    with pytest.raises(InputError, match="counts positions from its padding token"):
        load_base(Base(folder, "0" * 64, {}), "text-classification", ["one", "two"])


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ raise_exception('a system message is needed') }}", "a system message is needed"),
        ("{{ messages[1]['content'] }}", "cannot put a question"),
        ("{% for message in messages %}{{ message['role'] }}{% endfor %}", "leaves out the question"),
    ],
)
def test_a_chat_template_that_cannot_put_a_question_is_refused(template: str, says: str, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(InputError) as refused:
        check_writing(load_tokenizer(folder), "causal-lm", folder)
    assert says in str(refused.value)
