"""Commands about models: bases made here, ways to fine-tune, versions and what one does with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from flows.cli.options import by_person, pass_store, pass_store_to_read
from flows.console import say
from tasks.errors import InputError
from tasks.store import Store


@click.group()
def base() -> None:
    """Small base models made here."""


@base.command("train")
@click.argument("name")
@click.option(
    "--corpus", type=click.Path(path_type=Path), help="UTF-8 text; default: the one that recipes/bases/NAME.yaml names."
)
@pass_store
def base_train(store: Store, name: str, corpus: Path | None) -> None:
    """Make a base model (tokenizer and weights) from a text corpus, once."""
    from tasks.training.named_base import base_artifact

    made = base_artifact(store, name, corpus)
    say(f"base {name}: {made.digest[:12]} at {made.path}{' (made before)' if made.reused else ''}")


@click.command()
@click.option("--base", help="Count in this base: a folder, a name of recipes/bases, or PACKAGE/FOLDER.")
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def methods(store: Store, base: str | None, as_json: bool) -> None:
    """Explain each way to fine-tune: what trains, share of parameters, mergeable, tasks, when to choose it, paper."""
    from tasks.comparison.methods import base_named, explained, text, what_it_can
    from tasks.training.resolve import resolve_base

    ref = base_named(base)
    resolved = resolve_base(store, ref) if ref else None
    found = explained(resolved)
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line in what_it_can(resolved) if resolved else []:
        say(line)
    say(text(found, base))


@click.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True)
@pass_store_to_read
def models(store: Store, model: str | None, as_json: bool) -> None:
    """List versions with roles, main metric, size and approver; and what was rejected."""
    from flows.cli.show import models_table
    from tasks.release.listing import models as known

    found = known(store, model)
    say(json.dumps(found, indent=2, default=str) if as_json else models_table(found))


@click.command()
@click.argument("model")
@click.argument("question")
@pass_store_to_read
def ask(store: Store, model: str, question: str) -> None:
    """Let a registered model (NAME@champion, NAME@3) answer."""
    from tasks.release.ask import ask as answer

    say(answer(store, model, question))


@click.command()
@click.argument("model")
@click.option("--data", required=True, help="A dataset that is built, or the digest of a sealed version.")
@click.option("--policy", help="Judge by its gates; without, measure.")
@click.option(
    "--split",
    type=click.Choice(["validation", "test"]),
    help="Default: validation, or test where there are no validation records. Test is a look.",
)
@click.option("--records", type=click.IntRange(min=1), help="As a recipe's evaluation.max_records. Default: all.")
@click.option("--json", "as_json", is_flag=True)
@pass_store
def evaluate(
    store: Store,
    model: str,
    data: str,
    policy: str | None,
    split: Literal["validation", "test"] | None,
    records: int | None,
    as_json: bool,
) -> None:
    """Judge a version (NAME: its champion, NAME@3, NAME@anchor) or a model folder on a dataset, without training.

    Ends with 3 only where a gate failed; a gate that needs what is not there says so.
    """
    from flows.evaluating import run_evaluation

    def tell(line: str) -> None:
        say(f"  {line}", err=True)

    found = run_evaluation(store, model, data, policy=policy, split=split, records=records, tell=tell)
    say(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())
    found.raise_if_failed()


@click.command()
@click.argument("model")
@by_person
@pass_store
def approve(store: Store, model: str, by: str, reason: str) -> None:
    """Promote a version that passed its gates and waits for a person (NAME@3).

    NAME@champion: approve the champion as the anchor, the release that later ones are measured against.
    """
    from tasks.lineage.roles import roles
    from tasks.release.register import approve as approve_version
    from tasks.release.register import resolve

    before = roles(store, resolve(store, model)[0].model)
    version = approve_version(store, model, by=by, reason=reason)
    if model.endswith("@champion"):
        moved = before.anchor and before.anchor.number != version.number
        was = f", no longer version {before.anchor.number}" if before.anchor and moved else ""
        say(f"approved: later releases of {version.model} are measured against version {version.number}{was}")
        return
    say(f"promoted: {version.model}@champion is version {version.number}")


@click.command()
@click.argument("model")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the pages; default: in GALEN_HOME/reviews.")
@click.option("--count", type=click.IntRange(1, 10_000), default=60, show_default=True, help="Answers, at most.")
@click.option("--marks", type=click.Path(path_type=Path), help="A filled marks.csv: checked, sealed, and counted.")
@click.option("--by", help="Printed name of the person who read; with --marks.")
@pass_store
def review(store: Store, model: str, out: Path | None, count: int, marks: Path | None, by: str | None) -> None:
    """Lay out answers of a version (NAME@3) for a person to read; take back what that person said of them."""
    from tasks.release.reading import take_marks, write_sheet

    if marks is None:
        if by is not None:
            raise InputError("--by says whose marks they are", hint="add --marks FILE")
        page = write_sheet(store, model, out, count)
        form = page.parent / "marks.csv"
        say(f"to read: {page}\nto fill in: {form}\nthey hold the content of records: keep them here")
        return
    if out is not None or by is None:
        raise InputError("--marks needs --by NAME, and makes no pages", hint="leave --out away")
    facts = take_marks(store, model, marks, by).facts
    said = ", ".join(f"{facts[one]} {one}" for one in ("right", "wrong", "harmful"))
    say(f"stated: {facts['name']} read {facts['answers']} answers of {facts['model']}@{facts['version']}: {said}")


@click.command()
@click.argument("model")
@by_person
@pass_store
def reject(store: Store, model: str, by: str, reason: str) -> None:
    """Turn down a version that waits for a person (NAME@3)."""
    from tasks.release.withdraw import turn_down

    version = turn_down(store, model, by=by, reason=reason)
    say(f"rejected: {version.model} version {version.number} is not promoted; the registry is unchanged")


@click.command()
@click.argument("model")
@by_person
@pass_store
def rollback(store: Store, model: str, by: str, reason: str) -> None:
    """Make the champion before this one the champion again (NAME), or an earlier one (NAME@2)."""
    from tasks.release.withdraw import roll_back

    version = roll_back(store, model, by=by, reason=reason)
    say(f"rolled back: {version.model}@champion is version {version.number}")


@click.command()
@click.argument("model")
@by_person
@pass_store
def recall(store: Store, model: str, by: str, reason: str) -> None:
    """Take a version out of use (NAME@champion, NAME@3): it is neither asked, exported nor promoted any more."""
    from tasks.release.withdraw import recall as recall_version

    version = recall_version(store, model, by=by, reason=reason)
    say(f"recalled: {version.model} version {version.number}; copies that left this machine are not reached")


@click.command()
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
@pass_store
def export(store: Store, model: str, folder: Path) -> None:
    """Write a verified folder for serving elsewhere."""
    from tasks.release.export import export as export_model

    say(f"{model} verified and written to {export_model(store, model, folder)}")
