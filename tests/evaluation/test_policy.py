from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.code import files_of_code
from tasks.errors import ConfigError, InputError
from tasks.evaluation import policy
from tasks.evaluation.gates.better_than_rival import BetterThanRival
from tasks.evaluation.policy import POLICIES, effective_gates, load_policy, load_recipe, parse_recipe, protocol_of
from tasks.training.recipe import Recipe

APPROVED = """
name: strict
task: causal-lm
description: for tests
gates:
  - {name: answers, kind: threshold, metric: token_f1, min: 0.5, max: 0.99}
  - {name: beats, kind: better-than-base, metric: rouge_l, margin: 0.1, significant: true}
  - {name: keeps, kind: not-worse-than-champion, metric: token_f1, tolerance: 0.02, slice: "language=*"}
  - {name: gap, kind: train-gap, max: 1.0}
"""


@pytest.fixture(autouse=True)
def policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(policy, "POLICIES", tmp_path)
    (tmp_path / "strict.yaml").write_text(APPROVED)
    return tmp_path


def recipe(*tighten: dict[str, Any], **settings: Any) -> Recipe:
    data = {
        "model": "tiny",
        "task": "causal-lm",
        "intended_use": "tests of policies",
        "base_model": {"base": "sample"},
        "dataset": "factory",
        "method": {"name": "lora"},
        "policy": "strict",
        "tighten": tighten,
    }
    return Recipe.model_validate(data | settings)


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_policy_shipped_is_well_formed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "POLICIES", POLICIES)
    assert load_policy(file.stem).gates


def test_a_recipe_without_wishes_has_the_gates_of_its_policy() -> None:
    assert effective_gates(recipe()) == load_policy("strict").gates


def test_a_recipe_may_tighten_and_add() -> None:
    gates = effective_gates(
        recipe(
            {"name": "answers", "kind": "threshold", "metric": "token_f1", "min": 0.6, "max": 0.9},
            {"name": "gap", "kind": "train-gap", "max": 0.5},
            {"name": "chinese", "kind": "threshold", "metric": "rouge_l", "min": 0.3, "slice": "language=zh"},
        )
    )
    assert [gate.name for gate in gates] == ["answers", "beats", "keeps", "gap", "chinese"]
    said = [gate.plain() for gate in gates]
    assert (said[0]["min"], said[0]["max"], said[3]["max"]) == (0.6, 0.9, 0.5)


ANSWERS = {"name": "answers", "kind": "threshold", "metric": "token_f1", "min": 0.5, "max": 0.99}
BEATS = {"name": "beats", "kind": "better-than-base", "metric": "rouge_l", "margin": 0.1, "significant": True}
KEEPS = {
    "name": "keeps",
    "kind": "not-worse-than-champion",
    "metric": "token_f1",
    "tolerance": 0.02,
    "slice": "language=*",
}


def without(gate: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in gate.items() if key != name}


