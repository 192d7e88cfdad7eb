"""Responses: one at a time in the default conversation, and cancelling."""

from __future__ import annotations

from functools import partial

from ..case import NotComplied, case
from ..collecting import (
    SECOND,
    begin,
    cancel,
    check_error,
    check_status,
    create,
    create_or_error,
    done,
    inside,
    objects,
    part_of,
    refusal_of,
    say,
    words_of,
)
from ..probe import Probe
from ..seen import item_of, response_of

_cancel = partial(
    case,
    family="responses",
    sends="response.create for a long text, and response.cancel after its first words",
    needs=("text_out",),
    tokens=150,
    seconds=2.0,
)
_gate = partial(
    case,
    family="responses",
    sends="response.create for a long text, and another response.create while it runs",
    needs=("text_out",),
    tokens=250,
    seconds=3.0,
)
_CANCEL = "API reference, response.cancel"
_CREATE = "API reference, response.create"
_PARTS = "API reference, response.output_text.done, response.content_part.done, response.output_item.done"


# --- cancelling ---------------------------------------------------------------------------


@_cancel(
    "RT-RESP-030",
    "A cancelled response ends cancelled",
    level="must",
    certainty="documented",
    rule="`response.cancel` is answered by `response.done` with status `cancelled`.",
    source=_CANCEL,
    expects="response.done with status cancelled",
)
async def cancelled(probe: Probe) -> None:
    """Its end says how it ended."""
    ended = await cancel(probe, await begin(probe), claimed=True)
    check_status(probe, ended, "cancelled", "a cancelled response ended with status {}, not 'cancelled'")


@_cancel(
    "RT-RESP-031",
    "A cancelled response says who cancelled it",
    level="must",
    certainty="documented",
    rule='`status_details` after `response.cancel` is `{"type": "cancelled", "reason": "client_cancelled"}`.',
    source="API reference, the Response object",
    expects="status_details.reason client_cancelled",
)
async def cancelled_reason(probe: Probe) -> None:
    """The client did."""
    ended = await cancel(probe, await begin(probe))
    details = inside(ended, "response").get("status_details")
    found = details if isinstance(details, dict) else {}
    for name, wanted in (("type", "cancelled"), ("reason", "client_cancelled")):
        probe.check(
            found.get(name) == wanted,
            f"status_details.{name} is {found.get(name)!r}, not {wanted!r}",
            ended,
            f"response.status_details.{name}",
        )


@_cancel(
    "RT-RESP-032",
    "A response is cancelled by its id",
    level="must",
    certainty="documented",
    rule="`response.cancel` with a `response_id` cancels that response.",
    source=_CANCEL,
    expects="response.done of that response with status cancelled",
)
async def cancelled_by_id(probe: Probe) -> None:
    """Named, it ends too."""
    created = await begin(probe)
    ended = await cancel(probe, created, claimed=True, response_id=response_of(created))
    check_status(probe, ended, "cancelled", "it ended with status {}")


@_cancel(
    "RT-RESP-033",
    "Nothing follows a cancelled response's done",
    level="must",
    certainty="documented",
    rule="`response.done` is the last event of a cancelled response too.",
    source="API reference, response.done",
    expects="response.done, and then nothing of that response",
)
async def nothing_after_cancel(probe: Probe) -> None:
    """No late words."""
    created = await begin(probe)
    ended = await cancel(probe, created)
    await probe.maybe("response.done", where=lambda e: response_of(e) == response_of(created))
    after = probe.events[probe.index(ended) + 1 :]
    late = next((e for e in after if response_of(e) == response_of(created)), None)
    kind = late["type"] if late is not None else ""
    probe.check(late is None, f"{kind} came behind the cancelled response's response.done", late)


@_cancel(
    "RT-RESP-034",
    "A cancelled response concludes what it had begun",
    level="must",
    certainty="documented",
    rule="The `.done` events of texts, parts and items are sent when a response is cancelled too.",
    source=_PARTS,
    expects="output_text.done, content_part.done and output_item.done before response.done",
)
async def cancel_concludes(probe: Probe) -> None:
    """What was opened is closed."""
    created = await begin(probe)
    ended = await cancel(probe, created)
    for kind in ("response.output_text.done", "response.content_part.done", "response.output_item.done"):
        probe.check(part_of(probe, created, kind), f"{kind} did not come before response.done", ended)


@_cancel(
    "RT-RESP-035",
    "A cancelled answer is incomplete",
    level="should",
    certainty="inferred",
    rule="The item that a cancelled response was saying has the status `incomplete`.",
    source="API reference, the Item object",
    expects="the item in response.done with status incomplete",
)
async def cancelled_item(probe: Probe) -> None:
    """It was not said to its end."""
    ended = await cancel(probe, await begin(probe))
    for item in objects(inside(ended, "response").get("output")):
        found = item.get("status")
        message = f"the interrupted item's status is {found!r}, not 'incomplete'"
        probe.check(found == "incomplete", message, ended, "response.output[0].status")


@_cancel(
    "RT-RESP-036",
    "A cancelled answer keeps the words it said",
    level="should",
    certainty="inferred",
    rule="The text of a cancelled response's item is what its deltas had said so far.",
    source="API reference, response.output_item.done",
    expects="the item's text equal to the joined deltas",
)
async def cancelled_words(probe: Probe) -> None:
    """Neither more nor less."""
    created = await begin(probe)
    ended = await cancel(probe, created)
    said: dict[str | None, str] = {}
    for event in part_of(probe, created, "response.output_text.delta"):
        said[item_of(event)] = said.get(item_of(event), "") + str(event.get("delta", ""))
    for item in objects(inside(ended, "response").get("output")):
        heard, kept = said.get(item.get("id"), ""), words_of(item)
        message = f"the item holds {len(kept)} characters, and {len(heard)} were said"
        probe.check(kept == heard, message, ended, "response.output[0].content")


