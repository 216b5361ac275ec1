"""Which code a result depends on, read from its imports: no list of files is kept by hand.

`code_of(module, *plug_ins)` is one digest of the module, of all in tasks/ and flows/ that it imports (inside functions
too) or starts with `python -m`, of the data files that these declare in `READS`, and of the lock. A file counts by what
it means (tasks/meaning.py): comments, docstrings, line breaks and the words of errors do not. What decides about no
result is named in `DECIDES_NOTHING`, with the reason; its imports are not followed.

The meaning is a syntax tree as this Python prints it. Another minor version may print it differently: then every key is
another one, and what was made before is made again.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tasks import meaning
from tasks.digest import digest_bytes, digest_data, digest_file, digest_tree
from tasks.home import CHECKOUT
from tasks.meaning import PACKAGES, Source, source_of

LOCK = "requirements.lock"

DECIDES_NOTHING = {
    # The ground: what is done with it is decided where it is used.
    "tasks.artifact": "seals what others make; an artifact verifies by its digest, whatever code wrote it",
    "tasks.children": "runs a job in a process of its own, and brings back what it said",
    "tasks.code": "names keys: another way to compute them is another key",
    "tasks.digest": "names bytes: another digest is another key",
    "tasks.errors": "kinds of errors: which of them is raised counts where it is raised",
    "tasks.home": "where things lie: content counts, not its place",
    "tasks.locks": "waits for other processes",
    "tasks.meaning": "reads code for tasks.code",
    "tasks.plain_text": "how words are shown",
    "tasks.plugins": "finds files by their being there; which of them counts is said by whoever names the key",
    "tasks.private": "who may read and write what is made",
    "tasks.process": "starts and stops processes; what they run counts by itself",
    "tasks.progress": "shows how far a step is",
    "tasks.reports": "pages for people",
    "tasks.plain_yaml": "reads YAML as plain data; the values are in every key",
    "tasks.settings": "reads YAML into settings, whose values are in every key",
    "tasks.signatures": "signs and verifies; what is signed counts by its content",
    "tasks.stuck": "ends what makes no progress; what a stage makes does not depend on it",
    "tasks.store": "where sealed artifacts lie",
    "tasks.tracking": "a copy of the numbers for MLflow",
    # Data.
    "tasks.data.declared": "what `galen data list` and `galen data remove` print",
    "tasks.data.dvc": "asks DVC to run a stage; the stages and their code are DVC's dependencies",
    "tasks.data.dvc_process": "DVC in a process of its own",
    "tasks.data.kept": "looks at what DVC keeps, and puts the same bytes back",
    "tasks.data.params": "reads an entry of params.yaml, whose values count",
    "tasks.data.restore": "brings back an older state of what is declared, which counts by content",
    "tasks.data.shown": "what `galen data show` prints",
    "tasks.data.sources": "declares datasets, and names what they are made of",
    # Training.
    "tasks.training.fit": "says early what does not fit a base; training asks again",
    "tasks.training.quiet": "silences libraries",
    "tasks.training.rehearsal": "says early what fails later; each step fails by itself",
    "tasks.training.recipe": "what a person declares: each key holds the values that it depends on",
    # Judging.
    "tasks.evaluation.policy_check": "what `galen policy check` says before anything is trained",
    "tasks.evaluation.power": "how likely an interval is to be narrow enough; the interval itself decides",
    "tasks.evaluation.replay": "seals what a verdict rested on; the verdict is decided before",
    "tasks.evaluation.sizing": "what a policy could tell on a dataset, for `galen policy check`",
    # What is recorded, registered and shown when everything is decided.
    "tasks.lineage": "records what was decided, verifies and shows it",
    "tasks.release.audited": "shows what MLflow keeps of a version",
    "tasks.release.ask": "puts a question to a registered model",
    "tasks.release.card": "the model card, for people",
    "tasks.release.copies": "makes what MLflow keeps of a version again",
    "tasks.release.export": "copies of a registered model in other formats",
    "tasks.release.given": "finds the model that somebody names; its digest and its labels are in every key",
    "tasks.release.harm": "harms that `galen policy test` plants; what it plants and finds is not kept",
    "tasks.release.harmed_bytes": "the same, into copies of a model",
    "tasks.release.harmed_evidence": "the same, into evidence",
    "tasks.release.harmed_files": "the same, into files of a copy",
    "tasks.release.harmed_scores": "the same, into scores",
    "tasks.release.harmed_weights": "the same, into weights of a copy",
    "tasks.release.harms": "which harms there are",
    "tasks.release.listing": "what `galen models` prints",
    "tasks.release.mirrored": "what MLflow was shown",
    "tasks.release.mutation": "counts which planted harms a policy's gates notice",
    "tasks.release.rehearsal": "a version judged as its own successor, for `galen policy test`",
    "tasks.release.register": "registers and promotes what passed its gates",
    "tasks.release.weight_files": "reads and writes the weights of copies that `galen policy test` harms",
    "tasks.release.withdraw": "states what people decide about versions",
    # What is computed anew each time, from results that have keys of their own.
    "tasks.comparison.methods": "the table of `galen methods`",
    "tasks.comparison.plots": "drawings of finished numbers",
    "tasks.comparison.report": "the page of finished numbers",
    "tasks.comparison.summary": "means and intervals of kept numbers, computed anew each time",
    "tasks.tuning": "proposes settings and looks at what they gave; what a training gives is its own result",
    # The flow: what runs when is counted, what is said about it is not.
    "flows.cli": "the command line, and what it prints",
    "flows.cluster": "where arms run; what comes of each has its own key",
    "flows.console": "lines on a terminal",
    "flows.environment": "settings of services",
    "flows.outcome": "the end of a run in words",
    "flows.server": "Prefect's server",
}
"""Modules, and packages with all that is in them, that no result depends on; each with the reason."""


@cache
def code_of(module: str, *plug_ins: str) -> str:
    """Digest of the code that decides what a module makes; read once per process.

    Args:
        module: usually `__name__` of the caller.
        plug_ins: modules that are found by name instead of imported, and matter to this result: a method, an objective.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    modules, data = _closure((module, *plug_ins))
    return digest_data(
        {
            "modules": {name: source.meaning for name, source in modules.items()},
            "data": {name: digest_tree(CHECKOUT / name) for name in data},
            "lock": digest_file(CHECKOUT / LOCK),
        }
    )


