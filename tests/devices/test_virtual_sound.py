"""A real PortAudio on a virtual sound card: spoken into its microphone, recorded from its loudspeaker.

`tools/virtual_sound.sh` installs and starts PulseAudio where it may; where it
may not, these tests are skipped with its reason. They take real time: there is
a minute to be listened to.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import realtime_raw as rt
from realtime_raw.aio.connection import RealtimeConnection
from realtime_raw.audio.levels import measure
from realtime_raw.audio.pcm import Samples, b64decode
from realtime_raw.devices.files import load_audio
from realtime_raw.devices.host import rescan
from realtime_raw.devices.portaudio import Microphone, Speaker, find_device, list_devices
from realtime_raw.loopback.scenario import Turn
from realtime_raw.loopback.speech import Speech
from realtime_raw.protocol import signals

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "virtual_sound.sh"
QUESTION = ROOT / "tools" / "data" / "question.wav"
RATE = 24_000
BLOCK_MS = 20
FADE_MS = 5

pytestmark = [pytest.mark.device, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def sound() -> Iterator[None]:
    """The virtual sound card, on a server of its own, and PortAudio looking at it."""
    with pytest.MonkeyPatch.context() as patch:
        # Of its own, and short: a socket's path has 107 characters at most.
        patch.setenv("VIRTUAL_SOUND_DIR", f"/tmp/realtime_raw-{os.getpid()}")
        try:
            for line in _started().splitlines():
                name, _, value = line.removeprefix("export ").partition("=")
                patch.setenv(name, value)
            _look_again()
            yield
        finally:
            subprocess.run([SCRIPT, "stop"], check=True, timeout=30)


def _started() -> str:
    """What the script says once it runs; else the test is skipped, if that is nobody's fault."""
    try:
        started = subprocess.run([SCRIPT, "start"], capture_output=True, text=True, timeout=240)
    except subprocess.TimeoutExpired:
        pytest.skip("PulseAudio could not be installed within four minutes")
    why = (started.stderr.strip().splitlines() or ["it failed"])[-1]
    if started.returncode == 77:
        pytest.skip(why)
    assert started.returncode == 0, why
    return started.stdout


def _look_again() -> None:
    """It may have been initialised by an earlier test, when there was no sound card."""

    class Nobody:
        busy = False

        def suspend(self) -> None: ...

        def resume(self) -> None: ...

    rescan(Nobody())


class Ramble:
    """A speaker without pauses, so that every moment of it can be told from silence and from the others."""

    def say(self, pieces: Sequence[str], voice: str, speed: float) -> Speech:
        """So many tenths of a second as there are pieces."""
        hiss = np.random.default_rng(len(pieces)).normal(0, 9000, len(pieces) * RATE // 10)
        soft = np.convolve(hiss, np.hanning(25) / np.hanning(25).sum(), "same")
        starts = tuple(range(0, len(pieces) * RATE // 10, RATE // 10))
        return Speech(np.clip(soft, -32000, 32000).astype(np.int16), starts)


def long_answer(turn: Turn) -> str:
    """Something to say for about a minute."""
    return " ".join(
        f"Point {number}: a long answer has many points, and each of them is said at leisure, aloud."
        for number in range(1, 12)
    )


def rambling(turn: Turn) -> str:
    """Four seconds by the `Ramble`."""
    return "and so on " * 14


@asynccontextmanager
async def recorded(path: Path) -> AsyncIterator[None]:
    """What the virtual loudspeaker plays meanwhile, into `path` as raw 24 kHz mono."""
    with path.open("wb") as file:
        recorder = await asyncio.create_subprocess_exec(
            "parec", "--device=virtual_speaker.monitor", f"--rate={RATE}", "--channels=1", "--format=s16le",
            "--latency-msec=20", "--raw", stdout=file,
        )  # fmt: skip
        try:
            await asyncio.sleep(0.5)
            yield
            await asyncio.sleep(0.5)
        finally:
            recorder.terminate()
            await recorder.wait()


def recording(path: Path) -> Samples:
    data = path.read_bytes()
    return np.frombuffer(data[: len(data) & ~1], "<i2")


def aligned(heard: Samples, sent: Samples) -> tuple[int, float]:
    """Where in `heard` `sent` begins, and how alike the two are there (1.0: but for loudness)."""
    size = 1 << (len(heard) + len(sent)).bit_length()
    spectrum = np.fft.rfft(heard.astype(np.float64), size) * np.conj(
        np.fft.rfft(sent.astype(np.float64), size)
    )
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: len(heard)]))
    return at, likeness(heard[at : at + len(sent)], sent)


