"""Records as a whole: consistency, tokens, speed on long texts, and that no value leaks."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter

import pytest

from tasks.data.phi import Deidentifier
from tasks.errors import InputError


@pytest.fixture(scope="module")
def deidentifier() -> Deidentifier:
    return Deidentifier()


def test_a_person_keeps_one_number_across_fields(deidentifier: Deidentifier) -> None:
    texts, counts = deidentifier.deidentify_record(
        {"prompt": "Jane Smith saw Dr. Patel.", "answer": "Ms. Smith is well, and Jane walks. Patel agrees."}, "en"
    )
    assert texts == {
        "prompt": "[NAME_1] saw [NAME_2].",
        "answer": "[NAME_1] is well, and [NAME_1] walks. [NAME_2] agrees.",
    }
    assert counts == Counter(NAME=5)


def test_a_chinese_person_keeps_one_number(deidentifier: Deidentifier) -> None:
    texts, _ = deidentifier.deidentify_record({"a": "患者张伟，男。张伟诉头痛。", "b": "张先生要求出院。"}, "zh")
    assert texts == {"a": "患者[NAME_1]，男。[NAME_1]诉头痛。", "b": "[NAME_1]要求出院。"}


def test_equal_values_get_equal_placeholders_and_others_do_not(deidentifier: Deidentifier) -> None:
    texts, counts = deidentifier.deidentify_record({"t": "MRN 5566778, again MRN 5566778, then MRN 1122334."}, "en")
    assert texts["t"] == "MRN [ID_1], again MRN [ID_1], then MRN [ID_2]."
    assert counts == Counter(ID=3)


def test_records_do_not_share_numbers(deidentifier: Deidentifier) -> None:
    first, _ = deidentifier.deidentify_record({"t": "Dr. Patel called."}, "en")
    second, _ = deidentifier.deidentify_record({"t": "Dr. Lee called."}, "en")
    assert first == second == {"t": "[NAME_1] called."}


def test_a_second_pass_changes_nothing_and_gives_out_no_number_twice(deidentifier: Deidentifier) -> None:
    once, _ = deidentifier.deidentify_record({"t": "Dr. Patel saw John Smith on 3 Jan 2023."}, "en")
    twice, counts = deidentifier.deidentify_record(once, "en")
    assert twice == once
    assert not counts
    mixed, _ = deidentifier.deidentify_record({"t": "[NAME_1] met Dr. Lee."}, "en")
    assert mixed["t"] == "[NAME_1] met [NAME_2]."


def test_a_name_in_another_script_goes_and_symbols_stay(deidentifier: Deidentifier) -> None:
    text = "The patient Иван Петров came to ΠΑΦΟΣ; TNF-α and the αβ receptor were normal."
    clean, _ = deidentifier.deidentify_record({"t": text}, "en")
    assert clean["t"] == "The patient [NAME_1] [NAME_2] came to [NAME_3]; TNF-α and the αβ receptor were normal."
    russian = "Пациент поступил вчера, принимал aspirin."
    assert deidentifier.deidentify_record({"t": russian}, "ru")[0]["t"] == russian


def test_an_eponym_stays_even_beside_a_person_of_that_name(deidentifier: Deidentifier) -> None:
    texts, _ = deidentifier.deidentify_record({"t": "Mr. Parkinson has Parkinson's disease."}, "en")
    assert texts["t"] == "[NAME_1] has Parkinson's disease."


def test_tokens_stay_aligned(deidentifier: Deidentifier) -> None:
    text = "Mr. John Smith 's Crohn ' s disease since 12 / 03 / 2021 ( MRN : 123456 )"
    tokens = text.split()
    result, counts = deidentifier.deidentify_tokens(tokens, "en")
    assert len(result) == len(tokens)
    assert " ".join(result[4:8]) == "Crohn ' s disease"
    assert result[1:3] == ["[NAME_1]", "[NAME_1]"]
    assert result[9] == result[11] == result[13] == "[DATE_1]"
    assert result[-2] == "[ID_1]"
    assert counts == Counter(NAME=1, DATE=1, ID=1)


def test_single_character_tokens_of_chinese(deidentifier: Deidentifier) -> None:
    result, counts = deidentifier.deidentify_tokens(list("患者王晓明头痛"), "zh")
    assert result == ["患", "者", "[NAME_1]", "[NAME_1]", "[NAME_1]", "头", "痛"]
    assert counts == Counter(NAME=1)


@pytest.mark.parametrize("tokens", [[], ["", "John", "Smith", ""], ["."]])
def test_odd_token_lists(deidentifier: Deidentifier, tokens: list[str]) -> None:
    assert len(deidentifier.deidentify_tokens(tokens, "en")[0]) == len(tokens)


def test_no_value_in_errors_or_representations(deidentifier: Deidentifier) -> None:
    secret = "John Smith, MRN 5566778"
    with pytest.raises(InputError) as raised:
        deidentifier.deidentify_record({"answer": secret.encode()}, "en")  # type: ignore[dict-item]
    assert "answer" in str(raised.value)
    assert "Smith" not in str(raised.value)
    deidentifier.deidentify_record({"t": secret}, "en")
    assert "Smith" not in repr(deidentifier) + repr(vars(deidentifier))
    assert "Smith" not in repr(deidentifier.find(secret, "en"))


@pytest.mark.parametrize(
    "unit",
    [
        "The patient, John Smith, was seen at Mercy Hospital on 3 May 2021. ",
        "Smith ", "12-", "a.", "May ", "12 Elm ",
        "St. ", "MRN: ", "no. ", "555-", "Clinic of ",
        "患者王晓明于北京医院就诊。", "第一医院", "锦绣路12号", "2023年", "姓名：",
    ],
)  # fmt: skip
def test_a_long_text_does_not_take_quadratic_time(deidentifier: Deidentifier, unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        start = time.process_time()
        deidentifier.deidentify_record({"t": text}, "en")
        return time.process_time() - start

    deidentifier.find("warm-up: 患者 John")
    # Ten times the text: linear is about 10, quadratic about 100; a busy machine stays far from the bound between them.
    bound = 40 * max(min(seconds(10_000) for _ in range(2)), 0.005)
    assert any(seconds(100_000) < bound for _ in range(3))


def test_importing_reads_no_list() -> None:
    code = (
        "import sys, tasks.data.phi\n"
        "from tasks.data.phi.en import lexicon\n"
        "assert not {'faker', 'jieba'} & set(sys.modules), 'imported too early'\n"
        "assert lexicon.words.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
