"""Function calls: each exactly once, in batches that end with their response, whatever is told of them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.protocol.tools import MAX_OPEN, MAX_REMEMBERED, ToolBatch, ToolCall, ToolCallCollector
from tests.protocol.told import Message, call, call_stream, event, reply, response_done

Found = list[ToolCall | ToolBatch]


def feed(collector: ToolCallCollector, messages: Iterable[Message]) -> Found:
    return [fact for message in messages for fact in collector.apply(event(message), 0.0)]


def made(item_id: str, arguments: str = '{"city":"Oslo"}', response_id: str = "resp_1") -> ToolCall:
    return ToolCall(response_id, item_id, f"call_{item_id}", "weather", arguments)


STREAM = call_stream("a", ['{"city":', '"Oslo"}'], "resp_1")
DONE = response_done(call("a", '{"city":"Oslo"}'))


def arguments_done(item_id: str | None = "a", **fields: object) -> Message:
    return {
        "type": "response.function_call_arguments.done",
        "response_id": "resp_1",
        "item_id": item_id,
        "output_index": 0,
        "call_id": "call_a",
        "name": "weather",
        "arguments": '{"city":"Oslo"}',
        **fields,
    }


def item_done(item: Message, response_id: str | None = "resp_1", index: int | None = 0) -> Message:
    return {
        "type": "response.output_item.done",
        "response_id": response_id,
        "output_index": index,
        "item": item,
    }


def test_one_call() -> None:
    """Ready with its arguments, before the response ends; the batch with the response."""
    collector = ToolCallCollector()
    assert feed(collector, STREAM[:-2]) == []
    assert feed(collector, STREAM[-2:-1]) == [made("a")]
    assert feed(collector, STREAM[-1:]) == []
    assert feed(collector, [DONE]) == [ToolBatch("resp_1", (made("a"),), complete=True)]
    assert feed(collector, [DONE, *STREAM]) == []
    assert collector.statistics() == {
        "duplicates": 0,
        "unanswerable": 0,
        "open_responses": 0,
        "remembered_calls": 1,
    }


@pytest.mark.parametrize(
    "messages",
    [
        [*STREAM, DONE],
        [*STREAM, response_done()],
        [STREAM[-1], DONE],
        [STREAM[-1], response_done()],
        [DONE],
        [arguments_done(), DONE],
        [arguments_done(name=None), DONE],
        [arguments_done(call_id=None), DONE],
        [STREAM[0], arguments_done(name=None, call_id=None), response_done()],
        [arguments_done(item_id=None), response_done()],
        [*STREAM, *STREAM, DONE, DONE],
    ],
    ids=str,
)
def test_any_one_source_is_enough(messages: list[Message]) -> None:
    """Items, arguments, the final response: whichever of them a server sends, one call and one batch."""
    found = feed(ToolCallCollector(), messages)
    assert [type(fact) for fact in found] == [ToolCall, ToolBatch]
    one, batch = found
    assert isinstance(one, ToolCall)
    assert (one.response_id, one.call_id, one.name, one.arguments) == (
        "resp_1",
        "call_a",
        "weather",
        '{"city":"Oslo"}',
    )
    assert batch == ToolBatch("resp_1", (one,), complete=True)


def test_parallel_calls_come_in_the_models_order() -> None:
    """By output index, however they end; a spoken preamble is no call."""
    collector = ToolCallCollector()
    preamble = reply("hello", {"type": "output_audio", "transcript": "Let me see."})
    found = feed(
        collector,
        [
            item_done(preamble),
            item_done(call("b", "{}"), index=2),
            item_done(call("a", "{}"), index=1),
            response_done(preamble, call("a", "{}"), call("b", "{}")),
        ],
    )
    assert found == [
        made("b", "{}"),
        made("a", "{}"),
        ToolBatch("resp_1", (made("a", "{}"), made("b", "{}"))),
    ]


def test_responses_side_by_side() -> None:
    """Each has its own batch; one without calls has none."""
    collector = ToolCallCollector()
    assert feed(collector, [item_done(call("a", "{}"), "resp_1"), item_done(call("b", "{}"), "resp_2")]) == [
        made("a", "{}", "resp_1"),
        made("b", "{}", "resp_2"),
    ]
    assert feed(collector, [response_done(reply("x"), response_id="resp_3")]) == []
    assert feed(collector, [response_done(response_id="resp_2")]) == [
        ToolBatch("resp_2", (made("b", "{}", "resp_2"),))
    ]
    assert feed(collector, [response_done(response_id="resp_1")]) == [
        ToolBatch("resp_1", (made("a", "{}", "resp_1"),))
    ]


@pytest.mark.parametrize("status", ["cancelled", "incomplete", "failed"])
def test_a_response_that_did_not_complete(status: str) -> None:
    """Its batch holds the finished calls alone; half-written arguments are never handed out."""
    collector = ToolCallCollector()
    half = call("b", '{"city":"Os', status="incomplete")
    found = feed(
        collector,
        [
            *STREAM,
            *call_stream("b", ['{"city":', '"Os'], "resp_1")[:-1],
            item_done(half, index=1),
            response_done(call("a", '{"city":"Oslo"}'), half, status=status),
        ],
    )
    assert found == [made("a"), ToolBatch("resp_1", (made("a"),), complete=False)]
    assert collector.unanswerable == 0


def test_a_cancelled_response_without_statuses() -> None:
    """Servers that give items no status: what is JSON was finished, what is not was not."""
    half, whole = call("a", '{"city":"Os'), call("b", "{}")
    del half["status"], whole["status"]
    found = feed(
        ToolCallCollector(),
        [item_done(half), item_done(whole, index=1), response_done(half, whole, status="cancelled")],
    )
    assert found == [made("b", "{}"), ToolBatch("resp_1", (made("b", "{}"),), complete=False)]


def test_arguments_that_are_no_json_wait_for_their_item() -> None:
    """A model may write nonsense: once the item completed it is the tool's to answer."""
    collector = ToolCallCollector()
    assert feed(collector, [arguments_done(arguments="not json")]) == []
    assert feed(collector, [item_done(call("a", "not json"))]) == [made("a", "not json")]
    collector = ToolCallCollector()
    feed(collector, [arguments_done(arguments="not json")])
    assert feed(collector, [item_done(call("a", ""))]) == [made("a", "not json")]
    collector = ToolCallCollector()
    feed(collector, [arguments_done(arguments="not json")])
    assert feed(collector, [response_done()]) == [
        made("a", "not json"),
        ToolBatch("resp_1", (made("a", "not json"),)),
    ]


