"""Conversation items of MCP, as a server sends them: tools it lists, approvals it asks for, calls it makes.

They are loaded when the first one comes, and can be had from `items` as well.
"""

from typing import Any, Literal

from .base import Inbound
from .declare import Many, Open
from .items import BaseItem

__all__ = [
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpError",
    "McpListTools",
    "McpToolInfo",
]


class McpToolInfo(Inbound):
    """A tool that an MCP server offers."""

    name: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None


class McpListTools(BaseItem):
    """The tools of an MCP server, imported."""

    type: Open[Literal["mcp_list_tools"]] | None = None
    server_label: str | None = None
    tools: Many[McpToolInfo] | None = None


class McpError(Inbound):
    """Why an MCP call failed. `code` is there for protocol and HTTP errors."""

    type: Open[Literal["protocol_error", "tool_execution_error", "http_error"]] | None = None
    code: int | None = None
    message: str | None = None


class McpCall(BaseItem):
    """A tool call that the server made itself, with its result or its error."""

    type: Open[Literal["mcp_call"]] | None = None
    server_label: str | None = None
    name: str | None = None
    arguments: str | None = None
    approval_request_id: str | None = None
    output: str | None = None
    error: McpError | None = None


class McpApprovalRequest(BaseItem):
    """The server asks whether it may call this tool; answer with `NewMcpApprovalResponse`."""

    type: Open[Literal["mcp_approval_request"]] | None = None
    server_label: str | None = None
    name: str | None = None
    arguments: str | None = None


class McpApprovalResponse(BaseItem):
    """Our answer to an approval request, as posted."""

    type: Open[Literal["mcp_approval_response"]] | None = None
    approval_request_id: str | None = None
    approve: bool | None = None
    reason: str | None = None
