"""Each fault does what its name says, and nothing else: the same call with and without it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import orjson
import pytest

from realtime_raw.loopback.behaviour import Behaviour
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.faults import (
    FAULTS,
    Fault,
    FaultError,
    behaviour_with,
    describe_faults,
    parse_fault,
)
from realtime_raw.loopback.faulty import FaultySession, with_faults
from realtime_raw.loopback.line_actions import Abort, Binary, Eof, Freeze, LineAction, Trickle
from realtime_raw.types import CloseInfo
from tests.loopback.driver import Event, b64, tone

Said = tuple[float, bytes | LineAction]
MANUAL: Event = {
    "type": "realtime",
    "audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}},
}


class Call:
    """One call, always the same: a turn by hand, its spoken answer, a truncation, a second turn in text.

    `said` is everything with its time. Simulated time, at natural speed.
    """

    def __init__(self, *faults: str, turn_detection: bool = False, speed: float = 1.0) -> None:
        parsed = [parse_fault(fault) for fault in faults]
        scenario = DefaultScenario(["Good morning."])
        session = SimulatedSession(speed=speed, behaviour=behaviour_with(parsed), scenario=scenario)
        self.session = with_faults(session, parsed)
        self.said: list[Said] = []
        self.now = 0.0
        self.session.connected(self.now)
        self._take()
        if not turn_detection:
            self.say("session.update", session=MANUAL)
        self.say("input_audio_buffer.append", audio=b64(tone(0.5)))
        self.say("input_audio_buffer.append", audio=b64(bytes(48_000)))
        if not turn_detection:
            self.say("input_audio_buffer.commit")
            self.say("response.create")
        self.wait(8.0)
        item_id = next((each["id"] for each in session.items if each.get("role") == "assistant"), "none")
        self.say("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=300)
        self.say("response.create", response={"output_modalities": ["text"]})
        self.wait(10.0)

    def _take(self) -> None:
        self.said += [(self.now, each) for each in self.session.data_to_send()]

    def say(self, kind: str, **fields: Any) -> None:
        if self.session.closing is None:
            self.session.receive_message(orjson.dumps({"type": kind, **fields}), self.now)
            self._take()

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.session.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.session.handle_timer(self.now)
            self._take()
        self.now = end

    @property
    def data(self) -> list[bytes | LineAction]:
        return [each for _, each in self.said]

    @property
    def events(self) -> list[Event]:
        return [orjson.loads(each) for each in self.data if isinstance(each, bytes)]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture(scope="module")
def clean() -> Call:
    """The call with nothing wrong."""
    return Call()


def added(spoilt: Call, clean: Call) -> list[bytes | LineAction]:
    """What is said besides; fails if anything of the clean call is missing or moved."""
    rest, extra = list(clean.data), []
    for each in spoilt.data:
        if rest and each == rest[0]:
            rest.pop(0)
        else:
            extra.append(each)
    assert rest == []
    return extra


def missing(spoilt: Call, clean: Call) -> list[str]:
    """The types of what is not said; fails if anything is said besides, or moved."""
    rest, gone = list(spoilt.data), []
    for each in clean.events:
        if rest and orjson.dumps(each) == rest[0]:
            rest.pop(0)
        else:
            gone.append(each["type"])
    assert rest == []
    return gone


def changed(spoilt: Call, clean: Call) -> list[tuple[Event, Event]]:
    """Events that differ, before and after; fails if there is another number of them."""
    assert len(spoilt.data) == len(clean.data)
    return [(a, b) for a, b in zip(clean.events, spoilt.events, strict=True) if a != b]


def test_the_clean_call_is_one(clean: Call) -> None:
    """It has all that the faults are about, and is the same every time; no faults, no wrapper."""
    assert clean.data == Call().data
    assert {"conversation.item.truncated", "rate_limits.updated", "response.output_audio.delta"} < set(
        clean.kinds
    )
    assert Counter(clean.kinds)["response.done"] == 2
    assert isinstance(clean.session, SimulatedSession)


def until(call: Call, kind: str) -> list[bytes | LineAction]:
    """The call up to and with the first event of a kind."""
    return call.data[: call.kinds.index(kind) + 1]


@pytest.mark.parametrize("code", [1001, 1011, 1012, 1013])
def test_closes(clean: Call, code: int) -> None:
    """Behind `response.created`, or at a time; nothing follows."""
    spoilt = Call(f"close_{code}")
    assert spoilt.data == until(clean, "response.created")
    closing = spoilt.session.closing
    assert closing is not None
    assert (closing.code, closing.by_us) == (code, True)
    assert spoilt.session.next_deadline() is None
    early = Call(f"close_{code}@ms=0")
    assert early.data == []
    assert early.session.closing == closing


def test_expire(clean: Call) -> None:
    """The error, then 1001 with its words."""
    spoilt = Call("expire")
    assert spoilt.data[:-1] == until(clean, "response.created")
    assert spoilt.events[-1]["error"]["code"] == "session_expired"
    assert spoilt.session.closing == CloseInfo(
        1001, "Your session hit the maximum duration of 60 minutes.", by_us=True
    )


@pytest.mark.parametrize(
    ("name", "action"), [("close_1006", Abort()), ("eof", Eof()), ("half_open", Freeze())]
)
def test_the_line_is_told(clean: Call, name: str, action: LineAction) -> None:
    """One instruction, and nothing after it."""
    spoilt = Call(name)
    assert spoilt.data == [*until(clean, "response.created"), action]
    assert spoilt.session.closing is None
    late = Call(f"{name}@event=response.output_audio.delta,nth=3")
    assert late.data[-1] == action
    assert Counter(late.kinds)["response.output_audio.delta"] == 3


def test_single_byte(clean: Call) -> None:
    """From the first byte on; the messages are the same."""
    assert Call("single_byte").data == [Trickle(), *clean.data]


def times(call: Call) -> list[float]:
    return [at for at, _ in call.said]


def test_stall(clean: Call) -> None:
    """The same messages in the same order; a gap behind the one it strikes at, and none at other places."""
    spoilt = Call("stall@for=700")
    assert spoilt.data == clean.data
    first = clean.kinds.index("response.output_audio.delta")
    assert times(spoilt)[: first + 1] == times(clean)[: first + 1]
    assert times(spoilt)[first + 1] == pytest.approx(times(clean)[first] + 0.7)
    later = [
        (a, b) for a, b in zip(times(clean), times(spoilt), strict=True) if a > times(clean)[first] + 0.7
    ]
    assert later
    assert all(a == b for a, b in later)
    timed = Call("stall@ms=1000,for=2000")
    assert timed.data == clean.data
    assert not [at for at in times(timed) if 1.0 < at < 3.0]


def test_burst(clean: Call) -> None:
    """Everything, in order, at few moments."""
    spoilt = Call("burst@for=400")
    assert spoilt.data == clean.data
    moments = sorted(set(times(spoilt)))
    assert all(later - earlier >= 0.4 - 1e-9 for earlier, later in itertools.pairwise(moments))
    assert max(b - a for a, b in zip(times(clean), times(spoilt), strict=True)) <= 0.4 + 1e-9
    audio = Call("burst@event=response.output_audio.delta,for=300")
    assert audio.data == clean.data


def test_slow_audio(clean: Call) -> None:
    """In order; from one delta to the next takes `factor` times its sound."""
    spoilt = Call("slow_audio@factor=3")
    assert spoilt.data == clean.data
    at = [
        now
        for now, each in spoilt.said
        if b"output_audio.delta" in bytes(each if isinstance(each, bytes) else b"")
    ]
    assert at[1] - at[0] == pytest.approx(0.3)
    assert at[-1] - at[0] == pytest.approx(0.3 * (len(at) - 1))


def test_duplicate(clean: Call) -> None:
    """The same to the byte, right behind itself."""
    spoilt = Call("duplicate@event=response.output_audio.delta,nth=2,count=2")
    extra = added(spoilt, clean)
    assert len(extra) == len(set(map(str, extra))) == 2
    assert all(spoilt.data.count(each) == 2 for each in extra)


def test_reorder(clean: Call) -> None:
    """Two neighbours change places."""
    spoilt = Call("reorder@event=response.output_audio.done")
    at = clean.kinds.index("response.output_audio.done")
    expected = list(clean.data)
    expected[at : at + 2] = reversed(expected[at : at + 2])
    assert spoilt.data == expected
    last = Call("reorder@event=rate_limits.updated,nth=2")
    assert last.data == clean.data  # nobody overtakes the last one
    assert times(last)[-1] == pytest.approx(times(clean)[-1] + 0.5)


def test_reorder_of_neighbours(clean: Call) -> None:
    """Two in a row that both match are not lost."""
    spoilt = Call("reorder@event=conversation.item.*,count=all")
    assert sorted(map(str, spoilt.data)) == sorted(map(str, clean.data))


def test_withhold(clean: Call) -> None:
    """That one, and no other."""
    assert missing(Call("withhold"), clean) == ["response.done"]
    assert missing(Call("withhold@event=rate_limits.*,count=all"), clean) == ["rate_limits.updated"] * 2


def test_withhold_after_a_time(clean: Call) -> None:
    """With `ms`, what comes before does not count."""
    assert missing(Call("withhold@event=response.done,ms=7900"), clean) == ["response.done"]
    assert Call("withhold@event=response.done,ms=7900").data[:20] == clean.data[:20]


def test_late(clean: Call) -> None:
    """It comes, a second later; the others keep their times."""
    spoilt = Call("late")
    first = clean.kinds.index("response.output_audio.delta")
    moved = clean.data[first]
    assert [each for each in spoilt.said if each[1] != moved] == [
        each for each in clean.said if each[1] != moved
    ]
    (at,) = [now for now, each in spoilt.said if each == moved]
    assert at == pytest.approx(times(clean)[first] + 1.0)


def test_orphan_response(clean: Call) -> None:
    """Announced never, told in full."""
    assert missing(Call("orphan_response"), clean) == ["response.created"]


def test_late_transcripts(clean: Call) -> None:
    """Behind the reply; the same events."""
    spoilt = Call("late_transcripts")
    kind = "conversation.item.input_audio_transcription.completed"
    assert clean.kinds.index(kind) < clean.kinds.index("response.done")
    assert spoilt.kinds.index(kind) > spoilt.kinds.index("response.done")
    assert sorted(map(str, spoilt.data)) == sorted(map(str, clean.data))
    rest = [each for each in clean.kinds if "transcription" not in each]
    assert [each for each in spoilt.kinds if "transcription" not in each] == rest
    alone = Call("late_transcripts@for=100")
    assert sorted(map(str, alone.data)) == sorted(map(str, clean.data))


def test_audio_after_done(clean: Call) -> None:
    """All but the first delta come behind `response.done`."""
    spoilt = Call("audio_after_done")
    assert sorted(map(str, spoilt.data)) == sorted(map(str, clean.data))
    audio = [at for at, kind in enumerate(spoilt.kinds) if kind == "response.output_audio.delta"]
    done = spoilt.kinds.index("response.done")
    assert [at < done for at in audio] == [True] + [False] * (len(audio) - 1)


def test_missing_optional(clean: Call) -> None:
    """Those, and only those."""
    gone = set(missing(Call("missing_optional"), clean))
    assert gone == {
        "rate_limits.updated",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
    }


@pytest.mark.parametrize("name", ["unknown_event", "server_error", "garbage", "binary"])
def test_intruders(clean: Call, name: str) -> None:
    """One message besides."""
    (extra,) = added(Call(name), clean)
    if name == "binary":
        assert isinstance(extra, Binary)
        return
    assert isinstance(extra, bytes)
    if name == "garbage":
        with pytest.raises(orjson.JSONDecodeError):
            orjson.loads(extra)
        return
    event = orjson.loads(extra)
    if name == "server_error":
        assert (event["type"], event["error"]["type"]) == ("error", "server_error")
    else:
        assert event["type"] not in clean.kinds
    assert event["event_id"].startswith("event_")


def test_intruders_come_when_told(clean: Call) -> None:
    """More than one, and by time alone."""
    assert len(added(Call("server_error@event=response.*,nth=2,count=3"), clean)) == 3
    assert len(added(Call("garbage@ms=1234"), clean)) == 1


def test_unknown_field(clean: Call) -> None:
    """In every event and every object inside; take it out, and the call is the clean one."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without(inner) for key, inner in value.items() if key != "x_unheard_of"}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    spoilt = Call("unknown_field")
    assert len(changed(spoilt, clean)) == len(clean.data)
    assert [without(event) for event in spoilt.events] == clean.events
    assert "x_unheard_of" in spoilt.events[0]["session"]["audio"]["input"]


