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
    from tasks.lineage.looks import SealedTest, spent
    from tasks.lineage.roles import models, roles

    rules, dataset = load_policy(name), sealed_now(store, data)
    found = check_of(store, rules, dataset, disagreement, records)
    split = SealedTest(store, dataset)
    looks = [one for name in models(store) if (one := spent(split, roles(store, name), rules.gates))]
    if as_json:
        say(json.dumps(found.plain() | {"looks": [vars(one) for one in looks]}, indent=2, ensure_ascii=False))
    else:
        say("\n\n".join([sizes_table(found), *(f"{one.model}: {one}" for one in looks)]))
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


@policy.command("test")
@click.argument("name")
@click.option("--model", required=True, help="A version (NAME@3, NAME@champion) that passes the policy by itself.")
@click.option("--test", is_flag=True, help="On the test split's records, not the validation split's.")
@click.option("--seed", type=click.IntRange(min=0), help="To repeat a test; default: another each time, shown.")
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="Share of the harms that gates meant for them must notice.",
)
@click.option("--json", "as_json", is_flag=True)
@pass_store
def test_(store: Store, name: str, model: str, test: bool, seed: int | None, least: float, as_json: bool) -> None:
    """Plant harms into copies of a model and of its evaluation, and say which gates notice which.

    The model stands for a candidate that is as good as the champion. Nothing of a test is kept or stated, and the
    copies are deleted. Ends with 3 where the unharmed model does not pass, or too few harms are noticed.
    """
    from secrets import randbelow

    from flows.cli.show import mutation_table
    from tasks.release.harmed_bytes import mutation_score

    found = mutation_score(store, name, model, seed=randbelow(1 << 31) if seed is None else seed, test=test)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else mutation_table(found))
    found.raise_if_low(least)


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
