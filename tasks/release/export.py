"""A verified copy of a version for serving elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from tasks.artifact import Artifact, read, verify, write_atomically
from tasks.errors import InputError, IntegrityError, of_machine
from tasks.lineage.ledger import events
from tasks.lineage.statements import DatasetSealed, statements
from tasks.meta.model import ModelMeta
from tasks.private import for_its_user
from tasks.process import raise_if_killed
from tasks.release.card import model_card
from tasks.release.plain import LOADERS, code
from tasks.release.register import Version, resolve
from tasks.store import Store

LOAD = """
import sys, transformers
kind = getattr(transformers, sys.argv[2])
model, found = kind.from_pretrained(sys.argv[1], local_files_only=True, output_loading_info=True)
transformers.AutoTokenizer.from_pretrained(sys.argv[1], local_files_only=True)
sys.exit(1 if found["missing_keys"] or found["unexpected_keys"] else 0)
"""
BESIDE = """\
# In a checkout of Galen: an adapter of this method cannot become part of the base's weights, and only Galen's own code
# puts it on. `model/base/` is the base in 4 bits; without the adapter it has learned nothing of the task.
from pathlib import Path

from tasks.artifact import read
from tasks.training.opening import open_model

artifact = read(Path("model"))
model, tokenizer = open_model(artifact, artifact.meta["task"], artifact.meta["labels"])"""
README = """# {model}, version {version}

`model/` is what was judged and registered, byte for byte. Check it, then load it:

    sha256sum model/artifact.json    # {digest}

`model/artifact.json` holds the SHA-256 of every other file in `model/`; its own is the digest that the ledger names.

```python
{how}
```

It was written with {libraries}.

- `MODEL_CARD.md`: what it is for, what it learned from, what was measured.
- `lineage.json`: the ledger's events about this model, each in its signed envelope (DSSE, in-toto).
"""


def export(store: Store, reference: str, folder: Path) -> Path:
    """Write a version to a new folder: the model, how to load it, its card, and its events of the ledger.

    The copy is hashed, and loaded once, before it gets its name: by a process that knows nothing but transformers, or,
    where an adapter lies beside its base, by Galen's code, which is given nothing but this folder.

    Raises:
        InputError: no such version, or the folder holds something already, or cannot be written.
        IntegrityError: the artifact, or the copy, does not match its digest, or does not load.
    """
    folder = folder.expanduser().absolute()
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise InputError("the name of the export folder is not UTF-8", hint="name another place") from None
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("the export folder is not empty", value=folder, hint="name a new one")
    version, artifact = resolve(store, reference)
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        with for_its_user():
            draft.mkdir(parents=True)
            _fill(store, draft, version, artifact)
            open_like_new(draft)
        if folder.exists():
            folder.rmdir()  # empty, as seen above
        draft.rename(folder)
    except PermissionError as error:
        raise InputError("the export folder cannot be written", value=folder, hint="name another place") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def open_like_new(folder: Path) -> None:
    """Give what was copied the modes that new files get: in the store they are their owner's alone."""
    mask = os.umask(0)
    os.umask(mask)
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _fill(store: Store, draft: Path, version: Version, artifact: Artifact) -> None:
    shutil.copytree(artifact.path, draft / "model")
    copy = read(draft / "model")
    verify(copy)
    if copy.digest != artifact.digest:
        raise IntegrityError("the copy differs from what was judged", value=copy.digest)
    said = ModelMeta.read(artifact)
    loader = LOADERS[said.task]
    _check_loads(copy, said, loader)
    from tasks.lineage.environment import libraries

    known = libraries()
    written_with = ", ".join(f"{name} {known[name]}" for name in ("transformers", "torch", "bitsandbytes"))
    text = README.format(
        model=version.model,
        version=version.number,
        digest=artifact.digest,
        how=BESIDE if said.beside else code(said, copy.path, "model").rstrip(),
        libraries=written_with,
    )
    write_atomically(draft / "README.md", text.rstrip().encode() + b"\n")
    write_atomically(draft / "MODEL_CARD.md", model_card(store, version, artifact).encode())
    sealed = [event for event, said in statements(DatasetSealed, events(store)) if said.dataset == version.dataset]
    about = [
        {"sequence": event.sequence, "digest": event.digest, "envelope": json.loads(event.envelope)}
        for event in sorted([*events(store, model=version.model), *sealed], key=lambda event: event.sequence)
    ]
    write_atomically(draft / "lineage.json", json.dumps(about, indent=1).encode() + b"\n")


def _check_loads(copy: Artifact, said: ModelMeta, loader: str) -> None:
    """Load the copy: plain transformers, in a process of its own outside the checkout; or Galen, which is given this
    folder and no store, so that there is no other place to take anything from."""
    if said.beside:
        from tasks.training.opening import open_model

        try:
            open_model(copy, said.task, said.labels)
        except Exception as error:
            last = traceback.format_exception_only(error)[-1].strip()
            raise IntegrityError("Galen cannot load the exported folder", value=last) from error
        return
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(copy.path), loader],
        cwd=copy.path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise_if_killed(done.returncode, "the process that loads the exported folder")
        if known := of_machine(RuntimeError(done.stderr)):
            raise known
        last = (done.stderr.strip().splitlines() or ["weights are missing or left over"])[-1]
        raise IntegrityError("plain transformers cannot load the exported folder", value=last)
