"""What items contain: text, sound, arguments, transcripts and statuses, whichever stream tells of them."""

from __future__ import annotations

import base64

import pytest

from realtime_raw.events.session import RealtimeSession, TranscriptionSession
from realtime_raw.protocol.conversation import Change, ConversationMirror, Segment
from realtime_raw.protocol.item_record import MAX_DRAFTS
from realtime_raw.types import AudioKey, ErrorInfo
from tests.protocol.told import (
    TRANSCRIPTION,
    Message,
    added,
    audio_reply,
    call,
    call_stream,
    committed,
    contradictions,
    deleted,
    done,
    history,
    ids,
    of_part,
    reply,
    response_done,
    result,
    said,
    sound,
    spoken,
    tell,
    text,
    text_reply,
    transcription_of,
    truncated,
    user,
)

BEGUN = reply("a", status="in_progress")


def mirror_of(*messages: Message) -> ConversationMirror:
    """A mirror that heard these, and found nothing wrong with them."""
    mirror = ConversationMirror()
    assert contradictions(tell(mirror, *messages)) == []
    return mirror


# Replies


def test_a_text_reply_grows_and_ends() -> None:
    """Deltas are told one by one; the final text is theirs."""
    mirror = mirror_of(added(BEGUN, None))
    stream = text_reply("a", ["Hel", "lo."], "resp_1")
    (item,) = mirror
    grown = []
    for message in stream:
        changes = tell(mirror, message)
        assert {change.kind for change in changes} == {"changed"}
        grown.append(item.text)
    assert grown == ["", "", "Hel", "Hello.", "Hello.", "Hello.", "Hello."]
    assert (item.status, item.role, item.response_id) == ("completed", "assistant", "resp_1")
    assert [(part.type, part.text, part.transcript) for part in item.parts] == [
        ("output_text", "Hello.", None)
    ]


def test_an_audio_reply() -> None:
    """Its transcript and the length of its sound; the sound itself is not kept."""
    mirror = mirror_of(
        added(BEGUN, None),
        *audio_reply("a", [("Hey", 100), (" there.", 250)], "resp_1"),
        done(reply("a", {"type": "output_audio", "transcript": "Hey there."})),
        response_done(reply("a", {"type": "output_audio", "transcript": "Hey there."})),
    )
    (item,) = mirror
    assert (item.text, item.audio_ms, item.generated_ms) == ("Hey there.", 350, 350)
    assert [(part.type, part.text, part.transcript) for part in item.parts] == [
        ("output_audio", None, "Hey there.")
    ]
    assert (item.heard, item.unheard, item.heard_ms, item.unheard_ms) == (None, None, None, None)


def test_everything_may_precede_its_item() -> None:
    """The whole response before the conversation tells of the item."""
    mirror = mirror_of(*audio_reply("a", [("Hey", 100)], "resp_1"))
    assert (len(mirror), mirror.item("a"), mirror.statistics()["draft_items"]) == (0, None, 1)
    assert tell(mirror, added(BEGUN, None)) == [Change("added", "a", "assistant")]
    (item,) = mirror
    assert (item.text, item.audio_ms, item.status, item.response_id) == ("Hey", 100, "completed", "resp_1")
    assert mirror.statistics()["draft_items"] == 0


def test_final_objects_alone_suffice() -> None:
    """Servers that send no deltas, no parts, or no `.done`."""
    final = reply("a", {"type": "output_text", "text": "Hi."})
    ended = {"type": "response.output_item.done", "response_id": "r", "item": final}
    for message in (done(final), ended, response_done(final), of_part("output_text.done", "a", text="Hi.")):
        (item,) = mirror_of(added(BEGUN, None), message)
        assert item.text == "Hi."
    beta = {**final, "content": [{"type": "text", "text": "Hi."}]}
    (item,) = mirror_of(added(BEGUN, None), done(beta))
    assert [part.type for part in item.parts] == ["output_text"]
    beta = {**user("u"), "content": [{"type": "text", "text": "Hi."}, {"type": "audio"}]}
    (item,) = mirror_of(added(beta, None))
    assert [part.type for part in item.parts] == ["input_text", "input_audio"]


