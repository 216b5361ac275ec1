"""The temporary Prefect server: who may talk to it, and what happens when it dies."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from httpx import ConnectError

from flows.console import Console
from flows.named import recipe_called
from flows.schedule import scheduled_recipes
from flows.server import AUTH, Server, prefect_server
from flows.subject import Session
from tasks.errors import ConfigError, GateRejected, InputError, Interrupted
from tasks.store import Store
from tests.stranger import as_root, as_stranger


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real one, as `galen schedule` starts it."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("served")
        patch.setenv("PREFECT_HOME", str(home / "prefect"))
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.delenv(AUTH, raising=False)
        with prefect_server(Store(home), scheduler=True) as server:
            server.ready()
            yield server
        assert AUTH not in os.environ and "PREFECT_API_URL" not in os.environ
        assert server.secret_file and not server.secret_file.exists()


def asked(url: str, data: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> int:
    """The status of an answer."""
    body = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@as_root
def test_another_user_neither_reads_nor_starts_nor_changes_anything(running: Server) -> None:
    nothing = "00000000-0000-0000-0000-000000000000"
    url, ours = running.url, running.process
    assert ours and running.secret_file

    def tries() -> Any:
        made = {"name": "x", "flow_id": nothing, "pull_steps": [{"prefect.deployments.steps.run_shell_script": {}}]}
        refused = [
            asked(f"{url}/flow_runs/filter", {}),
            asked(f"{url}/logs/filter", {}),
            asked(f"{url}/deployments/", made),
            asked(f"{url}/deployments/{nothing}/create_flow_run", {}),
            asked(f"{url}/admin/settings"),
            asked(f"{url}/variables/name/health"),
            asked(f"{url}/flow_runs/filter", {}, {"Authorization": "Basic Z2FsZW46"}),
        ]
        files = [f"/proc/{ours.pid}/environ", str(running.secret_file)]
        readable = [file for file in files if _readable(file)]
        line = Path(f"/proc/{ours.pid}/cmdline").read_text()
        return {"health": asked(f"{url}/health"), "refused": refused, "readable": readable, "line": line}

    found = as_stranger(tries)
    assert found["health"] == 200, "it was asked"
    assert set(found["refused"]) == {401}
    assert not found["readable"]
    assert running.secret not in found["line"] and running.secret.partition(":")[2] not in found["line"]


def _readable(file: str) -> bool:
    try:
        return bool(Path(file).read_bytes())
    except OSError:
        return False


def test_events_and_logs_are_closed_to_sockets_without_the_secret(running: Server) -> None:
    from websockets.exceptions import ConnectionClosed, WebSocketException
    from websockets.sync.client import connect
    from websockets.typing import Subprotocol

    for route in ("events/in", "events/out", "logs/out"):
        for spoken in ([Subprotocol("prefect")], None):
            with (
                pytest.raises((ConnectionClosed, WebSocketException)),
                connect(f"{running.url.replace('http', 'ws')}/{route}", subprotocols=spoken) as line,
            ):
                line.send(json.dumps({"type": "auth", "token": "guessed"}))
                assert json.loads(line.recv(timeout=10)).get("type") != "auth_success"
                line.recv(timeout=10)


def test_pages_of_other_places_may_not_ask(running: Server) -> None:
    request = urllib.request.Request(f"{running.url}/health", headers={"Origin": "https://evil.example"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers.get("Access-Control-Allow-Origin") not in ("*", "https://evil.example")


def test_it_listens_on_this_machine_alone_and_keeps_its_secret_to_itself(running: Server) -> None:
    port = int(running.url.split(":")[2].split("/")[0])
    with socket.socket() as probe, pytest.raises(OSError, match="in use"):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("0.0.0.0", port))
        probe.listen()
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {line[1] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"} == {
        f"0100007F:{port:04X}"
    }
    assert running.secret_file and running.secret_file.stat().st_mode & 0o077 == 0
    for file in running.secret_file.parent.rglob("*"):
        if file.is_file() and file != running.secret_file:
            assert running.secret.encode() not in file.read_bytes(), file


def test_what_comes_by_the_network_names_a_recipe_and_no_file() -> None:
    assert recipe_called("medqa-sample").name == "medqa-sample.yaml"
    for name in ("/etc/shadow", "../params", "none", "", "bases/sample", "medqa-sample.yaml", "a\n"):
        with pytest.raises(InputError) as refused:
            recipe_called(name)
        assert "shadow" not in str(refused.value)


def test_only_recipes_of_the_checkout_are_scheduled(tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("{}")
    with pytest.raises(ConfigError, match=r"(?s)cannot be scheduled.*lie in recipes/"):
        scheduled_recipes([other])


class Dead:
    """A process that ended."""

    def __init__(self, code: int | None) -> None:
        self.pid, self._code = 0, code

    def poll(self) -> int | None:
        return self._code


@pytest.mark.parametrize(("code", "said"), [(-9, "ended .signal 9."), (None, "has not answered for 0 s")])
def test_a_lost_server_interrupts_within_seconds(
    code: int | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import server as module

    process: Any = Dead(None)
    lost = Server("http://127.0.0.1:9/api", process, tmp_path, "galen:x")
    lost.look_every, lost.ask_every, lost.silent_limit = 0.01, 0.0, 0.0
    monkeypatch.setattr(lost, "_answers", lambda: True)
    monkeypatch.setattr(module, "_started", lambda *_: lost)
    monkeypatch.setattr(module, "stop", lambda _: None)
    with pytest.raises(Interrupted, match=said), prefect_server(Store(tmp_path)) as server:
        server.ready()
        process._code = code
        monkeypatch.setattr(lost, "_answers", lambda: False)
        time.sleep(20)


@pytest.mark.parametrize("torn", [KeyboardInterrupt(), ConnectError("gone"), ValueError("another Context")])
def test_a_decision_that_was_made_stands_though_the_server_is_lost(
    torn: BaseException, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Server("http://127.0.0.1:9/api", None, tmp_path)

    def tear() -> None:
        raise torn

    services = Session(store, Console(), lost, ExitStack())
    if isinstance(torn, ConnectError):  # a server that PREFECT_API_URL names: nobody watches it
        with pytest.raises(Interrupted, match="ConnectError"), services.prefect_in_words("again"):
            tear()
    else:
        with pytest.raises(type(torn)), services.prefect_in_words("again", lambda: True):
            tear()
        lost.lost = "ended (signal 9)"
        with pytest.raises(Interrupted, match=r"ended .signal 9"), services.prefect_in_words("again"):
            tear()
    with services.prefect_in_words("again", lambda: True):
        tear()
    assert "the work was done" in capsys.readouterr().out
    with pytest.raises(GateRejected), services.prefect_in_words("again", lambda: True):
        raise GateRejected("no")
