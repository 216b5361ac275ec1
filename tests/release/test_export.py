from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import read, verify
from tasks.digest import canonical_json, digest_bytes
from tasks.errors import InputError, IntegrityError, Interrupted
from tasks.lineage import ledger
from tasks.lineage.ledger import events
from tasks.release import plain
from tasks.release.ask import ask
from tasks.release.export import export
from tasks.release.register import promote
from tasks.store import Store
from tests.lineage.chain import ORIGIN
from tests.release.conftest import Candidates
from tests.release.test_register import release

pytestmark = pytest.mark.usefixtures("mlflow_store")


def test_an_export_is_verified_loads_and_tells_its_history(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    made = candidate()
    promote(store, release(store, made), ORIGIN)
    folder = export(store, "tiny@champion", tmp_path / "out" / "here")
    copy = read(folder / "model")
    verify(copy)
    assert copy.digest == made.quantized.digest
    assert copy.digest in (folder / "README.md").read_text()
    assert "AutoModelForSequenceClassification.from_pretrained" in (folder / "README.md").read_text()
    assert "# tiny, version 1" in (folder / "MODEL_CARD.md").read_text()
    told = json.loads((folder / "lineage.json").read_text())
    assert [one["digest"] for one in told] == [event.digest for event in events(store)]
    assert all(digest_bytes(canonical_json(one["envelope"])) == one["digest"] for one in told)
    assert [path.name for path in folder.parent.iterdir()] == ["here"]
    with pytest.raises(InputError, match="not empty"):
        export(store, "tiny@champion", folder)


def test_the_readme_of_a_tagger_cuts_text_as_it_was_judged(store: Store, candidate: Candidates, tmp_path: Path) -> None:
    promote(store, release(store, candidate("token-classification")), ORIGIN)
    folder = export(store, "tiny@champion", tmp_path / "out")
    [block] = re.findall("```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(block.replace('"model', f'"{folder}/model'), names)
    text = "the patient with severe asthma, (today) rest"
    asked = [tuple(line.split("\t")) for line in ask(store, "tiny@champion", text).splitlines()]
    assert "100.00 % of them are found again" in (folder / "MODEL_CARD.md").read_text()
    assert names["answer"](text) == asked and ("severe", "B-Disease") in asked and len(asked) == 10


def test_a_copy_that_does_not_load_leaves_nothing(
    store: Store, candidate: Candidates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(store, release(store, candidate()), ORIGIN)
    monkeypatch.setitem(plain.LOADERS, "text-classification", "AutoModelForCausalLM")
    with pytest.raises(IntegrityError, match="cannot load"):
        export(store, "tiny@champion", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
    monkeypatch.setattr("tasks.release.export.LOAD", "import os; os.kill(os.getpid(), 15)")
    with pytest.raises(Interrupted, match="was killed: SIGTERM"):
        export(store, "tiny@champion", tmp_path / "out")
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_there_must_be_something_to_export(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no version of this model"):
        export(store, "tiny@champion", tmp_path / "out")
    assert ledger.events(store) == []
