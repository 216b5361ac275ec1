"""The `galen` command. Heavy imports happen inside the commands that need them: `galen --help` answers at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from flows.choices import FormatName
from flows.environment import set_up_environment
from tasks.errors import ApprovalNeeded, GalenError, InputError, Stopped, in_words
from tasks.home import home
from tasks.store import Store

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any setting of a dataset: columns.text=note, identified=false.",
)


class InOrder(click.Group):
    """Lists commands in the order of this file, which is the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names as declared."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def galen() -> None:
    """Retrain medical language models; promote what passed its gates; prove where every model came from.

    Exit codes: 0 done or nothing to do, 1 a fault of Galen's own, 2 wrong input, 3 rejected by a gate, 4 waiting for
    approval, 5 interrupted (run again to go on), 6 a digest or signature does not match.
    """
    set_up_environment()


@galen.command()
@click.option("--name", help="Name of the dataset and of the model (a-z, 0-9, -).")
@click.option("--source", help="File or folder of the data.")
@click.option("--format", "format_", type=FormatName(), help="How the data is written.")
@click.option("--task", help="causal-lm, seq2seq-lm, text-classification or token-classification.")
@click.option("--base", "base_model", help="Hugging Face folder to start from; default: a base that comes with Galen.")
@click.option("--licence", help="What allows training on this data: an SPDX id or a sentence.")
@set_option
@click.option("--yes", is_flag=True, help="Ask nothing: use the flags, and defaults for the rest.")
def init(settings: tuple[str, ...], **answers: Any) -> None:
    """Write a dataset entry and a recipe from a few answers."""
    from flows.init import init_project

    recipe = init_project(settings=_settings(settings), **answers)
    click.echo(f"wrote {recipe}\nnext: galen retrain {recipe} --plan")


@galen.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--plan", "only_plan", is_flag=True, help="Say what would run, from which artifact, and how long; run nothing."
)
def retrain(recipe: Path, only_plan: bool) -> None:
    """Take a recipe's dataset to a promoted, quantized model through every stage and gate."""
    click.echo(f"galen retrain {recipe}")
    if only_plan:
        from flows.plan import plan

        click.echo(plan(recipe))
        return
    from flows.run import run_recipe

    run_recipe(recipe)


