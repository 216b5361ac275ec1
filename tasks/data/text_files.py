"""Text files in whatever encoding they are, found out by strict decoding and never guessed from a few bytes."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from tasks.data.file_kinds import GZIP, refuse_other_kinds
from tasks.data.format import only_file
from tasks.data.scripts import chinese_share, likely
from tasks.digest import CHUNK
from tasks.errors import InputError

LONGEST_LINE = 1 << 24
"""Characters. A longer line is no record: it is skipped, and counts as unreadable."""
MOST_UNFOLDED = 200
"""Times that a gzip file may unfold, from `SMALL` bytes on. Text unfolds three to twenty times; zeros a thousand."""
SMALL = 1 << 26
BOM = "\ufeff"
_BROKEN_SHARE = 0.001
_CHINESE_SHARE = 0.35
_BOMS = (  # UTF-32 first: its mark begins as that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8 with BOM"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32 with BOM"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16 with BOM"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16 with BOM"),
)
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True)
class Encoding:
    """How to read a file."""

    codec: str
    name: str
    """For people."""
    errors: str = "strict"
    packed: bool = False
    """Whether it is compressed by gzip."""

    def open(self, path: Path, newline: str | None = None) -> TextIO:
        """The file as text."""
        return io.TextIOWrapper(_bytes(path, self.packed), self.codec, self.errors, newline)


def find_encoding(path: Path, given: str | None = None) -> Encoding:
    """The encoding that is given; else UTF-8, UTF-16 or UTF-32 with a byte order mark, or GB18030 (GBK and GB2312 are
    parts of it) where what it gives is Chinese. By decoding the whole file; one that gzip made is unpacked on the way.

    UTF-8 with less than one broken character in a thousand stays UTF-8: the rows that hold them are turned away.

    Raises:
        InputError: none of them reads it, several may, or it is no text; which, and what to do.
    """
    with only_file(path).open("rb") as raw:
        packed = raw.read(2) == GZIP
    try:
        with _bytes(path, packed) as file:
            head = file.read(CHUNK)
        if packed and not head:
            raise InputError("the file is empty", value=path)
        refuse_other_kinds(path, head)
        codec, name, errors = _found(path, packed, head, given)
    except _DAMAGED as error:
        what = "this gzip file is damaged, or something follows it that gzip did not write"
        raise InputError(what, value=path, hint="copy or download it again") from error
    return Encoding(codec, f"{name}, gzip" if packed else name, errors, packed)


def _found(path: Path, packed: bool, head: bytes, given: str | None) -> tuple[str, str, str]:
    """Codec, name for people, what to do about broken characters."""
    if given is not None:
        if not given.startswith("utf") and (sure := _certain(path, packed, head)):
            what = f"this file is {sure}, and `encoding` says {given}"
            raise InputError(what, value=path, hint="leave `encoding` out: nothing else looks like this by chance")
        if not _decodes(path, packed, given):
            raise _unreadable(path, head, f"it is not {given}, which `encoding` says")
        return given, f"{given}, as given", "strict"
    for bom, codec, name in _BOMS:
        if head.startswith(bom):
            if _decodes(path, packed, codec):
                return codec, name, "strict"
            raise _unreadable(path, head, f"it starts as {name} and is not")
    if b"\0" in head:
        raise _unreadable(path, head, "it holds NUL bytes: binary, or UTF-16 without a byte order mark")
    if b"\x1b$" in head:
        raise _unreadable(path, head, "it holds escape sequences: ISO-2022, as older Japanese and Korean e-mail")
    if _decodes(path, packed, "utf-8"):
        return "utf-8", "utf-8", "strict"
    if _is_chinese(path, packed):
        return "gb18030", "gb18030", "strict"
    broken, characters = _broken(path, packed)
    if broken <= _BROKEN_SHARE * characters:
        return "utf-8", "utf-8 with broken characters", "replace"
    raise _unreadable(path, head, "it is not UTF-8, has no byte order mark, and is not Chinese in GB18030")


def _certain(path: Path, packed: bool, head: bytes) -> str | None:
    """What a file is that has a byte order mark, or is UTF-8 and not ASCII."""
    for bom, _, name in _BOMS:
        if head.startswith(bom):
            return name
    return "utf-8" if not _decodes(path, packed, "ascii") and _decodes(path, packed, "utf-8") else None


def lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Line numbers from 1, and lines without their end or a byte order mark (files that were put behind each other have
    one within); None for one longer than `LONGEST_LINE`.
    """
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            while (more := file.readline(LONGEST_LINE)) and not more.endswith("\n"):
                pass
            yield number, None
        else:
            yield number, line.lstrip(BOM).rstrip("\r\n")


def short_lines(file: TextIO) -> Iterator[str]:
    """Lines with their ends; one that is longer than `LONGEST_LINE` comes in pieces."""
    return iter(lambda: file.readline(LONGEST_LINE), "")


def _bytes(path: Path, packed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if packed else path.open("rb")


def _pieces(path: Path, packed: bool) -> Iterator[bytes]:
    """A file's bytes, unpacked.

    Raises:
        InputError: a gzip file unfolds to far more than text does: it is no data, and would fill the machine.
    """
    most, read = max(SMALL, MOST_UNFOLDED * path.stat().st_size), 0
    with _bytes(path, packed) as file:
        while piece := file.read(CHUNK):
            read += len(piece)
            if packed and read > most:
                hint = "no text packs like this; unpack it yourself if it is meant"
                raise InputError(
                    f"this gzip file unfolds to more than {MOST_UNFOLDED} times its size", value=path, hint=hint
                )
            yield piece


def _decodes(path: Path, packed: bool, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for piece in _pieces(path, packed):
            decoder.decode(piece)
        decoder.decode(b"", True)
    except UnicodeError:
        return False
    return True


def _broken(path: Path, packed: bool) -> tuple[int, int]:
    """Broken and all characters when read as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    broken = characters = 0
    for piece in _pieces(path, packed):
        text = decoder.decode(piece)
        broken += text.count("\ufffd")
        characters += len(text)
    return broken, characters


def _is_chinese(path: Path, packed: bool) -> bool:
    """Whether all of it decodes as GB18030, and what is not ASCII is then everyday Chinese.

    Almost everything decodes: EUC-KR, EUC-JP and accented Latin letters too, as characters that nobody writes.
    """
    decoder = codecs.getincrementaldecoder("gb18030")()
    found: Counter[str] = Counter()
    try:
        for piece in _pieces(path, packed):
            found.update(decoder.decode(piece))
        found.update(decoder.decode(b"", True))
    except UnicodeDecodeError:
        return False
    return chinese_share(found) >= _CHINESE_SHARE


def _unreadable(path: Path, head: bytes, why: str) -> InputError:
    fitting = likely(head)
    hint = "save it as UTF-8, or say what it is: `encoding: ...` in its entry (`--set encoding=...`)"
    if fitting:
        hint = f"{hint}; it may be {' or '.join(fitting)}"
    return InputError(f"no readable encoding: {why}", value=path, hint=hint)
