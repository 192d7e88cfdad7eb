"""How many sessions one core carries: 200 clients talk and listen at real-time audio rate.

    python tools/bench_loopback.py [--sessions 200] [--seconds 20]

The server has a process and, where the system allows it, a core of its own; the
clients share another process. Each client sends 100 ms of speech-like sound ten
times a second, never stopping, with turn detection on and no automatic
answers, and asks for one spoken answer after another at natural speed. Audio is
late if it arrives after the moment it should have been played, 100 ms after it
was due.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from realtime_raw.loopback import LoopbackServer, murmur_speaker

LATE_MS = 100.0
CHUNK_SECONDS = 0.1
SETTINGS = {
    "type": "realtime",
    "audio": {
        "input": {
            "turn_detection": {"type": "server_vad", "create_response": False, "interrupt_response": False}
        }
    },
}
ANSWER = "One two three four five six seven eight nine ten. " * 6
DELTA = '{"type":"response.output_audio.delta"'
DONE = '{"type":"response.done"'


def pin(core: int) -> None:
    """Keep this process on one core, where there are two and the system lets us."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})


def memory_mib() -> float:
    """What this process holds at its most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


# --- the server's process ----------------------------------------------------------------


def serve(pipe: Connection, log_limit: int) -> None:
    """Serve until told to stop; tell the URL, then CPU seconds and memory whenever asked."""
    pin(0)
    asyncio.run(_serve(pipe, log_limit))


async def _serve(pipe: Connection, log_limit: int) -> None:
    speaker = murmur_speaker()
    async with LoopbackServer(
        scenario=lambda turn: ANSWER, speaker=speaker, speed=1.0, log_limit=log_limit
    ) as server:
        pipe.send(server.url)
        while await asyncio.to_thread(pipe.recv):
            usage = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send((usage.ru_utime + usage.ru_stime, memory_mib()))


# --- the clients' ------------------------------------------------------------------------


def sound() -> list[str]:
    """A second of syllables with pauses between them, in messages ready to be sent."""
    rate = 24_000
    wave = np.sin(2 * np.pi * 220 * np.arange(rate) / rate) * 8000
    wave *= np.sin(2 * np.pi * 2 * np.arange(rate) / rate).clip(0)
    data = wave.astype("<i2").tobytes()
    size = round(rate * CHUNK_SECONDS) * 2
    chunks = (base64.b64encode(data[at : at + size]).decode() for at in range(0, len(data), size))
    return [json.dumps({"type": "input_audio_buffer.append", "audio": chunk}) for chunk in chunks]


async def talk(line: ClientConnection, chunks: list[str], end: float) -> None:
    """Append at real-time rate."""
    due, number = time.perf_counter(), 0
    while due < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        await line.send(chunks[number % len(chunks)])
        due, number = due + CHUNK_SECONDS, number + 1


async def listen(line: ClientConnection, late: list[float]) -> None:
    """Ask, and note how many ms after it was due each piece of audio came; ask again."""
    ask = json.dumps({"type": "response.create"})
    await line.send(ask)
    began: float | None = None
    heard = 0.0
    while True:
        message = await line.recv()
        assert isinstance(message, str)
        if message.startswith(DELTA):
            now = time.perf_counter()
            began = now if began is None else began
            late.append((now - began - heard) * 1000)
            start = message.index('"delta":"') + 9
            heard += (message.index('"', start) - start) * 3 / 4 / 48_000
        elif message.startswith(DONE):
            began, heard = None, 0.0
            await line.send(ask)


async def one(url: str, chunks: list[str], wait: float, end: float, late: list[float]) -> None:
    """One client, from `wait` seconds on."""
    await asyncio.sleep(wait)
    async with connect(url + "?model=gpt-realtime-2.1", compression=None, max_size=None) as line:
        await line.send(json.dumps({"type": "session.update", "session": SETTINGS}))
        listening = asyncio.create_task(listen(line, late))
        await talk(line, chunks, end)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def load(url: str, sessions: int, seconds: float, ask: Callable[[], tuple[float, float]]) -> None:
    """Run the clients, and print the figures."""
    chunks, late = sound(), list[float]()
    _, empty = ask()
    ramp = sessions / 100
    end = time.perf_counter() + ramp + seconds
    clients = [asyncio.create_task(one(url, chunks, ramp * n / sessions, end, late)) for n in range(sessions)]
    await asyncio.sleep(ramp)
    late.clear()
    cpu, _ = await asyncio.to_thread(ask)
    started = time.perf_counter()
    await asyncio.sleep(seconds - 0.5)
    after, memory = await asyncio.to_thread(ask)
    took = time.perf_counter() - started
    await asyncio.gather(*clients)
    late.sort()
    over = sum(each > LATE_MS for each in late)
    middle, nearly, most = statistics.median(late), late[int(len(late) * 0.99)], late[-1]
    print(f"{sessions} sessions, {seconds:g} s, both ways at real-time audio rate")
    print(f"  late audio      {over} of {len(late)} pieces (budget: none later than {LATE_MS:g} ms)")
    print(f"  behind schedule {middle:.1f} ms median, {nearly:.1f} ms at 99 %, {most:.1f} ms at most")
    print(f"  server          {(after - cpu) / took:.0%} of one core")
    print(f"  memory          {(memory - empty) / sessions:.2f} MiB a session")


def main() -> None:
    """Both processes, and the figures."""
    parser = argparse.ArgumentParser(description="How many sessions one core carries.")
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--log-limit", type=int, default=0, help="messages kept of each session")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs, options.log_limit), daemon=True)
    server.start()
    url = mine.recv()
    pin(-1)

    def ask() -> tuple[float, float]:
        mine.send(True)
        answer: tuple[float, float] = mine.recv()
        return answer

    asyncio.run(load(url, options.sessions, options.seconds, ask))
    mine.send(False)
    server.join(10)


if __name__ == "__main__":
    main()
