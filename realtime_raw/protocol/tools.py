"""Function calls of the model, each exactly once, and the batch they form.

Items, argument deltas and final objects all tell of the same call; they are
joined here by item and call id. Running functions and posting their results
is the shell's affair; calls to MCP tools run on the server and are not
collected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

import orjson

from .. import events as ev
from ..events.base import ServerEvent
from ..slim import slim

__all__ = ["MAX_OPEN", "MAX_REMEMBERED", "ToolBatch", "ToolCall", "ToolCallCollector"]

# Responses whose calls are being collected. Each ends with its `response.done`,
# so that more than a few at once means a server that never says so.
MAX_OPEN = 64
# Call ids, and ended responses, that are remembered to recognise repetitions.
MAX_REMEMBERED = 1024


@slim
class ToolCall:
    """One call of a function; `arguments` is JSON text as the model wrote it, valid or not."""

    response_id: str
    item_id: str
    call_id: str
    name: str
    arguments: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "response_id": self.response_id,
            "item_id": self.item_id,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": self.arguments,
        }


@slim
class ToolBatch:
    """All finished calls of one response, in the model's order, when it ended.

    Not `complete`: the response was cancelled, cut off or failed, or one of
    its calls never became answerable. Post an output for each call, then ask
    for one response.
    """

    response_id: str
    calls: tuple[ToolCall, ...]
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "response_id": self.response_id,
            "calls": [call.to_dict() for call in self.calls],
            "complete": self.complete,
        }


@slim(frozen=False)
class _Draft:
    """What is known of a call so far."""

    item_id: str
    position: tuple[int, int]
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    settled: bool = False
    repeated: bool = False
    call: ToolCall | None = None

    def learn(self, call_id: str | None, name: str | None, arguments: str | None) -> None:
        """Take over what is said and not empty: an empty string is a value not filled in yet."""
        self.call_id = call_id or self.call_id
        self.name = name or self.name
        if arguments or self.arguments is None:
            self.arguments = arguments

    def settle(self, status: str | None) -> None:
        """The arguments are said to be final; without a word that the item completed, they must be JSON."""
        if status == "completed" or (status != "incomplete" and _is_json(self.arguments)):
            self.settled = True


@slim(frozen=False)
class _Open:
    """The calls of a response that has not ended, by item id."""

    drafts: dict[str, _Draft] = field(default_factory=dict)

    def draft(self, item_id: str, index: int | None) -> _Draft:
        found = self.drafts.get(item_id)
        if found is None:
            arrival = len(self.drafts)
            place = index if index is not None else arrival
            found = self.drafts[item_id] = _Draft(item_id, (place, arrival))
        return found


class ToolCallCollector:
    """Joins what is said of function calls; says when one, and when all of a response, are final.

    `duplicates` counts repetitions of a call id that were ignored,
    `unanswerable` calls that ended without a call id or a name.
    """

    def __init__(self) -> None:
        self.duplicates = 0
        self.unanswerable = 0
        self._open: dict[str, _Open] = {}
        self._seen: dict[str, None] = {}
        self._ended: dict[str, None] = {}

    def apply(self, event: ServerEvent, now: float) -> tuple[ToolCall | ToolBatch, ...]:
        """Take an event in; returns the calls, and the batch, that became final by it.

        Arguments are final with the first of: `arguments.done` if they are
        JSON, the end of their item, the end of the response. A cancelled
        response ends its arguments and items too, with whatever was written
        by then (API reference): so text that is no JSON waits until its item,
        or the whole response, is said to be completed. `now` is not used.
        """
        handler = _HANDLERS.get(type(event))
        return tuple(handler(self, event)) if handler is not None else ()

    def clear(self) -> None:
        """Forget everything but the counters: a new session begins."""
        self._open.clear()
        self._seen.clear()
        self._ended.clear()

    def statistics(self) -> dict[str, int]:
        """Counters, and how much is held."""
        return {
            "duplicates": self.duplicates,
            "unanswerable": self.unanswerable,
            "open_responses": len(self._open),
            "remembered_calls": len(self._seen),
        }

    # Events

    def _item(self, event: ev.ResponseOutputItemAdded | ev.ResponseOutputItemDone) -> Iterable[ToolCall]:
        item = event.item
        if not isinstance(item, ev.FunctionCall):
            return ()
        draft = self._draft(event.response_id, item.id or item.call_id, event.output_index)
        if draft is None:
            return ()
        draft.learn(item.call_id, item.name, item.arguments)
        if isinstance(event, ev.ResponseOutputItemDone):
            draft.settle(item.status)
        return self._finish(event.response_id, draft)

    def _delta(self, event: ev.ResponseFunctionCallArgumentsDelta) -> Iterator[ToolCall]:
        # The deltas themselves need no keeping: whatever ends a call repeats its arguments whole.
        draft = self._draft(event.response_id, event.item_id or event.call_id, event.output_index)
        if draft is not None:
            draft.learn(event.call_id, None, None)
        yield from ()

    def _arguments(self, event: ev.ResponseFunctionCallArgumentsDone) -> Iterator[ToolCall]:
        draft = self._draft(event.response_id, event.item_id or event.call_id, event.output_index)
        if draft is None:
            return
        draft.learn(event.call_id, event.name, event.arguments)
        draft.settle(None)
        yield from self._finish(event.response_id, draft)

    def _done(self, event: ev.ResponseDone) -> Iterable[ToolCall | ToolBatch]:
        response = event.response
        if response is None:
            return ()
        # Without an id: the response that was heard of last.
        response_id = response.id if response.id is not None else next(reversed(self._open), "")
        completed = response.status in (None, "completed")
        for index, item in enumerate(response.output or ()):
            if isinstance(item, ev.FunctionCall):
                draft = self._draft(response_id, item.id or item.call_id, index)
                if draft is not None:
                    draft.learn(item.call_id, item.name, item.arguments)
                    draft.settle(item.status)
        opened = self._open.pop(response_id, None)
        if response_id:
            _remember(self._ended, response_id)
        return () if opened is None else self._end(response_id, opened, completed=completed)

    def _end(self, response_id: str, opened: _Open, *, completed: bool) -> Iterator[ToolCall | ToolBatch]:
        for draft in opened.drafts.values():
            # Whatever a completed response holds is final, though nobody said so.
            draft.settled = draft.settled or completed
            yield from self._finish(response_id, draft)
        yield from self._batch(response_id, opened, completed=completed)

    # Calls

    def _draft(self, response_id: str | None, item_id: str | None, index: int | None) -> _Draft | None:
        response_id = response_id or ""
        if not item_id or response_id in self._ended:
            return None
        opened = self._open.get(response_id)
        if opened is None:
            opened = self._open[response_id] = _Open()
            if len(self._open) > MAX_OPEN:
                del self._open[next(iter(self._open))]
        return opened.draft(item_id, index)

    def _finish(self, response_id: str | None, draft: _Draft) -> Iterator[ToolCall]:
        if not draft.settled or draft.call is not None or not draft.call_id or not draft.name:
            return
        if draft.call_id in self._seen:
            self.duplicates += not draft.repeated
            draft.repeated = True
            return
        _remember(self._seen, draft.call_id)
        draft.call = ToolCall(
            response_id or "", draft.item_id, draft.call_id, draft.name, draft.arguments or ""
        )
        yield draft.call

    def _batch(self, response_id: str, opened: _Open, *, completed: bool) -> Iterator[ToolBatch]:
        drafts = [draft for draft in opened.drafts.values() if not draft.repeated]
        drafts.sort(key=lambda draft: draft.position)
        calls = tuple(draft.call for draft in drafts if draft.call is not None)
        unfinished = len(drafts) - len(calls)
        if completed:
            self.unanswerable += unfinished
        if drafts:
            yield ToolBatch(response_id, calls, completed and not unfinished)


def _remember(known: dict[str, None], key: str) -> None:
    known[key] = None
    if len(known) > MAX_REMEMBERED:
        del known[next(iter(known))]


def _is_json(text: str | None) -> bool:
    try:
        orjson.loads(text or "")
    except ValueError:
        return False
    return True


_HANDLERS: Mapping[type[ServerEvent], Callable[[ToolCallCollector, Any], Iterable[ToolCall | ToolBatch]]] = {
    ev.ResponseOutputItemAdded: ToolCallCollector._item,
    ev.ResponseOutputItemDone: ToolCallCollector._item,
    ev.ResponseFunctionCallArgumentsDelta: ToolCallCollector._delta,
    ev.ResponseFunctionCallArgumentsDone: ToolCallCollector._arguments,
    ev.ResponseDone: ToolCallCollector._done,
}
