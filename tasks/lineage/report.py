"""What happened in one run, as one HTML page for whoever must say yes or no: the verdict and its reasons first.

It loads nothing from elsewhere. Numbers, reasons and ids of records, never what records hold.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import Artifact, write_atomically
from tasks.data.version import SPLITS, DatasetVersion
from tasks.home import CHECKOUT
from tasks.lineage.event import Origin
from tasks.lineage.ledger import events, head
from tasks.lineage.not_started import report_of
from tasks.lineage.outcomes import gates_in_words, records_in_words
from tasks.lineage.roles import RegisteredVersion, Role, roles
from tasks.lineage.statements import DatasetSealed, statements
from tasks.lineage.witness import sign_report
from tasks.meta.model import TrainingMeta
from tasks.reports import fill
from tasks.store import Store
from tasks.training.recipe import Recipe

if TYPE_CHECKING:
    from tasks.evaluation.baselines import Comparison
    from tasks.evaluation.estimates import Estimate
    from tasks.evaluation.evaluation import Evaluation
    from tasks.evaluation.evidence import Evidence
    from tasks.evaluation.gate import Protocol
    from tasks.evaluation.judge import Verdict

READS = ("tasks/lineage/report.html.j2",)
TEMPLATE = CHECKOUT / READS[0]
CURVES = "history.json"
"""The file of a trained artifact that holds its losses by step."""


@dataclass(frozen=True)
class StageRow:
    """One stage of the run: its own seconds, how it ended, and one line about it."""

    name: str
    seconds: float
    verdict: str
    detail: str = ""


@dataclass(frozen=True)
class FormJudged:
    """One form of the candidate and what the gates said about it."""

    form: str
    evaluation: Evaluation
    verdict: Verdict
    evidence: Evidence | None = None
    """All that its gates looked at; without it nothing is shown beside it."""
    protocol: Protocol | None = None

    @property
    def gates(self) -> str:
        """How many gates passed, failed, or did not apply."""
        return gates_in_words([result.outcome for result in self.verdict.results])


@dataclass(frozen=True)
class RunReport:
    """What a run leaves behind, as far as it came; what it did not reach is None or empty."""

    run: str
    """Id of the run, also the name of the report's folder."""
    recipe: Recipe
    outcome: str
    """How it ended, in words: "promoted version 3", "rejected by a gate"..."""
    started: datetime
    seconds: float
    """Wall time of the whole run."""
    origin: Origin
    stages: Sequence[StageRow]
    reason: str | None = None
    """The words of the error that ended it, if one did."""
    dataset: DatasetVersion | None = None
    data_docs: Path | None = None
    """The page of Great Expectations about this dataset, one file; it is copied beside the report."""
    training: TrainingMeta | None = None
    judged: Sequence[FormJudged] = ()
    baselines: Sequence[Comparison] = ()
    """Of the last form judged."""
    version: RegisteredVersion | None = None
    mlflow_run: str | None = None
    trained: Artifact | None = None
    """What training made, with its curves."""
    next: Sequence[str] = ()
    """What a person would type now."""


def write_report(store: Store, report: RunReport) -> Path:
    """Write `GALEN_HOME/reports/RUN/report.html`, with the data docs beside it; returns its path.

    Raises:
        IntegrityError: the ledger, which the page quotes, does not verify.
    """
    page = render(store, report)
    path = report_of(store, report.run)
    folder = path.parent
    folder.mkdir(parents=True, exist_ok=True)
    if report.data_docs is not None and report.data_docs.is_file():
        shutil.copyfile(report.data_docs, folder / "data-docs.html")
    write_atomically(path, page.encode("utf-8"))
    sign_report(store, folder)
    return path


def render(store: Store, report: RunReport) -> str:
    """The page as HTML.

    Raises:
        IntegrityError: as `write_report`.
    """
    from tasks.evaluation.baselines import counted
    from tasks.lineage.side_by_side import reasons

    last = report.judged[-1] if report.judged else None
    return fill(
        TEMPLATE,
        {
            "estimate": _estimate,
            "number": _number,
            "signed": lambda value: "–" if value is None else f"{value:+.4g}",
            "percent": lambda share: f"{100 * share:.1f} %",
            "short": lambda digest: str(digest)[:12],
        },
        report=report,
        last=last,
        reasons=reasons(last.verdict.results, last.protocol) if last else [],
        unjudged=[one for one in last.verdict.results if one.outcome not in ("passed", "failed")] if last else [],
        winners=[one for one in report.baselines if one.outcome == "worse"],
        curve_plot=_curve(report.trained),
        **_compared(store, report, last),
        meta=report.dataset.meta if report.dataset else None,
        splits=SPLITS,
        has_docs=report.data_docs is not None and report.data_docs.is_file(),
        longest=max((stage.seconds for stage in report.stages), default=0.0) or 1.0,
        rivals=counted(report.baselines),
        used=records_in_words(report.training) if report.training else None,
        sealed=_sealed(store, report),
        events=[event for event in events(store) if event.run == report.run],
        held=_held(store, report),
        head=head(store),
    )


def _compared(store: Store, report: RunReport, last: FormJudged | None) -> dict[str, Any]:
    """The candidate beside earlier versions, with plots, and its data beside the champion's."""
    from tasks.lineage.data_change import data_change
    from tasks.lineage.releases import releases
    from tasks.lineage.report_plots import forest, reliability
    from tasks.lineage.side_by_side import side_by_side

    none = dict.fromkeys(("beside", "champion", "changed"))
    if last is None or last.evidence is None or last.protocol is None:
        return {**none, "released": [], "forest_plot": "", "reliability_plot": ""}
    found = roles(store, report.recipe.model)
    beside = side_by_side(last.evidence, last.protocol, found)
    judged_against = last.evidence.champion.model_digest if last.evidence.champion else None
    champion = next((one for one in reversed(found.versions) if one.artifact == judged_against), None)
    return {
        "beside": beside,
        "champion": champion,
        "changed": data_change(store, report.dataset, champion.dataset) if champion and report.dataset else None,
        "released": releases(store, report.recipe.model, beside.metric, last.evaluation),
        "forest_plot": forest(beside),
        "reliability_plot": reliability(last.evaluation),
    }


def _curve(trained: Artifact | None) -> str:
    """The learning curve as SVG, where training kept one."""
    from tasks.lineage.report_plots import learning

    if trained is None or CURVES not in trained.files:
        return ""
    return learning(json.loads(trained.file(CURVES).read_bytes()))


def _sealed(store: Store, report: RunReport) -> DatasetSealed | None:
    """What was stated when the dataset version was sealed, in this run or an earlier one."""
    if report.dataset is None:
        return None
    digest = report.dataset.digest
    return next((said for _, said in statements(DatasetSealed, events(store)) if said.dataset == digest), None)


def _held(store: Store, report: RunReport) -> tuple[Role, ...]:
    if report.version is None:
        return ()
    found = roles(store, report.version.model)
    return next((found.of(one) for one in found.versions if one.number == report.version.number), ())


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    span = f" [{_number(estimate.low)}, {_number(estimate.high)}]" if estimate.low is not None else ""
    return f"{_number(estimate.value)}{span}"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