@pytest.mark.parametrize(
    ("gate", "field"),
    [
        (ANSWERS | {"min": 0.4}, "min"),
        (without(ANSWERS, "min"), "min"),
        (ANSWERS | {"max": 1.0}, "max"),
        (without(ANSWERS, "max"), "max"),
        (ANSWERS | {"metric": "rouge_l"}, "metric"),
        (ANSWERS | {"slice": "language=en"}, "slice"),
        (BEATS | {"margin": 0.05}, "margin"),
        (BEATS | {"significant": False}, "significant"),
        (KEEPS | {"tolerance": 0.03}, "tolerance"),
        (without(KEEPS, "slice"), "slice"),
        (KEEPS | {"kind": "not-worse-than-parent"}, "kind"),
        ({"name": "gap", "kind": "train-gap", "max": 2.0}, "max"),
    ],
)
def test_a_recipe_may_not_loosen(gate: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        effective_gates(recipe(gate))
    assert f"tighten.0.{field}:" in str(caught.value)


def test_a_recipe_may_not_loosen_by_narrow_intervals() -> None:
    with pytest.raises(ConfigError, match=r"evaluation\.confidence"):
        effective_gates(recipe(evaluation={"confidence": 0.6}))


def test_all_faults_show_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        effective_gates(recipe(ANSWERS | {"min": 0.1}, BEATS | {"margin": 0.0}, ANSWERS))
    assert "4 fault(s)" in str(caught.value)  # two weaker bounds, and one name twice
    assert "tighten.1.margin" in str(caught.value)


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("{name: x, kind: threshold, metric: accuracy, min: 0.5}", "gates.0.metric"),
        ("{name: x, kind: threshold, metric: token_f1, min: .nan}", "gates.0.min"),
        ("{name: x, kind: threshold, metric: token_f1, min: 0.5, margin: 0.1}", "gates.0.margin"),
        ("{name: x, kind: threshold, metric: token_f1, min: 0.5, slice: department=*}", "gates.0.slice"),
        ("{name: x, kind: threshold, metric: token_f1, min: 0.5, slice: language}", "gates.0.slice"),
        ("{name: x, kind: train-gap, max: 1.0, significant: true}", "gates.0.significant"),
        ("{name: x, kind: train-gap, max: 1.0}", "at least one threshold, better-than-rival or better-than-base gate"),
        ("{name: x, kind: better-than-rival, metric: token_f1, rival: majority label}", "there is no rival"),
        ("{name: x, kind: better-than-rival, metric: perplexity, rival: majority answer}", "a rule has none"),
        ("{name: x, kind: threshold, metric: token_f1}", "needs min or max"),
        ("{name: x, kind: threshold, metrik: token_f1, min: 0.5}", "metrik"),
    ],
)
def test_a_policy_that_would_not_do_what_it_says_is_refused(policies: Path, gate: str, message: str) -> None:
    (policies / "bad.yaml").write_text(f"name: bad\ntask: causal-lm\ndescription: x\ngates:\n  - {gate}\n")
    with pytest.raises(ConfigError, match=message):
        load_policy("bad")


def test_all_faults_of_a_policy_show_at_once(policies: Path) -> None:
    (policies / "bad.yaml").write_text(
        """
name: bad
task: causal-lm
gates:
  - {name: a, kind: threshold, metric: accuracy, min: 0.5, margin: 0.1}
  - {name: B, kind: threshhold, metric: token_f1, min: 0.5}
  - {name: c, kind: better-than-base, metrik: token_f1, margin: much}
  - {name: d, kind: train-gap, max: .inf, significant: true}
  - {name: e, kind: [threshold], 5: 6}
  - 7
"""
    )
    with pytest.raises(ConfigError) as caught:
        load_policy("bad")
    first, *faults = caught.value.what.splitlines()
    assert first.endswith("has 12 fault(s)")
    assert [fault.removeprefix("  - ").partition(":")[0] for fault in faults] == [
        "description",
        *("gates.0.margin", "gates.0.metric"),
        *("gates.1.kind", "gates.1.name"),
        *("gates.2.metrik", "gates.2.metric", "gates.2.margin"),
        *("gates.3.significant", "gates.3.max"),
        "gates.4.kind",
        "gates.5",
    ]
    text = str(caught.value)
    assert "gates.0.margin: a threshold gate does not use it" in text
    assert "gates.1.kind: Input should be 'better-than-base', " in text
    assert "or 'train-gap' (found 'threshhold')" in text
    known = "kind, margin, metric, min_groups, min_records, name, significant, slice, small"
    assert f"gates.2.metrik: unknown key (known: {known})" in text
    assert "gates.3.max: Input should be a finite number" in text


def test_a_policy_needs_gates(policies: Path) -> None:
    (policies / "bad.yaml").write_text("name: bad\ntask: causal-lm\ndescription: x\ngates: []\n")
    with pytest.raises(ConfigError, match="gates: Tuple should have at least 1 item"):
        load_policy("bad")


