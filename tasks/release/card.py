"""A version's model card: what it is for, what it learned from, what was measured; every number from the ledger."""

from __future__ import annotations

from tasks.artifact import Artifact
from tasks.home import CHECKOUT, home
from tasks.lineage.ledger import events
from tasks.lineage.roles import RegisteredVersion
from tasks.meta.model import ModelMeta
from tasks.store import Store

TEMPLATE = CHECKOUT / "mlflow" / "model_card.md"


def model_card(version: RegisteredVersion, artifact: Artifact) -> str:
    """The card of a version, Markdown, from the template `mlflow/model_card.md`."""
    from jinja2 import Environment, StrictUndefined

    judged = version.judged.facts
    sealed = {event.facts["dataset"]: event.facts for event in events(Store(home()), "dataset-sealed")}
    measured = {
        event.facts["evaluation"]: event.facts for event in events(Store(home()), "evaluated", model=version.model)
    }
    evaluation = measured.get(judged["evaluation"], {})
    said = ModelMeta.read(artifact)
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        model=version.model,
        version=version.number,
        intended_use=_intended_use(version),
        task=said.task,
        base=", ".join(str(value) for value in said.base.ref.values()) or version.base,
        method=", ".join(f"{key} {value}" for key, value in sorted(said.method.plain().items())),
        quantization=said.quantization,
        loader=said.loader,
        artifact=version.artifact,
        judged=version.judged.digest,
        data=sealed.get(version.dataset),
        dataset=version.dataset,
        evaluation=judged["evaluation"],
        metrics=evaluation.get("metrics"),
        confidence=evaluation.get("settings", {}).get("confidence"),
        slices=", ".join(sorted(evaluation.get("slices", {}))),
        gates=judged["gates"],
        number=_number,
    )


def _intended_use(version: RegisteredVersion) -> str:
    """As the recipe said when the version was judged."""
    fixed = [
        event
        for event in events(Store(home()), "protocol-fixed", model=version.model)
        if event.run == version.judged.run
    ]
    return str(fixed[-1].facts["settings"]["intended_use"]) if fixed else "not stated"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
