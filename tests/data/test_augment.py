from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config.data import Augmentation, Dataset
from tasks.config.words import DatasetTask
from tasks.data import augment
from tasks.data.noise import Noise, misspelled
from tasks.data.paraphrase import Paraphrases
from tasks.data.records import working_schema
from tasks.data.stage import execute
from tasks.data.synonyms import Synonyms
from tasks.data.tables import TableWriter
from tasks.data.tagging import Grammar
from tasks.data.version import SPLITS
from tasks.errors import IntegrityError
from tasks.store import Store

DATASET = {"source": "s", "format": "jsonl", "licence": "CC0-1.0", "identified": False}
ALL = {"paraphrase": 1, "synonyms": 1, "noise": 1}
Rows = list[dict[str, Any]]
Splits = dict[str, Rows]
CONDITIONS = ("hypertension", "asthma", "urticaria", "gout", "migraine", "varicella", "anemia", "psoriasis")


@pytest.fixture
def run(store: Store, tmp_path: Path) -> Callable[..., tuple[Splits, dict[str, Any]]]:
    """Run the stage on splits given by their content columns; returns the rows of each split, and the facts."""
    built = tmp_path / "built"

    def stage(splits: dict[str, Rows], task: DatasetTask = "causal-lm", **rates: Any) -> tuple[Splits, dict[str, Any]]:
        import pyarrow.parquet as pq

        dataset = Dataset.model_validate({**DATASET, "task": task, "augment": rates})
        (built / "split").mkdir(parents=True, exist_ok=True)
        for split in SPLITS:
            with TableWriter(built / "split" / f"{split}.parquet", working_schema(task)) as writer:
                for n, row in enumerate(splits.get(split, [])):
                    known = {"record_id": f"{split}{n}", "group_id": f"{split}{n}", "category": "c", "language": "en"}
                    writer.write({**known, "source": "s", "licence": "x", "parents": [], "place": "line 1", **row})
        (built / "split" / "manifest.json").write_text("{}")
        folder = execute(store, "augment", "test", dataset, augment.run, built)
        facts = json.loads((folder / "manifest.json").read_bytes())["augment"]
        return {split: pq.read_table(folder / f"{split}.parquet").to_pylist() for split in SPLITS}, facts

    return stage


def questions(*names: str) -> Rows:
    def row(name: str) -> dict[str, Any]:
        asked = {"prompt": f"What are the symptoms of {name}?", "answer": f"Ask about {name}."}
        return {**asked, "record_id": name, "group_id": name}

    return [row(name) for name in names]


def ask(prompt: str, language: str = "en", **more: Any) -> dict[str, Any]:
    return {"prompt": prompt, "answer": "It depends.", "language": language, **more}


