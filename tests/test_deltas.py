"""Deltas read without a parser: the same in every way as with one, whatever a server writes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import realtime_raw.events as ev
from realtime_raw import codec, deltas
from realtime_raw.errors import DecodeError, RemoteProtocolError
from realtime_raw.events.base import ClientEvent, ServerEvent
from realtime_raw.events.catalog import TRANSLATION
from realtime_raw.protocol.core import Options, RealtimeProtocol
from realtime_raw.protocol.runs import Runs
from realtime_raw.protocol.signals import Signal
from realtime_raw.types import AudioKey
from tests.protocol.harness import FakePlayhead, session

AUDIO = "response.output_audio.delta"
TRANSCRIPT = "response.output_audio_transcript.delta"
TEXT = "response.output_text.delta"
KINDS = [AUDIO, TRANSCRIPT, TEXT]

# As servers write them (observed): compact, in this order.
COMPACT = (
    b'{"type":"%s","event_id":"event_1","response_id":"resp_1","item_id":"item_1",'
    b'"output_index":0,"content_index":0,"delta":"%s"}'
)


def no(*_: Any) -> None:
    """The short cut that is not taken."""


@contextmanager
def no_short_cuts() -> Iterator[None]:
    """Every message is parsed and looked at in full."""
    with ExitStack() as stack:
        for name in ("audio_of", "audio_in", "words_of"):
            stack.enter_context(patch.object(deltas, name, no))
        stack.enter_context(patch.object(Runs, "carry", no))
        yield


class Ear(FakePlayhead):
    """A playhead that keeps what it was fed; the second piece finds little room."""

    def __init__(self) -> None:
        super().__init__()
        self.room = 1000
        self.fed: list[tuple[AudioKey, bytes, str]] = []

    def feed(self, key: AudioKey, data: bytes, encoding: str, now: float) -> int:
        self.fed.append((key, data, encoding))
        return super().feed(key, data, encoding, now)


def sound(size: int, fill: int = 7) -> str:
    """So many bytes of audio, as a delta holds them."""
    return base64.b64encode(bytes((fill + i) % 256 for i in range(size))).decode()


def told(data: bytes, *, short: bool, muted: bool, strict: bool = False) -> list[Any]:
    """Everything that can be seen of a session in which a server says this, after a usual beginning."""
    ear = Ear()
    core = RealtimeProtocol(playhead=ear, options=Options(strict=strict))
    core.connected(0.0)
    item = {"id": "item_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    beginning: list[dict[str, Any]] = [
        {"type": "session.created", "session": session()},
        {"type": "response.created", "response": {"id": "resp_1", "conversation_id": "conv_1"}},
        {"type": "response.output_item.added", "response_id": "resp_1", "item": item},
        {"type": "conversation.item.added", "previous_item_id": None, "item": item},
    ]
    for one in beginning:
        core.receive_message(json.dumps(one), 1.0)
    if muted:
        core.interrupt(1.5)
    core.events_received()
    raised = None
    for now in (2.0, 3.0):  # twice, as the trace keeps runs
        try:
            with nullcontext() if short else no_short_cuts():
                core.receive_message(data, now)
        except (DecodeError, RemoteProtocolError) as exc:
            raised = repr(exc)
    return [raised, *map(shown, core.events_received()), *state_of(core), ear.fed]


def shown(one: ServerEvent | ClientEvent | Signal) -> Any:
    """An event to its last detail: what is on the wire, what was named, what is left of the message."""
    if isinstance(one, Signal):
        return one.name, one.to_dict(), getattr(one, "pcm", None), shown(one.cause) if one.cause else None
    raw = one.raw
    return type(one), one.to_wire(), dict(one.__dict__) | {"_raw": raw}, one.model_fields_set, one.model_extra


def state_of(core: RealtimeProtocol) -> list[Any]:
    """What the core knows afterwards."""
    lines = [tuple(getattr(line, name) for name in line.__slots__ if name != "cause") for line in core.trace]
    lines += [(line.type, line.last_serial) for line in map(core.trace.last, KINDS) if line is not None]
    records = [(record.to_dict(), record.audio_bytes, record.overflowed) for record in core.responses]
    items = [(item.id, item.generated, item.generated_ms, item.heard) for item in core.conversation]
    heard = core.conversation.statistics()
    return [lines, records, items, heard, core.statistics(), core.turns.states, core.next_deadline()]


def same(data: bytes, *, muted: bool = False) -> bool:
    """Hold both ways against each other, lenient and strict; returns whether a short cut was taken."""
    for strict in (False, True):
        ways = [told(data, short=short, muted=muted, strict=strict) for short in (True, False)]
        assert ways[0] == ways[1]
    return isinstance(codec.read(data), deltas.AudioDelta) or deltas.words_of(data) is not None


# -- any message --------------------------------------------------------------

TEXTS = st.one_of(
    st.sampled_from(["", "resp_1", "item_1", 'a"b', "a\\b", '"delta":"', 'x","delta":"AAAA', "ü€😀", "\x7f"]),
    st.text(max_size=12),
)
BASE64 = st.one_of(
    st.binary(max_size=1500).map(lambda raw: base64.b64encode(raw).decode()),
    st.integers(1000, 1600).map(sound),
    st.sampled_from(["", "A", "AA", "AAA", "AA==", "AAA=", "AB==", "A===", "====", "AA==AA==", "AAAA\nAAAA"]),
    st.sampled_from(["AAAA-_==", " AAAA", "AAAA ", "é", "AA\\u0041A", sound(1200) + "!", sound(1201)[:-1]]),
)
NUMBERS = st.sampled_from(
    [0, 1, 12, -1, 10**9, 2**53, 2**63, 2**64, 10**30, 1.0, 1e300, True, None, "0", [0]]
)
VALUES = st.one_of(TEXTS, BASE64, NUMBERS, st.just({"delta": "AAAA"}), st.just(["delta"]))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from([*KINDS, "response.audio.delta", "response.output_audio.done"]),
    "event_id": TEXTS,
    "response_id": TEXTS,
    "item_id": TEXTS,
    "output_index": st.one_of(st.just(0), NUMBERS),
    "content_index": st.one_of(st.just(0), NUMBERS),
    "delta": st.one_of(BASE64, BASE64, TEXTS),
    "obfuscation": TEXTS,
    'x"delta': BASE64,
    "extra": VALUES,
}
USUAL = ["type", "event_id", "response_id", "item_id", "output_index", "content_index", "delta"]
SPACES = st.sampled_from(["", "", " ", "\n", "\t ", "  "])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """JSON objects that are audio deltas, or almost: fields missing, strange, doubled, in any order."""
    names = draw(
        st.one_of(
            st.just(USUAL), st.permutations(USUAL), st.lists(st.sampled_from(list(FIELDS)), max_size=12)
        )
    )
    if draw(st.booleans()):
        names = [*names, draw(st.sampled_from(list(FIELDS)))]
    escape = draw(st.booleans())
    parts = []
    for name in names:
        value = json.dumps(draw(FIELDS[name]), ensure_ascii=escape)
        if draw(st.integers(0, 9)) == 0:
            value = value.replace("/", "\\/").replace("A", "\\u0041", 1)
        parts.append(f"{json.dumps(name)}{draw(SPACES)}:{draw(SPACES)}{value}")
    text = "{" + f",{draw(SPACES)}".join(parts) + "}" + draw(SPACES)
    data = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:  # and the line may damage it
        at = draw(st.integers(0, len(data)))
        data = (
            data[:at]
            + draw(st.sampled_from([b"", b'"', b"\\", b"\xff", b"\x00", b"\n", b":", b"}"]))
            + data[at + 1 :]
        )
    return data


@settings(max_examples=300, deadline=None)
@given(messages(), st.booleans())
@example(COMPACT % (AUDIO.encode(), sound(4800).encode()), False)
@example(COMPACT % (AUDIO.encode(), sound(4801).encode()), True)
@example((COMPACT % (AUDIO.encode(), sound(4800).encode())).replace(b'"type"', b'"ype"'), False)
def test_the_short_cut_changes_nothing(data: bytes, muted: bool) -> None:
    """Events, raw objects, state, trace, counters, audio, warnings and errors are those of the long way."""
    same(data, muted=muted)


def readable(data: bytes) -> bool:
    """Whether these bytes are UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.sampled_from(KINDS), st.binary(min_size=1, max_size=4))
