"""The lifecycles a manual client sees: written, spoken and heard turns, event by event."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.scenario import Call, Reply, Say
from tests.loopback.driver import Event, Talk, b64, kinds, tone

TEXT_ANSWER = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]
AUDIO_TAIL = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
]


def by_kind(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def one(events: list[Event], kind: str) -> Event:
    (event,) = by_kind(events, kind)
    return event


def test_a_written_turn() -> None:
    """The recorded order, and what each event says."""
    talk = Talk()
    question = talk.insert("Hello")
    events = talk.respond(output_modalities=["text"])
    assert kinds(events) == TEXT_ANSWER
    created = one(events, "response.created")["response"]
    assert list(created) == [
        "object", "id", "status", "status_details", "output", "conversation_id", "output_modalities",
        "max_output_tokens", "audio", "usage", "metadata",
    ]  # fmt: skip
    assert (created["status"], created["output"], created["usage"]) == ("in_progress", [], None)
    assert created["conversation_id"].startswith("conv_")
    announced = one(events, "response.output_item.added")
    item_id = announced["item"]["id"]
    assert announced["output_index"] == 0
    assert announced["item"] == {
        "id": item_id,
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
        "phase": "final_answer",
    }
    added = one(events, "conversation.item.added")
    assert (added["item"], added["previous_item_id"]) == (announced["item"], question)
    where = {
        "response_id": created["id"],
        "item_id": item_id,
        "output_index": 0,
        "content_index": 0,
    }
    part = one(events, "response.content_part.added")
    assert {k: v for k, v in part.items() if k not in ("type", "event_id")} == {
        **where,
        "part": {"type": "text", "text": ""},
    }
    deltas = by_kind(events, "response.output_text.delta")
    assert [event["delta"] for event in deltas] == ["You", " said:", " Hello"]
    assert list(deltas[0]) == ["type", "event_id", *where, "delta", "obfuscation"]
    assert one(events, "response.output_text.done")["text"] == "You said: Hello"
    assert one(events, "response.content_part.done")["part"] == {"type": "text", "text": "You said: Hello"}
    done = one(events, "response.done")["response"]
    assert (done["status"], done["status_details"]) == ("completed", None)
    assert done["output"] == [
        {
            **announced["item"],
            "status": "completed",
            "content": [{"type": "output_text", "text": "You said: Hello"}],
        }
    ]
    assert done["output"][0] == one(events, "response.output_item.done")["item"]
    assert done["output"][0] == one(events, "conversation.item.done")["item"]


def test_a_spoken_answer() -> None:
    """The transcript runs ahead of the sound, ends behind it, and is the sum of its deltas."""
    talk = Talk()
    talk.manual()
    talk.insert("Hello there, how are you today?")
    events = talk.respond()
    sequence = kinds(events)
    assert sequence[:6] == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio.delta",
    ]
    assert sequence[-7:] == AUDIO_TAIL
    assert set(sequence[4:-7]) == {"response.output_audio_transcript.delta", "response.output_audio.delta"}
    assert one(events, "response.content_part.added")["part"] == {"type": "audio", "transcript": ""}
    said = "You said: Hello there, how are you today?"
    assert "".join(e["delta"] for e in by_kind(events, "response.output_audio_transcript.delta")) == said
    assert one(events, "response.output_audio_transcript.done")["transcript"] == said
    assert one(events, "response.content_part.done")["part"] == {"type": "audio", "transcript": said}
    assert one(events, "response.done")["response"]["output"][0]["content"] == [
        {"type": "output_audio", "transcript": said}
    ]
    audio = by_kind(events, "response.output_audio.delta")
    assert "obfuscation" not in audio[0]
    sizes = [len(base64.b64decode(event["delta"])) for event in audio]
    assert set(sizes[:-1]) == {4800}
    assert 0 < sizes[-1] <= 4800
    assert sizes[-1] % 2 == 0


def test_every_text_like_delta_is_padded() -> None:
    """Delta and obfuscation are 16 characters together, or the next multiple."""
    talk = Talk()
    talk.manual()
    talk.insert("A word of thirtyfourandmorecharactersinonepiece here")
    events = talk.respond(output_modalities=["text"])
    padded = [event for event in events if "obfuscation" in event]
    assert len(padded) == len(by_kind(events, "response.output_text.delta"))
    assert {len(event["delta"] + event["obfuscation"]) for event in padded} == {16, 48}


def test_the_previous_item_quirk() -> None:
    """`.done` of a model's item names no predecessor if that is the conversation's first item."""
    talk = Talk()
    first = talk.insert("1")
    events = talk.respond(output_modalities=["text"])
    assert one(events, "conversation.item.added")["previous_item_id"] == first
    assert one(events, "conversation.item.done")["previous_item_id"] is None
    second = talk.insert("2")
    events = talk.respond(output_modalities=["text"])
    assert one(events, "conversation.item.done")["previous_item_id"] == second


def test_a_turn_of_audio_by_hand() -> None:
    """Appends are not answered; the commit makes the item; the answer measures what it heard."""
    talk = Talk()
    talk.manual()
    sound = tone(3.2, dbfs=-23.0)
    for at in range(0, len(sound), 2400):
        assert talk.append(sound[at : at + 2400]) == []
    committed, added, done = talk.say("input_audio_buffer.commit")
    assert list(committed) == ["type", "event_id", "previous_item_id", "item_id"]
    assert committed["type"] == "input_audio_buffer.committed"
    assert (added["type"], done["type"]) == ("conversation.item.added", "conversation.item.done")
    assert (
        added["item"]
        == done["item"]
        == {
            "id": committed["item_id"],
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
    )
    events = talk.respond()
    assert one(events, "response.output_audio_transcript.done")["transcript"] == (
        "I heard 3.2 seconds of audio at -23 dBFS."
    )
    second = talk.commit(dbfs=-float("inf"))
    assert talk.session.items[-1]["id"] == second
    assert one(talk.respond(), "response.output_audio_transcript.done")["transcript"] == (
        "I heard 0.5 seconds of silence."
    )


@pytest.mark.parametrize(("size", "printed"), [(0, "0.00"), (2, "0.04"), (4798, "99.96"), (2401, "50.02")])
def test_a_commit_needs_100_ms(size: int, printed: str) -> None:
    """Two decimals, and what is there stays there."""
    talk = Talk()
    talk.manual()
    if size:
        talk.append(bytes(size))
    assert talk.error("input_audio_buffer.commit")["message"] == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {printed}ms of audio."
    )
    talk.append(bytes(4800 - size))
    assert talk.say("input_audio_buffer.commit")[0]["type"] == "input_audio_buffer.committed"


def test_committed_and_cleared_audio_do_not_count() -> None:
    """The 100 ms are since the last commit or clear."""
    talk = Talk()
    talk.manual()
    talk.commit()
    assert "0.00ms" in talk.error("input_audio_buffer.commit")["message"]
    talk.append(tone(0.5))
    (cleared,) = talk.say("input_audio_buffer.clear")
    assert list(cleared) == ["type", "event_id"]
    assert "0.00ms" in talk.error("input_audio_buffer.commit")["message"]
    assert talk.say("input_audio_buffer.clear")[0]["type"] == "input_audio_buffer.cleared"


def test_uncommitted_audio_is_not_heard() -> None:
    """A response before the commit answers what came before."""
    talk = Talk()
    talk.manual()
    talk.insert("Hi")
    talk.append(tone(1.0))
    assert one(talk.respond(), "response.output_audio_transcript.done")["transcript"] == "You said: Hi"


@pytest.mark.parametrize(("encoding", "byte_rate"), [("audio/pcmu", 8000), ("audio/pcma", 8000)])
def test_g711_both_ways(encoding: str, byte_rate: int) -> None:
    """8 bytes a millisecond in, heard at its true loudness; 800 bytes a delta out."""
    from realtime_raw.audio.g711 import alaw_decode, alaw_encode, ulaw_decode, ulaw_encode
    from realtime_raw.audio.levels import rms_dbfs

    talk = Talk()
    shown = talk.manual()
    shown = talk.update(
        audio={"input": {"format": {"type": encoding}}, "output": {"format": {"type": encoding}}}
    )
    assert shown["audio"]["output"]["format"] == {"type": encoding}
    encode, decode = (ulaw_encode, ulaw_decode) if encoding == "audio/pcmu" else (alaw_encode, alaw_decode)
    talk.append(encode(tone(0.05, rate=8000)))
    assert "50.00ms" in talk.error("input_audio_buffer.commit")["message"]
    talk.append(encode(tone(1.95, rate=8000, dbfs=-20.0)))
    talk.say("input_audio_buffer.commit")
    events = talk.respond()
    assert one(events, "response.output_audio_transcript.done")["transcript"] == (
        "I heard 2.0 seconds of audio at -20 dBFS."
    )
    assert one(events, "response.created")["response"]["audio"]["output"]["format"] == {"type": encoding}
    chunks = [base64.b64decode(e["delta"]) for e in by_kind(events, "response.output_audio.delta")]
    assert {len(chunk) for chunk in chunks[:-1]} == {800}
    assert -30 < rms_dbfs(decode(b"".join(chunks))) < -15
    usage = one(events, "response.done")["response"]["usage"]
    ms = sum(map(len, chunks)) * 1000 / byte_rate
    assert usage["output_token_details"]["audio_tokens"] == -(-ms // 50)


def test_the_input_format_may_change_in_the_middle() -> None:
    """What was appended before is not lost: it becomes audio of the new format."""
    talk = Talk()
    talk.manual()
    talk.append(tone(1.0))
    talk.update(audio={"input": {"format": {"type": "audio/pcmu"}}})
    talk.append(bytes([0xFF]) * 8000)
    item_id = talk.say("input_audio_buffer.commit")[0]["item_id"]
    (got,) = talk.say("conversation.item.retrieve", item_id=item_id)
    assert len(base64.b64decode(got["item"]["content"][0]["audio"])) == 16000


# --- transcription of what the user said -----------------------------------------------------

TRANSCRIPTION = "conversation.item.input_audio_transcription"


def test_transcription_says_what_was_spoken() -> None:
    """Deltas, then completed with usage; the item shows it from then on; silence has no words."""
    talk = Talk(scenario=DefaultScenario(spoken=["What time is it?"]))
    talk.manual()
    talk.update(audio={"input": {"transcription": {"model": "gpt-4o-transcribe"}}})
    talk.append(tone(2.0))
    events = talk.say("input_audio_buffer.commit")
    assert kinds(events)[3:] == [f"{TRANSCRIPTION}.delta", f"{TRANSCRIPTION}.completed"]
    deltas = by_kind(events, f"{TRANSCRIPTION}.delta")
    item_id = events[0]["item_id"]
    assert "".join(event["delta"] for event in deltas) == "What time is it?"
    assert list(deltas[0]) == ["type", "event_id", "item_id", "content_index", "delta", "obfuscation"]
    completed = one(events, f"{TRANSCRIPTION}.completed")
    completed.pop("event_id")
    assert completed == {
        "type": f"{TRANSCRIPTION}.completed",
        "item_id": item_id,
        "content_index": 0,
        "transcript": "What time is it?",
        "usage": {
            "type": "tokens",
            "total_tokens": 24,
            "input_tokens": 20,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 20},
            "output_tokens": 4,
        },
    }
    assert talk.session.items[0]["content"] == [{"type": "input_audio", "transcript": "What time is it?"}]
    talk.append(bytes(48_000))
    events = talk.say("input_audio_buffer.commit")
    assert kinds(events)[3:] == [f"{TRANSCRIPTION}.completed"]
    assert one(events, f"{TRANSCRIPTION}.completed")["transcript"] == ""
    talk.append(tone(2.8))
    events = talk.say("input_audio_buffer.commit")
    assert one(events, f"{TRANSCRIPTION}.completed")["transcript"] == "2.8 seconds of speech."


def test_whisper_sends_one_delta_and_counts_seconds() -> None:
    """Rounded up to whole seconds; with logprobs where they were asked for."""
    talk = Talk(scenario=DefaultScenario(spoken=["Two words"]))
    talk.manual(include=["item.input_audio_transcription.logprobs"])
    talk.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    talk.append(tone(2.1))
    events = talk.say("input_audio_buffer.commit")
    (delta,) = by_kind(events, f"{TRANSCRIPTION}.delta")
    assert delta["delta"] == "Two words"
    assert delta["logprobs"] == [{"token": "Two words", "logprob": -0.01, "bytes": list(b"Two words")}]
    completed = one(events, f"{TRANSCRIPTION}.completed")
    assert completed["usage"] == {"type": "duration", "seconds": 3}
    assert len(completed["logprobs"]) == 1


def test_transcription_runs_beside_the_answer() -> None:
    """It is asynchronous: here its end comes in the middle of the response."""
    talk = Talk(speed=1.0)
    talk.manual()
    talk.update(audio={"input": {"transcription": {"model": "gpt-transcribe"}}})
    talk.append(tone(1.0))
    assert kinds(talk.say("input_audio_buffer.commit"))[-1] == "conversation.item.done"
    talk.respond()
    events = [event["type"] for event in talk.wait(30)]
    at = events.index(f"{TRANSCRIPTION}.completed")
    assert events.index("response.output_audio.delta") < at < events.index("response.done")


def test_a_scenario_that_cannot_transcribe_fails_that_alone() -> None:
    """`failed` instead of `completed`, naming the item; the session goes on."""

    class Deaf(DefaultScenario):
        def transcript(self, heard: Any) -> str:
            raise RuntimeError("no ears")

    talk = Talk(scenario=Deaf())
    talk.manual()
    talk.update(audio={"input": {"transcription": {"model": "gpt-transcribe"}}})
    talk.append(tone(1.0))
    failed = talk.say("input_audio_buffer.commit")[-1]
    assert failed["type"] == f"{TRANSCRIPTION}.failed"
    assert failed["error"] == {
        "type": "server_error",
        "code": "server_error",
        "message": f"Input transcription failed for item '{failed['item_id']}': RuntimeError: no ears",
        "param": None,
    }
    assert talk.insert("Hello")


# --- function calls ---------------------------------------------------------------------------

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}


def test_a_function_call() -> None:
    """The recorded order; then its output, and an answer that uses it."""
    talk = Talk()
    talk.manual(tools=[TOOL], tool_choice="required")
    talk.insert("Paris")
    events = talk.respond()
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    announced = one(events, "response.output_item.added")["item"]
    assert list(announced) == ["id", "type", "status", "name", "call_id", "arguments"]
    assert (announced["status"], announced["name"], announced["arguments"]) == (
        "in_progress",
        "get_weather",
        "",
    )
    done = one(events, "response.function_call_arguments.done")
    assert list(done) == [
        "type", "event_id", "response_id", "item_id", "output_index", "call_id", "name", "arguments",
    ]  # fmt: skip
    assert done["arguments"] == '{"city":"Paris","days":1}'
    deltas = by_kind(events, "response.function_call_arguments.delta")
    assert "".join(event["delta"] for event in deltas) == done["arguments"]
    assert "content_index" not in deltas[0]
    final = one(events, "response.done")["response"]["output"]
    assert final == [{**announced, "status": "completed", "arguments": done["arguments"]}]
    talk.say(
        "conversation.item.create",
        item={"type": "function_call_output", "call_id": done["call_id"], "output": "Sunny."},
    )
    events = talk.respond(tool_choice="auto", output_modalities=["text"])
    assert one(events, "response.output_text.done")["text"] == "The tool answered: Sunny."


def test_a_preamble_before_a_call() -> None:
    """Item 1 starts before item 0's `.done` events; then 0's done group, then 1's (recorded)."""
    reply = Reply((Say("One moment.", phase="commentary"), Call("get_weather", {"city": "Rome"})))
    talk = Talk(scenario=lambda turn: reply)
    events = talk.respond(output_modalities=["text"])
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_item.added",
        "conversation.item.added",
        "response.function_call_arguments.delta",
        "response.output_text.done",
        "response.content_part.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    done = by_kind(events, "response.output_item.done")
    assert [event["output_index"] for event in done] == [0, 1]
    assert [event["item"].get("phase") for event in done] == ["commentary", None]
    assert by_kind(events, "conversation.item.added")[1]["previous_item_id"] == done[0]["item"]["id"]


