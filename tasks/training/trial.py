"""A base model that somebody else made, tried in a process with little time and memory before anything here opens it.

Its configuration may ask for 10^9 layers, its chat template may loop, its tokenizer may unfold without end. Whether
they do cannot be read off them, so they are tried where nothing is lost by it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from tasks.errors import GalenError, InputError
from tasks.process import die_with_parent, raise_if_killed
from tasks.training.folders import load_config
from tasks.training.library import LOCK, look
from tasks.training.quiet import quiet
from tasks.training.tokenizer import QUESTION, load_tokenizer

SECONDS = 10
"""Of computing, which a loaded machine does not shorten."""
PATIENCE = 120.0
"""Seconds in all."""
MEMORY = 2 << 30
"""Bytes beyond what this process has."""
LARGEST = {"config.json": 1 << 20, "generation_config.json": 1 << 20, "chat_template.jinja": 1 << 20}
LARGEST_OTHER = 1 << 28
"""Bytes of a file of a tokenizer."""
MOST_WRITTEN = 1 << 16
"""Characters that a chat template may write beside what it is given."""
MOST_COUNTED = 1024
_COUNTED = re.compile(r"layer|expert|block|depth|stage|head|group", re.IGNORECASE)
_FREE = re.compile(
    r"theta|base|_id$|_ids$|seed|idx|index|size|dim|norm|window|position|length|freq|drop", re.IGNORECASE
)


def try_base(folder: Path) -> None:
    """See that a base model folder opens within limits, and that its configuration is that of its weights.

    Raises:
        InputError: it does not; or it takes more than `SECONDS` or `MEMORY`, or ends the process that tries it.
    """
    for file in folder.iterdir():
        most = LARGEST.get(file.name, LARGEST_OTHER)
        if file.suffix in (".json", ".jinja", ".txt", ".model") and file.stat().st_size > most:
            raise InputError(f"a file of the base model is larger than {most:,} bytes", value=file)
    import transformers

    assert transformers.AutoModel is not None  # loaded here once, not in every child
    quiet()
    with LOCK:  # so that the child never waits for a thread that it does not have
        limited(lambda: _open(folder), "the base model", folder)


def _open(folder: Path) -> None:
    """In the child: everything that a run does with a base, but for its weights."""
    from transformers import AutoModel

    _check_counts(folder)
    config = load_config(folder)
    if type(config) in AutoModel._model_mapping:
        _check_body(folder, look(AutoModel, folder, config))
    tokenizer = load_tokenizer(folder)
    tokenizer(["", "one two", "a" * 20_000, "\u00e9\u4e2d" * 5000])
    if tokenizer.chat_template is not None:
        _check_template(tokenizer, folder)


def _check_counts(folder: Path) -> None:
    """See that a configuration counts no more layers, heads or experts than there may be for its tensors."""
    from safetensors import safe_open

    tensors = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="np") as weights:
            tensors += len(weights.keys())
    most = max(MOST_COUNTED, tensors)
    for key, value in _numbers(json.loads((folder / "config.json").read_bytes())):
        if _COUNTED.search(key) and not _FREE.search(key) and value > most:
            what = f"config.json counts more than there can be for {tensors:,} tensors"
            raise InputError(what, value=f"{key[:100]}: {value if value < 1 << 60 else 'beyond 2^60'}")


def _numbers(plain: Any, key: str = "") -> Iterator[tuple[str, int]]:
    """Whole numbers of plain data, each with its key."""
    if isinstance(plain, dict):
        for name, value in plain.items():
            yield from _numbers(value, str(name))
    elif isinstance(plain, int) and not isinstance(plain, bool):
        yield key, plain


def _check_body(folder: Path, found: dict[str, Any]) -> None:
    """See that no weight of the body is absent or of another shape: it would be trained from random numbers."""
    if wrong := sorted(found["mismatched_keys"]):
        name, here, wanted = wrong[0]
        shapes = f"{name}: {tuple(here)} in the file, {tuple(wanted)} by config.json"
        raise InputError("the weights of the base model have other sizes than its config.json says", value=shapes)
    absent = sorted(name for name in found["missing_keys"] if "pooler" not in name)
    if absent:
        hint = "is config.json that of these weights? Copy the whole folder again"
        raise InputError("weights of the base model are missing", value=absent[0], hint=hint)


def _check_template(tokenizer: Any, folder: Path) -> None:
    """See that a chat template writes what it is given, and little else. What it says of a chat is asked elsewhere."""
    from jinja2 import TemplateError

    for content in ("?", QUESTION, "<s></s>", "a" * 20_000, "\u4e2d\n" * 5000):
        asked, answered = ({"role": role, "content": content} for role in ("user", "assistant"))
        for chat, prompt in (([asked], True), ([asked], False), ([asked, answered], False)):
            try:
                text = str(tokenizer.apply_chat_template(chat, add_generation_prompt=prompt, tokenize=False))
            except (TemplateError, ValueError, TypeError):
                continue
            if len(text) > MOST_WRITTEN + 4 * len(content):
                what = "the chat template of the tokenizer writes far more than it is given"
                raise InputError(what, value=f"{folder}: {len(text):,} characters")


def limited(work: Callable[[], None], what: str, where: object) -> None:
    """Do something in a copy of this process that may take `SECONDS` of computing and `MEMORY` more than this one.

    Args:
        what: that is tried, for messages.
        where: it lies.

    Raises:
        InputError: a limit was met, or the copy ended without a word.
        Interrupted: it was killed, and not for a limit.
        GalenError: what `work` failed with.
        MemoryError: this process itself has too little.
    """
    reading, writing = os.pipe()
    libc = ctypes.CDLL(None)  # loaded here: after a fork, only the call itself is safe
    child = os.fork()
    if child == 0:
        os.close(reading)
        die_with_parent(libc)
        _in_child(work, writing)
    os.close(writing)
    try:
        said = _said(reading, time.monotonic() + PATIENCE)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status, used = os.wait4(child, 0)
    code, late = os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime >= SECONDS
    if not said and said is not None and not late:
        raise_if_killed(code, f"the process that tries {what}")
    if said is None or (not said and -code in (signal.SIGXCPU, signal.SIGKILL)):
        raise InputError(f"{what} takes more than {SECONDS} s to open", value=where, hint="a template that never ends?")
    if not said and _starved():  # libraries of C++ abort where an allocation fails
        raise MemoryError
    if not said:
        raise InputError(f"{what} ends the process that opens it", value=where, hint="is it damaged, or made to?")
    found = json.loads(said)
    if found == {"memory": True} and _starved():
        raise MemoryError
    if found == {"memory": True}:
        raise InputError(f"{what} takes more than {MEMORY / (1 << 30):g} GiB to open, without its weights", value=where)
    if "fault" in found:
        raise InputError(f"{what} cannot be opened ({found['fault']})", value=where, hint="is it damaged?")
    if found:
        raise GalenError.from_json(found)


def _in_child(work: Callable[[], None], writing: int) -> NoReturn:
    """Never returns into what the parent does: no handler of its own runs, and nothing that it buffered is written."""
    said: dict[str, Any] = {}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _limit()
        work()
    except GalenError as error:
        said = dict(error.to_json())
    except MemoryError:
        said = {"memory": True}
    except BaseException as error:
        short = "alloc" in str(error).lower() or "memory" in str(error).lower()
        said = {"memory": True} if short else {"fault": type(error).__name__}
    finally:
        try:
            os.write(writing, json.dumps(said).encode()[:60_000])
        finally:
            os._exit(0)


def _starved() -> bool:
    """Whether this process itself may not have `MEMORY` more: then the base is not at fault."""
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return soft != resource.RLIM_INFINITY and soft < _used() + MEMORY


def _used() -> int:
    """Bytes of address space that this process has; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _limit() -> None:
    """Of computing and memory, as far as this system has limits."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = _used() + MEMORY if soft == resource.RLIM_INFINITY else min(_used() + MEMORY, soft)
        resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _said(reading: int, until: float) -> bytes | None:
    """All that a child wrote; None where it took too long."""
    said = b""
    while (left := until - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            continue
        piece = os.read(reading, 1 << 16)
        if not piece:
            return said
        said += piece
    return None