def test_a_call_without_arguments() -> None:
    """Empty arguments are arguments."""
    found = feed(ToolCallCollector(), [arguments_done(arguments=""), response_done(call("a", ""))])
    assert found == [made("a", ""), ToolBatch("resp_1", (made("a", ""),))]


def test_repeated_call_ids_are_answered_once() -> None:
    """Within a response and across them; counted, and in no batch twice."""
    collector = ToolCallCollector()
    again = {**call("a", "{}"), "id": "other"}
    first = [item_done(call("a", "{}")), item_done(again, index=1), item_done(again, index=1)]
    assert feed(collector, [*first, response_done(call("a", "{}"), again)]) == [
        made("a", "{}"),
        ToolBatch("resp_1", (made("a", "{}"),)),
    ]
    assert collector.duplicates == 1
    assert feed(collector, [item_done(again, "resp_2"), response_done(again, response_id="resp_2")]) == []
    assert collector.duplicates == 2


def test_calls_nobody_could_answer() -> None:
    """Without a call id or a name: not handed out, counted, and the batch is not complete."""
    collector = ToolCallCollector()
    nameless = {**call("a", "{}"), "name": None}
    assert feed(collector, [item_done(nameless), response_done(nameless)]) == [
        ToolBatch("resp_1", (), complete=False)
    ]
    anonymous = {**call("b", "{}"), "id": None, "call_id": None}
    assert feed(collector, [item_done(anonymous, "resp_2"), response_done(response_id="resp_2")]) == []
    assert collector.unanswerable == 1


