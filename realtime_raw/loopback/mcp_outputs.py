"""Output items of MCP: a call the server makes by itself, and a request to approve one first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .items import Item
from .outputs import Link, Output

__all__ = ["ApprovalOutput", "McpOutput"]


class McpOutput(Output):
    """A call of an MCP tool. Such items have no status on the wire (observed)."""

    has_status = False

    def __init__(self, link: Link, index: int, item: Item) -> None:
        super().__init__(link, index, item)
        self._arguments = ""
        self._told = False  # the arguments are whole
        self._calling = False

    def say(self, piece: str) -> None:
        """The next piece of the arguments' JSON."""
        self._arguments += piece
        self.item.wire["arguments"] = self._arguments
        self._link.out.emit_text(
            "response.mcp_call_arguments.delta",
            response_id=self._link.response_id,
            **self._where(),
            delta=piece,
        )

    def begin(self) -> None:
        """The arguments are whole, and the server is called. Its events name no response (documented)."""
        self._end_arguments()
        self._calling = True
        self._link.out.emit("response.mcp_call.in_progress", **self._where())

    def end(self, output: str, error: Mapping[str, Any] | None) -> None:
        """The server has answered, or failed."""
        self._calling = False
        if error is None:
            self.item.wire["output"] = output
        else:
            self.item.wire["error"] = dict(error)
        kind = "completed" if error is None else "failed"
        self._link.out.emit(f"response.mcp_call.{kind}", **self._where())

    def _end_arguments(self) -> None:
        if not self._told:
            self._told = True
            self._emit("response.mcp_call_arguments.done", **self._where(), arguments=self._arguments)

    def _close_content(self) -> None:
        self._end_arguments()
        if self._calling:  # cut short
            self.end("", {"type": "tool_execution_error", "message": "The response was cancelled."})


class ApprovalOutput(Output):
    """A call that waits for the client's approval; whole from the start."""

    has_status = False
