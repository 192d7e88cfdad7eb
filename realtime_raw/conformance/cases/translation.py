"""Translation sessions: their own events, no turns, and an end that is announced."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import pybase64

from ..case import Case, NotComplied, Violation, case
from ..collecting import alive, check_error, refusal_of
from ..probe import Probe

_case = partial(case, family="translation", tokens=0, seconds=0.5)
_speech = partial(
    _case,
    sends="two seconds of speech and two of silence, with output.language es",
    tokens=120,
    seconds=6.0,
    timeout_s=60.0,
)
_CREATED = "API reference, session.created (translation)"
_UPDATE = "API reference, session.update (translation)"
_AUDIO = "API reference, session.output_audio.delta"
_CLOSE = "API reference, session.close and session.closed"
_GUIDE = "Realtime translation guide"

_OUT, _SOUND, _IN = (
    "session.output_transcript.delta",
    "session.output_audio.delta",
    "session.input_transcript.delta",
)
_APPEND = "session.input_audio_buffer.append"
_TO_SPANISH = {"output": {"language": "es"}}
_WITH_SOURCE = {**_TO_SPANISH, "input": {"transcription": {"model": "gpt-realtime-whisper"}}}


async def _translate(probe: Probe, audio: Mapping[str, Any] = _TO_SPANISH) -> dict[str, Any]:
    """Speak, and await the first words of the translation. Raises `NotComplied` if nothing was heard."""
    await probe.session(audio=dict(audio))
    await probe.append_speech(2.0)
    await probe.append_silence(2.0)
    first = await probe.maybe(_OUT, within=20.0)
    if first is None:
        raise NotComplied("two seconds of speech were not translated")
    return first


async def _end(probe: Probe) -> dict[str, Any]:
    """Close in good order: everything that was still to come, then `session.closed`."""
    await probe.send("session.close")
    return await probe.expect("session.closed", within=20.0)


def _shown(session: Mapping[str, Any], *path: str) -> Any:
    """What a session has at `path`; None where there is no such place."""
    node: Any = session
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    return node


# --- the session --------------------------------------------------------------------------


@_case(
    "RT-TRNS-001",
    "The session says that it translates",
    level="must",
    certainty="documented",
    rule="`session.created` comes first, with a session of type `translation`, its `id` and its `model`.",
    source=_CREATED,
    sends="nothing",
    expects="session.created with type translation, id, model",
)
async def created(probe: Probe) -> None:
    """Its first word."""
    event, session = probe.events[0], probe.confirmed
    kind = session.get("type")
    probe.check(
        kind == "translation", f"the session's type is {kind!r}, not 'translation'", event, "session.type"
    )
    for name in ("id", "model"):
        fits = isinstance(session.get(name), str) and session[name]
        probe.check(fits, f"the session has no {name}", event, f"session.{name}")


@_case(
    "RT-TRNS-002",
    "The session says when it ends",
    level="must",
    certainty="documented",
    rule="`expires_at` of the session is a time in seconds since 1970.",
    source=_CREATED,
    sends="nothing",
    expects="session.expires_at above 1,600,000,000",
)
async def expires(probe: Probe) -> None:
    """Sessions are limited."""
    found = probe.confirmed.get("expires_at")
    fits = isinstance(found, int) and found > 1_600_000_000
    probe.check(fits, f"expires_at is {found!r}", probe.events[0], "session.expires_at")


@_case(
    "RT-TRNS-003",
    "The language can be set",
    level="must",
    certainty="documented",
    rule="`session.update` sets `audio.output.language`, and `session.updated` shows it.",
    source=_UPDATE,
    sends="session.update with output.language es",
    expects="session.updated with it",
)
async def language(probe: Probe) -> None:
    """What it translates into."""
    session = await probe.session(audio=_TO_SPANISH)
    found = _shown(session, "audio", "output", "language")
    message = f"the language is {found!r}, not 'es'"
    probe.check(found == "es", message, probe.events[-1], "session.audio.output.language")


@_case(
    "RT-TRNS-004",
    "An update changes only what it names",
    level="must",
    certainty="documented",
    rule="What an update does not name stays: the language, when the transcription is set.",
    source=_UPDATE,
    sends="session.update of the language, then of the transcription",
    expects="session.updated with both",
)
async def sparse(probe: Probe) -> None:
    """As in conversations."""
    await probe.session(audio=_TO_SPANISH)
    session = await probe.session(audio={"input": _WITH_SOURCE["input"]})
    found = _shown(session, "audio", "output", "language")
    message = f"the language is {found!r} behind an update that did not name it"
    probe.check(found == "es", message, probe.events[-1], "session.audio.output.language")
    model = _shown(session, "audio", "input", "transcription", "model")
    message = f"the transcription model is {model!r}"
    probe.check(
        model == "gpt-realtime-whisper", message, probe.events[-1], "session.audio.input.transcription"
    )


@_case(
    "RT-TRNS-005",
    "Null turns the transcription off",
    level="should",
    certainty="documented",
    rule="`audio.input.transcription: null` ends the transcription of the source.",
    source=_UPDATE,
    sends="session.update with a transcription, then with null",
    expects="session.updated with transcription null",
)
async def transcription_off(probe: Probe) -> None:
    """Off again."""
    await probe.session(audio=_WITH_SOURCE)
    session = await probe.session(audio={"input": {"transcription": None}})
    found = _shown(session, "audio", "input", "transcription")
    message = f"the transcription is {found!r}, not null"
    probe.check(found is None, message, probe.events[-1], "session.audio.input.transcription")


# --- what is said -------------------------------------------------------------------------


@_speech(
    "RT-TRNS-006",
    "Speech comes out in words and sound",
    level="must",
    certainty="documented",
    rule="What is said is translated: `session.output_transcript.delta` and `session.output_audio.delta`.",
    source=_GUIDE,
    expects="words and audio of the translation",
)
async def words_and_sound(probe: Probe) -> None:
    """Both of them, without being asked to answer."""
    await probe.session(audio=_TO_SPANISH)
    await probe.append_speech(2.0)
    await probe.append_silence(2.0)
    words = await probe.maybe(_OUT, within=20.0)
    sound = await probe.maybe(_SOUND, where=_is_loud, within=10.0)
    if words is None and sound is None:
        raise NotComplied("two seconds of speech were not translated")
    probe.check(words is not None, f"speech came out in sound, and without words: no {_OUT}", sound)
    probe.check(sound is not None, f"speech came out in words, and without sound: no {_SOUND}", words)


def _is_loud(event: dict[str, Any]) -> bool:
    """Whether there is anything but silence in an audio delta."""
    return bool(str(event.get("delta", "")).strip("A="))


@_speech(
    "RT-TRNS-007",
    "Audio says what it is",
    level="must",
    certainty="documented",
    rule="`session.output_audio.delta` is base64 of PCM16, with `sample_rate`, `channels` and `format`.",
    source=_AUDIO,
    expects='base64, sample_rate 24000, channels 1, format "pcm16"',
)
async def audio_format(probe: Probe) -> None:
    """Enough to play it."""
    await _translate(probe)
    await _end(probe)
    for event in (e for e in probe.events if e["type"] == _SOUND):
        for name, wanted in (("sample_rate", 24_000), ("channels", 1), ("format", "pcm16")):
            found = event.get(name)
            probe.check(found == wanted, f"{name} is {found!r}, not {wanted!r}", event, name)
        try:
            size = len(pybase64.b64decode(str(event.get("delta")), validate=True))
        except ValueError:
            size = -1
        message = "the delta is no base64 of whole samples"
        probe.check(size >= 0 and size % 2 == 0, message, event, "delta")


@_speech(
    "RT-TRNS-008",
    "The source is not written down unasked",
    level="must",
    certainty="documented",
    rule="Without `audio.input.transcription` there is no `session.input_transcript.delta`.",
    source="API reference, session.input_transcript.delta",
    expects="no session.input_transcript.delta",
)
async def no_source(probe: Probe) -> None:
    """Only if it was set."""
    await _translate(probe)
    await _end(probe)
    found = next((e for e in probe.events if e["type"] == _IN), None)
    probe.check(found is None, "the source was transcribed, and that was not set", found)


@_speech(
    "RT-TRNS-009",
    "The source is written down if that is set",
    level="must",
    certainty="documented",
    rule="With `audio.input.transcription` the source comes in `session.input_transcript.delta`.",
    source="API reference, session.input_transcript.delta",
    sends="the same, with a transcription model",
    expects="session.input_transcript.delta",
)
async def source(probe: Probe) -> None:
    """What was said, beside what it means."""
    last = await _translate(probe, _WITH_SOURCE)
    found = await probe.maybe(_IN, within=10.0)
    probe.check(found is not None, "the source was not transcribed, and that was set", last)


@_speech(
    "RT-TRNS-010",
    "Where it is in the input only grows",
    level="should",
    certainty="documented",
    rule="`elapsed_ms` of each stream is a whole number of milliseconds, and does not go back.",
    source=f"{_AUDIO}; {_GUIDE}",
    expects="elapsed_ms null, or in order",
)
async def elapsed(probe: Probe) -> None:
    """To put words and sound side by side."""
    await _translate(probe)
    await _end(probe)
    for kind in (_OUT, _SOUND):
        before = 0
        for event in (e for e in probe.events if e["type"] == kind and e.get("elapsed_ms") is not None):
            at = event["elapsed_ms"]
            fits = isinstance(at, int) and at >= before
            probe.check(fits, f"elapsed_ms is {at!r} behind {before}", event, "elapsed_ms")
            before = at


@_speech(
    "RT-TRNS-011",
    "Nothing is said about turns",
    level="must",
    certainty="documented",
    rule="A translation session has no items, no responses and no turns, and no events of these.",
    source=_GUIDE,
    expects="events of translation sessions only",
)
async def no_turns(probe: Probe) -> None:
    """Another protocol by half."""
    await _translate(probe)
    await _end(probe)
    foreign = ("response.", "conversation.", "input_audio_buffer.", "output_audio_buffer.")
    found = next((e for e in probe.events if e["type"].startswith(foreign)), None)
    kind = found["type"] if found is not None else ""
    probe.check(found is None, f"{kind} came in a translation session", found)


@_speech(
    "RT-TRNS-012",
    "Silence is not translated",
    level="should",
    certainty="inferred",
    rule="Silence comes out without words; silent audio may come.",
    source=_GUIDE,
    sends="two seconds of silence, and session.close",
    expects="no session.output_transcript.delta",
    tokens=20,
    seconds=3.0,
)
async def silence(probe: Probe) -> None:
    """Nothing said, nothing meant."""
    await probe.session(audio=_TO_SPANISH)
    await probe.append_silence(2.0)
    await _end(probe)
    found = next((e for e in probe.events if e["type"] == _OUT), None)
    probe.check(found is None, "silence was translated into words", found, "delta")


# --- the end ------------------------------------------------------------------------------


@_case(
    "RT-TRNS-013",
    "The end is announced",
    level="must",
    certainty="documented",
    rule="`session.close` is answered by `session.closed`.",
    source=_CLOSE,
    sends="session.close",
    expects="session.closed",
    seconds=2.0,
)
async def closed(probe: Probe) -> None:
    """Good order has two sides."""
    await _end(probe)


@_speech(
    "RT-TRNS-014",
    "What was heard is translated before the end",
    level="must",
    certainty="documented",
    rule="On `session.close` the server flushes: what is still to be said comes before `session.closed`.",
    source=_CLOSE,
    sends="a sentence that is translated, two seconds of speech more, and session.close at once",
    expects="words of both, then session.closed",
    seconds=12.0,
)
async def flushed(probe: Probe) -> None:
    """Half a sentence is not lost."""
    await _translate(probe)
    while await probe.maybe(_OUT, within=3.0) is not None:
        continue  # the first sentence, to its end
    before = len(probe.events)
    await probe.append_speech(2.0)
    ended = await _end(probe)
    said = [e for e in probe.events[before : probe.index(ended)] if e["type"] == _OUT]
    probe.check(said, "session.closed came before anything of two seconds of speech was translated", ended)


@_speech(
    "RT-TRNS-015",
    "Nothing follows session.closed",
    level="must",
    certainty="documented",
    rule="`session.closed` is the last event of a translation session.",
    source=_CLOSE,
    sends="two seconds of speech, and session.close at once",
    expects="session.closed, and then nothing",
)
async def closed_is_last(probe: Probe) -> None:
    """The last word."""
    await probe.session(audio=_TO_SPANISH)
    await probe.append_speech(2.0)
    ended = await _end(probe)
    with suppress(Violation):  # the connection may be closed now, by either side
        await probe.maybe("session.closed", within=2.0)
    late = next(iter(probe.events[probe.index(ended) + 1 :]), None)
    kind = late["type"] if late is not None else ""
    probe.check(late is None, f"{kind} came behind session.closed", late)


# --- what it does not take ----------------------------------------------------------------


def _foreign(case_id: str, kind: str, fields: Mapping[str, Any], *, certainty: Any = "inferred") -> Case:
    """A case: an event of conversations is refused, and the session goes on."""

    @_case(
        case_id,
        f"{kind} is refused",
        level="should",
        certainty=certainty,
        rule=f"A translation session has no `{kind}`: it is answered by an error, and the session goes on.",
        source=f"{_GUIDE}; API reference, events of translation sessions",
        sends=kind,
        expects="one error, then session.updated for an update",
    )
    async def refused(probe: Probe) -> None:
        await refusal_of(probe, {"type": kind, **fields}, f"{kind} in a translation session")

    return refused


response_create = _foreign("RT-TRNS-020", "response.create", {})
commit = _foreign("RT-TRNS-021", "input_audio_buffer.commit", {})
item_create = _foreign(
    "RT-TRNS-022",
    "conversation.item.create",
    {
        "item": {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "Hello"}],
        }
    },
)


def _unfit(case_id: str, what: str, session: Mapping[str, Any], param: str) -> Case:
    """A case: a field of conversations is refused in an update, with its path."""

    @_case(
        case_id,
        f"An update with {what} is refused",
        level="should",
        certainty="inferred",
        rule=f"A translation session has no `{param.removeprefix('session.')}` to update.",
        source=_UPDATE,
        sends=f"session.update with {what}",
        expects=f"error with param {param}",
    )
    async def refused(probe: Probe) -> None:
        update = {"type": "session.update", "session": session}
        error = await refusal_of(probe, update, f"an update with {what}")
        check_error(probe, error, param=param)

    return refused


turn_detection = _unfit(
    "RT-TRNS-023",
    "turn detection",
    {"audio": {"input": {"turn_detection": None}}},
    "session.audio.input.turn_detection",
)
instructions = _unfit("RT-TRNS-024", "instructions", {"instructions": "Be brief."}, "session.instructions")


@_case(
    "RT-TRNS-025",
    "Audio that is no base64 is refused",
    level="should",
    certainty="inferred",
    rule="`audio` that does not decode is answered by an error, and the session goes on.",
    source=f"API reference, {_APPEND}",
    sends=f"{_APPEND} with audio that is no base64",
    expects="one error, then session.updated for an update",
)
async def bad_audio(probe: Probe) -> None:
    """Heard, and told."""
    await refusal_of(probe, {"type": _APPEND, "audio": "!no base64!"}, "audio that is no base64")


@_case(
    "RT-TRNS-026",
    "Appending is not confirmed",
    level="should",
    certainty="documented",
    rule=f"`{_APPEND}` has no answer of its own: only the streams of the translation come.",
    source=f"API reference, {_APPEND}",
    sends="half a second of silence, then a session.update",
    expects="session.updated, and nothing but silent audio before",
)
async def no_ack(probe: Probe) -> None:
    """Too often for words."""
    seen = len(probe.events)
    await probe.append_silence(0.5)
    await alive(probe)
    known = (_SOUND, _OUT, _IN, "session.updated", "rate_limits.updated")
    found = next((e for e in probe.events[seen:] if e["type"] not in known), None)
    kind = found["type"] if found is not None else ""
    probe.check(found is None, f"{kind} came for an append", found)
