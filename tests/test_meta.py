"""What artifacts say about themselves: written and read to the key, and what is missing is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.artifact import Artifact, read, seal
from tasks.config.evaluation import EvaluationSettings
from tasks.config.release import Quantization
from tasks.errors import IntegrityError
from tasks.meta.base import BaseMeta, BaseRef
from tasks.meta.dataset import DatasetMeta, SourceMeta
from tasks.meta.evaluation import EvaluationMeta, SubjectMeta
from tasks.meta.form import Form
from tasks.meta.model import (
    DifferenceMeta,
    MergeMeta,
    MethodMeta,
    ModelMeta,
    QuantizationChecks,
    QuantizationMeta,
    RecipeMeta,
    TrainingMeta,
)
from tasks.meta.record import ArtifactMeta

DATASET = """
{"augmentation": {"noise": 1}, "config": {"source": "b.jsonl"}, "counts": {"test": 1, "train": 3, "validation": 1},
 "deidentification": "rules and lists (tasks/data/phi)", "groups": {"test": 1, "train": 2, "validation": 1},
 "identified": false, "labels": [], "licence": "CC0-1.0", "name": "test", "phi": {"NAME": 3},
 "rejected": {"blank-target": 3},
 "slices": {"category": {"skin": {"test": 1, "train": 3, "validation": 1}}, "language": {}},
 "source": {"digest": "d", "encoding": "utf-8", "format": "jsonl", "rows": 9}, "task": "causal-lm",
 "validation": {"success": true}}
"""
TRAINED = """
{"base": {"digest": "b", "ref": {"base": "tiny"}}, "dataset": "d", "form": "adapter", "labels": ["a", "b"],
 "loader": "adapter", "method": {"name": "lora", "rank": 4}, "parent": null, "prompt": null,
 "recipe": {"evaluation": {"confidence": 0.95, "generation": {"max_new_tokens": 96}}, "seed": 17,
            "task": "text-classification"},
 "task": "text-classification",
 "training": {"best_step": 8, "cut": {"train": 1, "validation": 0}, "left_out": {"train": 0, "validation": 0},
              "max_length": 512, "padding_share": 0.25, "planned_steps": 12, "precision": "float32",
              "records": {"train": 18, "validation": 6}, "steps": 12, "stopped_early": false, "target_tokens": 18,
              "tokens": 300, "train_loss": 1, "trained_parameters": 4096, "validation_loss": 1.5}}
"""
MERGE = """
{"base": "original", "changed": 4, "dtype": "float32",
 "from_adapter": {"kl": 0, "max_logit_difference": 1e-06, "top1_agreement": 1},
 "saved_from_adapter": {"kl": 0, "max_logit_difference": 1e-06, "top1_agreement": 1},
 "tied_embeddings": true, "tokenizer": "t"}
"""
QUANTIZED = """
{"bits_per_parameter": 4.127, "bytes": 4096, "compute_dtype": "bfloat16", "double_quantization": true,
 "from_parent": {"kl": 0.1, "max_logit_difference": 0.2, "top1_agreement": 0.99}, "layers": 4, "left_out": ["head"],
 "parent_bytes": 8192, "skip_modules": [], "type": "nf4", "weight_error": 0.152}
"""
EVALUATION = """
{"cut": 0, "groups": 3, "labels": ["a", "b"], "records": 6,
 "settings": {"confidence": 0.95, "generation": {"max_new_tokens": 96}, "max_records": null, "resamples": 1000},
 "split": "test", "subject": {"base": "b", "digest": "m", "form": "merged", "labels": ["a", "b"], "parent": "p"},
 "task": "text-classification", "test": "t"}
