"""What of a base model's folder counts: all that loading opens, seen by the kernel, is in its digest."""

from __future__ import annotations

import ctypes
import json
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tasks.errors import InputError
from tasks.training.bases import Base
from tasks.training.folders import check_folder, digest_model
from tasks.training.model_files import model_files
from tasks.training.opening import open_model
from tests.factories import tiny_bert, tiny_llama, tiny_model

IN_OPEN, IN_ISDIR = 0x20, 0x40000000


@contextmanager
def opened(folder: Path) -> Iterator[set[str]]:
    """Files below a folder that anything, in whatever language, opens during the block."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    places = {
        libc.inotify_add_watch(handle, os.fsencode(place), IN_OPEN): place
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir()))
    }
    found: set[str] = set()
    try:
        yield found
        data = b""
        while True:
            try:
                data += os.read(handle, 1 << 20)
            except BlockingIOError:
                break
        at = 0
        while at < len(data):
            watch, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16 : at + 16 + length].rstrip(b"\0").decode()
            at += 16 + length
            if name and not mask & IN_ISDIR:
                found.add((places[watch] / name).relative_to(folder).as_posix())
    finally:
        os.close(handle)


def sharded(folder: Path) -> Path:
    """A model with its weights in two files, a template in a folder, and all that likes to lie beside."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made = tiny_llama(folder.with_name("whole"), chat=True)
    tokenizer = AutoTokenizer.from_pretrained(made)
    tokenizer.chat_template = {"default": tokenizer.chat_template, "tool_use": "{{ messages }}"}
    AutoModelForCausalLM.from_pretrained(made).save_pretrained(folder, max_shard_size="100KB")
    tokenizer.save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    (folder / "README.md").write_text("read me")
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text("raise SystemExit")
    (folder / "processor_config.json").write_text("{}")
    return folder


MADE: dict[str, Callable[[Path], Path]] = {
    "sharded": sharded,
    "bert": tiny_bert,
    "t5": lambda folder: tiny_model(folder, "t5"),
}


@pytest.mark.parametrize("kind", MADE)
def test_whatever_loading_opens_is_hashed(kind: str, tmp_path: Path) -> None:
    folder = MADE[kind](tmp_path / "base")
    counted = set(model_files(folder))
    task = "text-classification" if kind == "bert" else "seq2seq-lm" if kind == "t5" else "causal-lm"
    with opened(folder) as found:
        check_folder(folder)
        open_model(Base(folder, digest_model(folder), {}), task, ["a", "b"])  # type: ignore[arg-type]
    assert {"config.json", "tokenizer.json"} <= found, "the watch sees what is opened, by Rust too"
    assert any(name.endswith(".safetensors") for name in found)
    assert found <= counted, found - counted


def test_what_cannot_be_loaded_does_not_count(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "base")
    before = digest_model(folder)
    for name in ("README.md", "pytorch_model.bin", ".gitattributes"):
        (folder / name).write_text("another")
    assert digest_model(folder) == before
    for name in ("custom_generate/generate.py", "additional_chat_templates/tool_use.jinja", "vocab.extra"):
        (folder / name).write_text("another")
        assert digest_model(folder) != before, name
        before = digest_model(folder)


def test_the_digest_of_a_usual_folder_is_what_it_always_was(tmp_path: Path) -> None:
    from tasks.digest import digest_data, digest_file

    folder = tiny_llama(tmp_path / "base")
    assert digest_model(folder) == digest_data({file.name: digest_file(file) for file in folder.iterdir()})


def outside(folder: Path) -> None:
    (folder.parent / "outside").mkdir()
    (folder / "model.safetensors").rename(folder.parent / "outside" / "w.safetensors")
    index(folder, "../outside/w.safetensors")


def subfolder(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "model.safetensors").rename(folder / "inner" / "w.safetensors")
    index(folder, "inner/w.safetensors")


def index(folder: Path, shard: object) -> None:
    said = {"weight_map": {"model.embed_tokens.weight": shard}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(said))


def setting(file: str, key: str, value: object) -> Callable[[Path], None]:
    def plant(folder: Path) -> None:
        said = json.loads((folder / file).read_text())
        (folder / file).write_text(json.dumps(said | {key: value}))

    return plant


LEADING_OUT: dict[str, tuple[Callable[[Path], object], str]] = {
    "index to the outside": (outside, "index of the weights names a file elsewhere"),
    "index to a subfolder": (subfolder, "index of the weights names a file elsewhere"),
    "index to pickle": (lambda folder: index(folder, "model.bin"), "index of the weights names a file elsewhere"),
    "index to no name": (lambda folder: index(folder, 7), "index of the weights names a file elsewhere"),
    "adapter": (lambda folder: (folder / "adapter_config.json").write_text("{}"), "an adapter lies beside"),
    "weights by setting": (setting("config.json", "transformers_weights", "x.safetensors"), "transformers_weights"),
    "config by setting": (setting("config.json", "configuration_files", ["../config.4.0.0.json"]), "configuration_"),
    "vocabulary": (setting("tokenizer_config.json", "vocab_file", "/tmp/vocab.json"), "names a file to load"),
    "pipe": (lambda folder: os.mkfifo(folder / "generation_config.fifo"), "is no file"),
    "dangling link": (lambda folder: (folder / "chat_template.jinja").symlink_to("nowhere"), "is no file"),
    "linked folder": (lambda folder: (folder / "additional_chat_templates").symlink_to("/tmp"), "is a link"),
}


@pytest.mark.parametrize("case", LEADING_OUT)
def test_a_folder_that_leads_elsewhere_is_refused(case: str, tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path / "base")
    plant, says = LEADING_OUT[case]
    plant(folder)
    with pytest.raises(InputError, match=says):
        digest_model(folder)


@pytest.mark.parametrize(
    ("value", "says"), [(float("nan"), "not finite"), (float("inf"), "not finite"), (None, "no tensor")]
)
def test_weights_that_are_no_numbers_or_none_at_all_are_refused(value: float | None, says: str, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_llama(tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = value or 0.0
    save_file({} if value is None else weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=says):
        check_folder(folder)
