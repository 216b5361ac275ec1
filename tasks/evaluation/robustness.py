"""What a model answers to records that were changed without changing the answer, for the gates that ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.artifact import Artifact
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluate import Altered, asked_of, evaluation_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import Gate
from tasks.evaluation.perturb import perturbed_rows
from tasks.evaluation.sample import judged_rows
from tasks.store import Store


@dataclass(frozen=True)
class Probed:
    """A model's evaluations on changed records, by the names of probes, and the probes that change none."""

    evaluations: dict[str, Evaluation] = field(default_factory=dict)
    unaltered: frozenset[str] = frozenset()


def probed(
    store: Store,
    model: Artifact,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    gates: Iterable[Gate],
    split: Split = "test",
) -> Probed:
    """Ask a model about every perturbation that gates want to know of; it is opened once, and only if anything is new.

    Args:
        store: where everything is kept.
        model: the form that would be served.
        dataset: the version.
        settings: those of the evaluation without a perturbation, which the same records are taken from.
        gates: whose `probes` are asked.
        split: of which records.

    Raises:
        NotJudgeable, IntegrityError: as `evaluate`.
    """
    probes = dict.fromkeys(probe for gate in gates for probe in gate.probes)
    if not probes:
        return Probed()
    asked = asked_of(store, model, dataset, settings)
    judged = judged_rows(dataset.rows(split), settings.max_records)
    found, none = dict[str, Evaluation](), set[str]()
    for probe in probes:
        rows = perturbed_rows(probe.perturbation, dataset.task, judged_rows(judged, probe.records))
        if not rows:
            none.add(probe.name)
            continue
        altered = Altered(probe.name, rows)
        found[probe.name] = evaluation_of(
            store, asked.subject, dataset, settings, split, asked.run, asked.code, altered
        )
    return Probed(found, frozenset(none))
