"""Any sequence of messages, sensible or garbled, is answered by the rules and never by an exception."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import orjson
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.client_schema import EVENTS
from realtime_raw.loopback.exchange import Exchange
from realtime_raw.loopback.faults import FAULTS, behaviour_with, parse_fault
from realtime_raw.loopback.faulty import FaultySession
from realtime_raw.loopback.translation import TranslationSession
from tests.loopback.driver import Event, b64, tone, user_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ITEM_IDS = st.sampled_from(["item_a", "item_b", "item_c", "nowhere", "root"])
# Filled in when it is said: hypothesis prints its strategies, and audio is long.
AUDIO = {"<loud>": b64(tone(0.3)), "<quiet>": b64(bytes(24_000))}
WORDS = st.sampled_from(["echo text: plum", "look", "What did I say?", "Say only: a b c d e f g h i j k."])
VAD: Event = {"type": "server_vad", "silence_duration_ms": 200}
SERVER: Event = {"type": "mcp", "server_label": "maps", "server_url": "https://maps.test"}
VALID: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries(
        {"type": st.just("conversation.item.create"), "item": ITEM_IDS.map(lambda i: user_text("Hi", id=i))},
        optional={"previous_item_id": ITEM_IDS},
    ),
    st.builds(lambda i: {"type": "conversation.item.delete", "item_id": i}, ITEM_IDS),
    st.builds(lambda i: {"type": "conversation.item.retrieve", "item_id": i}, ITEM_IDS),
    st.fixed_dictionaries(
        {
            "type": st.just("conversation.item.truncate"),
            "item_id": ITEM_IDS | st.just("<last>"),
            "content_index": st.integers(0, 1),
            "audio_end_ms": st.integers(0, 2000),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("response.create")},
        optional={
            "response": st.fixed_dictionaries(
                {},
                optional={
                    "conversation": st.sampled_from(["auto", "none"]),
                    "output_modalities": st.sampled_from([["text"], ["audio"]]),
                    "max_output_tokens": st.integers(1, 60),
                    "metadata": st.just({"k": "v"}),
                    "tool_choice": st.just("required"),
                    "input": st.just([]),
                },
            )
        },
    ),
    st.just({"type": "response.cancel"}),
    st.just({"type": "response.cancel", "response_id": "<last>"}),
    st.just({"type": "input_audio_buffer.append", "audio": "<loud>"}),
    st.just({"type": "input_audio_buffer.append", "audio": "<quiet>"}),
    st.just({"type": "input_audio_buffer.commit"}),
    st.just({"type": "input_audio_buffer.clear"}),
    st.builds(
        lambda turns, words, servers: {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": turns, "transcription": words}},
                "tools": [{"type": "function", "name": "look"}, *servers],
            },
        },
        st.sampled_from([None, VAD, {**VAD, "idle_timeout_ms": 5000}, {"type": "semantic_vad"}]),
        st.sampled_from([None, {"model": "whisper-1"}, {"model": "gpt-live-transcribe"}]),
        st.sampled_from([[], [SERVER], [{**SERVER, "require_approval": "never"}], [SERVER, SERVER]]),
    ),
    st.builds(lambda text: {"type": "conversation.item.create", "item": user_text(text)}, WORDS),
    st.fixed_dictionaries(
        {
            "type": st.just("conversation.item.create"),
            "item": st.builds(
                lambda i, approve: {
                    "type": "mcp_approval_response",
                    "id": i,
                    "approval_request_id": "<approval>",
                    "approve": approve,
                },
                ITEM_IDS,
                st.booleans(),
            ),
        }
    ),
    st.builds(
        lambda output: {
            "type": "conversation.item.create",
            "item": {"type": "function_call_output", "call_id": "c", "output": output},
        },
        WORDS,
    ),
    st.just({"type": "output_audio_buffer.clear"}),
    st.just({"type": "session.close"}),
    st.just({"type": "session.input_audio_buffer.append", "audio": "<loud>"}),
    st.just({"type": "session.input_audio_buffer.append", "audio": "<quiet>"}),
    st.builds(
        lambda audio: {"type": "session.update", "session": {"audio": audio}},
        st.sampled_from([{"output": {"language": "es"}}, {"input": {"transcription": {"model": "x"}}}, {}]),
    ),
]


@st.composite
def garbled(draw: st.DrawFn) -> dict[str, Any]:
    """A known type with the wrong inside: a valid event with one field replaced, dropped or added."""
    event: dict[str, Any] = dict(draw(st.one_of(VALID)))
    keys = sorted(set(event) - {"type"})
    place = draw(st.sampled_from(keys)) if keys else "bogus"
    kind = draw(st.sampled_from(["replace", "drop", "add", "deep"]))
    if kind == "drop":
        event.pop(place, None)
    elif kind == "deep" and isinstance(event.get(place), dict):
        event[place] = {**event[place], draw(st.text(max_size=8)): draw(JSON)}
    else:
        event[place if kind == "replace" else draw(st.text(max_size=8))] = draw(JSON)
    return event


SHAPELESS = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    st.sampled_from([*EVENTS, "nope"]),
    st.dictionaries(st.text(max_size=8), JSON, max_size=3),
)
# How a conversation may begin, so that what comes later meets more than an empty session.
OPENINGS: list[list[Event]] = [
    [],
    [{"type": "session.update", "session": {"type": "realtime", "tools": [SERVER]}}],
    [
        {
            "type": "session.update",
            "session": {"type": "realtime", "tools": [{**SERVER, "require_approval": "never"}]},
        },
        {"type": "conversation.item.create", "item": user_text("echo text: plum")},
        {"type": "response.create"},
    ],
    [
        {"type": "session.update", "session": {"type": "realtime", "tools": [SERVER]}},
        {"type": "conversation.item.create", "item": user_text("echo text: plum")},
        {"type": "response.create"},
        {"type": "session.input_audio_buffer.append", "audio": "<loud>"},
    ],
    [
        {"type": "session.input_audio_buffer.append", "audio": "<loud>"},
        {"type": "session.input_audio_buffer.append", "audio": "<quiet>"},
        {"type": "session.input_audio_buffer.append", "audio": "<quiet>"},
    ],
]
MESSAGES = st.builds(
    lambda opening, rest: [*((message, 0.7) for message in opening), *rest],
    st.sampled_from(OPENINGS),
    st.lists(
        st.tuples(
            st.one_of(*VALID, *VALID, garbled(), SHAPELESS) | JSON | st.binary(max_size=12),
            st.sampled_from([0.0, 0.0, 0.05, 0.3, 5.0]),
        ),
        max_size=40,
    ),
)


class Record:
    """Everything a session said, and the laws it must keep."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def last(self, kind: str, *path: str) -> str:
        """An id out of the newest event of a kind."""
        for event in reversed(self.events):
            if event["type"] == kind:
                found: Any = event
                for key in path:
                    found = found[key]
                return str(found)
        return "nowhere"

    def approval(self) -> str:
        """The newest approval that is asked for."""
        items = (event["item"] for event in self.events if event["type"] == "conversation.item.added")
        return next((item["id"] for item in items if item["type"] == "mcp_approval_request"), "nowhere")

    def fill(self, message: Any) -> Any:
        """`message` with the ids it leaves open."""
        if not isinstance(message, dict):
            return message
        for name, kind, path in (
            ("item_id", "response.output_item.added", ("item", "id")),
            ("response_id", "response.created", ("response", "id")),
        ):
            if message.get(name) == "<last>":
                message = {**message, name: self.last(kind, *path)}
        audio, item = message.get("audio"), message.get("item")
        if isinstance(audio, str):
            message = {**message, "audio": AUDIO.get(audio, audio)}
        if isinstance(item, dict) and item.get("approval_request_id") == "<approval>":
            message = {**message, "item": {**item, "approval_request_id": self.approval()}}
        return message

    def check(self, session: SimulatedSession) -> None:
        ids = [event["event_id"] for event in self.events]
        assert len(set(ids)) == len(ids)
        self._check_responses()
        self._check_items(session)

    def _check_responses(self) -> None:
        active: str | None = None
        open_ids: set[str] = set()
        for event in self.events:
            kind = event["type"]
            if kind == "response.created":
                response = event["response"]
                if response["conversation_id"] is not None:
                    assert active is None, "two responses write to the default conversation"
                    active = response["id"]
                open_ids.add(response["id"])
            elif kind == "response.done":
                open_ids.remove(event["response"]["id"])
                active = None if active == event["response"]["id"] else active
                assert event["response"]["status"] != "in_progress"
            elif kind.startswith("response.") and not kind.startswith("response.mcp_call."):
                assert event["response_id"] in open_ids, "an event outside its response"

    def _check_items(self, session: SimulatedSession) -> None:
        order: list[str] = []
        for event in self.events:
            if event["type"] == "conversation.item.added":
                previous, item_id = event["previous_item_id"], event["item"]["id"]
                assert item_id not in order
                order.insert(0 if previous is None else order.index(previous) + 1, item_id)
            elif event["type"] == "conversation.item.deleted":
                order.remove(event["item_id"])
        assert order == [item["id"] for item in session.items]


