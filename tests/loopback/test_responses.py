"""Responses: the gate, cancelling, out of band, limits, failures, usage, and their pace."""

from __future__ import annotations

import base64
import math
from itertools import pairwise
from typing import Any

import pytest

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.scenario import Call, Failure, Reply, Say, Turn
from tests.loopback.driver import Event, Talk, b64, kinds, tone, user_text
from tests.loopback.test_turns import AUDIO_TAIL, by_kind, one


def test_the_gate() -> None:
    """One response writes to the conversation; the next is refused by the id of the first, whole."""
    talk = Talk(speed=1.0)
    (created,) = talk.respond()
    active = created["response"]["id"]
    assert talk.session.active_response_id == active
    refused = talk.error("response.create", event_id="mine")
    assert refused["code"] == "conversation_already_has_active_response"
    assert refused["message"] == (
        f"Conversation already has an active response in progress: {active}. "
        "Wait until the response is finished before creating a new one."
    )
    assert (refused["param"], refused["event_id"]) == (None, "mine")
    events = talk.wait(60)
    assert [event["type"] for event in events].count("response.done") == 1
    assert talk.session.active_response_id is None
    assert talk.respond()[0]["type"] == "response.created"


def test_cancel_in_the_middle() -> None:
    """Every open part is concluded as it stands; the item is incomplete; the details say who."""
    talk = Talk(speed=1.0)
    talk.manual()
    talk.insert("Tell me something long and interesting.")
    talk.respond()
    heard = talk.wait(1.0)
    said = "".join(e["delta"] for e in by_kind(heard, "response.output_audio_transcript.delta"))
    assert said
    events = talk.say("response.cancel")
    assert kinds(events) == AUDIO_TAIL
    assert one(events, "response.output_audio_transcript.done")["transcript"] == said
    item = one(events, "conversation.item.done")["item"]
    assert (item["status"], item["content"]) == (
        "incomplete",
        [{"type": "output_audio", "transcript": said}],
    )
    final = one(events, "response.done")["response"]
    assert final["status"] == "cancelled"
    assert final["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}
    assert final["output"] == [item]
    assert final["usage"]["output_token_details"]["audio_tokens"] == math.ceil(
        sum(len(base64.b64decode(e["delta"])) for e in by_kind(heard, "response.output_audio.delta")) / 2400
    )
    assert talk.wait(60) == []
    assert talk.respond()[0]["type"] == "response.created"
    assert talk.error("response.cancel", response_id=final["id"])["code"] == "response_cancel_not_active"


def test_cancel_before_the_first_item() -> None:
    """No output at all."""
    talk = Talk(speed=1.0)
    talk.respond()
    events = talk.say("response.cancel")
    assert kinds(events) == ["response.done", "rate_limits.updated"]
    assert events[0]["response"]["output"] == []
    assert events[0]["response"]["usage"]["output_tokens"] == 0


def test_cancel_a_function_call() -> None:
    """Its arguments are cut off and it is incomplete."""
    talk = Talk(speed=1.0, scenario=lambda turn: Reply((Call("look", {"at": "everything in sight"}),)))
    talk.respond()
    heard = talk.wait(0.53)
    events = talk.say("response.cancel")
    assert kinds(events)[:3] == [
        "response.function_call_arguments.done",
        "conversation.item.done",
        "response.output_item.done",
    ]
    partial = "".join(e["delta"] for e in by_kind(heard, "response.function_call_arguments.delta"))
    assert events[0]["arguments"] == partial
    assert '{"at":"everything in sight"}'.startswith(partial)
    assert 0 < len(partial) < 20
    assert events[2]["item"]["status"] == "incomplete"


def test_an_item_deleted_while_it_is_being_said() -> None:
    """The response goes on; the conversation has nothing more to say of it."""
    talk = Talk(speed=1.0)
    talk.respond()
    talk.wait(0.6)
    (item_id,) = talk.order()
    talk.say("conversation.item.delete", item_id=item_id)
    events = talk.wait(60)
    assert "conversation.item.done" not in kinds(events)
    assert one(events, "response.output_item.done")["item"]["id"] == item_id
    assert one(events, "response.done")["response"]["status"] == "completed"
    assert talk.order() == []


# --- out of band --------------------------------------------------------------------------------


def test_out_of_band_leaves_the_conversation_alone() -> None:
    """No conversation events, no conversation id; the metadata comes back on both ends."""
    talk = Talk()
    talk.insert("Hello")
    before = talk.session.items
    tag = {"purpose": "classify"}
    events = talk.respond(conversation="none", metadata=tag, output_modalities=["text"])
    assert kinds(events) == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    for kind in ("response.created", "response.done"):
        response = one(events, kind)["response"]
        assert (response["conversation_id"], response["metadata"]) == (None, tag)
    assert talk.session.items == before


def test_out_of_band_runs_beside_the_conversations_response() -> None:
    """Any number; a bare cancel means the conversation's, an id means that one."""
    talk = Talk(speed=1.0)
    (main,) = talk.respond()
    (side,) = talk.respond(conversation="none", output_modalities=["text"])
    (other,) = talk.respond(conversation="none")
    ids = [event["response"]["id"] for event in (main, side, other)]
    assert len(set(ids)) == 3
    talk.wait(0.7)
    assert one(talk.say("response.cancel"), "response.done")["response"]["id"] == ids[0]
    assert talk.error("response.cancel")["code"] == "response_cancel_not_active"
    cancelled = one(talk.say("response.cancel", response_id=ids[2]), "response.done")["response"]
    assert (cancelled["id"], cancelled["status"]) == (ids[2], "cancelled")
    assert one(talk.wait(60), "response.done")["response"]["id"] == ids[1]


def test_input_replaces_the_context() -> None:
    """Items, references, or nothing at all; the conversation is not touched."""
    talk = Talk()
    first, _ = talk.insert("The first"), talk.insert("The second")

    def answer(given: list[dict[str, Any]]) -> str:
        events = talk.respond(conversation="none", output_modalities=["text"], input=given)
        text: str = one(events, "response.output_text.done")["text"]
        return text

    assert answer([{"type": "item_reference", "id": first}]) == "You said: The first"
    assert answer([{"type": "item_reference", "id": first}, user_text("A third")]) == "You said: A third"
    assert answer([]).startswith("Hello. This is the loopback server.")
    spoken = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": b64(tone(0.7))}],
    }
    assert answer([spoken]) == "I heard 0.7 seconds of audio at -20 dBFS."
    assert len(talk.order()) == 2
    refused = talk.error(
        "response.create",
        response={"input": [{**spoken, "content": [{"type": "input_audio", "audio": "?"}]}]},
    )
    assert refused["param"] == "response.input[0].content[0].audio"


