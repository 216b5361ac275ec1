"""The `galen` command. Heavy imports happen inside the commands that need them: `galen --help` answers at once."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from flows.cli import data, evidence, models, runs
from flows.environment import set_up_environment
from tasks.errors import ApprovalNeeded, GalenError, InputError, Stopped, in_words
from tasks.private import check_private
from tasks.store import Store


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
    check_private(context.obj.root, lambda text: click.echo(text, err=True))


for command in (
    data.init,
    runs.retrain,
    runs.compare,
    runs.tune,
    runs.schedule,
    runs.serve,
    data.data,
    models.base,
    models.methods,
    models.models,
    models.ask,
    models.approve,
    models.export,
    evidence.audit,
    evidence.trace,
):
    galen.add_command(command)


def main() -> NoReturn:
    """Run the command; end with the exit code that the design gives each kind of error."""
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal of latin-1 or ASCII must end no command
            stream.reconfigure(errors="backslashreplace")
    try:
        _check_bytes()
        galen.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (KeyboardInterrupt, click.Abort):
        _fail(Stopped("stopped", hint="nothing is lost: run the same command again to continue"))
    except Exception as error:
        _fail(in_words(error))
    sys.exit(0)


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


def _stop(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(error: GalenError) -> NoReturn:
    word = "waiting" if isinstance(error, ApprovalNeeded) else "error"
    click.secho(f"{word}: {error}", err=True, fg="red" if word == "error" else "yellow")
    sys.exit(error.exit_code)
