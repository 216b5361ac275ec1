"""The forms of a model."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class Form(StrEnum):
    """The forms of a model, each an artifact of that kind, in the order in which they are made."""

    ADAPTER = "adapter"
    """What training made of a method that leaves the base as it is."""
    MERGED = "merged"
    """An adapter merged into its base; also what training made of a method that changes the base itself."""
    QUANTIZED = "quantized"
    """A merged model in 4 bits, or an adapter beside its base in 4 bits: what is registered and served."""

    @property
    def step(self) -> Literal["merge", "quantize"] | None:
        """What makes it of another form; an adapter is only ever trained."""
        return _STEP[self]

    @property
    def always_derived(self) -> bool:
        """Whether it must name a form that it was made from: nothing trains in the form that is served."""
        return self is Form.QUANTIZED


_STEP: dict[Form, Literal["merge", "quantize"] | None] = {
    Form.ADAPTER: None,
    Form.MERGED: "merge",
    Form.QUANTIZED: "quantize",
}
FORMS: tuple[str, ...] = tuple(Form)
FormOrBase = Form | Literal["base"]
"""What stands for a model where bases count too: a base as it is has no form."""
