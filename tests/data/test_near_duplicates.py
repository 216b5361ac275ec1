from __future__ import annotations

import random

import pytest

from tasks.data.compared_text import Text, exact_key, tokens
from tasks.data.near_duplicates import HeldOut
from tasks.data.subjects import another_subject

LONG = "Rest and plenty of fluids help most people to recover within a week or two, but see a doctor if it lasts longer"


def copies(train: list[tuple[str, str]], held: list[tuple[str, str]], threshold: float = 0.8) -> list[bool]:
    texts = [Text(*one) for one in train]
    found: list[bool] = HeldOut([[Text(*one) for one in held]], threshold).copies(texts).tolist()
    return found


def jaccard(one: Text, other: Text) -> float:
    """The definition, without any filter."""
    left, right = (
        {tuple(words[i : i + 5]) for i in range(max(len(words) - 4, 1))}
        for words in ([word for part in text for word in (tokens(part) if part else [])] for text in (one, other))
    )
    return len(left & right) / len(left | right)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.5, 0.8, 0.9, 1.0])
def test_finds_exactly_the_pairs_that_the_definition_names(threshold: float) -> None:
    rng = random.Random(round(100 * threshold))
    found = 0
    for _ in range(8):
        words = "abcdefghij"[: rng.randint(2, 10)]

        def text(words: str = words) -> Text:
            return Text(" ".join(rng.choices(words, k=rng.randint(1, 14))))

        held = [text() for _ in range(50)]
        train = [text() for _ in range(50)]
        for prompt, _ in rng.sample(held, 20):
            slipped = prompt.split()
            slipped[rng.randrange(len(slipped))] = "z"
            train.append(Text(" ".join(slipped)))
        expected = [
            any(
                exact_key(one) == exact_key(other) or (threshold < 1 and jaccard(one, other) >= max(threshold, 1e-9))
                for other in held
            )
            for one in train
        ]
        assert HeldOut([held[:20], held[20:]], threshold).copies(train).tolist() == expected
        found += sum(expected)
    assert found


def test_case_width_punctuation_and_space_do_not_make_another_record() -> None:
    assert copies([("what is  ASTHMA", "An illness")], [("What is asthma?", "An illness.")], threshold=1) == [True]
    assert copies([("哮喘是什么", "一种疾病。")], [("哮喘是什么？", "一种疾病")], threshold=1) == [True]
    assert copies([("HER2- tumour", "")], [("HER2+ tumour", "")], threshold=1) == [False]
    assert copies([("grade 2", "")], [("grade 3", "")]) == [False]


def test_a_changed_word_in_a_long_text_is_found_also_in_chinese() -> None:
    assert copies([(LONG.replace("plenty", "lots"), "")], [(LONG, "")], threshold=0.6) == [True]
    assert copies([(LONG.replace("plenty", "lots"), "")], [(LONG, "")], threshold=0.9) == [False]
    chinese = "高血压患者应当低盐饮食，适量运动，按时服药，并且定期到医院测量血压，保持心情舒畅"
    assert copies([(chinese.replace("定期", "每月"), "")], [(chinese, "")], threshold=0.6) == [True]
    assert copies([("糖尿病患者要注意监测血糖，控制主食", "")], [(chinese, "")], threshold=0.6) == [False]


def test_one_template_about_two_diseases_is_no_copy() -> None:
    def from_template(name: str) -> Text:
        return Text(f"What are the symptoms of {name}?", f"{LONG}. The symptoms of {name} are listed above. {LONG}.")

    assert jaccard(from_template("asthma"), from_template("eczema")) >= 0.5
    assert copies([from_template("eczema")], [from_template("asthma")], threshold=0.5) == [False]
    close = (from_template("asthma")[0], from_template("asthma")[1] + " Good luck.")
    assert copies([close], [from_template("asthma")], threshold=0.5) == [True]


def test_one_answer_for_many_diseases_is_no_copy_but_for_one_question_it_is() -> None:
    answer = "It needs two altered copies of the gene, one from either parent, who show no signs of it. " + LONG
    held = [("Is Barth syndrome inherited?", answer)]
    assert copies([("Is Cohen syndrome inherited?", answer)], held) == [False]
    assert copies([("Please tell me: is Barth syndrome an inherited disease?", answer)], held, 0.7) == [True]
    assert copies([("Is Barth syndrom inherited?", f"Barth syndrome: {answer}")], held, 0.7) == [True]
    assert copies([("科恩综合征会遗传吗", answer)], [("巴思综合征会遗传吗", answer)], 0.5) == [False]


def test_type_1_is_another_subject_than_type_2() -> None:
    one, two = (
        Text(f"What is type {n} diabetes?", f"Type {n} diabetes is a disease of the metabolism. {LONG}.")
        for n in (1, 2)
    )
    assert another_subject(one, two)
    assert not another_subject(one, one._replace(answer=one.answer.replace("disease", "disorder")))


def test_nothing_held_out_means_nothing_to_copy() -> None:
    assert copies([("a", "b")], []) == [False]
    assert HeldOut([[Text("a", "b")]], 0.8).copies([]).tolist() == []
    assert copies([("?!", "")], [("...", "")]) == [False]


def test_much_of_one_template_is_compared_quickly() -> None:
    """Every record shares most shingles with every other: the rarest ones tell them apart at once."""
    rng = random.Random(0)
    held = [Text(f"{LONG} {rng.random()} {LONG} {rng.random()}") for _ in range(3000)]
    train = [Text(f"{LONG} {rng.random()} {LONG} {rng.random()}") for _ in range(3000)]
    index = HeldOut([held], 0.9)
    assert not index.copies(train).any()
    assert index.copies([Text(held[7].input + " today")]).all()
