"""What a dataset is made of: declaring it in params.yaml, and the digest of all that its version depends on."""

from __future__ import annotations

import io
import json
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tasks.artifact import write_atomically
from tasks.config.data import Dataset
from tasks.config.words import DATASET_TASKS
from tasks.data.entries import PARAMS, check_name, params_file
from tasks.data.format import format_named
from tasks.data.identity_key import key_to_build
from tasks.data.params import checked, one_dataset
from tasks.data.reading import open_source, source_path
from tasks.data.source_kinds import check_kinds
from tasks.data.stage import STAGES
from tasks.digest import digest_data, digest_file, files_of
from tasks.errors import ConfigError, InputError
from tasks.home import CHECKOUT, shown
from tasks.private import for_its_user
from tasks.process import raise_if_killed
from tasks.settings import load_yaml
from tasks.store import Store

if TYPE_CHECKING:
    from ruamel.yaml import YAML

COMMITTED = (PARAMS, "dvc.yaml", "dvc.lock", "data/withdrawn.txt")
"""What `commit` puts under git: what is needed to build the same data again."""
LOOKED_AT = 100
"""First rows of which at least one must be readable for `add`."""
REMEMBERED = 1 << 20
"""Bytes from which a file's digest is remembered until the file changes."""
SETTLED = 2.0
"""Seconds: a file younger than this may change again without its time stamp changing."""


def add(store: Store, name: str, path: Path, format: str, *, replace: bool = False, **settings: Any) -> Dataset:  # noqa: A002
    """Declare a dataset: look at its source, then write its entry into params.yaml; the rest of the file stays.

    Args:
        store: where everything is kept.
        name: of the entry.
        path: file or folder, relative to the current folder, or absolute.
        format: name of one of `tasks/data/formats`.
        replace: overwrite an entry of that name.
        settings: `licence` and any other setting of `tasks.config.data.Dataset`; `task` where the format does not tell.

    Raises:
        InputError: no name, no such file, not of this format, a column that is not there, no row that can be read, or
            the name is taken.
        ConfigError: every wrong setting at once.
    """
    check_name(name)
    path = path.expanduser().resolve()
    if not path.exists():
        raise InputError("no such file or folder", value=path)
    check_kinds(path)
    usual = format_named(format).task
    task = settings.pop("task", None) or usual
    if task is None:
        raise InputError(f"format {format} does not tell the task", hint=f"give one: {', '.join(DATASET_TASKS)}")
    entry = {"task": task, "source": shown(path), "format": format, **settings}
    dataset = checked(entry, f"dataset {name}")
    _check_rows(dataset)
    with store.locked("params"):
        _write_entry(name, entry, replace)
    return dataset


def _check_rows(dataset: Dataset) -> None:
    """See that a source opens, has its columns, and is not all unreadable: single bad rows are for ingest."""
    rows = list(islice(open_source(dataset).rows, LOOKED_AT))
    if all(row.fields is None for row in rows):
        details = Counter(row.detail or row.reason.value for row in rows)
        why = "; ".join(f"{detail} ({count})" for detail, count in details.most_common(3))
        hint = f"are these {dataset.format} rows? --format says how the data is written"
        raise InputError(f"none of the first {len(rows)} rows can be read: {why}", value=dataset.source, hint=hint)


def take_out(name: str) -> None:
    """Take an entry out of params.yaml; the rest of the file stays. The caller holds the lock `params`.

    Raises:
        InputError: the file is not YAML, or has no such entry.
    """
    yaml, data = _written()
    if name not in data["datasets"]:
        raise InputError("no such dataset", value=name, hint="galen data list")
    del data["datasets"][name]
    _write(yaml, data)


def _write_entry(name: str, entry: Mapping[str, Any], replace: bool) -> None:
    yaml, data = _written()
    if name in data["datasets"] and not replace:
        hint = f"choose another name, edit its entry in {PARAMS}, or overwrite it with --replace"
        raise InputError("this dataset is declared already", value=name, hint=hint)
    data["datasets"][name] = dict(entry)
    _write(yaml, data)


