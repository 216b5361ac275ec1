"""Settings of datasets: params.yaml."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticKnownError

from tasks.config.words import DatasetTask, Fraction, Seed
from tasks.settings import Settings

KnownFormats = Mapping[str, Collection[str]]
"""The formats that there are, each with the settings of a dataset that it reads.

They are declared above this floor (tasks/data/formats), so who reads an entry hands them in as the validation context;
without them a format may have any name.
"""


def _known(name: Any, info: ValidationInfo) -> Any:
    formats: KnownFormats | None = info.context
    if formats is None or (isinstance(name, str) and name in formats):
        return name
    *others, last = map(repr, formats)
    raise PydanticKnownError("literal_error", {"expected": f"{', '.join(others)} or {last}" if others else last})


def _text(value: Any) -> Any:
    """A label as text: YAML reads 0 as a number, which is meant as written; yes and no it reads as a truth value."""
    if isinstance(value, bool):
        raise ValueError('put quotes around it ("yes"): without them YAML reads yes and no as true and false')
    return str(value) if isinstance(value, int) else value


Spelling = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
FormatName = Annotated[str, BeforeValidator(_known)]

_WIDER = {"euc_kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}
"""Encodings that are parts of another one, which reads what programs write under their names (as browsers do)."""


def _codec(name: str) -> str:
    """Python's name of an encoding of text."""
    try:
        found = codecs.lookup(name)
    except LookupError:
        raise ValueError("no such encoding; for example utf-8, utf-16-le, gb18030, cp949, euc_jp, cp1252") from None
    if not found._is_text_encoding:
        raise ValueError("this codec is none of text; for example utf-8, utf-16-le, gb18030, cp949, euc_jp, cp1252")
    plain = found.name.replace("-", "_")
    return _WIDER.get(plain, found.name)


EncodingName = Annotated[str, AfterValidator(_codec)]


class Columns(Settings):
    """Which column (or JSON key) of the source holds what. Formats with a fixed layout ignore the ones they know."""

    record_id: str | None = None
    """Stable id of the record; without one, the digest of its content is used."""
    group_id: str | None = None
    """Patient, document or page that must stay on one side of a split; without one, each record is its own group."""
    prompt: str = "prompt"
    """Question (causal-lm)."""
    answer: str = "answer"
    """Reference answer (causal-lm)."""
    choices: str | None = None
    """Allowed answers of a closed question (causal-lm), as a list."""
    text: str = "text"
    """Text (text-classification)."""
    label: str = "label"
    """Label (text-classification)."""
    tokens: str = "tokens"
    """List of tokens (token-classification)."""
    tags: str = "tags"
    """List of tags, BIO or IO (token-classification)."""
    category: str | None = None
    """Slice that the record is judged in: disease group, department, question type."""
    language: str | None = None
    """ISO 639-1 code, one per record; else the language that the text shows. A text that plainly is in another one is
    believed."""
    annotator: str | None = None
    """Who labelled the record: several labels of one record by different people are then compared."""


class SplitSettings(Settings):
    """How groups are divided. A group never moves from one split to another when rows are added."""

    validation: Fraction = 0.15
    """Share of the groups."""
    test: Fraction = 0.15
    """Share of the groups. 1, with `validation: 0`, makes a test set alone: for `galen evaluate`, not to learn from."""
    seed: Seed = 17
    near_duplicate: Fraction = 0.8
    """Jaccard similarity of 5-word shingles (5 characters in Chinese) from which a train record counts as a copy of
    a held-out one and is removed; 1 turns it off (exact copies are always removed)."""
    by: Literal["group", "answer", "twins"] = "group"
    """What stays on one side of the split: `group` as `columns.group_id` says; `answer` also groups that share a long
    answer; `twins` also those that share an input, or whose inputs are paraphrases or one inside the other."""
    largest: Fraction = 0.05
    """Share of the records that `by: answer` and `by: twins` may hold together; more is refused."""

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Self:
        if self.validation + self.test >= 1 and not self.test_alone:
            raise ValueError(
                "validation + test must leave something to train on (their sum must be below 1); a test set alone has "
                "validation 0 and test 1"
            )
        return self

    @property
    def test_alone(self) -> bool:
        """Whether every record is a test record."""
        return self.test == 1 and self.validation == 0


class Augmentation(Settings):
    """Records derived from train records, each naming its parents. A rate is children per parent, 0 turns it off."""

    paraphrase: Fraction = 0.0
    """Questions rephrased by template (causal-lm)."""
    synonyms: Fraction = 0.0
    """Medical synonyms and abbreviations swapped; tags stay aligned."""
    noise: Fraction = 0.0
    """Typing errors and dropped words in the input, never in the answer; tags stay aligned."""
    seed: Seed = 17


