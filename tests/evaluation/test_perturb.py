"""What perturbations do: always the same, never to what must not change, and never to the right answer."""

import hashlib
import json
from typing import Any

import pytest

from tasks.config.words import DATASET_TASKS, DatasetTask
from tasks.data.records import INPUT
from tasks.evaluation.draws import Draws
from tasks.evaluation.perturb import KEPT_SHARE, PERTURBATIONS, SPARED, perturbed_rows, slipped
from tasks.evaluation.quantities import in_other_units, tokens_in_other_units
from tasks.evaluation.rewording import FRAMES, INDIRECT, WORDS
from tasks.home import CHECKOUT
from tests.rows import rows

NOISY = "Does severe hypertension without treatment damage kidneys after 10 years of [NAME_1] taking ACE inhibitors?"


def asked(prompt: str, choices: list[str] | None = None) -> dict[str, Any]:
    return {"prompt": prompt, "answer": (choices or ["yes"])[0], "choices": choices}


def changed(name: str, prompt: str, choices: list[str] | None = None) -> str | None:
    found = PERTURBATIONS[name].of("causal-lm", asked(prompt, choices))
    return found["prompt"] if found else None


def tagged(name: str, tokens: list[str], tags: list[str] | None = None) -> list[str] | None:
    row = {"tokens": tokens, "tags": tags or ["O"] * len(tokens)}
    found = PERTURBATIONS[name].of("token-classification", row)
    return found["tokens"] if found else None


def test_draws_are_as_the_docs_define_them() -> None:
    key = hashlib.sha256(b"typing-noise\x1f0\x1ftext").digest()
    words = [int.from_bytes(hashlib.sha256(key + n.to_bytes(8, "big")).digest()[:8], "big") for n in range(3)]
    draws = Draws("typing-noise", "0", "text")
    assert [draws.word(), draws.below(10), draws.below(1 << 63)] == [words[0], words[1] % 10, words[2] % (1 << 63)]
    assert Draws("a").word() == 8048982171003914064, "the same on every machine"
    assert Draws("a").shuffled(range(6)) == [0, 5, 3, 2, 1, 4]


def test_words_beyond_the_last_multiple_are_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    words = iter([2**64 - 1, 2**64 - 2, 7])
    monkeypatch.setattr(Draws, "word", lambda _: next(words))
    assert Draws("a").below((1 << 63) + 1) == 7, "each number is as likely"


@pytest.mark.parametrize("task", DATASET_TASKS)
@pytest.mark.parametrize("name", PERTURBATIONS)
def test_the_right_answer_and_everything_else_stay(name: str, task: DatasetTask) -> None:
    kind, given = PERTURBATIONS[name], rows(task, 40)
    if task not in kind.tasks:
        return
    found = perturbed_rows(name, task, given)
    assert found == perturbed_rows(name, task, given), "a pure function"
    by_id = {row["record_id"]: row for row in given}
    for row in found:
        before = by_id[row["record_id"]]
        assert row[INPUT[task]] != before[INPUT[task]]
        assert {name: row[name] for name in row if name not in (INPUT[task], "choices")} == {
            name: before[name] for name in before if name not in (INPUT[task], "choices")
        }
        if task == "token-classification":
            assert len(row["tokens"]) == len(before["tokens"]) and all(row["tokens"])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lower-case", "Is [NAME_1] on ACE inhibitors?", "is [NAME_1] on ace inhibitors?"),
        ("upper-case", "Is [NAME_1] on aspirin?", "IS [NAME_1] ON ASPIRIN?"),
        ("full-width", "pH 7.2 [DATE_3]", "ｐＨ ７．２ [DATE_3]"),
        ("upper-case", "喘息？", None),
        ("typing-noise", "ACE is not low", None),  # nothing long enough, or an abbreviation
        ("typing-noise", "never without", None),
    ],
)
def test_what_is_done(name: str, text: str, expected: str | None) -> None:
    assert changed(name, text) == expected


