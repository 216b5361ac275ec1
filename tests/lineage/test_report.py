from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tasks.config.evaluation import EvaluationSettings
from tasks.data.version import SPLITS, DatasetVersion
from tasks.evaluation.baselines import Comparison
from tasks.evaluation.estimates import Difference
from tasks.evaluation.evaluate import evaluation_code, evaluation_of
from tasks.evaluation.evaluation import Evaluation
from tasks.evaluation.evidence import Evidence
from tasks.evaluation.gate import Protocol
from tasks.evaluation.gates.not_worse_than_champion import NotWorseThanChampion
from tasks.evaluation.gates.threshold import Threshold
from tasks.evaluation.judge import judge
from tasks.evaluation.metrics.labels import label_statistics
from tasks.evaluation.predict import Predictions
from tasks.lineage.report import FormJudged, RunReport, StageRow, render, write_report
from tasks.lineage.roles import resolve
from tasks.meta.evaluation import SubjectMeta
from tasks.store import Store
from tests.factories import seal_rows
from tests.lineage.chain import ORIGIN, build_chain, protocol_named, release, verdict_of
from tests.rows import rows


@pytest.fixture
def report(store: Store) -> RunReport:
    chain = build_chain(store)
    release(store, chain)
    protocol = protocol_named("default")
    forms = []
    for form in (chain.adapter, chain.merged, chain.quantized):
        evaluation = chain.evaluations[form.kind]
        forms.append(
            FormJudged(form.kind, evaluation, verdict_of(form, evaluation, protocol, form is not chain.merged))
        )
    gain = Difference("macro_f1", None, 0.8, 0.3, 0.5, 0.4, 0.6, 6, 3)
    return RunReport(
        run="run-1",
        recipe=chain.recipe,
        outcome="version 1 was promoted",
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        seconds=12.0,
        origin=ORIGIN,
        stages=[StageRow("data: ingest", 2.0, "done"), StageRow("fine-tune", 8.5, "done", "3 steps <b>&")],
        dataset=chain.dataset,
        judged=forms,
        baselines=[Comparison("majority label", gain)],
        version=resolve(store, "m@champion"),
        mlflow_run="f" * 32,
    )


class Page(HTMLParser):
    """Tags that must be closed, and everything that a browser would fetch."""

    VOID = ("meta", "br", "link", "img", "input", "hr")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        assert tag not in ("script", "link", "img", "iframe")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_says_what_happened(store: Store, report: RunReport) -> None:
    html = write_report(store, report).read_text()
    for text in (
        "version 1 was promoted",
        "Version 1, champion",
        "data: ingest",
        "0.8 [0.7, 0.9]",
        "category=skin",
        "majority label",
        "1 better, 0 worse, 0 undecided",
        "f" * 32,
        report.dataset.split_digest("test") if report.dataset else "",
        "judged</td>",
        "promoted</td>",
        "train/test 0",
        'orchestration and everything else</td><td class="n">1.5',
    ):
        assert text in html, text
    assert html.count(">rejected<") == 1


def test_the_page_is_whole_and_fetches_nothing(store: Store, report: RunReport) -> None:
    page = Page(render(store, report))
    assert page.open == []
    assert page.fetched == []


def test_text_is_escaped(store: Store, report: RunReport) -> None:
    assert "3 steps &lt;b&gt;&amp;" in render(store, report)


def test_no_record_is_in_it(store: Store, report: RunReport) -> None:
    html = render(store, report)
    assert report.dataset
    for row in report.dataset.rows("test") + report.dataset.rows("train"):
        assert row["text"] not in html
        assert row["record_id"] not in html


def test_a_run_that_ended_early_has_a_report(store: Store, report: RunReport) -> None:
    early = RunReport(
        "run-2", report.recipe, "interrupted", report.started, 1.0, ORIGIN, [StageRow("data: ingest", 1.0, "failed")]
    )
    html = render(store, early)
    assert Page(html).open == []
    assert "interrupted" in html
    assert "galen audit" not in html and "registered no version" in html
    failed = replace(
        early, outcome="ended with an error: InputError", reason="no column for text: has <a>\n  -> name it"
    )
    assert "no column for text: has &lt;a&gt;\n  -&gt; name it" in render(store, failed)
    assert "Dataset" not in html


