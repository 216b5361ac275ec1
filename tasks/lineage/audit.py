"""Where a version came from, as a tree: every event signed, and every byte within reach hashed again.

It gathers evidence that supports an audit; whether that meets a regulation, people decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from tasks.artifact import Artifact
from tasks.digest import digest_tree
from tasks.errors import IntegrityError
from tasks.lineage.event import Event
from tasks.lineage.ledger import Chain, events, verify_chain
from tasks.lineage.roles import RegisteredVersion, resolve, roles
from tasks.lineage.signatures import Keys
from tasks.store import Store

Status = Literal["verified", "recorded", "missing", "changed", "contradicted"]
"""verified: a signed event, or bytes that were hashed again. recorded: the ledger's word, with no bytes in reach.
missing, changed: bytes that GALEN_HOME should hold. contradicted: events or artifacts that exclude each other."""
BROKEN: tuple[Status, ...] = ("missing", "changed", "contradicted")
_MARK: dict[Status, str] = {"verified": "ok", "recorded": "--", "missing": "!!", "changed": "!!", "contradicted": "!!"}


@dataclass(frozen=True)
class Node:
    """One thing of the ancestry, and what it came from (`children`)."""

    name: str
    status: Status
    detail: str
    digest: str | None = None
    """Of the artifact, of the source, or of the event, where there is nothing else."""
    event: Event | None = field(default=None, repr=False)
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def plain(self) -> dict[str, Any]:
        """As JSON, with what the event states."""
        event = self.event and {
            "sequence": self.event.sequence,
            "digest": self.event.digest,
            "kind": self.event.kind,
            "time": self.event.time.isoformat(),
            "actor": self.event.actor,
            "key": self.event.key,
            "code": self.event.code,
            "facts": self.event.facts,
        }
        return {
            "name": self.name,
            "status": self.status,
            "detail": self.detail,
            "digest": self.digest,
            "event": event,
            "children": [child.plain() for child in self.children],
        }


@dataclass(frozen=True)
class Audit:
    """The ancestry of one version, and what became of every digest in it."""

    reference: str
    version: RegisteredVersion
    held: tuple[str, ...]
    """Roles that it holds."""
    chain: Chain
    root: Node

    @property
    def faults(self) -> list[Node]:
        """What is missing, changed or contradicted."""
        return [node for node in self.root.walk() if node.status in BROKEN]

    @property
    def verdict(self) -> Literal["intact", "broken"]:
        """Broken as soon as there is one fault."""
        return "broken" if self.faults else "intact"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reference": self.reference,
            "model": self.version.model,
            "version": self.version.number,
            "roles": list(self.held),
            "verdict": self.verdict,
            "faults": [f"{node.name}: {node.detail}" for node in self.faults],
            "ledger": {
                "events": self.chain.head.sequence,
                "head": self.chain.head.digest,
                "events_per_key": self.chain.keys,
            },
            "ancestry": self.root.plain(),
        }

    def text(self) -> str:
        """For people: the tree, then the verdict."""
        counts = {
            status: sum(node.status == status for node in self.root.walk()) for status in ("verified", "recorded")
        }
        keys = ", ".join(f"{key[:12]} ({count} events)" for key, count in self.chain.keys.items())
        roles_held = f" ({', '.join(self.held)})" if self.held else ""
        return "\n".join(
            [
                f"{self.version.model} version {self.version.number}{roles_held}",
                *_drawn(self.root),
                "",
                f"ledger: {self.chain.head.sequence} events, every signature and link verified; signed by key {keys}",
                f"evidence: {self.verdict}; {counts['verified']} verified, {counts['recorded']} recorded only, "
                f"{len(self.faults)} at fault",
                *(f"  {node.name}: {node.detail}" for node in self.faults),
            ]
        )

    def raise_if_broken(self) -> None:
        """End with exit code 6 where anything is at fault.

        Raises:
            IntegrityError: names the first fault.
        """
        if self.faults:
            first = self.faults[0]
            hint = "restore it from a backup that you trust; until then, do not serve this model"
            raise IntegrityError(f"{first.name}: {first.detail}", value=self.reference, hint=hint)


def audit(store: Store, reference: str, trusted: Keys | None = None) -> Audit:
    """The ancestry of `MODEL@ROLE` or `MODEL@NUMBER`, everything within reach hashed again.

    Args:
        store: where everything made at run time lies.
        reference: which version.
        trusted: keys that may have signed the ledger; default: all in the keys folder.

    Raises:
        InputError: no such version.
        IntegrityError: the ledger itself does not verify: then nothing that it says is evidence.
    """
    chain = verify_chain(store, trusted)
    version = resolve(store, reference)
    held = roles(store, version.model).of(version)
    return Audit(reference, version, held, chain, _Ancestry(store, version, events(store)).root())


class _Ancestry:
    """Builds the tree of one version from the events up to now. Each artifact is hashed once."""

    def __init__(self, store: Store, version: RegisteredVersion, history: list[Event]) -> None:
        self._store = store
        self._version = version
        self._history = history
        self._load = cache(self._loaded)

    def root(self) -> Node:
        """The promotion, or the registration of a version that was never promoted."""
        version = self._version
        registered = _event_node(f"registered as version {version.number}", version.registered)
        registered = _with(registered, self._model(version.artifact))
        if version.promoted is None:
            return registered
        approved = []
        if version.approved:
            facts = version.approved.facts
            approved = [_event_node("approved", version.approved, f"by {facts['name']}: {facts['reason']}")]
        return _with(_event_node("promoted to champion", version.promoted), *approved, registered)

    def _model(self, digest: str) -> Node:
        """A form of the model: its bytes, its judgement, and what it was made from."""
        made = self._last(("model-derived", "model-trained"), artifact=digest)
        if made is None:
            return Node(f"model {digest[:12]}", "contradicted", "no event says how it was made", digest)
        judged = self._judged(digest, made)
        form = made.facts["form"]
        if made.kind == "model-derived":
            node = self._artifact_node(f"{form} model", digest, made, f"made by {made.facts['step']}")
            return _with(node, judged, self._model(made.facts["parent"]))
        code = made.code
        state = (
            f"commit {str(code['commit'])[:12]}{', not clean' if code['dirty'] else ''}" if code["commit"] else "no git"
        )
        detail = f"trained by {made.facts['method']['name']}, seed {made.facts['seed']}, {state}"
        node = self._artifact_node(f"{form} model", digest, made, detail)
        return _with(node, judged, self._base(made), self._dataset(made.facts["dataset"]))

    def _judged(self, digest: str, made: Event) -> Node:
        judged = self._last(("judged",), artifact=digest, model=self._version.model)
        if judged is None:
            return Node(f"judgement of {digest[:12]}", "missing", "no event judged this form", digest)
        facts = judged.facts
        passed = sum(gate["outcome"] == "passed" for gate in facts["gates"])
        node = _event_node("judged", judged, f"{facts['verdict']}, {passed} of {len(facts['gates'])} gates passed")
        return _with(node, self._evaluation(judged), self._protocol(judged, made))

    def _evaluation(self, judged: Event) -> Node:
        digest = judged.facts["evaluation"]
        stated = self._last(("evaluated",), evaluation=digest)
        if stated is None:
            return Node("evaluation", "missing", "no event states this evaluation", digest)
        facts = stated.facts
        node = self._artifact_node("evaluation", digest, stated, f"on the {facts['split']} split")
        # By the test set, not by the version: one with the same test set needs no new evaluation.
        sealed = self._last(("dataset-sealed",), dataset=judged.facts["dataset"])
        artifact = self._load(digest)
        contradictions = {
            "it measured another model": facts["artifact"] != judged.facts["artifact"],
            "its test set is not the sealed one": sealed is not None
            and sealed.facts["splits"][facts["split"]]["digest"] != facts["test"],
            "its predictions are not the stated ones": isinstance(artifact, Artifact)
            and artifact.files.get("predictions.parquet") != facts["predictions"],
        }
        return _contradicted(node, contradictions)

    def _protocol(self, judged: Event, made: Event) -> Node:
        digest = judged.facts["protocol"]
        fixed = [
            event
            for event in self._history
            if event.kind == "protocol-fixed" and event.facts["protocol"] == digest and event.sequence < judged.sequence
        ]
        if not fixed:
            return Node("protocol", "missing", "no event fixed it before the judgement", digest)
        trained = self._first_trained(made)
        before = trained is not None and fixed[0].sequence < trained.sequence
        detail = "fixed before training" if before else "fixed before judging; the model had been trained earlier"
        return Node("protocol", "verified", detail, digest, fixed[0])

    def _first_trained(self, made: Event) -> Event | None:
        """The event by which the training behind a form was first recorded."""
        while made.kind == "model-derived":
            parent = self._last(("model-derived", "model-trained"), artifact=made.facts["parent"])
            if parent is None:
                return None
            made = parent
        alike = (event for event in self._history if event.kind == "model-trained")
        return next(event for event in alike if event.facts["artifact"] == made.facts["artifact"])

    def _base(self, trained: Event) -> Node:
        from tasks.training.bases import locate_base

        digest, ref = trained.facts["base"]["digest"], trained.facts["base"]["ref"]
        name = f"base model ({', '.join(f'{key} {value}' for key, value in ref.items())})"
        if "base" in ref:
            return self._artifact_node(name, digest, None, "made here")
        try:
            folder = Path(json.loads((self._store.root / "bases" / f"{digest}.json").read_bytes())["path"])
        except (OSError, ValueError, KeyError):
            return Node(name, "recorded", "nobody knows where it is on this machine", digest)
        if not folder.is_dir():  # the user's own folder, or a cache: Galen never promised to keep it
            return Node(name, "recorded", f"no longer in {folder}", digest)
        try:
            locate_base(digest)
        except IntegrityError:
            return Node(name, "changed", f"what is in {folder} is not what was trained on", digest)
        return Node(name, "verified", f"hashed again in {folder}", digest)

    def _dataset(self, digest: str) -> Node:
        sealed = self._last(("dataset-sealed",), dataset=digest)
        if sealed is None:
            return Node(f"dataset {digest[:12]}", "missing", "no event sealed it", digest)
        facts = sealed.facts
        counts = ", ".join(f"{split['records']:,} {name}" for name, split in facts["splits"].items())
        node = self._artifact_node(f"dataset {facts['name']}", digest, sealed, f"{counts}; licence {facts['licence']}")
        artifact = self._load(digest)
        stated = {f"{name}.parquet": split["digest"] for name, split in facts["splits"].items()}
        differs = isinstance(artifact, Artifact) and any(artifact.files.get(name) != stated[name] for name in stated)
        node = _contradicted(node, {"its splits are not the stated ones": differs})
        source = facts["source"]
        recorded = f"{source.get('rows', '?')} rows, {source.get('format', '?')}; lies outside GALEN_HOME"
        children = [Node("source", "recorded", recorded, source.get("digest")), _independence(sealed)]
        if facts["pipeline"]:
            children.append(_pipeline(self._store, digest, facts["pipeline"]))
        return _with(node, *children)

    def _artifact_node(self, name: str, digest: str, event: Event | None, detail: str) -> Node:
        found = self._load(digest)
        if isinstance(found, Artifact):
            return Node(name, "verified", f"{detail}; {len(found.files)} files hashed again", digest, event)
        status: Status = "changed" if self._store.has(digest) else "missing"
        return Node(name, status, found.what, digest, event)

    def _loaded(self, digest: str) -> Artifact | IntegrityError:
        try:
            return self._store.load(digest)
        except IntegrityError as error:
            return error

    def _last(self, kinds: Iterable[str], **facts: str) -> Event | None:
        """The last event of these kinds with these facts that came before the version was registered."""
        for event in reversed(self._history[: self._version.registered.sequence]):
            if event.kind in kinds and all(event.facts.get(name) == value for name, value in facts.items()):
                return event
        return None


def _independence(sealed: Event) -> Node:
    """What the splits share, as counted when the version was sealed."""
    overlap = sealed.facts["overlap"]
    shared = [
        f"{n} {what} in {pair}" for what in ("records", "groups", "contents") for pair, n in overlap[what].items() if n
    ]
    if overlap["children_of_held_out"]:
        shared.append(f"{overlap['children_of_held_out']} train records derived from held-out ones")
    detail = f"shared: {'; '.join(shared)}" if shared else "no record, group, content or parent shared"
    return Node("independence of splits", "recorded", detail, event=sealed)


def _pipeline(store: Store, dataset: str, stated: str) -> Node:
    """The DVC files that bring the version back."""
    folder = store.root / "datasets" / f"{dataset}.dvc"
    if not folder.is_dir():
        return Node("DVC files", "missing", "the snapshot of dvc.yaml, params.yaml and dvc.lock is gone", stated)
    if digest_tree(folder) != stated:
        return Node("DVC files", "changed", "the snapshot is not the stated one", stated)
    return Node("DVC files", "verified", "dvc.yaml, params.yaml and dvc.lock hashed again", stated)


def _event_node(name: str, event: Event, detail: str = "") -> Node:
    said = f"{detail}; " if detail else ""
    return Node(name, "verified", f"{said}{event.time:%Y-%m-%d %H:%M:%S} UTC, {event.actor}", event.digest, event)


def _with(node: Node, *children: Node) -> Node:
    return Node(node.name, node.status, node.detail, node.digest, node.event, (*node.children, *children))


def _contradicted(node: Node, faults: dict[str, bool]) -> Node:
    """The node, with the faults that apply; one that is missing or changed already stays that."""
    found = [text for text, applies in faults.items() if applies]
    if not found or node.status in BROKEN:
        return node
    return Node(node.name, "contradicted", "; ".join(found), node.digest, node.event, node.children)


def _drawn(node: Node, lead: str = "", follow: str = "") -> list[str]:
    number = f" [event {node.event.sequence}]" if node.event else ""
    digest = f" {node.digest[:12]}" if node.digest else ""
    lines = [f"{lead}{_MARK[node.status]} {node.name}{digest}{number}: {node.detail}"]
    for place, child in enumerate(node.children, 1):
        last = place == len(node.children)
        lines += _drawn(child, follow + ("└─ " if last else "├─ "), follow + ("   " if last else "│  "))
    return lines
