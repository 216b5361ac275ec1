"""What models say that nobody trained."""

from __future__ import annotations

from tasks.config.words import Task
from tasks.meta.base import BaseRef
from tasks.meta.form import Form
from tasks.meta.model import GenerationMeta, JudgedAs, MethodMeta, ModelMeta, RecipeMeta, TrainingMeta


def model_meta(
    form: Form, task: Task, labels: list[str], base: str, *, dataset: str = "d" * 64, parent: str | None = None
) -> ModelMeta:
    """What a model says that nobody trained; `base` and `parent` are digests."""
    return ModelMeta(
        form=form,
        task=task,
        labels=labels,
        method=MethodMeta(name="lora"),
        base=BaseRef(digest=base, ref={"base": "tiny"}),
        parent=parent,
        dataset=dataset,
        recipe=RecipeMeta(evaluation=JudgedAs(generation=GenerationMeta(max_new_tokens=96))),
        loader="adapter" if form is Form.ADAPTER else "transformers",
        prompt=None,
        training=TrainingMeta(
            steps=3,
            planned_steps=3,
            stopped_early=False,
            best_step=3,
            tokens=300,
            target_tokens=30,
            train_loss=1.0,
            validation_loss=1.1,
            records={"train": 18, "validation": 6},
            cut={"train": 0, "validation": 0},
            left_out={"train": 0, "validation": 0},
            padding_share=0.0,
            max_length=64,
            trained_parameters=128,
            precision="float32",
        ),
    )
