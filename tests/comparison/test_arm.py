from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.children import Children
from tasks.comparison.arm import measure
from tasks.comparison.config import Entry
from tasks.comparison.job import Job, finished, keep, kept, kept_file, lines_of
from tasks.comparison.learned import learned
from tasks.comparison.methods import explained, text
from tasks.data.version import DatasetVersion, load_version
from tasks.errors import InputError, Stopped
from tasks.store import Store
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune
from tests.factories import dataset_version, tiny_bert, tiny_llama
from tests.training.recipes import base_of, recipe

pytestmark = pytest.mark.filterwarnings("ignore")


def job(store: Store, task: Any, folder: Path, method: str, corpus: Path | None = None, **training: Any) -> Job:
    given = recipe(task, folder, method, **training)
    data = dataset_version(store, task, 60, name="one")
    second = dataset_version(store, "text-classification", 36, name="two", seed=3) if corpus else None
    base = resolve_base(store, given.base_model).digest
    entry = Entry(method, given.seed, given)
    met = (data.digest, data.split_digest("validation"), base)
    return Job(entry, *met, corpus, second.digest if second else None)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("the patient was seen with asthma today\nthen went home after some rest\n")
    return path


def test_what_is_measured_of_an_adapter(store: Store, tmp_path: Path, corpus: Path) -> None:
    asked = job(store, "text-classification", tiny_bert(tmp_path / "bert"), "lora", corpus)
    found = measure(store, Job.of(asked.plain()))
    assert found["quality"]["macro_f1"]["value"] > found["switched_off"]["macro_f1"] + 0.2
    assert 0 < found["parameters"]["trained"] < found["parameters"]["base"]
    assert found["cost"]["tokens_per_second"] > 0
    assert found["latency"]["merged_one_ms"] > 0
    assert found["forgetting"]["after"] < 1
    assert found["transfer"]["measure"].startswith("macro-F1")
    weights, states = found["learned"]["weights"], found["learned"]["states"]
    assert weights["bert.encoder.layer.0"] > 0
    assert weights["bert.embeddings"] == states["embeddings"] == 0
    assert "asthma" not in str(found), "no content of a record"


def test_a_probe_has_nothing_to_switch_off_and_leaves_the_base_alone(store: Store, tmp_path: Path) -> None:
    found = measure(store, job(store, "text-classification", tiny_bert(tmp_path / "bert"), "feature-extraction"))
    assert found["switched_off"] is None
    assert set(found["learned"]["weights"].values()) == {0.0}
    assert found["parameters"]["trained"] == found["parameters"]["head"]


def test_a_causal_model_forgets_in_bits_per_byte(store: Store, tmp_path: Path, corpus: Path) -> None:
    found = measure(store, job(store, "causal-lm", tiny_llama(tmp_path / "llama"), "prompt", corpus, epochs=2))
    assert found["forgetting"]["measure"] == "bits per byte"
    assert found["forgetting"]["change"] != 0
    assert found["learned"]["words"][0][0]["cosine"] > 0
    assert found["latency"]["merged_one_ms"] is None


@pytest.mark.parametrize(("method", "key"), [("adalora", "ranks"), ("unipelt", "gates")])
def test_a_method_tells_what_it_learned(store: Store, tmp_path: Path, method: str, key: str) -> None:
    asked = job(store, "text-classification", tiny_bert(tmp_path / "bert"), method)
    base = base_of(store, tmp_path / "bert")
    artifact = finetune(store, asked.entry.recipe, load_version(store, asked.dataset), base)
    numbers = learned(artifact, base, load_version(store, asked.dataset), "validation")[key]
    assert numbers
    if key == "ranks":
        assert set(numbers.values()) <= set(range(9))
    else:
        assert {name.split()[1] for name in numbers} == {"low_rank", "bottleneck", "prefix"}
        assert all(0 < gate < 1 for gate in numbers.values())


