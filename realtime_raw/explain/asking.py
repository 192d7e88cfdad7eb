"""Rules about whose move it is: what the session waits for before there can be a reply.

With manual turns nothing happens by itself: audio is appended, committed, and
a reply is asked for. Each of these steps can be the one that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..protocol.history_item import HistoryItem
from ..protocol.input_audio import MIN_COMMIT_MS
from ..protocol.trace import TraceLine
from .findings import Found, Rule, brief
from .view import PATIENCE_S, View, called, joined, lasting

__all__ = ["RULES"]

# Functions take their time, and so do models.
_TOOL_S = 5.0
_CREATE_S = 3.0
_SILENT_S = 5.0

_INPUT = (
    "input_audio_buffer.append",
    "session.input_audio_buffer.append",
    "input_audio_buffer.commit",
    "conversation.item.create",
    "response.create",
    "(raw bytes)",
)
_COMMIT = "input_audio_buffer.commit"


def _nothing_sent(view: View) -> Found | None:
    core, begun = view.core, view.configured
    if not core.ready or core.options.sideband or begun is None or view.idle(begun) < PATIENCE_S:
        return None
    if view.last(*_INPUT) is not None or any(core.responses):
        return None
    return Found(f"nothing was sent since the session began {lasting(view.idle(begun))} ago", [begun])


# Audio


def _uncommitted(view: View) -> TraceLine | None:
    """The audio that waits for a commit of ours."""
    audio = view.core.input_audio
    if not view.manual or audio.pending_ms < MIN_COMMIT_MS:
        return None
    return view.last("input_audio_buffer.append")


def _asks_since(view: View, line: TraceLine) -> list[TraceLine]:
    asks = view.lines("response.create")
    return [ask for ask in asks if ask.serial > line.serial and ask.about != "out of band"]


def _never_committed(view: View) -> Found | None:
    audio = _uncommitted(view)
    if audio is None or view.idle(audio) < PATIENCE_S or _asks_since(view, audio):
        return None
    ms = view.core.input_audio.pending_ms
    return Found(f"{ms:.0f} ms of audio were appended and never committed", [audio])


def _asked_before_commit(view: View) -> Found | None:
    audio = _uncommitted(view)
    if audio is None or not (asks := _asks_since(view, audio)):
        return None
    ms = view.core.input_audio.pending_ms
    says = f"a reply was asked for while {ms:.0f} ms of audio were not committed: the model did not hear them"
    return Found(says, [audio, asks[-1]])


def _commit_refused(view: View) -> Found | None:
    lines = [line for line in view.lines("command.refused", "command.not_sent") if line.about == _COMMIT]
    if not lines:
        return None
    last, committed = lines[-1], view.last("input_audio_buffer.committed")
    later = committed is not None and committed.serial > last.last_serial
    severity = "note" if later else view.severity("error", last)
    return Found(f"a commit was refused: {brief(last.detail)}", view.with_causes(lines), severity)


def _unasked(view: View, line: TraceLine) -> bool:
    """Whether nobody asked for a reply since, though there was time to."""
    late = line.serial > view.last_ask and view.idle(line) >= PATIENCE_S
    return late and view.replies and not view.core.responses.held


def _never_asked(view: View) -> Found | None:
    committed = view.last("input_audio_buffer.committed")
    if committed is None or not view.manual or not _unasked(view, committed):
        return None
    says = f"a turn was committed {lasting(view.idle(committed))} ago, and no reply asked for"
    return Found(says, [view.last(_COMMIT), committed])


# Items


def _text_never_asked(view: View) -> Found | None:
    # What was put at a chosen place is context, and waits for nothing.
    added = [line for line, item in view.sent_items() if item.role == "user" and line.about != "placed"]
    committed = view.last("input_audio_buffer.committed")
    if not added or (committed is not None and committed.serial > added[-1].serial):
        return None
    last = added[-1]
    if not _unasked(view, last):
        return None
    says = f"a user message was added {lasting(view.idle(last))} ago, and no reply asked for"
    return Found(says, [last, view.entry(last.item_id)])


def _open_calls(view: View) -> Iterator[tuple[HistoryItem, TraceLine | None]]:
    """Function calls of the model that have no output, each with the end of its response."""
    for item in view.items:
        if item.type != "function_call" or item.answered_by is not None or item.response_id is None:
            continue
        record = view.core.responses.get(item.response_id)
        if record is not None and record.status == "completed":
            yield item, view.done(record)


def _calls_unanswered(view: View) -> Found | None:
    waiting = [
        (item, done) for item, done in _open_calls(view) if done is not None and view.idle(done) >= _TOOL_S
    ]
    if not waiting:
        return None
    names = joined(
        [f"{brief(item.name or '?', 60)} ({brief(item.call_id or '?', 60)})" for item, _ in waiting[:4]]
    )
    says = f"the model waits for {len(waiting)} function output{'s' * (len(waiting) > 1)}: {names}"
    last = waiting[-1][1]
    return Found(says, [done for _, done in waiting], view.severity("warning", last))


def _outputs(view: View) -> Iterator[TraceLine]:
    """Whatever the model should now go on from: outputs and approvals we posted, calls the server made."""
    made = {
        item.call_id for item in view.items if item.type == "function_call" and item.response_id is not None
    }
    for line, item in view.sent_items():
        if item.type == "mcp_approval_response" or (
            item.type == "function_call_output" and item.call_id in made
        ):
            yield line
    for line in view.lines("response.mcp_call.completed", "response.mcp_call.failed"):
        if line.item_id in view.core.conversation:
            yield line


def _output_never_asked(view: View) -> Found | None:
    lines = [line for line in _outputs(view) if line.serial > view.last_ask]
    if not lines or not _unasked(view, lines[-1]) or any(_open_calls(view)):
        return None
    if view.core.responses.active is not None or _approvals(view):
        return None
    return Found("the result of a tool is in, and no reply was asked for", lines)


def _approvals(view: View) -> list[HistoryItem]:
    answered = {item.approval_request_id for item in view.items if item.type == "mcp_approval_response"}
    return [item for item in view.items if item.type == "mcp_approval_request" and item.id not in answered]


def _approval_waiting(view: View) -> Found | None:
    waiting = [item for item in _approvals(view) if view.age(item.added_at) >= PATIENCE_S]
    if not waiting:
        return None
    names = joined(
        [f"{brief(item.server_label or '?', 60)}.{brief(item.name or '?', 60)}" for item in waiting[:4]]
    )
    lines = [view.entry(item.id) for item in waiting]
    return Found(f"the server asks whether it may call {names}", lines)


# Requests


def _create_unanswered(view: View) -> Found | None:
    waiting = [
        command
        for command in view.core.commands
        if command.type == "response.create"
        and command.state == "pending"
        and view.age(command.asked_at) >= _CREATE_S
    ]
    if not waiting:
        return None
    ids = {command.event_id for command in waiting}
    sent = [line for line in view.lines("response.create") if line.event_id in ids]
    waited = lasting(view.age(waiting[0].asked_at))
    return Found(f"a reply was asked for {waited} ago, and the server has not begun one", sent)


def _create_held(view: View) -> Found | None:
    responses = view.core.responses
    if not responses.held:
        return None
    waited = view.age(responses.held[0].asked_at)
    ahead: TraceLine | None
    if responses.active is not None:
        what, ahead = f"response {called(responses.active)} is not done", view.created(responses.active)
    else:
        what, ahead = "an earlier request has no answer", view.last("response.create")
    says = f"{len(responses.held)} request(s) for a reply wait here, the first for {lasting(waited)}: {what}"
    return Found(says, [ahead], "warning" if waited >= _SILENT_S else "note")


def _still_generating(view: View) -> Found | None:
    active = view.core.responses.active
    if active is None:
        return None
    lines = [line for line in view.core.trace if line.response_id == active.id and line.direction == "in"]
    last = max(lines, key=lambda line: line.last_serial, default=None)
    quiet = view.idle(last) if last is not None else view.age(active.marks.created)
    if quiet < _SILENT_S:
        return None
    says = f"response {called(active)} is still generating, but nothing came of it for {lasting(quiet)}"
    return Found(says, [view.created(active), last])


RULES = (
    Rule(
        "commit_refused",
        "error",
        means="A turn was not committed: too short (under 100 ms), or refused by the server.",
        proof="the `error`, or the refusal before sending",
        remedy="append at least 100 ms of audio before commit(), or clear() what is there",
        check=_commit_refused,
    ),
    Rule(
        "nothing_sent",
        "warning",
        means="Neither audio nor text was sent, and no reply asked for.",
        proof="the last message about the session, and nothing after it",
        remedy="append() audio and commit(), or insert() text; then respond()",
        check=_nothing_sent,
    ),
    Rule(
        "never_committed",
        "warning",
        means="Audio lies in the server's buffer; with manual turns only a commit makes it a turn.",
        proof="the appends, and no `input_audio_buffer.commit` after them",
        remedy="commit(), then respond(); or clear()",
        check=_never_committed,
    ),
    Rule(
        "asked_before_commit",
        "warning",
        means="A reply was asked for, but the audio before it was not committed.",
        proof="the appends, and the `response.create` after them",
        remedy="commit() first, then respond()",
        check=_asked_before_commit,
    ),
    Rule(
        "never_asked",
        "warning",
        means="Audio was committed; with manual turns a commit alone brings no reply.",
        proof="`input_audio_buffer.committed`, and no `response.create` after it",
        remedy="respond()",
        check=_never_asked,
    ),
    Rule(
        "text_never_asked",
        "warning",
        means="A user message was added at the end; adding an item brings no reply.",
        proof="the `conversation.item.create`, and no `response.create` after it",
        remedy="respond()",
        check=_text_never_asked,
    ),
    Rule(
        "calls_unanswered",
        "warning",
        means="The model called functions and says nothing more until it has their outputs.",
        proof="the `response.done` that holds the calls",
        remedy="post a function_call_output for each call, then respond() once",
        check=_calls_unanswered,
    ),
    Rule(
        "output_never_asked",
        "warning",
        means="Outputs or approvals were posted, or an MCP call ended; the model does not go on by itself.",
        proof="the output, approval or `response.mcp_call.completed`, and no `response.create` after it",
        remedy="respond()",
        check=_output_never_asked,
    ),
    Rule(
        "approval_waiting",
        "warning",
        means="An MCP tool needs your approval.",
        proof="the `mcp_approval_request` item",
        remedy="insert an mcp_approval_response for it, or set require_approval to never for that tool",
        check=_approval_waiting,
    ),
    Rule(
        "create_unanswered",
        "warning",
        means="A `response.create` is on its way, and nothing came back.",
        proof="the `response.create`",
        remedy="wait; if it times out, look at the line and ask again",
        check=_create_unanswered,
    ),
    Rule(
        "create_held",
        "warning",
        means="A request for a reply waits here until the active response is done.",
        proof="the response, or the earlier request, that is in the way",
        remedy="wait, cancel() the active response, or respond(if_busy='cancel')",
        check=_create_held,
    ),
    Rule(
        "still_generating",
        "warning",
        means="A response has begun and not ended, and nothing comes of it.",
        proof="the last message that belongs to it",
        remedy="wait, or cancel() it and ask again",
        check=_still_generating,
    ),
)
