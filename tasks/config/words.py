"""Words that every room uses: tasks, splits, names and shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

DatasetTask = Literal["causal-lm", "text-classification", "token-classification"]
"""What records hold: questions and answers, texts and labels, or tokens and tags."""
DATASET_TASKS: tuple[DatasetTask, ...] = ("causal-lm", "text-classification", "token-classification")
Task = Literal["causal-lm", "seq2seq-lm", "text-classification", "token-classification"]
"""What a model does."""
TASKS: tuple[Task, ...] = ("causal-lm", "seq2seq-lm", "text-classification", "token-classification")
DATASET_TASK: dict[Task, DatasetTask] = {**{task: task for task in DATASET_TASKS}, "seq2seq-lm": "causal-lm"}
"""Which records, and which policies, a model's task needs: decoders and encoder-decoders learn from the same ones."""
GENERATING: frozenset[Task] = frozenset({"causal-lm", "seq2seq-lm"})
"""Tasks whose output is text: the base model needs no new head, and there are no labels."""
Split = Literal["train", "validation", "test"]
Seed = Annotated[int, Field(ge=0, lt=1 << 32)]
"""What every generator of random numbers takes."""
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
