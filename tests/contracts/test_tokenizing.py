"""Text becomes token ids, and ids become text, in two files: else what is judged could differ from what is served."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.contracts.house import name_of, sources

PLACES = {
    "tasks/model_text.py": "texts to label, words to tag",
    "tasks/training/prompts.py": "questions and answers",
}
OTHERS = {
    "tasks/training/base.py": "the corpus of a base, which has neither questions nor labels",
    "tasks/training/learn.py": "one sentence, to see that a tokenizer was saved as it is",
    "tasks/training/tokenizer.py": "one question, to see that a chat template can put it",
    "tasks/training/trial.py": "a few texts, to see that a tokenizer and its chat template come to an end",
    "tasks/training/methods/cloze.py": "the template that becomes part of the tokenizer itself, and the labels' words",
    "tasks/training/methods/prompt.py": "the text that trained vectors start from; the tokens that they came close to",
    "tasks/evaluation/elsewhere.py": "how many bytes the scored part of a text has",
    "tasks/evaluation/predict.py": "the same, of an answer that was cut",
    "tasks/comparison/learned.py": "single tokens, for people",
}
"""Nothing that is judged is read or said there."""
METHODS = {"apply_chat_template", "batch_decode", "batch_encode_plus", "encode_plus", "decode", "encode", "tokenize"}


def tokenizing(source: str) -> Iterator[int]:
    """Lines that call a tokenizer, or one of its methods that turn text into ids or ids into text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            method = isinstance(called, ast.Attribute) and called.attr in METHODS
            owner = called.value if method and isinstance(called, ast.Attribute) else called
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if name == "tokenizer":
                yield node.lineno


def test_text_is_tokenized_nowhere_else() -> None:
    found = {name_of(file) for file in sources() if [*tokenizing(file.read_text(encoding="utf-8"))]}
    assert found - PLACES.keys() - OTHERS.keys() == set(), "use tasks/model_text.py or tasks/training/prompts.py"
    assert PLACES.keys() <= found, "a place that is gone"


def test_tokenizing_would_be_found() -> None:
    assert [*tokenizing("tokenizer(text)\nself.tokenizer.decode(ids)\nmodel.tokenizer(text)\n")] == [1, 2, 3]
    assert [*tokenizing("load_tokenizer(folder)\ntext.encode()\ncopy_tokenizer(a, b)\nmethod.tokenizer\n")] == []


def test_the_files_that_are_served_import_nothing_of_galen() -> None:
    """Copies of them lie beside `served.py` in MLflow."""
    for place in PLACES:
        [file] = [one for one in sources() if name_of(one) == place]
        tree = ast.parse(file.read_text(encoding="utf-8"))
        typing = [id(node) for one in ast.walk(tree) if isinstance(one, ast.If) for node in ast.walk(one)]
        for node in ast.walk(tree):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert id(node) in typing or not [one for one in modules if one.split(".")[0] in ("tasks", "flows")], place
