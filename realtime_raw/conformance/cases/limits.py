"""Limits: what is just allowed is accepted, what is just beyond is refused."""

from __future__ import annotations

from typing import Any

from ..case import Case, Level, case
from ..case import Certainty as Known
from ..probe import Probe
from .session import shows

_REFERENCE = "API reference"
_OBSERVED = "errors reported of the live API"

_HELLO = [{"type": "input_text", "text": "hello"}]


def _user(**fields: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": _HELLO, **fields}


@case(
    "RT-LIM-001",
    "An event id may have 512 characters",
    family="limits",
    level="must",
    rule="A client's `event_id` may be up to 512 characters long, and is repeated in full.",
    source=f"{_REFERENCE}, event_id",
    certainty="documented",
    sends="an unknown event with an event_id of 512 characters",
    expects="error that repeats it",
    needs=("errors",),
)
async def long_event_id(probe: Probe) -> None:
    """Not cut."""
    event_id = "e" * 512
    await probe.send("conformance.unknown", event_id=event_id)
    error = await probe.refused(event_id)
    named = error["error"].get("event_id")
    probe.check(named == event_id, "error.event_id is not the 512 characters sent", error, "error.event_id")


def _refused(
    number: int,
    title: str,
    rule: str,
    kind: str,
    fields: dict[str, Any],
    *,
    param: str | None = None,
    level: Level = "should",
    certainty: Known = "documented",
    source: str = _REFERENCE,
    needs: tuple[str, ...] = (),
) -> Case:
    """A case: this event is beyond a limit, and refused."""

    async def run(probe: Probe) -> None:
        event_id = fields.get("event_id")
        sent = await probe.send(kind, **fields)
        if event_id is None:
            await probe.refused(sent, param=param)
        else:
            await probe.expect("error")

    return case(
        f"RT-LIM-{number:03d}",
        title,
        family="limits",
        level=level,
        rule=rule,
        source=source,
        certainty=certainty,
        sends=f"{kind} beyond the limit",
        expects=f"error with param {param}" if param else "error",
        needs=needs,
    )(run)


BEYOND = (
    _refused(
        2,
        "An event id of 513 characters is refused",
        "A client's `event_id` of more than 512 characters is refused.",
        "input_audio_buffer.clear",
        {"event_id": "e" * 513},
        level="may",
    ),
    _refused(
        3,
        "An item id of 33 characters is refused",
        "A client's `item.id` of more than 32 characters is refused, and named.",
        "conversation.item.create",
        {"item": _user(id="i" * 33)},
        param="item.id",
        certainty="observed",
        source=_OBSERVED,
    ),
    _refused(
        4,
        "A seventeenth pair of metadata is refused",
        "`metadata` has at most 16 pairs.",
        "response.create",
        {"response": {"metadata": {f"key{i}": "x" for i in range(17)}}},
        param="response.metadata",
        needs=("metadata",),
    ),
    _refused(
        5,
        "A metadata key of 65 characters is refused",
        "A key of `metadata` has at most 64 characters.",
        "response.create",
        {"response": {"metadata": {"k" * 65: "x"}}},
        needs=("metadata",),
    ),
    _refused(
        6,
        "A metadata value of 513 characters is refused",
        "A value of `metadata` has at most 512 characters.",
        "response.create",
        {"response": {"metadata": {"key": "x" * 513}}},
        needs=("metadata",),
    ),
    _refused(
        7,
        "Zero output tokens are refused",
        "`max_output_tokens` of a response is at least 1.",
        "response.create",
        {"response": {"max_output_tokens": 0}},
        param="response.max_output_tokens",
    ),
    _refused(
        8,
        "A threshold above 1 is refused",
        "`turn_detection.threshold` is from 0 to 1.",
        "session.update",
        {
            "session": {
                "type": "realtime",
                "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 1.1}}},
            }
        },
        param="session.audio.input.turn_detection.threshold",
        needs=("vad",),
    ),
    _refused(
        9,
        "A retention ratio above 1 is refused",
        "`truncation.retention_ratio` is from 0 to 1.",
        "session.update",
        {
            "session": {
                "type": "realtime",
                "truncation": {"type": "retention_ratio", "retention_ratio": 1.5},
            }
        },
        param="session.truncation.retention_ratio",
        level="may",
    ),
    _refused(
        10,
        "A negative index is refused",
        "`content_index` is not negative.",
        "conversation.item.truncate",
        {"item_id": "item_none", "content_index": -1, "audio_end_ms": 0},
        param="content_index",
        level="may",
        certainty="inferred",
        needs=("truncate",),
    ),
)


# --- what is just allowed ---------------------------------------------------------------------


@case(
    "RT-LIM-020",
    "An item id may have 32 characters",
    family="limits",
    level="must",
    rule="A client's `item.id` may be up to 32 characters long, and is kept.",
    source=_OBSERVED,
    certainty="observed",
    sends="a user message with an id of 32 characters",
    expects="conversation.item.added with that id",
    needs={"text_in"},
)
async def long_item_id(probe: Probe) -> None:
    """Kept, not cut."""
    item_id = "item_" + "c" * 27
    await probe.send("conversation.item.create", item=_user(id=item_id))
    added = await probe.expect("conversation.item.added", "conversation.item.created")
    found = added["item"].get("id")
    probe.check(found == item_id, f"the item has the id {found!r}", added, "item.id")


@case(
    "RT-LIM-021",
    "Metadata is echoed up to its limits",
    family="limits",
    level="must",
    rule="`metadata` of 16 pairs, keys of 64 and values of 512 characters is echoed unchanged.",
    source=f"{_REFERENCE}, response.create",
    certainty="documented",
    sends="a response with metadata at its limits",
    expects="the same metadata in response.created and response.done",
    needs={"metadata", "text_out"},
    tokens=80,
    seconds=3.0,
)
async def full_metadata(probe: Probe) -> None:
    """To the last character."""
    metadata = {f"{i:02d}" + "k" * 62: f"{i}" + "v" * 510 for i in range(10)}
    metadata |= {f"{i:02d}" + "k" * 62: "v" * 512 for i in range(10, 16)}
    await probe.user_text("Say exactly: hello.")
    seen = await probe.respond(output_modalities=["text"], metadata=metadata)
    for event in (seen.created, seen.done):
        found = event["response"].get("metadata")
        probe.check(found == metadata, f"{event['type']} has other metadata", event, "response.metadata")


@case(
    "RT-LIM-022",
    "100 ms are enough for a commit",
    family="limits",
    level="must",
    rule="`input_audio_buffer.commit` takes 100 ms of audio.",
    source=f"{_REFERENCE}, input_audio_buffer.commit; {_OBSERVED}",
    certainty="observed",
    sends="100 ms of tone and a commit",
    expects="input_audio_buffer.committed",
    needs={"audio_in", "manual"},
)
async def shortest_commit(probe: Probe) -> None:
    """Exactly 100."""
    await probe.manual()
    await probe.append_tone(0.1)
    await probe.send("input_audio_buffer.commit")
    await probe.expect("input_audio_buffer.committed")


@case(
    "RT-LIM-023",
    "90 ms are too little for a commit",
    family="limits",
    level="should",
    rule="A commit of less than 100 ms is refused with `input_audio_buffer_commit_empty`.",
    source=_OBSERVED,
    certainty="observed",
    sends="90 ms of tone and a commit",
    expects="error with code input_audio_buffer_commit_empty",
    needs={"audio_in", "manual"},
)
async def too_short_commit(probe: Probe) -> None:
    """Not a turn."""
    await probe.manual()
    await probe.append_tone(0.09)
    sent = await probe.send("input_audio_buffer.commit")
    await probe.refused(sent, code="input_audio_buffer_commit_empty")


@case(
    "RT-LIM-024",
    "A megabyte fits into one append",
    family="limits",
    level="must",
    rule="One `input_audio_buffer.append` takes up to 15 MiB; here one of 1 MiB.",
    source=f"{_REFERENCE}, input_audio_buffer.append",
    certainty="documented",
    sends="1 MiB of silence in one append, a clear, and an update",
    expects="input_audio_buffer.cleared and session.updated, and no error",
    needs={"audio_in", "manual"},
    seconds=3.0,
)
async def large_append(probe: Probe) -> None:
    """No gateway in between that cuts it."""
    await probe.manual()
    # 1 MiB and two bytes, so that the base64 of it needs no padding.
    await probe.send("input_audio_buffer.append", audio="AAAA" * ((1 << 20) // 3 + 1))
    await probe.send("input_audio_buffer.clear")
    await probe.expect("input_audio_buffer.cleared")
    await probe.session(instructions="Still there.")


@case(
    "RT-LIM-025",
    "A message of more than a megabyte reaches the client whole",
    family="limits",
    level="should",
    rule="`conversation.item.retrieved` carries all of an item's audio, whatever its size.",
    source=f"{_REFERENCE}, conversation.item.retrieve; recorded events of more than 3 MB",
    certainty="observed",
    sends="18 s of tone, a commit, and a retrieve",
    expects="conversation.item.retrieved with audio, in one message",
    needs={"audio_in", "manual", "retrieve"},
    tokens=0,
    seconds=5.0,
)
async def large_event(probe: Probe) -> None:
    """One message, not a cut one."""
    await probe.manual()
    await probe.append_tone(18.0)
    committed = await probe.commit()
    await probe.send("conversation.item.retrieve", item_id=committed["item_id"])
    retrieved = await probe.expect("conversation.item.retrieved")
    content = retrieved["item"].get("content") or [{}]
    size = len(content[0].get("audio") or "")
    probe.check(size > 0, "the retrieved item has no audio", retrieved, "item.content[0].audio")
    probe.check(
        size > 500_000, f"18 s of audio came back as {size} characters", retrieved, "item.content[0].audio"
    )


@case(
    "RT-LIM-026",
    "A long text is kept to the last letter",
    family="limits",
    level="should",
    rule="A user message of 20,000 characters is accepted and shown in full.",
    source="inferred: no limit is documented",
    certainty="inferred",
    sends="a user message of 20,000 characters",
    expects="conversation.item.added with the same text",
    needs={"text_in"},
)
async def long_text(probe: Probe) -> None:
    """Not cut."""
    text = "abcdefghi " * 2000
    item = await probe.user_text(text)
    probe.check(
        item["content"][0].get("text") == text, "the text is not what was sent", path="item.content[0].text"
    )


@case(
    "RT-LIM-027",
    "Every character of Unicode comes back",
    family="limits",
    level="must",
    rule="Text in any script, emoji and escaped characters included, is shown as it was sent.",
    source="RFC 8259, section 7 and 8.1",
    certainty="documented",
    sends="a user message of many scripts",
    expects="conversation.item.added with the same text",
    needs={"text_in"},
)
async def unicode_text(probe: Probe) -> None:
    """UTF-8 both ways."""
    text = 'Grüße, "\\" 日本語 العربية 🙂👩‍👩‍👧 \t\n end'
    item = await probe.user_text(text)
    found = item["content"][0].get("text")
    probe.check(found == text, f"the text came back as {found!r}", path="item.content[0].text")


@case(
    "RT-LIM-028",
    "Fifty items at once are all added",
    family="limits",
    level="should",
    rule="Items sent without waiting are all added, in the order in which they were sent.",
    source="API reference: events are processed in order",
    certainty="documented",
    sends="50 user messages at once",
    expects="50 conversation.item.added, in order",
    needs={"text_in"},
    seconds=2.0,
)
async def many_items(probe: Probe) -> None:
    """A history is seeded that way."""
    ids = [probe.new_id("item") for _ in range(50)]
    for item_id in ids:
        await probe.send("conversation.item.create", item=_user(id=item_id))
    for item_id in ids:
        added = await probe.expect("conversation.item.added", "conversation.item.created")
        found = added["item"].get("id")
        probe.check(found == item_id, f"item {found} comes where {item_id} was sent", added, "item.id")


@case(
    "RT-LIM-029",
    "Long instructions are kept",
    family="limits",
    level="should",
    rule="`instructions` of 16,000 characters are accepted and shown in full.",
    source="inferred: the limit is the model's context",
    certainty="inferred",
    sends="a session.update of 16,000 characters of instructions",
    expects="session.updated with all of them",
)
async def long_instructions(probe: Probe) -> None:
    """Prompts are long."""
    words = "Be kind to users. " * 900
    await probe.session(instructions=words)
    shows(probe, "instructions", words)


@case(
    "RT-LIM-030",
    "The ends of a range belong to it",
    family="limits",
    level="should",
    rule="0.25 and 1.5 are speeds, and 1 and 4096 are numbers of tokens.",
    source=f"{_REFERENCE}, session.update",
    certainty="documented",
    sends="updates with the least and the most",
    expects="session.updated with each",
    needs={"audio_out"},
)
async def ends_of_ranges(probe: Probe) -> None:
    """Inclusive."""
    for speed, tokens in ((0.25, 1), (1.5, 4096)):
        await probe.session(audio={"output": {"speed": speed}}, max_output_tokens=tokens)
        shows(probe, "audio.output.speed", speed)
        shows(probe, "max_output_tokens", tokens)
