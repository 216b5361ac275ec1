"""In a process of its own, `python -m tasks.evaluation.pace JOB ANSWER`: what a model needs to answer a few texts.

Its answers are those of judging (`predict`'s own parts), without what only a judge asks for: likelihoods of references.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.children import answer
from tasks.config.evaluation import Generation
from tasks.config.words import GENERATING
from tasks.data.records import INPUT
from tasks.data.version import DatasetVersion
from tasks.evaluation.sample import Rows, judged_rows
from tasks.meta.model import ModelMeta
from tasks.store import Store

if TYPE_CHECKING:
    from tasks.artifact import Artifact

ALONE, TOGETHER = 4, 16
"""Texts of a round that are answered one by one, and in one batch."""
ROUNDS = 5
TRIED = 128
"""Records that the texts are chosen from: those of middle length."""


class Server:
    """A model that answers texts, opened as it is for judging."""

    def __init__(self, store: Store, artifact: Artifact, most: int) -> None:
        from tasks.training.bases import base_beside
        from tasks.training.opening import open_model

        self.said = ModelMeta.read(artifact)
        base = base_beside(store, artifact)
        self._model, self._tokenizer = open_model(artifact, self.said.task, self.said.labels, base=base)
        self._generation = Generation(max_new_tokens=most)

    def answered(self, rows: Rows) -> int:
        """Answer texts; how many tokens were written, or read by a model that does not write."""
        from tasks.evaluation.answers import generate
        from tasks.evaluation.forward import encoded, forward
        from tasks.evaluation.predict import UNLIMITED, positions_of
        from tasks.training.prompts import answer_ids, prompt_ids

        positions = positions_of(self._model)
        if self.said.task in GENERATING:
            prompts = prompt_ids(self._tokenizer, [row["prompt"] for row in rows], self.said.task)
            said = generate(self._model, self._tokenizer, prompts, self._generation, positions=positions)
            return sum(map(len, answer_ids(self._tokenizer, said)))
        length = min(positions or UNLIMITED, self.said.training.max_length)
        texts = encoded(self._tokenizer, rows, self.said.task, length)
        forward(self._model, texts, int(self._tokenizer.pad_token_id or 0))[0].logits.float().cpu()
        return sum(map(len, texts))


def texts_of(rows: Rows, column: str) -> Rows:
    """The texts to answer: those of middle length among `TRIED`, always the same ones, fewest where there are few."""
    chosen = sorted(judged_rows(rows, TRIED), key=lambda row: (len(row[column]), row["record_id"]))
    start = max(0, (len(chosen) - TOGETHER) // 2)
    return chosen[start : start + TOGETHER]


def taking_turns(servers: Sequence[Server], rows: Rows) -> list[dict[str, list[float]]]:
    """The pace of models that take turns, text by text (A B, B A, A B, ...) and then with all texts, `ROUNDS` times.
    The first round, which is slower, does not count."""
    found: list[dict[str, list[float]]] = [{"latency": [], "tokens": []} for _ in servers]
    turns = [*([row] for row in rows[:ALONE]), rows]
    for number in range(ROUNDS + 1):
        taken: list[list[tuple[float, int]]] = [[] for _ in servers]
        for turn, texts in enumerate(turns):
            order = list(enumerate(servers))
            for place, server in order if (number + turn) % 2 else reversed(order):
                taken[place].append(_seconds(server, texts))
        if number:
            for pace, times in zip(found, taken, strict=True):
                *alone, (seconds, tokens) = times
                pace["latency"].append(statistics.median(one for one, _ in alone))
                pace["tokens"].append(tokens / seconds)
    return found


def _seconds(server: Server, rows: Rows) -> tuple[float, int]:
    began = time.perf_counter()
    tokens = server.answered(rows)  # its answers lie on the CPU: a GPU has finished
    return time.perf_counter() - began, tokens


def work(job: dict[str, Any]) -> dict[str, Any]:
    """The memory of `candidate` (a digest), and then, where there is a `champion`, the paces of both.

    `dataset` and `split` say whose texts are answered, `most` how many tokens an answer may have.
    """
    from tasks.training.hardware import peak_memory

    store = Store.of_environment()
    dataset = DatasetVersion(store.load(job["dataset"]))
    rows = texts_of(dataset.rows(job["split"]), INPUT[dataset.task])
    candidate = Server(store, store.load(job["candidate"]), job["most"])
    candidate.answered(rows)
    memory = peak_memory()  # of a process that has held nothing but this model
    if job["champion"] is None:
        return {"memory": memory, "paces": None}
    champion = Server(store, store.load(job["champion"]), job["most"])
    return {"memory": memory, "paces": taking_turns([candidate, champion], rows)}


if __name__ == "__main__":
    answer(work, Path(sys.argv[1]), Path(sys.argv[2]))
