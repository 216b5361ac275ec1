"""Commands about policies: what one can tell on given data, and who approved which."""

from __future__ import annotations

import json

import click

from flows.cli.options import by_person, pass_store, pass_store_to_read
from flows.console import say
from tasks.store import Store


@click.group()
def policy() -> None:
    """Sets of gates: what they can tell, and who approved them."""


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


@policy.command()
@click.argument("name")
@by_person
@pass_store
def approve(store: Store, name: str, by: str, reason: str) -> None:
    """Allow models to be promoted by a policy as its file is now; a change of its rules needs another approval."""
    from tasks.evaluation.policy import load_policy
    from tasks.lineage.recording import record_policy_approved

    chosen = load_policy(name)
    record_policy_approved(store, chosen, name=by, reason=reason)
    say(f"approved: policy {name} with {len(chosen.gates)} gates, rules {chosen.digest[:12]}")


@policy.command("list")
@pass_store_to_read
def list_(store: Store) -> None:
    """Every policy, and who approved it as it is now."""
    from flows.console import table
    from tasks.evaluation.policy import POLICIES, load_policy
    from tasks.lineage.ledger import events
    from tasks.lineage.waiting import policy_approval

    history, rows = events(store), []
    for file in sorted(POLICIES.glob("*.yaml")):
        chosen = load_policy(file.stem)
        given = policy_approval(history, chosen.digest)
        who = f"{given[1].name}, {given[0].time:%Y-%m-%d}: {given[1].reason}" if given else "nobody"
        rows.append((chosen.name, chosen.task, len(chosen.gates), who))
    say(table(("policy", "task", "gates", "approved by"), rows))