@pytest.mark.parametrize(
    "final",
    [
        of_part("output_text.done", "a", text="Hello!"),
        of_part("content_part.done", "a", part={"type": "text", "text": "Hello!"}),
        done(reply("a", {"type": "output_text", "text": "Hallo"})),
        response_done(reply("a", {"type": "output_text", "text": "Hello!"})),
    ],
    ids=lambda message: message["type"],
)
def test_a_final_text_that_its_deltas_do_not_say(final: Message) -> None:
    """The final text stands; the contradiction is told once, with the item's id made fit to print."""
    mirror = mirror_of(added(BEGUN, None), text("a", "Hello"))
    changes = tell(mirror, final, final)
    assert len(contradictions(changes)) == 1
    assert contradictions(changes)[0].startswith("item a ")
    assert changes[0].item_id == "a"
    assert mirror.items()[0].text in ("Hello!", "Hallo")
    assert contradictions(tell(mirror, text("a", "late"))) == []


def test_a_late_delta_that_the_final_text_does_not_hold() -> None:
    """The final text came first; a delta must then repeat it."""
    mirror = mirror_of(added(BEGUN, None), done(reply("a", {"type": "output_text", "text": "Hello"})))
    assert contradictions(tell(mirror, text("a", "Hel"))) == []
    assert contradictions(tell(mirror, text("a", "p"))) == [
        "item a has a delta that its final text does not hold"
    ]
    assert mirror.items()[0].text == "Hello"


def test_parts_that_vanish() -> None:
    """A final item with fewer parts is believed, and contradicts if they had text."""
    mirror = mirror_of(
        added(BEGUN, None), text("a", "One"), said("a", "Two", index=1), sound("a", 20, index=2)
    )
    changes = tell(mirror, done(reply("a", {"type": "output_text", "text": "One"})))
    assert contradictions(changes) == ["item a part 1 is missing from the final item"]
    assert [part.index for part in mirror.items()[0].parts] == [0]
    # An empty list of parts is no statement about them (cancelled items).
    assert contradictions(tell(mirror, done(reply("a")))) == []
    assert mirror.items()[0].text == "One"


def test_phase() -> None:
    """A preamble is told from an answer."""
    (item,) = mirror_of(added(BEGUN, None), done({**reply("a"), "phase": "commentary"}))
    assert item.phase == "commentary"


def test_out_of_band_items_never_enter() -> None:
    """Their deltas are held until their response ends, and dropped with it."""
    mirror = mirror_of(
        added(user("u", "Hello."), None),
        *audio_reply("x", [("Aside", 500)], "resp_x"),
        *text_reply("y", ["Aside"], "resp_x"),
        *call_stream("z", ["{}"], "resp_z"),
    )
    assert mirror.statistics()["draft_items"] == 3
    before = history(mirror)
    final = reply("x", {"type": "output_audio", "transcript": "Aside"})
    assert tell(mirror, response_done(final, response_id="resp_x")) == []
    assert mirror.statistics()["draft_items"] == 1
    assert tell(mirror, response_done(call("z", "{}"), response_id="resp_z")) == []
    assert history(mirror) == before
    assert mirror.statistics() == {
        "items": 1,
        "waiting_items": 0,
        "draft_items": 0,
        "dropped_drafts": 0,
        "unheard_parts": 0,
    }


def test_contradictions_of_items_outside_are_nobodys_business() -> None:
    """They are not in this history."""
    mirror = mirror_of(text("x", "One"))
    assert tell(mirror, of_part("output_text.done", "x", text="Two")) == []


