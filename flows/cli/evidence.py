"""What an auditor asks: where a model came from, and where a record went."""

from __future__ import annotations

import json

import click

from flows.cli.options import pass_store_to_read
from flows.console import say
from tasks.store import Store


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
@click.argument("record_id")
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def trace(store: Store, record_id: str, as_json: bool) -> None:
    """Name the dataset versions and models that held a record."""
    from tasks.lineage.trace import trace as trace_record

    found = trace_record(store, record_id)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())