class TestStage:
    def test_children_name_their_parent_and_stay_in_its_group(self, run: Callable[..., Any]) -> None:
        splits, facts = run({"train": questions(*CONDITIONS)}, **ALL)
        rows = {row["record_id"]: row for row in splits["train"]}
        children = [row for row in rows.values() if row["parents"]]
        assert facts["augmentation"] == {"paraphrase": 8, "synonyms": 4, "noise": 8}
        assert len(children) == 20
        for child in children:
            (parent,) = child["parents"]
            assert child["record_id"].startswith(f"{parent}~")
            assert child["prompt"] != rows[parent]["prompt"]
            for same in ("answer", "group_id", "category", "language", "source", "licence"):
                assert child[same] == rows[parent][same]
        assert [row for row in splits["train"] if not row["parents"]] == [rows[name] for name in CONDITIONS]

    def test_only_train_grows(self, run: Callable[..., Any]) -> None:
        given = {split: questions(*(f"{name} {split}" for name in CONDITIONS)) for split in SPLITS}
        splits, _ = run(given, **ALL)
        assert len(splits["train"]) > 8
        for split in ("validation", "test"):
            assert [row["prompt"] for row in splits[split]] == [row["prompt"] for row in given[split]]
            assert not any(row["parents"] for row in splits[split])

    def test_a_row_more_changes_nobody_elses_children(self, run: Callable[..., Any]) -> None:
        rates = {"paraphrase": 0.5, "synonyms": 0.5, "noise": 0.5}
        before = {row["record_id"]: row for row in run({"train": questions(*CONDITIONS)}, **rates)[0]["train"]}
        again = {row["record_id"]: row for row in run({"train": questions(*CONDITIONS)}, **rates)[0]["train"]}
        more = run({"train": questions("gallstones", *reversed(CONDITIONS), "measles")}, **rates)[0]["train"]
        assert again == before
        assert {row["record_id"]: row for row in more if row["group_id"] in CONDITIONS} == before
        other = {row["record_id"]: row for row in run({"train": questions(*CONDITIONS)}, **rates, seed=1)[0]["train"]}
        assert other != before

    def test_the_rate_is_kept(self, run: Callable[..., Any]) -> None:
        rows = questions(*(f"sign number {n}" for n in range(1000)))
        facts = run({"train": rows}, paraphrase=0.25, noise=0.1)[1]
        assert 200 <= facts["augmentation"]["paraphrase"] <= 300
        assert 70 <= facts["augmentation"]["noise"] <= 130
        assert run({"train": rows})[1]["augmentation"] == {}

    def test_a_child_like_a_held_out_record_is_dropped_and_counted(self, run: Callable[..., Any]) -> None:
        held = {"text": "high blood pressure since spring", "label": "b", "group_id": "other"}
        train = {"text": "hypertension since spring", "label": "b"}
        seeds = [run({"train": [train], "test": [held]}, "text-classification", synonyms=1, seed=n) for n in range(8)]
        assert {facts["dropped"].get("synonyms", 0) for _, facts in seeds} == {0, 1}
        for splits, facts in seeds:
            assert held["text"] not in {row["text"] for row in splits["train"]}
            assert len(splits["train"]) == 2 - facts["dropped"].get("synonyms", 0)

    @pytest.mark.parametrize("other", ["validation", "test"])
    def test_a_group_on_both_sides_is_an_integrity_error(self, run: Callable[..., Any], other: str) -> None:
        with pytest.raises(IntegrityError, match=f"both in train and in {other}"):
            run({"train": questions("gout"), other: questions("gout")})

    def test_only_questions_are_paraphrased(self, run: Callable[..., Any]) -> None:
        with pytest.raises(ValueError, match="rephrases questions"):
            run({"train": [{"text": "x", "label": "y"}]}, "text-classification", paraphrase=0.5)


class TestParaphrases:
    def all_of(self, prompt: str, language: str = "en") -> set[str]:
        children = [Paraphrases().child(ask(prompt, language), random.Random(seed)) for seed in range(60)]
        return {child["prompt"] for child in children if child}

    def test_a_known_question_is_asked_in_other_words(self) -> None:
        found = self.all_of("What is (are) Crohn's disease ?")
        assert "How would you define Crohn's disease?" in found
        assert len(found) >= 3
        assert all("Crohn's disease" in one for one in found)
        assert "高血压怎么治疗？" in self.all_of("高血压有哪些治疗方法？", "zh")

    def test_the_longest_wording_counts(self) -> None:
        assert all("treat" in one or "done about" in one for one in self.all_of("What is the treatment for gout?"))

    def test_what_is_no_name_is_not_taken_for_one(self) -> None:
        clause = "What is the difference between gout and pseudogout?"
        assert all(clause in one or clause.replace("What", "what") in one for one in self.all_of(clause))

    def test_placeholders_and_other_questions_stay_as_they_are(self) -> None:
        assert all("[NAME_1]" in one for one in self.all_of("Why was [NAME_1] seen on [DATE_1]?"))
        assert all("[NAME_1]" in one for one in self.all_of("What are the symptoms of [NAME_1] disease?"))
        assert not self.all_of("Describe gout in detail")
        assert not self.all_of("Quels sont les symptômes ?", "fr")


