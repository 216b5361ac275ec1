"""A version's model card: what it is for, what it learned from, what was measured; every number from the ledger."""

from __future__ import annotations

from tasks.artifact import Artifact
from tasks.home import CHECKOUT
from tasks.lineage.event import Event
from tasks.lineage.ledger import events
from tasks.lineage.outcomes import records_in_words
from tasks.lineage.roles import RegisteredVersion
from tasks.lineage.statements import DatasetSealed, Evaluated, Judgement, ProtocolFixed, statements
from tasks.meta.model import ModelMeta
from tasks.plain_text import markdown
from tasks.store import Store

READS = ("mlflow/model_card.md",)
TEMPLATE = CHECKOUT / READS[0]


def model_card(store: Store, version: RegisteredVersion, artifact: Artifact) -> str:
    """The card of a version, Markdown, from the template `mlflow/model_card.md`."""
    from jinja2 import Environment, StrictUndefined

    history = events(store)
    judged = Judgement.read(version.judged)
    sealed = {said.dataset: said for _, said in statements(DatasetSealed, history)}
    measured = {one.evaluation: one for _, one in statements(Evaluated, history) if one.model == version.model}
    evaluation = measured.get(judged.evaluation)
    said = ModelMeta.read(artifact)
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, finalize=markdown)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        model=version.model,
        version=version.number,
        intended_use=_intended_use(store, version, history),
        task=said.task,
        base=", ".join(str(value) for value in said.base.ref.values()) or version.base,
        method=", ".join(f"{key} {value}" for key, value in sorted(said.method.plain().items())),
        quantization=said.quantization,
        loader=said.loader,
        words=said.words,
        artifact=version.artifact,
        judged=version.judged.digest,
        data=sealed.get(version.dataset),
        dataset=version.dataset,
        used=records_in_words(said.training),
        evaluation=judged.evaluation,
        metrics=evaluation.metrics if evaluation else None,
        confidence=evaluation.settings.confidence if evaluation else None,
        slices=", ".join(sorted(evaluation.slices)) if evaluation else "",
        gates=judged.gates,
        number=_number,
    )


def _intended_use(store: Store, version: RegisteredVersion, history: list[Event]) -> str:
    """As the recipe said when the version was judged."""
    fixed = [
        said.settings.intended_use
        for event, said in statements(ProtocolFixed, history)
        if said.model == version.model and event.run == version.judged.run
    ]
    return fixed[-1] if fixed else "not stated"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
