"""Generated, heard and unheard text, from deltas and the ear, through the whole core."""

from __future__ import annotations

from realtime_raw.events.client import ResponseCreate
from realtime_raw.protocol.responses import TAG
from tests.protocol.harness import Desk, FakePlayhead
from tests.protocol.test_interruption import pcm

WORDS = ["One ", "two ", "three ", "four"]


def told() -> tuple[Desk, FakePlayhead]:
    """A reply of four words, 100 ms of sound each, all received."""
    ear = FakePlayhead()
    desk = Desk(playhead=ear).ready()
    event_id = desk.core.send(ResponseCreate(), desk.now)
    desk.begin(metadata={TAG: event_id})
    desk.message("item_a")
    for word in WORDS:
        desk.hear(
            "response.output_audio_transcript.delta",
            response_id="resp_1",
            item_id="item_a",
            content_index=0,
            delta=word,
        )
        desk.audio("item_a", pcm(100))
    return desk, ear


def test_the_text_is_cut_where_the_ear_stopped() -> None:
    for ms in range(0, 400, 20):
        desk, ear = told()
        ear.listen(ms)
        desk.core.interrupt(desk.now)
        item = desk.core.conversation.item("item_a")
        assert item is not None
        assert item.generated == "One two three four"
        assert item.heard == "".join(WORDS[: ms // 100])
        assert item.unheard == "".join(WORDS[ms // 100 :])


def test_a_reply_heard_to_its_end_has_nothing_unheard() -> None:
    desk, ear = told()
    desk.hear("response.output_audio.done", response_id="resp_1", item_id="item_a", content_index=0)
    desk.finish()
    ear.listen(400)
    desk.later(0.1)
    item = desk.core.conversation.item("item_a")
    assert item is not None
    assert (item.heard, item.unheard) == ("One two three four", "")
