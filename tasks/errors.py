"""Every error that a user can meet, with the exit code that it ends the command with."""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any, ClassVar, Self, TextIO

from tasks.plain_text import one_line

_CREDENTIALS = re.compile(r"(?<=://)\S*@")
_SECRETS = re.compile(r"([?&;][^=&;\s]*(?:pass|pwd|token|secret|key)[^=&;\s]*=)[^&;\s'\"<>]+", re.IGNORECASE)
_FULL = re.compile(r"No space left on device|disk is full|Disk quota exceeded|PytorchStreamWriter failed writing")
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of an `OSError` for which the top of a command has words of its own."""
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_NO_MEMORY = re.compile(
    r"can't allocate memory|cannot allocate memory|out of memory|bad_alloc|not enough memory|unable to allocate|"
    r"failed to map segment from shared object|can't start new thread|cannot create thread",
    re.IGNORECASE,
)
_NO_HANDLES = re.compile(r"too many open files", re.IGNORECASE)


def masked(text: str) -> str:
    """A text without the user names and passwords of the addresses in it, and without their secret parameters.

    What an error says passes through here; so does every address that is printed or recorded otherwise.
    """
    if "://" not in text:
        return text
    return _SECRETS.sub(r"\1***", _CREDENTIALS.sub("", text))


class GalenError(Exception):
    """An error that says what is wrong, which value is at fault, and what to do next.

    None of the three may hold the content of a record: errors are logged.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, *, value: object = None, hint: str | None = None) -> None:
        self.what = masked(what)
        self.value = None if value is None else masked(str(value))
        self.hint = None if hint is None else masked(hint)
        super().__init__(self.what, self.value, self.hint)

    def __str__(self) -> str:
        """One paragraph: the fault, the value, the remedy."""
        text = self.what if self.value is None else f"{self.what}: {one_line(self.value)}"
        return text if self.hint is None else f"{text}\n  -> {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self).__name__, self.what, self.value, self.hint))

    def to_json(self) -> dict[str, str | None]:
        """The error as plain data, for a process boundary that keeps no exception (DVC flattens exit codes)."""
        return {"error": type(self).__name__, "what": self.what, "value": self.value, "hint": self.hint}

    @classmethod
    def from_json(cls, data: dict[str, str | None]) -> GalenError:
        """The error that `to_json` wrote.

        Raises:
            ValueError: no error of that name exists.
        """
        return _rebuild(str(data["error"]), str(data["what"]), data["value"], data["hint"])


def _rebuild(name: str, what: str, value: str | None, hint: str | None) -> GalenError:
    kind = globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, GalenError)):
        raise ValueError(f"no error is called {name!r}")
    return kind(what, value=value, hint=hint)


class InputError(GalenError):
    """Data, a file or an argument is wrong."""


class ConfigError(InputError):
    """A recipe, policy or params file is wrong; all its faults together."""

    @classmethod
    def of(cls, file: object, faults: list[str]) -> Self:
        """One error for every fault of one file."""
        return cls(f"{file} has {len(faults)} fault(s)\n" + "\n".join(f"  - {fault}" for fault in faults))


class NotJudgeable(InputError):
    """What a gate needs is not there: the gate counts as failed."""


class NoLook(NotJudgeable):
    """Nothing would be learned from the test split: its budget of looks is spent, or it has no records left that nobody
    has seen. Known before anybody looks."""


class GateRejected(GalenError):
    """The gates said no."""

    exit_code = 3


class ApprovalNeeded(GalenError):
    """A person must decide before the run can go on."""

    exit_code = 4


class Interrupted(GalenError):
    """Stopped, or a service is gone; run again to go on."""

    exit_code = 5


class Stopped(Interrupted):
    """Stopped by a person, or for want of space: trying again at once would be wrong."""


class TooLittleMemory(Stopped):
    """The machine, or a limit (`ulimit -v`), has no more: whatever else is done may fail for the same reason."""


class IntegrityError(GalenError):
    """A digest, a signature or a chain of events does not match: something was changed or lost."""

    exit_code = 6


class Unforeseen(GalenError):
    """A fault of Galen's own, or of a library."""

    exit_code = 1


def in_words(error: Exception) -> GalenError:
    """Any exception as an error that may be shown and logged.

    The message of a foreign exception may quote a record: only its type and place are kept. With `GALEN_DEBUG` set, the
    whole traceback is printed first.
    """
    if isinstance(error, GalenError):
        return error
    if os.environ.get("GALEN_DEBUG"):
        traceback.print_exception(error)
    if known := of_machine(error):
        return known
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {Path(last[0].filename).name}:{last[0].lineno}" if last else ""
    hint = "run again with GALEN_DEBUG=1 to see the whole traceback (it may quote data)"
    return Unforeseen(f"an unforeseen {type(error).__name__}{where}, a fault of Galen", hint=hint)


def traced(error: Exception, what: str, hint: str, to: TextIO | None = None) -> GalenError:
    """As `in_words`, in a process whose words go no further: the trace of a fault is printed at once.

    It is printed without the message, which could quote a record.

    Args:
        what: what failed; its hint may point at the trace.
        to: where it is printed; default: the standard error output.
    """
    if isinstance(error, GalenError):
        return error
    if known := of_machine(error):
        return known
    trace = "".join(traceback.format_tb(error.__traceback__))
    print(f"{trace}{type(error).__name__}", file=to or sys.stderr, flush=True)
    return Unforeseen(f"{what} failed with {type(error).__name__}", hint=hint)


def of_machine(error: BaseException) -> GalenError | None:
    """A fault of the machine, not of Galen, in words: no space, no access, no memory. None for anything else.

    Libraries in other languages (Arrow, safetensors, SQLite, torch) keep the system's words and lose its number.
    """
    at: BaseException | None = error
    while at is not None:
        if known := _short_of(at):
            return known
        number = at.errno if isinstance(at, OSError) else None
        file = at.filename if isinstance(at, OSError) else None
        if number in NO_SPACE or _FULL.search(str(at)):
            hint = (
                "free some space (GALEN_HOME, checkout, temporary folder) and run the same command again: it continues"
            )
            return Stopped("the disk is full", value=file, hint=hint)
        if number in _FORBIDDEN and file is not None:
            hint = "give this user access to it; GALEN_HOME moves what is made at run time"
            return InputError("this file or folder cannot be used", value=f"{file} ({os.strerror(number)})", hint=hint)
        at = at.__cause__ or at.__context__
    return None


def _short_of(error: BaseException) -> GalenError | None:
    """What the machine has too little of, as libraries say it: by type, by number or in words."""
    number = error.errno if isinstance(error, OSError) else None
    foreign = isinstance(error, RuntimeError | OSError | ImportError)
    if number in (errno.EMFILE, errno.ENFILE) or (foreign and _NO_HANDLES.search(str(error))):
        return Stopped(
            "too many files are open", hint="raise the limit (`ulimit -n 4096`) and run the same command again"
        )
    if isinstance(error, MemoryError) or number == errno.ENOMEM or (foreign and _NO_MEMORY.search(str(error))):
        hint = (
            "give it more (`ulimit -v`, other programs) or ask for less (training.micro_batch_tokens, a smaller base), "
            "and run the same command again: it continues"
        )
        return TooLittleMemory("there is too little memory, or too few threads", hint=hint)
    return None