def test_the_data_docs_are_kept_beside_it(store: Store, report: RunReport, tmp_path: Path) -> None:
    docs = tmp_path / "docs.html"
    docs.write_text("<p>docs</p>")
    path = write_report(store, replace(report, data_docs=docs))
    docs.unlink()
    assert (path.parent / "data-docs.html").read_text() == "<p>docs</p>"
    assert 'href="data-docs.html"' in path.read_text()


def test_metrics_that_only_some_slices_have_are_shown(store: Store, report: RunReport) -> None:
    evaluation: Any = report.judged[0].evaluation
    measured = evaluation._measured
    measured["slices"]["label=skin"] = {
        "records": 2,
        "groups": 1,
        "metrics": {"f1": {"value": 0.25, "low": None, "high": None}},
    }
    for cached in ("slices", "slice_sizes"):
        vars(evaluation).pop(cached, None)
    html = render(store, report)
    assert "label=skin" in html
    assert "f1 0.25" in html


@pytest.fixture
def beside(store: Store, report: RunReport) -> RunReport:
    """A candidate that is worse than the champion on one category, with names that are markup."""
    split: dict[str, list[dict[str, Any]]] = {one: [] for one in SPLITS}
    for place, row in enumerate(rows("text-classification", 240)):
        hostile = {"category": "<script>x</script>$a$"} if row["category"] == "skin" else {}
        split[SPLITS[place // 2 % 3]].append({**row, **hostile})
    dataset = seal_rows(store, "text-classification", split)
    protocol = Protocol(
        "text-classification",
        "default",
        (
            NotWorseThanChampion(name="held", kind="not-worse-than-champion", metric="accuracy", tolerance=0.02),
            Threshold(name="enough", kind="threshold", metric="accuracy", min=0.1),
        ),
        EvaluationSettings(),
        "base",
    )
    assert report.version
    champion = _said(store, dataset, "champion", report.version.artifact, lambda row: True)
    candidate = _said(store, dataset, "candidate", "c" * 64, lambda row: row["label"] != "skin")
    evidence = Evidence(candidate, champion=champion)
    judged = FormJudged("quantized", candidate, judge(protocol, evidence), evidence, protocol)
    return replace(report, dataset=dataset, judged=[judged], next=['galen approve m@2 --by "YOUR NAME"'])


def _said(store: Store, dataset: DatasetVersion, name: str, digest: str, right: Any) -> Evaluation:
    def run(asked: Any) -> Predictions:
        said = [row["label"] if right(row) else "nervous" for row in asked]
        found = [label_statistics(one, row["label"], 0.9) for one, row in zip(said, asked, strict=True)]
        return Predictions({"label": said, "confidence": [0.9] * len(said)}, found, [False] * len(said))

    subject = SubjectMeta.model_validate({"digest": digest, "form": "quantized", "parent": None, "base": None})
    return evaluation_of(
        store,
        subject.with_labels(dataset.labels),
        dataset,
        EvaluationSettings(),
        "test",
        run,
        evaluation_code(None, dataset.task),
    )


def test_a_person_sees_the_candidate_beside_the_champion(store: Store, beside: RunReport) -> None:
    html = render(store, beside)
    page = Page(html)
    assert page.open == [] and page.fetched == []
    (judged,) = beside.judged
    assert judged.evidence and judged.evidence.champion
    for evaluation in (judged.evaluation, judged.evidence.champion):
        for found in (evaluation.metrics, *evaluation.slices.values()):
            assert "accuracy" not in found or f"{found['accuracy'].value:.4g}" in html
    for text in ("champion (version 1)", "Worst slice", "Harmful flips", "Releases so far", "galen approve m@2"):
        assert text in html, text
    assert html.index("held") < html.index("<h2>")
    assert "<script" not in html and "<b>" not in html
    assert html.count("<svg") == 2
    assert len(html.encode()) < 300_000
    assert beside.dataset
    for row in beside.dataset.rows("test"):
        assert row["text"] not in html
