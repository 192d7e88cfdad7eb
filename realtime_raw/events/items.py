"""Conversation items and their content parts, as a server sends them.

Tolerant: an unknown kind of item or part becomes `UnknownItem` or
`UnknownPart`. What we create lies in `new_items`, and items of MCP in
`mcp_items`; they are loaded from there when they are asked for here. Their
place in a conversation is not known here.
"""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Tag

from .base import Inbound
from .declare import Many, Open, field_of, tagged
from .later import later, names_in

__all__ = [
    "AssistantMessage",
    "BaseItem",
    "BasePart",
    "FunctionCall",
    "FunctionCallOutput",
    "InputAudio",
    "InputImage",
    "InputText",
    "Item",
    "ItemReference",
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpError",
    "McpListTools",
    "McpToolInfo",
    "NewAssistantMessage",
    "NewFunctionCall",
    "NewFunctionCallOutput",
    "NewInputAudio",
    "NewInputImage",
    "NewInputText",
    "NewItem",
    "NewMcpApprovalRequest",
    "NewMcpApprovalResponse",
    "NewMcpCall",
    "NewMcpListTools",
    "NewOutputText",
    "NewSystemMessage",
    "NewUserMessage",
    "OutputAudio",
    "OutputText",
    "Part",
    "SystemMessage",
    "UnknownItem",
    "UnknownPart",
    "UserMessage",
    "assistant",
    "image",
    "ref",
    "system",
    "user",
]

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


# ---- parts a server sends -------------------------------------------------


class BasePart(Inbound):
    """One part of a message's content. `type` is as received, beta names included."""

    type: str | None = None


class InputText(BasePart):
    """Text of a user or system message."""

    type: Open[Literal["input_text"]] | None = None
    text: str | None = None


class InputAudio(BasePart):
    """Audio of a user message. `audio` (base64) comes with `conversation.item.retrieved` only."""

    type: Open[Literal["input_audio"]] | None = None
    audio: str | None = None
    transcript: str | None = None


class InputImage(BasePart):
    """An image of a user message, as a data URI."""

    type: Open[Literal["input_image"]] | None = None
    image_url: str | None = None
    detail: Open[Literal["auto", "low", "high"]] | None = None


class OutputText(BasePart):
    """Text of an assistant message (`output_text`; `text` in the beta)."""

    type: Open[Literal["output_text"]] | None = None
    text: str | None = None


class OutputAudio(BasePart):
    """Audio of an assistant message (`output_audio`; `audio` in the beta), usually without its bytes."""

    type: Open[Literal["output_audio"]] | None = None
    audio: str | None = None
    transcript: str | None = None


class UnknownPart(BasePart):
    """A part of a kind this version does not know. Its fields are kept."""


_PART_TAGS = {
    "input_text": "<input_text>",
    "input_audio": "<input_audio>",
    "input_image": "<input_image>",
    "output_text": "<output_text>",
    "output_audio": "<output_audio>",
    # Beta spellings, which retrieved items and compatible servers still use.
    "text": "<output_text>",
    "audio": "<output_audio>",
}


def _part_kind(value: object) -> str:
    return _PART_TAGS.get(field_of(value, "type"), "<unknown>")


Part: TypeAlias = Annotated[
    Annotated[InputText, Tag("<input_text>")]
    | Annotated[InputAudio, Tag("<input_audio>")]
    | Annotated[InputImage, Tag("<input_image>")]
    | Annotated[OutputText, Tag("<output_text>")]
    | Annotated[OutputAudio, Tag("<output_audio>")]
    | Annotated[UnknownPart, Tag("<unknown>")],
    tagged(_part_kind, looks_at=("type", "type")),
]


# ---- items a server sends -------------------------------------------------


class BaseItem(Inbound):
    """What all items share. GA servers send no `object`, and no `status` for tool outputs (observed)."""

    type: str | None = None
    id: str | None = None
    object: Open[Literal["realtime.item"]] | None = None
    status: Open[ItemStatus] | None = None


class SystemMessage(BaseItem):
    """A system message."""

    type: Open[Literal["message"]] | None = None
    role: Open[Literal["system"]] | None = None
    content: Many[Part] | None = None


