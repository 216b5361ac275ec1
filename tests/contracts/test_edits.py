"""What an edit of the real code runs again: exactly what depends on it, and nothing for words. On a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tasks.home import CHECKOUT

COPIED = ("flows", "tasks", "policies", "recipes", "data", "dvc.yaml", "params.yaml", "requirements.lock")
PROBE = """
import json, sys
from pathlib import Path
from flows.inputs import deciding_code
from tasks.code import code_of
from tasks.data.stage import STAGES
from tasks.digest import digest_tree
from tasks.evaluation.evaluate import evaluation_code
from tasks.evaluation.policy import load_recipe, protocol_of
from tasks.home import CHECKOUT
from tasks.settings import load_yaml
from tasks.training.method import method_named
from tasks.training.named_base import base_inputs
from tasks.training.train import training_code

recipe = load_recipe(CHECKOUT / "recipes" / "triage-sample.yaml")
by = {name: recipe.model_copy(update={"method": method_named(name).options(name=name)}) for name in ("lora", "ia3")}
stages = load_yaml(CHECKOUT / "dvc.yaml")["stages"]


def keys():
    code_of.cache_clear()
    found = {f"train {name}": training_code(one) for name, one in by.items()}
    found |= {f"run {name}": deciding_code(one) for name, one in by.items()}
    found["base"] = base_inputs("sample")["code"]
    found["evaluate"] = evaluation_code(None, "text-classification")
    found["merge lora"] = code_of("tasks.release.merge", method_named("lora").module)
    found["quantize"] = code_of("tasks.release.quantize")
    found["judge"] = protocol_of(recipe).digest
    for stage in STAGES:
        deps = [one for one in stages[stage]["do"]["deps"] if "$" not in one]
        found[stage] = [digest_tree(CHECKOUT / one) for one in deps]
    return found


before, changed = keys(), {}
for file, old, new in json.loads(sys.argv[1]):
    path = CHECKOUT / file
    text = path.read_text()
    assert text.count(old) >= 1, (file, old)
    path.write_text(text.replace(old, new, 1))
    after = keys()
    changed[f"{file}: {old}"] = sorted(name for name in before if before[name] != after[name])
    path.write_text(text)
assert keys() == before
print(json.dumps(changed))
"""
RUN = ["run ia3", "run lora"]
TRAINING = [*RUN, "train ia3", "train lora"]
EDITS: dict[tuple[str, str, str], list[str]] = {
    # Words: nothing.
    ("tasks/evaluation/gates/threshold.py", "        bounds = []\n", "        bounds = []  # a comment\n"): [],
    ("tasks/evaluation/gates/threshold.py", "A metric must lie within fixed bounds.", "Other words."): [],
    ("flows/cli/runs.py", "several methods on the same data", "several methods on the very same data"): [],
    ("tasks/errors.py", '"the disk is full"', '"the disk has no room"'): [],
    ("tasks/training/method.py", '"no such method"', '"there is no such method"'): [],
    ("tasks/config/training.py", '"""Decay after the warm-up."""', '"""How the rate falls."""'): [],
    ("tasks/training/methods/ia3.py", "Trains one factor", "Learns one factor"): [],
    ("flows/console.py", '"yellow"', '"blue"'): [],
    # What decides: what depends on it.
    ("tasks/training/methods/ia3.py", 'name = "ia3"', 'name = "ia3"\n    marked = True'): ["run ia3", "train ia3"],
    ("tasks/evaluation/rival.py", "gain > self.margin", "gain >= self.margin"): ["judge"],
    ("tasks/evaluation/rules.py", "ngram_range=(1, 2)", "ngram_range=(1, 3)"): ["judge", *RUN],
    ("tasks/training/cpu.py", "BITS = 15", "BITS = 14"): ["base", *TRAINING],
    ("tasks/training/lesson.py", "CPU_MICRO_BATCH = 2048", "CPU_MICRO_BATCH = 1024"): TRAINING,
    ("tasks/training/pretraining.py", "CACHED_ROWS = 128", "CACHED_ROWS = 64"): ["base", *RUN],
    ("tasks/evaluation/metrics/labels.py", "BINS = 15", "BINS = 10"): ["evaluate", "judge", *RUN],
    ("tasks/release/merge.py", "MERGED_KL = 1e-6", "MERGED_KL = 1e-7"): ["merge lora", *RUN],
    ("tasks/release/quantize.py", "KL = 1.0", "KL = 2.0"): ["quantize", *RUN],
    ("tasks/evaluation/intervals.py", "MIN_GROUPS = 8", "MIN_GROUPS = 9"): ["evaluate", "judge", *RUN],
    ("data/suites/text-classification.json", "{", "{ "): ["validate"],
    ("tasks/data/phi/en/lists/common_words.txt", "\n", "\nzzyzx\n"): ["deidentify"],
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each edit changes, all in one process on one copy."""
    copy = tmp_path_factory.mktemp("edits")
    for name in COPIED:
        source, target = CHECKOUT / name, copy / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "built"))
        else:
            shutil.copyfile(source, target)
    command = [sys.executable, "-c", PROBE, json.dumps(list(EDITS))]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("edit", "expected"), EDITS.items(), ids=lambda one: one[0] if isinstance(one, tuple) else "")
def test_an_edit_runs_what_depends_on_it_and_nothing_else(
    changed: dict[str, list[str]], edit: tuple[str, str, str], expected: list[str]
) -> None:
    file, old, _ = edit
    assert changed[f"{file}: {old}"] == expected
