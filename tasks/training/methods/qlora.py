"""QLoRA."""

from __future__ import annotations

from tasks.config.release import Quantization
from tasks.training.methods.lora import Lora


class QLora(Lora):
    """LoRA on a base in 4 bits."""

    name = "qlora"
    summary = "LoRA on a base held in 4 bits (NF4): a quarter of the memory of the base, slower per step."
    paper = "Dettmers et al. 2023, QLoRA: Efficient Finetuning of Quantized LLMs"
    base_quantization = Quantization()
    paged_optimizer = True
