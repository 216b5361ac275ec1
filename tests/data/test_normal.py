"""What looks the same to people is the same: ids, labels, tags; what cannot be read is refused by name."""

from __future__ import annotations

import pytest

from tasks.data.normal import forms_of_id, look_alike, normal_id, normal_label
from tasks.data.schemes import SeenTags, scheme_of
from tasks.errors import InputError
from tests.data.conftest import Ingest

CLASSES = {"task": "text-classification"}
TAGS = {"task": "token-classification"}


@pytest.mark.parametrize("text", ["1", "1.0", " 1", "\uff11", "1\u00a0", "\u200b1", "1.00", "\ufeff1"])
def test_one_number_is_one_id(text: str) -> None:
    assert normal_id(text) == "1"


@pytest.mark.parametrize("text", ["", " ", "nan", "NaN", "N/A", "-", "unknown", "NULL", "None", "<NA>", "\u200b", "?"])
def test_what_says_that_there_is_no_id_is_none(text: str) -> None:
    assert normal_id(text) is None


def test_what_must_stay_apart_does() -> None:
    assert [normal_id(text) for text in ("007", "7", "1.10", "1.1", "p7", "P7")] == [
        "007",
        "7",
        "1.10",
        "1.1",
        "p7",
        "P7",
    ]
    assert normal_id("1.0", whole=False) == "1.0"
    assert set(forms_of_id(" 7.0")) == {" 7.0", "7.0", "7"}


def test_labels_have_one_form() -> None:
    assert normal_label("Ne\u0301vralgie\u200b\u00a0 x ") == "N\u00e9vralgie x"
    assert normal_label("\u0645\u06cc\u200c\u0634\u0648\u062f") == "\u0645\u06cc\u200c\u0634\u0648\u062f"
    assert look_alike("Heart_Failure") == look_alike("heart failure") != look_alike("heart failures")
    assert look_alike("HER2-") != look_alike("HER2+")
    assert look_alike("1.0") == look_alike("1") != look_alike("1.5")


def visits(*ids: str) -> str:
    return "who,text,label\n" + "".join(f"{own},visit {number},a\n" for number, own in enumerate(ids))


def test_a_patient_written_in_two_ways_is_one_group(ingest: Ingest) -> None:
    done = ingest(visits("1.0", "1", "\uff11", "nan", "N/A", "007"), "csv", columns={"group_id": "who"}, **CLASSES)
    groups = [record["group_id"] for record in done.records]
    assert groups[:3] == ["1", "1", "1"]
    assert groups[5] == "007"
    assert len(set(groups)) == 4  # a missing id is no group that all without one share
    assert sum(done.facts["noticed"].values()) == 3


def test_a_column_with_fractions_is_none_of_whole_numbers(ingest: Ingest) -> None:
    done = ingest(visits("1.0", "1", "1.5"), "csv", columns={"group_id": "who"}, **CLASSES)
    assert [record["group_id"] for record in done.records] == ["1.0", "1", "1.5"]


def labelled(*labels: str) -> list[dict[str, str]]:
    return [{"text": f"note {number}", "label": label} for number, label in enumerate(labels)]


def test_labels_that_look_the_same_are_one(ingest: Ingest) -> None:
    done = ingest(labelled("caf\u00e9", "cafe\u0301", "caf\u00e9\u200b", " caf\u00e9\u00a0"), **CLASSES)
    assert {record["label"] for record in done.records} == {"caf\u00e9"}


