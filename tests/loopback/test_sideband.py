"""The sideband of a call: everything but the sound, and what becomes of the playback."""

from __future__ import annotations

from realtime_raw.loopback.behaviour import Behaviour
from tests.loopback.driver import Talk, kinds, tone
from tests.loopback.test_detection import stream
from tests.loopback.test_turns import by_kind, one


def test_a_response_on_a_sideband() -> None:
    """The recorded order: started behind the first words, stopped behind the rate limits, no audio deltas."""
    talk = Talk(call_id="rtc_1")
    talk.insert("Hello there, how are you?")
    events = talk.respond()
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "output_audio_buffer.started",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
        "output_audio_buffer.stopped",
    ]
    response_id = events[0]["response"]["id"]
    for kind in ("started", "stopped"):
        event = one(events, f"output_audio_buffer.{kind}")
        assert (list(event), event["response_id"]) == (["type", "event_id", "response_id"], response_id)


def test_an_interruption_on_a_sideband() -> None:
    """The server cuts the playback itself, and truncates unasked."""
    talk = Talk(call_id="rtc_1", speed=1.0)
    talk.insert("Count to a hundred, please, slowly and aloud.")
    talk.respond()
    talk.wait(1.5)
    events = stream(talk, tone(0.2))
    assert kinds(events)[:3] == [
        "input_audio_buffer.speech_started",
        "output_audio_buffer.cleared",
        "response.output_audio.done",
    ]
    assert kinds(events)[-3:] == ["response.done", "rate_limits.updated", "conversation.item.truncated"]
    truncated = events[-1]
    assert truncated["audio_end_ms"] > 500
    item = next(item for item in talk.session.items if item["id"] == truncated["item_id"])
    assert "transcript" not in item["content"][0]
    assert not by_kind(events, "output_audio_buffer.stopped")


def test_the_output_buffer_is_cleared_on_request() -> None:
    """Once; the response goes on. Without one, nothing happens; a plain socket has no such event."""
    talk = Talk(call_id="rtc_1", speed=1.0)
    assert talk.say("output_audio_buffer.clear") == []
    talk.insert("Hello")
    talk.respond()
    talk.wait(1.0)
    assert kinds(talk.say("output_audio_buffer.clear")) == ["output_audio_buffer.cleared"]
    assert talk.say("output_audio_buffer.clear") == []
    events = talk.wait(20.0)
    assert one(events, "response.done")["response"]["status"] == "completed"
    assert not by_kind(events, "output_audio_buffer.stopped")
    error = Talk().error("output_audio_buffer.clear")
    assert (error["code"], error["param"]) == ("invalid_value", "type")


def test_a_deleted_answer_is_not_truncated() -> None:
    """The client was faster."""
    talk = Talk(call_id="rtc_1", speed=1.0)
    talk.insert("Hello")
    talk.respond()
    talk.wait(1.0)
    talk.say("conversation.item.delete", item_id=talk.order()[-1])
    events = stream(talk, tone(0.2))
    assert "output_audio_buffer.cleared" in kinds(events)
    assert "conversation.item.truncated" not in kinds(events)


def test_keys_of_the_phone() -> None:
    """On a call only."""
    talk = Talk(call_id="rtc_1")
    talk.session.press("#", talk.now + 5)
    (event,) = talk.drain()
    assert event == {
        "type": "input_audio_buffer.dtmf_event_received",
        "event": "#",
        "received_at": 1_767_225_600 + 105,
    }
    plain = Talk()
    plain.session.press("#", plain.now)
    assert plain.drain() == []


def test_switches_of_a_response() -> None:
    """What nobody knows of cancelled, completed and out-of-band responses."""
    quiet = Behaviour(done_events_on_cancel=False, usage_on_cancel=False)
    talk = Talk(behaviour=quiet, speed=1.0)
    talk.manual()
    talk.insert("Hello")
    talk.respond()
    talk.wait(1.0)
    events = talk.say("response.cancel")
    assert kinds(events) == ["response.done", "rate_limits.updated"]
    done = events[0]["response"]
    assert (done["usage"], done["output"][0]["status"]) == (None, "incomplete")
    talk = Talk(behaviour=Behaviour(completed_details=True, out_of_band_items=True))
    events = talk.respond(conversation="none", output_modalities=["text"])
    assert one(events, "response.done")["response"]["status_details"] == {"type": "completed"}
    assert one(events, "conversation.item.added")["previous_item_id"] is None
    assert one(events, "conversation.item.done")["item"]["status"] == "completed"
    assert talk.order() == []


def test_switches_of_items_and_errors() -> None:
    """Where null inserts, what the front is called, whose ids come back, whether outputs need a call."""
    talk = Talk(behaviour=Behaviour(explicit_null_previous="root", root_echo="root", echo_event_ids="always"))
    first = talk.insert("1")
    second = talk.insert("2", previous_item_id=None)
    assert talk.order() == [second, first]
    events = talk.say(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": "c", "output": ""},
        previous_item_id="root",
    )
    assert {event["previous_item_id"] for event in events} == {"root"}
    assert talk.error("conversation.item.delete", item_id="x", event_id="e1")["event_id"] == "e1"
    talk = Talk(behaviour=Behaviour(unknown_call_output="refused"))
    output = {"type": "function_call_output", "call_id": "c1", "output": ""}
    assert talk.error("conversation.item.create", item=output)["code"] == "item_create_invalid_call_id"
    made = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    talk.say("conversation.item.create", item=made)
    assert kinds(talk.say("conversation.item.create", item=output))[0] == "conversation.item.added"


def test_switches_of_turn_detection() -> None:
    """A partial object gets what is in force, or the defaults."""
    for merge, threshold in (("current", 0.9), ("defaults", 0.5)):
        talk = Talk(behaviour=Behaviour(turn_detection_merge=merge))  # type: ignore[arg-type]
        talk.update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.9}}})
        shown = talk.update(
            audio={"input": {"turn_detection": {"type": "server_vad", "prefix_padding_ms": 1}}}
        )
        assert shown["audio"]["input"]["turn_detection"]["threshold"] == threshold


def test_retention() -> None:
    """With a ratio, more is left out than must be; with a limit of its own, earlier."""
    talk = Talk(model="gpt-realtime")
    for _ in range(8):
        talk.insert("word " * 4000)
    talk.manual(output_modalities=["text"])

    def given() -> int:
        count: int = one(talk.respond(), "response.done")["response"]["usage"]["input_tokens"]
        return count

    assert 20_000 < given() <= 28_224
    talk.update(truncation={"type": "retention_ratio", "retention_ratio": 0.5})
    assert 9_000 < given() <= 14_112
    limits = {"post_instructions": 6000}
    talk.update(truncation={"type": "retention_ratio", "retention_ratio": 1.0, "token_limits": limits})
    assert 5_000 < given() < 6_200