def _written() -> tuple[YAML, dict[str, Any]]:
    """params.yaml with its comments, and what writes it so."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    file = params_file()
    try:
        if file.exists():
            load_yaml(file)  # is stricter, and has words for every fault
        data = yaml.load(file.read_text(encoding="utf-8-sig")) if file.exists() else None
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError("this file is not YAML", value=shown(file), hint="correct it first") from error
    data = {} if data is None else data
    if not isinstance(data, dict) or not isinstance(data.setdefault("datasets", {}), dict):
        raise ConfigError.of(shown(file), ["datasets: expected one entry per dataset"])
    return yaml, data


def _write(yaml: YAML, data: dict[str, Any]) -> None:
    text = io.StringIO()
    yaml.dump(data, text)
    with for_its_user():
        write_atomically(params_file(), text.getvalue().encode())


def inputs_digest(store: Store, name: str) -> str:
    """Digest of everything that a dataset's version depends on: its entry, the bytes of its source, the stages, their
    code and suites, the withdrawn ids. Where it is the same as before, no stage has anything to do.

    Raises:
        InputError: no such dataset, or its source is gone.
        IntegrityError: the identity key is missing, or is another one.
    """
    dataset = one_dataset(name)
    stages = load_yaml(CHECKOUT / "dvc.yaml")["stages"]
    source = source_path(dataset)
    found: dict[str, str | None] = {}
    with _Digests(store) as digests:
        for stage in STAGES:
            for dependency in stages[stage]["do"]["deps"]:
                if dependency == "${item.source}":
                    found["source"] = digests.tree(source)
                elif not dependency.startswith("data/built/"):
                    found[dependency] = digests.tree(CHECKOUT / dependency)
    # Where the source lies does not count, what it holds does.
    entry = {**dataset.plain(), "source": None}
    key = {"identity_key": key_to_build(store, name)} if dataset.identified else {}
    return digest_data({"name": name, "dataset": entry, "dependencies": found, "stages": stages, **key})


class _Remembered(NamedTuple):
    """The digest of a file, and by what it is recognised."""

    size: int
    changed_ns: int
    inode: int
    digest: str


class _Digests:
    """SHA-256 of files, remembered for big ones by size, time stamp and inode; use as a context manager."""

    def __init__(self, store: Store) -> None:
        self._file = store.root / "digests.json"
        self._known: dict[str, _Remembered] = {}
        self._changed = False

    def __enter__(self) -> _Digests:
        try:
            self._known = {name: _Remembered(*one) for name, one in json.loads(self._file.read_bytes()).items()}
        except (OSError, ValueError, TypeError, AttributeError):  # not there, or not what we wrote
            self._known = {}
        return self

    def __exit__(self, *_: object) -> None:
        if self._changed:
            write_atomically(self._file, json.dumps(self._known).encode())

    def tree(self, path: Path) -> str | None:
        """What `tasks.digest.digest_tree` says, without Python's caches; None where there is nothing."""
        if path.is_file():
            return self._of(path)
        if not path.is_dir():
            return None
        files = (file for file in files_of(path) if "__pycache__" not in file.parts)
        return digest_data({file.relative_to(path).as_posix(): self._of(file) for file in files})

    def _of(self, file: Path) -> str:
        status = file.stat()
        if status.st_size < REMEMBERED:
            return digest_file(file)
        known = self._known.get(str(file))
        if known and known[:3] == (status.st_size, status.st_mtime_ns, status.st_ino):
            return known.digest
        digest = digest_file(file)
        if time.time() - status.st_mtime > SETTLED:
            self._known[str(file)] = _Remembered(status.st_size, status.st_mtime_ns, status.st_ino, digest)
            self._changed = True
        return digest


def commit(name: str, message: str | None = None) -> str:
    """Commit the declarations of the data (they are one file for all datasets), and nothing else that may be staged.

    Returns:
        What was done, for people.

    Raises:
        InputError: no such dataset, or git is missing or refuses; with git's words.
    """
    one_dataset(name)
    files = [file for file in COMMITTED if (CHECKOUT / file).is_file()]
    if not _git("status", "--porcelain", "--", *files):
        return f"nothing to commit: {', '.join(files)} are as in the last commit"
    _git("add", "--", *files)
    _git("commit", "--quiet", "--message", message or f"Data: {name}", "--", *files)
    return f"committed {', '.join(files)} as {_git('rev-parse', '--short', 'HEAD')}"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=CHECKOUT, capture_output=True, text=True, errors="replace", timeout=60, check=True
        )
    except subprocess.CalledProcessError as error:
        raise_if_killed(error.returncode, "git")
        said = (error.stderr or error.stdout).strip()
        raise InputError(f"git {arguments[0]} failed", value=said, hint="the data is kept either way") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(
            "git cannot be run here", hint="install git, or keep params.yaml and dvc.lock yourself"
        ) from error
    return done.stdout.strip()
