"""What many cases ask alike: items put in, answers begun and stopped, turns spoken, orders compared.

Functions over a `Probe`. Those that wait may be cancelled at any point: a
probe is used for one case, and thrown away with it.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from ..audio.pcm import b64decode, b64encode
from ..errors import AudioError
from . import sounds
from .case import NotComplied, Unsupported, Violation
from .probe import Event, Probe, Where
from .seen import ResponseSeen, item_of, response_of

__all__ = [
    "LONG_TASK",
    "SHORT_TASK",
    "Answer",
    "Spoken",
    "add",
    "audio_of",
    "begin_answer",
    "call_off",
    "decoded",
    "detecting",
    "event_of",
    "first_delta",
    "found_at",
    "image",
    "in_order",
    "item_in",
    "message",
    "never",
    "of_item",
    "of_response",
    "output_encoding",
    "overheard",
    "part_of",
    "refuses",
    "repeats",
    "retrieve",
    "say",
    "shows",
    "spoken_answer",
    "transcribing",
    "unanswered",
    "user_audio",
    "written_answer",
]

_UNITS = re.findall(
    r"\w+",
    """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
# A minute of speech, in sentences: long enough to be interrupted, and hard to get wrong.
LONG_TASK = "Say exactly: " + ". ".join(
    [" ".join(_UNITS), *(f"{ten} " + " ".join(f"{ten} {unit}" for unit in _UNITS[:9]) for ten in _TENS)]
)
SHORT_TASK = "Say exactly: the quick brown fox jumps over the lazy dog"
_TRANSCRIPTION_MODELS = ("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1")

# How long something that must not come is waited for.
_NEVER_WITHIN = 1.5
_REFUSED_WITHIN = 5.0
_OVERHEARD_WITHIN = 8.0
# What a server says of what a client does.
_ANSWERS = ("input_audio_buffer.", "conversation.", "response.", "error")
_DELTAS = {"text": "response.output_text.delta", "audio": "response.output_audio.delta"}
_BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}


# --- finding events -----------------------------------------------------------------------


def of_item(item_id: str | None) -> Where:
    """Whether an event is about that item."""
    return lambda event: item_of(event) == item_id


def of_response(response_id: str | None) -> Where:
    """Whether an event belongs to that response."""
    return lambda event: response_of(event) == response_id


def found_at(event: Event, path: str) -> Any:
    """What lies at `path` (`item.content[0].text`) in an event; None where there is no such place."""
    node: Any = event
    for name, number in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        try:
            node = node[int(number)] if number else node[name]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def shows(probe: Probe, event: Event, path: str, *values: object) -> None:
    """What lies at `path` in an event must be one of `values`."""
    found = found_at(event, path)
    wanted = " or ".join(map(repr, values))
    probe.check(found in values, f"{event['type']}: `{path}` is {found!r}, not {wanted}", event, path)


def in_order(probe: Probe, *events: Event, rule: str) -> None:
    """These events must have come in this order. `rule` says why, without a full stop."""
    for first, second in pairwise(events):
        probe.check(
            probe.index(first) < probe.index(second),
            f"{second['type']} came before {first['type']}: {rule}",
            second,
        )


async def never(
    probe: Probe, *kinds: str, message: str, where: Where | None = None, within: float = _NEVER_WITHIN
) -> None:
    """No event of these types (for which `where` holds) may come, nor have come and not been expected."""
    event = await probe.maybe(*kinds, where=where, within=within)
    if event is not None:
        raise Violation(f"{event['type']} came: {message}", event)


async def unanswered(probe: Probe, *, within: float = _NEVER_WITHIN) -> None:
    """Nothing may come of the buffer, the conversation or a response, and no error."""
    end = probe.line.now + within
    while (left := end - probe.line.now) > 0:
        try:
            await probe.quiet(left)
        except Violation as exc:
            if exc.event is None or str(exc.event["type"]).startswith(_ANSWERS):
                raise


async def refuses(
    probe: Probe, event_id: str, *accepting: str, code: str | None = None, param: str | None = None
) -> Event:
    """The event we sent as `event_id` must be refused. `accepting` is what would come if it were not.

    An error under an id that is nobody's counts, too: that it names the wrong event is another rule's.
    """
    try:
        return await probe.refused(event_id, code=code, param=param, type=None, within=_REFUSED_WITHIN)
    except Violation:
        accepted = await probe.maybe(*accepting, within=0.0)
        if accepted is not None:
            raise Violation(
                f"{accepted['type']} came: what must be refused with an error was accepted", accepted
            ) from None
        error = await probe.maybe("error", within=0.0)
        if error is None:
            raise
    for name, value in (("code", code), ("param", param)):
        if value is not None:
            shows(probe, error, f"error.{name}", value)
    return error


