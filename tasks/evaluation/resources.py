"""What a served form needs: room on disk, memory, and time beside the champion. Measured once for two models."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.artifact import Artifact
from tasks.children import Children
from tasks.code import code_of
from tasks.config.evaluation import EvaluationSettings
from tasks.config.words import Split
from tasks.data.version import DatasetVersion
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.gate import Gate
from tasks.evaluation.measured import Pace, Resources
from tasks.meta.evaluation import PaceMeta, ResourcesMeta
from tasks.store import Store

CHILD = "tasks.evaluation.pace"


def resources(
    store: Store,
    candidate: Artifact,
    champion: Evaluation | None,
    dataset: DatasetVersion,
    settings: EvaluationSettings,
    gates: Iterable[Gate],
    split: Split = "test",
) -> Resources | None:
    """What gates want to know of it; None where none asks. What was measured before is not measured again.

    In a fresh process the candidate answers a few texts, which shows its memory; then the champion is opened, too, and
    both take turns, so whatever else keeps the machine busy keeps both waiting. That costs the start of a process.

    Args:
        store: where everything is kept.
        candidate: the form that would be served.
        champion: the evaluation of the champion's served form; None: nothing is timed.
        dataset: whose texts are answered.
        settings: how long an answer may be.
        gates: whose `measures` are taken.
        split: of which texts.

    Raises:
        Stopped: a process died, for want of memory most likely.
        IntegrityError: a model is not as sealed.
    """
    measures = {one for gate in gates for one in gate.measures}
    if not measures:
        return None
    timed = champion.model_digest if champion and "pace" in measures else None
    job = {
        "candidate": candidate.digest,
        "champion": timed,
        "split": split,
        "most": settings.generation.max_new_tokens,
    }
    opened = "memory" in measures or timed is not None

    def build(folder: Path) -> dict[str, Any]:
        found: dict[str, Any] = {"memory": None, "paces": None}
        if opened:
            found = Children(store, CHILD, None).ask(job | {"dataset": dataset.digest}, "the measured model")
        size = sum(candidate.file(name).stat().st_size for name in candidate.files)
        found |= {"candidate": candidate.digest, "size": size, "champion": timed}
        return ResourcesMeta.model_validate(found).plain()

    inputs = job | {"texts": dataset.split_digest(split), "opened": opened}
    meta = ResourcesMeta.read(store.make("resources", inputs, build, code_of(__name__)))
    paces = meta.paces and (_pace(meta.paces[0]), _pace(meta.paces[1]))
    return Resources(meta.candidate, meta.size, meta.memory, meta.champion, paces)


def _pace(said: PaceMeta) -> Pace:
    return Pace(tuple(said.latency), tuple(said.tokens))
