"""An exported model without Galen: the code that its README shows, with nothing but torch and transformers.

A reader who copies it gets the answers that were judged: a test runs what the README shows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tasks.config.words import Task
from tasks.meta.model import ModelMeta

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
model = {loader}.from_pretrained("{folder}").eval()
"""
LABEL = """

def answer(text):
    given = tokenizer(text, truncation=True, max_length={max_length}, return_tensors="pt")
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
        " ".join(words), truncation=True, max_length={max_length}, return_offsets_mapping=True, return_tensors="pt"
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
PATTERN = """\
PATTERN = json.load(open("{folder}/artifact.json", encoding="utf-8"))["meta"]["words"]["pattern"]  # what is a word
"""


def code(said: ModelMeta, folder: str) -> str:
    """Python that loads a plain folder and defines `answer(text)`: the label, or each word with its tag.

    Args:
        said: what the model says about itself.
        folder: where it lies.
    """
    more = {"loader": LOADERS[said.task], "folder": folder, "max_length": said.training.max_length}
    if said.task == "text-classification":
        return (LOAD + LABEL).format(**more)
    if said.task == "token-classification":
        pattern = PATTERN if said.words else 'PATTERN = r"\\w+|[^\\w\\s]"  # what is a word\n'
        return ("import bisect\nimport json\nimport re\n\n" + LOAD + pattern + TAGS).format(**more)
    return LOAD.format(**more).replace("import torch\n", "")


def run(said: ModelMeta, folder: Path) -> Callable[[str], Any]:
    """The `answer` that the code defines."""
    names: dict[str, Any] = {}
    exec(compile(code(said, folder.as_posix()), "README.md", "exec"), names)
    answer: Callable[[str], Any] = names["answer"]
    return answer