def test_wrong_types(clean: Call) -> None:
    """One event, all its fields but the type."""
    ((before, after),) = changed(Call("wrong_types"), clean)
    assert before["type"] == after["type"] == "response.done"
    assert before.keys() == after.keys()
    assert all(type(before[key]) is not type(after[key]) for key in before if key != "type")


def test_oversized(clean: Call) -> None:
    """One event, padded."""
    spoilt = Call("oversized@bytes=70000")
    ((before, after),) = changed(spoilt, clean)
    assert len(after.pop("padding")) == 70_000
    assert before == after


def test_lies_about_order(clean: Call) -> None:
    """The predecessor is always a wrong one; nothing else is."""
    pairs = changed(Call("wrong_order"), clean)
    assert {a["type"] for a, _ in pairs} == {
        "conversation.item.added",
        "conversation.item.done",
        "input_audio_buffer.committed",
    }
    for before, after in pairs:
        assert after["previous_item_id"] != before["previous_item_id"]
        assert {**after, "previous_item_id": before["previous_item_id"]} == before
    told = [event for event in clean.events if "previous_item_id" in event]
    assert len(pairs) == len(told)


def test_silent_truncate(clean: Call) -> None:
    """Done, and not said."""
    spoilt = Call("silent_truncate")
    assert missing(spoilt, clean) == ["conversation.item.truncated"]
    assert isinstance(spoilt.session, FaultySession)
    assert isinstance(spoilt.session.session, SimulatedSession)
    assert "transcript" not in spoilt.session.session.items[1]["content"][0]


