"""What the model libraries would say without being asked."""

from __future__ import annotations

import logging
import warnings


def quiet() -> None:
    """Keep transformers from drawing bars and from reporting new heads, and bitsandbytes from a warning at import.

    What is missing or left over is checked here. bitsandbytes warns that the optional package `kernels` is absent:
    that kernel is for repacked weights, which are off here.
    """
    from transformers.utils import logging as transformers_logging

    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # PEFT asks for it on every load
