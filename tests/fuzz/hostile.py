"""Hostile input by kind, each case from a seed: what people write, spoiled in one to four places."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from random import Random
from typing import Any

from tasks.home import CHECKOUT
from tests.fuzz.words import BYTES, FORMATS, SETTINGS, TASKS, TEMPLATES, VALUES


def settings(random: Random, kind: str) -> str:
    """The text of a settings file of a kind, spoiled."""
    lines = (CHECKOUT / random.choice(SETTINGS[kind])).read_text("utf-8").splitlines()
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    for _ in range(random.randint(1, 4)):
        place = random.randrange(len(lines))
        indent = len(lines[place]) - len(lines[place].lstrip(" -"))
        key, colon, _ = lines[place].partition(":")
        how = random.randrange(7)
        if how <= 2 and colon:
            lines[place] = f"{key}: {random.choice(VALUES)}"
        elif how == 3:
            del lines[place]
            lines = lines or ["a: 1"]
        elif how == 4:
            lines.insert(place, random.choice(lines))
        elif how == 5:
            lines.insert(
                place,
                " " * indent + f"{random.choice(('new', 'seed', 'name', '<<', '2', 'null'))}: {random.choice(VALUES)}",
            )
        else:
            text = lines[place]
            cut = random.randrange(len(text) + 1)
            lines[place] = text[:cut] + random.choice(VALUES) + text[cut + random.randint(0, 3) :]
    return "\n".join(lines) + "\n"


def spoiled(random: Random, whole: bytes) -> bytes:
    """Bytes, spoiled in one to four places."""
    data = bytearray(whole)
    for _ in range(random.randint(1, 4)):
        place, how = random.randrange(len(data) + 1), random.randrange(6)
        if how <= 2:
            data[place:place] = random.choice(BYTES)
        elif how == 3:
            del data[place : place + random.choice((1, 5, 500))]
        elif how == 4:
            data[place : place + 1] = bytes([random.randrange(256)])
        else:
            data[place:place] = data[: random.randrange(200)]
    return bytes(data)


def source(random: Random, folder: Path) -> dict[str, Any]:
    """Write a spoiled source below a folder; the entry of params.yaml that names it."""
    name = random.choice(sorted(FORMATS))
    found = spoiled(random, FORMATS[name])
    if random.random() < 0.1:
        found = found.decode("utf-8", "replace").encode(
            random.choice(("utf-16", "utf-32", "gb18030", "cp1252")), "replace"
        )
    if random.random() < 0.1:
        found = gzip.compress(found)[: random.choice((None, 40))]
    path = folder / "source"
    if name == "medquad" or random.random() < 0.1:
        path.mkdir()
        ending = {"medquad": ".xml", "chat": ".jsonl", "pubmedqa": ".json"}.get(name, f".{name}")
        (path / f"a{ending}").write_bytes(found)
        (path / f"b{ending}").write_bytes(FORMATS[name])
        if random.random() < 0.2:
            (path / f"c{ending}").symlink_to(random.choice(("/etc/passwd", "/dev/zero", "nothing", "a" + ending)))
    else:
        path.write_bytes(found)
    read_as = name if random.random() < 0.9 else random.choice(sorted(FORMATS))
    entry: dict[str, Any] = {
        "task": TASKS.get(read_as, "causal-lm"),
        "source": str(path),
        "format": read_as,
        "licence": "x",
    }
    if random.random() < 0.3:
        entry["columns"] = {
            random.choice(("category", "group_id", "language", "record_id")): random.choice(("category", "id"))
        }
    if read_as == "csv" and random.random() < 0.3:
        entry |= {random.choice(("delimiter", "escape")): random.choice((",", ";", "\\", '"', "x"))}
    return entry


def spoil_base(random: Random, folder: Path) -> None:
    """Spoil a model folder in one to three places."""
    for _ in range(random.randint(1, 3)):
        how = random.randrange(6)
        path = random.choice(sorted(file for file in folder.iterdir() if file.is_file()))
        if how <= 2 and path.suffix == ".json":
            try:
                plain = json.loads(path.read_bytes())
            except ValueError:
                continue
            spoil_json(random, plain)
            path.write_text(json.dumps(plain))
        elif how == 3:
            (folder / "chat_template.jinja").write_text(random.choice(TEMPLATES))
        elif how == 4:
            data = bytearray(path.read_bytes())
            place = random.randrange(min(len(data), 4000) + 1)
            data[place : place + random.randint(0, 8)] = random.choice(BYTES)[:200]
            path.write_bytes(bytes(data))
        else:
            path.unlink()
            if not any(file.is_file() for file in folder.iterdir()):
                return


def spoil_json(random: Random, plain: Any) -> None:
    """Replace one value, somewhere in plain data."""
    while isinstance(plain, dict | list) and plain:
        place: Any = random.choice(sorted(plain)) if isinstance(plain, dict) else random.randrange(min(len(plain), 50))
        if isinstance(plain[place], dict | list) and plain[place] and random.random() < 0.7:
            plain = plain[place]
            continue
        plain[place] = random.choice(
            (-1, 0, 10**9, 10**30, 1e308, None, "x", "x" * 5000, [], {}, [[[]]], True, -0.5, "\0")
        )
        return


NAMES = ("none", "medqa-sample", "none@champion", "none@0", "@", "@@", "a@-1", "-", "--", "", *VALUES)
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(
        ("data", "show", "NAME"),
        ("data", "rejected", "NAME", "--limit", "VALUE"),
        ("data", "rejected", "NAME", "--reason", "VALUE"),
    ),
    *(
        (
            "data",
            "list",
        ),
        ("data", "build", "NAME"),
        ("data", "restore", "VALUE"),
        ("data", "remove", "NAME"),
    ),
    ("data", "add", "NAME", "PATH", "--format", "csv", "--licence", "VALUE", "--set", "SET"),
    ("data", "add", "NAME", "PATH", "--format", "VALUE", "--licence", "x", "--task", "VALUE"),
    *(
        ("retrain", "PATH", "--plan"),
        ("audit", "NAME"),
        ("audit", "NAME", "--json"),
        ("trace", "VALUE"),
        ("models", "NAME"),
    ),
    *(
        ("methods", "--base", "PATH"),
        ("ask", "NAME", "VALUE"),
        ("approve", "NAME", "--by", "VALUE", "--reason", "VALUE"),
    ),
    *(
        ("export", "NAME", "PATH"),
        ("compare", "PATH", "--report-only"),
        ("tune", "PATH", "--trials", "VALUE"),
        ("VALUE",),
    ),
    *(("--help",), ("data",), ("base", "train", "NONAME")),
    *(
        ("policy", "list"),
        ("policy", "check", "POLICY", "--data", "NAME"),
        ("gate", "PATH"),
        ("gate", "PATH", "--json"),
    ),
    ("policy", "check", "POLICY", "--data", "NAME", "--disagreement", "VALUE", "--records", "VALUE"),
    *((verb, "NAME", "--by", "VALUE", "--reason", "VALUE") for verb in ("reject", "rollback", "recall")),
    ("policy", "approve", "POLICY", "--by", "VALUE", "--reason", "VALUE"),
    ("policy", "test", "POLICY", "--model", "NAME", "--seed", "VALUE", "--test"),
    *(("evaluate", "NAME", "--data", "NAME"), ("evaluate", "PATH", "--data", "VALUE", "--policy", "POLICY")),
    *(("review", "NAME", "--count", "VALUE"), ("review", "NAME", "--marks", "PATH", "--by", "VALUE")),
    *(
        ("data", "commit", "NAME", "-m", "VALUE"),
        ("schedule", "NOPATH"),
        ("serve", "NOPATH"),
        ("compare", "PATH", "--test"),
    ),
    ("init", "--yes", "--name", "VALUE", "--source", "PATH", "--licence", "VALUE", "--base", "VALUE", "--set", "SET"),
)
KEYS = (
    "columns.text",
    "labels",
    "categories",
    "split.seed",
    "limits.max_input_characters",
    "a.b.c",
    "",
    "name",
    "encoding",
)


def command(random: Random, folder: Path) -> list[str]:
    """A command line; its paths lie below a folder."""

    def word(kind: str) -> str:
        if kind == "NAME":
            return random.choice(NAMES)
        if kind == "NONAME":
            return f"no-{random.choice(VALUES)}"
        if kind == "POLICY":
            return random.choice(("qa-default", "classification-default", *NAMES))
        if kind == "NOPATH":
            return random.choice((str(folder / "none"), str(folder / "file"), "no"))
        if kind == "PATH":
            return random.choice((str(folder), str(folder / "none"), str(folder / "file"), *VALUES))
        if kind == "SET":
            return f"{random.choice(KEYS)}={random.choice(VALUES)}"
        return random.choice(VALUES) if kind == "VALUE" else kind

    words = [word(kind) for kind in random.choice(COMMANDS)]
    if random.random() < 0.1:
        words.insert(random.randrange(len(words) + 1), random.choice(VALUES))
    return [one.replace("\0", "") for one in words]
