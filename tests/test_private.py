"""What lies under GALEN_HOME is its owner's alone, whatever made it."""

from __future__ import annotations

import os
import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from flows import cli
from tasks import private
from tasks.data import dvc
from tasks.errors import InputError
from tasks.private import check_private, close_new_files, for_its_user, private_folder
from tasks.release.export import open_like_new
from tasks.store import Store
from tests.stranger import NOBODY, as_root, as_stranger


@pytest.fixture
def way() -> Iterator[Path]:
    """A folder that others may pass through: pytest's own are closed."""
    folder = Path("/tmp") / f"galen-way-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.fixture
def mask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = os.umask(0o022)
    monkeypatch.setattr(private, "_given", None)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_an_open_home_is_closed_and_that_is_said(way: Path) -> None:
    home, said = way / "home", list[str]()
    cache = home / "dvc-site" / "repo"
    cache.mkdir(parents=True)
    for folder in (home, home / "dvc-site", cache):
        folder.chmod(0o777)
    (home / "ledger.sqlite").write_text("x")
    (home / "ledger.sqlite").chmod(0o666)
    check_private(home, said.append, ours=())
    assert mode(home) == 0o700 and mode(home / "ledger.sqlite") == 0o600
    assert not cache.exists(), "others may have put something there that DVC unpickles"
    assert "open to other users" in said.pop()
    check_private(home, said.append, ours=())
    assert said == []


def test_a_home_that_stays_open_is_refused(way: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (way / "home").mkdir()
    (way / "home").chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # as on a file system without modes
    with pytest.raises(InputError, match="cannot be closed"):
        check_private(way / "home", print, ours=())


@as_root
def test_a_home_that_is_somebody_elses_or_can_be_swapped_is_refused(way: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = way / "home"
    check_private(home, print, ours=())  # nothing is there yet
    home.mkdir(mode=0o700)
    changes: tuple[tuple[Callable[[], None], str], ...] = (
        (lambda: os.chown(home, NOBODY, NOBODY), "this folder belongs to nobody"),
        (lambda: way.chmod(0o777), "others can replace GALEN_HOME"),
        (lambda: os.chown(way, NOBODY, NOBODY), "nobody can replace GALEN_HOME"),
    )
    for change, message in changes:
        change()
        with pytest.raises(InputError, match=message):
            check_private(home, print, ours=())
        monkeypatch.setenv("GALEN_HOME", str(home))
        result = CliRunner().invoke(cli.galen, ["models"])
        assert isinstance(result.exception, InputError) and result.exception.hint
        os.chown(home, 0, 0)
        os.chown(way, 0, 0)
        way.chmod(0o755)
    check_private(home, print, ours=())


def test_new_files_are_closed_but_for_what_a_person_asked_for(mask: None, tmp_path: Path) -> None:
    close_new_files()
    close_new_files()  # a second time must not forget what the user has
    (tmp_path / "ours").write_text("")
    with for_its_user():
        (tmp_path / "theirs").write_text("")
    (tmp_path / "ours too").write_text("")
    assert [mode(tmp_path / name) for name in ("ours", "theirs", "ours too")] == [0o600, 0o644, 0o600]
    made = [sys.executable, "-c", f"open({str(tmp_path / 'child')!r}, 'w')"]
    subprocess.run(made, check=True)
    assert mode(tmp_path / "child") == 0o600


@as_root
def test_nobody_plants_what_dvc_unpickles_or_reads_rows_before_de_identification(
    way: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, store = way / "checkout", Store(way / "home")
    (checkout / ".dvc").mkdir(parents=True)
    built = checkout / "data" / "built"
    ours = (built, checkout / ".dvc" / "tmp", checkout / ".dvc" / "cache")
    monkeypatch.setattr(dvc, "CHECKOUT", checkout)
    monkeypatch.setattr(dvc, "BUILT", built)
    monkeypatch.setattr(dvc, "DVC_OWN", ours[1:])
    dvc.configure(store)
    environment = dvc.environment(store)
    site = Path(environment["DVC_SITE_CACHE_DIR"]) / "repo"
    assert site.is_dir() and all(mode(folder) == 0o700 for folder in (site, *ours))
    (built / "notes" / "ingest").mkdir(parents=True)
    records = built / "notes" / "ingest" / "records.parquet"
    records.write_text("Jane Roe")
    records.chmod(0o644)

    def plants() -> Any:
        tried = []
        for action in (
            lambda: sqlite3.connect(site / "cache.db").execute("CREATE TABLE t (x)"),
            lambda: (site / "planted").write_bytes(pickle.dumps(print)),
            lambda: records.read_text(),
            lambda: list(store.root.iterdir()),
            lambda: list(built.iterdir()),
        ):
            try:
                action()
            except (OSError, sqlite3.Error) as error:
                tried.append(type(error).__name__)
            else:
                tried.append("done")
        return tried

    # Even where the home itself is opened by hand: what DVC would make for everyone is closed by itself.
    assert as_stranger(plants) == ["OperationalError"] + ["PermissionError"] * 4
    store.root.chmod(0o755)
    (store.root / "dvc-site").chmod(0o755)
    assert as_stranger(plants)[:2] == ["OperationalError", "PermissionError"]


def test_a_folder_is_made_closed_whatever_the_mask(tmp_path: Path, mask: None) -> None:
    os.umask(0)
    private_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700
    (tmp_path / "open").mkdir(mode=0o777)
    private_folder(tmp_path / "open")
    assert mode(tmp_path / "open") == 0o700


def test_an_export_has_the_modes_that_its_user_is_used_to(mask: None, tmp_path: Path) -> None:
    close_new_files()
    (tmp_path / "export" / "model").mkdir(parents=True)
    copied = tmp_path / "export" / "model" / "model.safetensors"
    copied.write_text("")
    assert (mode(copied), mode(copied.parent)) == (0o600, 0o700)
    with for_its_user():
        open_like_new(tmp_path / "export")
    assert (mode(copied), mode(copied.parent), mode(tmp_path / "export")) == (0o644, 0o755, 0o755)
