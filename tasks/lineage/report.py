"""What happened in one run, as one HTML page that loads nothing from elsewhere. Numbers and reasons, never records."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.artifact import write_atomically
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
    from tasks.evaluation.judge import Verdict

READS = ("tasks/lineage/report.html.j2",)
TEMPLATE = CHECKOUT / READS[0]


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

    return fill(
        TEMPLATE,
        {"estimate": _estimate, "number": _number, "short": lambda digest: str(digest)[:12]},
        report=report,
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
