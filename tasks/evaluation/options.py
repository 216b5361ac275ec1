"""How likely each of several answers is behind one prompt, which the model reads once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.evaluation.batches import batches_by_length, padded
from tasks.training.abilities import abilities

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

KEPT_TOKENS = 16_384
"""Rows times positions of one pass over answers: what bounds the memory of the cache that stands behind each."""


@dataclass(frozen=True)
class Asked:
    """A prompt, and the answers to score behind it; all token ids, none of them empty."""

    prompt: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Positions that its rows take."""
        return len(self.answers) * (len(self.prompt) + max(map(len, self.answers)))


def reads_prompts_once(model: Any) -> bool:
    """Whether a model can be asked so, and says the same then: tried on a small one of its architecture."""
    from tasks.training.modules import Prompted

    if model.config.is_encoder_decoder or isinstance(model, Prompted):  # trained vectors come with every input
        return False
    return abilities(model.config, "causal-lm").continues


def behind_prompts(
    model: Any, tokenizer: PreTrainedTokenizerBase, asked: Sequence[Asked]
) -> dict[tuple[tuple[int, ...], tuple[int, ...]], float]:
    """Negative log-likelihood in nats of each answer, summed over its tokens, by prompt and answer."""
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = {}
    for batch in batches_by_length([one.size for one in asked], KEPT_TOKENS):
        some = [asked[place] for place in batch]
        rows = [(one.prompt, answer) for one in some for answer in one.answers]
        found.update(zip(rows, _scored(model, int(tokenizer.pad_token_id or 0), some), strict=True))
    return found


def _scored(model: Any, padding: int, some: Sequence[Asked]) -> list[float]:
    """The same for one batch, in the order of its prompts and their answers."""
    import torch

    from tasks.training.behind import behind, read
    from tasks.training.token_loss import each, only_at

    ids, mask = padded([one.prompt for one in some], padding, model.device, left=True)
    prompts = torch.arange(len(some), device=model.device)
    of = torch.tensor([row for row, one in enumerate(some) for _ in one.answers], device=model.device)
    answers, answered = padded([answer for one in some for answer in one.answers], padding, model.device)
    with torch.inference_mode():
        with only_at(model, prompts, torch.full_like(prompts, -1)):  # the prompt's last token predicts the first
            first = read(model, ids, mask)
        chances = first.logits[0].float().log_softmax(-1)
        sums = -chances[of, answers[:, 0]].double()
        if answers.shape[1] > 1:
            rows, places = answered[:, 1:].nonzero(as_tuple=True)  # the token at t + 1 is predicted at t
            inputs = behind(model, first.past_key_values, mask, of, answers[:, :-1], answered[:, :-1])
            losses = each(model, inputs, (rows, places), answers[rows, places + 1])
            sums.index_add_(0, rows, losses.double())
    return [float(one) for one in sums]
