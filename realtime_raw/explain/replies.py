"""Rules about replies that came and were not what they should be: failed, cut off, empty, unasked."""

from __future__ import annotations

from ..protocol.responses import ResponseRecord
from ..protocol.trace import TraceLine
from .commands import ACCOUNT, RATE
from .findings import Found, Rule, brief
from .view import View, called, joined

__all__ = ["RULES"]

# So many of the last so many replies, cut off by the user's "speech".
_ECHOES, _OF = 3, 6


def _reason(record: ResponseRecord) -> str | None:
    details = record.response.status_details if record.response is not None else None
    return details.reason if details is not None else None


def _cut_by_speech(record: ResponseRecord) -> bool:
    return _reason(record) == "turn_detected"


def _failed(view: View) -> Found | None:
    failed = [
        (record, done)
        for record in view.core.responses
        if record.status == "failed"
        and (record.error is None or record.error.code not in ACCOUNT | RATE)
        and (done := view.done(record)) is not None
    ]
    if not failed:
        return None
    record, done = failed[-1]
    error = record.error
    why = (
        f"{error.code or error.type or 'error'}: {error.message}" if error is not None else "no reason given"
    )
    return Found(
        f"response {called(record)} failed: {brief(why)}",
        [line for _, line in failed],
        view.severity("error", done),
    )


_INCOMPLETE = {
    "max_output_tokens": ("max_output_tokens was reached", "raise max_output_tokens, or ask for less"),
    "content_filter": ("the content filter stopped it", "rephrase, or change the instructions"),
}


def _incomplete(view: View) -> Found | None:
    broken = [record for record in view.core.responses if record.status == "incomplete"]
    if not broken or (done := view.done(broken[-1])) is None:
        return None
    reason = _reason(broken[-1]) or "no reason given"
    what, remedy = _INCOMPLETE.get(reason, (brief(reason), None))
    says = f"response {called(broken[-1])} is incomplete: {what}"
    return Found(says, [done], view.severity("warning", done), remedy)


def _echo(view: View) -> Found | None:
    ended = [record for record in view.records if record.finished][-_OF:]
    cut = [record for record in ended if _cut_by_speech(record)]
    if len(cut) < _ECHOES:
        return None
    says = f"{len(cut)} of the last {len(ended)} replies were cut off by speech that turn detection heard"
    return Found(f"{says}: does the microphone hear the loudspeaker?", [view.done(record) for record in cut])


def _cut_off(view: View) -> Found | None:
    latest = view.core.responses.latest
    if latest is None or not _cut_by_speech(latest) or _echo(view) is not None:
        return None
    says = f"response {called(latest)} was cut off because turn detection heard the user speak"
    return Found(says, [view.last("input_audio_buffer.speech_started"), view.done(latest)])


def _interruptions(view: View, record: ResponseRecord) -> list[TraceLine]:
    return [line for line in view.lines("barge_in") if line.response_id == record.id]


def _interrupted(view: View) -> Found | None:
    latest = view.core.responses.latest
    if latest is None or _cut_by_speech(latest) or not (barges := _interruptions(view, latest)):
        return None
    by = "interrupt()" if barges[-1].about == "interrupt" else "the user's speech"
    heard = f", {barges[-1].detail}" if barges[-1].detail else ""
    cuts = view.lines("conversation.item.truncate", "conversation.item.delete")
    cuts = [line for line in cuts if line.item_id == barges[-1].item_id]
    return Found(f"response {called(latest)} was cut off by {by}{heard}", [*barges, *cuts, view.done(latest)])


def _cancelled(view: View) -> Found | None:
    latest = view.core.responses.latest
    if latest is None or latest.status != "cancelled" or _cut_by_speech(latest):
        return None
    if _interruptions(view, latest):
        return None
    asked = [line for line in view.lines("response.cancel") if line.response_id == latest.id]
    by = "this side" if asked else "another client, or the server"
    return Found(f"response {called(latest)} was cancelled by {by}", [*asked, view.done(latest)])


def _stray(view: View) -> Found | None:
    lines = view.notes("invariant.broken", "stray_response")
    if not lines:
        return None
    return Found(brief(lines[-1].detail), view.with_causes(lines), view.severity("warning", lines[-1]))