def test_what_a_response_overrides_is_for_it_alone() -> None:
    """Modality, instructions, format, limit: the session's are back for the next."""
    talk = Talk()
    talk.manual(output_modalities=["text"], max_output_tokens=500)
    talk.insert("Hello")
    events = talk.respond(
        instructions="Say only: pineapple",
        output_modalities=["audio"],
        max_output_tokens=400,
        audio={"output": {"format": {"type": "audio/pcmu"}}},
    )
    created = one(events, "response.created")["response"]
    assert created["output_modalities"] == ["audio"]
    assert created["max_output_tokens"] == 400
    assert created["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "marin"}
    assert one(events, "response.output_audio_transcript.done")["transcript"] == "pineapple"
    events = talk.respond()
    assert one(events, "response.created")["response"]["max_output_tokens"] == 500
    assert one(events, "response.output_text.done")["text"] == "There is nothing new to answer."


# --- endings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["text", "audio"])
def test_a_token_limit_makes_it_incomplete(modality: str) -> None:
    """It stops at the limit, says why, and spends no more than it may."""
    talk = Talk()
    talk.manual()
    talk.insert("a quite long sentence that certainly is more than a few tokens long")
    events = talk.respond(output_modalities=[modality], max_output_tokens=10)
    final = one(events, "response.done")["response"]
    assert final["status"] == "incomplete"
    assert final["status_details"] == {"type": "incomplete", "reason": "max_output_tokens"}
    assert final["output"][0]["status"] == "incomplete"
    assert 5 <= final["usage"]["output_tokens"] <= 10
    said = "text" if modality == "text" else "audio"
    assert final["usage"]["output_token_details"][f"{said}_tokens"] > 0


def test_nobody_talks_for_ever() -> None:
    """Without a limit the model's own holds: 4,096 tokens."""
    talk = Talk(scenario=lambda turn: "word " * 20_000)
    final = one(talk.respond(output_modalities=["text"]), "response.done")["response"]
    assert final["status"] == "incomplete"
    assert final["usage"]["output_tokens"] == 4096


def test_failures_and_filters_of_a_scenario() -> None:
    """`failed` with its error, `incomplete` with its reason."""
    failing = Talk(scenario=lambda turn: Reply(failure=Failure("rate_limit_exceeded", "Slow down.")))
    events = failing.respond()
    assert kinds(events) == ["response.created", "response.done", "rate_limits.updated"]
    final = events[1]["response"]
    assert (final["status"], final["output"]) == ("failed", [])
    assert final["status_details"] == {
        "type": "failed",
        "error": {"type": "server_error", "code": "rate_limit_exceeded", "message": "Slow down."},
    }
    filtered = Talk(scenario=lambda turn: Reply((Say("Well,"),), filtered=True))
    final = one(filtered.respond(output_modalities=["text"]), "response.done")["response"]
    assert final["status_details"] == {"type": "incomplete", "reason": "content_filter"}
    assert final["output"][0]["status"] == "incomplete"


def test_a_scenario_that_raises_fails_its_response_only() -> None:
    """The error names what was raised; the next response is free to succeed."""
    answers = iter(["", "Fine."])

    def brain(turn: Turn) -> str:
        text = next(answers)
        if not text:
            raise ValueError("no idea")
        return text

    talk = Talk(scenario=brain)
    final = one(talk.respond(), "response.done")["response"]
    assert final["status_details"]["error"]["message"] == "The scenario raised ValueError: no idea"
    assert one(talk.respond(), "response.done")["response"]["status"] == "completed"


def test_an_answer_of_nothing() -> None:
    """An empty message is still a whole one."""
    talk = Talk(scenario=lambda turn: "")
    events = talk.respond()
    assert kinds(events)[3:5] == ["response.content_part.added", "response.output_audio.done"]
    assert one(events, "response.output_audio_transcript.done")["transcript"] == ""


# --- tokens ---------------------------------------------------------------------------------------


def test_usage_adds_up() -> None:
    """Totals are sums; audio counts by duration; what was counted before is cached in 64s."""
    talk = Talk()
    talk.manual(instructions="x" * 400)
    talk.commit(seconds=10.0)
    usage = one(talk.respond(), "response.done")["response"]["usage"]
    given, made = usage["input_token_details"], usage["output_token_details"]
    assert (given["text_tokens"], given["audio_tokens"], given["image_tokens"]) == (100, 100, 0)
    assert given["cached_tokens"] == 0
    assert usage["input_tokens"] == 200
    assert usage["output_tokens"] == made["text_tokens"] + made["audio_tokens"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    talk.say(
        "conversation.item.create",
        item={"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": "data:"}]},
    )
    again = one(talk.respond(), "response.done")["response"]["usage"]["input_token_details"]
    assert again["audio_tokens"] == 100 + made["audio_tokens"]
    assert again["text_tokens"] == 100 + made["text_tokens"]
    assert again["image_tokens"] == 256
    assert again["cached_tokens_details"] == {"text_tokens": 64, "audio_tokens": 64, "image_tokens": 0}
    assert again["cached_tokens"] == 128


