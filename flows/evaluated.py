"""What an evaluation came to, for people and as JSON: never the content of a record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.console import table
from tasks.artifact import Artifact
from tasks.data.version import DatasetVersion
from tasks.errors import GateRejected
from tasks.evaluation.baselines import Comparison
from tasks.evaluation.estimates import Estimate
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import as_json
from tasks.evaluation.judge import Verdict
from tasks.evaluation.metric import usual_metric
from tasks.evaluation.result import GateResult
from tasks.evaluation.slices import metrics_in
from tasks.lineage.outcomes import gates_in_words
from tasks.release.given import Given


@dataclass(frozen=True)
class Gated:
    """What the gates of a policy said, and the artifact that holds what they looked at."""

    policy: str
    verdict: Verdict
    evidence: Artifact
    screened: bool
    """On the validation split: gates went by estimates."""

    def lines(self) -> list[str]:
        """For people."""
        results = self.verdict.results
        counted = gates_in_words([one.outcome for one in results])
        how = " (as before a look: by estimates)" if self.screened else ""
        kept = f"evidence {self.evidence.digest[:12]}: galen gate recomputes it"
        return [*(f"{one.outcome:14} {_named(one)}" for one in results), f"{self.policy}{how}: {counted}; {kept}"]


def _named(one: GateResult) -> str:
    return f"{one.name}{f' [{one.slice}]' if one.slice else ''}: {one.reason}"


@dataclass(frozen=True)
class Evaluated:
    """A model judged on a split of a dataset version."""

    one: Given
    dataset: DatasetVersion
    evaluation: Evaluation
    against: tuple[Comparison, ...]
    """Its gain over simple rivals."""
    look: str | None
    """Which look at the test split it was, in words; None where the validation split was judged on."""
    notes: tuple[str, ...]
    """What to know before one believes the figures."""
    gated: Gated | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        one, found = self.one, self.evaluation
        said: dict[str, Any] = {
            "model": one.name,
            "version": one.version.number if one.version else None,
            "called": one.called,
            "form": found.form,
            "artifact": found.model_digest,
            "dataset": self.dataset.name,
            "dataset_digest": self.dataset.digest,
            "split": found.split,
            "test": found.test,
            "evaluation": found.digest,
            "settings": found.settings.plain(),
            "records": found.records,
            "of": self.dataset.meta.counts[found.split],
            "groups": found.groups,
            "cut": found.cut,
            "metrics": _plain(found.metrics),
            "slices": {
                name: {"records": records, "groups": groups, "metrics": _plain(found.slices[name])}
                for name, (records, groups) in found.slice_sizes.items()
            },
            "against": [
                {"rival": each.baseline, "outcome": each.outcome, **each.difference.plain()} for each in self.against
            ],
            "look": self.look,
            "notes": list(self.notes),
        }
        if self.gated:
            said |= {"verdict": self.gated.verdict.plain(), "evidence": self.gated.evidence.digest}
        plain: dict[str, Any] = as_json(said)
        return plain

    def text(self) -> str:
        """For a terminal."""
        found, total = self.evaluation, self.dataset.meta.counts[self.evaluation.split]
        cut = f"; {found.cut:,} did not fit in full" if found.cut else ""
        parts = [
            f"{self.one.called} ({found.form} {found.model_digest[:12]}) on {self.dataset.name} "
            f"{self.dataset.digest[:12]}: {found.records:,} of {total:,} records of the {found.split} split, "
            f"{found.groups:,} groups{cut}",
            *([f"  {self.look}"] if self.look else []),
            *(f"  note: {note}" for note in self.notes),
        ]
        sure = f"{found.settings.confidence:.0%} interval"
        rows = [(name, _value(one), _span(one)) for name, one in found.metrics.items()]
        tables = [
            table(("metric", "value", sure), rows),
            table(("slice", "records", "groups", "", "value", sure), self._slices()),
        ]
        if self.against:
            tables.append(table(("against", "metric", "rival", "gain", sure, "it is"), self._rivals()))
        if self.gated:
            tables.append("\n".join(self.gated.lines()))
        return "\n\n".join(["\n".join(parts), *tables])

    def _slices(self) -> list[tuple[object, ...]]:
        """One line for each slice, by what its task shows first, or of a label by the first metric it has."""
        rows: list[tuple[object, ...]] = []
        usual = usual_metric(self.evaluation.task)
        for name, (records, groups) in self.evaluation.slice_sizes.items():
            there = self.evaluation.slices[name]
            names = [usual, *metrics_in(self.evaluation.task, name)]
            shown = next((metric for metric in names if metric in there), None)
            one = there.get(shown) if shown else None
            rows.append((name, records, groups, shown, _value(one) if one else None, _span(one) if one else None))
        return rows

    def _rivals(self) -> list[tuple[object, ...]]:
        rows: list[tuple[object, ...]] = []
        for one in self.against:
            gain = one.difference
            span = _span(Estimate(gain.gain, gain.low, gain.high), "+")
            rows.append((one.baseline, gain.metric, f"{gain.other:.3f}", f"{gain.gain:+.3f}", span, one.outcome))
        return rows

    def raise_if_failed(self) -> None:
        """End with exit code 3 where a gate failed. What could not be judged is named, and ends nothing here.

        Raises:
            GateRejected: with the reason of each gate that failed.
        """
        results = self.gated.verdict.results if self.gated else ()
        if failed := [one for one in results if one.outcome == "failed"]:
            lines = "\n".join(f"  - {_named(one)}" for one in failed)
            raise GateRejected(f"{self.one.called} failed {len(failed)} of {len(results)} gates\n{lines}")


def _plain(metrics: dict[str, Estimate]) -> dict[str, Any]:
    return {name: one.plain() for name, one in metrics.items()}


def _value(one: Estimate) -> str:
    return f"{one.value:.3f}"


def _span(one: Estimate, sign: str = "") -> str:
    if one.low is None or one.high is None:
        return "none: too few groups"
    return f"[{one.low:{sign}.3f}, {one.high:{sign}.3f}]"
