"""How a version came to be, as a tree: from the events, with every artifact that they name hashed again."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from tasks.artifact import Artifact
from tasks.errors import IntegrityError
from tasks.lineage.beside import base_elsewhere, dvc_files
from tasks.lineage.event import Event
from tasks.lineage.judged_again import judged_again
from tasks.lineage.node import Node, Status, of_event
from tasks.lineage.outcomes import gates_in_words
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import (
    Approved,
    DatasetSealed,
    Evaluated,
    GatesAnswered,
    Judgement,
    JudgementBeside,
    ModelDerived,
    ModelMade,
    ModelTrained,
    ProtocolFixed,
    Screened,
    Statement,
    statements,
)
from tasks.lineage.waiting import policy_approval, rules_of
from tasks.store import Store

S = TypeVar("S", bound=Statement)


class Ancestry:
    """Builds the tree of one version from the events up to now. Each artifact is hashed once."""

    def __init__(self, store: Store, version: RegisteredVersion, history: list[Event]) -> None:
        self._store = store
        self._version = version
        self._history = history
        self._load = cache(self._loaded)

    def root(self) -> Node:
        """Its withdrawal, where there was one; the promotion; the registration of a version that was never promoted."""
        version, node = self._version, self._released()
        if version.withdrawn is None:
            return node
        return of_event("withdrawn", version.withdrawn, version.withdrawal or "").under(node)

    def _released(self) -> Node:
        version = self._version
        registered = of_event(f"registered as version {version.number}", version.registered)
        registered = registered.under(self._model(version.artifact))
        registered = registered.under(*self._policy())
        if version.promoted is None:
            return registered
        approved = []
        if version.approved:
            said = Approved.read(version.approved)
            approved = [of_event("approved", version.approved, f"by {said.name}: {said.reason}")]
        alone = f"automatically: policy {Judgement.read(version.judged).policy} asked nobody"
        return of_event("promoted to champion", version.promoted, "" if approved else alone).under(
            *approved, registered
        )

    def _policy(self) -> list[Node]:
        """The rules that it was judged by, and who approved them; nothing where policies were not approved yet."""
        rules, promoted = rules_of(self._history, self._version), self._version.promoted
        if (digest := rules.get("policy_rules")) is None:
            return []
        name, given = f"policy {rules['policy']}", policy_approval(self._history, digest)
        if given and (promoted is None or given[0].sequence < promoted.sequence):
            return [of_event(name, given[0], f"approved by {given[1].name}: {given[1].reason}")]
        if rules.get("sample"):
            return [Node(name, "recorded", "approved by nobody: the data are the sample's", digest)]
        if promoted:
            return [Node(name, "contradicted", "nobody had approved it when the version was promoted", digest)]
        return [Node(name, "recorded", "approved by nobody yet", digest)]

    def _model(self, digest: str) -> Node:
        """A form of the model: its bytes, its judgement, and what it was made from."""
        found = self._made(digest)
        if found is None:
            return Node(f"model {digest[:12]}", "contradicted", "no event says how it was made", digest)
        event, made = found
        judged = (*self._screened(digest), self._judged(digest, made))
        if isinstance(made, ModelDerived):
            node = self._artifact_node(f"{made.form} model", digest, event, f"made by {made.step}")
            return node.under(*judged, self._model(made.parent))
        trained = ModelTrained.read(event)
        code = event.code
        state = (
            f"commit {str(code['commit'])[:12]}{', not clean' if code['dirty'] else ''}" if code["commit"] else "no git"
        )
        detail = f"trained by {trained.method.name}, seed {trained.seed}, {state}"
        if out := sum(dict(trained.training.get("left_out") or {}).values()):
            detail += f", {out:,} records left out, as they did not fit"
        node = self._artifact_node(f"{trained.form} model", digest, event, detail)
        return node.under(*judged, self._base(trained), self._dataset(trained.dataset))

    def _judged(self, digest: str, made: ModelMade) -> Node:
        model = self._version.model
        found = self._last(Judgement, lambda one: (one.artifact, one.model) == (digest, model))
        if found is None:
            return Node(f"judgement of {digest[:12]}", "missing", "no event judged this form", digest)
        event, judged = found
        answers = gates_in_words([gate.outcome for gate in judged.gates])
        node = of_event("judged", event, f"{judged.verdict}, {answers}")
        rested = (*self._rested(event, judged), judged_again(self._store, judged))
        return node.under(*rested, self._protocol(event, judged, made))

    def _screened(self, digest: str) -> list[Node]:
        """What the validation split said before anybody looked at the test split; nothing where it was not asked."""
        model = self._version.model
        if (found := self._last(Screened, lambda one: (one.artifact, one.model) == (digest, model))) is None:
            return []
        event, screened = found
        answers = gates_in_words([gate.outcome for gate in screened.gates])
        node = of_event("screened", event, f"{screened.verdict}, {answers}")
        return [node.under(*self._rested(event, screened), judged_again(self._store, screened))]

    def _rested(self, event: Event, judged: GatesAnswered) -> list[Node]:
        """The measurements that gates looked at: of the form itself, and of what it was compared to."""
        return [self._evaluation(judged), *self._beside(event, judged)]

    def _beside(self, event: Event, judged: GatesAnswered) -> list[Node]:
        """The other measurements that the verdict rested on; an earlier Galen stated only some, in the same run."""
        if isinstance(judged, JudgementBeside | Screened):
            named = dict(judged.beside)
        else:
            said = [one for when, one in statements(Evaluated, self._history) if when.run == event.run]
            named = {one.role: one.evaluation for one in said if one.role != "candidate" and event.run}
        found = []
        for name, digest in named.items():
            stated = self._last(Evaluated, lambda one, digest=digest: one.evaluation == digest)  # type: ignore[misc]
            node = self._artifact_node(f"evaluation of {name}", digest, stated and stated[0], "judged beside")
            found.append(node)
        return found

    def _evaluation(self, judged: GatesAnswered) -> Node:
        digest = judged.evaluation
        found = self._last(Evaluated, lambda one: one.evaluation == digest)
        if found is None:
            return Node("evaluation", "missing", "no event states this evaluation", digest)
        event, stated = found
        node = self._artifact_node("evaluation", digest, event, f"on the {stated.split} split")
        # By the test set, not by the version: one with the same test set needs no new evaluation.
        dataset = self._last(DatasetSealed, lambda one: one.dataset == judged.dataset)
        artifact = self._load(digest)
        return node.contradicted(
            {
                "it measured another model": stated.artifact != judged.artifact,
                "its test set is not the sealed one": dataset is not None
                and dataset[1].splits[stated.split].digest != stated.test,
                "its predictions are not the stated ones": isinstance(artifact, Artifact)
                and artifact.files.get("predictions.parquet") != stated.predictions,
            }
        )

    def _protocol(self, event: Event, judged: Judgement, made: ModelMade) -> Node:
        fixed = [
            one
            for one, said in statements(ProtocolFixed, self._history)
            if said.protocol == judged.protocol and one.sequence < event.sequence
        ]
        if not fixed:
            return Node("protocol", "missing", "no event fixed it before the judgement", judged.protocol)
        trained = self._first_trained(made)
        early = trained is not None and fixed[0].sequence < trained.sequence
        detail = "fixed before training" if early else "fixed before judging; the model had been trained earlier"
        return Node("protocol", "verified", detail, judged.protocol, fixed[0])

    def _first_trained(self, made: ModelMade) -> Event | None:
        """The event by which the training behind a form was first recorded."""
        while isinstance(made, ModelDerived):
            parent = self._made(made.parent)
            if parent is None:
                return None
            made = parent[1]
        return next(event for event, one in statements(ModelTrained, self._history) if one.artifact == made.artifact)

    def _base(self, trained: ModelTrained) -> Node:
        digest, ref = trained.base.digest, trained.base.ref
        name = f"base model ({', '.join(f'{key} {value}' for key, value in ref.items())})"
        if "base" in ref:
            return self._artifact_node(name, digest, None, "made here")
        return base_elsewhere(self._store, name, digest)

    def _dataset(self, digest: str) -> Node:
        found = self._last(DatasetSealed, lambda one: one.dataset == digest)
        if found is None:
            return Node(f"dataset {digest[:12]}", "missing", "no event sealed it", digest)
        event, sealed = found
        counts = ", ".join(f"{split.records:,} {name}" for name, split in sealed.splits.items())
        node = self._artifact_node(f"dataset {sealed.name}", digest, event, f"{counts}; licence {sealed.licence}")
        artifact = self._load(digest)
        stated = {f"{name}.parquet": split.digest for name, split in sealed.splits.items()}
        differs = isinstance(artifact, Artifact) and any(artifact.files.get(name) != stated[name] for name in stated)
        node = node.contradicted({"its splits are not the stated ones": differs})
        source = sealed.source
        rows = "?" if source.rows is None else source.rows
        recorded = f"{rows} rows, {source.format or '?'}; lies outside GALEN_HOME"
        children = [Node("source", "recorded", recorded, source.digest), _independence(event, sealed)]
        if sealed.pipeline:
            children.append(dvc_files(self._store, digest, sealed.pipeline))
        return node.under(*children)

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

    def _made(self, digest: str) -> tuple[Event, ModelMade] | None:
        """How a form was made."""
        return self._last(ModelMade, lambda one: one.artifact == digest)

    def _last(self, kind: type[S], holds: Callable[[S], bool]) -> tuple[Event, S] | None:
        """The last event that states such a thing and came before the version was registered."""
        before = reversed(self._history[: self._version.registered.sequence])
        return next(((event, one) for event, one in statements(kind, before) if holds(one)), None)


def _independence(event: Event, sealed: DatasetSealed) -> Node:
    """What the splits share, as counted when the version was sealed."""
    overlap = sealed.overlap
    counted = {"records": overlap.records, "groups": overlap.groups, "contents": overlap.contents}
    shared = [f"{n} {what} in {pair}" for what, pairs in counted.items() for pair, n in pairs.items() if n]
    if overlap.children_of_held_out:
        shared.append(f"{overlap.children_of_held_out} train records derived from held-out ones")
    detail = f"shared: {'; '.join(shared)}" if shared else "no record, group, content or parent shared"
    return Node("independence of splits", "recorded", detail, event=event)