def test_tools_count_as_input() -> None:
    """Their definitions are text the model reads."""
    talk = Talk()
    bare = one(talk.respond(), "response.done")["response"]["usage"]["input_tokens"]
    talk.update(tools=[{"type": "function", "name": "f" * 40, "parameters": {}}])
    talk.say("conversation.item.delete", item_id=talk.order()[0])
    assert one(talk.respond(), "response.done")["response"]["usage"]["input_tokens"] > bare


def test_rate_limits_follow_what_was_spent() -> None:
    """One entry, `tokens`; a switch leaves them out, as servers sometimes do."""
    talk = Talk()
    first, second = (one(talk.respond(), "rate_limits.updated")["rate_limits"] for _ in range(2))
    assert [limit["name"] for limit in first] == ["tokens"]
    assert list(first[0]) == ["name", "limit", "remaining", "reset_seconds"]
    assert second[0]["remaining"] < first[0]["remaining"] < first[0]["limit"]
    quiet = Talk(behaviour=Behaviour(rate_limits=False))
    assert kinds(quiet.respond())[-1] == "response.done"


def test_a_conversation_too_long() -> None:
    """Refused where truncation is disabled, else the oldest are left out without a word."""
    talk = Talk(model="gpt-realtime")
    talk.manual(truncation="disabled")
    for n in range(3):
        talk.insert(f"{n}" * 50_000)
    refused = talk.error("response.create")
    assert (refused["code"], refused["message"]) == (
        "conversation_too_long",
        "Conversation is too long to create a Response.",
    )
    talk.update(truncation="auto")
    final = one(talk.respond(output_modalities=["text"]), "response.done")["response"]
    assert final["status"] == "completed"
    assert 25_000 < final["usage"]["input_tokens"] <= 28_224
    assert final["output"][0]["content"][0]["text"].startswith("You said: 222")
    assert len(talk.order()) == 4


