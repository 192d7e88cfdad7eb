"""Conversation items and content parts that we create: strict, `New...`.

With five short helpers for the everyday ones. What a server sends is in
`items`, from where these can be had as well.
"""

import base64
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Tag

from ..errors import InvalidCommand, Problem
from ..types import UNSET, Unset
from .base import Outbound
from .checks import Base64Audio, ClientId, ImageUri
from .declare import Opt, by, only
from .items import TOOL_ITEMS, ItemStatus
from .refusal import kind_of

__all__ = [
    "InputItem",
    "ItemReference",
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
    "assistant",
    "image",
    "ref",
    "system",
    "user",
]

# ---- parts we send --------------------------------------------------------


class NewInputText(Outbound):
    """Text for a user or system message."""

    type: Literal["input_text"] = "input_text"
    text: str


class NewInputAudio(Outbound):
    """Audio for a user message: base64 of the session's input format.

    `transcript` is kept with the item for reference; the model does not read it.
    """

    type: Literal["input_audio"] = "input_audio"
    audio: Base64Audio
    transcript: Opt[str] = UNSET


class NewInputImage(Outbound):
    """An image for a user message: a PNG or JPEG as a data URI (see `image`)."""

    type: Literal["input_image"] = "input_image"
    image_url: ImageUri
    detail: Opt[Literal["auto", "low", "high"]] = UNSET


class NewOutputText(Outbound):
    """Text for an assistant message. Assistant audio cannot be created by a client."""

    type: Literal["output_text"] = "output_text"
    text: str


NewUserPart: TypeAlias = Annotated[
    Annotated[NewInputText, Tag("<input_text>")]
    | Annotated[NewInputAudio, Tag("<input_audio>")]
    | Annotated[NewInputImage, Tag("<input_image>")],
    by("type", "input_text", "input_audio", "input_image"),
]
NewSystemPart: TypeAlias = Annotated[NewInputText, only("type", "input_text")]
NewAssistantPart: TypeAlias = Annotated[NewOutputText, only("type", "output_text")]


# ---- items we send --------------------------------------------------------


class _NewItem(Outbound):
    """What all items that we create share. The server ignores `status` on the way in.

    `object` is legal and useless: GA servers do not send it back.
    """

    id: Opt[ClientId] = UNSET
    object: Opt[Literal["realtime.item"]] = UNSET
    status: Opt[ItemStatus] = UNSET


class NewSystemMessage(_NewItem):
    """A system message. Only text."""

    type: Literal["message"] = "message"
    role: Literal["system"] = "system"
    content: list[NewSystemPart]


class NewUserMessage(_NewItem):
    """A user message: text, audio and images, mixed at will."""

    type: Literal["message"] = "message"
    role: Literal["user"] = "user"
    content: list[NewUserPart]


class NewAssistantMessage(_NewItem):
    """An assistant message. Only text: the API takes no assistant audio from a client."""

    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    content: list[NewAssistantPart]


class NewFunctionCall(_NewItem):
    """A function call put into the history. `arguments` is JSON text."""

    type: Literal["function_call"] = "function_call"
    name: str
    arguments: str
    call_id: Opt[ClientId] = UNSET


class NewFunctionCallOutput(_NewItem):
    """The result of a function call; `output` is opaque text, JSON by convention.

    `call_id` repeats the server's, so its length is the server's affair. Ask
    for a response afterwards: the server does not go on by itself.
    """

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str


class NewMcpTool(Outbound):
    """A tool of an MCP server, for `NewMcpListTools`."""

    name: str
    input_schema: Any
    description: Opt[str | None] = UNSET
    annotations: Opt[Any] = UNSET


