"""What a case can do with a probe, and what the probe says when a server does otherwise."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from realtime_raw.conformance.case import NotComplied, Violation, case
from realtime_raw.conformance.judging import judge
from realtime_raw.conformance.lines import Answer, Knock, LineClosed, Tape
from realtime_raw.conformance.probe import Probe
from realtime_raw.conformance.simulated import SimulatedCaller, Spoiled
from realtime_raw.errors import ConnectFailed
from realtime_raw.loopback import Failure, Reply
from realtime_raw.loopback.fault_filters import Act, Close, Edit, Message
from realtime_raw.loopback.faults import parse_fault
from realtime_raw.types import CloseInfo
from tests.conformance.harness import every, set_

Event = dict[str, Any]
Talk = Callable[[Probe], Awaitable[object]]


def talk(function: Talk, spoiled: Spoiled | None = None, **options: Any) -> Probe:
    """Run a function over a probe of the simulated server."""
    probe = Probe(SimulatedCaller(spoiled, **options))

    async def go() -> None:
        await probe.open()
        await function(probe)

    asyncio.run(go())
    return probe


def violation(function: Talk, spoiled: Spoiled | None = None, **options: Any) -> Violation:
    """What the probe complains of."""
    with pytest.raises(Violation) as caught:
        talk(function, spoiled, **options)
    return caught.value


def test_an_event_that_does_not_come_is_a_violation() -> None:
    """After simulated seconds, with what was wanted."""

    async def ask(probe: Probe) -> None:
        await probe.expect("input_audio_buffer.cleared", within=2.0)

    assert str(violation(ask)) == "input_audio_buffer.cleared did not come within 2 s"


def test_a_refusal_of_ours_ends_the_waiting_at_once() -> None:
    """With the server's words, not after a timeout."""

    async def ask(probe: Probe) -> None:
        await probe.send("session.update", session={"type": "realtime", "smell": 1})
        await probe.expect("session.updated")

    found = violation(ask)
    assert found.message.startswith("session.update was refused: unknown_parameter: Unknown parameter")
    assert found.event is not None
    assert found.path == "error"


def test_an_error_that_names_nobody_is_told_with_the_timeout() -> None:
    """It may be the reason."""

    async def ask(probe: Probe) -> None:
        await probe.send("conversation.item.delete", item_id="item_none")
        await probe.expect("conversation.item.deleted", within=1.0)

    assert "(an error came: item_delete_invalid_item_id:" in str(violation(ask))


def test_events_are_taken_once_and_kept_until_then() -> None:
    """In any order; the same event is never found twice."""

    async def ask(probe: Probe) -> None:
        await probe.send("input_audio_buffer.clear")
        await probe.session(instructions="x")
        assert (await probe.expect("input_audio_buffer.cleared"))["type"] == "input_audio_buffer.cleared"
        assert await probe.maybe("input_audio_buffer.cleared", within=0.2) is None

    talk(ask)


def test_refused_checks_code_param_and_type() -> None:
    """Each is named when it is another."""

    async def ask(probe: Probe, **wanted: Any) -> None:
        await probe.refused(await probe.send("nope"), **wanted)

    talk(lambda probe: ask(probe, code="invalid_value", param="type"))
    assert "code is 'invalid_value', not 'other'" in str(violation(lambda probe: ask(probe, code="other")))
    found = violation(lambda probe: ask(probe, param="other"))
    assert found.path == "error.param"


def test_quiet_is_broken_by_anything() -> None:
    """Except what may always come."""

    async def ask(probe: Probe) -> None:
        await probe.send("input_audio_buffer.clear")
        await probe.quiet(0.5)

    assert str(violation(ask)) == "input_audio_buffer.cleared came where nothing may come"

    async def allowed(probe: Probe) -> None:
        await probe.send("input_audio_buffer.clear")
        came = await probe.quiet(0.5, but_not=("input_audio_buffer.cleared",))
        assert [event["type"] for event in came] == ["input_audio_buffer.cleared"]

    talk(allowed)


CLOSES = Spoiled(filters=[Act(every("error"), lambda: [Close(CloseInfo(1011, "oops"))])])


