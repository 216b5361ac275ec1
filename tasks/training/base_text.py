"""The corpus of a base, and the tokenizer that is made from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import InputError
from tasks.training.base_spec import BaseSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<unk>", "<s>", "</s>")
ALONE = r"[的是有和与或在由对被把为]| (?=\p{Han})"
"""What is always a token of its own. Chinese is written without spaces: so a name is cut the same way whatever grammar,
or space, stands next to it."""


def read_corpus(path: Path) -> list[str]:
    """The documents of a corpus: its lines, without blank ones.

    Raises:
        InputError: missing, not UTF-8, or nothing in it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError("the corpus is not a file", value=path, hint="give a UTF-8 text file") from error
    except UnicodeDecodeError as error:
        raise InputError("the corpus is not UTF-8", value=path, hint="save it as UTF-8") from error
    documents = [line.strip() for line in text.split("\n") if line.strip()]
    if not documents:
        raise InputError("the corpus is empty", value=path, hint="give text, a document per line")
    return documents


def train_tokenizer(documents: list[str], spec: BaseSpec) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer: every text can be written with it. It adds no special tokens by itself.

    Each text is read as if a space stood before it, so that a word is the same token at the beginning as elsewhere.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(ALONE), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    plain.normalizer = normalizers.Prepend(" ")
    plain.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])
    trainer = trainers.BpeTrainer(
        vocab_size=spec.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    plain.train_from_iterator(documents, trainer)
    pad, unknown, begin, end = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=plain,
        pad_token=pad,
        unk_token=unknown,
        bos_token=begin,
        eos_token=end,
        model_max_length=spec.context,
        clean_up_tokenization_spaces=False,
    )
