"""What the user said, in words: transcription beside a conversation, and in sessions of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..asking import (
    detecting,
    in_order,
    never,
    of_item,
    overheard,
    part_of,
    refuses,
    retrieve,
    say,
    shows,
    transcribing,
)
from ..case import NotComplied, Unsupported, Violation, case
from ..probe import Event, Probe
from ..seen import item_of

if TYPE_CHECKING:
    from ...loopback.scenario import Brain

_EVENTS = "conversation.item.input_audio_transcription"
_DELTA, _COMPLETED, _FAILED = (f"{_EVENTS}.{what}" for what in ("delta", "completed", "failed"))
_UPDATE = "API reference: session.update, transcription"
_REFERENCE = f"API reference: {_COMPLETED}"
_GUIDE = "API guide: Realtime transcription"
_WITHIN = 20.0
_NEEDS = frozenset({"audio_in", "transcription"})

beside = partial(
    case,
    family="transcription",
    kind="realtime",
    level="must",
    certainty="documented",
    needs=_NEEDS,
    tokens=40,
    seconds=3.0,
)
should = partial(
    case, family="transcription", kind="realtime", level="should", needs=_NEEDS, tokens=40, seconds=3.0
)
alone = partial(beside, kind="transcription", source=_GUIDE, needs={"transcription_session"})
alone_should = partial(should, kind="transcription", needs={"transcription_session"})


async def _completed(probe: Probe, item_id: str | None) -> Event:
    """The transcript of an item. Raises `NotComplied` if the transcription failed."""
    event = await probe.expect(_COMPLETED, _FAILED, where=of_item(item_id), within=_WITHIN)
    if event["type"] == _FAILED:
        raise NotComplied("the transcription failed")
    return event


async def _heard(probe: Probe) -> Event:
    """A turn that was said, committed and transcribed."""
    await transcribing(probe)
    await probe.append_speech(1.5)
    return await _completed(probe, item_of(await probe.commit()))


# --- beside a conversation ----------------------------------------------------------------


@beside(
    "RT-TRSC-002",
    "What was said is transcribed",
    rule="A committed turn is transcribed: `completed` comes with the id of its item.",
    source=_REFERENCE,
    sends="transcription on, speech, and a commit",
    expects="completed (or failed) for the committed item",
)
async def _transcribed(probe: Probe) -> None:
    await transcribing(probe)
    await probe.append_speech(1.5)
    item_id = item_of(await probe.commit())
    event = await probe.expect(_COMPLETED, _FAILED, within=_WITHIN)
    shows(probe, event, "item_id", item_id)


@beside(
    "RT-TRSC-003",
    "A transcript is a text of a part",
    rule="`completed` has the `transcript`, and the `content_index` of the part it is of: 0.",
    source=_REFERENCE,
    sends="transcription on, speech, and a commit",
    expects="completed with both",
)
async def _text_of_part(probe: Probe) -> None:
    event = await _heard(probe)
    text, index = event.get("transcript"), event.get("content_index")
    probe.check(isinstance(text, str), f"the transcript is {text!r}", event, "transcript")
    probe.check(index == 0, f"`content_index` is {index!r}", event, "content_index")


@beside(
    "RT-TRSC-004",
    "A transcript has its usage",
    rule="`completed` has its `usage`, by `tokens` or by `duration`.",
    source=_REFERENCE,
    sends="transcription on, speech, and a commit",
    expects="completed with a usage of one of the two types, whole",
)
async def _usage(probe: Probe) -> None:
    event = await _heard(probe)
    usage = event.get("usage")
    kind = usage.get("type") if isinstance(usage, dict) else None
    fields = {"tokens": ("input_tokens", "output_tokens", "total_tokens"), "duration": ("seconds",)}.get(
        str(kind), ()
    )
    probe.check(fields, f"its usage is of the type {kind!r}", event, "usage.type")
    for name in fields:
        value = (usage or {}).get(name)
        probe.check(isinstance(value, (int, float)), f"`{name}` is {value!r}", event, f"usage.{name}")


@should(
    "RT-TRSC-005",
    "The usage of a transcript adds up",
    rule="Tokens in and out are the total; a duration is more than nothing.",
    certainty="documented",
    source=_REFERENCE,
    sends="transcription on, speech, and a commit",
    expects="completed with such a usage",
)
async def _adds_up(probe: Probe) -> None:
    event = await _heard(probe)
    usage = event.get("usage") or {}
    if usage.get("type") == "duration":
        probe.check(usage.get("seconds", 0) > 0, "nothing was billed", event, "usage.seconds")
    else:
        given, made, total = (usage.get(f"{name}_tokens") or 0 for name in ("input", "output", "total"))
        probe.check(
            given + made == total > 0, f"{given} and {made} are not {total}", event, "usage.total_tokens"
        )


@should(
    "RT-TRSC-006",
    "Its deltas are the transcript",
    rule="The deltas of a transcript, joined, are the transcript.",
    certainty="documented",
    source=f"API reference: {_DELTA}",
    sends="transcription on, speech, and a commit",
    expects="deltas, if any, that make the transcript",
)
async def _deltas(probe: Probe) -> None:
    event = await _heard(probe)
    deltas = [e for e in probe.events if e["type"] == _DELTA and item_of(e) == item_of(event)]
    said, text = "".join(str(e.get("delta", "")) for e in deltas), str(event.get("transcript", ""))
    same = not deltas or said.split() == text.split()
    probe.check(same, f"the deltas said {said!r}, and the transcript is {text!r}", event, "transcript")
    for delta in deltas:
        in_order(probe, delta, event, rule="a transcript is completed behind its deltas")


@beside(
    "RT-TRSC-007",
    "Without transcription there is none",
    rule="With `transcription: null` no transcription events come.",
    source=_UPDATE,
    sends="transcription on, then off; speech, and a commit",
    expects="no transcription events",
    seconds=5.0,
)
async def _off(probe: Probe) -> None:
    await transcribing(probe)
    await probe.session(audio={"input": {"transcription": None}})
    await probe.append_speech(1.5)
    await probe.commit()
    await never(probe, _DELTA, _COMPLETED, _FAILED, message="it transcribes although that is off", within=3.0)


@beside(
    "RT-TRSC-008",
    "Every turn has its transcript",
    rule="Each committed item is transcribed under its own id, in whatever order.",
    source=_REFERENCE,
    sends="transcription on; speech and a commit, twice",
    expects="completed for both",
    tokens=80,
    seconds=4.0,
)
async def _each(probe: Probe) -> None:
    await transcribing(probe)
    ids = []
    for _ in range(2):
        await probe.append_speech(1.5)
        ids.append(item_of(await probe.commit()))
    for item_id in ids:
        await _completed(probe, item_id)


@beside(
    "RT-TRSC-009",
    "A transcript is completed once",
    rule="`completed` ends a transcription: no delta of it and no second one come behind it.",
    source=_REFERENCE,
    sends="transcription on, speech, and a commit",
    expects="completed, and nothing more of that item's transcription",
    seconds=5.0,
)
async def _once(probe: Probe) -> None:
    event = await _heard(probe)
    end = probe.index(event)
    await never(
        probe,
        _DELTA,
        _COMPLETED,
        _FAILED,
        where=lambda e: item_of(e) == item_of(event) and probe.index(e) > end,
        message="the transcription went on after it was completed",
    )


@should(
    "RT-TRSC-010",
    "An item shows its transcript",
    rule="A retrieved item has the transcript of its audio, once that is completed.",
    certainty="inferred",
    source="API reference: conversation.item.retrieve",
    sends="transcription on, speech, a commit, and a request for the item",
    expects="the item with the transcript",
    needs=_NEEDS | {"retrieve"},
)
async def _shown(probe: Probe) -> None:
    event = await _heard(probe)
    got = await retrieve(probe, str(item_of(event)))
    shown, text = part_of(got).get("transcript"), event.get("transcript")
    same = shown == text or (not shown and not text)
    probe.check(same, f"it is {shown!r}, and was {text!r}", got, "item.content[0].transcript")


@should(
    "RT-TRSC-011",
    "Probabilities can be asked for",
    rule="With `item.input_audio_transcription.logprobs` in `include`, transcripts come with `logprobs`.",
    certainty="documented",
    source="API reference: session.update, include",
    sends="that, transcription on, speech, and a commit",
    expects="completed with a list of logprobs",
)
async def _logprobs(probe: Probe) -> None:
    await probe.session(include=["item.input_audio_transcription.logprobs"])
    event = await _heard(probe)
    found = event.get("logprobs")
    probe.check(isinstance(found, list), f"`logprobs` is {found!r}", event, "logprobs")


@should(
    "RT-TRSC-012",
    "Silence has an end too",
    rule="A turn of silence is transcribed like any other: `completed` comes, whatever is in it.",
    certainty="observed",
    source="observed",
    sends="transcription on, a second of silence, and a commit",
    expects="completed (or failed) for the committed item",
    tokens=20,
)
async def _silence(probe: Probe) -> None:
    await transcribing(probe)
    await probe.append_silence(1.0)
    item_id = item_of(await probe.commit())
    await probe.expect(_COMPLETED, _FAILED, where=of_item(item_id), within=_WITHIN)


@should(
    "RT-TRSC-013",
    "Detected turns are transcribed",
    rule="A turn that was detected is transcribed under the id that `speech_started` announced.",
    certainty="documented",
    source="API reference: input_audio_buffer.speech_started",
    sends="transcription and turn detection on; speech, and silence",
    expects="completed for the announced item",
    needs=_NEEDS | {"vad"},
    seconds=5.0,
)
async def _detected(probe: Probe) -> None:
    await transcribing(probe)
    await detecting(probe, create_response=False)
    await say(probe)
    started = await overheard(probe)
    event = await probe.expect(_COMPLETED, _FAILED, within=_WITHIN)
    shows(probe, event, "item_id", item_of(started))


# --- in a session of its own --------------------------------------------------------------


@alone(
    "RT-TRSC-030",
    "A transcription session says what it is",
    rule="With `intent=transcription` the session is of the type `transcription`.",
    sends="nothing",
    expects="session.created with that type",
    tokens=0,
    seconds=0.5,
)
async def _created(probe: Probe) -> None:
    kind = probe.confirmed.get("type")
    probe.check(kind == "transcription", f"its type is {kind!r}", probe.events[0], "session.type")


@alone(
    "RT-TRSC-031",
    "A transcription session can be set up",
    rule="`session.update` of the type `transcription` is confirmed by `session.updated` with what it set.",
    sends="transcription on, turn detection off",
    expects="session.updated of the type transcription, with the model",
    tokens=0,
    seconds=0.5,
)
async def _updated(probe: Probe) -> None:
    model = await transcribing(probe)
    updated = probe.events[-1]
    shows(probe, updated, "session.type", "transcription")
    shows(probe, updated, "session.audio.input.transcription.model", model)


@alone(
    "RT-TRSC-032",
    "A transcription session transcribes",
    rule="A committed turn of a transcription session becomes an item, and is transcribed.",
    sends="transcription on, speech, and a commit",
    expects="committed, conversation.item.added, completed (or failed), all of one item",
)
async def _transcribes(probe: Probe) -> None:
    await transcribing(probe)
    await probe.append_speech(1.5)
    await probe.send("input_audio_buffer.commit")
    item_id = item_of(await probe.expect("input_audio_buffer.committed"))
    await probe.expect("conversation.item.added", where=of_item(item_id))
    await probe.expect(_COMPLETED, _FAILED, where=of_item(item_id), within=_WITHIN)


@alone(
    "RT-TRSC-033",
    "A transcription session never answers",
    rule="In a transcription session no response comes.",
    sends="transcription on, speech, and a commit",
    expects="no response events",
    seconds=4.0,
)
async def _never_answers(probe: Probe) -> None:
    await _heard(probe)
    await never(probe, "response.created", "response.done", message="a transcription session answers")


@alone_should(
    "RT-TRSC-034",
    "A transcription session cannot be asked",
    rule="`response.create` is an error in a transcription session.",
    certainty="inferred",
    source="API guide: Realtime transcription (no responses)",
    sends="response.create",
    expects="an error",
    tokens=0,
    seconds=0.5,
)
async def _cannot_be_asked(probe: Probe) -> None:
    event_id = await probe.send("response.create")
    await refuses(probe, event_id, "response.created")


@alone_should(
    "RT-TRSC-035",
    "A transcription session has no instructions",
    rule="A transcription session has no `instructions`: setting them is an error.",
    certainty="documented",
    source="API reference: session.update, RealtimeTranscriptionSessionCreateRequest",
    sends="session.update with instructions",
    expects="an error",
    tokens=0,
    seconds=0.5,
)
async def _no_instructions(probe: Probe) -> None:
    session = {"type": "transcription", "instructions": "Be brief."}
    await refuses(probe, await probe.send("session.update", session=session), "session.updated")


@alone_should(
    "RT-TRSC-036",
    "A transcription session stays one",
    rule="A transcription session refuses an update of the type `realtime`.",
    certainty="inferred",
    source="observed for the other direction",
    sends="session.update with the type realtime",
    expects="an error",
    tokens=0,
    seconds=0.5,
)
async def _stays_transcription(probe: Probe) -> None:
    event_id = await probe.send("session.update", session={"type": "realtime"})
    await refuses(probe, event_id, "session.updated")


@alone_should(
    "RT-TRSC-037",
    "A transcription session finds turns",
    rule="Turn detection works in a transcription session: turns are committed, and transcribed.",
    certainty="documented",
    source=_GUIDE,
    sends="transcription and turn detection on; speech, and silence",
    expects="speech_started, committed and completed, all of one item",
    seconds=5.0,
)
async def _finds_turns(probe: Probe) -> None:
    await transcribing(probe)
    try:
        await detecting(probe)
    except Violation as exc:
        raise Unsupported(f"no turn detection here ({exc.message})") from None
    await say(probe)
    started = await overheard(probe)
    committed = await probe.expect("input_audio_buffer.committed")
    shows(probe, committed, "item_id", item_of(started))
    await probe.expect(_COMPLETED, _FAILED, where=of_item(item_of(started)), within=_WITHIN)


def words_are_known() -> Brain:
    """A model for the loopback server that knows what will be said before it has been said."""
    from ...loopback.default_scenario import DefaultScenario

    return DefaultScenario(["Hello there, please tell me what the time is"])


@alone_should(
    "RT-TRSC-038",
    "Words come while they are spoken",
    rule="A live model says words before the turn is committed, under the id the item then has.",
    level="may",
    certainty="recorded",
    source="recorded",
    sends="transcription by `gpt-realtime-whisper`; three seconds of speech, and then a commit",
    expects="deltas before the commit, and committed with their item id",
    tokens=60,
    seconds=6.0,
    scenario=words_are_known,
)
async def _live(probe: Probe) -> None:
    await transcribing(probe, model="gpt-realtime-whisper")
    await probe.append_speech(3.0)
    delta = await probe.maybe(_DELTA, within=4.0)
    if delta is None:
        raise NotComplied("no words came while they were spoken")
    committed = await probe.commit()
    shows(probe, committed, "item_id", item_of(delta))