def likeness(one: Samples, other: Samples) -> float:
    """The correlation coefficient of what both have."""
    size = min(len(one), len(other))
    left: npt.NDArray[np.float64] = one[:size].astype(np.float64)
    right: npt.NDArray[np.float64] = other[:size].astype(np.float64)
    return float(np.dot(left, right) / np.sqrt(np.dot(left, left) * np.dot(right, right)))


class Stalls:
    """How late the loop is at its worst, looked at every 5 ms: finer than the connection's own gauge."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + 0.005
            await asyncio.sleep(0.005)
            self.worst = max(self.worst, loop.time() - due)

    def stop(self, conn: RealtimeConnection) -> float:
        """No more; in milliseconds."""
        self._task.cancel()
        return max(self.worst * 1000, conn.health().loop_lag_ms)


async def sound_of(conn: RealtimeConnection, item_id: str) -> Samples:
    """An item's audio as the server has it."""
    event = await conn.retrieve(item_id)
    assert event.item is not None
    (part,) = event.item.to_wire()["content"]
    return np.frombuffer(b64decode(part["audio"]), "<i2")


def test_the_card_is_found_by_name(sound: None) -> None:
    names = [one.name for one in list_devices()]
    assert "pulse" in names
    assert find_device("PULS", "input").name == "pulse"
    assert find_device(None, "output").default_output


async def test_a_minute_of_talk(sound: None, tmp_path: Path) -> None:
    """Said into the microphone, committed, answered, and the answer heard as it was sent."""
    gc.collect()
    gc.freeze()  # a collection of everything pytest holds is no part of a call
    microphone, speaker = Microphone("pulse"), Speaker("pulse")
    try:
        async with rt.loopback.LoopbackServer(scenario=long_answer) as server, rt.connect(server.url) as conn:
            attached = conn.attach(source=microphone, sink=speaker, push_to_talk=True)
            await asyncio.sleep(0.3)
            await attached.start_talking()
            mouth = await asyncio.create_subprocess_exec("paplay", "--device=virtual_mouth", str(QUESTION))
            await mouth.wait()
            await asyncio.sleep(0.2)
            talk = await attached.stop_talking()
            item = await conn.commit()
            question, turn = load_audio(QUESTION).samples, await sound_of(conn, item.id)
            assert len(turn) == talk.frames
            assert aligned(turn, question)[1] > 0.98
            assert talk.levels.peak_dbfs == pytest.approx(measure(question).peak_dbfs, abs=1.5)
            assert talk.gap_ms == 0.0

            found = await listen(conn, speaker, tmp_path / "first.raw")
            if found.stalled:
                found = await listen(conn, speaker, tmp_path / "again.raw")
            assert found.seconds > 60
            assert found.underruns == 0, found
            assert found.alike > 0.98, found
    finally:
        microphone.close()
        gc.unfreeze()
    assert (microphone.fault, speaker.fault) == (None, None)


class Found:
    """What came of listening to an answer."""

    def __init__(self, seconds: float, underruns: int, alike: float, lag_ms: float) -> None:
        self.seconds, self.underruns, self.alike, self.lag_ms = seconds, underruns, alike, lag_ms

    @property
    def stalled(self) -> bool:
        """Whether it went wrong while the machine did not let us run."""
        return (self.underruns > 0 or self.alike < 0.98) and self.lag_ms > BLOCK_MS

    def __repr__(self) -> str:
        return (
            f"{self.seconds:.1f} s, {self.underruns} underruns, likeness {self.alike:.4f}, "
            f"the loop late by {self.lag_ms:.0f} ms"
        )


