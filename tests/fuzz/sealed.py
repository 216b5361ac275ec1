"""Hostile evidence and marks: what people copy from a home, or fill in, spoiled; some of it sealed again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any

from tasks.artifact import seal
from tasks.digest import canonical_json, digest_data, digest_file
from tasks.evaluation.evidence import AsServed, Change, Evidence, Looks, Losses, Way
from tasks.evaluation.gate import gate_kinds
from tasks.evaluation.judge import judge
from tasks.evaluation.measured import Pace, Resources
from tasks.evaluation.replay import keep
from tasks.store import Store
from tests.evaluation.fakes import SETTINGS, answered, digest, protocol
from tests.factories import dataset_version
from tests.fuzz.hostile import spoil_json, spoiled

MARKS = b"sheet,number,id,mark,remark\n" + b"".join(b"%s,%d,r%d,right,\n" % (b"a" * 64, n, n) for n in range(6))


def whole_evidence(folder: Path) -> Path:
    """Evidence that every kind of gate has judged: made once, beside the cases."""
    made = folder / "evidence"
    if made.exists():
        return made
    store = Store(folder / "evidence-home")
    dataset = dataset_version(store, "causal-lm", 60)
    pace = Pace((0.1, 0.3), (5.5, 6.0))
    evidence = Evidence(
        answered(store, dataset, 0.75, form="quantized", parent="merged"),
        base=answered(store, dataset, 0.1, name="base", form="base"),
        champion=answered(store, dataset, 0.7, name="champion"),
        anchor=answered(store, dataset, 0.6, name="anchor"),
        parent=answered(store, dataset, 0.8, name="merged", form="merged"),
        looks=Looks(3.5, 12, adaptive=True),
        arrived={"since-champion": frozenset({"g1", "g2"}), "since-anchor": frozenset()},
        others={"majority answer": answered(store, dataset, 0.3, name="rule", form="baseline")},
        changes={"forgetting": Change("bits per byte", 1.0, 1.25)},
        served=AsServed(digest("model"), 8, (Way("MLflow's predict", (3,)), Way("the README's code", (), "OSError"))),
        losses=Losses(0.5, 0.75),
        unaltered=frozenset({"shuffled-options:60"}),
        resources=Resources(digest("model"), 2**20, 300.5, digest("champion"), (pace, pace)),
    )
    gates = [
        kind.model_validate({"name": name, "kind": name, **SETTINGS.get(name, {"metric": "token_f1"})})
        for name, kind in gate_kinds().items()
    ]
    by = protocol(*gates)
    shutil.copytree(keep(store, by, evidence, judge(by, evidence)).path, made)
    shutil.rmtree(store.root)
    return made


def spoil_evidence(random: Random, folder: Path) -> None:
    """Spoil sealed evidence in one to three places; more often than not, seal it again, as whoever can seal would."""
    meta = json.loads((folder / "artifact.json").read_bytes())["meta"]
    for _ in range(random.randint(1, 3)):
        path = random.choice([file for file in sorted(folder.rglob("*")) if file.is_file()])
        how = random.randrange(6)
        if how <= 3 and path.suffix == ".json":
            try:
                plain = json.loads(path.read_bytes())
            except ValueError:  # spoiled before
                continue
            spoil_json(random, plain)
            path.write_bytes(json.dumps(plain).encode())
        elif how == 4:
            path.write_bytes(spoiled(random, path.read_bytes()))
        elif how == 5 and path.name != "artifact.json":
            path.unlink()
    if random.random() < 0.7:
        if random.random() < 0.7:
            _agree(folder, meta)
        (folder / "artifact.json").unlink(missing_ok=True)
        seal(folder, "evidence", meta)


def _agree(folder: Path, meta: dict[str, Any]) -> None:
    """Let names and digests agree again with what was spoiled, as far as its files can be read."""
    renamed = {}
    for file in sorted((folder / "evaluations").glob("*.json")):
        renamed[file.stem] = new = digest_file(file)
        for one in (file, file.with_suffix(".parquet")):
            if one.exists():
                one.rename(one.with_stem(new))
    try:
        plain = json.loads((folder / "protocol.json").read_bytes())
        meta["protocol"] = digest_data(plain)
        (folder / "protocol.json").write_bytes(canonical_json(plain))
        for name in ("evidence.json", "verdict.json"):
            text = (folder / name).read_text()
            for old, new in renamed.items():
                text = text.replace(old, new)
            plain = json.loads(text)
            if name == "verdict.json":
                plain |= {"protocol": meta["protocol"]}
                meta |= {key: str(plain[key]) for key in ("subject", "evaluation")}
            (folder / name).write_bytes(canonical_json(plain))
    except (ValueError, OSError, TypeError, KeyError):
        return