def test_typing_noise_leaves_alone_what_would_mean_something_else() -> None:
    found = changed("typing-noise", NOISY)
    assert found is not None
    before, after = NOISY.split(), found.split()
    assert len(before) == len(after)
    slips = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert len(slips) == 1, "one word of ten"
    for one, other in slips:
        assert one.strip("?").lower() not in SPARED and one[0] == other[0] and one[-1] == other[-1]
    texts = {f"{NOISY} {number}": changed("typing-noise", f"{NOISY} {number}") for number in range(200)}
    for text, noisy in texts.items():
        assert noisy and all(word in noisy for word in ("without", "10", "[NAME_1]", "ACE"))
        assert noisy.rpartition(" ")[2] == text.rpartition(" ")[2]
    slips_made = {slipped("kidneys", Draws(str(n))) for n in range(300)}
    assert {len(one) for one in slips_made} == {6, 7, 8}, "one lost, two swapped, one doubled"
    assert all(one[0] == "k" and one[-1] == "s" for one in slips_made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("take 5 mg daily", "take 5000 µg daily"),
        ("take 500mg daily", "take 0.5g daily"),
        ("0.25 mg", "250 µg"),
        ("50 mcg, then", "0.05 mg, then"),
        ("a dose of 5 mg/kg", "a dose of 5000 µg/kg"),
        ("120 mg/dL for 3 days", "0.12 g/dL for 72 hours"),
        ("5 mg or 10 mg", "5000 µg or 10000 µg"),
        ("10 cm x 5 cm. In 12 of 20 patients, 5 mg.", "100 mm x 50 mm. In 12 of 20 patients, 5 mg."),
        ("vitamin B12, 50 mg/m2", "vitamin B12, 0.05 g/m2"),
        ("< 250 mL", "< 0.25 L"),
        ("5 mg, 2 weeks", "5000 µg, 14 days"),
        ("38.5 °C since 2 weeks", "101.3 °F since 14 days"),
        ("体温38℃，每日5毫克，2周", "体温100.4℉，每日5000微克，14天"),
    ],
)
def test_the_same_quantity_in_another_unit(text: str, expected: str) -> None:
    assert in_other_units(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "5-10 mg",
        "5 to 10 mg",
        "5, 10 and 20 mg",
        "5、10毫克",
        "Five to 15 days, five or 3 days",
        "96.7 vs. 2 mg/dl",  # two arms of a trial
        "50 +/- 14 mL",
        "500 mL (SD 117.39)",
        "4 days (range, 1-3)",
        "90 mm Hg",
        "87 hours",  # nobody writes 5220 minutes
        "70 kg",
        "1,000 mg",
        "5 mg/10 mL",
        "it rose by 2 °C",  # a difference: 3.6 °F, not 35.6
        "-5 °C",
        "5 cm²",
        "0 mg",
        "5 MG",  # myasthenia gravis
        "type 2 diabetes, stage 3, vitamin B12",
        "5 grams",
    ],
)
def test_numbers_that_hang_together_and_what_is_no_quantity_stay(text: str) -> None:
    assert in_other_units(text) == text


def test_quantities_in_tokens_keep_their_number_of_tokens() -> None:
    given = ["take", "5", ",", "10", "mg", "then", "0.5", "g", "or", "5mg"]
    assert tokens_in_other_units(given) == given, "lists"
    given = ["take", "5", "mg", "daily", "and", "drink", "250mL", "at", "38", "°C"]
    assert tokens_in_other_units(given) == ["take", "5000", "µg", "daily", "and", "drink", "0.25L", "at", "100.4", "°F"]
    assert tokens_in_other_units(["5", "-", "10", "mg"]) == ["5", "-", "10", "mg"]
    assert tagged("other-units", ["of", "5", "mg"], ["O", "B-Dose", "I-Dose"]) == ["of", "5000", "µg"]


