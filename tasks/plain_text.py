"""Words that people or files gave, as data: on a terminal, in Markdown and in HTML they show, and do nothing else."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_ACTING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Characters that move the cursor, colour, ring, reorder or hide others; and lone surrogates, which are no text."""
_MARKS = re.compile(r"[\\`*<>\[\]|~$&]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])|^[#+\-=](?=\s|$)")
_NUMBERED = re.compile(r"^(\d+)(?=[.)]\s)")
_SCHEME = re.compile(r"(?i)(?<=\b)(https?|ftp|javascript|data|vbscript|mailto|www)(?=[:.])")


def one_line(text: object) -> str:
    r"""Words within a line of a terminal: a line break is shown as `\n`, an escape as `\u001b`."""
    return _ACTING.sub(_visible, str(text))


def terminal(text: object) -> str:
    """A text of several lines for a terminal: breaks and tabs stay, what else would act is shown as `one_line` does."""
    return re.sub(_ACTING, lambda found: found[0] if found[0] in "\n\t" else _visible(found), str(text))


def markdown(text: Any) -> str:
    """Words within a line of Markdown: no markup of theirs, no HTML and no link comes to life."""
    marked = _MARKS.sub(lambda found: f"\\{found[0]}" if found[0] not in "<>&" else escape(found[0]), one_line(text))
    return _NUMBERED.sub(r"\1\\", _SCHEME.sub(r"\1\\", marked))


def html(text: object) -> str:
    """Words within an HTML page, also between quotes. Templates filled by `tasks.reports` do this by themselves."""
    return escape(one_line(text))


def _visible(found: re.Match[str]) -> str:
    known = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return known.get(found[0], f"\\u{ord(found[0]):04x}")
