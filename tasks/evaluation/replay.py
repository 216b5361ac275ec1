"""What a verdict rested on, sealed so that it can be computed again from files alone.

A verdict is a pure function of a protocol and of evidence. An artifact of kind `evidence` holds both, and the verdict
itself:

- `protocol.json`: the gates, with all their settings;
- `evidence.json`: losses, looks and whatever else gates look at; evaluations by their digests;
- `evaluations/DIGEST.json`: what each evaluation says about itself: the bytes of its own `artifact.json`, whose
  SHA-256 is its digest; `evaluations/DIGEST.parquet`: ids, slices and statistics of its records, and no content;
- `verdict.json`: what the gates said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from tasks.artifact import MANIFEST, Artifact, read, verify
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import Task
from tasks.digest import canonical_json, digest_bytes, digest_data
from tasks.errors import GalenError, InputError, IntegrityError
from tasks.evaluation.evaluation import IDENTITY, PREDICTIONS_FILE, STATISTIC, Evaluation, read_scores
from tasks.evaluation.evidence import Evidence, as_json
from tasks.evaluation.gate import Protocol
from tasks.evaluation.judge import Verdict, judge
from tasks.evaluation.policy import TypedGate
from tasks.evaluation.slices import Scores
from tasks.meta.evaluation import EvidenceMeta
from tasks.settings import Settings, parse
from tasks.store import Store

KIND = "evidence"
PROTOCOL, EVIDENCE, VERDICT, EVALUATIONS = "protocol.json", "evidence.json", "verdict.json", "evaluations"
DEFINITIONS = "definitions"
DIGITS = 12
"""Significant digits to which numbers are compared: another processor may add in another order."""


class _Rules(Settings):
    """A protocol as it was written."""

    task: Task
    policy: str
    gates: tuple[TypedGate, ...]
    evaluation: EvaluationSettings
    first_release: Literal["approval", "base"]
    approval: Literal["first", "every"]
    policy_rules: str | None = None
    sample: bool = False
    split: Literal["validation", "test"] = "test"

    @model_validator(mode="after")
    def _decides_by_something(self) -> Self:
        if not self.gates and self.split == "test":  # on the validation split none of a policy's may have a say
            raise ValueError("no gate judges")
        return self


@dataclass(frozen=True)
class _Kept(Evaluation):
    """An evaluation of which the scores alone were kept."""

    folder: Path = Path()

    def scores(self) -> Scores:
        """As for every evaluation."""
        return read_scores(self.folder / f"{self.digest}.parquet", self.task, self.test)


@dataclass(frozen=True)
class Replay:
    """A verdict that was computed again, beside the one that was sealed."""

    artifact: Artifact
    recorded: Mapping[str, Any]
    """The sealed verdict."""
    verdict: Verdict
    same_code: bool
    """Whether this checkout's code defines gates and metrics as the code did that judged."""

    @property
    def differing(self) -> list[str]:
        """What is not as it was recorded, one line for each gate; empty where all agrees."""
        lines = []
        for name in ("subject", "evaluation"):
            if self.recorded[name] != getattr(self.verdict, name):
                lines.append(f"{name}: another one was recorded")
        before, now = list(self.recorded["gates"]), as_json([one.plain() for one in self.verdict.results])
        if len(before) != len(now):
            lines.append(f"{len(before)} answers were recorded, there are {len(now)}")
        for one, again in zip(before, now, strict=False):
            if _rounded(one) != _rounded(again):
                lines.append(f"{one['name']}: {one['outcome']} was recorded ({one['reason']}), now {again['outcome']}")
        said = "passed" if self.verdict.passed else "failed"
        if self.recorded["verdict"] != said:
            lines.append(f"the verdict: {self.recorded['verdict']} was recorded, now {said}")
        return lines

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "evidence": self.artifact.digest,
            "agrees": not self.differing,
            "differing": self.differing,
            "same_code": self.same_code,
            "verdict": as_json(self.verdict.plain()),
        }

    def raise_if_differing(self) -> None:
        """End with exit code 6 where the verdict is not the recorded one.

        Raises:
            IntegrityError: names the first difference, and how many there are.
        """
        if not (found := self.differing):
            return
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        hint = "the evidence or the verdict was changed before it was sealed"
        if not self.same_code:
            hint = "this checkout's gates are others than those that judged: use the checkout that made the verdict"
        raise IntegrityError(f"the verdict is not what was recorded: {found[0]}{more}", hint=hint)


def keep(store: Store, protocol: Protocol, evidence: Evidence, verdict: Verdict) -> Artifact:
    """Seal what a verdict rested on. The same evidence gives the same digest.

    Args:
        store: where it is kept.
        protocol: by which was judged.
        evidence: what the gates looked at.
        verdict: what they said.
    """
    name = f"{KIND}-{verdict.evaluation[:16]}"
    with store.locked(name), store.staging(name) as folder:
        (folder / PROTOCOL).write_bytes(canonical_json(protocol.plain()))
        (folder / EVIDENCE).write_bytes(canonical_json(evidence.plain()))
        (folder / VERDICT).write_bytes(canonical_json(as_json(verdict.plain())))
        (folder / EVALUATIONS).mkdir()
        for evaluation in evidence.every:
            _keep_scores(evaluation, folder / EVALUATIONS)
        meta = EvidenceMeta(
            subject=verdict.subject,
            evaluation=verdict.evaluation,
            protocol=verdict.protocol,
            verdict="passed" if verdict.passed else "failed",
        )
        return store.adopt(folder, KIND, meta.plain())