def test_labels_that_differ_in_case_are_refused_unless_the_dataset_says_what_they_are(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = labelled("flu", "Flu", "flu", "gout")
    with pytest.raises(InputError, match=r"a value in 1 group\(s\)\) \(1\) and \(a value") as refused:
        ingest(rows, **CLASSES)
    assert "lu" not in str(refused.value.value).replace("value", "")
    monkeypatch.setattr("tasks.data.named.ENOUGH", 1)
    with pytest.raises(InputError, match=r"labels: \{'Flu': 'flu'\}") as refused:
        ingest(rows, **CLASSES)
    assert "'Flu' (1) and 'flu' (2)" in str(refused.value)
    mapped = ingest(rows, labels={"Flu": "flu"}, **CLASSES)
    assert [record["label"] for record in mapped.records] == ["flu", "flu", "flu", "gout"]
    assert (
        len({record["label"] for record in ingest(rows, labels={"Flu": "Flu", "flu": "flu"}, **CLASSES).records}) == 3
    )


def test_what_programs_write_for_a_missing_label_is_none_and_what_may_be_a_class_is_counted(ingest: Ingest) -> None:
    rows = labelled("NaN", "NULL", "#N/A", "None", "N/A", "flu", "flu")
    done = ingest(rows, bad_row_budget=0.5, **CLASSES)
    assert [record["label"] for record in done.records] == ["None", "N/A", "flu", "flu"]
    assert [row["reason"] for row in done.rejected] == ["blank-target"] * 3
    (doubt,) = (count for what, count in done.facts["noticed"].items() if "None or N/A" in what)
    assert doubt == 2
    meant = ingest(rows, labels={"NULL": "none", "NaN": "NaN", "#N/A": "none", "None": "none", "N/A": "N/A"}, **CLASSES)
    assert [record["label"] for record in meant.records] == ["NaN", "none", "none", "none", "N/A", "flu", "flu"]
    assert not any("None or N/A" in what for what in meant.facts["noticed"])


def test_categories_written_in_two_ways_are_counted(ingest: Ingest) -> None:
    rows = [{**row, "ward": ward} for row, ward in zip(labelled("a", "b", "a"), ("ICU", "icu", "ICU"), strict=True)]
    done = ingest(rows, columns={"category": "ward"}, **CLASSES)
    assert [record["category"] for record in done.records] == ["ICU", "icu", "ICU"]
    assert [count for what, count in done.facts["noticed"].items() if "category differs" in what] == [1]


def read(*sequences: str, groups: int = 1) -> tuple[str, list[list[str] | None]]:
    seen = SeenTags()
    for group in map(str, range(groups)):
        for one in sequences:
            seen.add(one.split(), group)
    scheme = scheme_of(seen)
    return scheme.name, [scheme.bio(one.split()) for one in sequences]


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("BIO", "B-x I-x O B-y B-x"),
        ("BIO", "B_x I_x O B_y B_x"),
        ("BIO", "B:x I:x O B:y B:x"),
        ("BIO", "B.x I.x O B.y B.x"),
        ("BIO", "B/x I/x O B/y B/x"),
        ("BIO", "x-B x-I O y-B x-B"),
        ("BIO", "b-x i-x o b-y b-x"),
        ("BIOES", "B-x E-x O S-y S-x"),
        ("BILOU", "B-x L-x O U-y U-x"),
        ("BMES", "B-x E-x O S-y S-x B-y M-y E-y"),
        ("BMES", "B_x E_x O W_y W_x"),
        ("IOE", "I-x E-x O E-y E-x"),
    ],
)
def test_schemes_are_read_alike(name: str, sequence: str) -> None:
    found, (bio,) = read(sequence)
    assert found.split(",")[0] == name
    assert bio is not None
    assert bio[:5] == ["B-x", "I-x", "O", "B-y", "B-x"]


def test_words_in_tags_are_no_types() -> None:
    for line in ("is/O cold/I-D", "Is/O B-D", "is/O"):  # "Flu/B-D is/O", read as a word and its tag
        with pytest.raises(InputError, match="holds its word"):
            read(line)
    assert read("B-a/O I-a/O O")[1] == [["B-a/O", "I-a/O", "O"]]


def test_iob1_is_understood() -> None:
    assert read("I-x I-x O I-y", "I-x B-x O O") == ("IOB1", [["B-x", "I-x", "O", "B-y"], ["B-x", "B-x", "O", "O"]])


