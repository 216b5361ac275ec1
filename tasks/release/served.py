"""The file that MLflow serves a registered model with. It needs transformers and MLflow, and nothing of Galen.

`predict` takes texts (a list, or a DataFrame with one column) and returns one answer for each, as text:
causal-lm: the answer to a question; text-classification: the label; token-classification: what was found, as
`label: words`, one mention per line.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc import PythonModel

WORD = re.compile(r"\w+|[^\w\s]")


class Served(PythonModel):  # type: ignore[misc]
    """A sealed model folder behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Load the folder with plain transformers; `artifact.json` in it says what it is for."""
        import transformers

        folder = Path(context.artifacts["model"])
        self.meta = json.loads((folder / "artifact.json").read_bytes())["meta"]
        kind = {
            "causal-lm": transformers.AutoModelForCausalLM,
            "text-classification": transformers.AutoModelForSequenceClassification,
            "token-classification": transformers.AutoModelForTokenClassification,
        }[self.meta["task"]]
        self.model = kind.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def predict(self, context: Any, model_input: list[str], params: dict[str, Any] | None = None) -> list[str]:
        """One answer per text."""
        import torch

        answer = {"causal-lm": self._answer, "text-classification": self._label, "token-classification": self._tags}
        with torch.inference_mode():
            return [answer[self.meta["task"]](text) for text in model_input]

    def _answer(self, question: str) -> str:
        tokenizer = self.tokenizer
        if tokenizer.chat_template:
            messages = [{"role": "user", "content": question}]
            prompt, opening = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), []
        else:
            prompt = self.meta["prompt"].replace("{prompt}", question)
            opening = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        ids = self._tensor([opening + tokenizer(prompt, add_special_tokens=False)["input_ids"]])
        written = self.model.generate(
            input_ids=ids,
            attention_mask=ids.new_ones(ids.shape),
            max_new_tokens=self.meta["recipe"]["evaluation"]["generation"]["max_new_tokens"],
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        )
        return str(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)).strip()

    def _label(self, text: str) -> str:
        ids = self._tensor([self.tokenizer(text, truncation=True, max_length=self._longest())["input_ids"]])
        return str(self.meta["labels"][int(self.model(input_ids=ids).logits.argmax())])

    def _tags(self, text: str) -> str:
        words = WORD.findall(text)
        if not words:
            return ""
        tags = self._word_tags(words)
        mentions: list[tuple[str, list[str]]] = []
        before = "O"
        for place, word in enumerate(words):
            tag = tags.get(place, "O")
            kind = tag.partition("-")[2] or tag
            if tag != "O":
                if before == "O" or tag.startswith("B-") or kind != mentions[-1][0]:
                    mentions.append((kind, []))
                mentions[-1][1].append(word)
            before = tag
        return "\n".join(f"{kind}: {' '.join(found)}" for kind, found in mentions)

    def _word_tags(self, words: list[str]) -> dict[int, str]:
        """The tag of each word's first piece. Words are joined and found again as in training and judging
        (`word_pieces` of tasks/training/objectives/token_classification.py): other pieces would get other tags."""
        text = " ".join(words)
        encoded = self.tokenizer(text, truncation=True, max_length=self._longest(), return_offsets_mapping=True)
        best = self.model(input_ids=self._tensor([encoded["input_ids"]])).logits[0].argmax(-1).tolist()
        owner = [place for place, word in enumerate(words) for _ in range(len(word) + 1)]
        tags: dict[int, str] = {}
        for piece, (start, end) in enumerate(encoded["offset_mapping"]):
            if end > start:
                tags.setdefault(owner[end - 1], self.meta["labels"][best[piece]])
        return tags

    def _longest(self) -> int:
        return int(self.meta["training"]["max_length"])

    def _tensor(self, ids: list[list[int]]) -> Any:
        import torch

        return torch.tensor(ids, device=self.model.device)


mlflow.models.set_model(Served())