@_cancel(
    "RT-RESP-037",
    "Cancelling nothing is an error, and harmless",
    level="must",
    certainty="documented",
    rule="`response.cancel` with no response in progress is answered by an error; the session is unaffected.",
    source=_CANCEL,
    sends="response.cancel in an idle session, then a session.update",
    expects="error, then session.updated",
    tokens=0,
    seconds=0.5,
)
async def cancel_nothing(probe: Probe) -> None:
    """Safe to send at any time."""
    await refusal_of(probe, {"type": "response.cancel"}, "a response.cancel with nothing to cancel")


@_cancel(
    "RT-RESP-038",
    "Cancelling nothing has its own code",
    level="should",
    certainty="observed",
    rule="The error for cancelling nothing has the code `response_cancel_not_active`.",
    source="observed on the live API",
    sends="response.cancel in an idle session",
    expects="error with code response_cancel_not_active",
    tokens=0,
    seconds=0.5,
)
async def cancel_nothing_code(probe: Probe) -> None:
    """Clients tell it from real errors."""
    error = await refusal_of(probe, {"type": "response.cancel"}, "a response.cancel with nothing to cancel")
    check_error(probe, error, code="response_cancel_not_active")


@_cancel(
    "RT-RESP-039",
    "A response that is over cannot be cancelled",
    level="should",
    certainty="inferred",
    rule="`response.cancel` with the id of a finished response is answered by an error.",
    source=_CANCEL,
    sends="response.create for one word; when it is done, response.cancel with its id",
    expects="error",
)
async def cancel_finished(probe: Probe) -> None:
    """An old id is no running response."""
    seen = await say(probe)
    late = {"type": "response.cancel", "response_id": seen.id}
    await refusal_of(probe, late, "a response.cancel of a finished response")


# --- the gate -----------------------------------------------------------------------------


@_gate(
    "RT-RESP-040",
    "A second response for the conversation is refused",
    level="must",
    certainty="documented",
    rule="Only one response can write to the default conversation: another `response.create` is an error.",
    source=_CREATE,
    expects="error, and no second response.created",
)
async def gate(probe: Probe) -> None:
    """One at a time, and not queued either."""
    first = await begin(probe)
    answer = await create_or_error(probe, **SECOND)
    if answer["type"] == "response.created" and part_of(probe, first, "response.done"):
        raise NotComplied("the first response was over before the second was asked for")
    message = "a second response was created for the conversation while one was running"
    probe.check(answer["type"] == "error", message, answer)
    await done(probe, first)
    extra = await probe.maybe("response.created")
    probe.check(extra is None, "the refused response.create was carried out later", extra)


@_gate(
    "RT-RESP-041",
    "The refusal of a second response has its own code",
    level="should",
    certainty="observed",
    rule="Its error has the code `conversation_already_has_active_response`.",
    source="observed on the live API",
    expects="error with code conversation_already_has_active_response",
)
async def gate_code(probe: Probe) -> None:
    """Clients wait and try again."""
    first = await begin(probe)
    answer = await create_or_error(probe, **SECOND)
    if part_of(probe, first, "response.done") or answer["type"] != "error":
        raise NotComplied("the second response was not refused")
    code = inside(answer, "error").get("code")
    message = f"the error's code is {code!r}, not 'conversation_already_has_active_response'"
    probe.check(code == "conversation_already_has_active_response", message, answer, "error.code")


@_gate(
    "RT-RESP-042",
    "A refused response leaves the running one alone",
    level="must",
    certainty="documented",
    rule="The response that is running goes on to its own end when another is refused.",
    source="API reference, error; response.create",
    expects="response.done of the first with status completed",
)
async def gate_harmless(probe: Probe) -> None:
    """The first is not the one to suffer."""
    first = await begin(probe)
    answer = await create_or_error(probe, **SECOND)
    if answer["type"] != "error":
        raise NotComplied("the second response was not refused")
    what = "the running response ended with status {} when another was refused"
    check_status(probe, await done(probe, first), "completed", what)


@_gate(
    "RT-RESP-043",
    "The next response may follow response.done at once",
    level="must",
    certainty="documented",
    rule="As soon as `response.done` was sent, the conversation takes a new `response.create`.",
    source=_CREATE,
    sends="response.create for one word, and at its response.done another",
    expects="a second response.created",
    tokens=120,
)
async def gate_opens(probe: Probe) -> None:
    """Done means free."""
    await say(probe)
    await create(probe, "a new response was refused behind the last one's response.done")


@_gate(
    "RT-RESP-044",
    "The next response may follow a cancelled one at once",
    level="must",
    certainty="documented",
    rule="As soon as a cancelled response's `response.done` was sent, a new `response.create` is taken.",
    source=_CREATE,
    sends="response.create for a long text, response.cancel, and at its response.done another",
    expects="a second response.created",
    needs=("text_out",),
)
async def gate_opens_after_cancel(probe: Probe) -> None:
    """Interrupted means free."""
    await cancel(probe, await begin(probe))
    await create(probe, "a new response was refused behind the cancelled one's response.done")
