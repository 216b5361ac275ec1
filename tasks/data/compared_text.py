"""What of a record is compared with other records, and when two of them are equal."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

from tasks.config.words import DatasetTask
from tasks.data.records import INPUT

if TYPE_CHECKING:
    import pyarrow as pa


class Text(NamedTuple):
    """What is compared of one record."""

    input: str
    """The question, the text, or the tokens with blanks between them."""
    answer: str = ""
    """Of a question; empty where there is none."""


_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:\++|-(?![^\W_]))?")
"""One Chinese character (or kana), or one word: so 5 tokens are 5 characters in Chinese and 5 words elsewhere.
A sign behind a word belongs to it: HER2+ is not HER2-."""


def tokens(text: str) -> list[str]:
    """The words of a text (characters, in Chinese), free of case, width and punctuation.

    A text of punctuation only counts as one token, so that two such texts differ unless they are equal.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(plain) or [plain.strip()]


def compared(batch: pa.RecordBatch, task: DatasetTask) -> list[Text]:
    """What makes two records of a task copies of each other: question and answer, text, or tokens.

    A question-answer pair counts as a whole, since one question may well have two answers that are worth learning.
    """
    inputs = batch.column(INPUT[task]).to_pylist()
    if task == "causal-lm":
        return list(map(Text, inputs, batch.column("answer").to_pylist()))
    return [Text(" ".join(one) if task == "token-classification" else one) for one in inputs]


def compared_columns(task: DatasetTask) -> list[str]:
    """The columns that `compared` reads."""
    return ["prompt", "answer"] if task == "causal-lm" else [INPUT[task]]


def exact_key(text: Text) -> bytes:
    """16 bytes that two records share when they are equal but for case, width, punctuation and white space."""
    return key_of(tokenised(text))


def tokenised(text: Text) -> list[list[str]]:
    """The words of the question, and those of the answer."""
    return [tokens(part) if part else [] for part in text]


def key_of(parts: list[list[str]]) -> bytes:
    """`exact_key` of a text whose words are known."""
    return hashlib.blake2b("\n".join(map(" ".join, parts)).encode(), digest_size=16).digest()
