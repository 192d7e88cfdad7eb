"""Turns by hand: written and spoken, and answered when that is asked for."""

from __future__ import annotations

from functools import partial

from ..asking import never, of_item, part_of, shows
from ..case import case
from ..probe import Probe
from ..seen import item_of

_COMMIT = "API reference: input_audio_buffer.commit"
_MANUAL = "API guide: Realtime conversations, push-to-talk"
_ANSWERING = ("response.created", "response.output_item.added", "response.done")

must = partial(case, family="turns", level="must", certainty="documented")
should = partial(case, family="turns", level="should")


@must(
    "RT-TURN-001",
    "A written turn is answered",
    rule="`response.create` makes the model answer what is in the conversation, as the assistant.",
    source="API reference: response.create",
    sends="a user's text, and a request for a written answer",
    expects="response.done, completed, with an assistant's message that has text",
    needs={"text_out"},
    tokens=120,
    seconds=2.0,
)
async def _written_turn(probe: Probe) -> None:
    await probe.manual()
    await probe.user_text("Say exactly: green")
    seen = await probe.respond(output_modalities=["text"])
    shows(probe, seen.done, "response.status", "completed")
    messages = [item for item in seen.output if item.get("type") == "message"]
    roles = {item.get("role") for item in messages}
    probe.check(roles == {"assistant"}, "there is no message of the assistant", seen.done, "response.output")
    probe.check(seen.text, "nothing was said in `response.output_text.delta`", seen.done, "response.output")


@must(
    "RT-TURN-002",
    "An item alone is not answered",
    rule="With turn detection off, adding an item starts no response: the client asks for it.",
    source="API reference: response.create",
    sends="turn detection off, and a user's text",
    expects="no response",
    seconds=2.0,
)
async def _item_alone(probe: Probe) -> None:
    await probe.manual()
    await probe.user_text("Say exactly: green")
    await never(probe, *_ANSWERING, message="a response began that nobody asked for")


