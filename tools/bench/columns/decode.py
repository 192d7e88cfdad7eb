"""One event, no socket: from a frame's bytes to the ring, or to whatever the client makes of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable

import numpy as np

from tools.bench import stream
from tools.bench.clients import Client
from tools.bench.columns import Cell, Value
from tools.bench.sink import Ring

TITLE = "Decode, CPU µs an event without a socket"
CLIENTS = ("ours", "openai", "ws-stdlib", "ws-orjson", "ws-pydantic", "protocol")
LEAST = True
KINDS = ("audio", "audio, reordered", "transcript")
CELLS = (
    Cell(KINDS[0], CLIENTS, {"kind": 0}, 3, 1),
    Cell(KINDS[1], ("ours", "openai", "ws-orjson", "ws-pydantic"), {"kind": 1}, 2, 1),
    Cell(KINDS[2], ("ours", "openai", "ws-orjson", "ws-pydantic"), {"kind": 2}, 2, 1),
)

ROUNDS, COUNT = 15, 120
Decoder = Callable[[bytes], object]


def message(kind: int) -> bytes:
    """An audio delta, the same with blanks and its keys in another order, or a transcript delta."""
    sound = base64.b64encode(stream.pcm()[:12_000]).decode()
    if kind == 2:
        return stream.Answers.delta("output_audio_transcript", 1, " question")
    plain = stream.Answers.delta("output_audio", 1, sound)
    return plain if kind == 0 else json.dumps(json.loads(plain), sort_keys=True).encode()


def measure(client: Client, port: int, kind: float = 0) -> dict[str, Value]:
    """The least of some rounds: whatever disturbs only adds."""
    return {"cpu_us": _least(int(kind), [client.name])[0]}


def ratio(kind: str, client: str, floor: str) -> float:
    """What a client costs of another, measured in turns."""
    mine, other = _least(KINDS.index(kind), [client, floor])
    return mine / other


def _least(kind: int, names: list[str]) -> list[float]:
    """Microseconds of each, in the round in which it took least."""
    data = message(kind)
    ways = [DECODERS[name]() for name in names]
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for number, (decode, tidy) in enumerate(ways):
            tidy()
            began = time.process_time_ns()
            for _ in range(COUNT):
                decode(data)
            best[number] = min(best[number], (time.process_time_ns() - began) / COUNT / 1000)
    return best


def _ours() -> tuple[Decoder, Callable[[], object]]:
    import realtime_raw as rt
    from realtime_raw.protocol.core import Options

    player = rt.Player()
    core = rt.RealtimeProtocol(options=Options(manual_turns=False), playhead=player)
    core.connected(0.0)
    for part in (stream.created(), *stream.Answers().opening(None)):
        core.receive_message(part, 0.0)
    out = np.zeros(24_000 * 40, np.int16)

    def decode(data: bytes) -> None:
        core.receive_message(data, 0.0)
        core.events_received()

    return decode, lambda: player.pull(out)


def _openai() -> tuple[Decoder, Callable[[], object]]:
    from typing import Any, cast

    from openai.resources.realtime.realtime import AsyncRealtimeConnection

    nobody: Any = None
    connection = AsyncRealtimeConnection(nobody)
    ring = Ring()

    def decode(data: bytes) -> None:
        event = connection.parse_event(data)
        if event.type == "response.output_audio.delta":
            ring.write(base64.b64decode(cast("Any", event).delta))

    return decode, lambda: None


def _stdlib() -> tuple[Decoder, Callable[[], object]]:
    ring = Ring()

    def decode(data: bytes) -> None:
        event = json.loads(data)
        if event["type"] == "response.output_audio.delta":
            ring.write(base64.b64decode(event["delta"]))

    return decode, lambda: None


def _orjson() -> tuple[Decoder, Callable[[], object]]:
    import orjson
    import pybase64

    ring = Ring()

    def decode(data: bytes) -> None:
        event = orjson.loads(data)
        if event["type"] == "response.output_audio.delta":
            ring.write(pybase64.b64decode(event["delta"], validate=True))

    return decode, lambda: None


def _pydantic() -> tuple[Decoder, Callable[[], object]]:
    import pybase64

    from realtime_raw.events import ResponseOutputAudioDelta
    from tools.bench.clients.models import UNION

    ring = Ring()

    def decode(data: bytes) -> None:
        event = UNION.validate_json(data)
        if type(event) is ResponseOutputAudioDelta and event.delta is not None:
            ring.write(pybase64.b64decode(event.delta, validate=True))

    return decode, lambda: None


def _slice() -> tuple[Decoder, Callable[[], object]]:
    import pybase64

    from tools.bench.clients.hook import AUDIO

    ring = Ring()

    def decode(data: bytes) -> None:
        if data.startswith(AUDIO):
            at = data.find(b'"delta":"') + 9
            ring.write(pybase64.b64decode(memoryview(data)[at:-2], validate=True))

    return decode, lambda: None


DECODERS = {
    "ours": _ours,
    "openai": _openai,
    "ws-stdlib": _stdlib,
    "ws-orjson": _orjson,
    "ws-pydantic": _pydantic,
    "protocol": _slice,
}
