"""Commands about policies: what one can tell on given data."""

from __future__ import annotations

import json

import click

from flows.cli.options import pass_store_to_read
from flows.console import say
from tasks.store import Store


@click.group()
def policy() -> None:
    """Sets of gates: what they can tell."""


@policy.command()
@click.argument("name")
@click.option("--data", required=True, help="A dataset that is built; its test split is looked at, no model is.")
@click.option(
    "--disagreement",
    type=click.FloatRange(0, 1, min_open=True),
    help="How often two equally good models differ: the share of records that only one of them has right. Default: "
    "measured between models that were judged on these records.",
)
@click.option("--records", type=click.IntRange(min=1), help="As a recipe's evaluation.max_records. Default: all.")
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def check(store: Store, name: str, data: str, disagreement: float | None, records: int | None, as_json: bool) -> None:
    """Say what a policy can tell on a dataset before anything is trained; refuse one that can tell nothing."""
    from flows.cli.show import sizes_table
    from tasks.data.shown import sealed_now
    from tasks.evaluation.policy import load_policy
    from tasks.evaluation.policy_check import check_of

    found = check_of(store, load_policy(name), sealed_now(store, data), disagreement, records)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else sizes_table(found))
    found.raise_if_refused()
