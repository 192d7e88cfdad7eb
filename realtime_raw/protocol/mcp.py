"""MCP as the server tells it: tools listed, approvals asked for, calls finished. Each once.

The server calls MCP tools itself; what is left to us is to approve, and to
ask for the reply afterwards, since the server does not go on by itself (API
reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import events as ev
from ..events.base import ServerEvent
from . import signals

__all__ = ["McpWatch"]

_MAX_REMEMBERED = 1024
_ITEMS = frozenset(("mcp_list_tools", "mcp_approval_request", "mcp_call"))
_Telling = ev.ConversationItemAdded | ev.ConversationItemDone | ev.ResponseOutputItemDone


class McpWatch:
    """Turns MCP events into signals."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], None] = {}
        self._listing: dict[str, str | None] = {}

    def apply(self, event: ServerEvent) -> Iterable[signals.Signal]:
        """Signals for what this event makes known for the first time."""
        if isinstance(event, (ev.ConversationItemAdded, ev.ConversationItemDone, ev.ResponseOutputItemDone)):
            return self._told(event) if event.item is not None and event.item.type in _ITEMS else ()
        if isinstance(event, ev.McpListToolsFailed):
            return self._listed(event.item_id, self._listing.get(event.item_id or ""), None, event)
        return ()

    def _told(self, event: _Telling) -> Iterator[signals.Signal]:
        item, final = event.item, not isinstance(event, ev.ConversationItemAdded)
        if isinstance(item, ev.McpListTools):
            self._listing[item.id or ""] = item.server_label
            if final and item.tools:
                names = tuple(tool.name or "" for tool in item.tools)
                yield from self._listed(item.id, item.server_label, names, event)
        elif isinstance(item, ev.McpApprovalRequest) and self._first("approval", item.id):
            yield signals.McpApprovalRequested(
                item_id=item.id or "",
                server_label=item.server_label,
                tool=item.name or "",
                arguments=item.arguments or "",
                cause=event,
            )
        elif isinstance(item, ev.McpCall) and final and self._first("call", item.id):
            response_id = event.response_id if isinstance(event, ev.ResponseOutputItemDone) else None
            yield _finished(item, response_id, event)

    def _listed(
        self, item_id: str | None, label: str | None, names: tuple[str, ...] | None, event: ServerEvent
    ) -> Iterator[signals.Signal]:
        if self._first("list", item_id):
            yield signals.McpToolsListed(
                item_id=item_id or "",
                server_label=label,
                tools=names or (),
                failed=names is None,
                cause=event,
            )

    def _first(self, kind: str, item_id: str | None) -> bool:
        key = (kind, item_id or "")
        if key in self._said:
            return False
        self._said[key] = None
        if len(self._said) > _MAX_REMEMBERED:
            del self._said[next(iter(self._said))]
        return True


def _finished(item: ev.McpCall, response_id: str | None, event: ServerEvent) -> signals.Signal:
    return signals.McpCallFinished(
        item_id=item.id or "",
        response_id=response_id,
        server_label=item.server_label,
        tool=item.name or "",
        output=item.output,
        error=item.error.message if item.error is not None else None,
        approval_request_id=item.approval_request_id,
        cause=event,
    )
