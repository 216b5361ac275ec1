"""What a verdict was computed from, in an audit: the sealed evidence hashed, and the verdict computed from it again."""

from __future__ import annotations

from tasks.errors import InputError, IntegrityError
from tasks.evaluation.replay import EVALUATIONS, Replay, judged_by_this_code, replay
from tasks.lineage.node import Node
from tasks.lineage.statements import GatesAnswered, JudgementSealed, ScreenedSealed
from tasks.store import Store

NAME = "evidence"


def judged_again(store: Store, judged: GatesAnswered) -> Node:
    """The evidence that a statement of all gates' answers names.

    missing: it is not on this machine. changed: its bytes are others. contradicted: it is not what the event states, or
    gates give another verdict on it. By other gates than those that judged, nothing is concluded but from its bytes.
    """
    if not isinstance(judged, JudgementSealed | ScreenedSealed):
        return Node(NAME, "recorded", "an earlier Galen judged, whose ledger does not name it")
    digest = judged.evidence
    if not store.has(digest):
        return Node(NAME, "missing", "not on this machine; nothing but a backup brings it back", digest)
    try:
        artifact = store.load(digest)
    except IntegrityError as error:
        return Node(NAME, "changed", error.what, digest)
    hashed = f"{len(artifact.files)} files hashed again"
    same_code = judged_by_this_code(artifact.path)
    try:
        found = replay(artifact.path)
    except (IntegrityError, InputError) as error:
        if same_code:
            return Node(NAME, "contradicted", error.what, digest)
        return Node(NAME, "verified", f"{hashed}; the gates of today cannot read it", digest)
    differing = _not_stated(judged, found)
    if same_code:
        differing += found.differing
    if differing:
        return Node(NAME, "contradicted", "; ".join(differing), digest)
    again = "the verdict computed again: the same"
    if found.differing:
        again = "the gates of today are others than those that judged, and say something else"
    return Node(NAME, "verified", f"{hashed}; {again}", digest)


def _not_stated(judged: JudgementSealed | ScreenedSealed, found: Replay) -> list[str]:
    """What the sealed verdict says otherwise than the event."""
    said = found.recorded
    answers = [(one["name"], one["slice"], one["outcome"], one["reason"]) for one in said["gates"]]
    passed = said["verdict"] == "passed"
    if isinstance(judged, ScreenedSealed):  # there, what could not be judged holds nobody back
        passed = not any(outcome in ("failed", "not-judged") for _, _, outcome, _ in answers)
    held = {path.stem for path in (found.artifact.path / EVALUATIONS).glob("*.json")}
    faults = {
        "it is of another model": said["subject"] != judged.artifact,
        "it is of another evaluation": said["evaluation"] != judged.evaluation,
        "it was judged by another protocol": said["protocol"] != judged.protocol,
        "it holds other evaluations": held != {judged.evaluation, *judged.beside.values()},
        "its gates answered something else": answers
        != [(one.name, one.slice, one.outcome, one.reason) for one in judged.gates],
        "its verdict is another": passed != (judged.verdict == "passed"),
    }
    return [f"{text} than the event states" for text, applies in faults.items() if applies]
