"""What a source may consist of: files and folders, no pipes or devices, and no way out of it."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from tasks.errors import InputError

MOST_FILES = 1_000_000
SHOWN = 3


def check_kinds(source: Path) -> None:
    """See that a source is a file, or a folder with nothing in it but files and folders.

    A pipe would be waited for without end, here and by DVC; a link out of the folder would read what nobody named.

    Raises:
        InputError: what else is there, how many, and the first of them.
    """
    if source.is_file():
        return
    if not source.is_dir():
        raise InputError("this is neither a file nor a folder", value=source, hint="a pipe, or a device?")
    top = os.path.realpath(source)
    found: defaultdict[str, list[str]] = defaultdict(list)
    waiting, files = [top], 0
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files += 1
                if files > MOST_FILES:
                    raise InputError(f"more than {MOST_FILES:,} files", value=source, hint="is it the right folder?")
                if fault := _fault(entry, top):
                    found[fault].append(os.path.relpath(entry.path, top))
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    if found:
        told = "; ".join(f"{fault}: {len(names):,} ({_shown(names)})" for fault, names in sorted(found.items()))
        hint = "move them out of this folder, or copy what a link points to into it"
        raise InputError(f"the source holds what is no file of its own: {told}", value=source, hint=hint)


def _fault(entry: os.DirEntry[str], top: str) -> str | None:
    """What is wrong with an entry of a folder; `top` is the real path of the source."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        return "names that are not UTF-8"
    if entry.is_symlink():
        end = Path(os.path.realpath(entry.path))
        if not os.access(end, os.F_OK):
            return "links to nothing"
        if not end.is_relative_to(top):
            return "links that lead out of it"
        return None if end.is_file() else "links to folders, pipes or devices"
    known = entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
    return None if known else "pipes, sockets or devices"


def _shown(names: list[str]) -> str:
    told = [name.encode("utf-8", "backslashreplace").decode() for name in sorted(names)[:SHOWN]]
    return ", ".join(told) + (", ..." if len(names) > SHOWN else "")