def _keep_scores(evaluation: Evaluation, folder: Path) -> None:
    """What of an evaluation gates look at; what was predicted holds content, and stays where it is."""
    import pyarrow.parquet as pq

    (folder / f"{evaluation.digest}.json").write_bytes((evaluation.artifact.path / MANIFEST).read_bytes())
    source = evaluation.artifact.file(PREDICTIONS_FILE)
    names = [name for name in pq.read_schema(source).names if name in IDENTITY or name.startswith(STATISTIC)]
    pq.write_table(pq.read_table(source, columns=names), folder / f"{evaluation.digest}.parquet", compression="zstd")


def replay(place: Path) -> Replay:
    """Compute a sealed verdict again, from its files alone: no store, no ledger, no model.

    Args:
        place: the sealed folder, or a file in it.

    Raises:
        InputError: there is no evidence, or a gate is of a kind that this checkout does not have.
        IntegrityError: a file is missing, changed or was added, or does not say what it must.
    """
    folder = _folder(place)
    artifact = read(folder)
    if artifact.kind != KIND:
        raise InputError(f"this is no evidence but a sealed {artifact.kind}", value=place, hint=_WHERE)
    meta = EvidenceMeta.read(artifact)
    verify(artifact)
    rules, plain, recorded = (_json(folder / name) for name in (PROTOCOL, EVIDENCE, VERDICT))
    protocol = protocol_from(rules, folder / PROTOCOL)
    try:
        held = {path.stem: _kept(path) for path in sorted((folder / EVALUATIONS).glob("*.json"))}
        evidence = Evidence.of(plain, held)
        verdict = judge(protocol, evidence)
        found = Replay(artifact, recorded, verdict, rules[DEFINITIONS] == protocol.plain()[DEFINITIONS])
        said = (recorded["subject"], recorded["evaluation"], recorded["protocol"], recorded["verdict"])
        if said != (meta.subject, meta.evaluation, meta.protocol, meta.verdict) or said[2] != digest_data(rules):
            raise IntegrityError("the files of this evidence contradict each other", value=place)
        _ = found.differing  # reads all that was recorded
    except (KeyError, TypeError, AttributeError, ValueError, OSError) as error:
        hint = "it was made by other code, or changed before it was sealed"
        raise IntegrityError(
            f"this evidence cannot be read ({type(error).__name__})", value=place, hint=hint
        ) from error
    return found


def judged_by_this_code(folder: Path) -> bool:
    """Whether this checkout defines gates and metrics as the code did that judged; not where that cannot be told."""
    try:
        rules = _json(folder / PROTOCOL)
        return bool(rules[DEFINITIONS] == protocol_from(rules, folder / PROTOCOL).plain()[DEFINITIONS])
    except (GalenError, KeyError, TypeError, AttributeError, ValueError):
        return False


_WHERE = "`galen audit MODEL@VERSION` names the evidence of each form; it lies in GALEN_HOME/artifacts"


def _folder(place: Path) -> Path:
    folder = place.parent if place.is_file() else place
    if not folder.is_dir():
        raise InputError("there is no such folder or file", value=place, hint=_WHERE)
    if not any((folder / name).exists() for name in (MANIFEST, PROTOCOL, EVIDENCE, VERDICT)):
        raise InputError("this folder holds no evidence", value=place, hint=_WHERE)
    return folder


def protocol_from(plain: Mapping[str, Any], file: object) -> Protocol:
    """A protocol as `Protocol.plain` wrote it; its definitions are those of this checkout.

    Raises:
        ConfigError: a gate is of no kind that there is, or something is not as a protocol has it.
    """
    rules = parse(_Rules, {name: value for name, value in plain.items() if name != DEFINITIONS}, file)
    return Protocol(
        rules.task,
        rules.policy,
        rules.gates,
        rules.evaluation,
        rules.first_release,
        rules.approval,
        rules=rules.policy_rules,
        sample=rules.sample,
        split=rules.split,
    )


def _kept(file: Path) -> Evaluation:
    """An evaluation from its `artifact.json`, which must have the digest that it is called by."""
    data = file.read_bytes()
    said = json.loads(data)
    if digest_bytes(data) != file.stem:
        raise IntegrityError("an evaluation of this evidence is not the one that its name says", value=file)
    artifact = Artifact(file.stem, said["kind"], file.parent, said["meta"], said["files"])
    return _Kept(artifact, "", file.parent)


def _json(file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise IntegrityError("a file of this evidence cannot be read", value=file) from error
    return found


def _rounded(value: Any) -> Any:
    """A gate's answer with its numbers rounded to `DIGITS`."""
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, int | float) and not isinstance(value, bool) else value
