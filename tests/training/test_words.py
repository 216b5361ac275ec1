"""How texts become words is learned from how a dataset's tokens were cut."""

from __future__ import annotations

import re

import pytest

from tasks.model_text import word_spans
from tasks.training.words import found_again, learned, written

HYPHENS = ["seen with COVID-19 today", "no B12-deficiency , but influenza-A/H1N1 .", "a 3.5 mg dose ( IL-2 )"]
BLANKS = ["The patient, seen today.", "He (aged 5) had COVID-19, and gout.", "No findings; at rest, home."]
APART = ["the tumour - suppressor protein", "GSK - 3beta , axin / conductin", "0 . 5 of the patients ' cells"]
TREEBANK = [
    "The patient 's mother does n't smoke .",
    "CD4+ cells ( e.g. of Dr. Smith 's )",
    "She did n't see Dr. No , e.g. .",
]
WORDS_ZH = ["患者 有 高血压 和 糖尿病 ，", "肺炎 患者 服用 CT 10 mg 。"]


def cut(tokenized: list[str], text: str) -> list[str]:
    pattern = learned([line.split() for line in tokenized] * 3).pattern
    return [text[start:end] for start, end in word_spans(text, pattern)]


@pytest.mark.parametrize(
    ("data", "text", "words"),
    [
        (HYPHENS, "B12-deficiency, COVID-19/H1N1 (2.5 mg).", "B12-deficiency , COVID-19/H1N1 ( 2.5 mg ) ."),
        (HYPHENS, "non\u2010Hodgkin lymphoma - none", "non\u2010Hodgkin lymphoma - none"),
        (BLANKS, "She, (old) had gout.", "She, (old) had gout."),
        (APART, "a GSK-3beta/axin complex, 0.5", "a GSK - 3beta / axin complex , 0 . 5"),
        (
            TREEBANK,
            "The mother's CD4+ cells (e.g. Dr. No's) don't.",
            "The mother 's CD4+ cells ( e.g. Dr. No 's ) do n't .",
        ),
        (WORDS_ZH, "患者服用高血压，CT无肺炎。", "患者 服用 高血压 ， CT 无 肺炎 。"),
        (
            ["the patient has asthma"],
            "asthma, (mild) 患者有 हिन्दी Barre\u0301",
            "asthma , ( mild ) 患 者 有 हिन्दी Barre\u0301",
        ),
    ],
    ids=["hyphens", "another-hyphen", "blanks", "apart", "treebank", "chinese-words", "nothing-known"],
)
def test_a_text_is_cut_as_the_data_was(data: list[str], text: str, words: str) -> None:
    assert cut(data, text) == words.split()
    assert cut(data, words) == words.split(), "tokens that stand apart stay as they are"


def test_characters_are_words_where_the_data_has_them_so() -> None:
    tokens = list("患者有2型糖尿病，CT示肺炎。")
    words = learned([tokens] * 3)
    text = "患者有CT 10mg"
    assert [text[start:end] for start, end in word_spans(text, words.pattern)] == list("患者有CT10mg")
    assert written([tokens])[0][0] == "".join(tokens) and words.found_again == 1


def test_texts_are_written_as_people_write() -> None:
    tokens = ['He said : " no " ( Guillain - Barré / COVID-19 , 5 % ) ;', "it is n't the patient 's 患者 有 CT 。"]
    known = [token for part in tokens for token in part.split()]
    text, spans = written([known])[0]
    assert text == "He said: \"no\" (Guillain-Barré/COVID-19, 5%); it isn't the patient's患者有CT。"
    assert [text[start:end] for start, end in spans] == known


def test_what_no_pattern_finds_again_is_counted() -> None:
    tokens = ["type 2 diabetes", "and", "ab", "cd"]
    words = learned([tokens] * 2)
    assert words.found_again == 0.75
    assert found_again(words.pattern, written([["ab", "type 2 diabetes"]])) == 0.5
    assert found_again(None, written([])) == 1.0
    assert found_again(words.pattern, written([["", "\u3000", "ab"]])) == pytest.approx(1 / 3), (
        "blank tokens are no words"
    )


def test_a_pattern_is_an_ordinary_regular_expression_that_takes_linear_time() -> None:
    pattern = learned([line.split() for line in [*HYPHENS, *TREEBANK, *WORDS_ZH]] * 3).pattern
    assert re.compile(pattern).groups == 0, "`re.findall` gives the words"
    for text in ("a" * 50_000, "a-" * 25_000, "+" * 50_000, "n't" * 15_000):
        assert "".join(re.findall(pattern, text)) == text