SWITCHES = st.sampled_from(
    [
        Behaviour(),
        Behaviour(
            null_previous_quirk=False,
            obfuscation=False,
            rate_limits=False,
            done_events_on_cancel=False,
            usage_on_cancel=False,
            completed_details=True,
            explicit_null_previous="root",
            unknown_call_output="refused",
            clear_resets_clock=True,
            clear_ends_speech=True,
            turn_detection_merge="defaults",
            turn_detection_null="shown",
            idle_from="done",
            mcp_item_first=False,
            mcp_approved="next_response",
        ),
    ]
)


def converse(session: Exchange, messages: list[tuple[Any, float]], record: Record) -> None:
    """Says `messages`, each answered by one error at most, and lets the rest come."""
    now = 0.0
    session.connected(now)
    record.events += [orjson.loads(each) for each in session.data_to_send()]
    for message, pause in messages:
        now += pause
        session.handle_timer(now)
        record.events += [orjson.loads(each) for each in session.data_to_send()]
        message = record.fill(message)
        session.receive_message(message if isinstance(message, bytes) else orjson.dumps(message), now)
        said = [orjson.loads(each) for each in session.data_to_send()]
        assert Counter(event["type"] for event in said)["error"] <= 1
        record.events += said
    # Idle turns go on for ever: what they began gets the time to end, in small steps.
    for _ in range(40):
        now += 0.5
        session.handle_timer(now)
        record.events += [orjson.loads(each) for each in session.data_to_send()]