class NewMcpListTools(Outbound):
    """An imported list of MCP tools, put into the history."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    server_label: str
    tools: list[NewMcpTool]
    id: Opt[ClientId] = UNSET


class NewMcpProtocolError(Outbound):
    """An MCP call failed in the MCP protocol."""

    type: Literal["protocol_error"] = "protocol_error"
    code: int
    message: str


class NewMcpToolExecutionError(Outbound):
    """An MCP call failed inside the tool."""

    type: Literal["tool_execution_error"] = "tool_execution_error"
    message: str


class NewMcpHttpError(Outbound):
    """An MCP call failed in HTTP."""

    type: Literal["http_error"] = "http_error"
    code: int
    message: str


NewMcpError: TypeAlias = Annotated[
    Annotated[NewMcpProtocolError, Tag("<protocol_error>")]
    | Annotated[NewMcpToolExecutionError, Tag("<tool_execution_error>")]
    | Annotated[NewMcpHttpError, Tag("<http_error>")],
    by("type", "protocol_error", "tool_execution_error", "http_error"),
]


class NewMcpCall(Outbound):
    """An MCP call put into the history."""

    type: Literal["mcp_call"] = "mcp_call"
    id: ClientId
    server_label: str
    name: str
    arguments: str
    approval_request_id: Opt[str | None] = UNSET
    output: Opt[str | None] = UNSET
    error: Opt[NewMcpError | None] = UNSET


class NewMcpApprovalRequest(Outbound):
    """An approval request put into the history."""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    id: ClientId
    server_label: str
    name: str
    arguments: str


class NewMcpApprovalResponse(Outbound):
    """The answer to an approval request of the server. `id` is yours to choose."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    id: ClientId
    approval_request_id: str
    approve: bool
    reason: Opt[str | None] = UNSET


class ItemReference(Outbound):
    """An item of this session, by its id. Legal in the `input` of `response.create` only."""

    type: Literal["item_reference"] = "item_reference"
    id: str


NewMessage: TypeAlias = Annotated[
    Annotated[NewSystemMessage, Tag("<system>")]
    | Annotated[NewUserMessage, Tag("<user>")]
    | Annotated[NewAssistantMessage, Tag("<assistant>")],
    by("role", "system", "user", "assistant"),
]

NewItem: TypeAlias = Annotated[
    Annotated[NewMessage, Tag("<message>")]
    | Annotated[NewFunctionCall, Tag("<function_call>")]
    | Annotated[NewFunctionCallOutput, Tag("<function_call_output>")]
    | Annotated[NewMcpListTools, Tag("<mcp_list_tools>")]
    | Annotated[NewMcpCall, Tag("<mcp_call>")]
    | Annotated[NewMcpApprovalRequest, Tag("<mcp_approval_request>")]
    | Annotated[NewMcpApprovalResponse, Tag("<mcp_approval_response>")],
    by("type", "message", *sorted(TOOL_ITEMS)),
]

# What `response.create` may take as input: new items, and references to those of the session.
InputItem: TypeAlias = Annotated[
    Annotated[NewMessage, Tag("<message>")]
    | Annotated[NewFunctionCall, Tag("<function_call>")]
    | Annotated[NewFunctionCallOutput, Tag("<function_call_output>")]
    | Annotated[NewMcpListTools, Tag("<mcp_list_tools>")]
    | Annotated[NewMcpCall, Tag("<mcp_call>")]
    | Annotated[NewMcpApprovalRequest, Tag("<mcp_approval_request>")]
    | Annotated[NewMcpApprovalResponse, Tag("<mcp_approval_response>")]
    | Annotated[ItemReference, Tag("<item_reference>")],
    by("type", "message", *sorted(TOOL_ITEMS), "item_reference"),
]


# ---- helpers --------------------------------------------------------------


def ref(item_id: str) -> ItemReference:
    """A reference to an item of this session, for the `input` of `response.create`."""
    return ItemReference(id=item_id)


def user(text: str) -> NewUserMessage:
    """A user message of one text."""
    return NewUserMessage(content=[NewInputText(text=text)])


def system(text: str) -> NewSystemMessage:
    """A system message of one text."""
    return NewSystemMessage(content=[NewInputText(text=text)])


def assistant(text: str) -> NewAssistantMessage:
    """An assistant message of one text."""
    return NewAssistantMessage(content=[NewOutputText(text=text)])


_IMAGE_KINDS = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"))


def image(data: bytes | str, *, detail: Literal["auto", "low", "high"] | Unset = UNSET) -> NewInputImage:
    """An image part from the bytes of a PNG or JPEG file, or from a data URI.

    Raises `InvalidCommand` if it is neither. `detail` "auto" is about "high".
    """
    if isinstance(data, str):
        return NewInputImage(image_url=data, detail=detail)
    for magic, kind in _IMAGE_KINDS:
        if data.startswith(magic):
            text = base64.b64encode(data).decode("ascii")
            return NewInputImage(image_url=f"data:image/{kind};base64,{text}", detail=detail)
    problem = Problem("image_url", "the bytes are neither a PNG nor a JPEG file", kind_of(data))
    raise InvalidCommand("NewInputImage", (problem,))
