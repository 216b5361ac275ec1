"""Under a limit of memory (`ulimit -v`) libraries of C++ abort where an allocation fails, and nothing can be said after
that. There the command runs in a child, and its parent says what became of it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from types import FrameType

from tasks.errors import TooLittleMemory, in_words
from tasks.process import die_with_parent

PLENTY = 8 << 30
"""Bytes of address space from which on no command is watched."""
ABORTED = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)


def watch() -> TooLittleMemory | None:
    """Go on in a child where memory is limited; only there, and where it is not limited, this returns None.

    In the parent it returns when the child has aborted, with what to say. Otherwise the parent ends as the child did.
    Signals to end are handed on; Ctrl-C reaches both by itself.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft >= PLENTY:
        return None
    libc = ctypes.CDLL(None)
    child = os.fork()
    if child == 0:
        die_with_parent(libc)
        return None

    def hand_on(signum: int, _frame: FrameType | None) -> None:
        os.kill(child, signum)

    for signum in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, hand_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if -code in ABORTED:
        known = in_words(MemoryError())
        assert isinstance(known, TooLittleMemory)
        return known
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
