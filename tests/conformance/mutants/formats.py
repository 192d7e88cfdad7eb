"""Servers that take one audio format for another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realtime_raw.audio.pcm import b64decode, b64encode
from realtime_raw.loopback.fault_filters import Edit
from tests.conformance.breaking import misread, refusing
from tests.conformance.harness import EditOf, change, every, mutant, set_

UPDATE, UPDATED = "session.update", "session.updated"
DELTA, STARTED = "response.output_audio.delta", "input_audio_buffer.speech_started"
PCM = {"type": "audio/pcm", "rate": 24_000}
Event = dict[str, Any]


def sounding(function: Callable[[bytes], bytes]) -> EditOf:
    """An edit of the bytes of a delta."""
    return change("delta", lambda text: b64encode(function(b64decode(text))).decode())


def stays_pcm(direction: str) -> Callable[[Event], None]:
    """The format of one direction is not changed by an update, whatever it says."""

    def change_it(message: Event) -> None:
        side = message["session"].get("audio", {}).get(direction, {})
        if "format" in side:
            side["format"] = dict(PCM)

    return change_it


def both(message: Event) -> None:
    """What is set for one direction is set for both."""
    audio = message["session"]["audio"]
    for one, other in (("input", "output"), ("output", "input")):
        if "format" in audio.get(one, {}):
            audio.setdefault(other, {})["format"] = audio[one]["format"]
            return


def pretends(direction: str, encoding: str) -> Edit:
    """Confirms a format."""
    return Edit(every(UPDATED), set_(f"session.audio.{direction}.format", {"type": encoding}))


def _no_rate(message: Event) -> bool:
    return "rate" not in message["session"]["audio"]["input"]["format"]


MUTANTS = [
    mutant(
        "RT-FMT-001",
        "formats are strings",
        Edit(every("session.created"), set_("session.audio.input.format", "pcm16")),
    ),
    mutant(
        "RT-FMT-001",
        "it speaks at 16 kHz",
        Edit(every("session.created"), set_("session.audio.output.format.rate", 16_000)),
    ),
    mutant(
        "RT-RESP-022",
        "audio is a data URI",
        Edit(every(DELTA), change("delta", lambda text: f"data:audio/pcm;base64,{text}")),
    ),
    mutant(
        "RT-RESP-022",
        "audio is base64url",
        Edit(every(DELTA), change("delta", lambda text: text.replace("+", "-").replace("/", "_"))),
    ),
    mutant(
        "RT-RESP-022",
        "audio is hexadecimal",
        Edit(every(DELTA), change("delta", lambda text: b64decode(text).hex() + "=")),
    ),
    mutant(
        "RT-RESP-022", "a byte is lost", Edit(every(DELTA, nth=2, count=1), sounding(lambda data: data[:-1]))
    ),
    mutant(
        "RT-FMT-004",
        "a sample is cut in two",
        Edit(every(DELTA, nth=1, count=1), sounding(lambda data: data[:-1])),
        Edit(every(DELTA, nth=2, count=1), sounding(lambda data: b"\0" + data)),
    ),
    mutant(
        "RT-FMT-005",
        "each answer is a WAV file",
        Edit(every(DELTA, nth=1, count=1), sounding(lambda data: b"RIFF" + bytes(40) + data)),
    ),
    mutant("RT-FMT-006", "other rates are passed over", intercept=misread(UPDATE, stays_pcm("input"))),
    mutant("RT-FMT-007", "unknown formats are passed over", intercept=misread(UPDATE, stays_pcm("input"))),
    mutant("RT-FMT-008", "half of a refused update is done", pretends("output", "audio/pcmu")),
    *(
        each
        for case_id, encoding in (("RT-FMT-010", "audio/pcmu"), ("RT-FMT-011", "audio/pcma"))
        for each in (
            mutant(case_id, "G.711 is ignored", intercept=misread(UPDATE, stays_pcm("input"))),
            mutant(
                case_id,
                "G.711 is confirmed, and heard as PCM",
                pretends("input", encoding),
                intercept=misread(UPDATE, stays_pcm("input")),
            ),
        )
    ),
    *(
        each
        for case_id, encoding in (("RT-FMT-012", "audio/pcmu"), ("RT-FMT-013", "audio/pcma"))
        for each in (
            mutant(case_id, "G.711 is ignored", intercept=misread(UPDATE, stays_pcm("output"))),
            mutant(
                case_id,
                "G.711 is confirmed, and PCM is said",
                pretends("output", encoding),
                Edit(every("response.created"), set_("response.audio.output.format", {"type": encoding})),
                intercept=misread(UPDATE, stays_pcm("output")),
            ),
            mutant(
                case_id,
                "the response shows another format",
                Edit(every("response.created"), set_("response.audio.output.format", PCM)),
            ),
        )
    ),
    mutant(
        "RT-FMT-014",
        "PCM is said at 8 kHz",
        Edit(every(DELTA), sounding(lambda data: data[: len(data) // 6 * 2])),
    ),
    mutant(
        "RT-FMT-014",
        "G.711 comes in place of PCM",
        Edit(every(DELTA), sounding(lambda data: data[: len(data) // 12 * 2])),
    ),
    mutant("RT-FMT-015", "there is one format for both", intercept=misread(UPDATE, both)),
    mutant(
        "RT-RESP-053",
        "a response has the session's format",
        intercept=misread("response.create", lambda m: m["response"].pop("audio")),
    ),
    mutant("RT-FMT-016", "the session takes a response's format", pretends("output", "audio/pcmu")),
    mutant(
        "RT-FMT-017",
        "G.711 is counted as PCM",
        Edit(every(STARTED), change("audio_start_ms", lambda ms: ms // 6)),
    ),
    mutant("RT-FMT-018", "a rate must be said", intercept=refusing(UPDATE, _no_rate)),
    mutant(
        "RT-FMT-018", "formats are strings", Edit(every(UPDATED), set_("session.audio.input.format", "pcm16"))
    ),
    mutant(
        "RT-FMT-019",
        "PCM is counted at 16 kHz",
        Edit(every(STARTED), change("audio_start_ms", lambda ms: ms * 3 // 2)),
    ),
]