@galen.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--methods", help="Names, comma-separated: the arms, or of a comparison file the arms to keep.")
@click.option("--bases", help="Every arm on each of these bases, comma-separated: folder, recipes/bases name, package.")
@click.option("--seeds", type=click.IntRange(1, 100), help="How many for every arm.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="Arms that run at a time.")
@click.option(
    "--ray", metavar="ADDRESS", help="On a Ray cluster: local (made here), auto, HOST:PORT or ray://HOST:PORT."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of results; default: in GALEN_HOME/comparisons.")
@click.option("--report-only", is_flag=True, help="Train nothing: make the report from the results that are kept.")
def compare(
    recipe: Path,
    methods: str | None,
    bases: str | None,
    seeds: int | None,
    parallel: int,
    ray: str | None,
    out: Path | None,
    report_only: bool,
) -> None:
    """Fine-tune by several methods on the same data, judge them on the same test set, and write one report.

    RECIPE is recipes/compare-NAME.yaml, or a recipe together with --methods. Finished arms are kept: run again to go
    on. An arm that fails does not stop the others; the exit code is then that of its error.
    """
    from flows.comparing import run_comparison

    if report_only and (ray or parallel > 1):
        raise InputError("--report-only runs no arm", hint="leave --parallel and --ray out")
    run_comparison(
        recipe,
        methods=_names(methods),
        bases=_names(bases),
        seeds=seeds,
        parallel=parallel,
        cluster=ray,
        out=out,
        report_only=report_only,
    )


@galen.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--trials", type=click.IntRange(1), help="Trainings in all; a larger number later adds to the search.")
@click.option("--metric", help="Look for this metric on the validation split; default: the validation loss.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="Trainings that run at a time.")
@click.option("--out", type=click.Path(path_type=Path), help="The new recipe; default: NAME-tuned.yaml beside the old.")
@click.option("--force", is_flag=True, help="Overwrite the new recipe.")
@click.option("--keep", is_flag=True, help="Keep what every trial trained, not the best one alone.")
def tune(
    recipe: Path, trials: int | None, metric: str | None, parallel: int, out: Path | None, force: bool, keep: bool
) -> None:
    """Search for better settings of a recipe on the validation split, and write them as a new recipe.

    RECIPE is recipes/tune-NAME.yaml, or a recipe together with --trials. What was tried is kept: run again to go on.
    """
    from flows.tuning import run_search

    run_search(recipe, trials=trials, metric=metric, parallel=parallel, out=out, force=force, keep=keep)


def _names(text: str | None) -> list[str]:
    """`full, lora` as names."""
    return [name for part in (text or "").split(",") if (name := part.strip())]


@galen.command()
@click.argument("recipes", nargs=-1, type=click.Path(path_type=Path))
def serve(recipes: tuple[Path, ...]) -> None:
    """Run every recipe that has a schedule (or the RECIPES named), until stopped."""
    from flows.serve import serve_schedules

    serve_schedules(list(recipes))


@galen.group()
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
def data_add(
    name: str, path: Path, format_: str, settings: tuple[str, ...], task: str | None, licence: str, replace: bool
) -> None:
    """Declare a source in params.yaml and check its first rows."""
    from tasks.data.sources import add

    extra = _settings(settings) | ({"task": task} if task else {})
    dataset = add(Store(home()), name, path, format_, replace=replace, licence=licence, **extra)
    click.echo(f"{name}: {dataset.task}, {dataset.format} at {dataset.source}; next: galen data build {name}")


def _settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    """`columns.text=note` as nested plain data; values are read as YAML."""
    import yaml

    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError("a setting is KEY=VALUE", value=pair, hint="for example --set columns.text=note")
        *path, last = key.split(".")
        place = settings
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise InputError("two settings contradict each other", value=pair, hint="give each KEY once")
        try:
            place[last] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(
                "the value of a setting is not YAML", value=pair, hint="quote it: KEY='\"...\"'"
            ) from error
    return settings


@data.command("build")
@click.argument("name")
def data_build(name: str) -> None:
    """Run a dataset's stages and seal a version (`galen retrain` does this too)."""
    from flows.data import build

    version = build(name)
    click.echo(f"{name}: sealed version {version.digest[:12]}; next: galen data show {name}")


@data.command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
def data_show(name: str, as_json: bool) -> None:
    """Print counts, slices, splits and every rejection reason with its count."""
    from flows.show import dataset_table
    from tasks.data.shown import show

    found = show(Store(home()), name)
    click.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else dataset_table(found))


@data.command("rejected")
@click.argument("name")
@click.option("--reason", help="Only rows turned away for this reason.")
@click.option("--limit", default=20, show_default=True)
def data_rejected(name: str, reason: str | None, limit: int) -> None:
    """Show quarantined rows on this terminal, for the owner of the data. They are written nowhere."""
    from itertools import islice

    from tasks.data.shown import rejected

    for row in islice(rejected(Store(home()), name, reason), limit):
        click.echo(json.dumps(row, ensure_ascii=False, default=str))


@data.command("commit")
@click.argument("name")
@click.option("--message", "-m", help="Commit message.")
def data_commit(name: str, message: str | None) -> None:
    """Commit a dataset's declaration and DVC lock to git; nothing else."""
    from tasks.data.sources import commit

    click.echo(commit(name, message))


@data.command("restore")
@click.argument("digest")
def data_restore(digest: str) -> None:
    """Bring a sealed version's DVC files and data back, from this machine or DVC's remote."""
    from tasks.data.restore import restore

    click.echo(f"restored {restore(Store(home()), digest).digest[:12]}")


@galen.group()
def base() -> None:
    """Small base models made here."""


@base.command("train")
@click.argument("name")
@click.option(
    "--corpus", type=click.Path(path_type=Path), help="UTF-8 text; default: the one that recipes/bases/NAME.yaml names."
)
def base_train(name: str, corpus: Path | None) -> None:
    """Make a base model (tokenizer and weights) from a text corpus, once."""
    from tasks.training.named_base import base_artifact

    made = base_artifact(name, corpus)
    click.echo(f"base {name}: {made.digest[:12]} at {made.path}{' (made before)' if made.reused else ''}")


@galen.command()
@click.option("--base", help="Count in this base: a folder, a name of recipes/bases, or PACKAGE/FOLDER.")
@click.option("--json", "as_json", is_flag=True)
def methods(base: str | None, as_json: bool) -> None:
    """Explain each way to fine-tune: what trains, share of parameters, mergeable, tasks, when to choose it, paper."""
    from tasks.comparison.methods import base_named, explained, text

    found = explained(base_named(base))
    click.echo(json.dumps(found, indent=2, ensure_ascii=False) if as_json else text(found, base))


@galen.command()
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True)
def models(model: str | None, as_json: bool) -> None:
    """List versions, roles and verdicts."""
    from flows.show import models_table
    from tasks.release.register import models as known

    found = known(model)
    click.echo(json.dumps(found, indent=2, default=str) if as_json else models_table(found))


@galen.command()
@click.argument("model")
@click.argument("question")
def ask(model: str, question: str) -> None:
    """Let a registered model (NAME@champion, NAME@3) answer."""
    from tasks.release.ask import ask as answer

    click.echo(answer(model, question))


@galen.command()
@click.argument("model")
@click.option("--by", required=True, help="Printed name of the person who decides.")
@click.option("--reason", required=True, help="What the decision rests on.")
def approve(model: str, by: str, reason: str) -> None:
    """Promote a version that passed its gates and waits for a person (NAME@3)."""
    from tasks.release.register import approve as approve_version

    version = approve_version(model, by=by, reason=reason)
    click.echo(f"promoted: {version.model}@champion is version {version.number}")


@galen.command()
@click.argument("model")
@click.argument("folder", type=click.Path(path_type=Path))
def export(model: str, folder: Path) -> None:
    """Write a verified folder for serving elsewhere."""
    from tasks.release.export import export as export_model

    click.echo(f"{model} verified and written to {export_model(model, folder)}")


@galen.command()
@click.argument("model")
@click.option("--json", "as_json", is_flag=True)
def audit(model: str, as_json: bool) -> None:
    """Print a model's ancestry and verify every digest within reach."""
    from tasks.lineage.audit import audit as audit_model

    found = audit_model(Store(home()), model)
    click.echo(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())
    found.raise_if_broken()


@galen.command()
@click.argument("record_id")
@click.option("--json", "as_json", is_flag=True)
def trace(record_id: str, as_json: bool) -> None:
    """Name the dataset versions and models that held a record."""
    from tasks.lineage.trace import trace as trace_record

    found = trace_record(Store(home()), record_id)
    click.echo(json.dumps(found.plain(), indent=2, ensure_ascii=False) if as_json else found.text())


def main() -> NoReturn:
    """Run the command; end with the exit code that the design gives each kind of error."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        galen.main(standalone_mode=False)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (KeyboardInterrupt, click.Abort):
        _fail(Stopped("stopped", hint="nothing is lost: run the same command again to go on"))
    except Exception as error:
        _fail(in_words(error))
    sys.exit(0)


def _stop(_signum: int, _frame: Any) -> None:
    raise KeyboardInterrupt


def _fail(error: GalenError) -> NoReturn:
    word = "waiting" if isinstance(error, ApprovalNeeded) else "error"
    click.secho(f"{word}: {error}", err=True, fg="red" if word == "error" else "yellow")
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
