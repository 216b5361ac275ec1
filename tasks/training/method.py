"""What a fine-tuning method is. Each lives in one file of `methods/`, found by its name; nothing else lists them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import ValidationError

from tasks.config.release import Quantization
from tasks.config.words import TASKS, Task
from tasks.errors import InputError
from tasks.meta.model import ModelMeta
from tasks.plugins import kinds_in
from tasks.settings import Settings

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class MethodOptions(Settings):
    """What a recipe says under `method:`; each method adds its own settings."""

    name: str


Options = TypeVar("Options", bound=MethodOptions)


@dataclass(frozen=True)
class Tested:
    """How the tests train a tiny model (two layers of 64 features) with a method, which must learn then."""

    rate: float
    """Learning rate."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the method: small, as the model is."""
    epochs: int = 10


@dataclass(frozen=True)
class Trained:
    """What training made, opened beside its base, for the method to say what it learned."""

    folder: Path
    """As `Method.save` wrote it."""
    model: Any
    """In evaluation mode, float32."""
    base: PreTrainedModel
    """The same without what was learned."""
    tokenizer: PreTrainedTokenizerBase
    """Of the base."""
    texts: Sequence[Sequence[int]]
    """Token ids of some inputs."""
    read: Callable[[Sequence[int]], object]
    """Lets `model` read one of them, without padding."""


class Companion(Protocol):
    """What a method does beside the optimizer, in every step of a training."""

    ready_at: int
    """The first step (1-based) whose weights are what the method promises: only from it on is the best looked for."""

    def penalty(self) -> torch.Tensor | None:
        """A scalar to add to the loss of a step, None for nothing."""

    def after_step(self, step: int, weights: Mapping[str, torch.Tensor]) -> None:
        """Look at the float32 weights that train, by name, and their gradients, and change them in place.

        Called when the optimizer has moved them; `step` is 1-based.
        """

    def state(self) -> dict[str, Any]:
        """Tensors and plain data, for a checkpoint."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""


class Method(ABC, Generic[Options]):
    """One way to learn. Stateless: everything it needs comes in as an argument.

    `prepare` decides which parameters learn (`requires_grad`); training, checkpoints and resuming are the same for all.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for `galen methods`: what it trains, and when to choose it."""
    paper: ClassVar[str]
    """Authors, year, title; empty for methods that nobody published."""
    options: ClassVar[type[MethodOptions]] = MethodOptions
    example: ClassVar[Mapping[str, Any]] = {}
    """Settings to show the method with, where it has no default ones."""
    rate: ClassVar[float] = 10.0
    """Learning rate to start from, over that of full fine-tuning: after the method's paper, not tuned."""
    tested: ClassVar[Tested]
    tables: ClassVar[Mapping[str, tuple[str, str]]] = {}
    """Numbers by column in what `learned` gives: key -> title and explanation of a table in reports of comparisons."""
    tasks: ClassVar[frozenset[Task]] = frozenset(TASKS)
    has_adapter: ClassVar[bool]
    """Whether training makes a small adapter beside the base (True), or a whole model (False: the merged form)."""
    why_not: ClassVar[str] = ""
    """Why it cannot do the tasks that it cannot do."""
    mergeable: ClassVar[bool] = True
    """Whether an adapter can become part of the base's weights."""
    base_quantization: ClassVar[Quantization | None] = None
    """The base is loaded in 4 bits while the method trains."""

    paged_optimizer: ClassVar[bool] = False
    """Where there is CUDA, optimizer state may be moved to CPU memory under pressure."""

    plain_attention: ClassVar[bool] = True
    """Queries and keys are those of the input's tokens: nothing is put before them (a prefix would be)."""

    packs: ClassVar[bool] = True
    """Several records may share a row."""

    reads_vocabulary: ClassVar[bool] = False
    """It looks up tokens of the base's vocabulary, by their text, while it is put on."""

    rehearsed: ClassVar[bool] = True
    """It is tried on a small model when a recipe is checked: it needs nothing of the base but its architecture."""

    @property
    def module(self) -> str:
        """Name of the file that it lives in, as a plug-in of `tasks.code.code_of`."""
        return type(self).__module__

    def check(self, model: PreTrainedModel, options: Options, task: Task, heads: Sequence[str]) -> None:
        """See that the settings fit the model, from shapes and names alone: when a recipe is read, not an hour later.

        Args:
            model: the base on the meta device: without values.
            options: as for `prepare`.
            task: likewise.
            heads: likewise.

        Raises:
            InputError: they do not.
        """

    def tokenizer(self, tokenizer: PreTrainedTokenizerBase, options: Options) -> PreTrainedTokenizerBase:
        """What the model reads with, and is saved with: the base's own tokenizer, the same object, or another."""
        return tokenizer

    @abstractmethod
    def prepare(self, model: PreTrainedModel, options: Options, task: Task, heads: Sequence[str]) -> Any:
        """Return the model that trains: the given one, or one wrapped around it, with `requires_grad` set.

        Args:
            model: the base, loaded for the task.
            options: its own, as the recipe says.
            task: what it is to learn.
            heads: names of the modules made for the task (classification): they train with every method.

        Raises:
            InputError: the settings do not fit the model.
        """

    def companion(self, model: Any, options: Options, steps: int) -> Companion | None:
        """What the method does beside the optimizer while a model trains for so many steps; most do nothing.

        Raises:
            InputError: there are too few steps for it.
        """
        return None

    @abstractmethod
    def save(self, model: Any, folder: Path) -> None:
        """Write what was learned: safetensors and JSON only, the same bytes for the same values."""

    @abstractmethod
    def load(self, base: PreTrainedModel, folder: Path, options: Options) -> Any:
        """The model that `save` wrote, on a fresh base, in evaluation mode.

        Raises:
            IntegrityError: a key is missing or left over: PEFT alone would keep silent.
        """

    def learned(self, trained: Trained) -> dict[str, Any]:
        """What a person can read of what was learned, beyond changed weights, as plain data; most have nothing.

        Returns:
            by key: numbers by column for each of `tables`; or `words`, for each trained vector the nearest tokens.
        """
        return {}

    def merge(self, model: Any) -> PreTrainedModel:
        """The plain transformers model with what was learned inside its weights, float32.

        Raises:
            InputError: this method cannot be merged; the message says why.
        """
        raise InputError(f"{self.name} cannot be merged", hint="the adapter is served beside its base")