def test_the_end_of_the_line_is_told_where_it_is_met() -> None:
    """While waiting, while sending, where nothing may come."""

    async def waiting(probe: Probe) -> None:
        await probe.send_raw(b"{")
        await probe.expect("session.updated")

    assert str(violation(waiting, CLOSES)).startswith(
        "the connection was closed (1011 oops) before session.updated"
    )

    async def sending(probe: Probe) -> None:
        await probe.send_raw(b"{")
        await probe.closed()
        await probe.send("response.create")

    assert "while the case was still sending" in str(violation(sending, CLOSES))

    async def quiet(probe: Probe) -> None:
        await probe.send_raw(b"{")
        await probe.quiet(1.0, but_not=("error",))

    assert "where nothing may come" in str(violation(quiet, CLOSES))


def test_a_close_that_must_come_and_does_not() -> None:
    """The server has to hang up."""
    assert (
        str(violation(lambda probe: probe.closed(within=1.0))) == "the connection was not closed within 1 s"
    )


@pytest.mark.parametrize("data", [b"{not json", b"[]", b'{"type":1}'])
def test_garbage_is_a_violation(data: bytes) -> None:
    """Whatever was waited for."""
    garbage = Spoiled(filters=[Act(every("input_audio_buffer.cleared"), lambda: [Message(data, {})])])

    async def ask(probe: Probe) -> None:
        await probe.send("input_audio_buffer.clear")
        await probe.expect("session.updated")

    assert violation(ask, garbage).message.startswith("a message ")


@pytest.mark.parametrize("fault", ["binary", "close_1006", "eof"])
def test_what_happens_to_a_line_is_seen(fault: str) -> None:
    """Binary messages and torn connections."""
    spoiled = Spoiled(faults=[parse_fault(f"{fault}@event=session.updated")])

    async def ask(probe: Probe) -> None:
        await probe.session(instructions="x")
        await probe.expect("conversation.item.added", within=1.0)

    violation(ask, spoiled)


def test_a_frozen_server_says_nothing() -> None:
    """And time goes on."""
    spoiled = Spoiled(faults=[parse_fault("half_open@event=session.updated")])

    async def ask(probe: Probe) -> None:
        await probe.session(instructions="x")
        await probe.send("input_audio_buffer.clear")
        assert await probe.maybe("input_audio_buffer.cleared", within=3.0) is None
        assert probe.line.now >= 3.0

    talk(ask, spoiled)


def test_a_case_has_no_more_time_than_it_says() -> None:
    """Whatever its single waits allow."""

    @case(
        "RT-ERR-998", "Slow", family="errors", level="may", rule="", source="", certainty="inferred",
        sends="", expects="", timeout_s=2.0,
    )  # fmt: skip
    async def slow(probe: Probe) -> None:
        await probe.expect("response.done", within=100.0)

    judged = asyncio.run(judge(slow, SimulatedCaller()))
    assert judged.result.verdict == "fail"
    assert judged.result.seconds < 3.0


def test_a_model_that_does_not_comply_is_asked_again() -> None:
    """Once; then that is the verdict."""
    asked: list[int] = []

    def shy(tries: int) -> Any:
        @case(
            "RT-ERR-997", "Shy", family="errors", level="may", rule="", source="", certainty="inferred",
            sends="", expects="",
        )  # fmt: skip
        async def run(probe: Probe) -> None:
            asked.append(1)
            if len(asked) < tries:
                raise NotComplied("it said something else")

        return run

    second = asyncio.run(judge(shy(2), SimulatedCaller())).result
    assert (second.verdict, second.retried, len(asked)) == ("pass", True, 2)
    asked.clear()
    never = asyncio.run(judge(shy(9), SimulatedCaller())).result
    assert (never.verdict, never.retried, len(asked)) == ("not_complied", True, 2)


def test_a_fault_of_the_suite_is_no_fault_of_the_server() -> None:
    """It is an error, with its place."""

    @case(
        "RT-ERR-996", "Wrong", family="errors", level="may", rule="", source="", certainty="inferred",
        sends="", expects="",
    )  # fmt: skip
    async def wrong(probe: Probe) -> None:
        raise ZeroDivisionError("oh")

    result = asyncio.run(judge(wrong, SimulatedCaller())).result
    assert result.verdict == "error"
    assert result.message.startswith("ZeroDivisionError: oh (wrong, line ")


class Nowhere:
    """A server that is not there."""

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        raise ConnectFailed("nothing listens there")


class Refusing:
    """A server that refuses everybody over HTTP."""

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        return Answer(403, body="no")


@pytest.mark.parametrize(("caller", "words"), [(Nowhere(), "nothing listens"), (Refusing(), "HTTP 403 no")])
def test_no_connection_is_a_failure_with_its_reason(caller: Any, words: str) -> None:
    """Not a crash."""

    @case(
        "RT-ERR-995", "Any", family="errors", level="may", rule="", source="", certainty="inferred",
        sends="", expects="",
    )  # fmt: skip
    async def anything(probe: Probe) -> None:
        raise AssertionError("never asked")

    result = asyncio.run(judge(anything, caller)).result
    assert result.verdict == "fail"
    assert words in result.message


