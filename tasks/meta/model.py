"""What a model says about itself, in every form."""

from __future__ import annotations

from typing import Literal, Self

from tasks.artifact import Artifact
from tasks.config.release import Quantization
from tasks.config.words import Split, Task
from tasks.errors import IntegrityError
from tasks.meta.base import BaseRef
from tasks.meta.form import FORMS, Form
from tasks.meta.record import ArtifactMeta, OpenRecord, Plain, Record

Loader = Literal["transformers", "adapter"]
"""What opens a model: plain transformers, or Galen, which puts the adapter on its base."""


class MethodMeta(OpenRecord):
    """A method, and its own options."""

    name: str


class GenerationMeta(OpenRecord):
    """How answers are generated."""

    max_new_tokens: int


class JudgedAs(OpenRecord):
    """The recipe's evaluation settings."""

    generation: GenerationMeta


class RecipeMeta(OpenRecord):
    """The parts of the recipe that decided what was learned, and that say how the model is to be used."""

    evaluation: JudgedAs


class TrainingMeta(Record):
    """How the training went; everything in it comes out the same again."""

    steps: int
    planned_steps: int
    stopped_early: bool
    best_step: int
    tokens: int
    target_tokens: int
    train_loss: float
    validation_loss: float
    records: dict[Split, int]
    cut: dict[Split, int]
    """Records that were too long, and lost their end."""
    left_out: dict[Split, int]
    """Records of which no answer was left."""
    padding_share: float
    max_length: int
    """Tokens of a record, at most."""
    trained_parameters: int
    precision: str
    """What it computed in: a dtype of torch."""


class WordsMeta(Record):
    """How a tagger's text becomes words: as the tokens were cut that it learned from (`tasks.training.words`)."""

    pattern: str
    """A regular expression; what it matches, from left to right, are the words."""
    found_again: float
    """Share of the train split's tokens that are words of their text."""


class DifferenceMeta(Record):
    """How far the outputs of a form are from those of the form that it was made from."""

    kl: float
    """Nats."""
    max_logit_difference: float
    top1_agreement: float


class MergeMeta(Record):
    """What a merge found out about its own output."""

    base: Literal["original", "dequantized"]
    dtype: str
    changed: int
    """Weights that are not as they were."""
    tied_embeddings: bool
    tokenizer: str
    """Digest."""
    from_adapter: DifferenceMeta
    saved_from_adapter: DifferenceMeta


class QuantizationChecks(Record):
    """What quantizing found out about its own output."""

    layers: int
    left_out: list[str]
    """Modules in full precision."""
    bits_per_parameter: float
    bytes: int
    parent_bytes: int
    weight_error: float
    from_parent: DifferenceMeta
    as_served: DifferenceMeta | None = None
    """Between two kernels, for a form that plain transformers opens."""


class QuantizationMeta(QuantizationChecks):
    """How a form was quantized, and what that found out."""

    type: Literal["nf4"]
    double_quantization: bool
    compute_dtype: str
    skip_modules: list[str]

    @classmethod
    def of(cls, settings: Quantization, checks: QuantizationChecks) -> Self:
        """Both in one."""
        return cls.model_validate({"type": "nf4", **settings.plain(), **checks.plain()})

    def checks(self) -> Plain:
        """What it found out, without the settings."""
        return {name: value for name, value in self.plain().items() if name in QuantizationChecks.model_fields}

    def config(self) -> Plain:
        """The settings alone."""
        return {name: value for name, value in self.plain().items() if name not in QuantizationChecks.model_fields}


class ModelMeta(ArtifactMeta):
    """A model in any form."""

    kinds = FORMS
    what = "a model"
    form: Form
    task: Task
    labels: list[str]
    method: MethodMeta
    base: BaseRef
    parent: str | None
    """Digest of the form that it was made from; None for what was trained."""
    dataset: str
    """Digest of the version that it learned from."""
    recipe: RecipeMeta
    loader: Loader
    prompt: str | None
    """How a question is put, with `{prompt}` in it; None for models that write no text."""
    training: TrainingMeta
    words: WordsMeta | None = None
    """Of taggers. None where it does not say: then as `WORD_OR_MARK` of tasks/model_text.py."""
    merge: MergeMeta | None = None
    quantization: QuantizationMeta | None = None

    @classmethod
    def read(cls, artifact: Artifact) -> Self:
        """As `ArtifactMeta.read`; a form that is never trained must name its parent."""
        found = super().read(artifact)
        if found.form.always_derived and found.parent is None:
            what = f"a {found.form} model must name the form that it was made from"
            raise IntegrityError(what, value=artifact.digest)
        return found

    @property
    def beside(self) -> bool:
        """Whether it is an adapter that Galen puts on its base, rather than one plain folder for transformers."""
        return self.loader == "adapter"

    def derivation(self) -> tuple[Plain, Plain]:
        """The settings of the step that made this form of another one, and what the step found out; {} for trained."""
        if self.form is Form.QUANTIZED and self.quantization:
            return self.quantization.config(), self.quantization.checks()
        return {}, self.merge.plain() if self.form is Form.MERGED and self.merge else {}

    def merged(self, parent: str, checks: MergeMeta) -> Self:
        """What the merged form of this adapter says; `parent` is the adapter's digest."""
        return self._made_into(form=Form.MERGED, parent=parent, loader="transformers", merge=checks)

    def quantized(self, parent: str, found: QuantizationMeta | None = None) -> Self:
        """What the quantized form of this model says; `parent` is the model's digest, `found` None before a check."""
        return self._made_into(form=Form.QUANTIZED, parent=parent, quantization=found)

    def _made_into(self, **changed: object) -> Self:
        return self.model_copy(update=changed)
