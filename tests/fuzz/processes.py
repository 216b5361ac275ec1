"""Hostile cases as processes: the command as people start it, some with too little memory."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.factories import tiny_bert
from tests.flows.checkout import Checkout
from tests.fuzz import hostile, sealed

DOCUMENTED = frozenset({0, 2, 3, 4, 5, 6})
LONGEST = 20.0  # seconds of computing: a loaded machine does not lengthen it
MOST_MEMORY = 2 << 20  # kB


def run_cases(folder: Path, cases: range) -> Counter[int]:
    """Run cases in a checkout of their own; how many ended with each exit code.

    Raises:
        AssertionError: one ended otherwise than documented, said a traceback, left something half written, or took too
            much time or memory.
    """
    checkout = Checkout(folder / "checkout", tiny_bert(folder / "bert"))
    checkout.declare()
    codes: Counter[int] = Counter()
    for number in cases:
        random = Random(f"process:{number}")
        arguments = _arguments(random, checkout, folder / f"case-{number}")
        memory = random.choice((512, 1024, 2048, 3072)) << 20 if random.random() < 0.15 else None
        before = _tree(checkout)
        code, said, seconds, used = _run(checkout, arguments, memory)
        about = f"process:{number} {arguments!r:.300}, memory {memory}: {code} after {seconds:.1f} s\n{said[-1500:]}"
        assert code in DOCUMENTED, about
        assert "Traceback (most recent" not in said and "an unforeseen" not in said, about
        assert seconds < LONGEST and used < MOST_MEMORY, f"{used} kB, {about}"
        assert code == 0 or _tree(checkout) == before, f"something was left: {about}"
        codes[code] += 1
    return codes


def _arguments(random: Random, checkout: Checkout, case: Path) -> list[bytes]:
    """A command line about something hostile, which lies in a folder that is made for it."""
    case.mkdir()
    kind = random.choice(("recipe", "source", "command", "base", "evidence"))
    if kind == "recipe":
        path = case / "recipe.yaml"
        path.write_bytes(hostile.settings(random, "recipe").encode("utf-8", "surrogatepass"))
        words = ["retrain", str(path), "--plan"]
    elif kind == "source":
        entry = hostile.source(random, case)
        words = [
            "data",
            "add",
            f"n{random.randrange(10**6)}",
            entry["source"],
            "--format",
            entry["format"],
            "--licence",
            "x",
        ]
        words += ["--task", entry["task"]]
    elif kind == "base":
        hostile.spoil_base(random, Path(shutil.copytree(checkout.base, case / "base")))
        words = ["methods", "--base", str(case / "base")]
    elif kind == "evidence":
        sealed.spoil_evidence(random, Path(shutil.copytree(sealed.whole_evidence(case.parent), case / "evidence")))
        words = ["gate", str(case / "evidence")]
    else:
        (case / "file").write_text("text,label\na,b\n")
        words = hostile.command(random, case)
    found = [word.encode("utf-8", "surrogatepass") for word in words]
    if random.random() < 0.1:
        found.append(b"\xff\xfe")
    return found


def _run(checkout: Checkout, arguments: list[bytes], memory: int | None) -> tuple[int, str, float, int]:
    """Exit code, what was said, seconds of computing, and the most memory in kB."""

    def limit() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    out = checkout.folder.parent / "said"
    with out.open("wb") as said:
        child = subprocess.Popen(
            [sys.executable.encode(), b"-m", b"flows.cli", *arguments],
            cwd=checkout.folder,
            env=checkout.environment() | {"OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            preexec_fn=limit,
        )
        until = time.monotonic() + 10 * LONGEST
        while True:
            done, status, used = os.wait4(child.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() > until:
                child.kill()
            time.sleep(0.01)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, out.read_text("utf-8", "replace"), used.ru_utime + used.ru_stime, used.ru_maxrss


def _tree(checkout: Checkout) -> list[tuple[str, bytes]]:
    """What people keep in a checkout; `var/` and caches are Galen's own."""
    kept = [
        checkout.folder / "params.yaml",
        *(checkout.folder / "recipes").rglob("*"),
        *(checkout.folder / "data").glob("*"),
    ]
    files = sorted(path for path in kept if path.is_file())
    return [(path.name, path.read_bytes()) for path in files if "__pycache__" not in path.parts]
