"""Server events that few sessions see: MCP, calls by telephone and WebRTC, items retrieved, silence that
timed out, and what only older servers send.

They are loaded when the first one comes, and can be had from `server` as well.
"""

from typing import Literal

from .base import Inbound, ServerEvent
from .declare import Number, Open
from .items import Item
from .server import OfItem

__all__ = [
    "Conversation",
    "ConversationCreated",
    "ConversationItemCreated",
    "ConversationItemRetrieved",
    "InputAudioBufferDtmfEventReceived",
    "InputAudioBufferTimeoutTriggered",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "OutputAudioBufferCleared",
    "OutputAudioBufferStarted",
    "OutputAudioBufferStopped",
    "ResponseMcpCallArgumentsDelta",
    "ResponseMcpCallArgumentsDone",
    "ResponseMcpCallCompleted",
    "ResponseMcpCallFailed",
    "ResponseMcpCallInProgress",
]


class Conversation(Inbound):
    """A conversation, by its id."""

    id: str | None = None
    object: Open[Literal["realtime.conversation"]] | None = None


class ConversationCreated(ServerEvent):
    """Not sent by GA servers (observed); compatible servers do."""

    type: Literal["conversation.created"] = "conversation.created"
    conversation: Conversation | None = None


class ConversationItemCreated(ServerEvent):
    """The older name of added and done together. Not sent by GA servers (observed)."""

    type: Literal["conversation.item.created"] = "conversation.item.created"
    previous_item_id: str | None = None
    item: Item | None = None


class ConversationItemRetrieved(ServerEvent):
    """An item with its audio, as asked for."""

    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"
    item: Item | None = None


class InputAudioBufferTimeoutTriggered(ServerEvent):
    """Nobody spoke for `idle_timeout_ms`: the silence is committed and a response follows."""

    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    audio_start_ms: Number | None = None
    audio_end_ms: Number | None = None
    item_id: str | None = None


class InputAudioBufferDtmfEventReceived(ServerEvent):
    """A key was pressed (SIP only). `event` is the key, `received_at` in Unix seconds; has no `event_id`."""

    type: Literal["input_audio_buffer.dtmf_event_received"] = "input_audio_buffer.dtmf_event_received"
    event: str | None = None
    received_at: Number | None = None


class OutputAudioBufferStarted(ServerEvent):
    """The call begins to hear a response."""

    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"
    response_id: str | None = None


class OutputAudioBufferStopped(ServerEvent):
    """The call has heard a response to its end."""

    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    response_id: str | None = None


class OutputAudioBufferCleared(ServerEvent):
    """A response was cut off in the call."""

    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    response_id: str | None = None


class ResponseMcpCallArgumentsDelta(OfItem):
    """A piece of the arguments of a call the server makes itself."""

    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    delta: str | None = None
    obfuscation: str | None = None


class ResponseMcpCallArgumentsDone(OfItem):
    """The whole arguments of a call the server makes itself."""

    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    arguments: str | None = None


class ResponseMcpCallInProgress(ServerEvent):
    """The server calls an MCP tool. Carries no response id."""

    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"
    output_index: int | None = None
    item_id: str | None = None


class ResponseMcpCallCompleted(ServerEvent):
    """An MCP tool answered."""

    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"
    output_index: int | None = None
    item_id: str | None = None


class ResponseMcpCallFailed(ServerEvent):
    """An MCP tool call failed; the item says why."""

    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"
    output_index: int | None = None
    item_id: str | None = None


class McpListToolsInProgress(ServerEvent):
    """The server asks an MCP server for its tools."""

    type: Literal["mcp_list_tools.in_progress"] = "mcp_list_tools.in_progress"
    item_id: str | None = None


class McpListToolsCompleted(ServerEvent):
    """The tools of an MCP server can be called now."""

    type: Literal["mcp_list_tools.completed"] = "mcp_list_tools.completed"
    item_id: str | None = None


class McpListToolsFailed(ServerEvent):
    """An MCP server did not list its tools."""

    type: Literal["mcp_list_tools.failed"] = "mcp_list_tools.failed"
    item_id: str | None = None
