"""What a file is that is no text: by its first bytes, whatever its name says."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from tasks.errors import InputError

GZIP = b"\x1f\x8b"
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a Parquet file", "the format is `parquet`"),
    (GZIP, "a gzip file", "unpack it first: `gunzip`"),  # text is unpacked before
    (b"BZh", "a bzip2 file", "unpack it first: `bunzip2`"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it first: `unxz`"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", "unpack it first: `unzstd`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!", "a RAR archive", "unpack it first"),
    (b"ARROW1", "an Arrow file (Feather)", "write it as Parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document", "save the table as CSV in UTF-8"),
    (b"%PDF", "a PDF document", "export its records as CSV or JSON lines"),
    (b"{\\rtf", "an RTF document", "export its records as CSV or JSON lines"),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV in UTF-8"),
    (b"\x89HDF", "an HDF5 file", "write it as Parquet"),
    (b"\x80\x04\x95", "a Python pickle", "write it as Parquet: a pickle can run any code, Galen opens none"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch the file: `git lfs pull`"),
)
_TAR = 257
"""Where "ustar" stands in an archive."""


def refuse_other_kinds(path: Path, head: bytes, but: bytes | None = None) -> None:
    """Refuse a file whose first bytes are of something else than text, or than what starts with `but`.

    Raises:
        InputError: what it is, and what to do.
    """
    if head.startswith(b"PK\x03\x04"):
        what, hint = _zipped(path)
        raise InputError(f"this is {what}", value=path, hint=hint)
    if head[_TAR : _TAR + 5] == b"ustar":
        raise InputError("this is a tar archive", value=path, hint="unpack it first: `tar -xf`")
    for magic, what, hint in _KINDS:
        if head.startswith(magic) and magic != but:
            raise InputError(f"this is {what}", value=path, hint=hint)
    if head[:512].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        hint = "a page that asks for a login, or says that there is nothing? Download the file itself"
        raise InputError("this is a web page", value=path, hint=hint)
    if head[:64].lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<?xml"):
        hint = "export its records as CSV or JSON lines; `medquad` reads MedQuAD's, given their folder"
        raise InputError("this is an XML document", value=path, hint=hint)


def _zipped(path: Path) -> tuple[str, str]:
    try:
        with ZipFile(path) as archive:
            names = archive.namelist()
    except (BadZipFile, OSError):
        names = []
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook", "save its sheet as CSV in UTF-8"
    if any(name.startswith("word/") for name in names):
        return "a Word document", "export its records as CSV or JSON lines"
    if "content.xml" in names:
        return "an OpenDocument file", "save its sheet as CSV in UTF-8"
    return "a ZIP archive", "unpack it first, and name the file or folder that was in it"