async def listen(conn: RealtimeConnection, speaker: Speaker, path: Path) -> Found:
    """Ask for an answer and hear it to its end."""
    before = conn.player.statistics().underruns + speaker.underflows
    stalls = Stalls()
    async with recorded(path):
        reply = await conn.respond()
        finished = await conn.wait_for(signals.PlaybackFinished, 120)
        await reply.done()
    sent = await sound_of(conn, finished.item_id)
    underruns = conn.player.statistics().underruns + speaker.underflows - before
    _, alike = await asyncio.to_thread(aligned, recording(path), sent)
    return Found(len(sent) / RATE, underruns, alike, stalls.stop(conn))


async def test_cut_where_the_ear_stopped(sound: None, tmp_path: Path) -> None:
    """The server is told the milliseconds that were played, but for what the device still had."""
    speaker, path = Speaker("pulse"), tmp_path / "cut.raw"
    server = rt.loopback.LoopbackServer(scenario=rambling, speaker=Ramble())
    async with server, rt.connect(server.url) as conn:
        conn.attach(sink=speaker)
        await conn.insert("Talk to me")
        async with recorded(path):
            reply = await conn.respond()
            await conn.wait_for(signals.PlaybackStarted, 10)
            await reply.done()
            await asyncio.sleep(1.5)
            latency_ms = conn.player.sounding_for(asyncio.get_running_loop().time()) * 1000
            (cut,) = (await conn.interrupt()).items
        assert cut.heard_ms is not None
        assert cut.action == "truncate"
        kept = await sound_of(conn, cut.item_id)
        assert len(kept) == cut.heard_ms * RATE // 1000
    heard = recording(path)
    at, alike = aligned(heard, kept)
    assert alike > 0.98
    loud = np.flatnonzero(np.abs(heard.astype(int)) > 300)
    played_ms = (int(loud[-1]) + 1 - at) * 1000 / RATE
    assert 1200 < cut.heard_ms < 2500
    # What the device had when it was cut, and the fade, sounded on after the count.
    assert 0 <= played_ms - cut.heard_ms <= latency_ms + BLOCK_MS + FADE_MS, (played_ms, cut, latency_ms)


async def test_a_sound_server_that_dies_and_comes_back(sound: None) -> None:
    """As if unplugged: told at once, and again when it is back; the call goes on, and so does the reply."""
    microphone, speaker = Microphone("pulse"), Speaker("pulse")
    server = rt.loopback.LoopbackServer(scenario=rambling, speaker=Ramble())
    try:
        async with server, rt.connect(server.url) as conn:
            attached = conn.attach(source=microphone, sink=speaker, push_to_talk=True)
            await conn.insert("Talk to me")
            started = conn.wait_for(signals.PlaybackStarted, 10)
            finished = conn.wait_for(signals.PlaybackFinished, 60)
            async with conn.events("device.lost", "device.restored") as changes:
                await conn.respond()
                await started
                await script("stop")
                gone = [await anext(changes), await anext(changes)]
                assert {change.direction for change in gone} == {"input", "output"}
                assert conn.player.playing
                await script("start")
                back = [await anext(changes), await anext(changes)]
                assert {type(change) for change in back} == {signals.DeviceRestored}
                assert {change.direction for change in back} == {"input", "output"}
            await finished
            await attached.start_talking()
            await asyncio.sleep(0.3)
            assert (await attached.stop_talking()).ms > 250
    finally:
        microphone.close()


async def script(what: str) -> None:
    """Let the script do it."""
    process = await asyncio.create_subprocess_exec(str(SCRIPT), what, stdout=subprocess.DEVNULL)
    assert await process.wait() == 0
