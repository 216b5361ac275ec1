"""Text files in whatever encoding they are, found out by strict decoding and never guessed from a few bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from tasks.data.format import only_file
from tasks.digest import CHUNK
from tasks.errors import InputError

LONGEST_LINE = 1 << 24
"""Characters. A longer line is no record: it is skipped, and counts as unreadable."""
_BROKEN_SHARE = 0.001
_CHINESE_SHARE = 0.8
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8 with BOM"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16 with BOM"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16 with BOM"),
)


@dataclass(frozen=True)
class Encoding:
    """How to read a file."""

    codec: str
    name: str
    """For people."""
    errors: str = "strict"

    def open(self, path: Path, newline: str | None = None) -> TextIO:
        """The file as text."""
        return path.open(encoding=self.codec, errors=self.errors, newline=newline)


def find_encoding(path: Path) -> Encoding:
    """UTF-8, UTF-16 (with BOM) or GB18030 (GBK and GB2312 are parts of it), by decoding the whole file.

    UTF-8 with less than one broken character in a thousand stays UTF-8: the rows that hold them are turned away.

    Raises:
        InputError: none of them reads it.
    """
    with only_file(path).open("rb") as file:
        head = file.read(CHUNK)
    for bom, codec, name in _BOMS:
        if head.startswith(bom):
            if _decodes(path, codec):
                return Encoding(codec, name)
            raise _unreadable(path, head, f"it starts as {name} and is not")
    if b"\0" in head:
        raise _unreadable(path, head, "it holds NUL bytes: binary, compressed, or UTF-16 without a byte order mark")
    if _decodes(path, "utf-8"):
        return Encoding("utf-8", "utf-8")
    if _decodes(path, "gb18030") and _looks_chinese(head):
        return Encoding("gb18030", "gb18030")
    broken, characters = _broken(path)
    if broken <= _BROKEN_SHARE * characters:
        return Encoding("utf-8", "utf-8 with broken characters", errors="replace")
    raise _unreadable(path, head, "neither UTF-8, UTF-16 with BOM nor GB18030 reads it")


def lines(file: TextIO) -> Iterator[tuple[int, str | None]]:
    """Line numbers from 1, and lines without their end; None for one longer than `LONGEST_LINE`."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            while (more := file.readline(LONGEST_LINE)) and not more.endswith("\n"):
                pass
            yield number, None
        else:
            yield number, line.rstrip("\r\n")


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


def _decodes(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        for piece in _pieces(path):
            decoder.decode(piece)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _broken(path: Path) -> tuple[int, int]:
    """Broken and all characters when read as UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    broken = characters = 0
    for piece in _pieces(path):
        text = decoder.decode(piece)
        broken += text.count("\ufffd")
        characters += len(text)
    return broken, characters


def _looks_chinese(head: bytes) -> bool:
    """Whether what is not ASCII is mostly in GB2312, the characters of everyday Chinese.

    Accented Latin letters decode as GB18030 too, but as rare characters outside GB2312.
    """
    text = head.decode("gb18030", errors="ignore")
    foreign = "".join(character for character in text if character > "\x7f")
    return len(foreign.encode("gb2312", errors="ignore")) / 2 >= _CHINESE_SHARE * len(foreign)


def _unreadable(path: Path, head: bytes, why: str) -> InputError:
    from charset_normalizer import from_bytes

    best = None if b"\0" in head else from_bytes(head[: 1 << 16]).best()
    guess = f" (it may be {best.encoding}: `iconv -f {best.encoding} -t UTF-8`)" if best else ""
    return InputError(f"no readable encoding: {why}", value=path, hint=f"save it as UTF-8{guess}")
