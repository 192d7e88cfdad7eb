"""`turn`: one spoken question from a file, one spoken answer into a file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import realtime_raw as rt

from . import options
from .output import Output
from .replies import check_whole
from .running import execute
from .target import Target, open_session

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from ..audio.pcm import Samples
    from ..devices.files import AudioWriter
    from ..events import (
        ConversationItemInputAudioTranscriptionCompleted,
        ConversationItemInputAudioTranscriptionFailed,
        Response,
    )
    from .question import Question

    Transcript = (
        ConversationItemInputAudioTranscriptionCompleted | ConversationItemInputAudioTranscriptionFailed
    )

__all__ = ["turn"]

# A transcript of the question may come after the answer; longer than this it is not waited for.
TRANSCRIPT_GRACE = 5.0

_TRANSCRIPTS = (
    "conversation.item.input_audio_transcription.completed",
    "conversation.item.input_audio_transcription.failed",
)


def turn(
    question: Annotated[
        str,
        typer.Argument(metavar="QUESTION", help="A sound file, or `-` for raw 24 kHz 16-bit mono PCM."),
    ],
    answer: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="ANSWER.wav", help="Where the spoken answer goes."),
    ] = None,
    url: options.Url = None,
    loopback: options.Loopback = False,
    model: options.Model = options.DEFAULT_MODEL,
    voice: options.Voice = None,
    instructions: options.Instructions = None,
    transcriber: Annotated[
        str,
        typer.Option(
            "--transcriber", metavar="NAME", help="The model that writes down the question, or `none`."
        ),
    ] = "gpt-transcribe",
    allow_silence: Annotated[
        bool, typer.Option("--allow-silence", help="Send a question nobody can hear all the same.")
    ] = False,
    journal: options.Journal = None,
    timeout: options.Timeout = 60.0,
    json: options.Json = False,
) -> None:
    """One spoken turn: send QUESTION, commit it, ask, keep the answer. Nothing else can trigger a reply."""
    out = Output(as_json=json)

    def work() -> Coroutine[None, None, None]:
        from .question import read_question

        target = Target(url, loopback, model, journal)
        patch = rt.SessionPatch(
            voice=rt.UNSET if voice is None else voice,
            instructions=rt.UNSET if instructions is None else instructions,
            transcription=rt.UNSET if transcriber == "none" else rt.Transcription(model=transcriber),
        )
        asked = read_question(question, out, allow_silence=allow_silence)
        return _turn(target, patch, asked, answer, out, transcribed=transcriber != "none")

    execute(work, out, timeout=timeout)


async def _turn(
    target: Target,
    patch: rt.SessionPatch,
    question: Question,
    path: Path | None,
    out: Output,
    *,
    transcribed: bool,
) -> None:
    from ..devices.files import AudioWriter

    with ExitStack() as stack:
        # Opened before the turn, so that nothing is said in vain; it appears whole or not at all.
        kept = None if path is None else stack.enter_context(AudioWriter(path))
        async with open_session(target, patch, out) as conn:
            answered = await _hold(conn, question, transcribed, out)
        _print_words(question, answered, out)
        check_whole(answered.response, out)
        if kept is not None:
            _keep(answered, kept)
    _print_sound(answered, path, out)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of the turn. Times are in seconds since the commit; `heard` is what the server understood."""

    item_id: str
    heard: str | None
    text: str
    samples: Samples
    response: Response
    first_audio: float | None
    done: float


async def _hold(conn: RealtimeConnection, question: Question, transcribed: bool, out: Output) -> Answered:
    """The turn itself: append, commit, respond, and wait for all that comes of it."""
    from .question import chunks

    transcripts: AsyncIterator[Transcript] = conn.events(*_TRANSCRIPTS)
    for chunk in chunks(question.samples):
        await conn.append(chunk)
    out.say(f"sent {question.seconds:.2f} s of audio")
    clock = asyncio.get_running_loop().time
    committed = clock()
    item = await conn.commit()
    reply = await conn.respond()
    async with asyncio.TaskGroup() as group:
        words = group.create_task(_words(reply))
        sound = group.create_task(_sound(reply, clock))
    response = await reply.done()
    done = clock() - committed
    heard = await _heard(transcripts) if transcribed else None
    samples, first = sound.result()
    return Answered(item.id, heard, words.result(), samples, response, first and first - committed, done)


async def _heard(transcripts: AsyncIterator[Transcript]) -> str | None:
    """What the server understood of the question, or why it did not; None if it never says."""
    try:
        async with asyncio.timeout(TRANSCRIPT_GRACE):
            event = await anext(transcripts)
    except TimeoutError:
        return None
    if isinstance(event, rt.events.ConversationItemInputAudioTranscriptionCompleted):
        return event.transcript or "(no words)"
    reason = event.error.message if event.error else None
    return f"(not transcribed: {reason or 'no reason given'})"


async def _words(reply: rt.Reply) -> str:
    return "".join([piece async for piece in reply.text()])


async def _sound(reply: rt.Reply, clock: Callable[[], float]) -> tuple[Samples, float | None]:
    """All of the answer's samples, and when the first of them came."""
    import numpy as np

    pieces: list[Samples] = [np.zeros(0, np.int16)]
    first: float | None = None
    async for pcm in reply.audio():
        first = clock() if first is None else first
        pieces.append(pcm)
    return np.concatenate(pieces), first


def _keep(answered: Answered, file: AudioWriter) -> None:
    if not len(answered.samples):
        raise rt.AudioError("the answer holds no audio, so nothing was written", hint="leave out -o")
    file.write(answered.samples)


def _print_words(question: Question, answered: Answered, out: Output) -> None:
    from .question import decibels

    facts = {"item_id": answered.item_id, "seconds": round(question.seconds, 3)}
    out.spoken(
        "you", answered.heard or "(not transcribed)", **facts, rms_dbfs=decibels(question.levels.rms_dbfs)
    )
    out.spoken("model", answered.text, response_id=answered.response.id, status=answered.response.status)


def _print_sound(answered: Answered, path: Path | None, out: Output) -> None:
    from ..audio.levels import measure
    from ..audio.pcm import ms_of
    from .question import decibels

    levels = measure(answered.samples)
    seconds = ms_of(levels.frames) / 1000
    where = "not kept (-o FILE.wav keeps it)" if path is None else str(path)
    out.data(
        "answer",
        f"answer: {where}, {seconds:.2f} s, RMS {levels.rms_dbfs:.1f} dBFS",
        path=None if path is None else str(path),
        seconds=round(seconds, 3),
        rms_dbfs=decibels(levels.rms_dbfs),
    )
    first = None if answered.first_audio is None else round(answered.first_audio * 1000, 1)
    done = round(answered.done * 1000, 1)
    out.data(
        "latency",
        f"latency: commit to first audio {first} ms, commit to done {done} ms",
        commit_to_first_audio_ms=first,
        commit_to_done_ms=done,
    )
