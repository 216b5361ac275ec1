"""The Prefect server: the one that `PREFECT_API_URL` names, or a temporary one that cannot outlive this process."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tasks.errors import InputError, Interrupted
from tasks.home import CHECKOUT
from tasks.process import start, stop
from tasks.store import Store

START_LIMIT = 120.0  # seconds; the first start makes the database
NAMED_LIMIT = 10.0  # seconds; a server that is named must be up already


class Server:
    """A Prefect server that starts while other work goes on; `ready` waits for it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None, logs: Path) -> None:
        """`process`: of a temporary one, whose logs lie in the folder `logs`."""
        self.url, self.process, self._logs = url, process, logs

    def ready(self) -> None:
        """Wait until the server answers, and point Prefect at it. Call this before Prefect is imported.

        Raises:
            Interrupted: the temporary server does not start.
            InputError: the server that PREFECT_API_URL names does not answer.
        """
        limit = time.monotonic() + (START_LIMIT if self.process else NAMED_LIMIT)
        while not self._answers():
            if self.process and self.process.poll() is not None:
                raise Interrupted(
                    "the temporary Prefect server did not start", hint=f"read the newest log in {self._logs}"
                )
            if time.monotonic() > limit:
                if self.process:
                    hint = f"read the newest log in {self._logs}; on a busy machine, run again"
                    raise Interrupted(f"the temporary Prefect server took over {START_LIMIT:.0f} s", hint=hint)
                hint = "start that server, or unset PREFECT_API_URL to use a temporary one"
                raise InputError("PREFECT_API_URL does not answer", value=self.url, hint=hint)
            time.sleep(0.1)
        os.environ["PREFECT_API_URL"] = self.url

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError, ValueError):
            return False


@contextmanager
def prefect_server(store: Store, *, scheduler: bool = False) -> Iterator[Server]:
    """The server to use. A temporary one starts at once and in the background.

    Args:
        store: where a temporary one keeps its database and its logs.
        scheduler: whether the server must run schedules too (`galen schedule`).
    """
    folder = store.root / "prefect"
    if named := os.environ.get("PREFECT_API_URL"):
        yield Server(named.rstrip("/"), None, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"]
    settings = {"PREFECT__SERVER_FINAL": "1", "PREFECT_API_URL": url}
    if not scheduler:
        settings |= {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_UI_ENABLED": "0"}
    with _database(store) as name:
        settings["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{folder / name}.db"
        with (folder / f"{name}.log").open("wb") as log:
            process = start(command, cwd=CHECKOUT, env={**os.environ, **settings}, stdout=log, stderr=log)
        try:
            yield Server(url, process, folder)
        finally:
            _send_what_is_queued()
            os.environ.pop("PREFECT_API_URL", None)
            stop(process)


def _send_what_is_queued() -> None:
    """Logs and events leave in batches: send the last ones while the server still listens."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all(timeout=5)
        EventsWorker.drain_all(timeout=5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _database(store: Store) -> Iterator[str]:
    """The name of a database that no other server uses: SQLite locks when two servers share one."""
    with ExitStack() as held:
        for slot in itertools.count(1):
            name = f"server-{slot}"
            try:
                held.enter_context(store.locked(f"prefect-{name}", wait=False))
            except Interrupted:
                continue
            yield name
            return
