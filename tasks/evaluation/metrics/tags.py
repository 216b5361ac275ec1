"""Entities in tagged tokens, counted over all types or of one type: right when type, start and end all agree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.evaluation.entities import Entity, compared, entities
from tasks.evaluation.metric import Metric, f1, precision, recall, said, said_or_there, there

METRICS = (
    Metric(
        "entity_f1",
        "token-classification",
        "higher",
        "F1 of entities: type, start and end all right (conlleval, seqeval)",
        f1,
        units=said_or_there,
        over="both",
        usual=True,
    ),
    Metric(
        "entity_precision",
        "token-classification",
        "higher",
        "share of the predicted entities that are right",
        precision,
        units=said,
        over="both",
    ),
    Metric(
        "entity_recall",
        "token-classification",
        "higher",
        "share of the reference entities that were found",
        recall,
        units=there,
        over="both",
    ),
)


def tag_statistics(predicted: Sequence[str], reference: Sequence[str]) -> dict[str, float]:
    """Predicted tags beside the reference's, one per word."""
    return entity_statistics(entities(predicted), entities(reference))


def entity_statistics(predicted: Iterable[Entity], reference: Iterable[Entity]) -> dict[str, float]:
    """Predicted entities beside the reference's; both count the same places, words or characters."""
    counts = compared(reference, predicted)
    return {"records": 1.0} | {f"{outcome}:{kind}": float(count) for (outcome, kind), count in counts.items()}
