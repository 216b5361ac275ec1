"""The whole chain on a minute model: real DVC, Prefect, MLflow and bitsandbytes, in processes as a user starts them.

One checkout, with a champion, serves all tests. They run in any order: each compares with what it found.
"""

from __future__ import annotations

import json
import signal
import time
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

import pytest

from tasks.data.version import load_version
from tasks.settings import load
from tasks.store import Store
from tasks.training.recipe import Recipe
from tasks.training.resolve import resolve_base
from tasks.training.train import finetune
from tests.flows.checkout import PLANTED, RECIPE_FILE, Checkout, First


@pytest.fixture
def checkout(first: First) -> Checkout:
    return first.checkout


def held(found: Iterable[dict[str, object]]) -> dict[object, object]:
    """Roles by version of the model `minute`."""
    return {one["version"]: one["roles"] for one in found if one["model"] == "minute" and one["roles"]}


def models(checkout: Checkout) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(checkout.galen("models", "--json"))
    return found


def test_a_first_run_plans_and_ends_with_a_champion(first: First) -> None:
    assert "fine-tune" in first.planned
    assert not first.left_by_plan, "a plan runs nothing"
    assert "minute@champion is version 1" in first.said
    assert "Traceback" not in first.said
    assert "nothing changed" in first.again
    folder, home = first.checkout.folder, first.checkout.home
    for ours in (home, home / "dvc-site" / "repo", folder / "data" / "built", folder / ".dvc" / "tmp"):
        assert ours.stat().st_mode & 0o077 == 0, f"{ours} is open to other users"
    assert not [*(home / "running").iterdir(), *(home / "staging").iterdir()], "temporary files stay"
    version = next(one for one in models(first.checkout) if (one["model"], one["version"]) == ("minute", 1))
    assert version["form"] == "quantized"


def test_all_that_one_can_ask_of_a_champion(checkout: Checkout, tmp_path: Path) -> None:
    assert "evidence: intact" in checkout.galen("audit", "minute@champion")
    assert "learned" in checkout.galen("trace", "r1") + checkout.galen("trace", "r2") + checkout.galen("trace", "r3")
    assert checkout.galen("ask", "minute@champion", "chest pain go to hospital now").startswith(("urgent", "rest"))
    checkout.galen("export", "minute@champion", str(tmp_path / "served"))
    assert (tmp_path / "served" / "model" / "artifact.json").is_file()


def test_a_new_row_runs_what_depends_on_it_and_no_more(checkout: Checkout) -> None:
    before = next(version for version, roles in held(models(checkout)).items() if roles == ["champion"])
    checkout.rows(124)
    said = checkout.galen("retrain", RECIPE_FILE)
    after = held(models(checkout))
    assert [version for version, roles in after.items() if roles == ["previous"]] == [before]
    new = next(version for version, roles in after.items() if roles == ["champion"])
    assert new != before and f"minute@champion is version {new}" in said
    events = checkout.galen("audit", "minute@champion", "--json")
    assert json.loads(events)["verdict"] == "intact"


def test_a_rejected_model_changes_no_registry(checkout: Checkout) -> None:
    before = held(models(checkout))
    checkout.policy(1.01)
    said = checkout.galen("retrain", RECIPE_FILE, code=3)
    checkout.policy(0.2)
    assert "learned: accuracy is" in said
    assert "0 of 1 gates passed, 1 failed" in said
    assert "reused" in said, "training was not repeated for another policy"
    assert held(models(checkout)) == before


def artifacts(checkout: Checkout) -> list[Path]:
    return list((checkout.home / "artifacts").iterdir())


def test_a_killed_training_goes_on_to_the_same_bytes(checkout: Checkout, tmp_path: Path) -> None:
    long = "recipes/long.yaml"
    text = (checkout.folder / RECIPE_FILE).read_text().replace("model: minute", "model: long")
    (checkout.folder / long).write_text(text.replace("epochs: 6", "epochs: 40\n  checkpoints: 20"))
    process = checkout.start("retrain", long)
    deadline = time.monotonic() + 200
    while not list((checkout.home / "checkpoints").glob("*/*")):
        assert time.monotonic() < deadline, "no checkpoint was written"
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    checkout.galen("retrain", long)
    store, whole = Store(checkout.home), Store(tmp_path)
    # Adapters alone: another test may have damaged an earlier dataset, which no run needs and so none repairs.
    named = {folder.name: json.loads((folder / "artifact.json").read_bytes()) for folder in artifacts(checkout)}
    adapters = [store.load(digest) for digest, said in named.items() if said["kind"] == "adapter"]
    [resumed] = [one for one in adapters if one.meta["recipe"]["training"]["checkpoints"] == 20]
    recipe, dataset = load(Recipe, checkout.folder / long), load_version(store, resumed.meta["dataset"])
    assert finetune(whole, recipe, dataset, resolve_base(whole, recipe.base_model)).digest == resumed.digest
    checkout.policy(0.21)  # something must have changed for a run to start
    checkout.galen("retrain", long)
    assert "nothing changed" in checkout.galen("retrain", long), "a version that was there already is a decision, too"
    checkout.policy(0.2)


def spoil(path: Path) -> None:
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    path.chmod(mode)


