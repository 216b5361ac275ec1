"""The file that MLflow serves a registered model with. It needs transformers and MLflow, and nothing of Galen but a
copy of `tasks/model_text.py`, which is registered with it.

One exception: an adapter that cannot be merged (`"loader": "adapter"` in `artifact.json`) lies beside its base, and
Galen's code puts it on. Such a model is loaded where Galen can be imported: in a checkout.

`predict` takes texts (a list, or a DataFrame with one column) and returns one answer for each, as text:
causal-lm and seq2seq-lm: the answer to a question; text-classification: the label; token-classification: what was
found, as `label: words`, one mention per line.
"""

from __future__ import annotations

import importlib.util
import json
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import mlflow
from mlflow.pyfunc import PythonModel

if TYPE_CHECKING:
    from tasks.config.words import Task

BESIDE = Path(__file__).with_name("code") / "model_text.py"
"""Where MLflow keeps what this file was registered with: the same code as it was judged with."""


def _beside() -> ModuleType:
    """The module `model_text` of this very model: another one in the same process may have another."""
    if not BESIDE.is_file():  # not in MLflow yet
        from tasks import model_text

        return model_text
    found = importlib.util.spec_from_file_location("model_text", BESIDE)
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


model_text = _beside()


class Said(NamedTuple):
    """What `artifact.json` says, as far as serving needs it. `tasks/meta/model.py` has it whole, and is not here."""

    task: Task
    labels: list[str]
    loader: str
    method: str
    prompt: str | None
    max_length: int
    """Tokens of a record."""
    max_new_tokens: int
    """Of an answer."""
    words: str | None
    """How a tagger's text becomes words; None where it does not say."""

    @classmethod
    def read(cls, folder: Path) -> Said:
        """From a sealed model folder."""
        meta = json.loads((folder / "artifact.json").read_bytes())["meta"]
        return cls(
            task=meta["task"],
            labels=meta["labels"],
            loader=meta["loader"],
            method=meta["method"]["name"],
            prompt=meta["prompt"],
            max_length=meta["training"]["max_length"],
            max_new_tokens=meta["recipe"]["evaluation"]["generation"]["max_new_tokens"],
            words=(meta.get("words") or {}).get("pattern"),
        )


class Served(PythonModel):  # type: ignore[misc]
    """A sealed model folder behind MLflow's interface."""

    def load_context(self, context: Any) -> None:
        """Load the folder; `artifact.json` in it says what it is for, and whether plain transformers loads it.

        Raises:
            ImportError: it takes Galen to load it, and there is none.
        """
        import transformers

        folder = Path(context.artifacts["model"])
        self.said = Said.read(folder)
        if self.said.loader == "adapter":
            self.model, self.tokenizer = _opened_by_galen(folder, self.said)
            return
        kind = {
            "causal-lm": transformers.AutoModelForCausalLM,
            "seq2seq-lm": transformers.AutoModelForSeq2SeqLM,
            "text-classification": transformers.AutoModelForSequenceClassification,
            "token-classification": transformers.AutoModelForTokenClassification,
        }[self.said.task]
        model, found = kind.from_pretrained(
            folder, use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        if lost := sorted(found["missing_keys"]):  # transformers would draw them at random, and say so in a log only
            raise RuntimeError(f"weight {lost[0]} of the served model is missing: load it again, in one thread")
        self.model = model.eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)

    def predict(self, context: Any, model_input: list[str], params: dict[str, Any] | None = None) -> list[str]:
        """One answer per text."""
        import torch

        answer = {
            "causal-lm": self._answer,
            "seq2seq-lm": self._answer,
            "text-classification": self._label,
            "token-classification": self._tags,
        }
        with torch.inference_mode():
            return [answer[self.said.task](text) for text in model_input]

    def _answer(self, question: str) -> str:
        from transformers import GenerationConfig

        tokenizer, config = self.tokenizer, self.model.config
        ids = self._tensor([self._question_ids(question)])
        for module in self.model.modules():  # the base's own habits may be to search with beams, or not to repeat
            if "generation_config" in vars(module):
                module.generation_config = GenerationConfig()
        written = self.model.generate(
            input_ids=ids,
            attention_mask=ids.new_ones(ids.shape),
            max_new_tokens=self.said.max_new_tokens,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
            decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
        )
        answer = written[0, 1:] if config.is_encoder_decoder else written[0, ids.shape[1] :]
        return str(tokenizer.decode(answer, skip_special_tokens=True)).strip()

    def _question_ids(self, question: str) -> list[int]:
        """As in training and judging (`prompt_ids` of tasks/training/prompts.py); an encoder with too few positions
        reads the end of the question, between the special tokens that its tokenizer puts around any text."""
        tokenizer, config = self.tokenizer, self.model.config
        if tokenizer.chat_template:
            messages = [{"role": "user", "content": question}]
            prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        else:
            prompt = (self.said.prompt or "{prompt}").replace("{prompt}", question)
        around = config.is_encoder_decoder and not tokenizer.chat_template
        ids: list[int] = tokenizer(prompt, add_special_tokens=around)["input_ids"]
        if config.is_encoder_decoder:
            special, room = set(tokenizer.all_special_ids), getattr(config, "max_position_embeddings", None) or len(ids)
            opening = list(takewhile(lambda token: token in special, ids))
            return ids if len(ids) <= room else opening + ids[len(ids) - room + len(opening) :]
        return ids if tokenizer.chat_template or tokenizer.bos_token_id is None else [tokenizer.bos_token_id, *ids]

    def _label(self, text: str) -> str:
        ids, _ = model_text.text_ids(self.tokenizer, [text], self.said.max_length)
        return str(self.said.labels[int(self.model(input_ids=self._tensor(ids)).logits.argmax())])

    def _tags(self, text: str) -> str:
        spans = model_text.word_spans(text, self.said.words)
        words = [text[start:end] for start, end in spans]
        [pieces], _ = model_text.word_pieces(self.tokenizer, [words], self.said.max_length)
        best = self.model(input_ids=self._tensor([pieces.ids])).logits[0].argmax(-1).tolist()
        tags = model_text.word_tags(pieces, best, self.said.labels, len(words))
        return str(model_text.mentions(text, model_text.in_characters(model_text.entities(tags), spans)))

    def _tensor(self, ids: list[list[int]]) -> Any:
        import torch

        return torch.tensor(ids, device=self.model.device)


def _opened_by_galen(folder: Path, said: Said) -> Any:
    """Model and tokenizer of a base with an adapter beside it."""
    try:
        from tasks.artifact import read
        from tasks.training.opening import open_model
    except ImportError as error:
        raise ImportError(
            f"this model is a base with an adapter ({said.method}) beside it, which Galen's code puts on: "
            "load it in a checkout of Galen (run there, or put the checkout on PYTHONPATH)"
        ) from error
    return open_model(read(folder), said.task, said.labels)


mlflow.models.set_model(Served())
