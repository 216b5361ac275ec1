"""How a run ends: the table, the report, what a person would want next. Also when it ends badly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flows.candidate import Run
from flows.console import say, table
from tasks.config.words import Task
from tasks.data.stage import built_folder
from tasks.data.validate import DOCS
from tasks.errors import ApprovalNeeded, GalenError, GateRejected, Interrupted, in_words, of_machine
from tasks.home import shown
from tasks.lineage.report import RunReport, StageRow, write_report
from tasks.lineage.roles import RegisteredVersion
from tasks.tracking.runs import VERDICT

EXAMPLES: dict[Task, str] = {  # something to ask a model
    "causal-lm": "What are the symptoms of asthma?",
    "seq2seq-lm": "What are the symptoms of asthma?",
    "text-classification": "Wheezing and short of breath since this morning.",
    "token-classification": "The patient has asthma and eczema.",
}

FEW_STEPS = 50
"""Optimizer steps below which a rejected model probably was trained for too short a time."""


@dataclass
class Outcome:
    """How a run ended; `text` is set when it has."""

    version: RegisteredVersion | None = None
    verdict: str = "interrupted"
    """One word, for MLflow: promoted, rejected, waiting, interrupted or error."""
    text: str = "interrupted"
    reason: str | None = None
    """The words of the error that ended it, for the report: whoever reads that saw no console."""

    def of(self, error: GalenError) -> None:
        """Ended by an error."""
        self.verdict, self.reason = "error", str(error)
        self.text = f"ended with an error: {type(error).__name__}"


@contextmanager
def conclude(run: Run, started: float) -> Iterator[Outcome]:
    """Let a run happen, then leave its table and report, however it ended.

    Args:
        run: the run.
        started: `time.monotonic()` when the command began.
    """
    outcome = Outcome()
    try:
        yield outcome
        if outcome.version:
            outcome.verdict = "promoted"
            outcome.text = f"promoted: {run.recipe.model}@champion is version {outcome.version.number}"
    except GateRejected:
        outcome.verdict, outcome.text = "rejected", "rejected by a gate: the registry is unchanged"
        raise
    except ApprovalNeeded as waiting:
        outcome.verdict, outcome.text = "waiting", waiting.what
        raise
    except Interrupted as error:
        outcome.reason = str(error)
        raise
    except GalenError as error:
        outcome.of(error)
        raise
    except Exception as error:
        known = of_machine(error)
        if isinstance(known, Interrupted):
            outcome.reason = str(known)
        else:
            outcome.of(known or in_words(error))
        if known:
            raise known from error
        raise
    finally:
        _leave(run, outcome, time.monotonic() - started)


def _leave(run: Run, outcome: Outcome, seconds: float) -> None:
    rows = [StageRow(row.stage, row.seconds, row.verdict, row.detail) for row in run.console.rows]
    found, following = run.found, _next(run, outcome)
    report = write_report(
        run.store,
        RunReport(
            run=run.id,
            recipe=run.recipe,
            outcome=outcome.text,
            reason=outcome.reason,
            started=datetime.now(UTC) - timedelta(seconds=seconds),
            seconds=seconds,
            origin=run.origin,
            stages=rows,
            dataset=found.dataset,
            data_docs=built_folder(run.recipe.dataset) / "validate" / DOCS,
            training=found.training,
            judged=found.judged,
            baselines=found.baselines,
            version=outcome.version or found.version,
            mlflow_run=run.tracking.run_id,
            trained=found.trained,
            next=following,
        ),
    )
    run.tracking.artifact(report)
    registered = {"galen.version": str(found.version.number)} if found.version else {}
    run.tracking.tags({VERDICT: outcome.verdict, **registered})
    work = sum(row.seconds for row in rows)
    run.tracking.metrics({"chain.seconds": seconds, "chain.orchestration_seconds": seconds - work})
    say(f"\n{table(('stage', 'seconds', 'verdict'), [(r.name, f'{r.seconds:.1f}', r.verdict) for r in rows])}")
    say(f"\n{outcome.text}; {seconds:.0f} s in all, {seconds - work:.1f} s of which between the stages")
    say(f"report: {shown(report)}")
    say("next:\n" + "\n".join(f"  {line}" for line in following))


def _next(run: Run, outcome: Outcome) -> list[str]:
    """What a person would do now: commands, most of all."""
    model = run.recipe.model
    if outcome.version:
        question = EXAMPLES[run.recipe.task]
        return [f'galen ask {model}@champion "{question}"', f"galen audit {model}@champion", "galen models"]
    if run.found.version:
        reference = f"{model}@{run.found.version.number}"
        no = f'galen reject {reference} --by "YOUR NAME" --reason "..."'
        first = [run.found.waiting.hint, no] if run.found.waiting else []
        return [*first, f"galen audit {reference}", "galen models"]
    if run.found.judged:
        steps = run.found.training.steps if run.found.training else FEW_STEPS
        few = "raise training.epochs, or lower training.batch_tokens"
        return [
            *([f"only {steps} steps were made: {few} in {shown(run.path)}"] if steps < FEW_STEPS else []),
            f"galen tune {shown(run.path)} --trials 20   # looks for better settings on the validation split",
            f"galen data show {run.recipe.dataset}",
            "galen models",
        ]
    return [
        f"galen data show {run.recipe.dataset}",
        f"galen data rejected {run.recipe.dataset}",
        f"galen retrain {shown(run.path)}",
    ]
