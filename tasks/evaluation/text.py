"""How alike two answers are: token F1 and ROUGE-L over one documented normalisation, for any mix of scripts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

# Written without spaces: each of these characters is a token. Han, its extensions and iteration marks, and kana.
_ALONE = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_TOKEN = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+")
_ARTICLES = frozenset({"a", "an", "the"})


def tokens(text: str) -> list[str]:
    """The tokens that answers are compared by.

    NFKC (full-width letters and digits become plain ones), case folded; a Chinese character or kana is a token of its
    own, any other unbroken run of letters and digits is one; punctuation, symbols and space only separate.
    """
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def token_f1(answer: Sequence[str], reference: Sequence[str]) -> float:
    """Harmonic mean of precision and recall of the bag of tokens, English articles left out.

    SQuAD's F1 (Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text"), on `tokens`.
    Two texts without any token count as equal; one without counts as wrong.
    """
    said = Counter(token for token in answer if token not in _ARTICLES)
    meant = Counter(token for token in reference if token not in _ARTICLES)
    if not said or not meant:
        return float(said == meant)
    common = (said & meant).total()
    return 2 * common / (said.total() + meant.total())


def rouge_l(answer: Sequence[str], reference: Sequence[str]) -> float:
    """ROUGE-L: harmonic mean of the longest common subsequence's share of the answer and of the reference.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", one sentence each, beta = 1, without stemming.
    Character-wise for Chinese by way of `tokens`. Two texts without any token count as equal.
    """
    if not answer or not reference:
        return float(len(answer) == len(reference))
    return 2 * common_subsequence(answer, reference) / (len(answer) + len(reference))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    Bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length computation revisited"): one whole row of the table is one
    integer, so that answers of thousands of tokens cost milliseconds.
    """
    places: dict[str, int] = {}
    for place, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << place
    everything = (1 << len(first)) - 1
    row = everything
    for token in second:
        matches = row & places.get(token, 0)
        row = ((row + matches) | (row - matches)) & everything
    return len(first) - row.bit_count()
