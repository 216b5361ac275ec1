"""Which language a record is in, and what becomes of identified ones that there are no rules for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.config.data import Dataset
from tasks.data import deidentify, ingest
from tasks.data.language import spoken
from tasks.data.stage import execute, refused_file
from tasks.errors import InputError
from tasks.store import Store

ENGLISH = "The patient was admitted with chest pain and had a cough for three days."
FOREIGN = {
    "ja": "患者さんは昨日から発熱しています。",
    "ko": "환자는 어제부터 열이 나고 기침을 합니다.",
    "ru": "Пациент Иван Петров поступил вчера с болью в груди.",
    "ar": "المريض أحمد يعاني من الحمى منذ ثلاثة أيام.",
    "th": "ผู้ป่วยมีไข้และไอมาสามวัน",
    "hi": "रोगी को तीन दिनों से बुखार है।",
    "el": "Ο ασθενής έχει πυρετό εδώ και τρεις ημέρες.",
    "he": "החולה סובל מחום כבר שלושה ימים",
    "fr": "Le patient se plaint de douleurs thoraciques depuis trois jours.",
    "de": "Der Patient klagt über Schmerzen in der Brust und Fieber.",
    "es": "El paciente refiere dolor en el pecho desde hace tres días.",
    "pl": "Pacjent skarży się na ból w klatce piersiowej.",
    "vi": "Bệnh nhân bị sốt và ho trong ba ngày.",
}


@pytest.mark.parametrize("language", FOREIGN)
def test_the_text_says_its_language_whatever_is_declared(language: str) -> None:
    found = spoken([FOREIGN[language]], "en")
    assert (found.language, found.without_rules) == (language, language)


@pytest.mark.parametrize(
    ("text", "declared", "language", "without"),
    [
        (ENGLISH, "en", "en", None),
        (ENGLISH.upper(), "en", "en", None),
        (ENGLISH, "zh", "en", None),
        ("患者因腹痛入院，体温38.5度，给予 aspirin 100 mg。", "en", "zh", None),
        ("患者因腹痛入院，既往史無特殊，檢查結果正常。", "en", "zh", None),
        ("这家の火锅店的食物让患者腹泻三天。", "zh", "zh", None),  # a brand's letter
        ("胃癌術後、CT検査施行。", "zh", "ja", "ja"),  # a note without kana
        ("TNF-α and β2 agonists were given.", "en", "en", None),
        ("The patient Иван Петров came in with a cough.", "en", "en", None),  # a name, which is taken out
        ("5 mg", "en", "en", None),
        ("Aspirin 81 mg", "fr", "fr", "fr"),  # too short to contradict
        ("Pasienten klager over smerter i brystet og feber i tre dager.", "da", "da", "da"),  # of one script: declared
        ("Is spina bifida inherited ?", "en", "en", None),
        ("Analbuminemia.", "en", "en", None),
        ("Dr. Sørensen saw Mrs. Müller-Lüdenscheidt at the Universitätsklinikum.", "en", "en", None),
    ],
)
def test_what_a_text_does_not_say_is_declared(text: str, declared: str, language: str, without: str | None) -> None:
    found = spoken([text], declared)
    assert (found.language, found.without_rules) == (language, without)


def test_every_field_counts_and_a_long_text_is_read_in_pieces() -> None:
    assert spoken([ENGLISH, FOREIGN["de"]], "en")[:2] == ("en", "de")
    assert spoken([" ".join([ENGLISH] * 8 + [FOREIGN["es"]] * 8)], "en").without_rules == "es"
    assert spoken(["no", FOREIGN["ja"]], "en")[:2] == ("en", "ja")


def build(store: Store, folder: Path, rows: list[dict[str, Any]], **settings: Any) -> tuple[dict[str, Any], Path]:
    """Ingest and de-identify; what the stage found, and its folder."""
    source = folder / "source.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    entry = {"task": "text-classification", "source": str(source), "format": "jsonl", "licence": "CC0-1.0", **settings}
    dataset, built = Dataset.model_validate(entry), folder / "built"
    execute(store, "ingest", "test", dataset, ingest.run, built)
    made = execute(store, "deidentify", "test", dataset, deidentify.run, built)
    return json.loads((made / "manifest.json").read_text())["deidentify"], made


def notes(languages: str) -> list[dict[str, Any]]:
    texts = {"en": ENGLISH, **FOREIGN}
    return [{"text": f"{texts[language]} ({at})", "label": "a"} for at, language in enumerate(languages.split())]


def test_identified_records_without_rules_are_refused(store: Store, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    with pytest.raises(InputError, match="3 of 5 records are identified") as error:
        build(store, tmp_path, notes("en ja en ja ru"))
    assert "ja (2), ru (1)" in str(error.value)
    assert "other_languages: leave-out" in str(error.value)
    assert "identified: false" in str(error.value)
    assert "line 2, line 4, line 5" in str(error.value)
    assert "Иван" not in str(error.value)
    first = pq.read_table(refused_file(store, "test", "deidentify")).to_pylist()[0]
    assert (first["reason"], first["place"], first["raw"]) == ("other-language", "line 2", "language: ja")


def test_a_language_column_is_not_believed(store: Store, tmp_path: Path) -> None:
    rows = [{**row, "lang": "en"} for row in notes("en ko")]
    with pytest.raises(InputError, match=r"ko \(1\)"):
        build(store, tmp_path, rows, columns={"language": "lang"})


def test_records_without_rules_are_left_out_where_the_dataset_says_so(store: Store, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    found, made = build(store, tmp_path, notes("en ja en ja ru"), other_languages="leave-out")
    assert found["rejected"] == {"other-language": 3}
    rows = pq.read_table(made / "records.parquet").to_pylist()
    assert [(row["place"], row["language"]) for row in rows] == [("line 1", "en"), ("line 3", "en")]
    assert not any("Петров" in str(row) for row in pq.read_table(made / "rejected.parquet").to_pylist())
    with pytest.raises(InputError, match="2 of 2 records"):
        build(store, tmp_path, notes("ja ko"), other_languages="leave-out")


def test_data_about_no_one_stays_and_each_record_has_its_language(store: Store, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = notes(" ".join(["en"] * 30 + ["de"] * 25 + ["ja", "fr"]))
    found, made = build(store, tmp_path, rows, identified=False)
    # One text of another language by the detector alone is no slice: its error is as likely.
    assert found["languages"] == {"en": 31, "de": 25, "ja": 1}
    assert pq.read_table(made / "records.parquet")["language"].to_pylist().count("de") == 25