def test_kept_numbers_are_believed_until_something_changes(store: Store, tmp_path: Path) -> None:
    out, asked = tmp_path / "out", job(store, "text-classification", tiny_bert(tmp_path / "bert"), "lora")
    assert finished(out, asked) is None
    keep(out, asked, {"quality": {}})
    assert finished(out, asked) is not None
    assert finished(out, Job(asked.entry, "another", asked.test, asked.base)) is None
    keep(out, asked, {"error": {"error": "InputError", "what": "no", "value": None, "hint": None}})
    assert finished(out, asked) is None, "an arm that failed is tried again"
    kept_file(out, asked.entry, "validation").write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        kept(out, asked.entry, "validation")


def test_numbers_from_one_split_are_not_taken_for_those_of_another(store: Store, tmp_path: Path) -> None:
    out, asked = tmp_path / "out", job(store, "text-classification", tiny_bert(tmp_path / "bert"), "lora")
    keep(out, asked, {"quality": {}})
    on_test = replace(asked, split="test", test=load_version(store, asked.dataset).split_digest("test"))
    assert finished(out, on_test) is None
    keep(out, on_test, {"quality": {}})
    moved = kept_file(out, asked.entry, "validation")
    moved.write_bytes(kept_file(out, asked.entry, "test").read_bytes())
    with pytest.raises(InputError, match="not a kept result"):
        finished(out, asked)


def test_the_test_split_is_not_opened_unless_asked_for(
    store: Store, tmp_path: Path, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = job(store, "text-classification", tiny_bert(tmp_path / "bert"), "lora", corpus, max_steps=2)
    opened = set()
    read = DatasetVersion.read

    def noted(version: DatasetVersion, split: Any, *args: Any, **more: Any) -> Any:
        opened.add(split)
        return read(version, split, *args, **more)

    monkeypatch.setattr(DatasetVersion, "read", noted)
    found = measure(store, Job.of(asked.plain()))
    assert "test" not in opened
    assert found["records"] == load_version(store, asked.dataset).meta.counts["validation"]


def children(store: Store) -> Children:
    return Children(store, "tasks.comparison.arm", 1)


def test_a_child_process_hands_back_its_error(store: Store, tmp_path: Path) -> None:
    asked = job(store, "text-classification", tiny_bert(tmp_path / "bert"), "full")
    wrong = Job(asked.entry, asked.dataset, asked.test, "of another base")
    with pytest.raises(InputError, match="base model changed"):
        children(store).ask(wrong.plain(), "arm full")


def test_stopping_ends_the_children(store: Store, tmp_path: Path) -> None:
    asked = job(store, "text-classification", tiny_bert(tmp_path / "bert"), "full", epochs=3000)
    running, ended = children(store), []

    def work() -> None:
        try:
            running.ask(asked.plain(), "arm full")
        except Stopped as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(1)
    running.stop()
    thread.join(20)
    assert ended
    with pytest.raises(Stopped):
        running.ask(asked.plain(), "arm full")


def test_every_method_is_explained_within_100_columns() -> None:
    found = {one["name"]: one for one in explained()}
    assert found["full"]["share"] == 1
    assert 0 < found["lora"]["share"] < 0.05
    assert all(one["share"] for name, one in found.items() if name != "cloze"), "every method counts its parameters"
    shown = text(list(found.values()), None)
    assert max(map(len, shown.splitlines())) <= 100
    for name, one in found.items():
        assert f"{name}: " in shown
        assert one["summary"].split()[0] in shown


def test_shares_are_counted_in_a_base_of_ones_own(store: Store, tmp_path: Path) -> None:
    found = {one["name"]: one for one in explained(base_of(store, tiny_llama(tmp_path / "llama")))}
    assert found["lora"]["counted_for"] == "causal-lm"
    assert found["feature-extraction"]["counted_for"] == "text-classification"
    assert found["lora"]["parameters"] < 1_000_000


def test_a_kept_result_has_a_line_for_a_list_of_numbers() -> None:
    result = {"draws": {"f1": [0.1, None, 1e-5, -2], "none": []}, "curve": [{"loss": 1.0}], "text": "[1,  2]"}
    text = lines_of(result)
    assert json.loads(text) == result
    assert '"f1": [0.1, null, 1e-05, -2]' in text