def test_drafts_are_bounded() -> None:
    """A server that talks of countless items it never adds: the oldest go, with their positions."""
    mirror = ConversationMirror()
    for number in range(MAX_DRAFTS + 50):
        tell(mirror, said(f"x{number}", "la", f"resp_{number}"))
    assert mirror.statistics() == {
        "items": 0,
        "waiting_items": 0,
        "draft_items": MAX_DRAFTS,
        "dropped_drafts": 50,
        "unheard_parts": MAX_DRAFTS,
    }


def test_nothing_is_kept_of_deleted_items() -> None:
    """Late events of an item that is gone, and of drafts that are."""
    mirror = mirror_of(added(BEGUN, None), said("a", "Hi"), said("x", "Ho", "resp_x"))
    tell(mirror, deleted("a"), deleted("x"))
    late = [
        said("a", "Hi"),
        text("x", "Ho"),
        *audio_reply("a", [("Hey", 100)], "resp_1"),
        *transcription_of("a", ["Hm"]),
        {"type": "response.mcp_call.completed", "item_id": "a"},
        response_done(reply("a")),
    ]
    assert tell(mirror, *late) == []
    assert mirror.statistics()["draft_items"] == mirror.statistics()["unheard_parts"] == 0


def test_formats_turn_bytes_into_milliseconds() -> None:
    """The session's, unless the response says otherwise."""
    mirror = ConversationMirror()
    mulaw = {"format": {"type": "audio/pcmu"}}
    mirror.configured(RealtimeSession.model_validate({"audio": {"input": mulaw, "output": mulaw}}))
    mirror.configured(RealtimeSession.model_validate({"audio": {"input": {}, "output": {"format": {}}}}))
    mirror.configured(RealtimeSession.model_validate({"audio": {"input": {"format": {}}}}))
    mirror.configured(TranscriptionSession.model_validate({}))
    second = base64.b64encode(bytes(8000)).decode()
    held = {"type": "input_audio", "audio": second}
    tell(
        mirror,
        added(BEGUN, None),
        of_part("output_audio.delta", "a", delta=second),
        added(reply("b", status="in_progress"), "a"),
        {
            "type": "response.created",
            "response": {"id": "resp_b", "audio": {"output": {"format": {"type": "audio/pcm"}}}},
        },
        {"type": "response.created", "response": {"id": "resp_1", "audio": {"output": mulaw}}},
        sound("b", 300, "resp_b"),
        {"type": "conversation.item.retrieved", "item": {**user("u"), "content": [held]}},
    )
    lengths = {item.id: item.audio_ms for item in mirror}
    assert lengths == {"a": 1000, "b": 300, "u": 1000}
    # A part keeps its format; a response's own format ends with it.
    tell(mirror, response_done(response_id="resp_b"), sound("b", 48, "resp_b"))
    tell(mirror, added(reply("c"), "b"), sound("c", 48, "resp_b"))
    assert {item.id: item.audio_ms for item in mirror} == {"a": 1000, "b": 348, "c": 288, "u": 1000}


# Heard


def test_hearing_a_reply_out() -> None:
    """Everything is heard once the ear is at the end and no more sound comes; its positions are dropped."""
    mirror = mirror_of(added(BEGUN, None))
    stream = audio_reply("a", [("One", 100), (" two", 100)], "resp_1")
    (item,), key = mirror, AudioKey("a", 0)
    tell(mirror, *stream[:5])
    mirror.mark_heard(key)
    assert (item.heard, item.unheard, item.heard_ms) == ("One", " two", 100)
    tell(mirror, *stream[5:])
    mirror.mark_heard(key, 150)
    assert (item.heard, item.unheard, item.heard_ms, item.unheard_ms) == ("One", " two", 150, 50)
    assert mirror.heard_text.cut(key, 200) == ("One two", "")
    mirror.mark_heard(key, 200)
    assert (item.heard, item.unheard, item.heard_ms, item.unheard_ms) == ("One two", "", 200, 0)
    assert len(mirror.heard_text) == 0
    mirror.mark_heard(key, 50)
    tell(mirror, *stream)
    assert (item.heard, item.heard_ms) == ("One two", 200)
    assert len(mirror.heard_text) == 0


