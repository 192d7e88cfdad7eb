"""Server-side turn detection: turns found in appended audio, answered and interrupted."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from realtime_raw.audio.g711 import ulaw_encode
from realtime_raw.audio.pcm import Samples
from realtime_raw.loopback.vad import Edge, EnergyVad
from tests.loopback.driver import Event, Talk, kinds, tone
from tests.loopback.test_turns import by_kind, one


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 24_000), np.int16)


def stream(talk: Talk, *sounds: Samples, step: int = 480) -> list[Event]:
    """Appends sounds in chunks of `step` frames and returns everything said meanwhile."""
    whole = np.concatenate(sounds)
    return [event for at in range(0, len(whole), step) for event in talk.append(whole[at : at + step])]


def test_a_turn_is_found_committed_and_answered() -> None:
    """The documented order; one item id from the announcement on; times on the audio's clock."""
    talk = Talk()
    events = stream(talk, silence(1.0), tone(1.0), silence(1.0))
    assert kinds(events)[:6] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
    ]
    started, stopped, committed = events[:3]
    assert list(started) == ["type", "event_id", "audio_start_ms", "item_id"]
    assert list(stopped) == ["type", "event_id", "audio_end_ms", "item_id"]
    assert (started["audio_start_ms"], stopped["audio_end_ms"]) == (700, 2500)
    assert started["item_id"] == stopped["item_id"] == committed["item_id"] == events[3]["item"]["id"]
    (got,) = talk.say("conversation.item.retrieve", item_id=committed["item_id"])
    audio = base64.b64decode(got["item"]["content"][0]["audio"])
    assert len(audio) == 1800 * 48
    assert one(events, "response.done")["response"]["status"] == "completed"


def test_the_clock_goes_on_over_turns() -> None:
    """Milliseconds count all audio of the session, commits or not; the next turn keeps its own audio."""
    talk = Talk()
    events = stream(talk, tone(0.5), silence(1.0), silence(2.0), tone(0.5), silence(1.0))
    starts = [event["audio_start_ms"] for event in by_kind(events, "input_audio_buffer.speech_started")]
    stops = [event["audio_end_ms"] for event in by_kind(events, "input_audio_buffer.speech_stopped")]
    assert (starts, stops) == ([0, 3200], [1000, 4500])
    second = by_kind(events, "input_audio_buffer.committed")[1]["item_id"]
    (got,) = talk.say("conversation.item.retrieve", item_id=second)
    assert len(base64.b64decode(got["item"]["content"][0]["audio"])) == 1300 * 48


def test_two_turns_in_one_append() -> None:
    """The line is not clocked: what counts is the order of the audio."""
    talk = Talk()
    events = stream(talk, tone(0.5), silence(1.0), tone(0.5), silence(1.0), step=1_000_000)
    assert len(by_kind(events, "input_audio_buffer.committed")) == 2
    assert len(by_kind(events, "response.done")) == 2


def test_speech_interrupts_the_answer() -> None:
    """`cancelled`, reason `turn_detected`, right behind `speech_started`; out of band goes on."""
    talk = Talk(speed=1.0)
    talk.respond()
    (side,) = talk.respond(conversation="none")
    talk.wait(1.0)
    events = stream(talk, tone(0.2))
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    final = one(events, "response.done")["response"]
    assert (final["status"], final["status_details"]) == (
        "cancelled",
        {"type": "cancelled", "reason": "turn_detected"},
    )
    rest = talk.wait(60)
    assert one(rest, "response.done")["response"]["id"] == side["response"]["id"]


@pytest.mark.parametrize("flag", ["interrupt_response", "create_response"])
def test_both_flags_can_be_off(flag: str) -> None:
    """Turns are still found and committed; what follows is the client's affair."""
    talk = Talk(speed=1.0)
    talk.update(audio={"input": {"turn_detection": {"type": "server_vad", flag: False}}})
    if flag == "interrupt_response":
        talk.respond()
    events = stream(talk, tone(0.5), silence(1.0))
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert (talk.session.active_response_id is not None) == (flag == "interrupt_response")


def test_nothing_is_detected_when_it_is_off() -> None:
    """Switched off even in the middle of speech; switched on, it hears what comes from then on."""
    talk = Talk()
    assert kinds(stream(talk, tone(0.5))) == ["input_audio_buffer.speech_started"]
    talk.manual()
    assert stream(talk, silence(2.0), tone(0.5), silence(2.0)) == []
    talk.update(audio={"input": {"turn_detection": {"type": "server_vad"}}})
    events = stream(talk, tone(0.5), silence(1.0))
    assert events[0]["audio_start_ms"] == 5000