def _empty(view: View) -> Found | None:
    latest = view.core.responses.latest
    if (
        latest is None
        or latest.status != "completed"
        or latest.response is None
        or latest.response.output != []
    ):
        return None
    if latest.item_ids or latest.audio_bytes or latest.marks.first_text is not None:
        return None
    return Found(f"response {called(latest)} completed with nothing in it", [view.done(latest)])


def _mcp_failed(view: View) -> Found | None:
    lines = view.lines("mcp_list_tools.failed", "response.mcp_call.failed")
    if not lines:
        return None
    last = lines[-1]
    listing = last.type == "mcp_list_tools.failed"
    what = "the tools of an MCP server were not listed" if listing else "a call to an MCP tool failed"
    item = view.core.conversation.item(last.item_id) if last.item_id is not None else None
    label = f" ({brief(item.server_label or item.id, 60)})" if item is not None else ""
    why = f": {brief(item.error)}" if item is not None and item.error else ""
    return Found(f"{what}{label}{why}", lines, view.severity("warning", last))


def _late(view: View) -> Found | None:
    muted = [record for record in view.core.responses if record.late_deltas]
    if not muted:
        return None
    deltas = sum(record.late_deltas for record in muted)
    names = joined([brief(record.id, 60) for record in muted[-3:]])
    ids = {record.id for record in muted[-3:]}
    lines = [line for line in view.lines("response.output_audio.delta") if line.response_id in ids]
    return Found(f"{deltas} pieces of audio came after {names} had been interrupted, and were dropped", lines)


RULES = (
    Rule(
        "response_failed",
        "error",
        means="The server began a response and could not finish it.",
        proof="`response.done` with status `failed`, its code and message",
        remedy="ask again; if it fails again, look at what the code names",
        check=_failed,
    ),
    Rule(
        "response_incomplete",
        "warning",
        means="The reply ends early: `max_output_tokens` or `content_filter`.",
        proof="`response.done` with status `incomplete` and its reason",
        remedy="look at the reason the server gives",
        check=_incomplete,
    ),
    Rule(
        "echo",
        "warning",
        means="Replies are cut off again and again by speech: probably the model hears itself.",
        proof="`response.done` with `cancelled turn_detected`, several times",
        remedy="use headphones or echo cancellation, raise the threshold, or take manual turns",
        check=_echo,
    ),
    Rule(
        "stray_response",
        "warning",
        means="With manual turns, a response began that nobody here asked for.",
        proof="the `response.created` that answers none of our requests",
        remedy="see whether another client shares this session; cancel() what is not wanted",
        check=_stray,
    ),
    Rule(
        "empty_response",
        "warning",
        means="The reply completed and holds nothing.",
        proof="`response.done` with an empty output",
        remedy="ask again, or say in the instructions that there is always an answer",
        check=_empty,
    ),
    Rule(
        "mcp_failed",
        "warning",
        means="The server could not list an MCP server's tools, or a call to one failed.",
        proof="`mcp_list_tools.failed` or `response.mcp_call.failed`",
        remedy="check the MCP server's URL and authorization; tools that are not listed cannot be called",
        check=_mcp_failed,
    ),
    Rule(
        "cut_by_speech",
        "note",
        means="The last reply was cut off as turn detection heard the user.",
        proof="`speech_started`, and `response.done` with `cancelled turn_detected`",
        remedy="if nobody spoke, raise the threshold or set interrupt_response to false",
        check=_cut_off,
    ),
    Rule(
        "interrupted",
        "note",
        means="The last reply was interrupted: sound stopped, and the history cut to what was heard.",
        proof="the interruption, and the truncate or delete that told the server",
        remedy="if that was not meant, see who calls interrupt(), and barge_in of connect()",
        check=_interrupted,
    ),
    Rule(
        "cancelled",
        "note",
        means="The last reply was cancelled; its sound, if there was any, was not stopped.",
        proof="`response.cancel`, and `response.done` with status `cancelled`",
        remedy="if that was not meant, see who calls cancel()",
        check=_cancelled,
    ),
    Rule(
        "late_deltas",
        "note",
        means="Audio of an interrupted reply kept coming and was dropped, as it should be.",
        proof="the deltas of that response",
        remedy="nothing is to be done",
        check=_late,
    ),
)