# --- switches -------------------------------------------------------------------------------------


def test_switches() -> None:
    """Observed quirks can be turned off to see what a client makes of it."""
    talk = Talk(behaviour=Behaviour(null_previous_quirk=False, obfuscation=False, session_seconds=60.0))
    first = talk.insert("1")
    events = talk.respond(output_modalities=["text"])
    assert one(events, "conversation.item.done")["previous_item_id"] == first
    assert not any("obfuscation" in event for event in events)
    assert talk.session.next_deadline() == 160.0


# --- pace -----------------------------------------------------------------------------------------


def timed(talk: Talk, seconds: float) -> list[tuple[float, Event]]:
    """Events with the time at which they came."""
    heard = []
    end = talk.now + seconds
    while (due := talk.session.next_deadline()) is not None and due <= end:
        talk.now = due
        talk.session.handle_timer(due)
        heard += [(due, event) for event in talk.drain()]
    talk.now = end
    return heard


@pytest.mark.parametrize("speed", [1.0, 10.0])
def test_audio_comes_at_the_pace_it_should(speed: float) -> None:
    """100 ms of sound every 100 ms divided by the speed; words never behind their sound."""
    talk = Talk(speed=speed)
    talk.manual()
    talk.insert("one two three four five six seven eight nine ten")
    asked = talk.now
    talk.respond()
    heard = timed(talk, 60)
    audio = [at for at, event in heard if event["type"] == "response.output_audio.delta"]
    assert audio[0] - asked == pytest.approx(0.5 / speed)
    gaps = [later - earlier for earlier, later in pairwise(audio)]
    assert gaps == pytest.approx([0.1 / speed] * len(gaps))
    words = [at for at, event in heard if event["type"] == "response.output_audio_transcript.delta"]
    assert words[0] == audio[0]
    assert audio[0] < words[-1] <= audio[-1] - 0.2 / speed


def test_a_late_timer_catches_up() -> None:
    """What was due meanwhile comes in order, all of it."""
    prompt, late = Talk(speed=1.0), Talk(speed=1.0)
    for talk in (prompt, late):
        talk.manual()
        talk.respond()
    step_by_step = prompt.wait(30)
    late.now += 30
    late.session.handle_timer(late.now)
    assert [(e["type"], e.get("delta")) for e in late.drain()] == [
        (e["type"], e.get("delta")) for e in step_by_step
    ]


def test_a_message_brings_what_was_due_before_it() -> None:
    """Order on the line is the order of time, whether or not a timer fired."""
    talk = Talk(speed=1.0)
    talk.respond(output_modalities=["text"])
    talk.now += 30
    events = talk.say("input_audio_buffer.clear")
    assert kinds(events)[-3:] == ["response.done", "rate_limits.updated", "input_audio_buffer.cleared"]


def test_voice_speed_changes_the_length() -> None:
    """`audio.output.speed` is the voice's, not the line's."""

    def length(speed: float) -> int:
        talk = Talk()
        talk.manual()
        talk.update(audio={"output": {"speed": speed}})
        talk.insert("one two three four")
        return sum(len(e["delta"]) for e in by_kind(talk.respond(), "response.output_audio.delta"))

    assert length(0.5) > 1.7 * length(1.0) > 1.7 * 1.2 * length(1.5)


def test_a_custom_voice_is_echoed_as_it_was_given() -> None:
    """An object where the name would be."""
    talk = Talk()
    talk.update(audio={"output": {"voice": {"id": "voice_1"}}})
    events = talk.respond()
    assert one(events, "response.done")["response"]["audio"]["output"]["voice"] == {"id": "voice_1"}
    assert by_kind(events, "response.output_audio.delta")


def test_parallel_calls_may_be_forbidden() -> None:
    """By the session, or by the response against it."""
    talk = Talk()
    tools = [{"type": "function", "name": name} for name in ("look", "listen")]
    talk.manual(tools=tools, parallel_tool_calls=False)

    def called(**response: Any) -> int:
        talk.insert("look and listen")
        return len(by_kind(talk.respond(**response), "response.function_call_arguments.done"))

    assert called() == 1
    assert called(parallel_tool_calls=True) == 2
