"""The numbers of the de-identification rules: named in one table per rule, each with its reason, each in use."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

from tasks.data.phi import Deidentifier
from tasks.data.phi.en import people_weights
from tasks.home import CHECKOUT

PHI = CHECKOUT / "tasks" / "data" / "phi"
SOURCES = sorted(PHI.rglob("*.py"))


def tables(path: Path) -> list[ast.ClassDef]:
    """The tables of a module: classes that are called "...Weights"."""
    classes = (node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))
    return [node for node in classes if node.name.endswith("Weights")]


def unnamed(path: Path) -> list[str]:
    """Numbers that weigh or bound something where they stand, instead of in a table or a constant of the module.

    0, 1 and 2 count positions ("two words before"), so only comparisons with 2 count; 0.0 is no points.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named: set[int] = set()
    compared: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            compared |= {id(one) for one in (node.left, *node.comparators)}
    for node in tree.body:
        table = isinstance(node, ast.ClassDef) and node.name.endswith("Weights")
        if table or isinstance(node, ast.Assign | ast.AnnAssign):
            named |= {id(one) for one in ast.walk(node)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and id(node) not in named:
            points = isinstance(node.value, float) and node.value != 0
            if points or node.value > 2 or (node.value > 1 and id(node) in compared):
                found.append(f"{path.name}:{node.lineno}: {node.value}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PHI).as_posix())
def test_no_number_decides_without_a_name(path: Path) -> None:
    assert not unnamed(path)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PHI).as_posix())