@pytest.mark.parametrize(("name", "shown"), [("ignores_manual", None), ("answers_vad_on", "server_vad")])
def test_a_server_that_will_not_be_manual(name: str, shown: str | None) -> None:
    """The confirmation says so, or lies; the turn is found either way. With detection on, nothing changes."""
    spoilt = Call(name)
    updated = next(event for event in spoilt.events if event["type"] == "session.updated")
    turns = updated["session"]["audio"]["input"]["turn_detection"]
    assert (turns and turns["type"]) == shown
    assert "input_audio_buffer.speech_started" in spoilt.kinds
    plain = Call(name, turn_detection=True)
    assert plain.data == Call(turn_detection=True).data


def test_faults_combine(clean: Call) -> None:
    """Each strikes at what the ones before let through."""
    spoilt = Call("duplicate@event=response.done", "withhold@event=response.done,nth=2")
    assert spoilt.data == clean.data
    spoilt = Call(
        "unknown_field", "wrong_types@event=*,count=all", "wrong_order", "slow_audio", "stall", "late"
    )
    assert len(spoilt.data) == len(clean.data)
    both = Call("stall@event=session.created,for=100000", "close_1011@ms=300")
    assert both.kinds == ["session.created"]
    assert both.session.closing is not None
    assert both.session.closing.code == 1011


