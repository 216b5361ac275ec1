"""A model judged on a dataset version without being trained: measured, and where a policy is named by its gates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flows.evaluated import Evaluated, Gated
from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings, Generation
from tasks.config.words import Split, Task
from tasks.data.named import name_shown
from tasks.data.shown import sealed_now
from tasks.data.version import DatasetVersion, load_version
from tasks.errors import InputError, IntegrityError
from tasks.evaluation import baselines as rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence, Looks, Losses
from tasks.evaluation.gate import Gate, Protocol
from tasks.evaluation.judge import judge
from tasks.evaluation.policy import load_policy, on_sample
from tasks.evaluation.replay import keep
from tasks.evaluation.resources import resources
from tasks.evaluation.robustness import probed
from tasks.evaluation.rules import RULES
from tasks.lineage import recording
from tasks.lineage.looks import SealedTest, arrived, looks_in_words, looks_of, setup_of_given
from tasks.lineage.overlap import learned_among
from tasks.lineage.roles import RegisteredVersion, Roles, roles
from tasks.lineage.statements import Judgement
from tasks.meta.form import Form
from tasks.release.as_served import as_served
from tasks.release.given import SHOWN, Fit, Given, fit, given
from tasks.release.register import resolve
from tasks.store import Store
from tasks.training.bases import Base, locate_base


@dataclass(frozen=True)
class _Asked:
    """What is judged, on what, and how."""

    store: Store
    one: Given
    dataset: DatasetVersion
    split: Split
    settings: EvaluationSettings
    protocol: Protocol | None

    @property
    def roles(self) -> Roles:
        """Of the model's versions; of a folder there are none."""
        return roles(self.store, self.one.name)

    def evaluated(self, model: Artifact | Base, labels: tuple[str, ...] = ()) -> Evaluation:
        """Any model on these records."""
        return evaluate(self.store, model, self.dataset, self.settings, split=self.split, labels=labels or None)


