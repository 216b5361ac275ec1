"""Child processes that cannot outlive us, however we die."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel (Linux) to end this process when its parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
