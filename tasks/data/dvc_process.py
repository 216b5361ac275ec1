"""`python -m tasks.data.dvc_process STAGE@NAME SECONDS [--force]`: what `dvc repro --single-item` does, with patience.

A process of its own, since DVC keeps locks and caches in the process; DVC's own command adds 0.3 s of start-up, an
updater and analytics to the same call.
"""

from __future__ import annotations

import logging
import sys
import time

from tasks.data.dvc import BUSY
from tasks.data.stage import error_file
from tasks.errors import Interrupted, of_machine
from tasks.home import CHECKOUT
from tasks.process import write_error


def main(target: str, patience: float, *, force: bool) -> int:
    """Reproduce one stage, also an unchanged one if forced; the exit code."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.stage.exceptions import StageCmdFailedError

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    started = time.monotonic()
    while True:
        try:
            with Repo(str(CHECKOUT)) as repo:
                repo.reproduce(target, single_item=True, force=force)
            return 0
        except DvcException as error:
            cause = error.__cause__ or error
            if isinstance(cause, LockError) and time.monotonic() - started < patience:
                time.sleep(0.5)
                continue
            if known := of_machine(error):
                write_error(error_file(), known)
            elif not isinstance(cause, StageCmdFailedError):  # then the stage has said what was wrong
                print(f"DVC: {cause}", file=sys.stderr)  # noqa: T201
            return BUSY if isinstance(cause, LockError) else 1
        except OSError as error:
            gone = Interrupted(f"DVC failed with {type(error).__name__}", value=target)
            write_error(error_file(), of_machine(error) or gone)
            return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], float(sys.argv[2]), force=sys.argv[3:] == ["--force"]))
