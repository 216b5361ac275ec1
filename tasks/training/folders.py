"""Model folders: found in a package or on the hub, checked before anything is loaded, named by digest."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.digest import digest_data, digest_file
from tasks.errors import InputError, Interrupted, of_machine
from tasks.training.model_files import check_values, model_files

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

TOKENIZER_FILES = (
    "added_tokens.json",
    "chat_template.jinja",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
VOCABULARIES = (
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
)
WANTED = ("*.safetensors", "*.safetensors.index.json", "config.json", "generation_config.json", *TOKENIZER_FILES)
"""What is downloaded from the hub: never pickle, never code."""
WHOLE = "copy the whole folder again"


def digest_model(folder: Path) -> str:
    """Digest of all files of a model folder that could be loaded (`model_files`); a README does not count.

    Raises:
        InputError: loading the folder would open more than these.
    """
    return digest_data({name: digest_file(file) for name, file in model_files(folder).items()})


def check_folder(folder: Path) -> None:
    """See that a folder holds a model that can be loaded without pickle or foreign code. Whether it opens is tried
    afterwards (`tasks.training.trial`).

    Raises:
        InputError: it does not; the message says what is missing.
    """
    if not folder.is_dir():
        raise InputError("the base model folder does not exist", value=folder, hint="give a Hugging Face model folder")
    if not (folder / "config.json").is_file():
        raise InputError("the base model folder has no config.json", value=folder, hint="is it a Hugging Face folder?")
    if not list(folder.glob("*.safetensors")):
        if pickled := sorted(file.name for kind in ("*.bin", "*.pt", "*.pth", "*.ckpt") for file in folder.glob(kind)):
            raise InputError(
                f"the base model has pickle weights only ({pickled[0]}), which can run code when they are read",
                value=folder,
                hint="convert them to safetensors, in a place that you trust, with save_pretrained",
            )
        raise InputError("the base model folder has no weights", value=folder, hint="expected model.safetensors")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        try:
            shards = set(json.loads(index.read_bytes())["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError("the index of the weights cannot be read", value=index, hint=WHOLE) from None
        if absent := sorted(shard for shard in shards if not (folder / shard).is_file()):
            raise InputError("weights of the base model are missing", value=absent[0], hint=WHOLE)
    if not any((folder / name).is_file() for name in VOCABULARIES):  # transformers would make an empty one up
        hint = "expected tokenizer.json: save the tokenizer there with save_pretrained"
        raise InputError("the base model folder has no tokenizer", value=folder, hint=hint)
    if not sum(_check_weights(file) for file in sorted(folder.glob("*.safetensors"))):
        raise InputError("the weights of the base model hold no tensor", value=folder, hint=WHOLE)


def _check_weights(file: Path) -> int:
    """See that a file of weights is whole, and all of it numbers; git-lfs leaves a line of text where it did not
    download."""
    from safetensors import SafetensorError

    try:
        return check_values(file)
    except (SafetensorError, OSError) as error:
        raise InputError(
            "the weights of the base model are cut off or no safetensors", value=file, hint=WHOLE
        ) from error


def load_config(folder: Path) -> PreTrainedConfig:
    """The configuration of a model folder.

    Raises:
        InputError: it cannot be read, or belongs to an architecture that transformers does not have.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # a foreign config: whatever the library makes of it
        if known := of_machine(error):
            raise known from error
        hint = "it must be an architecture that transformers knows without remote code"
        raise InputError("the model's config.json cannot be loaded", value=folder, hint=hint) from error


def in_package(name: str) -> Path:
    """The folder `PACKAGE/inside`; the package is found, never imported."""
    package, _, inside = name.partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        raise InputError("the package that holds the base model is not installed", value=package, hint="install it")
    return Path(next(iter(spec.submodule_search_locations))) / inside


def from_hub(name: str, revision: str) -> Path:
    """Download a revision's safetensors, config and tokenizer (or find them in the local cache)."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(WANTED)))
    except GatedRepoError as error:
        raise InputError(
            "this hub model asks for its licence to be accepted", value=name, hint="log in to the hub"
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise InputError("the hub has no such model or revision", value=f"{name}@{revision}") from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        hint = "run again when it can be reached, or name a local copy with `folder:`"
        raise Interrupted("the model hub cannot be reached", value=f"{name}@{revision}", hint=hint) from error
