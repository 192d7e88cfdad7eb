"""Responses: what a response says of itself from `response.created` to `response.done`."""

from __future__ import annotations

from functools import partial

from ..case import case
from ..collecting import inside, say
from ..probe import Probe
from ..seen import response_of

_text = partial(
    case,
    family="responses",
    sends="response.create for one written word",
    needs=("text_out",),
    tokens=60,
    seconds=1.5,
)
_CREATED = "API reference, response.created"
_DONE = "API reference, response.done"
_RESPONSE = "API reference, the Response object"


# --- the frame ----------------------------------------------------------------------------


@_text(
    "RT-RESP-001",
    "A response begins in progress",
    level="must",
    certainty="documented",
    rule="`response.created` is the first event of a response, and its `status` is `in_progress`.",
    source=_CREATED,
    expects="response.created with status in_progress, before anything else of it",
)
async def begins(probe: Probe) -> None:
    """Announced first, and under way."""
    seen = await say(probe)
    status = inside(seen.created, "response").get("status")
    probe.check(
        status == "in_progress",
        f"response.created says status {status!r}, not 'in_progress'",
        seen.created,
        "response.status",
    )
    first = next((e for e in probe.events if response_of(e) == seen.id), seen.created)
    probe.check(first is seen.created, f"{first['type']} came before response.created", first)


@_text(
    "RT-RESP-002",
    "A response that says all it has to say is completed",
    level="must",
    certainty="documented",
    rule="The `status` in `response.done` is `completed` for a response that came to its own end.",
    source=_DONE,
    expects="response.done with status completed",
)
async def completed(probe: Probe) -> None:
    """Its end, in the one word that means success."""
    asked = {"output_modalities": ["text"], "instructions": "Say only: pineapple"}
    seen = await probe.respond(**asked)
    probe.check(
        seen.status == "completed",
        f"a short answer ended with status {seen.status!r}, not 'completed'",
        seen.done,
        "response.status",
    )


@_text(
    "RT-RESP-003",
    "Nothing of a response follows its done",
    level="must",
    certainty="documented",
    rule="`response.done` is a response's last event: no other event with its id follows.",
    source=_DONE,
    expects="response.done, and then nothing of that response",
)
async def done_is_last(probe: Probe) -> None:
    """Done means done."""
    seen = await say(probe)
    await probe.maybe("response.done", where=lambda e: response_of(e) == seen.id)
    after = probe.events[probe.index(seen.done) + 1 :]
    late = next((e for e in after if response_of(e) == seen.id), None)
    probe.check(
        late is None, f"{late['type'] if late else ''} came behind its response's response.done", late
    )


@_text(
    "RT-RESP-004",
    "A new response is empty",
    level="should",
    certainty="recorded",
    rule="In `response.created`, `output` is empty and `usage` is null.",
    source="recorded sessions of the live API",
    expects="response.created with output [] and usage null",
)
async def created_is_empty(probe: Probe) -> None:
    """Nothing was said, nothing is billed."""
    created = (await say(probe)).created
    response = inside(created, "response")
    probe.check(response.get("output") == [], "a new response has output already", created, "response.output")
    probe.check(response.get("usage") is None, "a new response has usage already", created, "response.usage")


@_text(
    "RT-RESP-005",
    "Each response has an id of its own",
    level="must",
    certainty="documented",
    rule="A response's `id` is unique in its session, the same from `response.created` to `response.done`.",
    source=_RESPONSE,
    sends="two response.create, one after the other",
    expects="two different ids",
    tokens=120,
    seconds=3.0,
)
async def ids_differ(probe: Probe) -> None:
    """Two responses, two ids."""
    first, second = await say(probe), await say(probe)
    probe.check(bool(first.id), "the response has no id", first.created, "response.id")
    probe.check(
        first.id != second.id, "a second response has the id of the first", second.created, "response.id"
    )


@_text(
    "RT-RESP-006",
    "The response object says what it is",
    level="must",
    certainty="documented",
    rule="`response.object` is `realtime.response`, in `response.created` and in `response.done`.",
    source=_RESPONSE,
    expects="object realtime.response",
)
async def object_name(probe: Probe) -> None:
    """By its `object`."""
    seen = await say(probe)
    for event in (seen.created, seen.done):
        found = inside(event, "response").get("object")
        probe.check(
            found == "realtime.response",
            f"{event['type']} has object {found!r}, not 'realtime.response'",
            event,
            "response.object",
        )


@_text(
    "RT-RESP-007",
    "The response says which conversation it is added to",
    level="must",
    certainty="documented",
    rule="`response.conversation_id` is an id, the same for every response of the default conversation.",
    source=_RESPONSE,
    sends="two response.create, one after the other",
    expects="the same conversation_id in both",
    tokens=120,
    seconds=3.0,
)
async def conversation_id(probe: Probe) -> None:
    """The default conversation has one name."""
    first, second = await say(probe), await say(probe)
    path = "response.conversation_id"
    name = first.response.get("conversation_id")
    probe.check(bool(name) and isinstance(name, str), "the response names no conversation", first.done, path)
    other = second.response.get("conversation_id")
    probe.check(name == other, f"the conversation was {name!r}, and is {other!r} now", second.done, path)


@_text(
    "RT-RESP-008",
    "The details of a completed response are no failure",
    level="should",
    certainty="recorded",
    rule="`status_details` of a completed response is null, or an object whose `type` is `completed`.",
    source="recorded sessions of the live API; API reference, the Response object",
    expects='status_details null or {"type": "completed"}',
)
async def completed_details(probe: Probe) -> None:
    """Null, or the same word again."""
    seen = await say(probe)
    details = seen.response.get("status_details")
    fits = details is None or (isinstance(details, dict) and details.get("type") == "completed")
    probe.check(
        fits, f"status_details of a completed response is {details!r}", seen.done, "response.status_details"
    )


@_text(
    "RT-RESP-009",
    "response.create needs no response object",
    level="must",
    certainty="documented",
    rule="`response` in `response.create` is optional: without it the session's settings hold.",
    source="API reference, response.create",
    sends="response.create with nothing but its type, in a session set to text",
    expects="a response in text, as the session says",
)
async def bare_create(probe: Probe) -> None:
    """The session's settings are enough."""
    await probe.session(output_modalities=["text"], instructions="Say only: pineapple")
    await probe.user_text("Hello")
    seen = await probe.respond()
    probe.check(
        not seen.of("response.output_audio.delta") and bool(seen.of("response.output_text.delta")),
        "a bare response.create was not answered in the session's modality, text",
        seen.done,
        "response.output",
    )


@_text(
    "RT-RESP-010",
    "A response needs no conversation before it",
    level="should",
    certainty="observed",
    rule="`response.create` works in an empty conversation: the model speaks from its instructions.",
    source="observed on the live API",
    sends="response.create as the session's first event",
    expects="a response that is completed",
)
async def empty_conversation(probe: Probe) -> None:
    """The assistant may speak first."""
    await probe.send(
        "response.create", response={"output_modalities": ["text"], "instructions": "Greet the user."}
    )
    answer = await probe.expect("response.created", "error")
    probe.check(answer["type"] != "error", "a response in an empty conversation was refused", answer, "error")