class Limits(Settings):
    """What makes a row unusable."""

    max_input_characters: int = Field(default=20_000, ge=1, le=1 << 24)
    """Longer questions or texts are quarantined."""
    max_answer_characters: int = Field(default=20_000, ge=1, le=1 << 24)
    """Longer answers are quarantined."""
    min_records_per_label: int = Field(default=2, ge=1, le=1_000_000)
    """A label with fewer records ends the build: it cannot be learned and judged."""


def _themselves(value: Any) -> Any:
    """A list of labels as the map of each to itself."""
    return {one: one for one in value} if isinstance(value, list | tuple) and _hashable(value) else value


def _hashable(values: list[Any] | tuple[Any, ...]) -> bool:
    return all(isinstance(one, str | int) for one in values)


def _none_given(value: object) -> bool:
    return not value


def _not_given(value: object) -> bool:
    """Left out of what is recorded: so a version that was sealed before the setting existed keeps its digest."""
    return value is None


class Dataset(Settings):
    """One entry of params.yaml."""

    task: DatasetTask
    """What the records hold; `causal-lm` is for models of the task `seq2seq-lm`, too."""
    source: str
    """File or folder, relative to the checkout, or absolute."""
    format: FormatName
    """How the source is written: the name of a file in `tasks/data/formats`."""
    columns: Columns = Columns()
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    """Of a csv; found out when not given."""
    encoding: EncodingName | None = Field(default=None, exclude_if=_not_given)
    """Of a text source, as Python names it (cp949 for Korean, euc_jp or cp932 for Japanese, cp1252 for western Europe);
    found out when not given, for UTF-8, what has a byte order mark, and Chinese in GB18030, GBK or GB2312."""
    escape: str | None = Field(default=None, min_length=1, max_length=1, exclude_if=_not_given)
    """Of a csv: the character that takes the meaning from the next one, as `\\` in what Spark and MySQL write; without
    it, a quote within quotes is doubled."""
    exclude: tuple[str, ...] = ()
    """Names of folders or files of a medquad source to leave out."""
    labels: Annotated[dict[Spelling, Spelling], BeforeValidator(_themselves)] = Field(default={})
    """The labels (text-classification) or types of entities (token-classification) as a list; or from a spelling in the
    source to the label, tag or type that is meant, `O` for none. What is not here and stands in fewer than 10 groups is
    refused: it may be content of a record. So are labels that differ in case only."""
    categories: tuple[Spelling, ...] = Field(default=(), exclude_if=_none_given)
    """The categories. What is not here and stands in fewer than 10 groups is counted as `(rare)`: it may be content of
    a record."""
    language: str = "en"
    """ISO 639-1 code of records whose column and text do not say."""
    licence: str = Field(min_length=1)
    """SPDX id or a sentence: what allows training on this."""
    identified: bool = True
    """Whether the source may name people: then ids become keyed HMACs, and only de-identified data is pushed."""
    deidentify: bool = True
    """Whether names, dates, places, contacts and record numbers become placeholders."""
    other_languages: Literal["refuse", "leave-out"] = "refuse"
    """What becomes of identified records in a language that de-identification has no rules for (it has them for en and
    zh): the dataset is refused, or they are left out and counted."""
    bad_row_budget: Fraction = 0.02
    """Share of the rows that may be quarantined before the dataset is refused."""
    limits: Limits = Limits()
    split: SplitSettings = SplitSettings()
    augment: Augmentation = Augmentation()

    @model_validator(mode="after")
    def _safe_to_learn_from(self) -> Self:
        if self.identified and not self.deidentify:
            raise ValueError("identified data must be de-identified: set deidentify: true, or identified: false")
        if self.split.by == "answer" and self.task != "causal-lm":
            raise ValueError(f"split.by: answer needs answers: {self.task} has none, use group or twins")
        if self.augment.paraphrase and self.task != "causal-lm":
            raise ValueError(f"augment.paraphrase rephrases questions: {self.task} has none, set it to 0")
        if self.labels and self.task == "causal-lm":
            raise ValueError("labels renames labels and tags: causal-lm has none, leave it out")
        return self

    @model_validator(mode="after")
    def _nothing_ignored(self, info: ValidationInfo) -> Self:
        formats: KnownFormats = info.context or {}
        for setting in dict.fromkeys(setting for own in formats.values() for setting in own):
            readers = [name for name, own in formats.items() if setting in own]
            if getattr(self, setting) and self.format not in readers:
                raise ValueError(f"{setting} is for format {' or '.join(readers)} only")
        return self
