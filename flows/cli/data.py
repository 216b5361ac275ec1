"""What is declared, and datasets: from their source to a sealed version."""

from __future__ import annotations

import json
from pathlib import Path

import click

from flows.cli.options import FormatName, pass_store, set_option, settings_of
from flows.console import say
from tasks.store import Store


@click.command()
@click.option("--name", help="Name of the dataset and of the model (a-z, 0-9, -).")
@click.option("--source", help="File or folder of the data.")
@click.option("--format", "format_", type=FormatName(), help="How the data is written.")
@click.option("--task", help="causal-lm, seq2seq-lm, text-classification or token-classification.")
@click.option("--base", "base_model", help="Base to start from: a folder, a name of recipes/bases, or PACKAGE/FOLDER.")
@click.option("--licence", help="What allows training on this data: an SPDX id or a sentence.")
@click.option("--patient", help='Column whose rows stay together (a patient, a document); "-" for none.')
@click.option("--identified/--not-identified", default=None, help="Whether the records may name real people.")
@set_option
@click.option("--yes", is_flag=True, help="Ask nothing: use the flags, and what the file looks like for the rest.")
@pass_store
def init(
    store: Store,
    name: str | None,
    source: str | None,
    format_: str | None,
    task: str | None,
    base_model: str | None,
    licence: str | None,
    patient: str | None,
    identified: bool | None,
    settings: tuple[str, ...],
    yes: bool,
) -> None:
    """Look at a file, and write a dataset entry and a recipe from a few answers."""
    from flows.cli.init import init_project

    recipe = init_project(
        store,
        name=name,
        source=source,
        format_=format_,
        task=task,
        base_model=base_model,
        licence=licence,
        patient=patient,
        identified=identified,
        yes=yes,
        settings=settings_of(settings),
    )
    say(f"wrote {recipe}\nnext: galen retrain {recipe} --plan")


@click.group()
def data() -> None:
    """Declare, look at and version datasets."""


@data.command("add")
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=FormatName(), required=True)
@set_option
@click.option(
    "--task",
    help="What the records hold: causal-lm (for seq2seq-lm, too), text-classification or token-classification; "
    "default: what the format holds.",
)
@click.option("--licence", required=True, help="What allows training on this: an SPDX id or a sentence.")
@click.option("--replace", is_flag=True, help="Overwrite the entry of that name.")
@pass_store
def data_add(
    store: Store,
    name: str,
    path: Path,
    format_: str,
    settings: tuple[str, ...],
    task: str | None,
    licence: str,
    replace: bool,
) -> None:
    """Declare a source in params.yaml and check its first rows."""
    from tasks.data.sources import add

    extra = settings_of(settings) | ({"task": task} if task else {})
    dataset = add(store, name, path, format_, replace=replace, licence=licence, **extra)
    say(f"{name}: {dataset.task}, {dataset.format} at {dataset.source}; next: galen data build {name}")


@data.command("list")
@click.option("--json", "as_json", is_flag=True)
@pass_store
def data_list(store: Store, as_json: bool) -> None:
    """List the declared datasets and what is built of each; broken entries too."""
    from flows.console import table
    from tasks.data.declared import listed

    found = listed(store)
    if as_json:
        say(json.dumps(found, indent=2, ensure_ascii=False))
        return
    keys = ("name", "task", "format", "source")
    rows = [
        (
            *(one[key] or "?" for key in keys),
            (one["digest"] or "-")[:12],
            "-" if one["records"] is None else one["records"],
            "broken" if one["faults"] else "refused" if one["refused"] else "",
        )
        for one in found
    ]
    say(table((*keys, "version", "records", "state"), rows))
    for one in found:
        if one["faults"]:
            say(f"{one['name']}: {one['faults']}")


@data.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Also where a recipe names this dataset.")
@pass_store
def data_remove(store: Store, name: str, yes: bool) -> None:
    """Take an entry out of params.yaml; the source, what was built and sealed versions stay."""
    from tasks.data.declared import remove

    left = remove(store, name, although_used=yes)
    say("\n- ".join([f"{name}: taken out of params.yaml", *left]))


@data.command("build")
@click.argument("name")
@pass_store
def data_build(store: Store, name: str) -> None:
    """Run a dataset's stages and seal a version (`galen retrain` does this too)."""
    from flows.data import build

    version = build(store, name)
    say(f"{name}: sealed version {version.digest[:12]}; next: galen data show {name}")


@data.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
@pass_store
def data_show(store: Store, name: str, as_json: bool) -> None:
    """Print counts, slices, splits and every rejection reason with its count."""
    from flows.cli.show import dataset_table
    from tasks.data.shown import show

    found = show(store, name)
    say(json.dumps(found, indent=2, ensure_ascii=False) if as_json else dataset_table(found))


@data.command("rejected")
@click.argument("name")
@click.option("--reason", help="Only rows rejected for this reason.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows at most.")
@click.option("--full", is_flag=True, help="Whole rows, however long.")
@pass_store
def data_rejected(store: Store, name: str, reason: str | None, limit: int, full: bool) -> None:
    """Show quarantined rows on this terminal, for the owner of the data. They are written nowhere."""
    from itertools import islice

    from tasks.data.shown import rejected

    for row in islice(rejected(store, name, reason), limit):
        if not full and len(row["raw"]) > 300:
            row["raw"] = f"{row['raw'][:300]}... ({len(row['raw']):,} characters; --full shows them)"
        say(json.dumps(row, ensure_ascii=False, default=str))


@data.command("new-key")
@click.option("--yes", is_flag=True, help="Do it; without it, only what it costs is said.")
@pass_store
def data_new_key(store: Store, yes: bool) -> None:
    """Replace the key that turns patients' ids into HMACs, and say what that costs."""
    from tasks.data.identity_key import lost_keys, new_key, versions_by_key

    known = sum(versions_by_key(store).values())
    say(
        f"{known} identified dataset version(s) here were built with the present key or one before it. With a new key\n"
        "- the next build of every identified dataset gives each patient a new id and draws the split again: records\n"
        "  that were held out for testing move into train, and results before and after are not comparable;\n"
        "- galen trace finds people in the old versions only as long as their key is kept in GALEN_HOME/keys/."
    )
    if not yes:
        say("nothing was changed; to do it: galen data new-key --yes")
        return
    say(f"new identity key {new_key(store)}: back up GALEN_HOME/keys/ now")
    if lost := lost_keys(store):
        say(f"given up as lost, so that nobody is found in what they built: {', '.join(sorted(lost))}")


@data.command("commit")
@click.argument("name")
@click.option("--message", "-m", help="Commit message.")
def data_commit(name: str, message: str | None) -> None:
    """Commit a dataset's declaration and DVC lock to git; nothing else."""
    from tasks.data.sources import commit

    say(commit(name, message))


@data.command("restore")
@click.argument("digest")
@pass_store
def data_restore(store: Store, digest: str) -> None:
    """Bring a sealed version's DVC files and data back, from this machine or DVC's remote."""
    from tasks.data.restore import restore

    say(f"restored {restore(store, digest).digest[:12]}")