class TestSynonyms:
    def all_of(self, text: str, language: str = "en") -> set[str]:
        children = [Synonyms("causal-lm").child(ask(text, language), random.Random(seed)) for seed in range(40)]
        return {child["prompt"] for child in children if child}

    def test_names_are_exchanged_with_case_and_article(self) -> None:
        assert self.all_of("Is hypertension bad?") == {"Is high blood pressure bad?", "Is HTN bad?"}
        assert self.all_of("Hypertension hurts. HYPERTENSION hurts.") == {
            "High blood pressure hurts. HIGH BLOOD PRESSURE hurts.",
            "HTN hurts. HTN hurts.",
        }
        assert self.all_of("After a heart attack?") == {"After a myocardial infarction?", "After an MI?"}
        assert self.all_of("An ECG?") == {"An electrocardiogram?", "An EKG?"}
        assert self.all_of("COPD?") == {"Chronic obstructive pulmonary disease?"}
        assert self.all_of("心梗后怎么办？", "zh") == {"心肌梗死后怎么办？", "心肌梗塞后怎么办？"}

    @pytest.mark.parametrize(
        "text",
        [
            "portal hypertension",  # another disease
            "yellow fever and MI",  # what is only written is never read
            "magnetic resonance imaging (MRI)",  # explained by the author
            "hypertension (HTN)",
            "aids to walking",  # AIDS has capital letters
            "antihypertensions",
            "[HYPERTENSION_1]",
        ],
    )
    def test_what_means_something_else_is_left_alone(self, text: str) -> None:
        assert not self.all_of(text)

    def test_every_name_of_the_lexicon_can_be_exchanged_and_keeps_its_shape(self) -> None:
        synonyms = Synonyms("causal-lm")
        for language, entries in synonyms._entries.items():
            for entry in set(entries.values()):
                for name in entry.names:
                    if len(entry.names + entry.short) < 2:
                        raise AssertionError(f"{name} has no other name")
                    (child,) = [synonyms.child(ask(name, language), random.Random(0))]
                    assert child is not None, name
                    assert child["prompt"].lower() in {other.lower() for other in entry.names + entry.short} - {
                        name.lower()
                    }

    def tagged(self, text: str, tags: str, scheme: str) -> set[tuple[str, str]]:
        row = {"tokens": text.split(), "tags": tags.split(), "language": "en"}
        synonyms = Synonyms("token-classification", Grammar(scheme.split()))
        children = [synonyms.child(row, random.Random(seed)) for seed in range(30)]
        return {(" ".join(child["tokens"]), " ".join(child["tags"])) for child in children if child}

    def test_tags_stay_aligned_when_a_name_grows_or_shrinks(self) -> None:
        bio, bioes, io = "O B-D I-D", "O B-D I-D E-D S-D", "O I-D"
        assert ("severe high blood pressure .", "O B-D I-D I-D O") in self.tagged(
            "severe hypertension .", "O B-D O", bio
        )
        assert ("no MI", "O B-D") in self.tagged("no heart attack", "O B-D I-D", bio)
        assert ("no MI", "O S-D") in self.tagged("no heart attack", "O B-D E-D", bioes)
        assert ("high blood pressure", "B-D I-D E-D") in self.tagged("hypertension", "S-D", bioes)
        assert ("severe high blood pressure", "B-D I-D I-D I-D") in self.tagged("severe hypertension", "B-D I-D", bio)
        assert ("high blood pressure", "I-D I-D I-D") in self.tagged("hypertension", "I-D", io)
        assert ("high blood pressure", "O O O") in self.tagged("hypertension", "O", bio)

    def test_a_name_that_crosses_the_edge_of_an_entity_is_left_alone(self) -> None:
        assert not self.tagged("heart attack", "B-D O", "O B-D I-D")
        assert not self.tagged("heart attack", "B-D B-D", "O B-D I-D")
        assert self.tagged("hypertension", "B-D", "O B-D") == {("HTN", "B-D")}  # no I-D in this dataset

    def test_chinese_tokens_may_be_characters_or_words(self) -> None:
        synonyms = Synonyms("token-classification", Grammar(["O", "B-D", "I-D"]))
        characters = {"tokens": list("患心梗后"), "tags": ["O", "B-D", "I-D", "O"], "language": "zh"}
        found = [synonyms.child(characters, random.Random(seed)) for seed in range(20)]
        assert {"tokens": list("患心肌梗死后"), "tags": ["O", "B-D", "I-D", "I-D", "I-D", "O"]} in found
        words = {"tokens": ["患", "心梗", "后"], "tags": ["O", "B-D", "O"], "language": "zh"}
        found = [synonyms.child(words, random.Random(seed)) for seed in range(20)]
        assert {"tokens": ["患", "心肌梗死", "后"], "tags": ["O", "B-D", "O"]} in found


