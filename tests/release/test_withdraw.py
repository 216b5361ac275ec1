"""Ways back: decisions of people that undo what was promoted, or refuse what waits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.cli.show import models_table
from tasks.errors import GateRejected, InputError, IntegrityError
from tasks.lineage.audit import audit
from tasks.lineage.roles import roles
from tasks.release.ask import ask
from tasks.release.export import export
from tasks.release.listing import models
from tasks.release.register import approve, promote
from tasks.release.withdraw import recall, roll_back, turn_down
from tasks.store import Store
from tests.release.conftest import Candidate, Candidates
from tests.release.test_register import another, client, release

pytestmark = pytest.mark.usefixtures("mlflow_store")
JO: Any = {"by": "Jo Doe", "reason": "wrong doses"}


@pytest.fixture
def two(store: Store, candidate: Candidates) -> list[Candidate]:
    """Two versions that were promoted, one after the other."""
    made = [candidate()]
    made.append(another(store, made[0]))
    for one in made:
        promote(store, release(store, one))
    return made


def aliases(store: Store) -> dict[str, str]:
    return {name: str(number) for name, number in client(store).get_registered_model("tiny").aliases.items()}


def numbers(store: Store) -> tuple[int | None, ...]:
    """Of the champion, the one before it, and the candidate."""
    return tuple(holder.number if holder else None for holder in roles(store, "tiny").holders.values())


def test_back_to_the_champion_before(store: Store, two: list[Candidate]) -> None:
    assert aliases(store) == {"champion": "2", "previous": "1"}
    assert roll_back(store, "tiny", **JO).number == 1
    assert numbers(store) == (1, None, None)
    assert aliases(store) == {"champion": "1"}
    assert "left for an earlier champion by Jo Doe: wrong doses" in models_table(models(store))
    assert "left for an earlier champion" in audit(store, "tiny@2").text()
    with pytest.raises(InputError, match="no earlier champion"):
        roll_back(store, "tiny", **JO)
    with pytest.raises(GateRejected, match="version 2, left for"):  # the same bytes, made again
        release(store, two[1])


def test_what_was_left_is_not_promoted_again(store: Store, two: list[Candidate]) -> None:
    left = roles(store, "tiny").versions[1]
    roll_back(store, "tiny@1", **JO)
    with pytest.raises(GateRejected, match="left for an earlier champion"):
        promote(store, left)
    with pytest.raises(InputError, match="left for an earlier champion"):
        roll_back(store, "tiny@2", **JO)
    assert numbers(store) == (1, None, None)


def test_a_damaged_champion_is_not_gone_back_to(store: Store, two: list[Candidate]) -> None:
    artifact = roles(store, "tiny").versions[0].artifact
    copies = [file for file in store.root.rglob("*.safetensors") if artifact in file.parts]
    assert len(copies) > 1, "MLflow has one, too, which would be taken"
    for weights in copies:
        weights.chmod(0o644)
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    with pytest.raises(IntegrityError):
        roll_back(store, "tiny", **JO)
    assert numbers(store) == (2, 1, None)


def test_a_recalled_champion_is_used_by_nobody(store: Store, two: list[Candidate], tmp_path: Path) -> None:
    recall(store, "tiny@champion", **JO)
    assert numbers(store) == (None, 1, None)
    assert aliases(store) == {"previous": "1"}
    said = "was recalled by Jo Doe: wrong doses"
    for reference in ("tiny@2", two[1].quantized.digest):
        with pytest.raises(InputError, match=said):
            ask(store, reference, "why?")
        with pytest.raises(InputError, match=said):
            export(store, reference, tmp_path / "out")
    with pytest.raises(InputError, match="recalled"):
        recall(store, "tiny@2", **JO)
    assert "recalled by Jo Doe" in audit(store, "tiny@2").text()
    roll_back(store, "tiny", **JO)
    assert numbers(store) == (1, None, None)


def test_a_version_that_waits_is_turned_down(store: Store, candidate: Candidates) -> None:
    release(store, candidate())
    turn_down(store, "tiny@candidate", **JO)
    assert numbers(store) == (None, None, None)
    with pytest.raises(InputError, match="does not wait"):
        approve(store, "tiny@1", **JO)
    with pytest.raises(InputError, match="does not wait"):
        turn_down(store, "tiny@1", **JO)


def test_a_decision_needs_a_name_and_a_reason(store: Store, two: list[Candidate]) -> None:
    for decide in (roll_back, recall):
        for blank in ("by", "reason"):
            with pytest.raises(InputError, match="a name and a reason"):
                decide(store, "tiny@1", **(JO | {blank: " "}))
    assert numbers(store) == (2, 1, None)
