"""What users see of an item: read-only, complete, printable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_raw.protocol.conversation import ConversationMirror, HistoryItem
from realtime_raw.types import AudioKey
from tests.protocol.told import (
    Message,
    added,
    audio_reply,
    call,
    committed,
    deleted,
    done,
    reply,
    result,
    sound,
    tell,
    truncated,
    user,
)


def shown(item: Message, *more: Message) -> HistoryItem:
    """The item as a mirror shows it."""
    mirror = ConversationMirror()
    tell(mirror, added(item, None), done(item), *more)
    found = mirror.item(item["id"])
    assert found is not None
    return found


def mcp(kind: str, **fields: Any) -> Message:
    return {"id": "m", "type": f"mcp_{kind}", "server_label": "maps", **fields}


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (user("a", "Hello.", " You?"), "user: Hello. You?"),
        ({**user("a", "Be brief."), "role": "system"}, "system: Be brief."),
        (reply("a", {"type": "output_text", "text": "Hi."}), "assistant: Hi."),
        (reply("a", {"type": "output_audio", "transcript": "Hi."}), "assistant: Hi."),
        (reply("a", status="in_progress"), "assistant:"),
        (user("a"), "user:"),
        ({**user("a"), "content": [{"type": "input_audio", "transcript": None}]}, "user: [audio]"),
        ({**user("a"), "content": [{"type": "input_image", "image_url": "data:x"}]}, "user: [image]"),
        ({**user("a"), "content": [{"type": "hologram"}]}, "user:"),
        ({**user("a", "x"), "role": "narrator"}, "narrator:"),
        ({"id": "a", "type": "message"}, "message:"),
        ({"id": "a", "type": "dance"}, "[dance]"),
        (call("a", '{"city":"Oslo"}'), 'assistant calls weather({"city":"Oslo"})'),
        ({"id": "a", "type": "function_call"}, "assistant calls ?()"),
        (result("b", "a", "18"), "call_a returns: 18"),
        ({"id": "b", "type": "function_call_output"}, "? returns:"),
        (mcp("list_tools", tools=[{"name": "find"}, {"name": "go"}, {}]), "maps offers: find, go"),
        (mcp("list_tools", server_label=None), "? offers: no tools yet"),
        (mcp("call", name="find", arguments="{}"), "assistant calls maps.find({})"),
        (
            mcp("call", name="find", arguments="{}", output="here"),
            "assistant calls maps.find({}), which returns: here",
        ),
        (
            mcp("call", name="find", arguments="{}", error={"type": "http_error", "message": "gone"}),
            "assistant calls maps.find({}), which fails: gone",
        ),
        (
            mcp("call", name="find", arguments="{}", error={"type": "http_error"}),
            "assistant calls maps.find({}), which fails: http_error",
        ),
        (mcp("call", arguments="{}", error={}), "assistant calls maps.?({}), which fails: failed"),
        (mcp("approval_request", name="go", arguments="{}"), "maps asks to run go({})"),
        (mcp("approval_response", approval_request_id="r", approve=True), "user approves r"),
        (
            mcp("approval_response", approval_request_id="r", approve=False, reason="no"),
            "user refuses r: no",
        ),
        (user("a", "two\nlines \x1b[31mred\u202e"), "user: two lines [31mred"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_line(item: Message, line: str) -> None:
    """Every kind of item can be read, and nothing in it moves a cursor."""
    found = shown(item)
    assert repr(found) == f"<HistoryItem {item['id']}: {line}>"
    mirror = ConversationMirror()
    tell(mirror, added(item, None))
    assert mirror.as_text() == line


def test_the_dialogue() -> None:
    """Roles, calls, results, and what was heard of a reply that was cut."""
    mirror = ConversationMirror()
    weather = call("c", '{"city":"Oslo"}')
    tell(
        mirror,
        added(user("u", "And Oslo?"), None),
        added(weather, "u"),
        done(weather, "u"),
        added(result("r", "c", "rain"), "c"),
        *audio_reply("a", [("It rains", 400), (" all day.", 500)], "resp_1"),
        added(reply("a", status="in_progress"), "r"),
        truncated("a", 420),
        committed("v", "a"),
    )
    assert mirror.as_text().splitlines() == [
        "user: And Oslo?",
        'assistant calls weather({"city":"Oslo"})',
        "weather returns: rain",
        "assistant: It rains [cut; not heard:  all day.]",
        "user: [audio]",
    ]


def test_lengths_and_failures_are_told() -> None:
    """Audio without words says how long it is, and that no words will come."""
    item = {**user("a"), "content": [{"type": "input_audio", "audio": "AAAA" * 8000, "transcript": None}]}
    mirror = ConversationMirror()
    failed = "conversation.item.input_audio_transcription.failed"
    tell(
        mirror,
        {"type": "conversation.item.retrieved", "item": item},
        {"type": failed, "item_id": "a", "error": {"code": "x", "message": "no model"}},
    )
    assert mirror.as_text() == "user: [audio 0.5 s, transcription failed]"
    (found,) = mirror
    (part,) = found.parts
    assert part.to_dict() == {
        "index": 0,
        "type": "input_audio",
        "audio_ms": 500,
        "generated_ms": 500,
        "transcription": "failed",
        "error": {"message": "no model", "code": "x", "type": None, "param": None, "event_id": None},
    }


def test_cut_without_a_word() -> None:
    """Where no text is known to be unheard, the cut alone is told."""
    item = reply("a", {"type": "output_audio", "transcript": "Hi."})
    assert repr(shown(item, truncated("a", 300))).endswith("assistant: Hi. [cut]>")


def test_plain_data() -> None:
    """All that is known and nothing else, fit for JSON."""
    mirror = ConversationMirror()
    tell(mirror, added(user("u", "Hello."), None), now=1.5)
    tell(
        mirror,
        added(reply("a", status="in_progress"), "u"),
        *audio_reply("a", [("One", 100), (" two", 100)], "resp_1"),
        truncated("a", 100),
        now=2.5,
    )
    first, second = (item.to_dict() for item in mirror)
    assert json.loads(json.dumps([first, second])) == [first, second]
    assert first == {
        "id": "u",
        "type": "message",
        "role": "user",
        "status": "completed",
        "added_at": 1.5,
        "text": "Hello.",
        "generated": "Hello.",
        "place_assumed": False,
        "parts": [{"index": 0, "type": "input_text", "text": "Hello."}],
    }
    assert second == {
        "id": "a",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "response_id": "resp_1",
        "previous_item_id": "u",
        "added_at": 2.5,
        "text": "One",
        "generated": "One two",
        "heard": "One",
        "unheard": " two",
        "audio_ms": 100,
        "generated_ms": 200,
        "heard_ms": 100,
        "unheard_ms": 100,
        "truncated_at_ms": 100,
        "place_assumed": False,
        "parts": [
            {
                "index": 0,
                "type": "output_audio",
                "transcript": "One two",
                "audio_ms": 100,
                "generated_ms": 200,
                "truncated_at_ms": 100,
                "heard_ms": 100,
                "heard": "One",
                "unheard": " two",
            }
        ],
    }


def test_read_only_and_live() -> None:
    """An item cannot be set; it shows what comes later, and stays readable when it is gone."""
    mirror = ConversationMirror()
    tell(mirror, added(user("u", "Hello."), None), added(reply("a", status="in_progress"), "u"))
    item = mirror.item("a")
    assert item is not None
    with pytest.raises(AttributeError):
        item.status = "completed"  # type: ignore[misc]
    assert (item.status, item.previous_item_id, item.text) == ("in_progress", "u", "")
    tell(mirror, done(reply("a", {"type": "output_text", "text": "Hi."})), deleted("u"))
    assert (item.status, item.previous_item_id, item.text) == ("completed", None, "Hi.")
    tell(mirror, deleted("a"))
    assert item.text == "Hi."
    assert mirror.item("a") is None


def test_several_parts() -> None:
    """Text and milliseconds add up; only what sounds is heard."""
    mirror = ConversationMirror()
    tell(
        mirror,
        added(reply("a", {"type": "output_text", "text": "(sings) "}, status="in_progress"), None),
        sound("a", 100, index=1),
        sound("a", 50, index=2),
        done(
            reply(
                "a",
                {"type": "output_text", "text": "(sings) "},
                {"type": "output_audio", "transcript": "La"},
                {"type": "output_audio", "transcript": " li"},
            )
        ),
    )
    (item,) = mirror
    assert (item.text, item.audio_ms, item.heard, item.unheard, item.unheard_ms) == (
        "(sings) La li",
        150,
        None,
        None,
        None,
    )
    mirror.mark_heard(AudioKey("a", 1), 100)
    assert (item.heard, item.unheard, item.heard_ms, item.unheard_ms) == ("La", "", 100, 50)
    mirror.mark_heard(AudioKey("a", 2), 0)
    assert (item.heard, item.unheard, item.heard_ms) == ("La", " li", 100)
    assert [part.heard for part in item.parts] == [None, "La", ""]