@given(MESSAGES, st.sampled_from([math.inf, 20.0]), SWITCHES, st.sampled_from([None, "rtc_1"]))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_messages_keeps_the_rules(
    messages: list[tuple[Any, float]], speed: float, behaviour: Behaviour, call_id: str | None
) -> None:
    """One active response; ids unique; items linked; each created has a done once time has passed."""
    session = SimulatedSession(speed=speed, behaviour=behaviour, call_id=call_id)
    record = Record()
    converse(session, messages, record)
    record.check(session)
    counted = Counter(event["type"] for event in record.events)
    assert counted["response.created"] - counted["response.done"] <= (session.active_response_id is not None)
    listings = counted["mcp_list_tools.completed"] + counted["mcp_list_tools.failed"]
    assert counted["mcp_list_tools.in_progress"] == listings
    assert session.closing is None


@given(MESSAGES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_transcription_sessions_never_answer(messages: list[tuple[Any, float]]) -> None:
    """No response of any kind, whatever is said."""
    session, record = SimulatedSession(kind="transcription", speed=20.0), Record()
    converse(session, messages, record)
    assert not [event for event in record.events if event["type"].startswith("response.")]
    record.check(session)


@given(MESSAGES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_translation_sessions_end_once(messages: list[tuple[Any, float]]) -> None:
    """Nothing but errors behind `session.closed`; its ids are unique too."""
    session, record = TranslationSession(speed=20.0), Record()
    converse(session, messages, record)
    types = [event["type"] for event in record.events]
    if "session.closed" in types:
        assert set(types[types.index("session.closed") + 1 :]) <= {"error"}
    assert len({event["event_id"] for event in record.events}) == len(types)
    assert session.closing is None


@given(MESSAGES, st.lists(st.sampled_from(sorted(FAULTS)), max_size=4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_faults_never_break_the_server_itself(messages: list[tuple[Any, float]], names: list[str]) -> None:
    """Any of them, together, in any conversation."""
    faults = [parse_fault(name if name != "oversized" else "oversized@bytes=1000") for name in names]
    session = FaultySession(SimulatedSession(speed=20.0, behaviour=behaviour_with(faults)), faults)
    now = 0.0
    session.connected(now)
    for message, pause in messages:
        now += pause
        message = Record().fill(message)
        session.receive_message(message if isinstance(message, bytes) else orjson.dumps(message), now)
        session.handle_timer(now)
        due = session.next_deadline()
        assert due is None or due > now
        session.data_to_send()


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_message_gets_at_most_an_error(data: bytes | str) -> None:
    """Bytes that are anything at all, unless chance (or a literal it found) makes a message of them."""
    assume(b'"type"' not in (data if isinstance(data, bytes) else data.encode("utf-8", "replace")))
    session = SimulatedSession()
    session.connected(0.0)
    session.data_to_send()
    session.receive_message(data, 1.0)
    assert [orjson.loads(each)["type"] for each in session.data_to_send()] == ["error"]
