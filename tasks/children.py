"""Work in a process of its own: what it is asked goes there as a file, and its answer, or its error, comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tasks.artifact import write_atomically
from tasks.digest import canonical_json
from tasks.errors import Stopped
from tasks.home import CHECKOUT
from tasks.process import die_with_parent, error_in, failing_into, start, stop
from tasks.store import Store

ERROR = "error.json"
GOES_ON = "run the same command again: it continues, and what is finished is kept"


class Children:
    """Processes that run now, each `python -m MODULE JOB ANSWER`, whose `main` calls `answer`."""

    def __init__(self, store: Store, module: str, threads: int | None) -> None:
        """`store`: theirs too. `threads`: of each child; None leaves it to the libraries."""
        self.store, self.module, self.threads = store, module, threads
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            Children,
            (self.store, self.module, self.threads),
        )  # in another process: what runs here is none of its business

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def ask(self, job: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The answer of a child to a job (plain data).

        Raises:
            GalenError: what the child failed with.
            Stopped: `stop` was called; or it died without a word, for want of memory most likely: trying again at once
                would be wrong.
        """
        with tempfile.TemporaryDirectory(prefix="galen-job-") as folder:
            asked, answered = Path(folder) / "job.json", Path(folder) / "answer.json"
            asked.write_bytes(canonical_json(dict(job)))
            env = {**os.environ, "GALEN_HOME": str(self.store.root)}
            if self.threads is not None:
                env.setdefault("OMP_NUM_THREADS", str(self.threads))
            with self._lock:
                if self._stopped:
                    raise Stopped("stopped", hint=GOES_ON)
                child = start([sys.executable, "-m", self.module, str(asked), str(answered)], cwd=CHECKOUT, env=env)
                self._running.add(child)
            try:
                code = child.wait()
            finally:
                with self._lock:
                    self._running.discard(child)
            if self._stopped:
                raise Stopped("stopped", hint=GOES_ON)
            if error := error_in(answered.with_name(ERROR)):
                raise error
            if not answered.is_file():
                hint = "for want of memory perhaps: run again with fewer at a time"
                raise Stopped(f"the process of {name} died", value=f"exit code {code}", hint=hint)
            found: dict[str, Any] = json.loads(answered.read_bytes())
            return found

    def stop(self) -> None:
        """End all that runs: a training keeps its last checkpoint."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for child in running:
            stop(child)


def answer(work: Callable[[dict[str, Any]], dict[str, Any]], asked: Path, answered: Path) -> None:
    """In the child: do the job of a file; what was found goes into another one, an error into one beside that."""
    die_with_parent()
    with suppress(KeyboardInterrupt), failing_into(answered.with_name(ERROR)):
        found = work(json.loads(asked.read_bytes()))
        write_atomically(answered, json.dumps(found).encode())