def test_the_ear_never_un_hears_nor_runs_ahead() -> None:
    """Marks only grow, and never beyond what was received; strangers are ignored."""
    mirror = mirror_of(added(BEGUN, None), *audio_reply("a", [("One", 100), (" two", 100)], "resp_1"))
    (item,) = mirror
    mirror.mark_heard(AudioKey("a", 0), 120)
    mirror.mark_heard(AudioKey("a", 0), 20)
    assert (item.heard, item.heard_ms) == ("One", 120)
    mirror.mark_heard(AudioKey("a", 0), 5000)
    assert (item.heard, item.heard_ms) == ("One two", 200)
    mirror.mark_heard(AudioKey("a", 7), 20)
    mirror.mark_heard(AudioKey("x", 0), 20)
    assert len(mirror) == 1


def test_a_part_that_is_longer_than_what_came_of_it_is_not_heard_out_before() -> None:
    """Retrieved, it shows more sound than was streamed: the ear is at its end only behind that."""
    mirror = mirror_of(added(BEGUN, None), *audio_reply("a", [("One", 100), (" two", 100)], "resp_1"))
    (item,), key = mirror, AudioKey("a", 0)
    audio = base64.b64encode(bytes(48 * 300)).decode()
    shown = {"type": "output_audio", "audio": audio, "transcript": "One two"}
    tell(mirror, {"type": "conversation.item.retrieved", "item": reply("a", shown)})
    assert item.audio_ms == 300
    mirror.mark_heard(key, 250)
    assert (item.heard_ms, len(mirror.heard_text)) == (250, 1)
    mirror.mark_heard(key, 300)
    assert (item.heard_ms, len(mirror.heard_text)) == (300, 0)


def test_truncation_takes_the_tail() -> None:
    """Sound is cut at the mark; text behind it was generated, and not heard."""
    mirror = mirror_of(
        added(BEGUN, None), *audio_reply("a", [("One", 100), (" two", 100), (" three", 100)], "r")
    )
    assert tell(mirror, truncated("a", 210)) == [Change("changed", "a", "truncated")]
    (item,) = mirror
    assert (item.generated, item.text, item.heard, item.unheard) == (
        "One two three",
        "One two",
        "One two",
        " three",
    )
    assert (item.generated_ms, item.audio_ms, item.heard_ms, item.unheard_ms) == (300, 210, 210, 90)
    assert item.truncated_at_ms == 210
    # The server has no transcript left; ours is not taken from us.
    blank = {"type": "output_audio", "audio": base64.b64encode(bytes(48 * 210)).decode(), "transcript": ""}
    assert (
        contradictions(tell(mirror, {"type": "conversation.item.retrieved", "item": reply("a", blank)})) == []
    )
    assert (item.generated, item.heard) == ("One two three", "One two")


def test_truncation_of_a_running_reply() -> None:
    """Text that still comes was generated after the cut: unheard."""
    mirror = mirror_of(added(BEGUN, None), said("a", "One"), sound("a", 100), said("a", " two"))
    tell(mirror, truncated("a", 100), sound("a", 100), said("a", " three"))
    (item,) = mirror
    assert (item.generated, item.text, item.heard, item.unheard) == (
        "One two three",
        "One",
        "One",
        " two three",
    )
    assert (item.audio_ms, item.generated_ms) == (100, 200)


