"""The Prefect server: the one that `PREFECT_API_URL` names, or a temporary one that cannot outlive this process.

A temporary one listens on this machine alone, on a socket that this process holds, and answers only who knows a secret
of its own: another user of the machine reads nothing there, starts nothing, and cannot take its place when it dies.
"""

from __future__ import annotations

import itertools
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tasks.errors import GalenError, InputError, Interrupted
from tasks.home import CHECKOUT
from tasks.process import start, stop
from tasks.store import Store

START_LIMIT = 120.0  # seconds; the first start makes the database
NAMED_LIMIT = 10.0  # seconds; a server that is named must be up already
LOOK_EVERY = 1.0  # seconds between two looks at the temporary server's process
AGAIN_EVERY = 20.0  # seconds between two interruptions, should a library have swallowed the first
ASK_EVERY = 15.0  # seconds between two questions whether it still answers
SILENT_LIMIT = 120.0  # seconds without an answer after which it counts as dead
INTERRUPTING = signal.SIGUSR1
"""To the main thread, from the one that watches: of the usual two, a process may have been told to ignore any."""
AUTH = "PREFECT_API_AUTH_STRING"


class Server:
    """A Prefect server that starts while other work goes on; `ready` waits for it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None, logs: Path, secret: str = "") -> None:
        """`process`, `secret`: of a temporary one, whose logs lie in the folder `logs`."""
        self.url, self.process, self.secret, self._logs = url, process, secret, logs
        self.lost: str | None = None
        """Why the temporary server is no more, once it is."""
        self.secret_file: Path | None = None
        """Where people find the secret for as long as it runs, if they may want to look at its pages."""
        self.look_every, self.ask_every, self.silent_limit = LOOK_EVERY, ASK_EVERY, SILENT_LIMIT
        self._ended = threading.Event()
        self._handler: Any = None

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
        if self.process:
            os.environ[AUTH] = self.secret
            if threading.current_thread() is threading.main_thread():
                self._handler = signal.signal(INTERRUPTING, _interrupt)
                threading.Thread(target=self._watch, name="server-watch", daemon=True).start()

    def end(self) -> None:
        """Watch it no longer."""
        self._ended.set()
        if self._handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(INTERRUPTING, self._handler)
            self._handler = None

    def gone(self) -> Interrupted:
        """What to say when it is lost."""
        hint = f"run the same command again: it continues; the newest log in {self._logs} may say why"
        return Interrupted(f"the temporary Prefect server {self.lost}", hint=hint)

    def _watch(self) -> None:
        """Interrupt the main thread when the server is gone: Prefect itself would ask it again for minutes."""
        assert self.process
        answered = asked = time.monotonic()
        while not self._ended.wait(self.look_every):
            now = time.monotonic()
            if now - asked > self.ask_every:
                asked = now
                answered = now if self._answers() else answered
            if (code := self.process.poll()) is not None:
                self.lost = f"ended ({'signal' if code < 0 else 'exit code'} {abs(code)})"
            elif now - answered > self.silent_limit:
                self.lost = f"has not answered for {self.silent_limit:.0f} s"
            if self.lost:
                break
        while not self._ended.is_set():
            signal.pthread_kill(threading.main_thread().ident or 0, INTERRUPTING)
            self._ended.wait(AGAIN_EVERY)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError, ValueError):
            return False


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def prefect_server(store: Store, *, scheduler: bool = False) -> Iterator[Server]:
    """The server to use. A temporary one starts at once and in the background.

    Args:
        store: where a temporary one keeps its database and its logs.
        scheduler: whether the server must run schedules too (`galen schedule`).

    Raises:
        Interrupted: the temporary server was lost while the block worked, and the block ended for that.
    """
    folder = store.root / "prefect"
    if named := os.environ.get("PREFECT_API_URL"):
        yield Server(named.rstrip("/"), None, folder)
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = os.environ.get(AUTH)
    # The socket stays open here, too: nobody else gets the port, and with it our secret, when the server dies.
    with _database(store) as name, _listening() as listener:
        server = _started(folder, name, listener, scheduler)
        assert server.process
        try:
            yield server
        except BaseException as error:
            if server.lost and not isinstance(error, GalenError):
                raise server.gone() from None
            raise
        finally:
            server.end()
            if not server.lost:
                _send_what_is_queued()
            os.environ.pop("PREFECT_API_URL", None)
            _restore(AUTH, before)
            stop(server.process)
            if server.secret_file:
                server.secret_file.unlink(missing_ok=True)


def _started(folder: Path, name: str, listener: socket.socket, scheduler: bool) -> Server:
    """A new server on an open socket, with a secret of its own."""
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    secret = f"galen:{secrets.token_urlsafe(32)}"
    command = [sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"]
    command += ["--fd", str(listener.fileno()), "--log-level", "error", "--lifespan", "on"]
    environment = {**os.environ, **_settings(f"{origin}/api", origin, secret, folder / f"{name}.db")}
    if not scheduler:
        environment |= {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT_UI_ENABLED": "0"}
    with (folder / f"{name}.log").open("wb") as log:
        options = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, "pass_fds": (listener.fileno(),)}
        process = start(command, cwd=CHECKOUT, env=environment, **options)
    server, file = Server(f"{origin}/api", process, folder, secret), folder / f"{name}.secret"
    file.unlink(missing_ok=True)  # of one that was killed
    if scheduler:
        server.secret_file = file
        _write_secret(file, secret)
    return server


def _settings(url: str, origin: str, secret: str, database: Path) -> Mapping[str, str]:
    return {
        "PREFECT__SERVER_FINAL": "1",
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_API_AUTH_STRING": secret,  # who asks the server
        AUTH: secret,  # what the server asks itself
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": origin,
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
    }


def _write_secret(path: Path, secret: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")


def _restore(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _send_what_is_queued() -> None:
    """Logs and events leave in batches: send the last ones while the server still listens."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all(timeout=5)
        EventsWorker.drain_all(timeout=5)


@contextmanager
def _listening() -> Iterator[socket.socket]:
    """A socket on a free port of this machine, which no other machine reaches."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield listener


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