@must(
    "RT-TURN-003",
    "A commit alone is not answered",
    rule="`input_audio_buffer.commit` does not create a response.",
    source=_COMMIT,
    sends="turn detection off, a second of tone, and a commit",
    expects="no response",
    needs={"audio_in"},
    tokens=10,
    seconds=2.0,
)
async def _commit_alone(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.commit()
    await never(probe, *_ANSWERING, message="a commit began a response")


@must(
    "RT-TURN-005",
    "Without turn detection no turn is found",
    rule="With turn detection off the server neither reports speech nor commits or answers by itself.",
    source=_MANUAL,
    sends="turn detection off, speech, and silence",
    expects="no speech events, no commit, no response",
    needs={"audio_in"},
    tokens=40,
    seconds=3.0,
)
async def _nothing_found(probe: Probe) -> None:
    await probe.manual()
    await probe.append_speech(1.5)
    await probe.append_silence(1.5)
    found = ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")
    done = ("input_audio_buffer.committed", *_ANSWERING)
    await never(probe, *found, *done, message="turns are detected although turn detection is off", within=2.0)


@should(
    "RT-TURN-006",
    "A new session detects turns",
    rule="Turn detection is on, by `server_vad`, until it is set otherwise.",
    certainty="documented",
    source="API reference: session.update, turn_detection",
    sends="nothing",
    expects="session.created with `server_vad`",
    needs={"audio_in", "vad"},
)
async def _detects(probe: Probe) -> None:
    shows(probe, probe.events[0], "session.audio.input.turn_detection.type", "server_vad")


@must(
    "RT-TURN-010",
    "A commit is confirmed",
    rule="`input_audio_buffer.commit` is answered by `committed` with the id of the new item.",
    source=_COMMIT,
    sends="a second of tone, and a commit",
    expects="committed with an item id",
    needs={"audio_in"},
    tokens=10,
)
async def _commit_confirmed(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.send("input_audio_buffer.commit")
    committed = await probe.expect("input_audio_buffer.committed")
    probe.check(item_of(committed), "it names no item", committed, "item_id")


@must(
    "RT-TURN-011",
    "A commit adds an item",
    rule="A commit creates one item, announced by `conversation.item.added` with the id of `committed`.",
    source=_COMMIT,
    sends="a second of tone, and a commit",
    expects="conversation.item.added with the committed id",
    needs={"audio_in"},
    tokens=10,
)
async def _commit_adds(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.send("input_audio_buffer.commit")
    committed = await probe.expect("input_audio_buffer.committed")
    added = await probe.expect("conversation.item.added")
    named = item_of(committed)
    probe.check(item_of(added) == named, f"{item_of(added)!r} was added, not {named!r}", added, "item.id")


@must(
    "RT-TURN-012",
    "A commit makes a user item",
    rule="The item of a commit is a user's message with one `input_audio` part.",
    source=_COMMIT,
    sends="a second of tone, and a commit",
    expects="conversation.item.added with role user and an `input_audio` part",
    needs={"audio_in"},
    tokens=10,
)
async def _commit_makes_user_item(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.send("input_audio_buffer.commit")
    committed = await probe.expect("input_audio_buffer.committed")
    added = await probe.expect("conversation.item.added", where=of_item(item_of(committed)))
    shows(probe, added, "item.role", "user")
    kind = part_of(added).get("type")
    probe.check(kind == "input_audio", f"its part is {kind!r}", added, "item.content[0].type")


@must(
    "RT-TURN-013",
    "A commit names the item before",
    rule="`committed` has the id of the preceding item, null if there is none.",
    source="API reference: input_audio_buffer.committed",
    sends="a user's text, a second of tone, and a commit",
    expects="committed with the text's id as `previous_item_id`",
    needs={"audio_in"},
    tokens=15,
)
async def _commit_names_previous(probe: Probe) -> None:
    await probe.manual()
    written = (await probe.user_text("Before."))["id"]
    await probe.append_tone(1.0)
    committed = await probe.commit()
    shows(probe, committed, "previous_item_id", written)


@must(
    "RT-TURN-014",
    "Each commit makes an item of its own",
    rule="Every commit creates an item of its own, the later one behind the earlier.",
    source=_COMMIT,
    sends="two turns of tone, each committed",
    expects="two items, linked",
    needs={"audio_in"},
    tokens=20,
)
async def _two_commits(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(0.5)
    first = await probe.commit()
    await probe.append_tone(0.5)
    second = await probe.commit()
    one, two = item_of(first), item_of(second)
    probe.check(one != two, "two commits have the same item", second, "item_id")
    shows(probe, second, "previous_item_id", one)


@should(
    "RT-TURN-015",
    "A response sees what was committed before it",
    rule="A commit and a `response.create` may be sent at once: the answer is behind the committed item.",
    certainty="observed",
    source="observed",
    sends="a second of tone, a commit and response.create, without waiting",
    expects="the answer's item behind the committed one",
    needs={"audio_in", "text_out"},
    tokens=120,
    seconds=2.0,
)
async def _pipelined(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.send("input_audio_buffer.commit")
    answer = {"output_modalities": ["text"], "instructions": "Say exactly: green"}
    await probe.send("response.create", response=answer)
    committed = await probe.expect("input_audio_buffer.committed")
    heard = item_of(committed)
    await probe.expect("conversation.item.added", where=of_item(heard))
    started = await probe.expect("response.output_item.added")
    added = await probe.expect("conversation.item.added", where=of_item(item_of(started)))
    shows(probe, added, "previous_item_id", heard)


@should(
    "RT-TURN-016",
    "What is not committed waits",
    rule="A response leaves the input buffer alone: what was appended before can be committed after.",
    certainty="inferred",
    source="API reference: input_audio_buffer.commit is what takes the buffer",
    sends="a second of tone, a written turn with its answer, and a commit",
    expects="committed",
    needs={"audio_in", "text_out"},
    tokens=130,
    seconds=2.5,
)
async def _uncommitted_waits(probe: Probe) -> None:
    await probe.manual()
    await probe.append_tone(1.0)
    await probe.user_text("Say exactly: green")
    await probe.respond(output_modalities=["text"])
    await probe.commit()