def test_an_update_of_something_else_does_not_disturb_it() -> None:
    """Speech under way keeps its item."""
    talk = Talk()
    (started,) = stream(talk, tone(0.5))
    talk.update(instructions="x")
    assert stream(talk, silence(1.0))[0]["item_id"] == started["item_id"]


def test_a_commit_by_hand_in_the_middle_of_speech() -> None:
    """It makes another item than the announced one (documented), and the rest is a turn of its own."""
    talk = Talk()
    (started,) = stream(talk, tone(1.0))
    committed = talk.say("input_audio_buffer.commit")[0]
    assert committed["item_id"] != started["item_id"]
    again = stream(talk, tone(1.0), silence(1.0))
    assert kinds(again)[:3] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]
    assert again[0]["audio_start_ms"] == 1000


def test_clearing_drops_the_speech() -> None:
    """What was said before does not come back."""
    talk = Talk()
    stream(talk, tone(1.0))
    talk.say("input_audio_buffer.clear")
    assert stream(talk, silence(2.0)) == []


def test_a_client_that_takes_the_announced_id() -> None:
    """Ids stay unique."""
    talk = Talk()
    (started,) = stream(talk, tone(0.5))
    message = {"type": "message", "role": "user", "content": []}
    talk.say("conversation.item.create", item={**message, "id": started["item_id"]})
    committed = one(stream(talk, silence(1.0)), "input_audio_buffer.committed")
    assert committed["item_id"] != started["item_id"]
    assert len(set(talk.order())) == len(talk.order()) == 3


def test_g711_is_heard_too() -> None:
    """At its own rate, on the same clock."""
    talk = Talk()
    talk.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    sound = np.concatenate([tone(1.0, rate=8000), np.zeros(8000, np.int16)])
    data = ulaw_encode(sound)
    events = [event for at in range(0, len(data), 333) for event in talk.append(data[at : at + 333])]
    assert (events[0]["audio_start_ms"], events[1]["audio_end_ms"]) == (0, 1500)


def test_odd_bytes_between_appends() -> None:
    """Pieces need not be cut at samples."""
    talk = Talk()
    data = np.concatenate([tone(0.5), silence(1.0)]).tobytes()
    events = [event for at in range(0, len(data), 333) for event in talk.append(data[at : at + 333])]
    assert kinds(events)[:3] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
    ]


def test_transcription_sessions_only_transcribe() -> None:
    """The turn is committed and transcribed; nobody answers."""
    talk = Talk(kind="transcription")
    talk.update(audio={"input": {"transcription": {"model": "gpt-4o-mini-transcribe"}}})
    events = stream(talk, tone(1.0), silence(1.0))
    assert kinds(events) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
    ]


# --- the detector itself ----------------------------------------------------------------------

SERVER = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}


def edges(settings: dict[str, Any], *sounds: Samples) -> list[Edge]:
    return EnergyVad(settings, 0.0).feed(np.concatenate(sounds), 24_000)


def test_a_click_is_no_speech() -> None:
    """Less than 60 ms of sound does not open a turn; a pause shorter than the silence does not close one."""
    assert edges(SERVER, silence(0.5), tone(0.04), silence(1.0)) == []
    assert len(edges(SERVER, tone(0.3), silence(0.4), tone(0.3), silence(0.6))) == 2


@pytest.mark.parametrize(("threshold", "dbfs"), [(0.0, -60), (0.5, -40), (1.0, -20)])
def test_the_threshold_is_a_loudness(threshold: float, dbfs: float) -> None:
    """Higher needs louder."""
    settings = {**SERVER, "threshold": threshold}
    assert edges(settings, tone(0.5, dbfs=dbfs + 1.0))
    assert not edges(settings, tone(0.5, dbfs=dbfs - 1.0))


@pytest.mark.parametrize(("eagerness", "wait"), [("high", 2.0), ("medium", 4.0), ("auto", 4.0), ("low", 8.0)])
def test_semantic_detection_waits_as_long_as_it_may(eagerness: str, wait: float) -> None:
    """A simulator cannot tell that a thought is finished."""
    settings = {"type": "semantic_vad", "eagerness": eagerness}
    assert edges(settings, tone(1.0), silence(wait - 0.1)) == [Edge(0)]
    assert edges(settings, tone(1.0), silence(wait + 0.1)) == [Edge(0), Edge(0, round(1000 + wait * 1000))]


def test_pieces_give_what_the_whole_gives() -> None:
    """Fed whole, or in pieces of any size."""
    sound = np.concatenate([silence(0.33), tone(0.7), silence(0.9), tone(0.2), silence(0.6)])
    whole = edges(SERVER, sound)
    assert len(whole) == 4
    for size in (1, 7, 480, 1001):
        vad = EnergyVad(SERVER, 0.0)
        found = [e for at in range(0, len(sound), size) for e in vad.feed(sound[at : at + size], 24_000)]
        assert found == whole