def test_no_run_has_nothing_to_do_on_what_is_damaged(checkout: Checkout) -> None:
    checkout.galen("retrain", RECIPE_FILE)  # another test may have changed the rows, and so the dataset, since then
    (digest,) = (one["digest"] for one in json.loads(checkout.galen("data", "list", "--json")))
    for path in (checkout.home / "dvc-cache" / "files").rglob("*"):
        if path.is_file():
            spoil(path)  # and with it data/built
    spoil(checkout.home / "artifacts" / str(digest) / "train.parquet")
    said = checkout.galen("retrain", RECIPE_FILE)
    assert "nothing to do" not in said
    assert "train.parquet was changed" in said or "a damaged artifacts entry was set aside" in said
    assert "nothing to do" in checkout.galen("retrain", RECIPE_FILE)
    assert "evidence: intact" in checkout.galen("audit", "minute@champion")


def test_a_changed_weight_is_found(checkout: Checkout) -> None:
    champion = next(version for version, roles in held(models(checkout)).items() if roles == ["champion"])
    digests = {one["version"]: str(one["artifact"]) for one in models(checkout) if one["model"] == "minute"}
    digest = digests[champion]
    weights = checkout.home / "artifacts" / digest / "model.safetensors"
    kept = weights.read_bytes()
    copies = list(checkout.home.rglob(f"{digest}/model.safetensors"))  # MLflow's, too, from which it would come back
    assert len(copies) == 2
    for copy in copies:
        copy.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    for command in (("audit",), ("ask", "x"), ("export", str(checkout.folder / "out"))):
        checkout.galen(command[0], "minute@champion", *command[1:], code=6)
    assert not (checkout.folder / "out").exists()
    for copy in copies:
        copy.write_bytes(kept)
    checkout.galen("audit", "minute@champion")


def test_the_first_release_waits_for_a_person(checkout: Checkout) -> None:
    """Here of a method that cannot merge: its adapter goes the same way, beside its base."""
    recipe = checkout.folder / "recipes" / "careful.yaml"
    text = (checkout.folder / RECIPE_FILE).read_text().replace("model: minute", "model: careful")
    text = text.replace("name: lora\n  rank: 8", "name: adapter\n  reduction: 4")
    recipe.write_text(text.replace("first_release: base", "first_release: approval"))
    planned = checkout.galen("retrain", "recipes/careful.yaml", "--plan")
    assert "\nmerge" not in planned and "adapter cannot be merged" in planned and "(2 forms" in planned
    said = checkout.galen("retrain", "recipes/careful.yaml", code=4)
    assert "galen approve careful@1" in said
    report = (checkout.folder / said.split("report: ")[1].split()[0]).read_text()
    assert "galen audit careful@1" in report and "careful@champion" not in report
    assert "train and " in report and "none left out" in report
    assert ["merge", "skipped"] in [line.split()[:1] + line.split()[3:4] for line in said.splitlines()]
    checkout.galen("retrain", "recipes/careful.yaml", code=4)
    checkout.galen("ask", "careful@champion", "x", code=2)
    said = checkout.galen("approve", "careful@1", "--by", "Dr A. Person", "--reason", "read the report")
    assert "careful@champion is version 1" in said
    assert checkout.galen("ask", "careful@champion", "go to hospital now").startswith(("urgent", "rest"))
    audited = checkout.galen("audit", "careful@champion")
    assert "evidence: intact" in audited and "made by quantize" in audited and "made by merge" not in audited
    assert "nothing changed" in checkout.galen("retrain", "recipes/careful.yaml")


def told(home: Path, secret: str) -> list[str]:
    """Files below a folder that hold a text: plain, in base64 (signed envelopes), or in a Parquet file."""
    import pyarrow.parquet as pq

    plain = secret.encode()
    forms = [plain, *(b64encode(b"x" * shift + plain)[4:-4] for shift in range(3))]
    found = []
    for file in sorted(home.rglob("*")):
        if not file.is_file() or file.is_symlink():
            continue
        data = file.read_bytes()
        if data[:4] == b"PAR1" == data[-4:]:  # other tests leave damaged ones
            data += repr(pq.read_table(file).to_pylist()).encode()
        if any(form in data for form in forms):
            found.append(file.relative_to(home).as_posix())
    return found


def test_a_name_in_a_column_of_categories_or_labels_stays_with_the_records(checkout: Checkout) -> None:
    places = ("ledger.sqlite", "mlflow.db", "artifacts", "prefect", "mlartifacts", "dvc-remote", "reports")
    assert all((checkout.home / name).exists() for name in places)
    own = ("dvc-cache/", "damaged/", "refused/")  # what the stages before `validate` wrote: the records themselves
    checkout.galen("audit", "minute@champion")
    assert [name for name in told(checkout.home, PLANTED) if not name.startswith(own)] == []
    assert any(name.startswith(own) for name in told(checkout.home, PLANTED)), "the search would find it"
    shown = checkout.galen("data", "show", "minute")
    assert "(rare)" in shown and "north" in shown and PLANTED not in shown

    checkout.rows(140, misplaced=True)
    try:
        said = checkout.galen("retrain", RECIPE_FILE, code=2)
        assert "not named" in said and PLANTED not in said
        assert [name for name in told(checkout.home, PLANTED) if not name.startswith(own)] == []
    finally:
        checkout.rows(120)
