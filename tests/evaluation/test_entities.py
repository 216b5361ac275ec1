import random

import pytest

from tasks.evaluation.entities import Entity, entities, kinds, matches


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-X I-X O B-X", [("X", 0, 2), ("X", 3, 4)]),
        ("B-X B-X", [("X", 0, 1), ("X", 1, 2)]),
        ("I-X I-X O I-Y", [("X", 0, 2), ("Y", 3, 4)]),  # IO
        ("X X O Y", [("X", 0, 2), ("Y", 3, 4)]),  # IO without marks
        ("B-X I-Y", [("X", 0, 1), ("Y", 1, 2)]),  # a change of type begins an entity, as in conlleval
        ("O I-X I-X", [("X", 1, 3)]),
        ("S-X B-X I-X E-X O", [("X", 0, 1), ("X", 1, 4)]),
        ("U-X B-X I-X L-X", [("X", 0, 1), ("X", 1, 4)]),  # BILOU
        ("B-X E-X I-X", [("X", 0, 2), ("X", 2, 3)]),
        ("E-X E-X", [("X", 0, 1), ("X", 1, 2)]),
        ("B-cell-line I-cell-line", [("cell-line", 0, 2)]),
        ("O O", []),
        ("", []),
    ],
)
def test_entities_by_hand(tags: str, expected: list[tuple[str, int, int]]) -> None:
    assert entities(tags.split()) == [Entity(*one) for one in expected]


def written(spans: list[Entity], length: int, scheme: str) -> list[str]:
    tags = ["O"] * length
    for kind, start, end in spans:
        for place in range(start, end):
            first, last = place == start, place == end - 1
            mark = "B" if first else "I"
            if scheme == "BIOES":
                mark = "S" if first and last else "B" if first else "E" if last else "I"
            tags[place] = f"{mark}-{kind}"
    return tags


def random_spans(chance: random.Random, length: int) -> list[Entity]:
    spans, place = [], 0
    while place < length:
        end = min(length, place + chance.randint(1, 3))
        if chance.random() < 0.5:
            spans.append(Entity(chance.choice("XY"), place, end))
        place = end
    return spans


@pytest.mark.parametrize("scheme", ["BIO", "BIOES"])
def test_what_was_written_is_read_and_counted(scheme: str) -> None:
    chance = random.Random(3)
    for _ in range(200):
        length = chance.randint(1, 12)
        meant, said = random_spans(chance, length), random_spans(chance, length)
        tags = [written(spans, length, scheme) for spans in (meant, said)]
        assert entities(tags[0]) == meant
        counts = matches(*tags)
        for kind in "XY":
            right = [one for one in said if one in meant and one.kind == kind]
            assert counts["tp", kind] == len(right)
            assert counts["fp", kind] == sum(one.kind == kind for one in said) - len(right)
            assert counts["fn", kind] == sum(one.kind == kind for one in meant) - len(right)


def test_a_wrong_border_is_a_miss_and_a_false_alarm() -> None:
    counts = matches(["B-X", "I-X", "O"], ["B-X", "O", "O"])
    assert counts == {("fp", "X"): 1, ("fn", "X"): 1}


def test_kinds_of_tags() -> None:
    assert kinds(["B-Disease", "I-Disease", "O", "S-Drug"]) == ["Disease", "Drug"]