def test_the_players_word_comes_before_the_truncation() -> None:
    """Heard to its end, then truncated by hand: the ear heard it all, the conversation holds less."""
    mirror = mirror_of(added(BEGUN, None), *audio_reply("a", [("ab cd", 100), (" ef gh", 100)], "resp_1"))
    (item,) = mirror
    mirror.mark_heard(AudioKey("a", 0))
    tell(mirror, truncated("a", 120))
    assert (item.heard, item.text, item.audio_ms) == ("ab cd ef gh", "ab cd", 120)
    mirror = mirror_of(added(BEGUN, None), *audio_reply("a", [("One", 100), (" two", 100)], "resp_1"))
    mirror.mark_heard(AudioKey("a", 0), 110)
    tell(mirror, truncated("a", 200))
    assert (mirror.items()[0].heard, mirror.items()[0].heard_ms, mirror.items()[0].text) == (
        "One",
        110,
        "One two",
    )


def test_truncation_where_no_sound_was_seen() -> None:
    """A sideband gets no audio deltas: where the text ends cannot be known, and is not guessed."""
    mirror = mirror_of(added(BEGUN, None), said("a", "One two"), truncated("a", 900))
    (item,) = mirror
    assert (item.text, item.heard, item.truncated_at_ms, item.audio_ms) == ("One two", None, 900, 900)
    mirror.mark_heard(AudioKey("a", 0), 300)
    assert (item.heard, item.unheard, item.heard_ms) == ("", "One two", 0)


def test_a_reply_that_was_cut_short_has_words_nobody_spoke() -> None:
    """Transcript ahead of its sound when the reply was cancelled: generated, not heard."""
    stream = audio_reply("a", [("One", 100), (" two", 100)], "resp_1")
    half = reply("a", {"type": "output_audio", "transcript": "One two"}, status="incomplete")
    mirror = mirror_of(
        added(BEGUN, None),
        *stream[:5],
        of_part("output_audio.done", "a"),
        {"type": "response.output_item.done", "response_id": "resp_1", "item": half},
        response_done(half, status="cancelled"),
    )
    (item,) = mirror
    mirror.mark_heard(AudioKey("a", 0))
    assert (item.status, item.heard, item.unheard) == ("incomplete", "One", " two")


def test_a_transcript_without_deltas() -> None:
    """It is spread over the sound."""
    mirror = mirror_of(
        added(BEGUN, None),
        sound("a", 1000),
        of_part("output_audio.done", "a"),
        of_part("output_audio_transcript.done", "a", transcript="ab cd ef gh"),
        truncated("a", 500),
    )
    assert mirror.items()[0].heard == "ab cd"


# The user's words


def test_transcripts_come_before_and_after_their_item() -> None:
    """In pieces while the user speaks; whole after the reply."""
    pieces = transcription_of("u", [" What", " time?"])
    mirror = mirror_of(*pieces[:1], committed("u", None))
    (item,) = mirror
    assert (item.text, item.transcription_status) == (" What", "in_progress")
    tell(mirror, added(spoken("u"), None), done(spoken("u")), *pieces[1:2])
    assert item.text == " What time?"
    assert tell(mirror, *pieces[2:]) == [Change("changed", "u", "transcription")]
    assert (item.text, item.transcription_status, item.generated) == (
        " What time?",
        "completed",
        " What time?",
    )
    assert [(part.type, part.transcript) for part in item.parts] == [("input_audio", " What time?")]


def test_a_transcript_revises_itself() -> None:
    """The last word stands, and nothing about it is a contradiction; blanks in items mean nothing."""
    mirror = mirror_of(
        added(spoken("u"), None),
        *transcription_of("u", ["Helo"]),
        {"type": f"{TRANSCRIPTION}.delta", "item_id": "u", "delta": " late"},
    )
    (item,) = mirror
    assert (item.text, item.transcription_status) == ("Helo", "completed")
    again = {"type": f"{TRANSCRIPTION}.completed", "item_id": "u"}
    changes = tell(mirror, {**again, "transcript": "Hello."}, done(spoken("u", "")), again)
    assert contradictions(changes) == []
    assert item.text == "Hello."


def test_silence_is_a_transcript() -> None:
    """Empty, and completed."""
    mirror = mirror_of(added(spoken("u"), None), *transcription_of("u", []))
    (item,) = mirror
    assert (item.text, item.transcription_status, item.parts[0].transcript) == ("", "completed", "")


