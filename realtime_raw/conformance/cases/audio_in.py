"""The input audio buffer: appended to, committed, cleared."""

from __future__ import annotations

from functools import partial

from ...audio.pcm import b64encode
from .. import sounds
from ..asking import audio_of, never, refuses, retrieve, shows, unanswered
from ..case import case
from ..probe import Probe
from ..seen import item_of

_APPEND = "API reference: input_audio_buffer.append"
_COMMIT = "API reference: input_audio_buffer.commit"
_CLEAR = "API reference: input_audio_buffer.clear"
_COMMITTED = "input_audio_buffer.committed"

must = partial(case, family="audio_in", level="must", certainty="documented", needs={"audio_in"})
should = partial(case, family="audio_in", level="should", needs={"audio_in"})


# --- append -------------------------------------------------------------------------------


@must(
    "RT-AIN-001",
    "An append is not answered",
    rule="`input_audio_buffer.append` is the one event that is not confirmed.",
    source=_APPEND,
    sends="turn detection off, and a second of tone",
    expects="nothing of the buffer, the conversation or a response, and no error",
    seconds=2.0,
)
async def _not_answered(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await unanswered(probe)


@must(
    "RT-AIN-002",
    "Appends add up",
    rule="A commit takes everything appended since the last one, in chunks of any number.",
    source=_APPEND,
    sends="a hundred chunks of ten milliseconds, and a commit",
    expects="committed",
    tokens=10,
)
async def _chunks_add_up(probe: Probe) -> None:
    await probe.manual()
    for chunk in sounds.chunks(sounds.tone(1.0), seconds=0.01):
        await probe.send("input_audio_buffer.append", audio=chunk)
    await probe.commit()


@should(
    "RT-AIN-004",
    "Chunks need not end between samples",
    rule="Audio is a stream of bytes: a chunk may end in the middle of a sample.",
    certainty="inferred",
    source="API reference: input_audio_buffer.append takes bytes",
    sends="a second of tone in chunks of an odd number of bytes, and a commit",
    expects="committed",
    tokens=10,
)
async def _odd_chunks(probe: Probe) -> None:
    await probe.manual()
    data = sounds.tone(1.0).astype("<i2").tobytes()
    for at in range(0, len(data), 4801):
        await probe.send("input_audio_buffer.append", audio=b64encode(data[at : at + 4801]).decode())
    await probe.commit()


@must(
    "RT-AIN-007",
    "An append without audio is refused",
    rule="`input_audio_buffer.append` needs its `audio`.",
    source=_APPEND,
    sends="an append that has none",
    expects="an error",
)
async def _no_audio(probe: Probe) -> None:
    await probe.manual()
    event_id = await probe.send("input_audio_buffer.append")
    await refuses(probe, event_id)


@should(
    "RT-AIN-009",
    "A refused append harms nothing",
    rule="A refused append leaves what was appended before.",
    certainty="inferred",
    source="API reference: error (the session stays open)",
    sends="half a second of tone, an append that is no base64, and a commit",
    expects="an error, then committed",
    tokens=5,
)
async def _refused_append(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    event_id = await probe.send("input_audio_buffer.append", audio="%%%")
    await refuses(probe, event_id)
    await probe.commit()


# --- commit -------------------------------------------------------------------------------


@must(
    "RT-AIN-020",
    "Nothing cannot be committed",
    rule="Committing an empty input buffer is an error.",
    source=_COMMIT,
    sends="a commit of nothing",
    expects="an error",
)
async def _empty_commit(probe: Probe) -> None:
    await probe.manual()
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id, _COMMITTED)


@should(
    "RT-AIN-021",
    "The error of an empty commit",
    rule="Its code is `input_audio_buffer_commit_empty`.",
    certainty="observed",
    source="observed",
    sends="a commit of nothing",
    expects="an error of that code",
)
async def _empty_commit_code(probe: Probe) -> None:
    await probe.manual()
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id, code="input_audio_buffer_commit_empty")


@must(
    "RT-AIN-022",
    "A refused commit makes no item",
    rule="A commit that is an error creates no item.",
    source=_COMMIT,
    sends="a commit of nothing",
    expects="an error, and nothing else",
    seconds=2.0,
)
async def _no_item(probe: Probe) -> None:
    await probe.manual()
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id)
    made = (_COMMITTED, "conversation.item.added", "conversation.item.done")
    await never(probe, *made, message="a refused commit made an item")