def test_a_response_that_failed_for_want_of_quota_is_not_the_protocol() -> None:
    """The model had no chance."""
    failing = Reply(failure=Failure("rate_limit_exceeded", "Slow down."))
    with pytest.raises(NotComplied, match="rate_limit_exceeded"):
        talk(lambda probe: probe.respond(), scenario=lambda turn: failing)


def test_a_response_is_collected_whole() -> None:
    """Its text, its items, its usage, and every event that belongs to it."""

    async def ask(probe: Probe) -> None:
        await probe.user_text("say only: hello there")
        seen = await probe.respond(output_modalities=["text"], metadata={"a": "b"})
        assert (seen.status, seen.text) == ("completed", "hello there")
        assert seen.id == seen.response["id"]
        assert seen.usage["total_tokens"] > 0
        assert seen.calls == []
        assert seen.kinds()[0] == "response.created"
        assert seen.kinds()[-1] == "response.done"
        assert "conversation.item.added" in seen.kinds()
        assert await probe.maybe("conversation.item.added", within=0.2) is None
        assert seen.joined("response.output_text.delta", "item_none") == ""
        spoken = await probe.respond()
        assert len(spoken.audio) % 2 == 0
        assert spoken.transcript

    talk(ask)


def test_audio_follows_the_format_in_force() -> None:
    """What is appended is what the session expects."""

    async def ask(probe: Probe) -> None:
        await probe.manual(audio={"input": {"format": {"type": "audio/pcmu"}}})
        assert probe.input_encoding == "audio/pcmu"
        await probe.append_tone(0.5)
        await probe.append_silence(0.1)
        committed = await probe.commit()
        assert committed["item_id"]

    probe = talk(ask)
    sent = [line.m for line in probe.tape.lines if line.d == "out" and "audio" in line.m]
    assert sum(len(each["audio"]) for each in sent) < 7000


def test_ids_are_the_same_in_every_run() -> None:
    """So that a journal can be judged again."""

    async def ask(probe: Probe) -> None:
        await probe.user_text("one")
        await probe.user_text("two")

    first, second = ([line.m for line in talk(ask).tape.lines if line.d == "out"] for _ in range(2))
    assert first == second
    assert [each["item"]["id"] for each in first] == ["item_c1", "item_c2"]


def test_evidence_is_cut_and_without_keys() -> None:
    """A report holds no megabytes, and no secret."""

    @case(
        "RT-ERR-994", "Loud", family="errors", level="may", rule="", source="", certainty="inferred",
        sends="", expects="",
    )  # fmt: skip
    async def loud(probe: Probe) -> None:
        await probe.send(
            "nope", words="x" * 5000, key="sk-proj-abcdefghijklmnop", many=["sk-proj-abcdefghijklmnop"]
        )
        await probe.refused("event_c1")

    result = asyncio.run(judge(loud, SimulatedCaller())).result
    said = orjson.dumps(result.journal)
    assert b"abcdefghijklmnop" not in said
    assert b"(5000 characters)" in said
    assert len(said) < 6000


def test_the_session_shown_must_be_there() -> None:
    """An update confirmed with nothing is a violation."""
    empty = Spoiled(filters=[Edit(every("session.updated"), set_("session", None))])
    assert "has no session" in str(violation(lambda probe: probe.session(), empty))


class Scripted:
    """A line that says what it is told to."""

    def __init__(self, *messages: bytes) -> None:
        self.inbox = deque(messages)
        self.now = 0.0

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        raise LineClosed(CloseInfo(1006))

    async def recv(self, timeout: float) -> bytes | None:
        if not self.inbox:
            raise LineClosed(CloseInfo(1006))
        return self.inbox.popleft()

    async def close(self, code: int = 1000) -> None:
        self.now += 1


def test_settling_ends_with_the_line() -> None:
    """Never an exception."""

    class Once:
        async def call(self, knock: Knock, tape: Tape) -> Answer:
            return Answer(101, Scripted(b'{"type":"response.created","response":{"id":"r"}}'))

    async def go() -> None:
        probe = Probe(Once())
        probe.greeted = False
        assert await probe.open() == {}
        await probe.expect("response.created")
        await probe.settle()
        await probe.close()

    asyncio.run(go())