class UserMessage(BaseItem):
    """A user message: text, audio, images."""

    type: Open[Literal["message"]] | None = None
    role: Open[Literal["user"]] | None = None
    content: Many[Part] | None = None


class AssistantMessage(BaseItem):
    """An assistant message. `phase` (observed) tells a preamble from the answer."""

    type: Open[Literal["message"]] | None = None
    role: Open[Literal["assistant"]] | None = None
    content: Many[Part] | None = None
    phase: Open[Literal["commentary", "final_answer"]] | None = None


class FunctionCall(BaseItem):
    """The model calls a function. `arguments` is JSON text, empty until it is done."""

    type: Open[Literal["function_call"]] | None = None
    name: str | None = None
    call_id: str | None = None
    arguments: str | None = None


class FunctionCallOutput(BaseItem):
    """What a function returned, as we posted it."""

    type: Open[Literal["function_call_output"]] | None = None
    call_id: str | None = None
    output: str | None = None


class UnknownItem(BaseItem):
    """An item of a kind, or a message of a role, that this version does not know. Its fields are kept."""


TOOL_ITEMS = frozenset(
    (
        "function_call",
        "function_call_output",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
    )
)


_MESSAGE_TAGS = {role: f"<{role}>" for role in ("system", "user", "assistant")}
_TOOL_TAGS = {kind: f"<{kind}>" for kind in TOOL_ITEMS}


def _item_kind(value: object) -> str:
    kind = field_of(value, "type")
    if kind == "message":
        return _MESSAGE_TAGS.get(field_of(value, "role"), "<unknown>")
    return _TOOL_TAGS.get(kind, "<unknown>")


if TYPE_CHECKING:
    from .mcp_items import McpApprovalRequest as _McpApprovalRequest
    from .mcp_items import McpApprovalResponse as _McpApprovalResponse
    from .mcp_items import McpCall as _McpCall
    from .mcp_items import McpListTools as _McpListTools
else:
    _McpApprovalRequest = later("mcp_items", "McpApprovalRequest")
    _McpApprovalResponse = later("mcp_items", "McpApprovalResponse")
    _McpCall = later("mcp_items", "McpCall")
    _McpListTools = later("mcp_items", "McpListTools")

Item: TypeAlias = Annotated[
    Annotated[SystemMessage, Tag("<system>")]
    | Annotated[UserMessage, Tag("<user>")]
    | Annotated[AssistantMessage, Tag("<assistant>")]
    | Annotated[FunctionCall, Tag("<function_call>")]
    | Annotated[FunctionCallOutput, Tag("<function_call_output>")]
    | Annotated[_McpListTools, Tag("<mcp_list_tools>")]
    | Annotated[_McpCall, Tag("<mcp_call>")]
    | Annotated[_McpApprovalRequest, Tag("<mcp_approval_request>")]
    | Annotated[_McpApprovalResponse, Tag("<mcp_approval_response>")]
    | Annotated[UnknownItem, Tag("<unknown>")],
    tagged(_item_kind, looks_at=("type", "role")),
]


if TYPE_CHECKING:
    from .mcp_items import (
        McpApprovalRequest,
        McpApprovalResponse,
        McpCall,
        McpError,
        McpListTools,
        McpToolInfo,
    )
    from .new_items import (
        ItemReference,
        NewAssistantMessage,
        NewFunctionCall,
        NewFunctionCallOutput,
        NewInputAudio,
        NewInputImage,
        NewInputText,
        NewItem,
        NewMcpApprovalRequest,
        NewMcpApprovalResponse,
        NewMcpCall,
        NewMcpListTools,
        NewOutputText,
        NewSystemMessage,
        NewUserMessage,
        assistant,
        image,
        ref,
        system,
        user,
    )
else:
    _elsewhere = [name for name in __all__ if name not in globals()]
    __getattr__ = names_in(
        __name__,
        {
            "mcp_items": [name for name in _elsewhere if name.startswith("Mcp")],
            "new_items": [name for name in _elsewhere if not name.startswith("Mcp")],
        },
    )
