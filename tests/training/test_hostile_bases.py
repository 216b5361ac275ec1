"""Base models that mean no good: tried with limits, and refused by name before they cost time or memory."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.config.training import BaseModelRef
from tasks.errors import InputError, Interrupted
from tasks.store import Store
from tasks.training import trial
from tasks.training.resolve import resolve_base
from tests.factories import tiny_bert, tiny_llama

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model and an encoder."""
    folder = tmp_path_factory.mktemp("bases")
    tiny_llama(folder / "llama", chat=True)
    tiny_bert(folder / "bert")
    return folder


@pytest.fixture
def base(made: Path, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(made / name, tmp_path / name))


def config(folder: Path, **settings: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def refusal(store: Store, folder: Path) -> str:
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        resolve_base(store, BaseModelRef(folder=str(folder)))
    assert time.monotonic() - started < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000, "kB"
    assert not list((store.root / "bases").glob("*")), "what was refused is not remembered"
    return str(caught.value)


def test_good_bases_pass(store: Store, made: Path) -> None:
    for name in ("llama", "bert"):
        assert resolve_base(store, BaseModelRef(folder=str(made / name))).path == made / name


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_hidden_layers": 10**9}, "counts more than there can be"),
        ({"num_hidden_layers": 10**30}, "beyond 2"),
        ({"num_attention_heads": 10**9}, "counts more than there can be"),
        ({"num_hidden_layers": 3}, "weights of the base model are missing"),
        ({"vocab_size": 10**12}, "other sizes than its config.json says"),
        ({"hidden_size": 128}, "other sizes than its config.json says"),
        ({"intermediate_size": 10**9}, "other sizes than its config.json says"),
        ({"num_attention_heads": 0}, "cannot be"),
        ({"hidden_size": -64}, "cannot be"),
        ({"hidden_size": "64"}, "cannot be"),
        ({"hidden_size": None}, "cannot be"),
        ({"hidden_act": "no-such-thing"}, "cannot be"),
        ({"model_type": ["llama"]}, "cannot be"),
        ({"rope_parameters": {"rope_type": "no-such-thing"}}, "cannot be"),
    ],
)
def test_a_config_that_is_not_that_of_the_weights(
    store: Store, base: Callable[[str], Path], settings: dict[str, Any], said: str
) -> None:
    folder = base("llama")
    config(folder, **settings)
    assert said in refusal(store, folder)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{" * 100_000, "[]", "7", "", "\0", '{"a": NaN}', '{"a": ' + "9" * 5000 + "}"]
)
def test_a_config_that_is_none(store: Store, base: Callable[[str], Path], text: str) -> None:
    (folder := base("bert")).joinpath("config.json").write_text(text)
    assert refusal(store, folder)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}", "takes more than"),
        ("{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}", "RecursionError"),
        ("{{ 'a' * 10000000000 }}", "GiB to open"),
        ("{{ 'a'.ljust(10000000000) }}", "GiB"),
        (
            "{% set n = namespace(x='aaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ n.x }}",
            "takes more than",
        ),
        ("{{ 'a' * 1000000 }}", "writes far more than it is given"),
        ("{{ messages[0].__class__.__mro__ }}", ""),
        ("{{ cycler.__init__.__globals__.os.system('echo') }}", ""),
        ("{% for", ""),
        ("{{ raise_exception('no') }}", ""),
    ],
)
def test_chat_templates_run_with_limits(
    store: Store, base: Callable[[str], Path], template: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "SECONDS", 1)
    monkeypatch.setattr(trial, "MEMORY", 1 << 29)
    folder = base("llama")
    (folder / "chat_template.jinja").write_text(template)
    if said:
        assert said in refusal(store, folder)
    else:  # broken, not dangerous: `check_writing` says what is wrong with it
        resolve_base(store, BaseModelRef(folder=str(folder)))


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, "{}", "[]", "", "\0", '{"version": "1.0"}', '{"model": {"type": "BPE"}}', "x" * 1000),
        '{"version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 99999999999999999999}, "unk_token": "a"}}',
    ],
)
def test_a_tokenizer_that_is_none(store: Store, base: Callable[[str], Path], text: str) -> None:
    (folder := base("bert")).joinpath("tokenizer.json").write_text(text)
    assert "tokenizer" in refusal(store, folder) or "opened" in refusal(store, folder)


def test_a_tokenizer_that_unfolds(store: Store, base: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 2)
    path = (folder := base("llama")) / "tokenizer.json"
    plain = json.loads(path.read_text())
    twice = {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaaaaaaaaaaaa"}
    path.write_text(json.dumps(plain | {"normalizer": {"type": "Sequence", "normalizers": [twice] * 12}}))
    assert "the base model takes more than" in (said := refusal(store, folder)) or "ends the process" in said


def test_files_of_a_tokenizer_have_a_size(store: Store, base: Callable[[str], Path]) -> None:
    folder = base("llama")
    (folder / "chat_template.jinja").write_text("{# " + "x" * (1 << 20) + " #}")
    assert "larger than" in refusal(store, folder)


def die() -> None:
    os.abort()


def killed(signum: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), signum)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_base_is_not_blamed_for_a_kill(signum: signal.Signals) -> None:
    with pytest.raises(Interrupted, match="was killed") as caught:
        trial.limited(killed(signum), "it", "here")
    assert caught.value.exit_code == 5 and caught.value.value == signum.name


def test_the_copy_does_not_outlive_who_made_it(tmp_path: Path) -> None:
    said = tmp_path / "pid"
    script = (
        "import os, time, pathlib; from tasks.training import trial;"
        f"say = lambda: pathlib.Path({str(said)!r}).write_text(str(os.getpid()));"
        "trial.limited(lambda: (say(), time.sleep(100)), 'it', 'here')"
    )
    parent = subprocess.Popen([sys.executable, "-c", script])
    while not said.is_file() or not said.read_text():
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    for _ in range(200):
        try:
            state = Path(f"/proc/{said.read_text()}/stat").read_text().split(")")[-1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("it is still there")


def hang() -> None:
    time.sleep(100)


def fill() -> None:
    bytearray(64 << 30)


def fail() -> None:
    raise Interrupted("no answer", value=7, hint="again")


def raise_() -> None:
    raise KeyError("a name")


def test_a_base_is_not_blamed_for_what_this_process_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_starved", lambda: True)
    with pytest.raises(MemoryError):
        trial.limited(fill, "it", "here")


def test_what_a_copy_of_this_process_ends_with_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    trial.limited(lambda: None, "it", "here")
    monkeypatch.setattr(trial, "PATIENCE", 0.3)
    for work, said in ((die, "ends the process"), (hang, "takes more than"), (fill, "GiB"), (raise_, "(KeyError)")):
        with pytest.raises(InputError) as caught:
            trial.limited(work, "it", "here")
        assert said in str(caught.value) and "a name" not in str(caught.value)
    with pytest.raises(Interrupted, match="no answer: 7"):
        trial.limited(fail, "it", "here")