# --- items --------------------------------------------------------------------------------


def message(role: str, *texts: str, **fields: Any) -> Event:
    """A written message; an assistant's is `output_text`."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return {"type": "message", "role": role, "content": content, **fields}


def user_audio(seconds: float) -> Event:
    """A user's message of a tone, in PCM."""
    (audio,) = sounds.chunks(sounds.tone(seconds), seconds=seconds)
    return {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}


def image(size: int = 64) -> str:
    """A grey PNG as a data URI."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">2I5B", size, size, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * size) * size)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return f"data:image/png;base64,{b64encode(data).decode()}"


async def add(probe: Probe, item: Mapping[str, Any], **fields: Any) -> Event:
    """`conversation.item.create`, with `fields` beside `item`; returns `conversation.item.added`."""
    await probe.send("conversation.item.create", item=item, **fields)
    added = await probe.expect("conversation.item.added")
    probe.check(item_in(added).get("id"), "the item has no id", added, "item.id")
    return added


async def retrieve(probe: Probe, item_id: str) -> Event:
    """`conversation.item.retrieved` of that item."""
    await probe.send("conversation.item.retrieve", item_id=item_id)
    got = await probe.expect("conversation.item.retrieved")
    probe.check(item_of(got) == item_id, f"the item retrieved is not {item_id!r}", got, "item.id")
    return got


def item_in(event: Event) -> Event:
    """The item that an event shows. Raises `Violation` if it shows none."""
    found = event.get("item")
    if not isinstance(found, dict):
        raise Violation(f"{event['type']} shows no item", event, "item")
    return found


def part_of(event: Event, path: str = "item") -> Event:
    """The first content part of the item at `path` in an event. Raises `Violation` if there is none."""
    found = found_at(event, f"{path}.content[0]")
    if not isinstance(found, dict):
        raise Violation(f"{event['type']}: the item has no content", event, f"{path}.content")
    return found


def audio_of(event: Event) -> bytes:
    """The audio in the first part of the event's item. Raises `Violation` if there is none."""
    return decoded(part_of(event).get("audio"), event, "item.content[0].audio")


def decoded(text: object, event: Event, path: str) -> bytes:
    """The bytes of the audio at `path` in `event`. Raises `Violation` if there is none, or no base64."""
    if not isinstance(text, str):
        raise Violation("there is no audio", event, path)
    try:
        return b64decode(text)
    except AudioError:
        raise Violation(
            "the audio is no base64 of the standard alphabet, with its padding", event, path
        ) from None


# --- the user's turns ---------------------------------------------------------------------


async def detecting(probe: Probe, **changes: Any) -> Event:
    """Server turn detection on, ending turns after half a second; returns the session shown."""
    settings = {"type": "server_vad", "silence_duration_ms": 500, **changes}
    return await probe.session(audio={"input": {"turn_detection": settings}})


async def say(probe: Probe, speech: float = 1.5, silence: float = 1.5) -> None:
    """Speech, and the silence that ends a turn."""
    await probe.append_speech(speech)
    await probe.append_silence(silence)


async def overheard(probe: Probe) -> Event:
    """`speech_started`, of speech that was appended.

    Raises `NotComplied` where it does not come: what is speech, is for a model to say.
    """
    started = await probe.maybe("input_audio_buffer.speech_started", within=_OVERHEARD_WITHIN)
    if started is None:
        raise NotComplied("turn detection took nothing that was said for speech")
    return started


async def transcribing(probe: Probe, *, model: str | None = None, **settings: Any) -> str:
    """Transcription on, turn detection off; returns the model: `model`, or the first that is accepted.

    What the session uses already comes first. Raises `Unsupported` where none is accepted.
    """
    shown = found_at({"session": probe.confirmed}, "session.audio.input.transcription.model")
    known = [shown] if isinstance(shown, str) else []
    refused = ""
    for wanted in [model] if model else [*known, *_TRANSCRIPTION_MODELS]:
        asked = {"model": wanted, **settings}
        try:
            await probe.session(audio={"input": {"turn_detection": None, "transcription": asked}})
        except Violation as exc:
            if exc.path != "error":
                raise
            refused = exc.message
        else:
            return wanted
    raise Unsupported(f"no transcription by any of the models that were tried: {refused}")