def test_types_with_a_letter_and_a_hyphen_keep_their_names() -> None:
    assert read("E-cig O S-adenosyl M-protein Drug")[1] == [["I-E-cig", "O", "I-S-adenosyl", "I-M-protein", "I-Drug"]]
    assert read("B-E-cig I-E-cig O")[1] == [["B-E-cig", "I-E-cig", "O"]]
    assert read("Disease Disease O")[1] == [["Disease", "Disease", "O"]]


@pytest.mark.parametrize(
    ("sequence", "named"),
    [
        ("B-x I-x O Drug", "'Drug'"),
        ("B_cell O", "'B_cell'"),
        ("S-x O", "'S-x'"),
        ("0 1 2", "numbers"),
        ("(x* *) *", "brackets"),
        ("B-x|B-y O", "several tags"),
    ],
)
def test_what_is_no_known_scheme_is_refused_by_name(sequence: str, named: str) -> None:
    with pytest.raises(InputError) as refused:
        read(sequence, groups=10)
    assert named in str(refused.value)
    with pytest.raises(InputError) as refused:
        read(sequence, groups=9)
    assert "'" not in str(refused.value.value)


def test_numbers_become_tags_by_the_map(ingest: Ingest) -> None:
    rows = [{"tokens": ["a", "gout", "attack"], "tags": [0, 1, 2]}]
    done = ingest(rows, labels={"0": "O", "1": "B-Disease", "2": "I-Disease"}, **TAGS)
    assert done.records[0]["tags"] == ["O", "B-Disease", "I-Disease"]


def test_conll_signs_blanks_and_comments(ingest: Ingest) -> None:
    text = "# text = Bed 3\nBed O\n# O\n3 O\n\u00a0 O\nhay B-D\n\u3000 I-D\nfever I-D\n\n# O\n4 O\n"
    done = ingest(text, "conll", **TAGS)
    assert [record["tokens"] for record in done.records] == [["Bed", "#", "3", "hay", "fever"], ["#", "4"]]
    assert done.records[0]["tags"] == ["O", "O", "O", "B-D", "I-D"]
    assert done.facts["noticed"] == {"blank tokens": 2, "comment lines": 1}
    assert done.facts["tags"] == "BIO"


@pytest.mark.parametrize("mark", ["###MEDLINE:{}", "# newdoc id = {}", "-DOCSTART- ({})", "-DOCSTART- -X- O O"])
def test_documents_of_conll_are_groups(ingest: Ingest, mark: str) -> None:
    text = "".join(
        f"{mark.format(f'd{document}')}\n\nfirst O\n{document} O\n\nsecond O\n{document} O\n\n" for document in range(3)
    )
    groups = [record["group_id"] for record in ingest(text, "conll", **TAGS).records]
    assert len(set(groups)) == 3
    assert groups[0] == groups[1]


def test_blocks_between_two_blank_lines_are_documents_unless_it_is_a_slip(ingest: Ingest) -> None:
    text = "\n".join(f"first O\n{block} O\n\nsecond O\n{block} O\n\n" for block in range(12))
    done = ingest(text, "conll", **TAGS)
    assert len({record["group_id"] for record in done.records}) == 12
    slip = ingest(text.replace("\n\n\n", "\n\n", 10), "conll", **TAGS)
    assert len({record["group_id"] for record in slip.records}) == 24


def test_copies_are_outside_the_budget_and_name_what_stays(ingest: Ingest) -> None:
    import pyarrow.parquet as pq

    rows = [{"id": str(number), "who": f"p{number}", "text": "cough", "label": "a"} for number in range(3)]
    columns = {"record_id": "id", "group_id": "who"}
    done = ingest(rows, columns=columns, **CLASSES | {"bad_row_budget": 0.0})
    assert done.reasons == ["duplicate", "duplicate"]
    assert pq.read_table(done.folder / "copies.parquet").to_pylist() == [
        {"record_id": str(number), "group_id": f"p{number}", "kept": "0"} for number in (1, 2)
    ]
