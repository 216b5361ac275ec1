"""An exported model without Galen: the code that its README shows, with nothing but torch and transformers.

A reader who copies it gets the answers that were judged: a test runs what the README shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import Task
from tasks.meta.model import ModelMeta
from tasks.training.library import LOCK
from tasks.training.prompts import spelled_apart, unmarked_end

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LOADERS: dict[Task, str] = {
    "causal-lm": "AutoModelForCausalLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}
LOAD = """\
import torch
from transformers import AutoTokenizer, {loader}

tokenizer = AutoTokenizer.from_pretrained("{folder}")
{apart}model = {loader}.from_pretrained("{folder}").eval()
"""
UNMARKED = """\
# Ends an answer, and is not marked as a control token.
tokenizer.add_special_tokens({{"extra_special_tokens": [{token!r}]}}, replace_extra_special_tokens=False)
"""
SPELLED = """\
# The vocabulary holds control tokens as words; with this, a text that says one does not become it.
backend, apart = tokenizer.backend_tokenizer, pre_tokenizers.Split(Regex({pattern!r}), "isolated")
backend.pre_tokenizer = pre_tokenizers.Sequence([*([backend.pre_tokenizer] if backend.pre_tokenizer else []), apart])
"""
LABEL = """

def answer(text):
    given = tokenizer(text, truncation=True, max_length={max_length}, split_special_tokens=True, return_tensors="pt")
    with torch.inference_mode():
        best = model(**given).logits[0].argmax()
    return model.config.id2label[int(best)]
"""
TAGS = """

def answer(text):
    words = re.findall(PATTERN, text)
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word) + 1)  # words are put to the model with one blank between them
    given = tokenizer(
        " ".join(words),
        truncation=True,
        max_length={max_length},
        split_special_tokens=True,  # what looks like a control token is text
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    pieces = given.pop("offset_mapping")[0].tolist()
    with torch.inference_mode():
        best = model(**given).logits[0].argmax(-1).tolist()
    tags = {{}}
    for piece, (start, end) in enumerate(pieces):
        if end > start:  # a special token spans nothing; the first piece of a word says the word's tag
            tags.setdefault(bisect.bisect(starts, end - 1) - 1, model.config.id2label[best[piece]])
    return [(word, tags.get(place, "O")) for place, word in enumerate(words)]
"""
QUESTION = """
PROMPT = {prompt!r}
ROOM = (getattr(model.config, "max_position_embeddings", None) or 1 << 30) - {max_new_tokens}  # tokens of a question


def answer(question):
    text = PROMPT.replace("{{prompt}}", question)
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    if tokenizer.bos_token_id is not None:
        ids = [tokenizer.bos_token_id, *ids]
    given = {{"input_ids": torch.tensor([ids[-ROOM:]])}}
"""
CHAT = """
ROOM = (getattr(model.config, "max_position_embeddings", None) or 1 << 30) - {max_new_tokens}  # tokens of a question


def answer(question):
    chat = [{{"role": "user", "content": question}}]
    how = {{"add_generation_prompt": True, "return_dict": True, "sanitize_control_tokens": True}}
    ids = tokenizer.apply_chat_template(chat, **how)["input_ids"]
    given = {{"input_ids": torch.tensor([ids[-ROOM:]])}}
"""
WRITE = """\
    given["attention_mask"] = torch.ones_like(given["input_ids"])
    with torch.inference_mode():
        written = model.generate(**given, max_new_tokens={max_new_tokens}, do_sample=False)
    return tokenizer.decode(written[0, given["input_ids"].shape[1] :], skip_special_tokens=True).strip()
"""
READ_AND_WRITE = """
tokenizer.truncation_side = "left"
ROOM = getattr(model.config, "max_position_embeddings", None) or 1 << 30  # tokens of a question


def answer(question):
    given = tokenizer(question, truncation=True, max_length=ROOM, split_special_tokens=True, return_tensors="pt")
    with torch.inference_mode():
        written = model.generate(**given, max_new_tokens={max_new_tokens}, do_sample=False)
    return tokenizer.decode(written[0], skip_special_tokens=True).strip()
"""
PATTERN = """\
PATTERN = json.load(open("{folder}/artifact.json", encoding="utf-8"))["meta"]["words"]["pattern"]  # what is a word
"""
USUAL_PATTERN = 'PATTERN = r"\\w+|[^\\w\\s]"  # what is a word\n'


def code(said: ModelMeta, place: Path, folder: str) -> str:
    """Python that loads a plain folder and defines `answer(text)`: an answer, a label, or each word with its tag.

    Args:
        said: what the model says about itself.
        place: where it lies.
        folder: where it lies for the reader.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False, local_files_only=True)
    more: dict[str, Any] = {"loader": LOADERS[said.task], "folder": folder, "max_length": said.training.max_length}
    more |= {"prompt": said.prompt, "max_new_tokens": said.recipe.evaluation.generation.max_new_tokens}
    more["apart"] = apart = _apart(tokenizer)
    load, chat = LOAD, tokenizer.chat_template is not None
    if "Regex" in apart:
        load = load.replace("from transformers", "from tokenizers import Regex, pre_tokenizers\nfrom transformers", 1)
    if said.task == "causal-lm":
        rest = (CHAT if chat else QUESTION) + WRITE
    elif said.task == "seq2seq-lm":
        rest = READ_AND_WRITE
    elif said.task == "text-classification":
        rest = LABEL
    else:
        load = f"import bisect\nimport json\nimport re\n\n{load}"
        rest = (PATTERN if said.words else USUAL_PATTERN) + TAGS
    return (load + rest).format(**more)


def _apart(tokenizer: PreTrainedTokenizerBase) -> str:
    """What `keep_controls_apart` does to a tokenizer, as code; nothing for most."""
    found = ""
    if unmarked := unmarked_end(tokenizer):
        found += UNMARKED.format(token=unmarked)
        tokenizer.add_special_tokens({"extra_special_tokens": [unmarked]}, replace_extra_special_tokens=False)
    if pattern := spelled_apart(tokenizer):
        found += SPELLED.format(pattern=pattern)
    return found


def run(said: ModelMeta, folder: Path) -> Callable[[str], Any]:
    """The `answer` that the code defines."""
    names: dict[str, Any] = {}
    with LOCK:  # it loads a model, as anyone would
        exec(compile(code(said, folder, folder.as_posix()), "README.md", "exec"), names)
    answer: Callable[[str], Any] = names["answer"]
    return answer
