"""Audio formats: PCM and G.711, in and out."""

from __future__ import annotations

from functools import partial

from .. import sounds
from ..asking import decoded, detecting, output_encoding, overheard, refuses, say, spoken_answer
from ..case import Unsupported, case
from ..probe import Event, Probe
from ..seen import ResponseSeen

_UPDATE = "API reference: session.update, audio formats"
_DELTA = "API reference: response.output_audio.delta"
_AUDIO = "response.output_audio.delta"
_BYTES_PER_SECOND = {"audio/pcm": 48_000, "audio/pcmu": 8_000, "audio/pcma": 8_000}

must = partial(case, family="formats", level="must", certainty="documented", seconds=0.5)
should = partial(case, family="formats", level="should", seconds=0.5)
spoken = partial(must, source=_DELTA, needs={"audio_out"}, tokens=250, seconds=4.0)
may_speak = partial(should, needs={"audio_out"}, tokens=250, seconds=4.0)


def _shown(session: Event, direction: str) -> object:
    """The format a session shows, whatever it is."""
    audio = session.get("audio")
    side = audio.get(direction) if isinstance(audio, dict) else None
    return side.get("format") if isinstance(side, dict) else None


def _type(found: object) -> object:
    return found.get("type") if isinstance(found, dict) else found


async def _set(probe: Probe, direction: str, encoding: str) -> None:
    """Set one format, and check that it is confirmed."""
    session = await probe.session(audio={direction: {"format": {"type": encoding}}})
    shown = _type(_shown(session, direction))
    path = f"session.audio.{direction}.format.type"
    probe.check(
        shown == encoding, f"the {direction} format is {shown!r}, not {encoding!r}", _updated(probe), path
    )


def _updated(probe: Probe) -> Event:
    return next(event for event in reversed(probe.events) if event["type"].startswith("session."))


# --- PCM ----------------------------------------------------------------------------------


@must(
    "RT-FMT-001",
    "PCM at 24 kHz is the format of a new session",
    rule="Without being told, both formats are `audio/pcm` at a rate of 24000.",
    source=_UPDATE,
    sends="nothing",
    expects="session.created with these formats",
    needs={"audio_in", "audio_out"},
)
async def _default(probe: Probe) -> None:
    created = probe.events[0]
    for direction in ("input", "output"):
        shown = _shown(probe.confirmed, direction)
        path = f"session.audio.{direction}.format"
        right = isinstance(shown, dict) and (shown.get("type"), shown.get("rate")) == ("audio/pcm", 24_000)
        probe.check(right, f"the {direction} format is {shown!r}", created, path)


