"""What an audit compares: one item as our mirror has it, and as the server shows it, in one form.

Audio is measured and dropped here, so that an audit of an hour of sound holds
kilobytes. Judging the two against each other is `audit`'s affair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from . import events as ev
from .protocol.heard import bytes_per_ms
from .protocol.history_item import HistoryItem, Part
from .protocol.item_record import base64_size

__all__ = ["ItemFacts", "PartFacts"]

_USER_PARTS = {"text": "input_text", "audio": "input_audio"}
_ASSISTANT_PARTS = {"text": "output_text", "audio": "output_audio"}
_ROLES = {ev.SystemMessage: "system", ev.UserMessage: "user", ev.AssistantMessage: "assistant"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartFacts:
    """One content part. `words` is text, or the transcript of sound; None where there is none (yet).

    `truncated` and `transcribing` are known of our side only.
    """

    type: str
    words: str | None = None
    image_url: str | None = None
    detail: str | None = None
    audio_ms: int | None = None
    truncated: bool = False
    transcribing: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether its words are a transcript."""
        return self.type in ("input_audio", "output_audio")

    @classmethod
    def of_mirror(cls, part: Part) -> PartFacts:
        """A part as the mirror has it."""
        return cls(
            type=part.type,
            words=part.text if part.text is not None else part.transcript,
            image_url=part.image_url,
            detail=part.detail,
            audio_ms=part.audio_ms,
            truncated=part.truncated_at_ms is not None,
            transcribing=part.transcription == "in_progress",
        )

    @classmethod
    def of_wire(cls, part: ev.BasePart, role: str | None, encoding: str) -> PartFacts:
        """A part as the server shows it; beta names count as today's."""
        names = _USER_PARTS if role in ("user", "system") else _ASSISTANT_PARTS
        kind = names.get(part.type or "", part.type or "")
        match part:
            case ev.InputText() | ev.OutputText():
                return cls(type=kind, words=part.text)
            case ev.InputAudio() | ev.OutputAudio():
                size = base64_size(part.audio) if part.audio is not None else None
                ms = size // bytes_per_ms(encoding) if size is not None else None
                return cls(type=kind, words=part.transcript, audio_ms=ms)
            case ev.InputImage():
                return cls(type=kind, image_url=part.image_url, detail=part.detail)
            case _:
                return cls(type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFacts:
    """One item. `tool` holds what there is of name, arguments, call id, output and the like.

    `place` is known of our side only: where the server stated that the item
    stands, where we assume it, or that it waits for the item `behind`.
    """

    id: str
    type: str
    role: str | None = None
    status: str | None = None
    parts: tuple[PartFacts, ...] = ()
    tool: Mapping[str, str] = field(default_factory=dict)
    place: str = "stated"
    behind: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still being written, so that nothing of it can be held to anything."""
        return self.status == "in_progress"

    def describe(self) -> str:
        """A few words to recognize it by; not yet fit to print."""
        said = next((part.words for part in self.parts if part.words), None)
        what = self.role or self.type
        return f"{what}: {said}" if said else what

    @classmethod
    def of_mirror(cls, item: HistoryItem, *, waiting: bool = False) -> ItemFacts:
        """An item as the mirror has it now."""
        return cls(
            id=item.id,
            type=item.type,
            role=item.role,
            status=item.status,
            parts=tuple(map(PartFacts.of_mirror, item.parts)),
            tool=_known(_of_mirror(item)),
            place="waiting" if waiting else "assumed" if item.place_assumed else "stated",
            behind=item.previous_item_id,
        )

    @classmethod
    def of_wire(cls, item: ev.BaseItem, encoding: str = "audio/pcm") -> ItemFacts:
        """An item as the server shows it. `encoding` is that of audio in it."""
        role, content = _role_and_content(item)
        return cls(
            id=item.id or "",
            type=item.type or "message",
            role=role,
            status=item.status,
            parts=tuple(PartFacts.of_wire(part, role, encoding) for part in content),
            tool=_known(_of_wire(item)),
        )


def _role_and_content(item: ev.BaseItem) -> tuple[str | None, Sequence[ev.BasePart]]:
    if isinstance(item, ev.SystemMessage | ev.UserMessage | ev.AssistantMessage):
        return item.role or _ROLES[type(item)], item.content or ()
    role = (item.model_extra or {}).get("role")
    return role if isinstance(role, str) else None, ()


def _known(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


def _of_mirror(item: HistoryItem) -> dict[str, str | None]:
    match item.type:
        case "function_call":
            return {"name": item.name, "arguments": item.arguments, "call_id": item.call_id}
        case "function_call_output":
            return {"call_id": item.call_id, "output": item.output}
        case "mcp_call" | "mcp_approval_request":
            return {
                "server_label": item.server_label,
                "name": item.name,
                "arguments": item.arguments,
                "output": item.output,
                "error": item.error,
            }
        case "mcp_list_tools":
            return {"server_label": item.server_label, "tools": ", ".join(item.tools)}
        case "mcp_approval_response":
            return _answer(item.approval_request_id, item.approve)
        case _:
            return {}


def _of_wire(item: ev.BaseItem) -> dict[str, str | None]:
    match item:
        case ev.FunctionCall():
            return {"name": item.name, "arguments": item.arguments, "call_id": item.call_id}
        case ev.FunctionCallOutput():
            return {"call_id": item.call_id, "output": item.output}
        case ev.McpCall():
            error = (item.error.message or item.error.type or "failed") if item.error is not None else None
            call = {"server_label": item.server_label, "name": item.name, "arguments": item.arguments}
            return {**call, "output": item.output, "error": error}
        case ev.McpApprovalRequest():
            return {"server_label": item.server_label, "name": item.name, "arguments": item.arguments}
        case ev.McpListTools():
            tools = ", ".join(tool.name for tool in item.tools or () if tool.name)
            return {"server_label": item.server_label, "tools": tools}
        case ev.McpApprovalResponse():
            return _answer(item.approval_request_id, item.approve)
        case _:
            return {}


def _answer(request_id: str | None, approve: bool | None) -> dict[str, str | None]:
    return {"approval_request_id": request_id, "approve": None if approve is None else str(approve).lower()}