def test_every_weight_stands_with_its_reason_and_is_used(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    everything = "\n".join(one.read_text(encoding="utf-8") for one in SOURCES)
    for table in tables(path):
        for node in table.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                assert "  # " in lines[node.lineno - 1] or lines[node.lineno - 2].startswith("    # "), node.target.id
                assert re.search(rf"\bWEIGHTS\.{node.target.id}\b", everything), node.target.id


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The measurement of all weights; bench/ is no installed package."""
    monkeypatch.syspath_prepend(CHECKOUT)
    return importlib.import_module("bench.phi_weights")


def test_the_bench_finds_every_table(bench: ModuleType) -> None:
    declared = sorted(node.name for path in SOURCES for node in tables(path))
    assert sorted(type(table).__name__ for table in bench.tables().values()) == declared


def test_a_changed_weight_changes_what_is_found_and_comes_back(bench: ModuleType) -> None:
    text, deidentifier = "Then Xolbratu improved.", Deidentifier()
    before = deidentifier.find(text, "en")
    with bench.changed(people_weights.WEIGHTS, "enough", 0.5):
        assert people_weights.WEIGHTS.enough == 0.5
        assert deidentifier.find(text, "en") != before
    assert deidentifier.find(text, "en") == before


@pytest.mark.parametrize(
    ("table", "weight", "value", "text"),
    [
        ("shared.contacts", "dots", 4, "host 10.20.30.40 is up"),
        ("shared.contacts", "colons", 4, "ip fe80:1a2b:33c4:55d6 x"),
        ("shared.contacts", "dashes", 6, "mac 00-1b-44-11-3a-b7 x"),
        ("shared.record_numbers", "shaped_digits", 6, "code AB-12345 x"),
        ("en.tokens", "shouted_words", 9, "SMITH, TAMIKA SEEN FOR CHEST PAIN"),
        ("en.scan", "row", 5, "We saw Maria Teresa Ana Lopez Garcia Fernandez today"),
        ("en.people_weights", "capitals_share", 0.0, "with JAMES MILLER today."),
        ("en.people_weights", "strange_and_surname", 0.0, "then for Xolbratu Long he"),
        ("en.people_weights", "in_room", 0.0, "Room 12, Xolbratu stable."),
        ("en.people_weights", "room_reach", 4, "Room 12, Xolbratu stable."),
        ("en.people_weights", "chinese_cue", 0.0, "患者Xolbratu今日入院，头痛。"),
        ("en.people_weights", "patient_verb", 0.0, "Then Xolbratu denies pain."),
        ("en.people_weights", "owned", 0.0, "I called Xolbratu's mother."),
        ("en.people_weights", "degree_behind_word", 2.0, "See Page, MD"),
        ("en.people_weights", "after_cue_apart", 0.0, "For Okafor, seen here"),
        ("en.people_weights", "longest", 10, "Dr. Juan Carlos Maria Lopez Garcia Ruiz came"),
        ("en.people_weights", "given_words", 1, "Name: Okafor, Jean Paul Marie\n"),
        ("en.people_weights", "capitals_letters", 3, "Patient KIM came"),
        ("en.people_weights", "family_letters", 4, "RE: OKA, Jean\n"),
        ("en.people_weights", "said", 0.0, "Everybody calls her Efimiya."),
        ("en.people_weights", "prose", 0.0, "It was built for Matej and is good"),
        ("en.people_weights", "prose_letters", 3, "It was built for Eco and is good"),
        ("en.address_blocks", "tail_words", 2, "Meet me at Mellemvej 32, Odense, Denmark 5000."),
        ("en.address_blocks", "head_reach", 5, "It went to 94 Pilekrogen 53\nApt. 4"),
        ("shared.scripts", "word", 2, "The αβ receptor"),
        ("shared.scripts", "most", 0.01, "The car Иван drove was red"),
        ("shared.contacts", "section", 4, "see 3.1.2.4 there"),
        ("shared.contacts", "machine_reach", 2, "server at 3.1.2.4 now"),
        ("zh.places", "plain_words", 0, "去襄阳市中心医院"),
        ("en.people_lower", "part_letters", 3, "dr wu called"),
        ("en.people_lower", "strange_letters", 2, "please schedule somchai wu"),
        ("en.people_lower", "lone_letters", 3, "then amy came"),
        ("en.people_lower", "titled_words", 2, "dr maria lopez garcia called"),
        ("en.people_repeated", "letters", 2, "Dr. Wu Smith saw me. Later wu and Wu."),
        ("en.facilities", "modifiers", 1, "the Dallas outpatient dental clinic"),
        ("en.facilities", "before_clinic", 2, "the New Xolbra Vexin clinic"),
        ("en.facilities", "before_lower_clinic", 1, "went to st mary memorial hospital"),
        ("en.towns", "words", 2, "lives in Salt Lake City"),
        ("en.towns", "before_state", 2, "Rancho Santa Margarita, CA 92688"),
        ("en.places", "words", 1, "lives in South Xolbra"),
        ("en.places", "town_words", 2, "lives in salt lake city"),
        ("en.places", "visit_reach", 1, "seen last week at BMC"),
        ("zh.people", "cue_reach", 1, "家属安宁表示"),
        ("zh.places", "town_reach", 2, "在大庆石油管理有限公司"),
        ("zh.places", "area_words", 2, "住杭州市锦花绣木路12号"),
        ("zh.places", "facility_words", 2, "在浙江省杭州市第一人民医院就诊"),
        ("zh.places", "proper_letters", 1, "去瑞金医院"),
        ("zh.places", "branch_words", 1, "苏州大学附属儿童医院"),
        ("zh.places", "area_letters", 4, "住杭州文三路12号"),
        ("zh.places", "area_name_letters", 2, "家住上海市锦绣花木路12号"),
    ],
)
def test_what_a_weight_is_for(bench: ModuleType, table: str, weight: str, value: float, text: str) -> None:
    deidentifier = Deidentifier()
    before = deidentifier.find(text)
    with bench.changed(bench.tables()[table], weight, value):
        assert deidentifier.find(text) != before


def imported(path: Path) -> set[Path]:
    """The modules of the rules that a module of the rules imports."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                file = (CHECKOUT / name.replace(".", "/")).with_suffix(".py")
                found |= {file} if file.is_file() and file.is_relative_to(PHI) else set()
    return found


def test_a_language_knows_no_other_and_no_module_comes_back_to_itself() -> None:
    for path in SOURCES:
        folder = path.relative_to(PHI).parts[0]
        allowed = {"en": {"en", "shared"}, "zh": {"zh", "shared"}, "shared": {"shared"}}.get(folder)
        if allowed:
            assert {one.relative_to(PHI).parts[0] for one in imported(path)} <= allowed, path
        seen: set[Path] = set()
        waiting = imported(path)
        while waiting:
            one = waiting.pop()
            assert one != path, f"{path} imports itself through others"
            seen.add(one)
            waiting |= imported(one) - seen