def test_paraphrases_frame_questions_and_exchange_words_that_are_not_medical() -> None:
    said = changed("paraphrase", "What are the symptoms of asthma?")
    assert said in [one.replace("{X}", "the symptoms of asthma").replace("{is}", "are") for one in INDIRECT]
    assert changed("paraphrase", "Please describe what usually helps.") == "Please describe what generally helps."
    framed = changed("paraphrase", "Does asthma often cause wheezing?") or ""
    assert framed.lower().endswith("does asthma frequently cause wheezing?") and len(framed) > 40
    assert (changed("paraphrase", "哮喘有什么症状？") or "").endswith("哮喘有什么症状？")
    assert changed("paraphrase", "Describe asthma.") is None, "the table does not reach so far"
    tokens, tags = ["Sometimes", "people", "cough"], ["O", "B-Person", "O"]
    assert tagged("paraphrase", tokens, tags) == ["Occasionally", "people", "cough"], "entities stay"
    assert changed("paraphrase", "Is it so?\nPeople were asked.\nHow?") is not None


def test_no_paraphrase_is_one_that_training_may_have_seen() -> None:
    known = json.loads((CHECKOUT / "data/lexicons/paraphrases.json").read_text("utf-8"))
    learned = {frame for language in ("en", "zh") for frame in known[language]["any"]}
    learned |= {one for language in ("en", "zh") for family in known[language]["families"] for one in family["ask"]}
    assert not learned & {one for frames in FRAMES.values() for one in frames}
    assert not {one.replace("{is}", "is") for one in INDIRECT} & learned
    assert not any(set(WORDS) & {"not", "no", "never", "without"})


def test_options_change_places_and_their_numbers_stay() -> None:
    drugs = ["aspirin", "ibuprofen", "codeine"]
    prompt = "Which one?\nA. aspirin\nB. ibuprofen\nC. codeine"
    found = PERTURBATIONS["shuffled-options"].of("causal-lm", asked(prompt, drugs))
    assert found and found["prompt"] != prompt and sorted(found["choices"]) == sorted(drugs)
    assert found["prompt"] == "Which one?\n" + "\n".join(
        f"{letter}. {one}" for letter, one in zip("ABC", found["choices"], strict=True)
    )
    assert found["answer"] == "aspirin"
    two = changed("shuffled-options", "Is it so, yes or no?", ["yes", "no"])
    assert two == "Is it so, no or yes?", "never the order that was"
    for prompt, choices in (
        ("Is it so?", ["yes", "no"]),  # not listed: nothing to shuffle
        ("Which? A) aspirin B) codeine", ["A", "B"]),  # the letter is the answer
        ("Is yes better, or is it that no is the answer?", ["yes", "no"]),  # a sentence, no list
        ("yes, yes always or no", ["yes", "no"]),
    ):
        assert changed("shuffled-options", prompt, choices) is None


def test_a_truncated_text_loses_its_end_at_a_blank() -> None:
    text = "The patient was seen with a cough and fever. " * 5
    found = PERTURBATIONS["truncated"].of("text-classification", {"text": text, "label": "a"})
    assert (
        found and text.startswith(found["text"]) and found["text"].split() == text.split()[: len(found["text"].split())]
    )
    assert KEPT_SHARE - 0.1 < len(found["text"]) / len(text) <= KEPT_SHARE
    short = {"text": "Short.", "label": "a"}
    assert PERTURBATIONS["truncated"].of("text-classification", short) is None
    chinese = PERTURBATIONS["truncated"].of("text-classification", {"text": "咳嗽发热" * 30, "label": "a"})
    assert chinese and len(chinese["text"]) == 96
    for task in ("causal-lm", "token-classification"):
        assert task not in PERTURBATIONS["truncated"].tasks


def test_the_seed_and_the_text_decide() -> None:
    made = {PERTURBATIONS["typing-noise"].of("causal-lm", asked(NOISY), seed)["prompt"] for seed in range(20)}  # type: ignore[index]
    assert len(made) > 5
    other = asked(NOISY) | {"record_id": "another", "answer": "no"}
    one, two = (PERTURBATIONS["typing-noise"].of("causal-lm", row) for row in (asked(NOISY), other))
    assert one and two and one["prompt"] == two["prompt"]
