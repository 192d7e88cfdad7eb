"""Errors: how a refusal looks, whom it names, and that it has no other effect."""

from __future__ import annotations

from ..case import case
from ..probe import Probe

_REFERENCE = "API reference, error; Realtime guide, error handling"
_OBSERVED = "errors reported of the live API"


async def still_there(probe: Probe) -> None:
    """The session goes on: it confirms an update."""
    await probe.session(instructions="Still there.")


@case(
    "RT-ERR-001",
    "An unknown event type is refused",
    family="errors",
    level="must",
    rule="An event of an unknown type is answered by one `error` of type `invalid_request_error`.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of type conformance.unknown",
    expects="error with type invalid_request_error",
)
async def unknown_type(probe: Probe) -> None:
    """Refused with one error."""
    sent = await probe.send("conformance.unknown")
    await probe.refused(sent)


@case(
    "RT-ERR-002",
    "An error names the event that caused it",
    family="errors",
    level="must",
    rule="`error.event_id` is the `event_id` of the client's event that is refused for its shape.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type with an event_id",
    expects="that id in error.event_id",
    needs=("errors",),
)
async def names_the_event(probe: Probe) -> None:
    """Else nobody knows what was wrong."""
    sent = await probe.send("conformance.unknown", event_id="my-event-1")
    error = await probe.refused(sent)
    named = error["error"].get("event_id")
    probe.check(named == sent, f"error.event_id is {named!r}, not {sent!r}", error, "error.event_id")


@case(
    "RT-ERR-003",
    "An error has an id of its own",
    family="errors",
    level="should",
    rule="An `error` has an `event_id` of its own beside the one inside.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type",
    expects="error with its own event_id",
    needs=("errors",),
)
async def own_id(probe: Probe) -> None:
    """Two ids, two things."""
    sent = await probe.send("conformance.unknown")
    error = await probe.refused(sent)
    own = error.get("event_id")
    probe.check(isinstance(own, str) and own, "the error has no event_id of its own", error, "event_id")
    probe.check(own != sent, "the error's own event_id is the client's", error, "event_id")


@case(
    "RT-ERR-004",
    "An error has all of its fields",
    family="errors",
    level="should",
    rule="An error object has `type`, `code`, `message`, `param` and `event_id`, be it with null.",
    source="recorded errors",
    certainty="observed",
    sends="an event of an unknown type",
    expects="an error object with five fields",
    needs=("errors",),
)
async def all_fields(probe: Probe) -> None:
    """null is not absent."""
    sent = await probe.send("conformance.unknown")
    error = await probe.refused(sent)
    for name in ("type", "code", "message", "param", "event_id"):
        probe.check(name in error["error"], f"the error object has no {name}", error, f"error.{name}")


@case(
    "RT-ERR-005",
    "An error says in words what is wrong",
    family="errors",
    level="must",
    rule="`error.message` is a text that is not empty.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type",
    expects="error with a message",
    needs=("errors",),
)
async def has_words(probe: Probe) -> None:
    """For people."""
    sent = await probe.send("conformance.unknown")
    error = await probe.refused(sent)
    message = error["error"].get("message")
    probe.check(
        isinstance(message, str) and message.strip(), "the error has no message", error, "error.message"
    )


@case(
    "RT-ERR-006",
    "A session survives an error",
    family="errors",
    level="must",
    rule="After an `error` the session stays open, and works.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type, then a session.update",
    expects="error, then session.updated",
    needs=("errors",),
)
async def survives(probe: Probe) -> None:
    """Most errors are recoverable."""
    sent = await probe.send("conformance.unknown")
    await probe.refused(sent)
    await still_there(probe)


@case(
    "RT-ERR-007",
    "One fault, one error",
    family="errors",
    level="must",
    rule="A refused event is answered by one `error` and by nothing else.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type",
    expects="one error, and then nothing",
    seconds=1.5,
    needs=("errors",),
)
async def one_error(probe: Probe) -> None:
    """Not two."""
    sent = await probe.send("conformance.unknown")
    await probe.refused(sent)
    await probe.quiet(0.5)


@case(
    "RT-ERR-008",
    "Two faults, two errors, in order",
    family="errors",
    level="must",
    rule="Each refused event has an `error` of its own, in the order in which they were sent.",
    source=_REFERENCE,
    certainty="documented",
    sends="two events of unknown types",
    expects="two errors that name them, in order",
)
async def two_errors(probe: Probe) -> None:
    """Each its own."""
    first = await probe.send("conformance.first")
    second = await probe.send("conformance.second")
    one = await probe.refused(first)
    two = await probe.refused(second)
    for error, sent in ((one, first), (two, second)):
        named = error["error"].get("event_id")
        probe.check(named == sent, f"the error names {named!r}, not {sent!r}", error, "error.event_id")
    probe.check(probe.index(one) < probe.index(two), "the second error comes first", two)