@should(
    "RT-AIN-024",
    "A refused commit keeps the audio",
    rule="What was too short to be committed stays, and counts for the next commit.",
    certainty="inferred",
    source="observed that the error says how much there is",
    sends="60 ms of tone and a commit, twice",
    expects="an error, then committed",
    tokens=2,
)
async def _kept(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.06)
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id)
    await probe.append_tone(0.06)
    await probe.commit()


@should(
    "RT-AIN-025",
    "A commit empties the buffer",
    rule="What was committed is not in the input buffer any more: a second commit is one of nothing.",
    certainty="observed",
    source="observed",
    sends="half a second of tone, and two commits",
    expects="committed, then an error",
    tokens=5,
)
async def _commit_empties(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    await probe.commit()
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id, _COMMITTED)


@should(
    "RT-AIN-026",
    "Committed audio can be fetched",
    rule="A retrieved item has the user's audio, as long as it was appended.",
    certainty="documented",
    source="API reference: conversation.item.retrieve",
    sends="two seconds of speech, a commit, and a request for its item",
    expects="about two seconds of audio",
    needs={"audio_in", "retrieve"},
    tokens=20,
    seconds=1.5,
)
async def _audio_fetched(probe: Probe) -> None:
    await probe.manual()
    await probe.append_speech(2.0)
    committed = await probe.commit()
    got = await retrieve(probe, str(item_of(committed)))
    seconds = len(audio_of(got)) / 48_000
    probe.check(
        1.6 <= seconds <= 2.4,
        f"2 s were appended, and {seconds:.1f} s are there",
        got,
        "item.content[0].audio",
    )


# --- clear --------------------------------------------------------------------------------


@must(
    "RT-AIN-040",
    "A clear is confirmed",
    rule="`input_audio_buffer.clear` is answered by `input_audio_buffer.cleared`.",
    source=_CLEAR,
    sends="half a second of tone, and a clear",
    expects="cleared",
)
async def _cleared(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    await probe.send("input_audio_buffer.clear")
    await probe.expect("input_audio_buffer.cleared")


@must(
    "RT-AIN-041",
    "A clear empties the buffer",
    rule="What was cleared cannot be committed.",
    source=_CLEAR,
    sends="half a second of tone, a clear, and a commit",
    expects="cleared, then an error",
)
async def _clear_empties(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    await probe.send("input_audio_buffer.clear")
    await probe.expect("input_audio_buffer.cleared")
    event_id = await probe.send("input_audio_buffer.commit")
    await refuses(probe, event_id, _COMMITTED)


@should(
    "RT-AIN-042",
    "Nothing can be cleared",
    rule="Clearing an empty buffer is confirmed too.",
    certainty="inferred",
    source="API reference: input_audio_buffer.clear (no error is named)",
    sends="a clear of nothing",
    expects="cleared",
)
async def _nothing_cleared(probe: Probe) -> None:
    await probe.manual()
    await probe.send("input_audio_buffer.clear")
    await probe.expect("input_audio_buffer.cleared")


@must(
    "RT-AIN-043",
    "After a clear it begins anew",
    rule="Audio appended after a clear can be committed.",
    source=_CLEAR,
    sends="half a second of tone, a clear, half a second of tone, and a commit",
    expects="cleared, then committed",
    tokens=5,
)
async def _anew(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    await probe.send("input_audio_buffer.clear")
    await probe.append_tone(0.5)
    await probe.expect("input_audio_buffer.cleared")
    await probe.commit()


@must(
    "RT-AIN-044",
    "A clear leaves the conversation alone",
    rule="A clear drops what is in the buffer, and no item.",
    source=_CLEAR,
    sends="half a second of tone, a commit, a clear, and one more turn",
    expects="the second item behind the first",
    tokens=10,
)
async def _items_stay(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    first = item_of(await probe.commit())
    await probe.send("input_audio_buffer.clear")
    await probe.expect("input_audio_buffer.cleared")
    await probe.append_tone(0.5)
    second = await probe.commit()
    shows(probe, second, "previous_item_id", first)
