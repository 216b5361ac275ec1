"""Fuzzing: whatever comes in, only documented exit codes, no traceback, no partial write, in bounded time and memory.

`GALEN_FUZZ` says how many cases of each kind the fast tests try. A failing case is told by its kind and number, and
comes again with `GALEN_FUZZ_CASE=KIND:NUMBER`.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.exceptions import ClickException, Exit
from click.testing import CliRunner

from tasks.config.data import Dataset
from tasks.data.params import checked, one_dataset
from tasks.errors import GalenError, InputError, in_words
from tasks.settings import load, load_yaml, parse
from tasks.store import Store
from tests.factories import tiny_llama
from tests.fuzz import hostile, sealed
from tests.fuzz.processes import DOCUMENTED, run_cases
from tests.fuzz.words import SETTINGS

FAST = int(os.environ.get("GALEN_FUZZ", "40"))
SLOW = {"settings": 5000, "source": 2500, "command": 2000, "base": 500, "evidence": 1000, "marks": 500}
"""Cases of the slow tests: 11,500 in all."""
PROCESSES = 200
LONGEST = 20.0  # seconds of computing: a loaded machine does not lengthen it
MOST_MEMORY = 2 << 20  # kB


def try_settings(random: Random, folder: Path, store: Store) -> None:
    from tasks.comparison.config import load_comparison
    from tasks.evaluation.policy import Policy, effective_gates, load_recipe
    from tasks.training.base_spec import BaseSpec
    from tasks.tuning.config import load_search

    kind = random.choice(sorted(SETTINGS))
    path = folder / "file.yaml"
    path.write_bytes(hostile.settings(random, kind).encode("utf-8", "surrogatepass"))
    if kind == "recipe":
        effective_gates(load_recipe(path))
    elif kind == "policy":
        parse(Policy, load_yaml(path), path)
    elif kind == "params":
        for name in ("medqa-sample", "triage-sample"):
            one_dataset(name, path)
    elif kind == "base":
        load(BaseSpec, path)
    elif kind == "comparison":
        load_comparison(path)
    else:
        load_search(path)


def try_source(random: Random, folder: Path, store: Store) -> None:
    from tasks.data import ingest
    from tasks.data.stage import execute

    entry = hostile.source(random, folder)
    built = folder / "built"
    dataset: Dataset = checked(entry, "fuzz")
    try:
        made = execute(store, "ingest", "fuzz", dataset, ingest.run, built)
    except BaseException:
        assert not list(built.glob("*")) and not list(built.glob(".*")), "half an output"
        raise
    assert (made / "manifest.json").is_file()


def try_base(random: Random, folder: Path, store: Store) -> None:
    from tasks.config.training import BaseModelRef
    from tasks.training.resolve import resolve_base
    from tasks.training.tokenizer import check_writing, load_tokenizer

    copy = shutil.copytree(_base(folder), folder / "base")
    hostile.spoil_base(random, copy)
    try:
        resolve_base(store, BaseModelRef(folder=str(copy)))
    except BaseException:
        assert not list((store.root / "bases").glob("*"))
        raise
    check_writing(load_tokenizer(copy), "causal-lm", copy)


def _base(folder: Path) -> Path:
    made = folder.parent / "whole"
    return made if made.exists() else tiny_llama(made, chat=True)


def try_command(random: Random, folder: Path, store: Store) -> None:
    from flows import cli

    (folder / "file").write_text("text,label\na,b\n")
    words = hostile.command(random, folder)
    done = CliRunner().invoke(cli.galen, words, standalone_mode=False)
    if isinstance(done.exception, ClickException | Exit):
        assert done.exception.exit_code in DOCUMENTED
        raise InputError("usage")
    if isinstance(done.exception, Exception):
        raise done.exception


def try_evidence(random: Random, folder: Path, store: Store) -> None:
    from tasks.evaluation.replay import replay

    copy = shutil.copytree(sealed.whole_evidence(folder.parent), folder / "evidence")
    sealed.spoil_evidence(random, copy)
    found = replay(copy)
    json.dumps(found.plain(), allow_nan=False)
    found.raise_if_differing()


def try_marks(random: Random, folder: Path, store: Store) -> None:
    from tasks.release.reading import marks_in

    (folder / "marks.csv").write_bytes(hostile.spoiled(random, sealed.MARKS))
    marks_in(folder / "marks.csv")


KINDS: dict[str, Callable[[Random, Path, Store], None]] = {
    "settings": try_settings,
    "source": try_source,
    "base": try_base,
    "command": try_command,
    "evidence": try_evidence,
    "marks": try_marks,
}


def _computed() -> float:
    """Seconds that this process and its children have computed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def fuzz(kind: str, cases: range, folder: Path, store: Store) -> dict[int, int]:
    """Try cases of a kind; how many ended with each exit code."""
    codes: dict[int, int] = {}
    for number in cases:
        case = folder / "case"
        case.mkdir()
        started = _computed()
        code = 0
        try:
            KINDS[kind](Random(f"{kind}:{number}"), case, store)
        except GalenError as error:
            code = error.exit_code
            str(error).encode("utf-8", "backslashreplace")
        except Exception as error:
            code = in_words(error).exit_code
            assert code != 1, f"GALEN_FUZZ_CASE={kind}:{number} ends with {type(error).__name__}"
        finally:
            shutil.rmtree(case, ignore_errors=True)
            shutil.rmtree(store.root, ignore_errors=True)
        assert code in DOCUMENTED, f"{kind}:{number} ends with {code}"
        assert _computed() - started < LONGEST, f"{kind}:{number} takes too long"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_MEMORY, (
            f"{kind}:{number} takes too much memory"
        )
        codes[code] = codes.get(code, 0) + 1
    return codes


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and a checkout that commands may write to."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "params.yaml").write_text("datasets: {}\n")
    for module in ("tasks.data.entries", "tasks.data.sources", "tasks.data.stage", "flows.cli.init"):
        monkeypatch.setattr(f"{module}.CHECKOUT", checkout)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))  # nothing is committed to what these tests lie in
    from tasks.training import trial

    monkeypatch.setattr(trial, "SECONDS", 2)
    return tmp_path


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("base", "evidence")])
def test_hostile_input_ends_as_documented(kind: str, place: Path, store: Store) -> None:
    codes = fuzz(kind, range(FAST), place, store)
    assert codes.get(2, 0) > FAST / 10, "the cases are hostile"


def test_hostile_evidence_ends_as_documented(place: Path, store: Store) -> None:
    assert 6 in fuzz("evidence", range(max(FAST // 4, 10)), place, store)


def test_a_hostile_base_ends_as_documented(place: Path, store: Store) -> None:
    assert 2 in fuzz("base", range(max(FAST // 10, 3)), place, store)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_more_than_ten_thousand_cases_end_as_documented(kind: str, place: Path, store: Store) -> None:
    codes = fuzz(kind, range(SLOW[kind]), place, store)
    assert sum(codes.values()) == SLOW[kind]


@pytest.mark.slow
def test_two_hundred_processes_end_as_documented(tmp_path: Path) -> None:
    assert sum(run_cases(tmp_path, range(PROCESSES)).values()) == PROCESSES


@pytest.mark.skipif("GALEN_FUZZ_CASE" not in os.environ, reason="no case is named in GALEN_FUZZ_CASE")
def test_one_case(place: Path, store: Store) -> None:
    kind, _, number = os.environ["GALEN_FUZZ_CASE"].partition(":")
    case: Any = place / "case"
    case.mkdir()
    KINDS[kind](Random(f"{kind}:{number}"), case, store)
