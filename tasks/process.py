"""Child processes that cannot outlive us, however we die; and what they fail with, through a file."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasks.errors import GalenError, Interrupted, in_words

_PR_SET_PDEATHSIG = 1


def die_with_parent(libc: ctypes.CDLL | None = None) -> None:
    """Ask the kernel (Linux) to end this process when its parent dies, however it dies."""
    if sys.platform == "linux":
        (libc or ctypes.CDLL(None, use_errno=True)).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own that the kernel ends when the calling thread dies (Linux).

    Elsewhere the child is only in its own group: `stop` ends it, a kill -9 of the parent does not.
    """
    parent = os.getpid()
    # The library is loaded here: between fork and exec only the call itself is safe.
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def follow_parent() -> None:
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the call
                os._exit(1)

    return subprocess.Popen(command, cwd=cwd, env=env, process_group=0, preexec_fn=follow_parent, **options)


FROM_OUTSIDE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL)
"""Signals that people and the system send; a fault of its own ends a process by another one."""


def raise_if_killed(code: int, what: str) -> None:
    """Say of a process that was killed that it was: nothing that it was given is at fault.

    Args:
        code: its exit code, as `subprocess` and `os.waitstatus_to_exitcode` have it.
        what: it was, in words.

    Raises:
        Interrupted: it was ended by a signal that comes from outside.
    """
    if -code in FROM_OUTSIDE:
        hint = "run the same command again; the system kills for want of memory, too"
        raise Interrupted(f"{what} was killed", value=signal.Signals(-code).name, hint=hint)


def stop(child: subprocess.Popen[bytes], patience: float = 5.0) -> None:
    """End a child's whole process group: ask, wait `patience` seconds, insist."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, signum)
        except ProcessLookupError:
            break
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        break
    child.wait()


@contextmanager
def failing_into(file: Path | None, words: Callable[[Exception], GalenError | None] = in_words) -> Iterator[None]:
    """In a child: what the block fails with goes into a file, where the parent finds it (`error_in`); the child ends.

    Args:
        file: as `write_error` takes it.
        words: says of any exception what the parent is told; None where another process has said what counts.

    Raises:
        SystemExit: the block failed; with the error's exit code.
    """
    try:
        yield
    except Exception as fault:
        error = words(fault)
        if error is None:
            raise SystemExit(1) from None
        write_error(file, error)
        raise SystemExit(error.exit_code) from None


def write_error(file: Path | None, error: GalenError) -> None:
    """Tell the parent what went wrong; without a file, the person who started this process by hand."""
    if file is None:
        print(error, file=sys.stderr)  # noqa: T201
    else:
        file.write_text(json.dumps(error.to_json()), encoding="utf-8")


def error_in(file: Path) -> GalenError | None:
    """In the parent, when the child has ended: what it failed with. None where it said nothing, or died saying it."""
    try:
        return GalenError.from_json(json.loads(file.read_bytes()))
    except (OSError, ValueError, KeyError):
        return None