@case(
    "RT-ERR-009",
    "An error keeps its place",
    family="errors",
    level="must",
    rule="Answers come in the order of what they answer, errors among them.",
    source="API reference: events are processed in order",
    certainty="documented",
    sends="an update, an unknown event and an update at once",
    expects="session.updated, error, session.updated",
    needs=("errors",),
)
async def keeps_its_place(probe: Probe) -> None:
    """Neither overtakes the other."""
    await probe.send("session.update", session={"type": "realtime", "instructions": "One."})
    sent = await probe.send("conformance.unknown")
    await probe.send("session.update", session={"type": "realtime", "instructions": "Two."})
    error = await probe.refused(sent)
    one = await probe.expect("session.updated")
    two = await probe.expect("session.updated")
    at = [probe.index(each) for each in (one, error, two)]
    probe.check(at == sorted(at), "the error has lost its place between the updates", error)


@case(
    "RT-ERR-010",
    "An unknown type is named as the parameter",
    family="errors",
    level="should",
    rule="The error for an unknown type has code `invalid_value` and param `type`.",
    source=_OBSERVED,
    certainty="observed",
    sends="an event of an unknown type",
    expects="error with code invalid_value and param type",
    needs=("errors",),
)
async def unknown_type_param(probe: Probe) -> None:
    """What programs look at."""
    sent = await probe.send("conformance.unknown")
    await probe.refused(sent, code="invalid_value", param="type")


@case(
    "RT-ERR-011",
    "Without an id of ours, an error names none",
    family="errors",
    level="should",
    rule="`error.event_id` is null if the refused event had no `event_id`.",
    source=_REFERENCE,
    certainty="documented",
    sends="an event of an unknown type without event_id",
    expects="error with event_id null",
    needs=("errors",),
)
async def names_none(probe: Probe) -> None:
    """Nothing is made up."""
    await probe.send_raw(b'{"type":"conformance.unknown"}')
    error = await probe.expect("error")
    named = error["error"].get("event_id")
    probe.check(named is None, f"error.event_id is {named!r}, and none was sent", error, "error.event_id")


# --- refusals that must have no effect --------------------------------------------------------


@case(
    "RT-ERR-050",
    "A refused response is not created",
    family="errors",
    level="must",
    rule="A `response.create` that is refused begins no response.",
    source=_OBSERVED,
    certainty="observed",
    sends="response.create with a modality nobody has",
    expects="error, and no response.created",
    seconds=1.5,
)
async def no_response(probe: Probe) -> None:
    """Refused, and that is all."""
    sent = await probe.send("response.create", response={"output_modalities": ["smell"]})
    await probe.refused(sent)
    await probe.quiet(0.5)


@case(
    "RT-ERR-051",
    "A refused item is not added",
    family="errors",
    level="must",
    rule="A `conversation.item.create` that is refused adds no item.",
    source=_OBSERVED,
    certainty="observed",
    sends="an item after one that there is not",
    expects="error, and no conversation.item.added",
    seconds=1.5,
)
async def no_item(probe: Probe) -> None:
    """Not somewhere else instead."""
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
    sent = await probe.send("conversation.item.create", previous_item_id="item_none", item=item)
    await probe.refused(sent)
    await probe.quiet(0.5)


@case(
    "RT-ERR-052",
    "Cancelling nothing is refused",
    family="errors",
    level="should",
    rule="`response.cancel` without an active response is refused with `response_cancel_not_active`.",
    source=f"API reference, response.cancel; {_OBSERVED}",
    certainty="documented",
    sends="response.cancel at once",
    expects="error with code response_cancel_not_active",
)
async def nothing_to_cancel(probe: Probe) -> None:
    """And nothing is harmed."""
    sent = await probe.send("response.cancel")
    await probe.refused(sent, code="response_cancel_not_active")
    await still_there(probe)


@case(
    "RT-ERR-053",
    "Deleting nothing is refused",
    family="errors",
    level="should",
    rule="`conversation.item.delete` of an unknown item is refused with `item_delete_invalid_item_id`.",
    source=f"API reference, conversation.item.delete; {_OBSERVED}",
    certainty="documented",
    sends="a delete of an item that there is not",
    expects="error with code item_delete_invalid_item_id",
    needs={"delete"},
)
async def nothing_to_delete(probe: Probe) -> None:
    """Told, not ignored."""
    sent = await probe.send("conversation.item.delete", item_id="item_none")
    await probe.refused(sent, code="item_delete_invalid_item_id")


@case(
    "RT-ERR-054",
    "What only WebRTC has is refused on a WebSocket",
    family="errors",
    level="may",
    rule="`output_audio_buffer.clear` is for WebRTC and SIP, and refused on a plain WebSocket.",
    source="API reference, output_audio_buffer.clear; the list of types the live server prints",
    certainty="inferred",
    sends="output_audio_buffer.clear",
    expects="error",
)
async def not_on_a_websocket(probe: Probe) -> None:
    """There is no such buffer here."""
    sent = await probe.send("output_audio_buffer.clear")
    await probe.refused(sent)
