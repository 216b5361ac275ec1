"""A registered version judged as if it were to follow itself: the unharmed twin that harms are planted into.

Champion and anchor are the version itself, no look was made, and every test record is taken to be new. So nothing
speaks against it but what speaks against the model, and what a harm changes is the harm's doing.

Records are those of the validation split, unless the test split is asked for; they are judged as a test split is, by
intervals and without the excuses of a screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import Split
from tasks.data.version import DatasetVersion, load_version
from tasks.evaluation.baselines import simple_rivals
from tasks.evaluation.evaluate import evaluate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import SINCE, Evidence, Looks, Losses
from tasks.evaluation.gate import Protocol
from tasks.evaluation.policy import Policy, load_policy, on_sample
from tasks.evaluation.resources import resources
from tasks.evaluation.robustness import probed
from tasks.evaluation.rules import RULES
from tasks.lineage.statements import Judgement
from tasks.meta.form import Form
from tasks.meta.model import ModelMeta
from tasks.release.as_served import as_served, texts_of
from tasks.release.harm import Case
from tasks.release.harmed_scores import Planted, planted
from tasks.release.register import resolve
from tasks.store import Store
from tasks.training.bases import locate_base


@dataclass(frozen=True)
class Rehearsal:
    """A version in all its forms, and the case that its gates would decide."""

    subject: str
    """MODEL@VERSION."""
    models: Mapping[Form, Artifact]
    """In the order in which they were made."""
    base: str
    """Digest of the base that it started from."""
    dataset: DatasetVersion
    split: Split
    settings: EvaluationSettings
    case: Case

    @property
    def served(self) -> Artifact:
        """The form that is served."""
        return self.models[list(self.models)[-1]]


def rehearse(store: Store, policy: str, reference: str, *, test: bool = False) -> Rehearsal:
    """Judge a version as its own successor.

    A version has been looked at on its test split before it was registered, so `test` is no further look.

    Args:
        store: where everything is kept.
        policy: by which policy; what a recipe tightens does not count.
        reference: MODEL@ROLE or MODEL@NUMBER.
        test: on the test split of the dataset version that it learned from, not on its validation split.

    Raises:
        InputError: there is no such version or policy, the policy is for another task, or the split has no records.
        IntegrityError: a form, the dataset or the base is not here, or was changed.
    """
    version, served = resolve(store, reference)
    said = ModelMeta.read(served)
    rules = load_policy(policy, said.task)
    dataset = load_version(store, version.dataset)
    judged = Evaluation(store.load(Judgement.read(version.judged).evaluation), dataset.digest)
    split: Split = "test" if test else "validation"
    found = [store.load(digest) for digest in reversed(version.forms[1:])]
    models = {Form(one.kind): one for one in [*found, served]}
    protocol = _protocol(rules, said, judged.settings, dataset)
    measured = {form: evaluate(store, one, dataset, judged.settings, split=split) for form, one in models.items()}
    base = evaluate(store, locate_base(store, said.base.digest), dataset, judged.settings, split=split)
    rivals = simple_rivals(store, dataset, judged.settings, RULES[dataset.task], split)
    last = measured[Form(served.kind)]
    asks = any(gate.asks_served for gate in rules.gates)
    changed = probed(store, served, dataset, judged.settings, rules.gates, split)
    own = as_of_test(last)
    groups = frozenset(own.scores().columns["group_id"])
    common = Evidence(
        own,
        base=as_of_test(base),
        champion=own,
        anchor=own,
        others={name: as_of_test(one) for name, one in rivals.items()},
        losses=Losses(said.training.train_loss, said.training.validation_loss),
        looks=Looks(0.0, len(groups)),
        arrived=dict.fromkeys((*SINCE, "since-setup"), groups),
        served=as_served(store, served, last, dataset) if asks else None,
        altered={name: as_of_test(one) for name, one in changed.evaluations.items()},
        unaltered=changed.unaltered,
        resources=resources(store, served, last, dataset, judged.settings, rules.gates, split),
    )
    forms = chained({form: as_of_test(one) for form, one in measured.items()}, common)
    lengths = tuple(map(len, texts_of(dataset, own.scores().columns["record_id"], split)))
    subject = f"{version.model}@{version.number}"
    case = Case(protocol, forms, lengths)
    return Rehearsal(subject, models, said.base.digest, dataset, split, judged.settings, case)


def chained(measured: Mapping[Form, Evaluation], common: Evidence) -> dict[Form, Evidence]:
    """The evidence of each form, beside the form that it was made from; what was asked as served, of the last alone."""

    forms = list(measured)
    found = {}
    for place, form in enumerate(forms):
        parent = measured[forms[place - 1]] if place else None
        served = common.served if form == forms[-1] else None
        found[form] = replace(common, candidate=measured[form], parent=parent, served=served)
    return found


def as_of_test(evaluation: Evaluation) -> Planted:
    """The same, as if its records were a test split: only then do gates ask all that they ask."""
    return planted(evaluation, split="test")


def _protocol(rules: Policy, said: ModelMeta, settings: EvaluationSettings, dataset: DatasetVersion) -> Protocol:
    return Protocol(
        said.task,
        rules.name,
        rules.gates,
        settings,
        "approval",
        rules.approval,
        rules.digest,
        on_sample(dataset.name),
    )