KEPT = "not 40 no 3.5 MI HER2 [NAME_1] without 2024-05-01 denies"


class TestNoise:
    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10**6), words=st.lists(st.sampled_from(["patient", "symptoms", "the", "stomach"])))
    def test_numbers_negations_abbreviations_and_placeholders_survive(self, seed: int, words: list[str]) -> None:
        text = " ".join([*words, KEPT, *words])
        child = Noise("causal-lm").child(ask(text), random.Random(seed))
        assert (child is None) == (not words)
        if child:
            assert KEPT in child["prompt"]
            assert child["prompt"] != text
            assert child["prompt"].count("symptoms") >= text.count("symptoms") - 3

    def test_no_brackets_are_emptied_and_chinese_negations_stay(self) -> None:
        for seed in range(30):
            child = Noise("causal-lm").child(ask("What is (are) gout ?"), random.Random(seed))
            assert child == {"prompt": "What (are) gout ?"}
        assert Noise("causal-lm").child(ask("不能吃", "zh"), random.Random(0)) is None
        found = {str(Noise("causal-lm").child(ask("不好的药吗？", "zh"), random.Random(seed))) for seed in range(20)}
        assert found == {"{'prompt': '不好药吗？'}", "{'prompt': '不好的药？'}"}

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10**6), tags=st.lists(st.sampled_from(["O", "B-D"]), min_size=1, max_size=8))
    def test_tags_stay_aligned(self, seed: int, tags: list[str]) -> None:
        rng = random.Random(seed)
        tokens = [rng.choice(["the", "kidney", "gout", "is"]) for _ in tags]
        record = {"tokens": tokens, "tags": tags, "language": "en"}
        child = Noise("token-classification").child(record, random.Random(seed))
        if child:
            assert len(child["tokens"]) == len(child["tags"])
            assert [tag for tag in child["tags"] if tag != "O"] == [tag for tag in tags if tag != "O"]
            kept = [token for token, tag in zip(child["tokens"], child["tags"], strict=True) if tag == "B-D"]
            before = [token for token, tag in zip(tokens, tags, strict=True) if tag == "B-D"]
            assert all(
                new[0] == old[0] and abs(len(new) - len(old)) <= 1 for new, old in zip(kept, before, strict=True)
            )

    def test_dropping_a_word_never_joins_two_entities(self) -> None:
        record = {"tokens": ["gout", "the", "gout"], "tags": ["I-D", "O", "I-D"], "language": "en"}
        assert Noise("token-classification").child(record, random.Random(0)) is None

    @given(word=st.text("abcdefgh", min_size=5, max_size=12), seed=st.integers(0, 999))
    def test_a_slip_is_one_letter_and_never_the_first(self, word: str, seed: int) -> None:
        slipped = misspelled(word, random.Random(seed))
        assert slipped[0] == word[0]
        assert abs(len(slipped) - len(word)) <= 1
        assert set(slipped) <= set(word)


def test_rates_are_of_the_settings() -> None:
    dataset = Dataset.model_validate({**DATASET, "task": "causal-lm", "augment": ALL})
    assert augment.rates(dataset).keys() == Augmentation.model_fields.keys() - {"seed"}
