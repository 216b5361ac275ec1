"""Bytes as text: what is sure is read, what may be several things is refused with their names."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from tasks.errors import ConfigError, InputError
from tests.data.conftest import Ingest, pairs

KOREAN = "어제부터 가슴이 아프고 숨이 찹니다. 열은 없습니다. 혈압이 높고 당뇨병이 있습니다."
JAPANESE = "患者は三日前から発熱と咳があり、胸部X線で肺炎と診断された。抗生物質を投与し経過を観察する。"
TRADITIONAL = "患者因發燒及咳嗽三天至急診就醫，胸部X光顯示肺炎，給予抗生素治療，並建議住院觀察。"
CHINESE = "患者三天前开始发热咳嗽，胸部检查提示肺炎。给予抗生素治疗，建议住院观察，注意休息。"
TERMS = "肺炎 高血圧 糖尿病 心不全 気管支喘息 胃潰瘍 脳梗塞 骨折 貧血"
FRENCH = "Le patient présente une fièvre élevée et une gêne à l’hôpital depuis hier."
RUSSIAN = "Пациент жалуется на боль в груди и одышку в течение двух дней."


def table(text: str) -> str:
    return f"prompt,answer\n{text},x\n"


@pytest.mark.parametrize(
    ("text", "codec", "named"),
    [
        (KOREAN, "euc_kr", r"cp949 \(Korean\)"),
        (KOREAN, "cp949", r"cp949 \(Korean\)"),
        (JAPANESE, "euc_jp", r"euc_jp \(Japanese\)"),
        (JAPANESE, "cp932", r"cp932 \(Japanese\)"),
        (TRADITIONAL, "big5", r"big5 \(Chinese, traditional\)"),
        (TERMS, "euc_jp", "encoding: ..."),
        (RUSSIAN, "cp1251", "encoding: ..."),
        (FRENCH, "cp1252", r"cp1252 \(western Europe\)"),
        (RUSSIAN, "koi8_r", "encoding: ..."),
        (JAPANESE, "iso2022_jp", "iso2022_jp"),
        ("What is it and why?", "utf-16-le", "utf-16-le"),
        ("What is it and why?", "utf-16-be", "utf-16-be"),
    ],
)
def test_what_may_be_several_encodings_needs_one_named(ingest: Ingest, text: str, codec: str, named: str) -> None:
    data = table(text).encode(codec)
    with pytest.raises(InputError, match=rf"(?s)no readable encoding.*{named}"):
        ingest(data, "csv")
    done = ingest(data, "csv", encoding=codec)
    assert pairs(done) == [(text, "x")]
    assert "as given" in done.facts["source"]["encoding"]


def test_labels_are_in_the_same_encoding_as_the_texts(ingest: Ingest) -> None:
    data = "text,label\nwork-up of a cough,호흡기\nchest pain at night,심장\n".encode("cp949")
    with pytest.raises(InputError, match="no readable encoding"):
        ingest(data, "csv", task="text-classification")
    done = ingest(data, "csv", task="text-classification", encoding="EUC-KR")
    assert [record["label"] for record in done.records] == ["호흡기", "심장"]


def test_everyday_chinese_is_recognised_behind_much_english(tmp_path: Path) -> None:
    from tasks.data.text_files import find_encoding

    (tmp_path / "source").write_bytes(("What helps?,Rest\n" * 80_000 + CHINESE).encode("gb18030"))
    assert find_encoding(tmp_path / "source").name == "gb18030"


def test_the_encoding_that_is_given_must_fit(ingest: Ingest) -> None:
    from tasks.data.params import checked

    with pytest.raises(InputError, match="it is not euc_jp, which `encoding` says"):
        ingest(table(RUSSIAN).encode("cp1251"), "csv", encoding="euc_jp")
    for data in (table(KOREAN).encode(), table("Why?").encode("utf-8-sig")):
        with pytest.raises(InputError, match=r"this file is utf-8.*, and `encoding` says gb18030"):
            ingest(data, "csv", encoding="gb18030")
        assert len(ingest(data, "csv", encoding="utf-8").records) == 1
    entry = {"task": "causal-lm", "source": "x", "format": "csv", "licence": "x"}
    for wrong in ("hangul", "rot13"):
        with pytest.raises(ConfigError, match="encoding: "):
            checked(entry | {"encoding": wrong}, "params.yaml")
    assert checked(entry | {"encoding": "EUC-KR"}, "params.yaml").encoding == "cp949"
    assert not {"encoding", "escape"} & set(checked(entry, "params.yaml").plain())  # digests of old versions stay


@pytest.mark.parametrize("codec", ["utf-32", "utf-16", "utf-8-sig"])
def test_a_byte_order_mark_says_it_all(ingest: Ingest, codec: str) -> None:
    done = ingest(table(KOREAN).encode(codec), "csv")
    assert pairs(done) == [(KOREAN, "x")]


def test_a_byte_order_mark_in_the_middle_is_no_text(ingest: Ingest) -> None:
    part = b"\xef\xbb\xbf" + table("Why?").encode()
    done = ingest(part + part.replace(b"Why", b"Who"), "csv")
    assert pairs(done) == [("Why?", "x"), ("Who?", "x")]
    assert done.facts["noticed"] == {"header lines repeated": 1}


def test_gzip_is_unpacked(ingest: Ingest) -> None:
    data = gzip.compress(table("Why?").encode()) + gzip.compress(b"Who?,y\n")
    done = ingest(data, "csv")
    assert pairs(done) == [("Why?", "x"), ("Who?", "y")]
    assert done.facts["source"]["encoding"] == "utf-8, gzip"
    with pytest.raises(InputError, match="empty"):
        ingest(gzip.compress(b""), "csv")


@pytest.mark.parametrize("harm", ["cut", "tail"])
def test_a_damaged_gzip_file_is_named(ingest: Ingest, harm: str) -> None:
    data = gzip.compress(table("Why?").encode())
    with pytest.raises(InputError, match=r"this gzip file is damaged.*source"):
        ingest(data[:-9] if harm == "cut" else data + b"something else", "csv")


def _zip(name: str) -> bytes:
    with io.BytesIO() as held:
        with zipfile.ZipFile(held, "w") as archive:
            archive.writestr(name, "x")
        return held.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (_zip("xl/workbook.xml"), "an Excel workbook"),
        (_zip("notes.csv"), "a ZIP archive"),
        (b"BZh91AY&SY\0\0", "a bzip2 file"),
        (b"\xfd7zXZ\0\0\4", "an xz file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel or Word document"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?><a/>", "an XML document"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        (gzip.compress(b"a" * 257 + b"ustar\0"), "a tar archive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",  # an archive's bytes say what time it is
)
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_what_is_no_text_is_refused_by_name(ingest: Ingest, data: bytes, what: str, format: str) -> None:  # noqa: A002
    with pytest.raises(InputError, match=f"this is {what}"):
        ingest(data, format)


def test_a_parquet_file_that_is_damaged_or_two(ingest: Ingest, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 2_000
    held = pa.table({"prompt": [f"Why {n}?" for n in range(rows)], "answer": ["So"] * rows, "ward": ["x"] * rows})
    pq.write_table(held, tmp_path / "good", row_group_size=1_000, use_dictionary=False)
    good = (tmp_path / "good").read_bytes()
    assert ingest(good, "parquet").facts["unused"] == {"ward": rows}
    at = pq.read_metadata(tmp_path / "good").row_group(1).column(0).data_page_offset + 60
    with pytest.raises(InputError, match=r"this Parquet file is damaged behind row [\d,]+: .*source"):
        ingest(good[:at] + bytes(200) + good[at + 200 :], "parquet")
    with pytest.raises(InputError, match="two Parquet files behind each other"):
        ingest(good + good, "parquet")
    with pytest.raises(InputError, match="not a Parquet file"):
        ingest(good[:-50], "parquet")
    with pytest.raises(InputError, match="this is a gzip file"):
        ingest(gzip.compress(good), "parquet")