def test_the_sessions_own_end_waits_for_what_is_held() -> None:
    """A stalled message is still said before the close."""
    fault = parse_fault("stall@event=session.created,for=5000")
    session = FaultySession(SimulatedSession(behaviour=Behaviour(session_seconds=1.0)), [fault])
    session.connected(0.0)
    session.receive_binary(b"x", 0.1)
    session.handle_timer(1.0)  # the session expires
    assert len(session.data_to_send()) == 1
    held = session.closing
    assert held is None
    assert session.next_deadline() == 5.0
    session.handle_timer(5.0)
    said = [orjson.loads(each) for each in session.data_to_send() if isinstance(each, bytes)]
    assert [event["error"]["code"] for event in said] == ["invalid_event", "session_expired"]
    assert session.closing is not None
    assert session.closing.code == 1001


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_survives_every_call(name: str) -> None:
    """At any speed, and in a call that has nothing it is about."""
    Call(name, speed=math.inf)
    Call(name, turn_detection=True)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_described(name: str) -> None:
    """By name, with its defaults, which can be read back."""
    lines = describe_faults().splitlines()
    (line,) = [each for each in lines if each.split("@")[0] == name]
    assert parse_fault(line).kind is FAULTS[name]
    assert FAULTS[name].about.endswith(".")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("close_1010", "did you mean 'close_10"),
        ("zebra", "there are: expire, close_1001"),
        ("stall@size=3", "has no parameter 'size'; it has: event, nth, count, ms, for"),
        ("answers_vad_on@ms=1", "it has: none"),
        ("stall@for=long", "for='long' is not milliseconds"),
        ("stall@for=nan", "for='nan' is not milliseconds"),
        ("stall@nth=0", "nth='0' is not a whole number from 1 on"),
        ("stall@nth", "nth='' is not a whole number"),
        ("slow_audio@factor=0", "factor='0' is not a number above zero"),
    ],
)
def test_what_is_no_fault(text: str, words: str) -> None:
    """Named, with what there is instead."""
    with pytest.raises(FaultError) as caught:
        parse_fault(text)
    assert words in str(caught.value)


def test_parameters_are_read() -> None:
    """With blanks, in any order; `all` is no number."""
    fault = parse_fault(" withhold@ count = all , event = response.* , ms=1.5 ")
    assert fault == Fault(FAULTS["withhold"], {"count": None, "event": "response.*", "ms": 1.5})
