"""A verdict is computed again from its sealed evidence alone, and what was changed since is noticed."""

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.artifact import Artifact, seal
from tasks.data.version import DatasetVersion
from tasks.digest import canonical_json, digest_data
from tasks.errors import GalenError, InputError, IntegrityError
from tasks.evaluation.evidence import AsServed, Change, Evidence, Losses, Way
from tasks.evaluation.gate import Gate, Protocol, gate_kinds
from tasks.evaluation.judge import judge
from tasks.evaluation.measured import Pace, Resources
from tasks.evaluation.replay import keep, protocol_from, replay
from tasks.store import Store
from tests.evaluation.fakes import SETTINGS, answered, digest, protocol
from tests.factories import dataset_version


def gate(kind: str) -> Gate:
    settings = SETTINGS.get(kind, {"metric": "token_f1"})
    return gate_kinds()[kind].model_validate({"name": kind, "kind": kind, **settings})


@pytest.fixture
def dataset(store: Store) -> DatasetVersion:
    return dataset_version(store, "causal-lm", 200)


@pytest.fixture
def evidence(store: Store, dataset: DatasetVersion) -> Evidence:
    return Evidence(
        answered(store, dataset, 0.75, form="quantized", parent="merged"),
        base=answered(store, dataset, 0.1, name="base", form="base"),
        champion=answered(store, dataset, 0.7, name="champion"),
        parent=answered(store, dataset, 0.8, name="merged", form="merged"),
        others={"majority answer": answered(store, dataset, 0.3, name="rule", form="baseline")},
        changes={"forgetting": Change("bits per byte", 1.0, 1.25)},
        served=AsServed(digest("model"), 8, (Way("MLflow's predict", (3,)), Way("the README's code", (), "OSError"))),
        losses=Losses(0.5, 0.75),
        unaltered=frozenset({"shuffled-options:200"}),
        resources=Resources(
            digest("model"),
            2**20,
            300.5,
            digest("champion"),
            (Pace((0.1, 0.3), (5.5, 6.0)), Pace((0.2, 0.1), (5.0, 7.5))),
        ),
    )


def kept(store: Store, evidence: Evidence, by: Protocol | None = None, *, to: Path) -> Path:
    """The sealed evidence, copied to where no store is."""
    by = by or protocol(*map(gate, gate_kinds()))
    artifact = keep(store, by, evidence, judge(by, evidence))
    folder = to / "evidence"
    shutil.copytree(artifact.path, folder)
    shutil.rmtree(store.root)
    return folder


@pytest.mark.parametrize("kind", list(gate_kinds()))
def test_each_kind_of_gate_says_from_files_what_it_said(
    store: Store, evidence: Evidence, kind: str, tmp_path: Path
) -> None:
    by = protocol(gate(kind))
    said = judge(by, evidence)
    assert said.results
    found = replay(kept(store, evidence, by, to=tmp_path))
    assert found.verdict == said
    assert (found.differing, found.same_code) == ([], True)


def test_evidence_comes_back_as_it_was_written(evidence: Evidence) -> None:
    held = {one.digest: one for one in (evidence.candidate, *evidence.beside.values())}
    again = Evidence.of(json.loads(canonical_json(evidence.plain())), held)
    assert again == evidence
    assert set(evidence.plain()) == {one.name for one in fields(Evidence)}
    broken = replace(evidence, losses=Losses(float("nan"), None))
    assert str(Evidence.of(json.loads(canonical_json(broken.plain())), held).losses) == str(broken.losses)


def test_the_same_evidence_is_one_artifact_and_holds_no_content(
    store: Store, evidence: Evidence, dataset: DatasetVersion
) -> None:
    by = protocol(gate("threshold"))
    artifact = keep(store, by, evidence, judge(by, evidence))
    assert keep(store, by, evidence, judge(by, evidence)).digest == artifact.digest
    assert {name.partition("/")[2] for name in artifact.files if name.startswith("evaluations/")} == {
        f"{one.digest}.{kind}"
        for one in (evidence.candidate, *evidence.beside.values())
        for kind in ("json", "parquet")
    }
    held = b"".join(_bytes(artifact, name) for name in artifact.files)
    for row in dataset.rows("test"):
        assert row["prompt"].encode() not in held and row["answer"].encode() not in held


def _bytes(artifact: Artifact, name: str) -> bytes:
    file = artifact.file(name)
    return json.dumps(pq.read_table(file).to_pylist()).encode() if name.endswith(".parquet") else file.read_bytes()


def raise_a_score(folder: Path) -> None:
    """One record of the candidate's becomes right that was wrong."""
    candidate = json.loads((folder / "evidence.json").read_bytes())["candidate"]
    file = folder / "evaluations" / f"{candidate}.parquet"
    table = pq.read_table(file)
    column = table.column_names.index("statistic:token_f1")
    scores = table[column].to_pylist()
    scores[scores.index(0.0)] = 1.0
    pq.write_table(table.set_column(column, "statistic:token_f1", pa.array(scores)), file)


