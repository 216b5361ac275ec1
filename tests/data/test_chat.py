"""Conversations in the shapes that people have them: nothing of them is moved or left out without a word."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.errors import InputError
from tests.data.conftest import Ingest, pairs


def said(*turns: str) -> list[dict[str, str]]:
    roles = ("user", "assistant") * 3
    return [{"role": role, "content": content} for role, content in zip(roles, turns, strict=False)]


def turns(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


def test_messages_and_alpaca(ingest: Ingest) -> None:
    frame = {"role": "system", "content": "Be brief."}
    done = ingest(
        [
            {"messages": said("Why?", "So.")},
            {"messages": [frame, *said("Who?", "He.")]},
            {"messages": said("Hello", "Hi", "Fever?", "Drink.")},
            {"instruction": "Explain", "input": "gout", "output": "A disease."},
            {"instruction": "Explain", "input": "", "output": "It."},
            {"messages": said("Only a question")},
            {"messages": "text"},
            {"other": 1},
        ],
        "chat",
    )
    assert pairs(done) == [
        ("Why?", "So."),
        ("Be brief.\n\nWho?", "He."),
        ("User: Hello\n\nAssistant: Hi\n\nUser: Fever?", "Drink."),
        ("Explain\n\ngout", "A disease."),
        ("Explain", "It."),
    ]
    assert done.reasons == ["missing-field", "wrong-type", "missing-field"]
    assert done.facts["details"] == {
        "missing-field": {
            "no answer of the assistant at the end of the conversation": 1,
            "none of messages, conversations, conversation, instruction": 1,
        },
        "wrong-type": {"messages is no list of turns": 1},
    }


def test_sharegpt_and_parts(ingest: Ingest) -> None:
    done = ingest(
        [
            {
                "conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
                "system": "Short.",
            },
            turns(("user", [{"type": "text", "text": "One"}, {"type": "text", "text": "two?"}]), ("assistant", "Yes.")),
        ],
        "chat",
    )
    assert pairs(done) == [("Short.\n\nWhy?", "So."), ("One\ntwo?", "Yes.")]
    assert done.facts["unused"] == {}


def test_alpaca_with_system_and_history(ingest: Ingest) -> None:
    row = {
        "instruction": "And for children?",
        "input": "",
        "output": "8 mg",
        "system": "You are a pharmacist.",
        "history": [["How is it taken?", "By whom?"]],
    }
    done = ingest([row, row | {"history": [], "system": ""}, row | {"history": "x", "output": "9 mg"}], "chat")
    assert pairs(done) == [
        (
            "You are a pharmacist.\n\nUser: How is it taken?\n\nAssistant: By whom?\n\nUser: And for children?",
            "8 mg",
        ),
        ("And for children?", "8 mg"),
    ]
    assert done.facts["details"] == {"wrong-type": {"history is no list of pairs of question and answer": 1}}


def test_every_turn_keeps_its_place(ingest: Ingest) -> None:
    done = ingest(
        [
            turns(
                ("developer", "Be brief."),
                ("user", "Weight?"),
                ("model", "I look it up."),
                ("tool", "70 kg"),
                ("system", "In pounds."),
                ("bot", "154"),
            )
        ],
        "chat",
    )
    said = "Be brief.\n\nUser: Weight?\n\nAssistant: I look it up.\n\nTool: 70 kg\n\nSystem: In pounds."
    assert pairs(done) == [(said, "154")]


@pytest.mark.parametrize(
    ("turn", "reason", "detail"),
    [
        ({"role": "narrator", "content": "x"}, "unknown-role", "a turn by 'narrator' "),
        ({"role": "Jane Roe", "content": "x"}, "unknown-role", "a turn by a role that is not known"),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
            "unsupported-content",
            "a part 'image_url'",
        ),
        ({"role": "assistant", "content": None, "tool_calls": [{}]}, "unsupported-content", "a turn that calls a tool"),
        ({"role": "user", "content": 3}, "wrong-type", "content (or value) is no text"),
        ({"content": "x"}, "wrong-type", "a turn without role"),
    ],
)
def test_what_is_not_read_is_refused_by_name(ingest: Ingest, turn: dict[str, Any], reason: str, detail: str) -> None:
    done = ingest([{"messages": said("Why?", "So.")}, {"messages": [turn, *said("Who?", "He.")]}], "chat")
    assert done.reasons == [reason]
    (found,) = done.facts["details"][reason]
    assert detail in found
    assert "Roe" not in found


def test_keys_that_nothing_reads_are_counted(ingest: Ingest) -> None:
    rows: list[dict[str, Any]] = [
        {"messages": [*said("Why?"), {"role": "assistant", "content": "So.", "weight": 0}], "tools": "[x]"}
    ]
    rows[0]["conversations"] = said("Who?", "He.")
    done = ingest(rows, "chat")
    assert done.facts["unused"] == {"tools": 1}
    assert done.facts["noticed"] == {
        "turns with 'weight', which is not read": 1,
        "rows with conversations beside messages, which alone is read": 1,
    }


def test_none_of_the_first_rows_says_why(ingest: Ingest) -> None:
    with pytest.raises(InputError, match="none of messages, conversations, conversation, instruction: 1"):
        ingest([{"question": "Why?"}], "chat", bad_row_budget=0.0)
