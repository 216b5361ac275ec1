"""What an auditor asks: where a model came from, and where a record went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.cli.options import pass_store_to_read
from flows.console import say
from tasks.errors import GateRejected
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.evaluation.judge import Verdict


@click.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def audit(store: Store, model: str, as_json: bool) -> None:
    """Print a model's ancestry and verify every digest within reach."""
    from tasks.release.audited import audit as audit_model

    found = audit_model(store, model)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())
    found.raise_if_broken()


@click.command()
@click.argument("evidence", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True)
def gate(evidence: Path, as_json: bool) -> None:
    """Compute a verdict again from its sealed evidence (a folder of GALEN_HOME/artifacts) and nothing else.

    Ends with 0 where that passed as it was recorded, with 3 where it was rejected as it was recorded, and with 6 where
    it is not what was recorded.
    """
    from tasks.evaluation.replay import replay

    found = replay(evidence)
    verdict = found.verdict
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else "\n".join(_answers(verdict)))
    found.raise_if_differing()
    if not verdict.passed:
        raise GateRejected("as it was recorded: this model did not pass its gates")


def _answers(verdict: Verdict) -> list[str]:
    return [
        f"{one.outcome:14} {one.name}{f' [{one.slice}]' if one.slice else ''}: {one.reason}" for one in verdict.results
    ]


@click.command()
@click.argument("record_id")
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def trace(store: Store, record_id: str, as_json: bool) -> None:
    """Name the dataset versions and models that held a record."""
    from tasks.lineage.trace import trace as trace_record

    found = trace_record(store, record_id)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())
