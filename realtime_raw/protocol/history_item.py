"""What users see of a conversation's items: read-only, live, and printable.

A `HistoryItem` always shows the latest that is known; nothing in it can be
set. How the knowledge comes about is `conversation`'s affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from ..slim import slim
from ..text import printable
from ..types import ErrorInfo
from .item_order import ItemOrder
from .item_record import ItemRecord, PartRecord, Segment

__all__ = ["HistoryItem", "Part", "Segment", "describe"]


@slim(kw_only=True)
class Part:
    """One content part as it was when you asked.

    `text` is set for text, `transcript` for audio (None while unknown); both
    are whole, whatever was truncated. `audio_ms` is what the conversation
    holds, `generated_ms` what was received of it; None where no audio was seen
    to be counted. `heard_ms` and `heard` are None where nobody reported
    playback. `transcription` is the state of a user's transcript:
    in_progress, completed or failed (then `error` says why).
    """

    index: int
    type: str
    text: str | None = None
    transcript: str | None = None
    image_url: str | None = None
    detail: str | None = None
    audio_ms: int | None = None
    generated_ms: int | None = None
    truncated_at_ms: int | None = None
    heard_ms: int | None = None
    heard: str | None = None
    unheard: str | None = None
    transcription: str | None = None
    error: ErrorInfo | None = None
    segments: tuple[Segment, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs: what is known of the part."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value not in (None, ())}


class HistoryItem:
    """One item of the conversation. Read-only and live: it changes as the server speaks.

    Stays valid after the item was deleted, and then shows its last state.
    """

    __slots__ = ("_order", "_record")

    def __init__(self, record: ItemRecord, order: ItemOrder) -> None:
        self._record = record
        self._order = order

    def __repr__(self) -> str:
        return f"<HistoryItem {printable(self.id)}: {describe(self)}>"

    @property
    def id(self) -> str:
        """The item's id."""
        return self._record.id

    @property
    def type(self) -> str:
        """`message`, `function_call`, `function_call_output`, `mcp_call`, … as the server names it."""
        return self._record.type

    @property
    def role(self) -> str | None:
        """`system`, `user` or `assistant` for messages."""
        return self._record.role

    @property
    def in_dialogue(self) -> bool:
        """Whether it is a message of the user or of the assistant."""
        record = self._record
        return record.type == "message" and record.role in ("user", "assistant")

    @property
    def status(self) -> str | None:
        """`in_progress`, `completed`, `incomplete`; `failed` for MCP. None where the server gives none."""
        return self._record.status

    @property
    def phase(self) -> str | None:
        """`commentary` or `final_answer`, if the model says so (observed)."""
        return self._record.phase

    @property
    def response_id(self) -> str | None:
        """The response that made it; None for items of the user or the client."""
        return self._record.response_id

    @property
    def previous_item_id(self) -> str | None:
        """The item now before it (or awaited, while it waits); None at the head."""
        return self._order.before(self._record.id)

    @property
    def place_assumed(self) -> bool:
        """True if the server never said, or contradicted itself on, where this item stands."""
        return self._record.place_assumed

    @property
    def added_at(self) -> float | None:
        """When it was first heard of in the conversation, on the clock the core was given."""
        return self._record.added_at

    @property
    def came_at(self) -> float:
        """When the last sound or words of it came, if only the first were told of; else 0.0."""
        return max((part.came_at for part in self._record.parts.values()), default=0.0)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The content parts by index, as they are now."""
        return tuple(_shown(index, part) for index, part in sorted(self._record.parts.items()))

    @property
    def name(self) -> str | None:
        """The function's name, for calls and for their outputs once the call is known."""
        partner = self._record.partner
        return self._record.name or (partner.name if partner is not None else None)

    @property
    def call_id(self) -> str | None:
        """What joins a function call and its output."""
        return self._record.call_id

    @property
    def arguments(self) -> str | None:
        """A call's arguments so far, as JSON text; None for other items."""
        if self.type in ("function_call", "mcp_call", "mcp_approval_request"):
            return self._record.arguments.value or ""
        return None

    @property
    def output(self) -> str | None:
        """A call's result, or what a `function_call_output` holds; None while there is none."""
        record = self._record
        if record.type == "function_call" and record.partner is not None:
            return record.partner.output
        return record.output

    @property
    def answered_by(self) -> str | None:
        """For a function call: the id of the item with its output."""
        partner = self._record.partner
        return partner.id if partner is not None and self.type == "function_call" else None

    @property
    def server_label(self) -> str | None:
        """The MCP server, for MCP items."""
        return self._record.server_label

    @property
    def tools(self) -> tuple[str, ...]:
        """The tools an `mcp_list_tools` item lists."""
        return self._record.tools

    @property
    def error(self) -> str | None:
        """Why an MCP call failed."""
        return self._record.error

    @property
    def approval_request_id(self) -> str | None:
        """The approval an MCP item refers to."""
        return self._record.approval_request_id

    @property
    def approve(self) -> bool | None:
        """The answer of an `mcp_approval_response`."""
        return self._record.approve

    @property
    def reason(self) -> str | None:
        """The reason an `mcp_approval_response` gives."""
        return self._record.reason

    @property
    def transcription_status(self) -> str | None:
        """Of a user's audio: in_progress, completed, failed; None if no transcript is (yet) on its way."""
        states = {part.transcription for part in self._record.parts.values()}
        return next((state for state in ("failed", "in_progress", "completed") if state in states), None)

    @property
    def generated(self) -> str:
        """All text and transcript, truncated or not, heard or not. For a user: what they said."""
        return "".join(part.text for part in self._parts())

    @property
    def text(self) -> str:
        """The text that stands in the conversation: `generated`, without what truncation took."""
        return "".join(part.text[: part.kept] for part in self._parts())

    @property
    def heard(self) -> str | None:
        """What of a spoken reply reached the ear; None where nobody reported playback.

        With `unheard` it adds up to all text of those audio parts whose
        playback was reported; text parts are in neither. How the cut is made,
        and how exact it is, says the module `heard`.
        """
        return _joined(part.text[: part.heard] for part in self._sounded())

    @property
    def unheard(self) -> str | None:
        """What of a spoken reply did not reach the ear; None where nobody reported playback."""
        return _joined(part.text[part.heard or 0 :] for part in self._sounded())

    @property
    def audio_ms(self) -> int | None:
        """Whole milliseconds of audio the conversation holds; None if none was seen to be counted."""
        return _total(part.audio_ms for part in self._parts())

    @property
    def generated_ms(self) -> int | None:
        """Whole milliseconds of audio received, truncated or not; None if none was seen."""
        return _total(part.generated_ms for part in self._parts())

    @property
    def heard_ms(self) -> int | None:
        """Whole milliseconds heard; None where nobody reported playback."""
        return _total(part.heard_ms for part in self._parts())

    @property
    def unheard_ms(self) -> int | None:
        """Whole milliseconds received and not heard; None where nobody reported playback."""
        heard, generated = self.heard_ms, self.generated_ms
        return None if heard is None or generated is None else max(0, generated - heard)

    @property
    def truncated_at_ms(self) -> int | None:
        """Where the server cut the audio; None if it did not."""
        return _total(part.truncated_ms for part in self._parts())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs: everything above that is known, in one level plus the parts."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _SHOWN}
        found["parts"] = [part.to_dict() for part in self.parts]
        return {name: value for name, value in found.items() if value not in (None, (), [])}

    def _parts(self) -> list[PartRecord]:
        parts = self._record.parts
        return [parts[index] for index in sorted(parts)]

    def _sounded(self) -> list[PartRecord]:
        return [part for part in self._parts() if part.is_sound and part.heard is not None]


