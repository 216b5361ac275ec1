"""The file that MLflow serves a registered model with. It needs transformers and MLflow, and nothing of Galen but
copies of `tasks/model_text.py` and `tasks/training/prompts.py`, which are registered with it.

One exception: an adapter that cannot be merged (`"loader": "adapter"` in `artifact.json`) lies beside its base, and
Galen's code puts it on. Such a model is loaded where Galen can be imported: in a checkout.

`predict` takes texts (a list, an array or a Series, or a DataFrame with one column) and returns one answer for each:
causal-lm and seq2seq-lm: the answer to a question; text-classification: the label; token-classification: what was
found, as `label: words`, one mention per line.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import mlflow
from mlflow.pyfunc import PythonModel

if TYPE_CHECKING:
    from tasks.config.words import Task

PACKAGE = Path(__file__).parent
STATEMENT = "galen.dsse"
"""What the machine that made this folder stated of it: the SHA-256 of every other file, signed. Whoever holds that
machine's public key can check the signature; here the files are held against what was stated."""
BESIDE = PACKAGE / "code"
"""Where MLflow keeps what this file was registered with: the same code as it was judged with."""
IN_MLFLOW = (PACKAGE / "MLmodel").is_file()


def check_files() -> None:
    """See that this folder holds what was registered, no more and no less, before anything of it is loaded.

    Raises:
        RuntimeError: a file was changed, added or is missing.
    """
    outer = json.loads((PACKAGE / STATEMENT).read_bytes())
    files = json.loads(base64.b64decode(outer["payload"]))["files"]
    left_by_loading = {STATEMENT, "registered_model_meta"}
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise RuntimeError(f"{name} of this model is no file: it is not what was registered")
        if path.is_file() and name not in files and name not in left_by_loading and path.parent.name != "__pycache__":
            raise RuntimeError(f"{name} was added to this model after it was registered")
    for name, digest in files.items():
        if not (PACKAGE / name).is_file() or _sha256(PACKAGE / name) != digest:
            raise RuntimeError(f"{name} of this model is not what was registered: fetch the model again")


def _sha256(file: Path) -> str:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def _beside(name: str) -> ModuleType:
    """A module of this very model: another model in the same process may have another. Of compiled code that lies
    there none is run."""
    file = BESIDE / f"{name.rpartition('.')[2]}.py"
    if not IN_MLFLOW:
        return importlib.import_module(name)
    module = ModuleType(file.stem)
    module.__file__ = str(file)
    exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)
    return module


if IN_MLFLOW:
    check_files()
model_text = _beside("tasks.model_text")
prompts = _beside("tasks.training.prompts")


class Said(NamedTuple):
    """What `artifact.json` says, as far as serving needs it. `tasks/meta/model.py` has it whole, and is not here."""

    task: Task
    labels: list[str]
    loader: str
    method: str
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
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.tokenizer = prompts.keep_controls_apart(tokenizer)

    def predict(  # type: ignore[no-untyped-def]
        self, context: Any, model_input, params: dict[str, Any] | None = None
    ) -> list[str]:
        """One answer per text.

        MLflow's server would refuse a DataFrame if `model_input` had a type, and drop columns if it had a signature.

        Raises:
            MlflowException: not texts, which the server answers with status 400.
        """
        import torch

        texts = texts_of(model_input)

        answer = {
            "causal-lm": self._answer,
            "seq2seq-lm": self._answer,
            "text-classification": self._label,
            "token-classification": self._tags,
        }
        with torch.inference_mode():
            return [answer[self.said.task](text) for text in texts]

    def _answer(self, question: str) -> str:
        model, tokenizer = self.model, self.tokenizer
        ends = prompts.write_greedily(model, tokenizer)
        [asked] = prompts.prompt_ids(tokenizer, [question], self.said.task)
        positions = getattr(model.config, "max_position_embeddings", None)
        ids = self._tensor([prompts.end_of(tokenizer, model.config, asked, positions, self.said.max_new_tokens)])
        written = model.generate(
            input_ids=ids, attention_mask=ids.new_ones(ids.shape), max_new_tokens=self.said.max_new_tokens
        )
        answer = written[0, 1:] if model.config.is_encoder_decoder else written[0, ids.shape[1] :]
        return str(prompts.answer_text(tokenizer, answer.tolist(), ends))

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


def texts_of(given: Any) -> list[str]:
    """The texts that MLflow hands over: a list, an array, a Series, or a DataFrame (or its columns) with one column.

    Raises:
        MlflowException: anything else; the message holds nothing of it.
    """
    columns = [given[name] for name in given] if hasattr(given, "columns") or isinstance(given, dict) else [given]
    if len(columns) != 1:
        raise _refused(f"one column of texts is expected, and {len(columns)} were given")
    texts = columns[0].tolist() if hasattr(columns[0], "tolist") else columns[0]
    if isinstance(texts, str):
        return [texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise _refused("a list of texts is expected, or a DataFrame with one column of texts")
    return texts


def _refused(what: str) -> Exception:
    from mlflow.exceptions import MlflowException

    refused: Exception = MlflowException.invalid_parameter_value(what)
    return refused


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