def test_models_without_phases_send_none() -> None:
    """`phase` is of the gpt-realtime-2 family."""
    events = Talk(model="gpt-realtime").respond(output_modalities=["text"])
    assert "phase" not in one(events, "response.output_item.added")["item"]


def test_a_sideband_gets_everything_but_the_audio() -> None:
    """No audio deltas; the buffer's start and stop instead, the stop behind the rate limits (recorded)."""
    talk = Talk(call_id="rtc_1")
    sequence = kinds(talk.respond())
    assert "response.output_audio.delta" not in sequence
    assert sequence[4:6] == ["response.output_audio_transcript.delta", "output_audio_buffer.started"]
    assert sequence[-2:] == ["rate_limits.updated", "output_audio_buffer.stopped"]
    assert "response.output_audio.done" in sequence
    stopped = talk.session.sent[-1]
    assert list(stopped) == ["type", "event_id", "response_id"]


def test_seeded_history_is_known() -> None:
    """Items a client put in are part of what is answered."""
    talk = Talk()
    sound = {"type": "input_audio", "audio": b64(tone(1.5))}
    talk.say(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [sound, {"type": "input_text", "text": "Hm?"}]},
    )
    events = talk.respond(output_modalities=["text"])
    assert one(events, "response.output_text.done")["text"] == (
        "I heard 1.5 seconds of audio at -20 dBFS. You said: Hm?"
    )