_SHOWN = (
    "id",
    "type",
    "role",
    "status",
    "phase",
    "response_id",
    "previous_item_id",
    "added_at",
    "name",
    "call_id",
    "arguments",
    "output",
    "answered_by",
    "server_label",
    "tools",
    "error",
    "approval_request_id",
    "approve",
    "reason",
    "transcription_status",
    "text",
    "generated",
    "heard",
    "unheard",
    "audio_ms",
    "generated_ms",
    "heard_ms",
    "unheard_ms",
    "truncated_at_ms",
    "place_assumed",
)


def _shown(index: int, part: PartRecord) -> Part:
    text, heard = part.words.value, part.heard
    return Part(
        index=index,
        type=part.type,
        text=None if part.is_sound else text,
        transcript=text if part.is_sound else None,
        image_url=part.image_url,
        detail=part.detail,
        audio_ms=part.audio_ms,
        generated_ms=part.generated_ms,
        truncated_at_ms=part.truncated_ms,
        heard_ms=part.heard_ms,
        heard=part.text[:heard] if heard is not None else None,
        unheard=part.text[heard:] if heard is not None else None,
        transcription=part.transcription,
        error=part.error,
        segments=tuple(part.segments.values()),
    )


def _joined(texts: Iterable[str]) -> str | None:
    found = list(texts)
    return "".join(found) if found else None


def _total(lengths: Iterable[int | None]) -> int | None:
    known = [length for length in lengths if length is not None]
    return sum(known) if known else None


def describe(item: HistoryItem) -> str:
    """One line of a readable dialogue, without control characters, whatever the item."""
    return printable(_DESCRIBED.get(item.type, _other)(item)).rstrip()


def _message(item: HistoryItem) -> str:
    said = "".join(_said(part) for part in item.parts)
    if item.truncated_at_ms is not None or item.unheard:
        said += f" [cut; not heard: {item.unheard}]" if item.unheard else " [cut]"
    return f"{item.role or 'message'}: {said}"


def _said(part: Part) -> str:
    if part.type == "input_image":
        return "[image]"
    words = part.text or part.transcript
    if words:
        return words if part.heard is None else part.heard
    if part.type in ("input_audio", "output_audio"):
        seconds = f" {part.audio_ms / 1000:.1f} s" if part.audio_ms is not None else ""
        return f"[audio{seconds}{', transcription failed' if part.transcription == 'failed' else ''}]"
    return ""


def _call(item: HistoryItem) -> str:
    return f"assistant calls {item.name or '?'}({item.arguments})"


def _result(item: HistoryItem) -> str:
    return f"{item.name or item.call_id or '?'} returns: {item.output or ''}"


def _mcp_tools(item: HistoryItem) -> str:
    listed = ", ".join(item.tools) or "no tools yet"
    return f"{item.server_label or '?'} offers: {listed}"


def _mcp_call(item: HistoryItem) -> str:
    call = f"assistant calls {item.server_label or '?'}.{item.name or '?'}({item.arguments})"
    if item.error is not None:
        return f"{call}, which fails: {item.error}"
    return call if item.output is None else f"{call}, which returns: {item.output}"


def _mcp_request(item: HistoryItem) -> str:
    return f"{item.server_label or '?'} asks to run {item.name or '?'}({item.arguments})"


def _mcp_response(item: HistoryItem) -> str:
    answer = "approves" if item.approve else "refuses"
    return f"user {answer} {item.approval_request_id or '?'}" + (f": {item.reason}" if item.reason else "")


def _other(item: HistoryItem) -> str:
    return f"[{item.type}]"


_DESCRIBED = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _result,
    "mcp_list_tools": _mcp_tools,
    "mcp_call": _mcp_call,
    "mcp_approval_request": _mcp_request,
    "mcp_approval_response": _mcp_response,
}
