"""Stages through DVC, in a copy of the checkout: these start real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.records import working_schema
from tasks.home import CHECKOUT
from tests.data.conftest import question
from tests.data.findings import before_seal

COPIED = ("tasks", "data/suites", "data/lexicons", "data/withdrawn.txt", "dvc.yaml", "requirements.lock", ".dvc/config")
PARAMS = """\
datasets:
  tiny:
    {task: causal-lm, source: rows.jsonl, format: jsonl, columns: {record_id: id}, licence: CC0-1.0, identified: false}
  broken: {task: poetry}
"""
START = """
from tasks.data import dvc
from tasks.store import Store
store = Store.of_environment()
"""
IMPATIENT = """
dvc.LOCK_PATIENCE = 0.1
try:
    dvc.build_stage(store, "ingest", "tiny")
except dvc.Interrupted as error:
    print(error)
"""
RECORD = {"prompt": "Why?", "answer": "So.", "record_id": "1", "group_id": "1", "category": "x", "language": "en"}
BACK = """
import shutil
from tasks.data import restore, seal
dvc.build_stage(store, "seal", "tiny")
version = seal.adopt_version(store, "tiny")
dvc.push(store, "tiny")
for gone in (version.artifact.path, store.root / "dvc-cache"):
    shutil.rmtree(gone)
again = restore.restore(store, version.digest)
print(again.digest == version.digest, again.rows("train")[0]["prompt"])
"""
SPOIL = """
import os, shutil
from pathlib import Path
def spoil(path):
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(40)
        file.write(b"?!")
    os.chmod(path, 0o444)
records = Path("data/built/tiny/ingest/records.parquet")
dvc.build_stage(store, "ingest", "tiny")
good = records.read_bytes()
spoil(records)
ran = dvc.build_stage(store, "ingest", "tiny")
print(ran, records.read_bytes() == good, len(list((store.root / "damaged").iterdir())))
cached = next(path for path in (store.root / "dvc-cache").rglob("*") if path.is_file() and path.read_bytes() == good)
remote = store.root / "dvc-remote" / cached.relative_to(store.root / "dvc-cache")
remote.parent.mkdir(parents=True)
shutil.copyfile(cached, remote)
spoil(cached)
dvc.mend(store, "tiny", ("ingest",))
print(records.read_bytes() == cached.read_bytes() == good, records.stat().st_ino == cached.stat().st_ino)
"""
SPOILT = """
import shutil
from tasks.data import restore, seal
dvc.build_stage(store, "seal", "tiny")
version = seal.adopt_version(store, "tiny")
dvc.push(store, "tiny")
assert (version.artifact.path / "train.parquet").stat().st_nlink == 1, "one bad byte must not spoil all copies"
for place in (version.artifact.path, store.root / "dvc-cache" / "files"):
    for path in place.rglob("*"):
        if path.is_file():
            path.chmod(0o600)
            path.write_bytes(path.read_bytes()[:-1] + b"?")
again = restore.restore(store, version.digest)
print(again.digest == version.digest, again.rows("train")[0]["prompt"])
"""
KEYS = """
import json
from tasks.data.identity_key import key_file, new_key
ran, ids = [], []
def build():
    ran.append(dvc.build_stage(store, "ingest", "tiny"))
    ids.append(json.load(open("data/built/tiny/ingest/manifest.json"))["ingest"]["identity_key"])
