"""Cases of the rules about the sound of replies."""

from __future__ import annotations

from typing import Any

from tests.explain.case import Cases
from tests.explain.scenes import SOUND, ask, finish, later, ready, replied, speak, unplugged
from tests.protocol.harness import Desk, FakePlayhead

case = Cases()


def text_session(playhead: FakePlayhead | None = None) -> Desk:
    return Desk(playhead=playhead).ready(output_modalities=["text"])


def text_reply(desk: Desk, status: str = "completed", **config: Any) -> Desk:
    ask(desk, **config)
    item = {"id": "item_a", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    desk.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    desk.hear("conversation.item.added", previous_item_id=None, item=item)
    ids = {"response_id": "resp_1", "item_id": "item_a", "output_index": 0, "content_index": 0}
    desk.hear("response.output_text.delta", **ids, delta="Good day.")
    desk.hear("response.output_text.done", **ids, text="Good day.")
    return finish(desk, status=status)


TEXT: dict[str, Any] = {"output_modalities": ["text"]}
case(
    "text_only",
    lambda: text_session(FakePlayhead()),
    lambda: Desk(playhead=FakePlayhead()).ready(),
    "session.updated",
)
case("text_only", lambda: text_reply(text_session(), **TEXT), text_session, "session.updated", "note")
case(
    "text_only",
    lambda: text_reply(ready(), **TEXT),
    lambda: replied(ready()),
    "response.created",
    "note",
    "asked for as text",
)
case(
    "text_only",
    lambda: text_reply(ready(), **TEXT),
    lambda: replied(text_session(FakePlayhead())),
    "response.created",
    "note",
)
case(
    "answered_in_text",
    lambda: text_reply(ready()),
    lambda: text_reply(ready(), **TEXT),
    "response.output_text.done",
)
case("answered_in_text", lambda: text_reply(ready()), lambda: replied(ready()), "response.created")


def beside(playhead: FakePlayhead | None, ms: int = 300) -> Desk:
    desk = ask(Desk(playhead=playhead).ready(), conversation="none")
    for _ in range(ms // 100):
        desk.audio("item_b", SOUND)
    return finish(desk)


case("out_of_band", lambda: beside(FakePlayhead()), lambda: beside(None), "response.created", "note")
case(
    "out_of_band", lambda: beside(FakePlayhead()), lambda: beside(FakePlayhead(), 0), "response.done", "note"
)
case(
    "nobody_plays",
    lambda: replied(ready()),
    lambda: replied(Desk(playhead=FakePlayhead()).ready()),
    "response.output_audio.delta",
    "note",
    "0.3 s",
)
case(
    "nobody_plays",
    lambda: replied(ready()),
    lambda: text_reply(ready(), **TEXT),
    "response.output_audio.delta",
    "note",
)


def playing(wait: float, ear_ms: int = 0, sound_ms: int = 5000) -> Desk:
    playhead = FakePlayhead()
    desk = finish(speak(ask(Desk(playhead=playhead).ready()), ms=sound_ms))
    playhead.listen(ear_ms)
    return later(desk, wait)


case(
    "playback_stuck",
    lambda: playing(3),
    lambda: playing(1),
    "response.output_audio.delta",
    says="nothing of response resp_1 was taken: 5.0 s",
)
case(
    "playback_stuck",
    lambda: playing(8, 1000),
    lambda: playing(3, 1000),
    "response.output_audio.delta",
    says="stands still: 4.0 s",
)
case("playback_stuck", lambda: playing(60, 1000), lambda: playing(60, 5000), "response.output_audio.delta")


def room(frames: int) -> Desk:
    playhead = FakePlayhead()
    playhead.room = frames
    desk = Desk(playhead=playhead)
    return speak(ask(desk.ready()))


case(
    "ring_full",
    lambda: room(3000),
    lambda: room(10**9),
    "response.output_audio.delta",
    says="resp_1 is not played",
)


case(
    "loudspeaker_gone",
    lambda: unplugged("output"),
    lambda: unplugged("output", back=True),
    "device.lost",
    says="the loudspeaker is gone since 3.0 s: Headset: unplugged",
)
case("loudspeaker_gone", lambda: unplugged("output"), lambda: unplugged("input"), "device.lost")


def delta(text: str) -> Desk:
    desk = ask(ready())
    desk.message("item_a")
    desk.audio("item_a", text)
    return desk


case("bad_audio", lambda: delta("?!"), lambda: delta(SOUND), "response.output_audio.delta", says="1 piece(s)")


# Neighbours of the above


def cancelled_text() -> Desk:
    return text_reply(ready(), status="cancelled")


def both() -> Desk:
    """A spoken message and a written one in one reply."""
    desk = ask(ready())
    desk.hear("response.output_text.done", response_id="resp_1", item_id="item_w", text="Good day.")
    return finish(speak(desk))


def second_stuck() -> Desk:
    """The first reply was heard, and the device died before the second."""
    playhead = FakePlayhead()
    desk = replied(Desk(playhead=playhead).ready())
    playhead.listen(300)
    return later(replied(desk, "resp_2", "item_b"), 3)


case("answered_in_text", lambda: text_reply(ready()), cancelled_text, "response.created")
case("answered_in_text", lambda: text_reply(ready()), both, "response.created")
case(
    "playback_stuck",
    second_stuck,
    lambda: playing(60, 5000),
    "response.output_audio.delta",
    says="of response resp_2",
)
