"""YAML as plain data, from whoever wrote it: every fault of a text is an `InputError`, and nothing in it grows.

PyYAML's safe loader builds no objects, but takes a key that stands there twice, aliases that unfold without end, and
ends in exceptions of six kinds on numbers, dates and depths that it cannot build.
"""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import Any

from tasks.errors import InputError

LARGEST = 1 << 20
"""Characters of one text."""
DEEPEST = 32
"""Lists and mappings within each other."""
MOST_VALUES = 100_000
"""Values of one text, those that aliases repeat counted."""
LONGEST_NUMBER = 64
"""Bits of a whole number: none of Galen's settings has more, and canonical JSON has 53."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_PLAIN = (str, bool, float, type(None), datetime.date)


def plain_yaml(text: str, where: object) -> Any:
    """Plain data from a YAML text.

    Args:
        text: one document.
        where: what it stands in, for messages.

    Raises:
        InputError: it is not YAML, gives a key twice, holds a number or a date that there is not, is too large or
            nested too deeply.
    """
    import yaml

    if len(text) > LARGEST:
        raise InputError(f"longer than {LARGEST:,} characters: no settings", value=where)
    try:
        data = yaml.load(text, _loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise InputError(f"not YAML ({place}: {getattr(error, 'problem', None) or error})", value=where) from error
    except RecursionError as error:
        raise InputError("this YAML is nested too deeply", value=where) from error
    except (ValueError, TypeError, OverflowError, AttributeError, KeyError, IndexError) as error:
        what = "this YAML holds a value that there is not (a date, or a number of too many digits)"
        raise InputError(what, value=where, hint="put quotes around what is meant as text") from error
    if fault := _fault(data):
        raise InputError(f"this YAML {fault}", value=where)
    return data


def _fault(data: Any) -> str | None:
    """What is wrong with plain data, wherever it stands in it."""
    seen, level = 0, [data]
    for _ in range(DEEPEST + 1):
        if not level:
            return None
        seen += len(level)
        if seen > MOST_VALUES:
            return f"unfolds to more than {MOST_VALUES:,} values"
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += [*one, *one.values()]
            elif isinstance(one, list):
                inner += one
            elif fault := _of_value(one):
                return fault
            if len(inner) > MOST_VALUES:
                return f"unfolds to more than {MOST_VALUES:,} values"
        level = inner
    return f"is nested more than {DEEPEST} deep"


def _of_value(one: Any) -> str | None:
    if isinstance(one, str) and _NO_TEXT.search(one):
        return "holds a text with NUL or half a character in it"
    if isinstance(one, int) and one.bit_length() > LONGEST_NUMBER:
        return f"holds a number of more than {LONGEST_NUMBER} bits"
    return None if isinstance(one, (int, *_PLAIN)) else f"holds a {type(one).__name__}, which no setting is"


@cache
def _loader() -> Any:
    import yaml

    class Unique(yaml.SafeLoader):
        """Refuses a key that stands in one mapping twice: one of its values would be lost."""

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            if isinstance(node, yaml.MappingNode):
                keys: set[tuple[str, str]] = set()
                for key, _ in node.value:
                    own = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
                    if own in keys:
                        raise yaml.constructor.ConstructorError(
                            None, None, f"the key {key.value!r:.80} stands there twice", key.start_mark
                        )
                    if own is not None:
                        keys.add(own)
            return super().construct_mapping(node, deep)

    return Unique
