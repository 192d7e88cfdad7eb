"""When nothing is wrong, nothing is said: whole sessions at every step, and at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from realtime_raw.events.audio_config import Transcription
from realtime_raw.explain import explain
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.types import CloseInfo
from tests.explain.cases.listening import HEARING
from tests.explain.scenes import (
    LATER,
    answer,
    append,
    ask,
    calls,
    commit,
    finish,
    replied,
    speak,
    write,
)
from tests.protocol.harness import MANUAL, Desk, FakePlayhead, session

LISTENS = {"audio__input__transcription": {"model": "gpt-transcribe", "language": "en"}}


def listening(**more: Any) -> Desk:
    """A session that was opened with transcription, and plays."""
    asked = SessionPatch(transcription=Transcription(model="gpt-transcribe", language="en"))
    return Desk(playhead=FakePlayhead(), patch=asked, **more).ready(**LISTENS)


def played(desk: Desk) -> None:
    """The ear reaches the end of all sound."""
    assert isinstance(desk.playhead, FakePlayhead)
    desk.playhead.listen(100_000)


def manual_text() -> Iterator[Desk]:
    """Text in, spoken replies out, a patch in between."""
    desk = listening()
    yield desk
    for turn in range(3):
        yield write(desk, item_id=f"item_t{turn}", previous=f"item_a{turn - 1}" if turn else None)
        yield replied(desk, f"resp_{turn}", f"item_a{turn}")
        played(desk)
        yield desk
        desk.core.patch(SessionPatch(instructions=f"{turn}"), desk.now)
        yield desk
        desk.hear("session.updated", session=session(**MANUAL, **LISTENS, instructions=f"{turn}"))
        yield desk


def manual_audio() -> Iterator[Desk]:
    """Push to talk, with a transcript that is later than the reply."""
    desk = listening()
    for turn in range(3):
        yield append(desk)
        yield commit(desk, f"item_u{turn}", f"item_a{turn - 1}" if turn else None)
        yield speak(ask(desk, f"resp_{turn}"), f"resp_{turn}", f"item_a{turn}")
        yield finish(desk, f"resp_{turn}")
        ids = {"item_id": f"item_u{turn}", "content_index": 0}
        desk.hear(f"{HEARING}.delta", **ids, delta="what")
        desk.hear(f"{HEARING}.completed", **ids, transcript="what")
        played(desk)
        yield desk


def detected() -> Iterator[Desk]:
    """The server decides on turns; the last reply is spoken over."""
    desk = Desk(playhead=FakePlayhead(), manual_turns=False)
    desk.core.connected(desk.now)
    desk.hear("session.created", session=session(**LISTENS))
    for turn in range(4):
        item, reply = f"item_u{turn}", f"resp_{turn}"
        desk.now += 1
        yield append(desk, 400)
        yield _event(desk, "speech_started", audio_start_ms=turn, item_id=item)
        yield append(desk, 400)
        yield _event(desk, "speech_stopped", audio_end_ms=turn, item_id=item)
        yield _event(desk, "committed", item_id=item, previous_item_id=None)
        desk.begin(reply, conversation_id="conv_1")
        yield speak(desk, reply, f"item_a{turn}")
        yield finish(desk, reply)
        played(desk)
        yield desk


def _event(desk: Desk, name: str, **fields: object) -> Desk:
    desk.hear(f"input_audio_buffer.{name}", **fields)
    return desk


def tools() -> Iterator[Desk]:
    """Two rounds of calls, answered and asked on."""
    desk = listening()
    yield write(desk)
    yield calls(desk, "resp_1")
    yield answer(desk)
    yield replied(desk, "resp_2")
    played(desk)
    yield desk


def beside() -> Iterator[Desk]:
    """A question beside the conversation while a reply is spoken."""
    desk = listening()
    yield ask(write(desk))
    yield ask(desk, "resp_2", conversation="none", output_modalities=["text"])
    yield speak(desk)
    yield finish(desk, "resp_2", output=[])
    yield finish(desk)
    played(desk)
    yield desk


def silent_edits() -> Iterator[Desk]:
    """A text session without any sound."""
    desk = Desk(patch=SessionPatch(output_modalities=["text"])).ready(output_modalities=["text"])
    yield desk
    yield write(desk)


SESSIONS = [manual_text, manual_audio, detected, tools, beside, silent_edits]


@pytest.mark.parametrize("story", SESSIONS, ids=lambda story: story.__name__)
def test_a_healthy_session_needs_no_words(story: Callable[[], Iterator[Desk]]) -> None:
    """Asked right after each step, and of most stories again a minute after the end."""
    for step, desk in enumerate(story()):
        assert explain(desk.core, desk.now) == [], f"step {step}"
    if story is not silent_edits:
        desk.now += LATER
        assert explain(desk.core, desk.now) == []


def test_closing_a_healthy_session_is_nothing_either() -> None:
    *_, desk = manual_text()
    desk.core.disconnected(CloseInfo(1000, by_us=True), desk.now)
    assert explain(desk.core, desk.now) == []
