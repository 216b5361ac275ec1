"""Great Expectations: a suite per task type, checked on facts about the records and on their text.

Results hold verdicts only (`BOOLEAN_ONLY`), and the message of an exception inside Great Expectations, which may quote
a value, is dropped. So no content of a record gets into a result or onto a page.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.config.words import DatasetTask
from tasks.digest import digest_file
from tasks.errors import InputError
from tasks.home import CHECKOUT, shown

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

READS = ("data/suites",)
SUITES = CHECKOUT / READS[0]
TEXTS = frozenset({"prompt", "answer", "text"})
"""Columns that hold what a record says. They are checked in pieces, so that memory stays flat."""
OF_SINGLE_VALUES = ("expect_column_values_", "expect_column_value_lengths_")


@dataclass(frozen=True)
class Suite:
    """A file of `data/suites/`: plain JSON in Great Expectations' own form, `{"$PARAMETER": name}` for a setting."""

    path: Path
    digest: str
    name: str
    expectations: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Verdict:
    """One expectation: its type, the columns it looks at, its arguments, what it is for, and whether it was met."""

    type: str
    columns: tuple[str, ...]
    arguments: dict[str, Any]
    notes: str
    success: bool

    def __str__(self) -> str:
        return f"{self.type}({', '.join(self.columns)})"


@dataclass(frozen=True)
class Validation:
    """What a suite said about a dataset."""

    suite: Suite
    version: str
    """Of Great Expectations."""
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> list[Verdict]:
        """The expectations that were not met."""
        return [verdict for verdict in self.verdicts if not verdict.success]


def load_suite(task: DatasetTask, folder: Path = SUITES) -> Suite:
    """The suite of a task type.

    Raises:
        InputError: no such file, no suite in it, or an expectation on a text column that is not about single values.
    """
    path = folder / f"{task}.json"
    try:
        plain = json.loads(path.read_text("utf-8"))
        suite = Suite(path, digest_file(path), str(plain["name"]), tuple(plain["expectations"]))
        faults = [
            one["type"]
            for one in suite.expectations
            if TEXTS.intersection(_columns(one)) and not one["type"].startswith(OF_SINGLE_VALUES)
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "no expectation suite can be read", value=shown(path), hint=f"{type(error).__name__}: restore the file"
        ) from None
    if faults:
        raise InputError(
            f"{shown(path)}: text is checked in pieces, so only expectations on single values can look at it",
            value=", ".join(faults),
            hint=f"types that begin with {' or '.join(OF_SINGLE_VALUES)}",
        )
    return suite


def check(suite: Suite, facts: pa.Table, texts: Iterable[pa.Table], parameters: Mapping[str, Any]) -> Validation:
    """Hold the facts (one row per record) and the text (in pieces) against a suite.

    Args:
        suite: what must be true.
        facts: columns of numbers, names and truth values.
        texts: the columns of `TEXTS` that the task has.
        parameters: values for the suite's `$PARAMETER`s.

    Raises:
        InputError: an expectation cannot be judged: it is unknown, or names a column or parameter that is not there.
    """
    gx = _great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("galen").add_dataframe_asset("records")
    whole = asset.add_batch_definition_whole_dataframe("all")
    met: dict[int, bool] = {}

    def judge(table: pa.Table, numbers: list[int]) -> None:
        wanted = gx.ExpectationSuite(name=suite.name, expectations=[_numbered(suite, number) for number in numbers])
        batch = whole.get_batch(batch_parameters={"dataframe": _frame(table)})
        outcome = batch.validate(wanted, result_format="BOOLEAN_ONLY", expectation_parameters=dict(parameters))
        said = {result.expectation_config.meta["number"]: result for result in outcome.results}
        # Great Expectations leaves out, without a word in the result, what it does not know.
        unclear = [number for number in numbers if number not in said or _raised(said[number].exception_info)]
        if unclear:
            raise _cannot_be_judged(suite, unclear)
        for number in numbers:
            met[number] = met.get(number, True) and bool(said[number].success)

    on_text = [number for number, one in enumerate(suite.expectations) if TEXTS.intersection(_columns(one))]
    on_facts = [number for number in range(len(suite.expectations)) if number not in on_text]
    try:
        judge(facts, on_facts)
        for table in texts if on_text else ():
            judge(table, on_text)
    except (ValueError, TypeError, KeyError, gx.exceptions.GreatExpectationsError) as error:
        raise _cannot_be_judged(suite, [*on_facts, *on_text], type(error).__name__) from None
    verdicts = [
        Verdict(one["type"], _columns(one), _filled(one, parameters), one.get("notes", ""), met[number])
        for number, one in enumerate(suite.expectations)
    ]
    return Validation(suite, gx.__version__, tuple(verdicts))


def _great_expectations() -> Any:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # it calls home otherwise
    import great_expectations as gx

    return gx


def _frame(table: pa.Table) -> pd.DataFrame:
    """For Great Expectations; text stays in Arrow's memory."""
    import pandas as pd
    import pyarrow as pa

    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.string(): pd.StringDtype("pyarrow")}.get)
    return frame


def _numbered(suite: Suite, number: int) -> dict[str, Any]:
    """An expectation that its result can be told by: results come in another order."""
    one = suite.expectations[number]
    return {"type": one["type"], "kwargs": one["kwargs"], "meta": {"number": number}}


def _columns(one: Mapping[str, Any]) -> tuple[str, ...]:
    kwargs = one["kwargs"]
    return tuple(kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs)


def _filled(one: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of an expectation, with the values of its parameters."""
    return {
        key: parameters[value["$PARAMETER"]] if isinstance(value, dict) and "$PARAMETER" in value else value
        for key, value in one["kwargs"].items()
        if not key.startswith("column")
    }


def _raised(info: Mapping[str, Any] | None) -> bool:
    """Whether Great Expectations met an exception; it nests what it says about it by metric."""
    nested = [one for one in (info or {}).values() if isinstance(one, Mapping)]
    return bool((info or {}).get("raised_exception")) or any(map(_raised, nested))


def _cannot_be_judged(suite: Suite, numbers: Iterable[int], why: str | None = None) -> InputError:
    names = [
        f"{suite.expectations[number]['type']}({', '.join(_columns(suite.expectations[number]))})" for number in numbers
    ]
    return InputError(
        f"{shown(suite.path)} cannot be judged" + (f" ({why})" if why else ""),
        value=", ".join(names),
        hint="check the expectation's type, columns and arguments",
    )