build()
build()
old = key_file(store).read_bytes()
made = new_key(store)
build()
key_file(store).rename(key_file(store).with_name(f"identity-{made}.key"))
key_file(store).write_bytes(old)
build()
build()
print(ran, ["one" if one == ids[0] else "other" for one in ids[1:4]])
"""
SLEEPER = """
import os, subprocess, sys, time
from pathlib import Path
from tasks.data.stage import stage_main
def run(stage):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path("pids").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(60)
stage_main("ingest", run)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the stages need, with one tiny dataset, outside git."""
    folder = tmp_path / "checkout"
    for name in COPIED:
        source, target = CHECKOUT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    (folder / "params.yaml").write_text(PARAMS)
    (folder / "rows.jsonl").write_text("".join(json.dumps(question(number)) + "\n" for number in range(9)))
    return folder


def start(checkout: Path, code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", f"{START}{code}"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(checkout: Path, code: str) -> str:
    """What some code prints, or the last line of why it failed."""
    output, errors = start(checkout, code).communicate()
    return output.strip() or errors.strip()


def test_a_stage_runs_once_and_again_only_when_its_input_changed(checkout: Path, galen_home: Path) -> None:
    twice = "print(dvc.build_stage(store, 'ingest', 'tiny'), dvc.build_stage(store, 'ingest', 'tiny'))"
    assert said(checkout, twice) == "True False"  # and the broken entry beside it stops nothing
    built = checkout / "data" / "built" / "tiny" / "ingest"
    assert (built / "records.parquet").stat().st_nlink == 2  # in DVC's cache: linked, not copied
    assert (galen_home / "dvc-cache").is_dir()
    with (checkout / "rows.jsonl").open("a") as file:
        file.write(json.dumps(question(9)) + "\n")
    assert said(checkout, "print(dvc.build_stage(store, 'ingest', 'tiny'))") == "True"
    assert json.loads((built / "manifest.json").read_text())["ingest"]["rows"] == 10


def test_another_key_is_another_ingest(checkout: Path) -> None:
    declared = PARAMS.replace("identified: false", "identified: true, language: en")
    (checkout / "params.yaml").write_text(declared)
    (checkout / "rows.jsonl").write_text(json.dumps(question(1)) + "\n")
    assert said(checkout, KEYS) == "[True, False, True, True, False] ['one', 'other', 'one']"


def test_what_a_stage_says_arrives_as_it_said_it(checkout: Path) -> None:
    (checkout / "rows.jsonl").write_text("{\n")
    code = """
from tasks.errors import InputError
try:
    dvc.build_stage(store, 'ingest', 'tiny')
except InputError as error:
    print(error)
"""
    assert "dataset tiny is refused: 1 of 1 rows" in said(checkout, code)
    assert not (checkout / "data" / "built" / "tiny" / "ingest").exists()
    (checkout / "rows.jsonl").unlink()
    assert "no such file or folder: rows.jsonl" in said(checkout, code)


def test_nothing_lives_on_when_the_run_is_killed(checkout: Path) -> None:
    (checkout / "tasks" / "data" / "ingest.py").write_text(SLEEPER)
    run = start(checkout, "dvc.build_stage(store, 'ingest', 'tiny')")
    pids = checkout / "pids"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    processes = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    processes += psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert psutil.wait_procs(processes, timeout=5)[1] == []


def test_damaged_bytes_are_made_again_or_taken_from_the_remote(checkout: Path) -> None:
    assert said(checkout, SPOIL).splitlines() == ["True True 1", "True True"]


@pytest.mark.parametrize("code", [BACK, SPOILT], ids=["gone", "damaged"])
def test_a_version_comes_back_from_the_remote_alone(checkout: Path, code: str) -> None:
    built = checkout / "data" / "built" / "tiny"
    for stage in ("augment", "validate"):
        (built / stage).mkdir(parents=True)
    for split in ("train", "validation", "test"):
        rows: list[dict[str, object]] = [RECORD | {"parents": []}] if split == "train" else []
        table = pa.Table.from_pylist(rows, schema=working_schema("causal-lm"))
        pq.write_table(table, built / "augment" / f"{split}.parquet")
    (built / "augment" / "manifest.json").write_text(json.dumps(before_seal().plain()))
    (built / "validate" / "validation.json").write_text("{}")
    assert said(checkout, code) == "True Why?"


def test_another_command_in_the_checkout_is_waited_for_and_then_named(checkout: Path) -> None:
    hold = """
from dvc.repo import Repo
dvc.configure(store)
with Repo('.').lock:
    print('held', flush=True)
    input()
"""
    holder = start(checkout, hold)
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        assert "another DVC command holds this checkout" in said(checkout, IMPATIENT)
    finally:
        holder.kill()
        holder.communicate()


def wait_until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