def test_missing_fields() -> None:
    """Nothing raises; a response without an id is the one last heard of."""
    collector = ToolCallCollector()
    kinds = [
        "response.output_item.added",
        "response.output_item.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.done",
    ]
    assert feed(collector, [{"type": kind} for kind in kinds]) == []
    feed(collector, [item_done(call("a", "{}"))])
    assert feed(collector, [{"type": "response.done", "response": {}}]) == [
        ToolBatch("resp_1", (made("a", "{}"),))
    ]
    assert feed(collector, [item_done(call("b", "{}"), None)]) == [made("b", "{}", "")]
    assert feed(collector, [{"type": "response.done", "response": {"output": [call("b", "{}")]}}]) == [
        ToolBatch("", (made("b", "{}", ""),))
    ]
    assert feed(collector, [{"type": "response.created", "response": {}}]) == []


def test_memory_is_bounded() -> None:
    """Responses that never end, call ids and ended responses: each up to its bound."""
    collector = ToolCallCollector()
    for number in range(MAX_OPEN + 10):
        feed(collector, [item_done(call(f"a{number}", "{}"), f"open_{number}")])
    assert collector.statistics()["open_responses"] == MAX_OPEN
    for number in range(MAX_REMEMBERED + 10):
        feed(collector, [response_done(call(f"b{number}", "{}"), response_id=f"resp_{number}")])
    assert collector.statistics()["remembered_calls"] == MAX_REMEMBERED
    collector.clear()
    assert collector.statistics()["remembered_calls"] == collector.statistics()["open_responses"] == 0
    # A late event of a forgotten response opens it again, and its bound holds.
    assert feed(collector, [item_done(call("b0", "{}"), "resp_0")]) == [made("b0", "{}", "resp_0")]


def test_plain_data() -> None:
    """For logs."""
    batch = ToolBatch("resp_1", (made("a"),), complete=False)
    assert batch.to_dict() == {
        "response_id": "resp_1",
        "calls": [
            {
                "response_id": "resp_1",
                "item_id": "a",
                "call_id": "call_a",
                "name": "weather",
                "arguments": '{"city":"Oslo"}',
            }
        ],
        "complete": False,
    }


@given(st.data())
def test_calls_told_in_any_interleaving(data: st.DataObject) -> None:
    """Streams of several calls of two responses, shuffled together, events repeated: once each."""
    calls = {"a": "resp_1", "b": "resp_1", "c": "resp_1", "d": "resp_2"}
    streams = [call_stream(item_id, ["{", "}"], response_id) for item_id, response_id in calls.items()]
    collector, found = ToolCallCollector(), Found()
    while any(streams):
        stream = data.draw(st.sampled_from([stream for stream in streams if stream]))
        message = stream.pop(0)
        found += feed(collector, [message] * data.draw(st.integers(min_value=1, max_value=2)))
    assert sorted(fact.call_id for fact in found if isinstance(fact, ToolCall)) == [
        "call_a",
        "call_b",
        "call_c",
        "call_d",
    ]
    batches = feed(
        collector,
        [
            response_done(call("a", "{}"), call("b", "{}"), call("c", "{}")),
            response_done(call("d", "{}"), response_id="resp_2"),
        ],
    )
    assert [(type(one), one.response_id) for one in batches] == [(ToolBatch, "resp_1"), (ToolBatch, "resp_2")]
    assert sum(len(one.calls) for one in batches if isinstance(one, ToolBatch)) == 4
    assert collector.duplicates == collector.unanswerable == 0
