"""A session without a socket, on a clock that moves when it is told to."""

from __future__ import annotations

import pytest

from realtime_raw.events import ErrorEvent, ResponseCreate, ResponseDone, SessionCreated
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.talk import SimulatedTalk
from tests.loopback.driver import user_text


def talk() -> SimulatedTalk:
    return SimulatedTalk(SimulatedSession(speed=1.0))


def test_a_conversation() -> None:
    """Typed events, what came at once apart from what takes time."""
    it = talk()
    (created,) = it.opening
    assert isinstance(created, SessionCreated)
    at_once = it.say("conversation.item.create", item=user_text("Hello"))
    assert [event.type for event in at_once] == ["conversation.item.added", "conversation.item.done"]
    assert [event.type for event in it.send(ResponseCreate())] == ["response.created"]
    assert it.now == 0.0
    done = it.until("response.done")
    assert isinstance(next(e for e in done if e.type == "response.done"), ResponseDone)
    assert it.now > 0.5
    (error,) = it.send("garbage")
    assert isinstance(error, ErrorEvent)
    assert it.send(b'{"type":"input_audio_buffer.clear"}')[0].type == "input_audio_buffer.cleared"


def test_time_passes_only_when_it_is_told_to() -> None:
    """To the second; nothing is due afterwards."""
    it = talk()
    assert it.wait(3599.0) == []
    assert it.now == 3599.0
    (expired,) = it.wait(10.0)
    assert isinstance(expired, ErrorEvent)
    assert it.now == 3609.0
    assert it.wait(10.0) == []


def test_what_never_comes() -> None:
    """Told with what came instead."""
    it = talk()
    with pytest.raises(AssertionError, match=r"no response\.done within 60 simulated .*: nothing"):
        it.until("response.done")
    it.say("response.create")
    with pytest.raises(AssertionError, match=r"within 0\.6 .* came: response\.output_item\.added, "):
        it.until("response.done", within=0.6)
    it.wait(4000)
    with pytest.raises(AssertionError, match="there came: nothing"):
        it.until("response.done", within=1e9)
