"""Any sequence of messages, sensible or garbled, is answered by the rules and never by an exception."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.client_schema import EVENTS
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
    st.just({"type": "input_audio_buffer.append", "audio": b64(tone(0.15))}),
    st.just({"type": "input_audio_buffer.append", "audio": b64(bytes(2400 * 2 * 5))}),
    st.just({"type": "input_audio_buffer.commit"}),
    st.just({"type": "input_audio_buffer.clear"}),
    st.builds(
        lambda turns, words: {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": turns, "transcription": words}},
                "tools": [{"type": "function", "name": "look"}],
            },
        },
        st.sampled_from([None, {"type": "server_vad", "silence_duration_ms": 200}]),
        st.sampled_from([None, {"model": "whisper-1"}]),
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
MESSAGES = st.lists(
    st.tuples(
        st.one_of(*VALID, *VALID, garbled(), SHAPELESS) | JSON | st.binary(max_size=12),
        st.sampled_from([0.0, 0.0, 0.05, 0.3, 5.0]),
    ),
    max_size=20,
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
            elif kind.startswith("response."):
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


@given(MESSAGES, st.sampled_from([math.inf, 1.0, 20.0]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_messages_keeps_the_rules(messages: list[tuple[Any, float]], speed: float) -> None:
    """One error at most for each message; one active response; ids unique; items linked; each created
    has a done once time has passed."""
    session = SimulatedSession(speed=speed)
    record, now = Record(), 0.0
    session.connected(now)
    for message, pause in messages:
        now += pause
        if isinstance(message, dict):
            for name, kind, path in (
                ("item_id", "response.output_item.added", ("item", "id")),
                ("response_id", "response.created", ("response", "id")),
            ):
                if message.get(name) == "<last>":
                    message = {**message, name: record.last(kind, *path)}
        data = message if isinstance(message, bytes) else orjson.dumps(message)
        session.receive_message(data, now)
        said = [orjson.loads(each) for each in session.data_to_send()]
        assert Counter(event["type"] for event in said)["error"] <= 1
        record.events += said
    session.handle_timer(now + 1000)
    record.events += [orjson.loads(each) for each in session.data_to_send()]
    record.check(session)
    counted = Counter(event["type"] for event in record.events)
    assert counted["response.created"] == counted["response.done"]
    assert session.active_response_id is None
    assert session.closing is None


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_message_gets_at_most_an_error(data: bytes | str) -> None:
    """Bytes that are anything at all."""
    session = SimulatedSession()
    session.connected(0.0)
    session.data_to_send()
    session.receive_message(data, 1.0)
    assert [orjson.loads(each)["type"] for each in session.data_to_send()] == ["error"]
