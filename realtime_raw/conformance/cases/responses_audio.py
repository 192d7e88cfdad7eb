"""Responses: spoken answers, their sound and their transcript."""

from __future__ import annotations

from functools import partial

import pybase64

from ..case import case
from ..collecting import first, objects, speak
from ..probe import Probe
from ..seen import item_of

_audio = partial(
    case,
    family="responses",
    sends="response.create for one spoken word",
    needs=("audio_out",),
    tokens=120,
    seconds=2.5,
)
_DONE = "API reference, response.done"


@_audio(
    "RT-RESP-022",
    "Audio deltas are base64 of whole samples",
    level="must",
    certainty="documented",
    rule="`delta` of `response.output_audio.delta` is base64, in all a whole number of 16-bit samples.",
    source="API reference, response.output_audio.delta",
    expects="deltas that decode, with an even number of bytes in all",
)
async def audio_is_base64(probe: Probe) -> None:
    """Each delta decodes."""
    seen = await speak(probe)
    size = 0
    for event in seen.of("response.output_audio.delta"):
        try:
            size += len(pybase64.b64decode(str(event.get("delta")), validate=True))
        except ValueError:
            probe.check(False, "the delta is no base64", event, "delta")
    probe.check(size > 0, "a spoken answer had no audio", seen.done)
    probe.check(size % 2 == 0, f"{size} bytes of audio are no whole number of samples", seen.done)


@_audio(
    "RT-RESP-023",
    "A spoken answer comes with its transcript, which adds up",
    level="must",
    certainty="documented",
    rule="Audio always has a transcript, whose deltas join to `response.output_audio_transcript.done`.",
    source="API reference, response.output_audio_transcript.delta and .done",
    expects="transcript deltas, and a done that equals them joined",
)
async def transcript_adds_up(probe: Probe) -> None:
    """Words with the sound, nothing lost."""
    seen = await speak(probe, "one two three four five six")
    finals = seen.of("response.output_audio_transcript.done")
    probe.check(bool(finals), "response.output_audio_transcript.done did not come", seen.done)
    for event in finals:
        said = seen.joined(
            "response.output_audio_transcript.delta", item_of(event), event.get("content_index")
        )
        probe.check(
            said == event.get("transcript"),
            f"the deltas join to {said!r}, and the final transcript is {event.get('transcript')!r}",
            event,
            "transcript",
        )


@_audio(
    "RT-RESP-024",
    "The end of the audio is announced",
    level="must",
    certainty="documented",
    rule="`response.output_audio.done` follows an item's last `response.output_audio.delta`.",
    source="API reference, response.output_audio.done",
    expects="output_audio.done behind the last delta",
)
async def audio_done(probe: Probe) -> None:
    """Players may flush."""
    seen = await speak(probe)
    finals = seen.of("response.output_audio.done")
    probe.check(bool(finals), "response.output_audio.done did not come", seen.done)
    last = seen.of("response.output_audio.delta")[-1:]
    probe.check(
        all(probe.index(each) < probe.index(finals[-1]) for each in last),
        "audio came behind response.output_audio.done",
        last[0] if last else None,
    )


@_audio(
    "RT-RESP-025",
    "Final objects carry no audio",
    level="must",
    certainty="documented",
    rule="`response.done` omits the raw audio of its items.",
    source=_DONE,
    expects="output_audio parts without audio",
)
async def no_audio_in_done(probe: Probe) -> None:
    """The sound was streamed; the end has words only."""
    seen = await speak(probe)
    parts = [part for item in seen.output for part in objects(item.get("content"))]
    probe.check(
        not any(part.get("audio") for part in parts),
        "response.done repeats the audio",
        seen.done,
        "response.output[0].content[0].audio",
    )


@_audio(
    "RT-RESP-026",
    "A spoken answer's item holds its transcript",
    level="must",
    certainty="documented",
    rule="The item of a spoken answer has an `output_audio` part whose `transcript` is what was said.",
    source="API reference, the Item object",
    expects="content[0] of type output_audio with the joined transcript",
)
async def item_holds_transcript(probe: Probe) -> None:
    """The words stay when the sound is gone."""
    seen = await speak(probe)
    item = next(iter(seen.output), {})
    part = next(iter(objects(item.get("content"))), {})
    path = "response.output[0].content[0]"
    probe.check(
        part.get("type") == "output_audio",
        f"the part's type is {part.get('type')!r}, not 'output_audio'",
        seen.done,
        f"{path}.type",
    )
    said = seen.joined("response.output_audio_transcript.delta", item.get("id"))
    probe.check(
        part.get("transcript") == said,
        f"the transcript is {part.get('transcript')!r}, and its deltas say {said!r}",
        seen.done,
        f"{path}.transcript",
    )


@_audio(
    "RT-RESP-027",
    "A spoken part is done behind its sound and its words",
    level="should",
    certainty="recorded",
    rule="`response.content_part.done` comes behind the part's audio and transcript `.done`.",
    source="recorded sessions of the live API",
    expects="output_audio.done and output_audio_transcript.done, then content_part.done",
)
async def part_is_last(probe: Probe) -> None:
    """From the inside out."""
    seen = await speak(probe)
    part = first(seen, "response.content_part.done")
    for kind in ("response.output_audio.done", "response.output_audio_transcript.done"):
        inner = first(seen, kind)
        probe.check(
            probe.index(inner) < probe.index(part), f"{kind} came behind response.content_part.done", inner
        )


@_audio(
    "RT-RESP-028",
    "Part events of speech say audio, and end with the transcript",
    level="should",
    certainty="recorded",
    rule="In `response.content_part.*` a spoken part is of type `audio`; `.done` has its `transcript`.",
    source="API reference, response.content_part.done; recorded sessions of the live API",
    expects="part.type audio, part.transcript equal to the joined deltas",
)
async def spoken_part(probe: Probe) -> None:
    """Another name than in the item, and the same words."""
    seen = await speak(probe)
    part = first(seen, "response.content_part.done")
    said = seen.joined("response.output_audio_transcript.delta", item_of(part))
    inner = part.get("part") if isinstance(part.get("part"), dict) else {}
    for name, wanted in (("type", "audio"), ("transcript", said)):
        found = (inner or {}).get(name)
        probe.check(found == wanted, f"part.{name} is {found!r}, not {wanted!r}", part, f"part.{name}")
