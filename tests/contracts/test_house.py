"""Who may import whom. The drawing in docs/architecture.md is made from the same arrows."""

from __future__ import annotations

from tasks.home import CHECKOUT
from tests.contracts import house
from tests.contracts.house import SHARED, arrows, circles, floor_of, room_arrows, sources

LONGEST = 300  # lines
REASON = "Longer than 300 lines: "


def test_every_room_stands_on_a_floor() -> None:
    for room in room_arrows():
        floor_of(room)


def test_no_arrow_points_upwards() -> None:
    for file, imported in arrows().items():
        here = floor_of(house.room_of(file))
        for other in imported:
            there = floor_of(house.room_of(other))
            neighbours = here == there and (here < SHARED or house.room_of(file) == house.room_of(other))
            assert there < here or neighbours, f"{file} (floor {here}) imports {other} (floor {there})"


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(arrows()) == []


def test_a_circle_and_an_arrow_upwards_would_be_found() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["a"]}) == [["a", "b", "c"]]
    assert floor_of("training") < floor_of("evaluation") < floor_of("lineage")


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    tests = sorted((CHECKOUT / "tests").rglob("*.py"))
    benches = sorted((CHECKOUT / "bench").rglob("*.py"))
    excused = []
    for file in [*sources(), *tests, *benches]:
        text = file.read_text(encoding="utf-8")
        if len(text.splitlines()) > LONGEST:
            assert REASON in text[:2000], f"{file} has {len(text.splitlines())} lines: split it"
            excused.append(file.name)
    assert len(excused) <= 3, excused