def test_what_is_no_utf8_is_refused_by_both(kind: str, junk: bytes) -> None:
    """In an id, in a text, in audio."""
    for data in (
        COMPACT.replace(b"resp_1", junk.replace(b"%", b"")) % (kind.encode(), b"AAAA"),
        COMPACT % (kind.encode(), junk),
    ):
        same(data)
        if not readable(data):
            assert type(codec.read(data)) is ev.InvalidServerEvent


# -- which messages take it ------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4800, 12_000, 12_001])
@pytest.mark.parametrize("muted", [False, True])
def test_audio_as_servers_send_it_is_read_without_a_parser(size: int, muted: bool) -> None:
    data = COMPACT % (AUDIO.encode(), sound(size).encode())
    assert deltas.audio_of(data) is not None
    assert same(data, muted=muted)


@pytest.mark.parametrize("kind", [TRANSCRIPT, TEXT])
@pytest.mark.parametrize("tail", [b'"}', b'","obfuscation":"xyz"}'])
def test_words_as_servers_send_them_are_read_without_a_parser(kind: str, tail: bytes) -> None:
    data = COMPACT.replace(b'"}', tail) % (kind.encode(), " wörd: {1}".encode())
    assert deltas.words_of(data) is not None
    assert same(data)


SOUND = sound(1200)
OTHERWISE: dict[str, str] = {
    "as Python writes it": json.dumps(json.loads(COMPACT % (AUDIO.encode(), SOUND.encode()))),
    "delta first": f'{{"delta":"{SOUND}","type":"{AUDIO}","response_id":"resp_1","item_id":"item_1"}}',
    "type last": f'{{"response_id":"resp_1","item_id":"item_1","delta":"{SOUND}","type":"{AUDIO}"}}',
    "something behind": f'{{"type":"{AUDIO}","response_id":"resp_1","delta":"{SOUND}","obfuscation":"x"}}',
    "nulls": f'{{"type":"{AUDIO}","event_id":null,"response_id":null,"item_id":null,"delta":"{SOUND}"}}',
    "on several lines": f'{{\n  "type": "{AUDIO}",\n  "response_id": "resp_1",\n  "delta": "{SOUND}"\n}}\n',
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_audio_of_another_shape_is_read_in_one_pass(name: str) -> None:
    data = OTHERWISE[name].encode()
    assert deltas.audio_of(data) is None
    assert deltas.audio_in(data) is not None
    assert same(data)


TRAPS: dict[str, str] = {
    "a key that ends in it": f'{{"type":"{AUDIO}","x\\"delta":"{SOUND}","delta":""}}',
    "one inside": f'{{"type":"{AUDIO}","x":{{"delta":"{SOUND}"}},"delta":"AAAA"}}',
    "twice": f'{{"type":"{AUDIO}","delta":"{SOUND}","delta":"AAAA"}}',
    "twice, the other way": f'{{"type":"{AUDIO}","delta":"AAAA","delta":"{SOUND}"}}',
    "another key twice": f'{{"type":"{AUDIO}","item_id":"a","item_id":"b","delta":"{SOUND}"}}',
    "in another string": f'{{"type":"{AUDIO}","item_id":"\\"delta\\":\\"AAAA\\"","delta":"{SOUND}"}}',
    "escaped": f'{{"type":"{AUDIO}","delta":"\\u0041{SOUND[1:]}"}}',
    "no number": f'{{"type":"{AUDIO}","output_index":NaN,"delta":"{SOUND}"}}',
    "an infinity": f'{{"type":"{AUDIO}","extra":1e999,"delta":"{SOUND}"}}',
    "a huge index": f'{{"type":"{AUDIO}","output_index":99999999999999999999999,"delta":"{SOUND}"}}',
    "a fraction": f'{{"type":"{AUDIO}","output_index":1.5,"delta":"{SOUND}"}}',
    "an id that is none": f'{{"type":"{AUDIO}","item_id":7,"delta":"{SOUND}"}}',
    "no base64": f'{{"type":"{AUDIO}","delta":"{SOUND}?"}}',
    "padding in the middle": f'{{"type":"{AUDIO}","delta":"AA=={SOUND}"}}',
    "cut off": f'{{"type":"{AUDIO}","delta":"{SOUND}',
    "rubbish behind": f'{{"type":"{AUDIO}","delta":"{SOUND}"}}}}',
}


@pytest.mark.parametrize("name", TRAPS)
@pytest.mark.parametrize("compact", [False, True])
def test_what_looks_like_it_and_is_not(name: str, compact: bool) -> None:
    """Left to the codec, which says what is wrong with it."""
    text = TRAPS[name]
    if compact:  # in a message that begins as if all were well
        head = (COMPACT % (AUDIO.encode(), b"")).decode().removesuffix('"delta":""}')
        text = head + text.partition(",")[2]
    assert not isinstance(codec.read(text.encode()), deltas.AudioDelta) or name == "in another string"
    same(text.encode())


def test_strict_mode_and_other_dialects_take_no_short_cut() -> None:
    data = COMPACT % (AUDIO.encode(), b"AAAA")
    assert isinstance(codec.read(data), deltas.AudioDelta)
    assert isinstance(codec.read(data, strict=True), ev.ResponseOutputAudioDelta)
    assert type(codec.read(data, TRANSLATION)) is ev.UnknownServerEvent


def test_an_event_is_made_once() -> None:
    """Whoever asks gets the same object, with the same `raw`."""
    audio = deltas.audio_of(COMPACT % (AUDIO.encode(), b"AAAA"))
    assert audio is not None
    event = audio.event()
    assert event is audio.event()
    assert event.raw is event.raw
    assert event.raw["delta"] == event.delta == "AAAA"