def test_failed_transcription() -> None:
    """Why is kept; a later transcript heals it."""
    error = {"type": "server_error", "code": "DeploymentNotFound", "message": "No.", "param": None}
    failed = {"type": f"{TRANSCRIPTION}.failed", "item_id": "u", "content_index": 0}
    mirror = mirror_of(added(spoken("u"), None), failed, {**failed, "error": error})
    (item,) = mirror
    assert item.transcription_status == "failed"
    assert item.parts[0].error == ErrorInfo("No.", code="DeploymentNotFound", type="server_error")
    tell(mirror, *transcription_of("u", ["Yes"]))
    assert item.transcription_status == "completed"
    assert item.parts[0].error is None


def test_who_said_what() -> None:
    """Segments of diarizing models, by their id."""
    segment = {"type": f"{TRANSCRIPTION}.segment", "item_id": "u", "content_index": 0}
    mirror = mirror_of(
        added(spoken("u"), None),
        {**segment, "id": "s1", "text": "Hi", "speaker": "A", "start": 0, "end": 1.5},
        {**segment, "id": "s1", "text": "Hi!", "speaker": "A", "start": 0, "end": 1.5},
        segment,
    )
    (item,) = mirror
    assert item.transcription_status == "in_progress"
    assert item.parts[0].segments == (Segment("s1", "Hi!", "A", 0, 1.5), Segment(None, "", None, None, None))


# Tools


def test_a_call_and_its_output() -> None:
    """Arguments in pieces; the output finds its call, whichever is told first."""
    weather = call("c", '{"city":"Oslo"}')
    told = [
        added(call("c", status="in_progress"), None),
        *call_stream("c", ['{"city":', '"Oslo"}'], "resp_1"),
        done(weather),
        added(result("r", "c", "rain"), "c"),
    ]
    for order in (told, [told[0], told[-1], *told[1:-1]]):
        first, second = mirror_of(*order)
        assert (first.name, first.call_id, first.arguments) == ("weather", "call_c", '{"city":"Oslo"}')
        assert (first.output, first.answered_by) == ("rain", "r")
        assert (second.name, second.call_id, second.output) == ("weather", "call_c", "rain")
        assert (second.arguments, second.answered_by, second.status) == (None, None, None)


def test_a_deleted_output_leaves_its_call_unanswered() -> None:
    """And another may answer it."""
    mirror = mirror_of(added(call("c", "{}"), None), added(result("r", "c", "rain"), "c"), deleted("r"))
    (item,) = mirror
    assert (item.output, item.answered_by) == (None, None)
    tell(mirror, added(result("s", "c", "sun"), "c"))
    assert (item.output, item.answered_by) == ("sun", "s")
    tell(mirror, deleted("c"), added(call("c2", "{}"), None))
    assert mirror.items()[1].name is None
    mirror = mirror_of(
        added(call("c", "{}"), None), added(result("r", "c", "1"), "c"), added(result("s", "c", "2"), "r")
    )
    tell(mirror, deleted("r"))
    assert mirror.items()[0].output == "2"


def test_arguments_that_do_not_add_up() -> None:
    """The final ones stand; the contradiction is told, once per stream that says otherwise."""
    mirror = mirror_of(added(call("c", status="in_progress"), None), call_stream("c", ['{"a":1'], "r")[1])
    final = call_stream("c", ["{}"], "r")
    assert contradictions(tell(mirror, *final[2:])) == [
        "item c has final arguments that are not what their deltas said"
    ]
    assert contradictions(tell(mirror, done(call("c", "{...}")))) == [
        "item c the final arguments are not what their deltas said"
    ]
    mirror = mirror_of(added(call("c", "{}"), None))
    assert contradictions(tell(mirror, call_stream("c", ["[]"], "r")[1])) == [
        "item c has a delta that its final arguments do not hold"
    ]
    assert mirror.items()[0].arguments == "{}"


