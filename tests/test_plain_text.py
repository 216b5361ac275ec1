"""Words of people are data, wherever they are shown."""

from __future__ import annotations

import json
import re

import pytest

from tasks.errors import InputError
from tasks.plain_text import html, markdown, one_line, terminal

FORGED = "Ada\nevidence: intact; 99 verified\x1b[2A\x1b[31m\x9b1mred\u202edetrever\x07"


def test_a_terminal_shows_what_would_act() -> None:
    shown = one_line(FORGED)
    assert shown == r"Ada\nevidence: intact; 99 verified\u001b[2A\u001b[31m\u009b1mred\u202edetrever\u0007"
    assert terminal("a\tb\nc\x1b[0m") == "a\tb\nc\\u001b[0m"
    assert one_line("Zürich 北京 😀 – naïve") == "Zürich 北京 😀 – naïve"
    shown.encode()
    one_line("\udcff").encode()


def test_shown_json_is_still_json() -> None:
    text = terminal(json.dumps({"by": FORGED}, indent=1, ensure_ascii=False))
    assert json.loads(text) == {"by": FORGED} and "\x9b" not in text


@pytest.mark.parametrize(
    "live",
    [
        "<script>alert(1)</script>",
        "[click](javascript:alert(1))",
        "![x](http://evil.example/x.png)",
        "<javascript:alert(1)>",
        "`code`",
        "**bold** and _slanted_",
        "a | b",
        "# heading",
        "- item",
        "1. item",
        "&lt;b&gt;",
        "line\n\n# heading\n<b>",
        "http://evil.example",
        "www.evil.example",
    ],
)
def test_no_markup_of_theirs_comes_to_life_in_markdown(live: str) -> None:
    shown = markdown(live)
    assert "\n" not in shown and "<" not in shown
    bare = re.sub(r"\\.", "", shown)
    assert not re.search(r"[\[\]`*|]|https?:|javascript:|www\.|^[#-] |^1\. |(?<!\w)_", bare), shown


def test_plain_words_stay_plain_in_markdown() -> None:
    for words in ("token_f1 is 0.8, at least 0.5 (asked)", "CC BY-SA 4.0", "macro-F1: 0.812 to 0.9", "北京 – naïve"):
        assert markdown(words) == words
    assert markdown(0.5) == "0.5"
    assert markdown("&lt;b&gt;") == "&amp;lt;b&amp;gt;"


def test_html_is_escaped_also_between_quotes() -> None:
    assert html("\" onclick='x' <script>\n") == "&quot; onclick=&#x27;x&#x27; &lt;script&gt;\\n"


def test_the_value_of_an_error_cannot_forge_a_line() -> None:
    assert str(InputError("no such thing", value=FORGED)).count("\n") == 0
