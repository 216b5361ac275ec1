"""Which code a digest covers, and what of it counts; on a small checkout made for the purpose."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tasks import code
from tasks.code import code_of, decides_nothing, files_of_code
from tasks.meaning import source_of

TRAIN = '''"""Trains."""

import json
from typing import TYPE_CHECKING

from tasks.errors import InputError
from tasks.training import words

if TYPE_CHECKING:
    from tasks.training.shown import Shown

RATE = 0.1  # of learning


def train(steps: int) -> float:
    """Learn."""
    from tasks.training.loop import run

    hint = f"ask for {json.dumps(1)} at least"
    if steps < 1:
        raise InputError("too few steps", value=steps, hint=hint)
    return run(steps) * RATE
'''
FILES = {
    "tasks/__init__.py": "",
    "tasks/errors.py": "import tasks.unseen\n\n\nclass InputError(Exception):\n    pass\n",
    "tasks/unseen.py": "SEEN = False\n",
    "tasks/training/__init__.py": '"""Training."""\n',
    "tasks/training/train.py": TRAIN,
    "tasks/training/words.py": 'READS = ("data/words", "data/names.txt")\n',
    "tasks/training/shown.py": "class Shown: ...\n",
    "tasks/training/loop.py": 'COMMAND = ["-m", "tasks.training.rank"]\n',
    "tasks/training/rank.py": "import tasks.training.train\nRANK = 0\n",
    "tasks/training/methods/__init__.py": "",
    "tasks/training/methods/lora.py": "from tasks.training.methods import low\n",
    "tasks/training/methods/low.py": "RANK = 8\n",
    "tasks/training/methods/ia3.py": "SCALE = 1\n",
    "data/words/en.txt": "fever\n",
    "data/names.txt": "Ann\n",
    "data/other.txt": "nobody reads it\n",
    "requirements.lock": "torch==1\n",
}
TRAINING = ("tasks.training.train", "tasks.training.methods.lora")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code, "CHECKOUT", tmp_path)
    code_of.cache_clear()
    yield tmp_path
    code_of.cache_clear()


def changes(checkout: Path, name: str, old: str, new: str, modules: tuple[str, ...] = TRAINING) -> bool:
    """Whether an edit changes the digest of modules."""
    before = code_of(*modules)
    text = (checkout / name).read_text()
    assert old in text
    (checkout / name).write_text(text.replace(old, new))
    code_of.cache_clear()
    return code_of(*modules) != before


def test_a_closure_holds_imports_of_functions_processes_plug_ins_and_data(checkout: Path) -> None:
    assert files_of_code(*TRAINING) == [
        "data/names.txt",
        "data/words",
        "tasks/training/loop.py",
        "tasks/training/methods/lora.py",
        "tasks/training/methods/low.py",
        "tasks/training/rank.py",
        "tasks/training/train.py",
        "tasks/training/words.py",
    ]


def test_the_package_around_a_module_counts_once_it_says_something(checkout: Path) -> None:
    assert "tasks/training/__init__.py" not in files_of_code(*TRAINING)
    assert changes(checkout, "tasks/training/__init__.py", "\n", "\nNAMED = 1\n")
    assert "tasks/training/__init__.py" in files_of_code(*TRAINING)


def test_what_the_table_leaves_out_is_not_followed(checkout: Path) -> None:
    assert decides_nothing("tasks.errors")
    assert decides_nothing("tasks.lineage.ledger")
    assert not decides_nothing("tasks.training.train")
    assert not changes(checkout, "tasks/unseen.py", "False", "True")
    assert not changes(checkout, "tasks/errors.py", "pass", "exit_code = 2")


def test_a_plug_in_may_lie_elsewhere(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path_factory.mktemp("elsewhere") / "ours.py"
    file.write_text("from tasks.training.methods.low import RANK\n")
    module = ModuleType("tasks.training.methods.ours")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert files_of_code(module.__name__) == [str(file), "tasks/training/methods/low.py"]
    before = code_of(module.__name__)
    file.write_text("from tasks.training.methods.low import RANK as R\n")
    code_of.cache_clear()
    assert code_of(module.__name__) != before


def test_a_module_that_is_not_there(checkout: Path) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"tasks\.training\.methods\.dora"):
        code_of("tasks.training.train", "tasks.training.methods.dora")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tasks/training/train.py", "RATE = 0.1", "RATE = 0.2"),
        ("tasks/training/train.py", "steps < 1", "steps < 2"),
        ("tasks/training/train.py", "raise InputError", "raise OtherError"),
        ("tasks/training/train.py", "def train", "def learn"),
        ("tasks/training/loop.py", "-m", "-c"),
        ("tasks/training/rank.py", "RANK = 0", "RANK = 1"),
        ("tasks/training/methods/low.py", "8", "16"),
        ("data/words/en.txt", "fever", "cough"),
        ("data/names.txt", "Ann", "Anne"),
        ("requirements.lock", "1", "2"),
    ],
)
def test_what_decides_counts(checkout: Path, name: str, old: str, new: str) -> None:
    assert changes(checkout, name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tasks/training/train.py", '"""Trains."""', '"""Trains a model."""\n'),
        ("tasks/training/train.py", '"""Learn."""', '"""Learn well."""'),
        ("tasks/training/train.py", "# of learning", "# a tenth"),
        ("tasks/training/train.py", "\n\n\ndef", "\n\n# A step.\n\n\n\ndef"),
        ("tasks/training/train.py", '"too few steps"', '"not enough steps"'),
        ("tasks/training/train.py", ", value=steps", ""),
        ("tasks/training/train.py", "at least", "or more"),
        ("tasks/training/train.py", "shown import Shown", "shown import Other"),
        ("tasks/training/shown.py", "...", "x = 1"),
        ("tasks/training/methods/ia3.py", "1", "2"),
        ("data/other.txt", "nobody", "no one"),
    ],
)
def test_what_is_said_or_not_used_does_not_count(checkout: Path, name: str, old: str, new: str) -> None:
    assert not changes(checkout, name, old, new)


def test_a_file_is_read_again_when_its_content_changed_and_nothing_else_of_it(checkout: Path) -> None:
    before = code_of(*TRAINING)
    file = checkout / "tasks/training/methods/low.py"
    status = file.stat()
    assert changes(checkout, "tasks/training/methods/low.py", "8", "9")
    file.write_text("RANK = 8\n")
    code_of.cache_clear()
    assert file.stat().st_size == status.st_size
    assert code_of(*TRAINING) == before


def test_what_was_read_is_remembered_and_losing_it_changes_nothing(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = code_of(*TRAINING)
    (memory,) = (checkout / "tasks/__pycache__").glob("code.*.json")
    code_of.cache_clear()
    with monkeypatch.context() as patched:
        patched.setattr(code, "source_of", lambda _: pytest.fail("read again"))
        assert code_of(*TRAINING) == before
    for broken in (b"", b"{", b'{"reader": "another", "sources": {}}', b"[]"):
        memory.write_bytes(broken)
        code_of.cache_clear()
        assert code_of(*TRAINING) == before
    memory.unlink()
    code_of.cache_clear()
    assert code_of(*TRAINING) == before


ERRORS = "from tasks.errors import ConfigError, InputError, in_words\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("raise InputError('a', hint='b') from error", "raise InputError('c') from error"),
        ("raise ConfigError.of(file, faults)", "raise ConfigError.of(file, [])"),
        ("hint = 'a' if x else None\nraise InputError('a', hint=hint)", "raise InputError('a')"),
        ("n = ', '.join(x)\nhint = f'{n}'\nraise InputError(hint)", "raise InputError('')"),
        ("class Lora:\n summary = 'a'\n x = 1", "class Lora:\n summary = 'b'\n x = 1"),
        ("class Lora:\n paper: str = 'a'\n x = 1", "class Lora:\n paper: str = ''\n x = 1"),
        ("class Settings:\n rank: int = 1\n 'Inner size.'", "class Settings:\n rank: int = 1\n 'Size.'"),
    ],
)
def test_words_for_people_mean_nothing(one: str, other: str) -> None:
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("raise InputError('a')", "raise ConfigError('a')"),
        ("raise ValueError('a')", "raise ValueError('b')"),  # pydantic shows it, or a reader counts it
        ("raise Rejected(reason='a')", "raise Rejected(reason='b')"),
        ("return in_words(a)", "return in_words(b)"),
        (
            "hint = 'a'\nif x: raise InputError(hint)\nreturn hint",
            "hint = 'b'\nif x: raise InputError(hint)\nreturn hint",
        ),
        ("first = queue.pop()\nraise InputError(first)", "raise InputError('')"),  # it changes the queue
        ("summary = 'a'\nreturn summary", "summary = 'b'\nreturn summary"),  # of no class
        ("class Report:\n title = 'a'", "class Report:\n title = 'b'"),
        ("class Lora:\n summary = make()", "class Lora:\n summary = other()"),
        ("x = 'a'\nglobal x", "x = 'b'\nglobal x"),
        ("assert x", "pass"),
    ],
)
def test_what_may_decide_is_kept(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)


def meaning(body: str) -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return source_of(f"{ERRORS}\ndef work():\n{lines}\n".encode()).meaning


def test_a_declaration_of_data_is_plain() -> None:
    assert source_of(b'READS = ("data/a.txt",)').reads == ("data/a.txt",)
    with pytest.raises(ValueError, match="READS"):
        source_of(b'READS = ("data/a.txt")')
    with pytest.raises(ValueError):
        source_of(b"READS = (place(),)")


def test_relative_imports_are_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        source_of(b"from . import home")