"""
BASE = '{"corpus": "c", "name": "tiny", "spec": {"hidden": 64}, "training": {"steps": 9, "plateau": true}}'

ALIKE = DifferenceMeta(kl=0.0, max_logit_difference=1e-6, top1_agreement=1.0)
CHECKS = QuantizationChecks(
    layers=4,
    left_out=["head"],
    bits_per_parameter=4.127,
    bytes=4096,
    parent_bytes=8192,
    weight_error=0.152,
    from_parent=DifferenceMeta(kl=0.1, max_logit_difference=0.2, top1_agreement=0.99),
)


def trained() -> ModelMeta:
    return ModelMeta(
        form=Form.ADAPTER,
        task="text-classification",
        labels=["a", "b"],
        method=MethodMeta.model_validate({"name": "lora", "rank": 4}),
        base=BaseRef(digest="b", ref={"base": "tiny"}),
        parent=None,
        dataset="d",
        recipe=RecipeMeta.model_validate(
            {
                "task": "text-classification",
                "seed": 17,
                "evaluation": {"confidence": 0.95, "generation": {"max_new_tokens": 96}},
            }
        ),
        loader="adapter",
        prompt=None,
        training=TrainingMeta(
            steps=12,
            planned_steps=12,
            stopped_early=False,
            best_step=8,
            tokens=300,
            target_tokens=18,
            train_loss=1.0,
            validation_loss=1.5,
            records={"train": 18, "validation": 6},
            cut={"train": 1, "validation": 0},
            left_out={"train": 0, "validation": 0},
            padding_share=0.25,
            max_length=512,
            trained_parameters=4096,
            precision="float32",
        ),
    )


def merged() -> ModelMeta:
    checks = MergeMeta(
        base="original",
        dtype="float32",
        changed=4,
        tied_embeddings=True,
        tokenizer="t",
        from_adapter=ALIKE,
        saved_from_adapter=ALIKE,
    )
    return trained().merged("p", checks)


def said(meta: ArtifactMeta, kind: str, folder: Path) -> Any:
    """What artifact.json holds once a record is sealed."""
    folder.mkdir()
    seal(folder, kind, meta.plain())
    return json.loads((folder / "artifact.json").read_bytes())["meta"]


def artifact(kind: str, meta: Any) -> Artifact:
    return Artifact("0" * 64, kind, Path(), meta, {})


def test_a_dataset_seals_what_it_always_did(tmp_path: Path) -> None:
    meta = DatasetMeta(
        name="test",
        task="causal-lm",
        labels=[],
        counts={"train": 3, "validation": 1, "test": 1},
        groups={"train": 2, "validation": 1, "test": 1},
        slices={"category": {"skin": {"train": 3, "validation": 1, "test": 1}}, "language": {}},
        rejected={"blank-target": 3},
        phi={"NAME": 3},
        deidentification="rules and lists (tasks/data/phi)",
        source=SourceMeta(digest="d", format="jsonl", encoding="utf-8", rows=9),
        config={"source": "b.jsonl"},
        validation={"success": True},
        augmentation={"noise": 1},
        identified=False,
        licence="CC0-1.0",
    )
    assert said(meta, "dataset", tmp_path / "one") == json.loads(DATASET)


def test_each_form_seals_what_it_always_did(tmp_path: Path) -> None:
    adapter = json.loads(TRAINED)
    assert said(trained(), "adapter", tmp_path / "adapter") == adapter

    changed = {"form": "merged", "parent": "p", "loader": "transformers", "merge": json.loads(MERGE)}
    assert said(merged(), "merged", tmp_path / "merged") == adapter | changed

    found = QuantizationMeta.of(Quantization(), CHECKS)
    small = changed | {"form": "quantized", "parent": "q", "quantization": json.loads(QUANTIZED)}
    assert said(merged().quantized("q", found), "quantized", tmp_path / "quantized") == adapter | small

    beside = {"form": "quantized", "parent": "q", "quantization": json.loads(QUANTIZED)}
    assert said(trained().quantized("q", found), "quantized", tmp_path / "beside") == adapter | beside


def test_an_evaluation_seals_what_it_always_did(tmp_path: Path) -> None:
    meta = EvaluationMeta(
        subject=SubjectMeta.model_validate(
            {"digest": "m", "form": "merged", "parent": "p", "base": "b", "labels": ["a", "b"]}
        ),
        task="text-classification",
        labels=["a", "b"],
        split="test",
        test="t",
        settings=EvaluationSettings(),
        records=6,
        groups=3,
        cut=0,
    )
    assert said(meta, "evaluation", tmp_path / "one") == json.loads(EVALUATION)


@pytest.mark.parametrize(
    ("record", "kind", "text"),
    [
        (DatasetMeta, "dataset", DATASET),
        (ModelMeta, "adapter", TRAINED),
        (EvaluationMeta, "evaluation", EVALUATION),
        (BaseMeta, "base", BASE),
    ],
)
def test_what_was_read_is_written_the_same_and_what_is_missing_is_named(
    record: type[ArtifactMeta], kind: str, text: str
) -> None:
    plain = json.loads(text)
    found = record.read(artifact(kind, plain))
    assert json.dumps(found.plain(), sort_keys=True) == json.dumps(plain, sort_keys=True).replace(
        '"train_loss": 1,', '"train_loss": 1.0,'
    )
    for key in plain.keys() - {"deidentification"}:  # which artifacts of before 0.1 did not say
        with pytest.raises(IntegrityError, match=f"{kind} 000000000000 does not say its {key}") as caught:
            record.read(artifact(kind, {name: value for name, value in plain.items() if name != key}))
        assert caught.value.exit_code == 6
    with pytest.raises(IntegrityError, match=f"this other is not {record.what}"):
        record.read(artifact("other", plain))


def test_a_fault_inside_is_named_by_its_path_and_no_value_is_quoted() -> None:
    plain = json.loads(TRAINED)
    plain["training"]["steps"] = "Jane Roe"
    with pytest.raises(IntegrityError, match=r"something else as its training\.steps") as caught:
        ModelMeta.read(artifact("adapter", plain))
    assert "Jane Roe" not in str(caught.value)
    del plain["training"]["steps"]
    with pytest.raises(IntegrityError, match=r"does not say its training\.steps"):
        ModelMeta.read(artifact("adapter", plain))
    with pytest.raises(IntegrityError, match="something else as its colour"):
        ModelMeta.read(artifact("adapter", json.loads(TRAINED) | {"colour": "blue"}))


def test_a_served_form_without_a_parent_is_none() -> None:
    plain = json.loads(TRAINED) | {"form": "quantized"}
    with pytest.raises(IntegrityError, match="a quantized model must name the form"):
        ModelMeta.read(artifact("quantized", plain))


def test_settings_and_findings_of_a_quantization_are_told_apart() -> None:
    found = QuantizationMeta.of(Quantization(skip_modules=("head",)), CHECKS)
    assert found.config() == {
        "type": "nf4", "double_quantization": True, "compute_dtype": "bfloat16", "skip_modules": ["head"],
    }  # fmt: skip
    assert found.checks() == CHECKS.plain()
    assert found.config() | found.checks() == found.plain()


def test_a_sealed_folder_is_read_back_as_a_record(tmp_path: Path) -> None:
    seal(tmp_path, "merged", merged().plain())
    again = ModelMeta.read(read(tmp_path))
    assert again == merged()
    assert (again.form, again.form.step, again.beside) == (Form.MERGED, "merge", False)
    assert trained().beside
