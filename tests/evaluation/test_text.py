import random
from functools import cache

import pytest

from tasks.evaluation.text import common_subsequence, rouge_l, token_f1, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The heart's rate, 72 bpm.", ["the", "heart", "s", "rate", "72", "bpm"]),
        ("哮喘是慢性病。", ["哮", "喘", "是", "慢", "性", "病"]),
        ("使用IL-23抑制剂", ["使", "用", "il", "23", "抑", "制", "剂"]),
        ("ＣＴ检查１次", ["ct", "检", "查", "1", "次"]),  # full width
        ("Sjögren's", ["sjögren", "s"]),
        ("Sjo\u0308gren", ["sjögren"]),  # the same letter, written as two
        ("ぜんそく", ["ぜ", "ん", "そ", "く"]),
        ("천식 환자", ["천식", "환자"]),  # Korean has spaces
        (" …?! ", []),
        ("a_b", ["a", "b"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("the itch", "An itch!", 1.0),  # articles and punctuation do not count
        ("fever and cough", "cough", 2 * (1 / 3) * 1 / (1 / 3 + 1)),
        ("cough cough", "cough", 2 * 0.5 / 1.5),  # repeating a word does not help
        ("头痛", "头晕", 0.5),
        ("pain", "fever", 0.0),
        ("", "fever", 0.0),
        ("...", "!", 1.0),
    ],
)
def test_token_f1_by_hand(answer: str, reference: str, expected: float) -> None:
    assert token_f1(tokens(answer), tokens(reference)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("police kill the gunman", 0.75), ("the gunman kill police", 0.5), ("the gunman police killed", 0.5)],
)
def test_rouge_l_as_in_its_paper(answer: str, expected: float) -> None:
    assert rouge_l(answer.split(), ["police", "killed", "the", "gunman"]) == expected


def test_rouge_l_is_the_f_measure_when_lengths_differ() -> None:
    answer, reference = tokens("wheezing"), tokens("wheezing and breathlessness")
    assert rouge_l(answer, reference) == pytest.approx(2 * 1 * (1 / 3) / (1 + 1 / 3))
    assert rouge_l([], reference) == 0.0
    assert rouge_l([], []) == 1.0


@cache
def longest(first: str, second: str) -> int:
    if not first or not second:
        return 0
    if first[0] == second[0]:
        return 1 + longest(first[1:], second[1:])
    return max(longest(first[1:], second), longest(first, second[1:]))


def test_common_subsequence_agrees_with_the_definition() -> None:
    chance = random.Random(1)
    for _ in range(300):
        first, second = ("".join(chance.choices("abcd", k=chance.randint(0, 9))) for _ in range(2))
        assert common_subsequence(first, second) == longest(first, second)


def test_long_answers_are_quick() -> None:
    chance = random.Random(1)
    first, second = (chance.choices([f"w{n}" for n in range(500)], k=20_000) for _ in range(2))
    assert 0 < common_subsequence(first, second) < 20_000