def files_of_code(*modules: str) -> list[str]:
    """What `code_of` digests, as paths relative to the checkout, sorted; data may be folders. Without the lock.

    Raises:
        ModuleNotFoundError: there is no such module.
    """
    found, data = _closure(modules)
    files = (_file(name) for name in found)
    return sorted({*(_named(file) for file in files if file), *data})


def decides_nothing(module: str) -> bool:
    """Whether the table leaves a module out, by its own name or by that of a package around it."""
    return any(name in DECIDES_NOTHING for name in _with_packages(module))


def _closure(modules: Sequence[str]) -> tuple[dict[str, Source], list[str]]:
    """Sources by module, apart from files that say nothing, and the data that they declare."""
    if missing := [name for name in modules if _file(name) is None]:
        raise ModuleNotFoundError(f"no module {missing[0]} in this checkout")
    found: dict[str, Source] = {}
    waiting = [one for name in modules for one in (name, *_with_packages(name))]
    seen = set(waiting)
    with _Memory() as memory:
        while waiting:
            name = waiting.pop()
            file = _file(name)
            if file is None or decides_nothing(name):
                continue
            source = memory.source(file)
            if source.meaning:
                found[name] = source
            for one in source.imports:
                waiting += (new := set(_with_packages(one)) - seen)
                seen |= new
    return found, sorted({name for source in found.values() for name in source.reads})


def _with_packages(module: str) -> list[str]:
    """A module of this checkout and the packages around it: importing it runs them all. None of another's."""
    parts = module.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))] if parts[0] in PACKAGES else []


def _file(module: str) -> Path | None:
    """Where a module lies; None where there is none (`from tasks.home import CHECKOUT` names a constant).

    A plug-in may have been loaded from another place.
    """
    place = CHECKOUT.joinpath(*module.split("."))
    if found := next((one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file()), None):
        return found
    loaded = getattr(sys.modules.get(module), "__file__", None)
    return Path(loaded) if loaded else None


def _named(file: Path) -> str:
    return file.relative_to(CHECKOUT).as_posix() if file.is_relative_to(CHECKOUT) else str(file)


class _Memory:
    """What files said, kept beside Python's byte code and found again by their SHA-256: parsing all takes a second.

    Use as a context manager. Losing it costs that second; nothing else rests on it.
    """

    def __init__(self) -> None:
        self._file = Path(importlib.util.cache_from_source(str(CHECKOUT / "tasks" / "code.py"))).with_suffix(".json")
        self._reader = digest_file(Path(meaning.__file__))
        """What read the files: what another version of it read is worth nothing."""
        self._sources: dict[str, list[Any]] = {}
        self._changed = False

    def __enter__(self) -> _Memory:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._file.read_bytes())
            if kept["reader"] == self._reader:
                self._sources = dict(kept["sources"])
        return self

    def __exit__(self, *_: object) -> None:
        if not self._changed:
            return
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):  # a checkout that this user cannot write
            self._file.parent.mkdir(exist_ok=True)
            draft.write_text(json.dumps({"reader": self._reader, "sources": self._sources}))
            draft.replace(self._file)

    def source(self, file: Path) -> Source:
        """What a file says."""
        text, name = file.read_bytes(), _named(file)
        digest = digest_bytes(text)
        known = self._sources.get(name)
        if known is None or known[0] != digest:
            read = source_of(text)
            known = self._sources[name] = [digest, read.meaning, read.imports, read.reads]
            self._changed = True
        return Source(known[1], tuple(known[2]), tuple(known[3]))