def test_what_a_recipe_tightens_is_read_with_it(tmp_path: Path) -> None:
    plain = recipe(KEEPS).plain()
    assert parse_recipe(plain, "tiny.yaml").tighten[0].plain()["significant"] is False, "defaults are said"
    file = tmp_path / "tiny.yaml"
    wrong = [KEEPS | {"kind": "better"}, without(ANSWERS, "metric"), ANSWERS | {"metric": "accuracy", "tolerance": 1}]
    file.write_text(yaml.safe_dump(plain | {"tighten": wrong, "seed": "x"}))
    with pytest.raises(ConfigError) as caught:
        load_recipe(file)
    first, *faults = caught.value.what.splitlines()
    assert first == f"{file} has 5 fault(s)"
    assert [fault.removeprefix("  - ").partition(":")[0] for fault in faults] == [
        *("tighten.0.kind", "tighten.1.metric", "tighten.2.tolerance", "tighten.2.metric"),
        "seed",
    ]
    assert caught.value.exit_code == 2


def test_a_gate_says_only_what_is_its_own() -> None:
    gap = load_policy("strict").gates[3]
    assert gap.plain() == {"name": "gap", "kind": "train-gap", "max": 1.0}
    assert load_policy("strict").plain()["gates"][3] == gap.plain()


def test_slices_by_label_have_metrics_of_their_own(policies: Path) -> None:
    start = "name: labels\ntask: text-classification\ndescription: x\ngates:\n  - "
    file = policies / "labels.yaml"
    file.write_text(start + '{name: x, kind: threshold, metric: recall, min: 0.5, slice: "label=*"}\n')
    assert load_policy("labels").gates[0].plain()["slice"] == "label=*"
    file.write_text(start + '{name: x, kind: threshold, metric: accuracy, min: 0.5, slice: "label=*"}\n')
    with pytest.raises(ConfigError, match="recall"):
        load_policy("labels")


def test_a_policy_must_fit_its_file_and_the_recipe(policies: Path) -> None:
    (policies / "other.yaml").write_text(APPROVED)
    with pytest.raises(ConfigError, match="name of the file"):
        load_policy("other")
    with pytest.raises(ConfigError, match="token-classification"):
        effective_gates(recipe(task="token-classification"))
    assert effective_gates(recipe(task="seq2seq-lm")) == load_policy("strict").gates  # judged by the same records
    with pytest.raises(InputError, match=r"strict\.yaml"):
        load_policy("none")


def test_the_protocol_is_named_by_everything_that_decides() -> None:
    digest = protocol_of(recipe()).digest
    assert digest == protocol_of(recipe(seed=3)).digest  # says nothing about judging
    tightened = recipe({"name": "gap", "kind": "train-gap", "max": 0.5})
    changed = [tightened, recipe(first_release="base"), recipe(evaluation={"resamples": 200}), recipe(approval="every")]
    assert len({digest, *(protocol_of(one).digest for one in changed)}) == 5
    code = files_of_code(*protocol_of(recipe()).modules())
    used = (
        "metric",
        "metrics/answers",
        "text",
        "intervals",
        "estimates",
        "judge",
        "gates/threshold",
        "gates/train_gap",
    )
    assert {f"tasks/evaluation/{name}.py" for name in used} <= set(code)
    unused = ("metrics/labels", "gates/not_worse_than_parent", "policy", "predict", "evaluate")
    assert not {f"tasks/evaluation/{name}.py" for name in unused} & set(code)


@pytest.mark.parametrize("file", sorted(POLICIES.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_shipped_policy_asks_for_more_than_the_simple_rivals(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "POLICIES", POLICIES)
    shipped = load_policy(file.stem)
    needed = {
        "causal-lm": {"majority answer", "nearest train question"},
        "text-classification": {"majority label", "nearest train text"},
        "token-classification": {"word's tag in training"},
    }
    asked = {name for gate in shipped.gates if isinstance(gate, BetterThanRival) for name in gate.rivals}
    assert asked == needed[shipped.task]