def run_evaluation(
    store: Store,
    model: str,
    data: str,
    *,
    policy: str | None = None,
    split: Split | None = None,
    records: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluated:
    """Judge a model. A look at a test split is stated in the ledger, and told, before it is made.

    Args:
        store: where everything is kept.
        model: as of `tasks.release.given.given`.
        data: a dataset that is built, or the digest of a sealed version.
        policy: its gates judge; None: it is only measured.
        split: validation or test; default: validation, or test where the version has no validation records.
        records: judge at most this many; default: all.
        tell: what a person reads before the work begins.

    Raises:
        InputError: something that was asked is wrong, or the model does not fit the data: then nobody has looked.
        IntegrityError: the model or the version is not as it was sealed.
    """
    sealed = re.fullmatch(r"[0-9a-f]{64}", data) and store.has(data)
    dataset = load_version(store, data) if sealed else sealed_now(store, data)
    split = split or ("validation" if dataset.meta.counts["validation"] else "test")
    one = given(store, model)
    fits = fit(one, dataset, split)
    settings = EvaluationSettings(generation=_generation(one), max_records=records)
    protocol = _protocol(policy, fits.task, dataset, settings, split) if policy else None
    asked = _Asked(store, one, dataset, split, settings, protocol)
    looks, new, told = _looks(asked)
    if split == "test":
        tell(told)
    notes = tuple(_notes(asked, fits))
    measured = asked.evaluated(one.model, fits.labels)
    recording.record_evaluated(store, one.name, "candidate", one.form, measured)
    simple = _simple(asked)
    against = tuple(rivals.against(measured, simple, settings))
    done = Evaluated(one, dataset, measured, against, told if split == "test" else None, notes)
    return _gated(asked, protocol, done, simple, looks, new) if protocol else done


def _generation(one: Given) -> Generation:
    """As the model was judged and is served; of a folder that does not say it, the default."""
    said = one.said
    return Generation(max_new_tokens=said.recipe.evaluation.generation.max_new_tokens) if said else Generation()


def _protocol(name: str, task: Task, dataset: DatasetVersion, settings: EvaluationSettings, split: Split) -> Protocol:
    """The policy as its file is; on a validation split it only screens."""
    chosen = load_policy(name, task)
    sample = on_sample(dataset.name)
    whole = Protocol(task, name, chosen.gates, settings, "approval", chosen.approval, chosen.digest, sample)
    return whole.screening if split == "validation" else whole


def _looks(asked: _Asked) -> tuple[Looks, Mapping[str, frozenset[str]], str]:
    """The looks at the test split before this one, the groups that nobody saw, and this look in words.

    Where the test split is judged on, the look is stated here: before it is made.
    """
    one, test, found = asked.one, SealedTest(asked.store, asked.dataset), asked.roles
    setup = setup_of_given(test, one.candidate, asked.protocol, one.version)
    looks, before = looks_of(test, found, one.candidate, setup), test.looked_at_by(one.candidate)
    new = arrived(test, found, setup)
    if asked.split == "test":
        recording.record_looked(asked.store, one.name, one.candidate, asked.dataset, "evaluate", setup)
    policy, gates = (asked.protocol.policy, asked.protocol.gates) if asked.protocol else _gates_of(one.version)
    text = looks_in_words(looks, gates, " since the anchor" if found.anchored else "")
    counted = any(gate.looks is not None for gate in gates)
    text += f" by policy {policy}" if counted else "; no policy says how many there may be"
    return looks, new, text + ("; the same candidate looked before, and counts once" if before else "")


def _gates_of(version: RegisteredVersion | None) -> tuple[str, tuple[Gate, ...]]:
    """The policy by which a version was judged, and its gates as its file has them now."""
    try:
        name = Judgement.read(version.judged).policy if version else ""
        return (name, load_policy(name).gates) if name else ("", ())
    except InputError:  # there is no such policy any more
        return "", ()


def _simple(asked: _Asked) -> dict[str, Evaluation]:
    """Simple rivals; none of a test set alone, from which no rule may learn."""
    if not asked.dataset.meta.counts["train"]:
        return {}
    names = RULES[asked.dataset.task]
    return rivals.simple_rivals(asked.store, asked.dataset, asked.settings, names, asked.split)


def _gated(
    asked: _Asked,
    protocol: Protocol,
    done: Evaluated,
    simple: Mapping[str, Evaluation],
    looks: Looks,
    new: Mapping[str, frozenset[str]],
) -> Evaluated:
    """What the gates say of what there is; what is not there they name. What they looked at is kept."""
    store, one, said, found = asked.store, asked.one, asked.one.said, asked.roles
    notes = list(done.notes)

    def beside(called: str, load: Callable[[], Artifact | Base]) -> Evaluation | None:
        try:
            return asked.evaluated(load())
        except (InputError, IntegrityError) as error:  # it was recalled, cleaned up, or is for other records
            notes.append(f"{called} was not judged beside it: {error.what}")
            return None

    def released(called: str, version: RegisteredVersion | None) -> Evaluation | None:
        if version is None:
            return None
        if one.version and one.version.number == version.number:
            notes.append(f"it is {called} itself: gates on that have nothing to compare with")
            return None
        return beside(called, lambda: resolve(store, f"{version.model}@{version.number}")[1])

    parent = said.parent if said else None
    champion = released("the champion", found.champion)
    evidence = Evidence(
        done.evaluation,
        base=beside("its base", lambda: locate_base(store, said.base.digest)) if said else None,
        champion=champion,
        anchor=released("the anchor", found.anchor),
        parent=beside("the form that it was made from", lambda: store.load(parent)) if parent else None,
        others={name: simple[name] for name in protocol.rivals() if name in simple},
        **_of_served(asked, protocol, done.evaluation, champion),
        losses=Losses(said.training.train_loss, said.training.validation_loss) if said else Losses(),
        looks=looks,
        arrived=new,
        first_release=one.version is not None and found.champion is None,
    )
    verdict = judge(protocol, evidence)
    kept = keep(store, protocol, evidence, verdict)
    return replace(done, notes=tuple(notes), gated=Gated(protocol.policy, verdict, kept, protocol.screens))


def _of_served(
    asked: _Asked, protocol: Protocol, evaluation: Evaluation, champion: Evaluation | None
) -> dict[str, Any]:
    """What gates want to know of a served form beside its answers: fields of the evidence."""
    store, model, dataset, settings, split = asked.store, asked.one.model, asked.dataset, asked.settings, asked.split
    if asked.one.form != Form.QUANTIZED or not isinstance(model, Artifact):
        return {}
    changed = probed(store, model, dataset, settings, protocol.gates, split)
    asks = any(gate.asks_served for gate in protocol.gates)
    return {
        "served": as_served(store, model, evaluation, dataset) if asks else None,
        "altered": changed.evaluations,
        "unaltered": changed.unaltered,
        "resources": resources(store, model, champion, dataset, settings, protocol.gates, split),
    }


def _notes(asked: _Asked, fits: Fit) -> Iterator[str]:
    """What to know before one believes the figures."""
    store, one, dataset, split = asked.store, asked.one, asked.dataset, asked.split
    if one.version and one.version.promoted is None:
        yield f"{one.called} was never promoted: nobody has approved it"
    if one.version and one.version.withdrawal:
        yield f"{one.called} was {one.version.withdrawal}"
    if fits.unused:
        names = ", ".join(name_shown(name) for name in fits.unused[:SHOWN])
        more = f" and {len(fits.unused) - SHOWN} more" if len(fits.unused) > SHOWN else ""
        yield f"no record of the {split} split shows these of its labels: {names}{more}"
    if not dataset.meta.counts["train"]:
        yield "the dataset has no train records, so there is no simple rule to compare with"
    said = one.said
    if said is None:
        yield "nothing says what this model learned from, so whether it knows these records cannot be told"
    elif said.dataset == dataset.digest:
        if split == "validation":
            yield "its best step was chosen on the validation split, so figures on it flatter"
    elif not store.has(said.dataset):
        yield "what it learned from is not on this machine, so whether it knows these records cannot be told"
    elif shared := learned_among(load_version(store, said.dataset), dataset, split):
        yield f"it learned from {shared:,} of the {dataset.meta.counts[split]:,} records, so figures on them flatter"
