"""Which items an event is about."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_raw.concerns import items_of
from realtime_raw.events.client import ConversationItemDelete
from realtime_raw.protocol import signals as sg
from tests.protocol import told


@pytest.mark.parametrize(
    ("message", "ids"),
    [
        (told.deleted("a"), ("a",)),
        (told.text("a", "x"), ("a",)),
        (told.added(told.user("a"), "b"), ("a",)),
        (told.response_done(told.reply("a"), told.call("b")), ("a", "b")),
        ({"type": "response.mcp_call.failed", "item_id": "a"}, ("a",)),
        (told.sound("a", 20), ()),
        ({"type": "session.updated"}, ()),
        ({"type": "conversation.item.deleted"}, ()),
        ({"type": "conversation.item.added", "item": {"type": "message"}}, ()),
        ({"type": "conversation.item.added"}, ()),
        ({"type": "response.done"}, ()),
        ({"type": "response.done", "response": {}}, ()),
    ],
    ids=str,
)
def test_events_name_their_items(message: dict[str, Any], ids: tuple[str, ...]) -> None:
    """Named, carried or listed; sound is about none."""
    assert items_of(told.event(message)) == ids


def test_signals_name_their_items_and_commands_none() -> None:
    """What we ask for has not happened yet."""
    assert items_of(sg.PlaybackStarted(item_id="a", content_index=0)) == ("a",)
    assert items_of(sg.BargeIn(item_id=None, response_id="r", heard_ms=None, by="speech")) == ()
    assert items_of(ConversationItemDelete(item_id="a")) == ()
