"""What a small chain leaves: processes, decisions, digests, files. For bench/kills.py and its test."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.flows.checkout import Checkout

DECIDED = ("dataset-sealed", "model-trained", "model-derived", "judged", "registered", "approved", "promoted")


def family(pid: int) -> Iterator[int]:
    """Every process below one."""
    for child in read(f"/proc/{pid}/task/{pid}/children").split():
        yield int(child)
        yield from family(int(child))
    for task in Path(f"/proc/{pid}/task").glob("*"):  # children of its other threads
        if task.name != str(pid):
            for child in read(f"{task}/children").split():
                yield int(child)
                yield from family(int(child))


def living(checkout: Checkout) -> dict[int, str]:
    """Processes of a checkout, by its `GALEN_HOME` in their environment."""
    marker = f"GALEN_HOME={checkout.home}\0".encode()
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        if marker in read(f"{place}/environ"):
            found[int(place.name)] = read(f"{place}/cmdline").replace(b"\0", b" ").decode()
    return found


def read(path: str) -> bytes:
    """A file of /proc; empty where its process is gone."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def state(checkout: Checkout) -> dict[str, Any]:
    """What a finished checkout holds, without times, run ids and what else differs from run to run."""
    from tasks.lineage.ledger import events, verify_chain
    from tasks.store import Store

    store = Store(checkout.home)
    verify_chain(store)
    decided = Counter[str]()
    for event in events(store):
        if event.kind in DECIDED:
            digests = sorted(event.subjects.values()) if event.kind not in ("approved", "promoted") else []
            key = json.dumps([event.kind, digests, event.facts.get("verdict")])
            decided[key] = 1 if event.kind == "judged" else decided[key] + 1  # every run states what it judged
    versions = json.loads(checkout.galen("models", "--json"))
    with sqlite3.connect(checkout.home / "mlflow.db") as database:
        aliases = database.execute("SELECT alias, version FROM registered_model_aliases ORDER BY 1").fetchall()
        copies = database.execute("SELECT count(*) FROM model_versions").fetchone()[0]
        running = database.execute("SELECT count(*) FROM runs WHERE status = 'RUNNING'").fetchone()[0]
    database.close()
    return {
        "decisions": dict(decided),
        "versions": [[one["version"], one["artifact"], sorted(one["roles"])] for one in versions],
        "aliases": [list(pair) for pair in aliases],
        "copies in MLflow": copies,
        "runs that never ended": running,
        "artifacts": sorted(path.name for path in (checkout.home / "artifacts").iterdir()),
    }


def differences(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """What differs, in words; empty where nothing does."""
    return "; ".join(
        f"{key}: {found[key]} instead of {expected[key]}" for key in expected if found[key] != expected[key]
    )


def left_behind(checkout: Checkout) -> list[str]:
    """What no finished command may leave."""
    home, folder = checkout.home, checkout.folder
    found = [*(home / "staging").glob("*"), *(home / "locks").glob("mlflow-run-*"), *(home / "running").glob("*")]
    found += [path for path in home.rglob(".*") if ".dvc" not in path.parts and "mlartifacts" not in path.parts]
    found += [path for path in (folder / "data" / "built").glob("*/.*") if path.name != ".gitignore"]
    found += [*home.glob("*.new*"), *home.glob("*-journal"), *(folder / ".dvc").glob(".config*")]
    return sorted(str(path.relative_to(folder)) for path in found)
