"""IA3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.config.words import Task
from tasks.errors import InputError
from tasks.training.adapters import PeftMethod, attach, leaves, stored_sideways
from tasks.training.blocks import layers
from tasks.training.method import MethodOptions, Tested

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


class IA3(PeftMethod[MethodOptions]):
    """One factor per feature of keys, values and the inner state of the feed-forward.

    GPT-2 holds queries, keys and values in one matrix: there queries get factors, too.
    """

    name = "ia3"
    summary = (
        "Trains one factor per key, value and inner feature: some ten thousand weights. Wants a high learning rate."
    )
    paper = "Liu et al. 2022, Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning"
    tested = Tested(1e-1)
    rate = 50.0

    def check(self, model: PreTrainedModel, options: MethodOptions, task: Task, heads: Sequence[str]) -> None:
        """See that the layers of the architecture are known, and their keys and values."""
        if not all(layer.keys and layer.values for layer in layers(model)):
            hint = "choose another method (galen methods)"
            raise InputError(f"the keys and values of a {model.config.model_type} model are not known", hint=hint)

    def prepare(self, model: PreTrainedModel, options: MethodOptions, task: Task, heads: Sequence[str]) -> PeftModel:
        """The base with factors on it; base weights are frozen, heads train whole."""
        from peft import IA3Config

        inside = layers(model)
        feed_forward = [layer.exit for layer in inside]
        attention = sorted({name for layer in inside for name in (*layer.keys, *layer.values)})
        return attach(
            model,
            IA3Config(
                target_modules=[*attention, *feed_forward],
                fan_in_fan_out=stored_sideways(model, feed_forward),
                feedforward_modules=feed_forward,
                modules_to_save=leaves(model, heads),
            ),
        )