def test_mcp() -> None:
    """Import of tools, a call with its status and result, and its approval."""
    tools = {"id": "m", "type": "mcp_list_tools", "server_label": "maps", "tools": []}
    request = {
        "id": "q",
        "type": "mcp_approval_request",
        "server_label": "maps",
        "name": "go",
        "arguments": "{}",
    }
    mirror = mirror_of(
        {"type": "mcp_list_tools.in_progress", "item_id": "m"},
        added(tools, None),
        {"type": "mcp_list_tools.completed", "item_id": "m"},
        done({**tools, "tools": [{"name": "go", "input_schema": {}}]}),
        added(request, "m"),
        added({"id": "p", "type": "mcp_approval_response", "approval_request_id": "q", "approve": True}, "q"),
        added({"id": "k", "type": "mcp_call", "server_label": "maps", "name": "go", "arguments": ""}, "p"),
        {"type": "response.mcp_call_arguments.delta", "response_id": "r", "item_id": "k", "delta": '{"to":'},
        {"type": "response.mcp_call_arguments.delta", "response_id": "r", "item_id": "k", "delta": "1}"},
        {
            "type": "response.mcp_call_arguments.done",
            "response_id": "r",
            "item_id": "k",
            "arguments": '{"to":1}',
        },
        {"type": "response.mcp_call.in_progress", "item_id": "k"},
        {"type": "response.mcp_call.failed", "item_id": "k"},
        done(
            {
                "id": "k",
                "type": "mcp_call",
                "server_label": "maps",
                "name": "go",
                "arguments": '{"to":1}',
                "approval_request_id": "q",
                "error": {"type": "http_error", "code": 500, "message": "down"},
            }
        ),
    )
    assert [item.id for item in mirror] == ["m", "q", "p", "k"]
    listed, asked, answered, called = mirror
    assert (listed.status, listed.tools, listed.server_label) == ("completed", ("go",), "maps")
    assert (asked.name, asked.arguments, asked.server_label) == ("go", "{}", "maps")
    assert (answered.approval_request_id, answered.approve, answered.reason) == ("q", True, None)
    assert (called.status, called.error, called.output) == ("failed", "down", None)
    assert (called.arguments, called.approval_request_id, called.response_id) == ('{"to":1}', "q", "r")


# Looks at running items


def test_retrieving_a_running_item_stops_nothing() -> None:
    """What is retrieved half-way is no final word: the deltas go on."""
    mirror = mirror_of(added(BEGUN, None), text("a", "One"), text("a", " two"))
    look = reply("a", {"type": "output_text", "text": "One"}, status="in_progress")
    assert contradictions(tell(mirror, {"type": "conversation.item.retrieved", "item": look})) == []
    assert contradictions(tell(mirror, text("a", " three"))) == []
    (item,) = mirror
    assert (item.text, item.status) == ("One two three", "in_progress")


def test_an_item_that_is_in_progress_and_never_done() -> None:
    """Servers that echo a client's item as in progress: its text counts all the same."""
    mirror = mirror_of(added({**user("u", "Hello."), "status": "in_progress"}, None))
    assert mirror.items()[0].text == "Hello."


def test_images_stay() -> None:
    """As the data URI they came in."""
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}
    mirror = mirror_of(added({**user("u"), "content": [picture]}, None))
    tell(mirror, done({**user("u"), "content": [{"type": "input_image"}]}))
    (part,) = mirror.items()[0].parts
    assert (part.type, part.image_url, part.detail) == ("input_image", "data:image/png;base64,AA", "low")


def test_wild_content_indexes() -> None:
    """They are keys, not lengths."""
    mirror = mirror_of(added(BEGUN, None), said("a", "far", index=10**15), said("a", "below", index=-1))
    assert [(part.index, part.transcript) for part in mirror.items()[0].parts] == [
        (-1, "below"),
        (10**15, "far"),
    ]
    assert ids(mirror) == ["a"]
