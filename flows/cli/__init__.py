"""The `galen` command. Heavy imports happen inside the commands that need them: `galen --help` answers at once."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

import click

from flows import console
from flows.cli import data, evidence, models, policy, runs
from flows.cli.scarce import watch
from flows.console import say
from flows.environment import set_up_environment
from tasks.errors import ApprovalNeeded, GalenError, InputError, Stopped, TooLittleMemory, Unforeseen, in_words
from tasks.private import check_private
from tasks.store import Store

LEAVE_WITHIN = 5.0
"""Seconds that libraries get to take their leave once all is told: Prefect calls for a lost server for minutes."""
CONTINUES = "nothing is lost: run the same command again to continue"


class InOrder(click.Group):
    """Lists commands in the order in which they are added, which is the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names as declared."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.pass_context
def galen(context: click.Context) -> None:
    """Retrain medical language models; promote what passed its gates; prove where every model came from.

    Exit codes: 0 done or nothing to do, 1 a fault of Galen's own, 2 wrong input, 3 rejected by a gate, 4 waiting for
    approval, 5 interrupted (run again to go on), 6 a digest or signature does not match.
    """
    context.obj = Store.of_environment()
    set_up_environment(context.obj.root)
    check_private(context.obj.root, lambda text: say(text, err=True))


for command in (
    data.init,
    runs.retrain,
    runs.compare,
    runs.tune,
    runs.schedule,
    runs.serve,
    data.data,
    policy.policy,
    models.base,
    models.methods,
    models.models,
    models.ask,
    models.evaluate,
    models.review,
    models.approve,
    models.reject,
    models.rollback,
    models.recall,
    models.export,
    evidence.audit,
    evidence.trace,
    evidence.gate,
):
    galen.add_command(command)


def main() -> NoReturn:
    """Run the command; end with the exit code that the design gives each kind of error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of latin-1 or ASCII must end no command
            stream.reconfigure(errors="backslashreplace")
    if aborted := watch():
        _leave_at_once(_told(aborted))
    signals = _Signals()
    try:
        code = _run(signals)
    except BaseException as error:  # of a library that was interrupted in the middle of something
        if not signals.stopped:
            raise
        code = _told(Stopped("stopped", hint=CONTINUES) if isinstance(error, KeyboardInterrupt) else _after_stop(error))
    signals.outcome = code
    last = threading.Timer(LEAVE_WITHIN, os._exit, (code,))
    last.daemon = True
    last.start()
    sys.exit(code)


class _Signals:
    """SIGTERM, SIGHUP and Ctrl-C end a command with 5, wherever they meet it; what was to be ignored stays so."""

    def __init__(self) -> None:
        self.stopped = False
        self.outcome: int | None = None
        """The exit code, once it has been told: a signal then only cuts short how libraries take their leave."""
        for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            if signal.getsignal(signum) is not signal.SIG_IGN:
                signal.signal(signum, self._stop)
        # The last of all that is done at the exit: what Python itself does then would give them back to the system.
        atexit.register(_ignore)

    def _stop(self, _signum: int, _frame: FrameType | None) -> None:
        if self.outcome is not None:
            os._exit(self.outcome)
        self.stopped = True
        console.STOPPED.set()
        raise KeyboardInterrupt


def _ignore() -> None:
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(signum, signal.SIG_IGN)


def _run(signals: _Signals) -> int:
    try:
        _check_bytes()
        galen.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        return int(done.exit_code)
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, click.Abort):
        return _told(Stopped("stopped", hint=CONTINUES))
    except Exception as error:
        known = _after_stop(error) if signals.stopped else in_words(error)
        code = _told(known)
        if isinstance(known, TooLittleMemory):  # what libraries do at the exit would fail as well, with tracebacks
            _leave_at_once(code)
        return code
    return 0


def _leave_at_once(code: int) -> NoReturn:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _check_bytes() -> None:
    """Every name that is given becomes part of a record, of a key or of a message, and those are UTF-8.

    Raises:
        InputError: an argument, or `GALEN_HOME`, is not.
    """
    for given in (*sys.argv[1:], os.environ.get("GALEN_HOME", "")):
        try:
            given.encode()
        except UnicodeEncodeError:
            shown = given.encode("utf-8", "backslashreplace").decode()
            hint = "rename the file or folder, or write the text in UTF-8"
            raise InputError("a name or a text that is not UTF-8", value=shown, hint=hint) from None


def _after_stop(error: BaseException) -> GalenError:
    """What a command ended with that was told to stop: libraries make other faults of that (Prefect a ValueError)."""
    known = in_words(error) if isinstance(error, Exception) else None
    return known if known and known.exit_code != Unforeseen.exit_code else Stopped("stopped", hint=CONTINUES)


def _told(error: GalenError) -> int:
    word = "waiting" if isinstance(error, ApprovalNeeded) else "error"
    say(f"{word}: {error}", err=True, fg="red" if word == "error" else "yellow")
    return error.exit_code