# --- answers ------------------------------------------------------------------------------


class Answer(NamedTuple):
    """An answer that has begun: its first event, and the first thing said in it."""

    created: Event
    delta: Event

    @property
    def id(self) -> str:
        """The response's id."""
        return str(response_of(self.created))

    @property
    def item_id(self) -> str:
        """The id of the item that is being said."""
        return str(item_of(self.delta))


async def begin_answer(
    probe: Probe, modality: str = "text", *, task: str = LONG_TASK, **response: Any
) -> Answer:
    """Ask for an answer that takes a while, and wait until something of it was said."""
    asked = {"output_modalities": [modality], "instructions": task, **response}
    await probe.send("response.create", response=asked)
    created = await probe.expect("response.created")
    return Answer(created, await probe.expect(_DELTAS[modality], where=of_response(response_of(created))))


async def call_off(probe: Probe, response_id: str | None, **fields: Any) -> Event:
    """`response.cancel`, with `fields`; returns the `response.done` of what was cancelled.

    Raises `NotComplied` if the response was over before it could be cancelled.
    """
    event_id = await probe.send("response.cancel", **fields)

    def answers(event: Event) -> bool:
        if event["type"] == "response.done":
            return response_of(event) == response_id
        return found_at(event, "error.event_id") in (event_id, None)

    done = await probe.expect("response.done", "error", where=answers)
    if done["type"] == "error":
        raise Violation("response.cancel was refused while a response was in progress", done, "error")
    if found_at(done, "response.status") != "completed":
        return done
    # It was over when the cancel came: then there is nothing to cancel, and an error says so.
    if await probe.maybe("error", where=answers):
        raise NotComplied("the answer was over before it could be cancelled")
    raise Violation("a response that was cancelled went on to its end", done, "response.status")


class Spoken(NamedTuple):
    """A spoken answer, finished. `size` is its bytes of audio, `ms` their duration in whole milliseconds."""

    seen: ResponseSeen
    item_id: str
    size: int
    ms: int


async def spoken_answer(probe: Probe, **response: Any) -> Spoken:
    """A short answer in audio, to its end. Turn detection is off then."""
    await probe.manual()
    seen = await probe.respond(output_modalities=["audio"], instructions=SHORT_TASK, **response)
    deltas = seen.of("response.output_audio.delta")
    if not deltas:
        raise NotComplied("nothing was said aloud")
    item_id = str(item_of(deltas[0]))
    mine = [each for each in deltas if item_of(each) == item_id]
    size = sum(len(decoded(each.get("delta"), each, "delta")) for each in mine)
    return Spoken(seen, item_id, size, size // _BYTES_PER_MS[output_encoding(probe.confirmed)])


def output_encoding(session: Event) -> str:
    """The type of the output format a session shows; PCM where it shows none that is known."""
    found = found_at(session, "audio.output.format.type")
    return found if found in _BYTES_PER_MS else "audio/pcm"


async def written_answer(probe: Probe) -> ResponseSeen:
    """A short answer in text, to its end, to a user's text. Turn detection is off then."""
    await probe.manual()
    await probe.user_text("Count.")
    return await probe.respond(output_modalities=["text"], instructions="Say exactly: one two three")


def event_of(seen: ResponseSeen, kind: str, **named: object) -> Event:
    """The first event of a type in a response, with these fields. Raises `Violation` if there is none."""
    for event in seen.of(kind):
        about = {**event, "item_id": item_of(event)}
        if all(about.get(name) == value for name, value in named.items()):
            return event
    raise Violation(f"there is no {kind} in the response", seen.done)


def first_delta(seen: ResponseSeen, kind: str) -> Event:
    """The first delta of a type. Raises `NotComplied` if nothing of that kind was said."""
    if not seen.of(kind):
        raise NotComplied(f"nothing was said: there is no {kind}")
    return seen.of(kind)[0]


def repeats(probe: Probe, shown: object, said: str, event: Event, path: str) -> None:
    """What lies at `path` must be what the deltas said."""
    probe.check(shown == said, f"the deltas said {said!r}, and here is {shown!r}", event, path)
