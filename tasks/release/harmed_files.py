"""Harms by changed files of a served model: tokenizer, configuration, and the code that MLflow serves it with."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tasks.config.words import GENERATING
from tasks.digest import digest_file
from tasks.meta.model import ModelMeta
from tasks.meta.record import Plain
from tasks.release.as_served import texts_of
from tasks.release.harm import ANCHOR, BASE, BOUNDS, CHAMPION, PARENT, RIVAL, SERVED, DoesNotApply
from tasks.release.package import STATEMENT
from tasks.release.rehearsal import Rehearsal
from tasks.store import Store

WORSE = (CHAMPION, PARENT, ANCHOR, BASE, RIVAL, BOUNDS)
"""Kinds of gates that notice a model which has become worse than it was."""


@dataclass(frozen=True)
class Copy:
    """A copy of a form of a model, about to be harmed."""

    folder: Path
    said: ModelMeta
    rehearsal: Rehearsal
    store: Store
    scratch: Store

    @property
    def texts(self) -> list[str]:
        """The raw texts that it is judged on, in the order of its scores."""
        ids = self.rehearsal.case.scores.columns["record_id"]
        return texts_of(self.rehearsal.dataset, ids, self.rehearsal.split)

    def json(self, name: str) -> dict[str, Any]:
        """One of its files.

        Raises:
            DoesNotApply: it has none of that name.
        """
        if not (self.folder / name).is_file():
            raise DoesNotApply(f"the model has no {name}")
        found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return found

    def write(self, name: str, data: Any) -> None:
        """Write one of its files anew."""
        (self.folder / name).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


Change = Callable[[Copy, float, Random], "Plain | None"]
"""What is done to a copy, at a strength; it returns what the copy says of itself, where that is changed too."""


def _nothing(copy: Copy, scale: float, chance: Random) -> None:
    """Only what MLflow would serve is changed, after it was packaged."""


@dataclass(frozen=True)
class FileHarm:
    """A harm by a changed file that is no weight."""

    name: str
    what: str
    meant: tuple[str, ...]
    change: Change = _nothing
    package: Callable[[Path], None] | None = None
    """Done to the package that MLflow would serve."""


def _labels_in_config(copy: Copy, scale: float, chance: Random) -> None:
    """Two names change places in `config.json`, which whoever loads the folder with transformers goes by."""
    if len(copy.said.labels) < 2:
        raise DoesNotApply("the model has no labels")
    config = copy.json("config.json")
    one, other = chance.sample(sorted(config["id2label"]), 2)
    names = config["id2label"]
    names[one], names[other] = names[other], names[one]
    config["label2id"] = {name: int(place) for place, name in names.items()}
    copy.write("config.json", config)


def _labels_in_manifest(copy: Copy, scale: float, chance: Random) -> Plain:
    """The names of the outputs in another order, as Galen reads them."""
    if len(copy.said.labels) < 2:
        raise DoesNotApply("the model has no labels")
    return copy.said.plain() | {"labels": [*copy.said.labels[1:], copy.said.labels[0]]}


def _short(copy: Copy, scale: float, chance: Random) -> Plain:
    """The manifest says that a text has few tokens, or an answer two."""
    plain = copy.said.plain()
    if copy.said.task in GENERATING:
        plain["recipe"]["evaluation"]["generation"]["max_new_tokens"] = 2
    else:
        plain["training"]["max_length"] = 4
    return plain


def _no_end(copy: Copy, scale: float, chance: Random) -> None:
    config = copy.json("generation_config.json")
    if copy.said.task not in GENERATING or config.pop("eos_token_id", None) is None:
        raise DoesNotApply("no end token is named for writing")
    copy.write("generation_config.json", config)


def _other_template(copy: Copy, scale: float, chance: Random) -> None:
    """A chat template that puts the question in other words than it was trained with."""
    if copy.said.task != "causal-lm":
        raise DoesNotApply("questions are put by no template")
    text = "{% for message in messages %}[INST] {{ message['content'] }} [/INST]{% endfor %}"
    (copy.folder / "chat_template.jinja").write_text(text, encoding="utf-8")


def _shifted_vocabulary(copy: Copy, scale: float, chance: Random) -> None:
    """Every ordinary token has the number of the next one."""
    tokenizer = copy.json("tokenizer.json")
    special = {one["content"] for one in tokenizer["added_tokens"]}
    vocabulary = tokenizer["model"].get("vocab")
    if isinstance(vocabulary, dict):
        ordinary = sorted((name for name in vocabulary if name not in special), key=vocabulary.__getitem__)
        numbers = [vocabulary[name] for name in ordinary]
        vocabulary.update(zip(ordinary, [*numbers[1:], numbers[0]], strict=True))
    elif isinstance(vocabulary, list):
        places = [place for place, (name, _) in enumerate(vocabulary) if name not in special]
        held = [vocabulary[place] for place in places]
        for place, one in zip(places, [held[-1], *held[:-1]], strict=True):
            vocabulary[place] = one
    else:
        raise DoesNotApply("the tokenizer has no list of tokens")
    copy.write("tokenizer.json", tokenizer)


def _other_case(copy: Copy, scale: float, chance: Random) -> None:
    """A tokenizer that lower-cases no longer does; one that does not, does."""
    if all(text == text.lower() for text in copy.texts):
        raise DoesNotApply("no text has a capital letter")
    tokenizer, config = copy.json("tokenizer.json"), copy.json("tokenizer_config.json")
    before = tokenizer.get("normalizer")
    lowers = "owercase" in json.dumps(before or {}) and '"lowercase": false' not in json.dumps(before or {})
    if lowers and isinstance(before, dict) and "lowercase" in before:
        before["lowercase"] = False
    elif lowers:
        tokenizer["normalizer"] = None
    elif before and "lowercase" in before:
        before["lowercase"] = True
    else:
        tokenizer["normalizer"] = {
            "type": "Sequence",
            "normalizers": [*([before] if before else []), {"type": "Lowercase"}],
        }
    if "do_lower_case" in config:
        config["do_lower_case"] = not lowers
    copy.write("tokenizer.json", tokenizer)
    copy.write("tokenizer_config.json", config)


def _half_read(package: Path) -> None:
    """Code that reads half of every text, in a package whose statement was written anew to fit."""
    file = package / "served.py"
    text = file.read_text(encoding="utf-8")
    changed = text.replace(
        "texts = texts_of(model_input)", "texts = [one[len(one) // 2 :] for one in texts_of(model_input)]"
    )
    if changed == text:
        raise DoesNotApply("the code that serves is not known here")
    file.write_text(changed, encoding="utf-8")
    outer = json.loads((package / STATEMENT).read_bytes())
    said = json.loads(base64.b64decode(outer["payload"]))
    said["files"]["served.py"] = digest_file(file)
    outer["payload"] = base64.b64encode(json.dumps(said).encode()).decode()
    (package / STATEMENT).write_text(json.dumps(outer), encoding="utf-8")


def _one_byte_more(package: Path) -> None:
    """A file of the package is not what was stated of it, by one line break."""
    file = sorted(package.glob("artifacts/*/config.json"))
    if not file:
        raise DoesNotApply("the package holds no config.json")
    file[0].write_bytes(file[0].read_bytes() + b"\n")


FILES: tuple[FileHarm, ...] = (
    FileHarm("labels-swapped-in-config", "config.json names two outputs wrongly", (SERVED,), _labels_in_config),
    FileHarm("labels-in-another-order", "the manifest names outputs in another order", WORSE, _labels_in_manifest),
    FileHarm("cut-short", "texts, or answers, are cut after a few tokens", (SERVED, *WORSE), _short),
    FileHarm("end-token-dropped", "nothing says where an answer ends", (SERVED,), _no_end),
    FileHarm("another-template", "questions are put in other words than in training", WORSE, _other_template),
    FileHarm("vocabulary-shifted", "the tokenizer's numbers are those of other tokens", WORSE, _shifted_vocabulary),
    FileHarm("another-case", "the tokenizer treats capital letters otherwise", (SERVED, *WORSE), _other_case),
    FileHarm("served-code-replaced", "served.py reads half of every text", (SERVED,), package=_half_read),
    FileHarm("served-file-changed", "a file of the package was changed afterwards", (SERVED,), package=_one_byte_more),
)
"""In the order in which they are shown."""