@may_speak(
    "RT-FMT-004",
    "Each delta holds whole samples",
    rule="Each delta of PCM audio is an even number of bytes, so that it can be played by itself.",
    certainty="recorded",
    source="recorded",
    sends="a request for a short spoken answer",
    expects="an even number of bytes in each delta",
)
async def _even_deltas(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    for delta in spoken_.seen.of(_AUDIO):
        size = len(decoded(delta.get("delta"), delta, "delta"))
        probe.check(size % 2 == 0, f"it holds {size} bytes", delta, "delta")


@spoken(
    "RT-FMT-005",
    "PCM comes without a header",
    rule="Audio is raw samples: no file format is around it.",
    sends="a request for a short spoken answer",
    expects="audio that does not begin as a WAV, Ogg, MP3 or FLAC file",
)
async def _no_header(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    first = spoken_.seen.of(_AUDIO)[0]
    head = decoded(first.get("delta"), first, "delta")[:4]
    file = head in (b"RIFF", b"OggS", b"fLaC") or head[:3] == b"ID3"
    probe.check(not file, f"it begins with {head!r}: that is a file, not samples", first, "delta")


@should(
    "RT-FMT-006",
    "Other rates of PCM are refused",
    rule="The only rate of `audio/pcm` is 24000.",
    certainty="documented",
    source=_UPDATE,
    sends="an input format of PCM at 16000",
    expects="an error",
    needs={"audio_in"},
)
async def _other_rate(probe: Probe) -> None:
    slow = {"type": "audio/pcm", "rate": 16_000}
    session = {"type": "realtime", "audio": {"input": {"format": slow}}}
    await refuses(probe, await probe.send("session.update", session=session), "session.updated")


@must(
    "RT-FMT-007",
    "An unknown format is refused",
    rule="A format is `audio/pcm`, `audio/pcmu` or `audio/pcma`; any other is an error.",
    source=_UPDATE,
    sends="an input format `audio/none`",
    expects="an error",
    needs={"audio_in"},
)
async def _unknown(probe: Probe) -> None:
    session = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/none"}}}}
    await refuses(probe, await probe.send("session.update", session=session), "session.updated")


@should(
    "RT-FMT-008",
    "A refused format changes nothing",
    rule="An update that is refused leaves the formats as they were.",
    certainty="observed",
    source="observed",
    sends="an unknown input format beside a G.711 output format, and an empty update",
    expects="an error, then session.updated with the formats of before",
    needs={"audio_in", "audio_out", "g711"},
)
async def _nothing_changed(probe: Probe) -> None:
    formats = {"input": {"format": {"type": "audio/none"}}, "output": {"format": {"type": "audio/pcmu"}}}
    await refuses(probe, await probe.send("session.update", session={"type": "realtime", "audio": formats}))
    before = {direction: _shown(probe.confirmed, direction) for direction in formats}
    session = await probe.session()
    for direction, was in before.items():
        shown = _shown(session, direction)
        path = f"session.audio.{direction}.format"
        probe.check(shown == was, f"it was {was!r}, and is {shown!r}", _updated(probe), path)


# --- G.711 --------------------------------------------------------------------------------


async def _g711_in(probe: Probe, encoding: str) -> None:
    """A fifth of a second is 1600 bytes of G.711; as PCM these would be too few for a commit."""
    await probe.manual()
    await _set(probe, "input", encoding)
    await probe.append_tone(0.2)
    await probe.commit()


async def _g711_out(probe: Probe, encoding: str) -> None:
    """What was said lasts as long as saying it may take, at eight bytes a millisecond."""
    await _set(probe, "output", encoding)
    spoken_ = await spoken_answer(probe)
    shown = (spoken_.seen.created["response"].get("audio") or {}).get("output") or {}
    told = (shown.get("format") or {}).get("type")
    same = told in (None, encoding)
    path = "response.audio.output.format.type"
    probe.check(same, f"the response's format is {told!r}", spoken_.seen.created, path)
    _lasts(probe, spoken_.seen, spoken_.size, encoding)


def _lasts(probe: Probe, seen: ResponseSeen, size: int, encoding: str) -> None:
    """Whether `size` bytes of audio last as long as somebody may need to say the transcript."""
    characters = len(seen.transcript)
    if not characters:
        raise Unsupported("there is no transcript, so how long the answer should last is not known")
    seconds = size / _BYTES_PER_SECOND[encoding]
    slowest, fastest = 4 * seconds, 30 * seconds
    probe.check(
        slowest <= characters <= fastest,
        f"{size} bytes of {encoding} are {seconds:.1f} s: nobody speaks {characters} characters in that time",
        seen.done,
    )


g711 = partial(must, source=_UPDATE, needs={"audio_in", "g711"}, tokens=5, seconds=1.0)


@g711(
    "RT-FMT-010",
    "A user may speak in G.711 µ-law",
    rule="`audio/pcmu` is an input format: 8000 samples a second, a byte each.",
    sends="that input format, 1600 bytes of tone, and a commit",
    expects="session.updated with it, and committed: 1600 bytes are 200 ms",
)
async def _pcmu_in(probe: Probe) -> None:
    await _g711_in(probe, "audio/pcmu")


@g711(
    "RT-FMT-011",
    "A user may speak in G.711 A-law",
    rule="`audio/pcma` is an input format: 8000 samples a second, a byte each.",
    sends="that input format, 1600 bytes of tone, and a commit",
    expects="session.updated with it, and committed: 1600 bytes are 200 ms",
)
async def _pcma_in(probe: Probe) -> None:
    await _g711_in(probe, "audio/pcma")


@spoken(
    "RT-FMT-012",
    "An assistant may speak in G.711 µ-law",
    rule="`audio/pcmu` is an output format: 8000 samples a second, a byte each.",
    source=_UPDATE,
    sends="that output format, and a request for a short spoken answer",
    expects="as many bytes as saying that may take",
    needs={"audio_out", "g711"},
)
async def _pcmu_out(probe: Probe) -> None:
    await _g711_out(probe, "audio/pcmu")


@spoken(
    "RT-FMT-013",
    "An assistant may speak in G.711 A-law",
    rule="`audio/pcma` is an output format: 8000 samples a second, a byte each.",
    source=_UPDATE,
    sends="that output format, and a request for a short spoken answer",
    expects="as many bytes as saying that may take",
    needs={"audio_out", "g711"},
)
async def _pcma_out(probe: Probe) -> None:
    await _g711_out(probe, "audio/pcma")


@spoken(
    "RT-FMT-014",
    "An assistant speaks in PCM at 24 kHz",
    rule="`audio/pcm` is 24000 samples of 16 bits a second.",
    sends="a request for a short spoken answer",
    expects="as many bytes as saying that may take",
)
async def _pcm_out(probe: Probe) -> None:
    spoken_ = await spoken_answer(probe)
    _lasts(probe, spoken_.seen, spoken_.size, output_encoding(probe.confirmed))


@must(
    "RT-FMT-015",
    "The formats are independent",
    rule="Input and output may have different formats: setting one leaves the other.",
    source=_UPDATE,
    sends="an input format of G.711 µ-law, then an output format of G.711 A-law",
    expects="session.updated with both",
    needs={"audio_in", "audio_out", "g711"},
)
async def _independent(probe: Probe) -> None:
    await _set(probe, "input", "audio/pcmu")
    other = _type(_shown(probe.confirmed, "output"))
    path = "session.audio.output.format.type"
    probe.check(other == "audio/pcm", f"the output format became {other!r}", _updated(probe), path)
    await _set(probe, "output", "audio/pcma")
    mine = _type(_shown(probe.confirmed, "input"))
    path = "session.audio.input.format.type"
    probe.check(mine == "audio/pcmu", f"the input format became {mine!r}", _updated(probe), path)


@should(
    "RT-FMT-016",
    "A response's format is for it alone",
    rule="An output format in `response.create` is for that response; the session keeps its own.",
    certainty="documented",
    source="API reference: response.create, audio",
    sends="a request for a short spoken answer in G.711 µ-law, and an empty update",
    expects="session.updated with PCM as before",
    needs={"audio_out", "g711"},
    tokens=250,
    seconds=4.0,
)
async def _own_format(probe: Probe) -> None:
    await spoken_answer(probe, audio={"output": {"format": {"type": "audio/pcmu"}}})
    session = await probe.session()
    shown = _type(_shown(session, "output"))
    path = "session.audio.output.format.type"
    probe.check(shown == "audio/pcm", f"the session's format became {shown!r}", _updated(probe), path)


@should(
    "RT-FMT-017",
    "Turns are found in G.711",
    rule="Times of speech in G.711 count its own eight bytes a millisecond.",
    certainty="documented",
    source="API reference: input_audio_buffer.speech_started",
    sends="an input format of G.711 µ-law; two seconds of silence, speech, and silence",
    expects="speech_started between 1 and 2.5 s",
    needs={"audio_in", "vad", "g711"},
    tokens=50,
    seconds=3.0,
)
async def _found_in_g711(probe: Probe) -> None:
    await _set(probe, "input", "audio/pcmu")
    await detecting(probe, create_response=False)
    await probe.append_silence(2.0)
    await say(probe)
    started = await overheard(probe)
    start = started.get("audio_start_ms")
    there = isinstance(start, (int, float)) and 1000 <= start <= 2500
    probe.check(there, f"speech at 2000 ms starts at {start!r}", started, "audio_start_ms")


@should(
    "RT-FMT-018",
    "The rate of PCM need not be said",
    rule="`audio/pcm` without a rate is PCM at 24000.",
    certainty="inferred",
    source="API reference: `rate` is optional",
    sends="an input format of PCM without a rate",
    expects="session.updated with `audio/pcm`",
    needs={"audio_in"},
)
async def _no_rate(probe: Probe) -> None:
    await _set(probe, "input", "audio/pcm")


@must(
    "RT-FMT-019",
    "PCM counts 48 bytes a millisecond",
    rule="Appended PCM is 24000 samples of 16 bits a second: times of speech count that.",
    source="API reference: input_audio_buffer.speech_started",
    sends="two seconds of silence, speech, and silence",
    expects="speech_started between 1 and 2.5 s",
    needs={"audio_in", "vad"},
    tokens=50,
    seconds=3.0,
)
async def _found_in_pcm(probe: Probe) -> None:
    await detecting(probe, create_response=False)
    await probe.append(sounds.silence(2.0))
    await say(probe)
    started = await overheard(probe)
    start = started.get("audio_start_ms")
    there = isinstance(start, (int, float)) and 1000 <= start <= 2500
    probe.check(there, f"speech at 2000 ms starts at {start!r}", started, "audio_start_ms")
