"""Text in which there is nothing to see, whatever code points it is made of."""

from __future__ import annotations

import re

INVISIBLE = (
    "\\s\x00-\x1f\x7f-\x9f"  # white space and control characters
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc"  # ... with U+FFFC, which stands for an object that is not there
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\u2800\U00013441\U00013442\U00016fe4\U0001d159"  # empty shapes: Braille without dots and the like
)
"""Inside of a regular expression's character class: white space, control characters, Unicode's default-ignorable code
points (DerivedCoreProperties.txt: soft hyphen, zero-width space, word joiner, byte order mark, Hangul fillers,
variation selectors, tags) and the few that are drawn as nothing. A joiner or a selector within a word is no fault: only
a text of nothing else is blank."""

_VISIBLE = re.compile(f"[^{INVISIBLE}]")


def is_blank(text: str) -> bool:
    """Whether a text holds nothing that a reader could see: empty, white space, or invisible characters alone."""
    return _VISIBLE.search(text) is None
