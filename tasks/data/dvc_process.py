"""`python -m tasks.data.dvc_process STAGE@NAME SECONDS [--force]`: what `dvc repro --single-item` does, with patience.

A process of its own, since DVC keeps locks and caches in the process; DVC's own command adds 0.3 s of start-up, an
updater and analytics to the same call.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from tasks.artifact import write_atomically
from tasks.data.dvc import BUSY
from tasks.data.stage import error_file
from tasks.errors import Interrupted, of_machine
from tasks.home import CHECKOUT
from tasks.process import write_error

LOCK = CHECKOUT / "dvc.lock"


def main(target: str, patience: float, *, force: bool) -> int:
    """Reproduce one stage, also an unchanged one if forced; the exit code."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo
    from dvc.stage.exceptions import StageCmdFailedError

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    free_dead(CHECKOUT / ".dvc" / "tmp" / "rwlock")
    started, mended = time.monotonic(), False
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
            elif (
                not isinstance(cause, StageCmdFailedError | LockError)
                and not mended
                and set_aside(CHECKOUT / "dvc.lock")
            ):
                mended = True
                continue
            elif not isinstance(cause, StageCmdFailedError):  # then the stage has said what was wrong
                print(f"DVC: {cause}", file=sys.stderr)  # noqa: T201
            return BUSY if isinstance(cause, LockError) else 1
        except OSError as error:
            gone = Interrupted(f"DVC failed with {type(error).__name__}", value=target)
            write_error(error_file(), of_machine(error) or gone)
            return 1


def free_dead(file: Path) -> None:
    """Take processes that are no DVC out of DVC's note of who uses what; a note that is no JSON goes as a whole.

    DVC overwrites it in place: a kill leaves half of it, which DVC refuses for ever, or the number of a process that by
    now is another one, for which DVC waits. Who really works here holds a lock of the system beside it.
    """
    try:
        noted = json.loads(file.read_bytes())
        write, read = noted.get("write", {}), noted.get("read", {})
        kept = {
            "write": {path: one for path, one in write.items() if _is_dvc(one["pid"])},
            "read": {
                path: left for path, all_ in read.items() if (left := [one for one in all_ if _is_dvc(one["pid"])])
            },
        }
        if kept != {"write": write, "read": read}:
            write_atomically(file, json.dumps(kept).encode())
    except FileNotFoundError:
        return
    except (ValueError, TypeError, KeyError, AttributeError):
        file.unlink(missing_ok=True)


def _is_dvc(pid: int) -> bool:
    try:
        return b"dvc" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # not Linux: believe it


def set_aside(file: Path) -> bool:
    """Move dvc.lock away if DVC cannot read it: a kill leaves half of it, and DVC makes it again; whether it was so."""
    import yaml
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    try:
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(file.read_text(encoding="utf-8")))
        return False
    except FileNotFoundError:
        return False
    except Exception:
        file.replace(file.with_name("dvc.lock.broken"))
        print("dvc.lock was half written: it is dvc.lock.broken now, and made again", file=sys.stderr)  # noqa: T201
        return True


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], float(sys.argv[2]), force=sys.argv[3:] == ["--force"]))