def edit(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def edited(folder: Path) -> None:
        plain = json.loads((folder / name).read_bytes())
        change(plain)
        (folder / name).write_bytes(canonical_json(plain))

    return edited


def sealed_again(change: Callable[[Path], None]) -> Callable[[Path], None]:
    """The change, by somebody who knows how to seal."""

    def changed(folder: Path) -> None:
        meta = json.loads((folder / "artifact.json").read_bytes())["meta"]
        change(folder)
        seal(folder, "evidence", meta)

    return changed


def without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def other_evaluation(folder: Path) -> None:
    candidate = json.loads((folder / "evidence.json").read_bytes())["candidate"]
    edit(f"evaluations/{candidate}.json", lambda plain: plain["meta"].update(split="validation"))(folder)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (raise_a_score, IntegrityError, "was changed"),
        (sealed_again(raise_a_score), IntegrityError, "not what was recorded: threshold"),
        (without("artifact.json"), IntegrityError, "not a sealed artifact"),
        (without("verdict.json"), IntegrityError, "verdict.json is missing"),
        (sealed_again(without("evidence.json")), IntegrityError, "cannot be read"),
        (lambda folder: (folder / "more.json").write_text("{}"), IntegrityError, "was added"),
        (edit("verdict.json", lambda plain: plain.update(verdict="passed")), IntegrityError, "was changed"),
        (
            sealed_again(edit("protocol.json", lambda plain: plain["gates"][0].update(min=0.1))),
            IntegrityError,
            "contradict",
        ),
        (
            sealed_again(edit("verdict.json", lambda plain: plain["gates"][0].update(outcome="passed"))),
            IntegrityError,
            "not what was recorded: threshold: passed was recorded",
        ),
        (sealed_again(other_evaluation), IntegrityError, "not the one that its name says"),
        (
            sealed_again(edit("evidence.json", lambda plain: plain.update(base="0" * 64))),
            IntegrityError,
            r"cannot be read \(KeyError\)",
        ),
        (
            sealed_again(edit("protocol.json", lambda plain: plain["gates"][0].update(kind="kinder-than-ever"))),
            InputError,
            "kinder-than-ever",
        ),
        (sealed_again(edit("evidence.json", lambda plain: plain.update(mood="good"))), InputError, "mood"),
    ],
)
def test_what_was_changed_or_is_not_known_is_said(
    store: Store,
    evidence: Evidence,
    tmp_path: Path,
    change: Callable[[Path], None],
    error: type[GalenError],
    said: str,
) -> None:
    by = protocol(
        gate_kinds()["threshold"].model_validate(
            {"name": "threshold", "kind": "threshold", "metric": "token_f1", "min": 0.9}
        )
    )
    folder = kept(store, evidence, by, to=tmp_path)
    assert not replay(folder).verdict.passed
    change(folder)
    with pytest.raises(error, match=said) as caught:
        replay(folder).raise_if_differing()
    assert caught.value.exit_code == error.exit_code


def test_evidence_is_named_by_its_folder_or_a_file_in_it(store: Store, evidence: Evidence, tmp_path: Path) -> None:
    folder = kept(store, evidence, to=tmp_path)
    assert replay(folder / "verdict.json").verdict == replay(folder).verdict
    for place, said in ((tmp_path / "none", "no such folder"), (tmp_path, "holds no evidence")):
        with pytest.raises(InputError, match=said):
            replay(place)


def test_a_verdict_of_other_code_says_which_checkout_to_use(store: Store, evidence: Evidence, tmp_path: Path) -> None:
    by = protocol(gate("threshold"))
    folder = kept(store, evidence, by, to=tmp_path)
    plain = json.loads((folder / "protocol.json").read_bytes()) | {"definitions": "0" * 64}
    (folder / "protocol.json").write_bytes(canonical_json(plain))
    verdict = json.loads((folder / "verdict.json").read_bytes())
    meta = json.loads((folder / "artifact.json").read_bytes())["meta"]

    for said in (verdict, meta):
        said["protocol"] = digest_data(plain)
    verdict["gates"][0]["outcome"] = "not-judged"
    (folder / "verdict.json").write_bytes(canonical_json(verdict))
    seal(folder, "evidence", meta)
    found = replay(folder)
    assert not found.same_code
    with pytest.raises(IntegrityError, match="use the checkout that made the verdict"):
        found.raise_if_differing()


def test_a_protocol_comes_back_as_it_was_written() -> None:
    by = protocol(*map(gate, gate_kinds()))
    assert protocol_from(json.loads(canonical_json(by.plain())), "protocol.json") == by
    nobody = protocol(gate("served-as-judged")).screening  # it is not asked before the look
    assert nobody.gates == ()
    assert protocol_from(json.loads(canonical_json(nobody.plain())), "protocol.json") == nobody
    with pytest.raises(InputError, match="no gate judges"):
        protocol_from(json.loads(canonical_json(replace(nobody, split="test").plain())), "protocol.json")
