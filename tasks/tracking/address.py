"""Where MLflow is, and whether it answers. Imports no MLflow."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from tasks.errors import NO_SPACE, InputError, masked
from tasks.store import Store

URI = "MLFLOW_TRACKING_URI"
PATIENCE = 5.0  # seconds that a server may take to answer
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def uri(store: Store) -> str:
    """Where MLflow keeps runs and models: `MLFLOW_TRACKING_URI`, else a file under `GALEN_HOME`."""
    return os.environ.get(URI) or f"sqlite:///{store.root / 'mlflow.db'}"


def file_of(store: Store) -> Path:
    """The file of an MLflow that is an SQLite file."""
    return Path(urlsplit(uri(store)).path.removeprefix("/"))


def embedded(store: Store) -> Path | None:
    """The file of MLflow's SQLite store; None where MLflow is somewhere else."""
    return file_of(store) if uri(store).startswith("sqlite:") else None


def shown_uri(store: Store) -> str:
    """The address without user name and password, for people and messages."""
    return masked("".join(uri(store).split()))


def check_reachable(store: Store) -> None:
    """Ask once, at the start of a command, whether MLflow is there; takes at most about 10 seconds.

    Raises:
        InputError: the address is no MLflow address, nothing answers there, its file cannot be written, or the driver
            of its database is not installed.
    """
    from http.client import HTTPException

    address = uri(store)
    try:
        place = urlsplit(address)
        _ = place.port  # which is read, and may be none, only now
    except ValueError:  # its words would repeat the address
        hint = f"correct {URI}, or unset it to use a file under GALEN_HOME"
        raise InputError(f"{URI} is malformed", value=shown_uri(store), hint=hint) from None
    scheme = place.scheme.split("+")[0]
    if scheme == "sqlite":
        _ask_file(store, file_of(store))
        return
    if scheme not in _PORTS:
        hint = f"use sqlite:///FILE, or one of {', '.join(_PORTS)}; without {URI} a file under GALEN_HOME is used"
        raise InputError(f"{URI} is not a tracking address", value=shown_uri(store), hint=hint)
    try:
        if scheme in ("http", "https"):
            _ask_health(place)
        else:
            socket.create_connection((place.hostname or "", place.port or _PORTS[scheme]), PATIENCE).close()
            _check_driver(store, address)
    except (OSError, ValueError, HTTPException):  # not as its cause: what it says may repeat the address
        hint = f"start the server, correct {URI}, or unset it to use a file under GALEN_HOME"
        raise InputError("the tracking server does not answer", value=shown_uri(store), hint=hint) from None


def _check_driver(store: Store, address: str) -> None:
    """See that the Python package is there that speaks to a database; SQLAlchemy knows which.

    Raises:
        InputError: it is not, or SQLAlchemy knows no such database.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        make_url(address).get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        hint = "install it beside Galen, or name another driver, e.g. postgresql+psycopg2"
        raise InputError(
            f"the driver of this database is not installed ({error.name})", value=shown_uri(store), hint=hint
        ) from None
    except ArgumentError:
        raise InputError(f"{URI} names a database that SQLAlchemy does not know", value=shown_uri(store)) from None


def _ask_file(store: Store, path: Path) -> None:
    """MLflow itself would try for minutes, and warn at each attempt."""
    import sqlite3

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as database:
            database.execute("BEGIN IMMEDIATE")
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:  # others write to it: it is there
            return
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            raise
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, "no space for MLflow's database", str(path)) from error
        hint = f"make it writable, or name another file with {URI}" if os.environ.get(URI) else f"check {store.root}"
        raise InputError("MLflow's database cannot be written", value=path, hint=hint) from error


def _ask_health(place: SplitResult) -> None:
    """Ask a server whether it is there, as whoever the address names (urllib takes no user from an address)."""
    import base64
    import urllib.error
    import urllib.request

    people, _, host = place.netloc.rpartition("@")
    asked = urllib.request.Request(urlunsplit((place.scheme, host, f"{place.path.rstrip('/')}/health", "", "")))
    if people:
        plain = base64.b64encode(unquote(people).encode()).decode()
        asked.add_header("Authorization", f"Basic {plain}")
    try:
        urllib.request.urlopen(asked, timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        if error.code not in (401, 403):  # it asks who we are: it is there
            raise
