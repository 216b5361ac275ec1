from pathlib import Path

from tasks.artifact import verify
from tasks.config.words import TASKS
from tasks.digest import digest_tree
from tasks.store import Store
from tests.factories import dataset_version, tiny_bert, tiny_llama


def test_the_same_arguments_make_the_same_bytes(tmp_path: Path) -> None:
    for make in (tiny_llama, tiny_bert):
        first, second = make(tmp_path / f"{make.__name__}-1"), make(tmp_path / f"{make.__name__}-2")
        assert digest_tree(first) == digest_tree(second)


def test_a_version_of_each_task_is_sealed_and_divided_by_group(store: Store, galen_home: Path) -> None:
    for task in TASKS:
        version = dataset_version(store, task, n=40)
        verify(version.artifact)
        groups = [{row["group_id"] for row in version.rows(split)} for split in ("train", "validation", "test")]
        assert all(groups)
        assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
        assert version.artifact.path.is_relative_to(galen_home)