@cache
def methods() -> Mapping[str, Method[Any]]:
    """Every method by name: one instance of the `Method` in each file of `methods/`."""
    import tasks.training.methods as package

    return {kind.name: kind() for kind in sorted(kinds_in(package, Method), key=lambda kind: kind.name)}


def method_of(options: MethodOptions) -> Method[Any]:
    """The method that a recipe chose."""
    return methods()[options.name]


def method_named(name: object) -> Method[Any]:
    """The method of that name.

    Raises:
        InputError: there is none.
    """
    try:
        return methods()[str(name)]
    except KeyError:
        raise InputError("no such method", value=name, hint=f"there are: {', '.join(methods())}") from None


def options_of(said: ModelMeta) -> MethodOptions:
    """The settings of the method that a model was trained with."""
    return parse_options(said.method.plain())


def parse_options(method: Mapping[str, Any]) -> MethodOptions:
    """The typed settings of a recipe's `method:`.

    Raises:
        ValueError: every fault at once (pydantic shows it under `method`).
    """
    if not isinstance(method.get("name"), str):
        raise ValueError(f"method needs a name (one of: {', '.join(methods())})")
    if method["name"] not in methods():
        raise ValueError(f"no method is called {method['name']!r} (there are: {', '.join(methods())})")
    kind = methods()[method["name"]].options
    try:
        return kind.model_validate(dict(method))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        known = ", ".join(sorted(kind.model_fields))
        raise ValueError(f"{'; '.join(faults)} (settings of {method['name']}: {known})") from None
