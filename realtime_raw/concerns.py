"""Which items of the conversation an event is about.

For whoever has to look at an item again when something was said of it. Sound
itself is left out: it changes no word, and comes ten times a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from . import events as ev
from .protocol import signals as sg
from .protocol.state import Observed

__all__ = ["items_of", "tells_of_items"]

_Named = (
    ev.ConversationItemDeleted
    | ev.ConversationItemTruncated
    | ev.ConversationItemInputAudioTranscriptionDelta
    | ev.ConversationItemInputAudioTranscriptionSegment
    | ev.ConversationItemInputAudioTranscriptionCompleted
    | ev.ConversationItemInputAudioTranscriptionFailed
    | ev.InputAudioBufferCommitted
    | ev.ResponseContentPartDone
    | ev.ResponseOutputTextDelta
    | ev.ResponseOutputTextDone
    | ev.ResponseOutputAudioTranscriptDelta
    | ev.ResponseOutputAudioTranscriptDone
    | ev.ResponseFunctionCallArgumentsDone
    | ev.ResponseMcpCallArgumentsDone
    | ev.ResponseMcpCallInProgress
    | ev.ResponseMcpCallCompleted
    | ev.ResponseMcpCallFailed
    | ev.McpListToolsInProgress
    | ev.McpListToolsCompleted
    | ev.McpListToolsFailed
    | sg.PlaybackStarted
    | sg.PlaybackFinished
    | sg.BargeIn
)
_Carried = (
    ev.ConversationItemAdded
    | ev.ConversationItemCreated
    | ev.ConversationItemDone
    | ev.ConversationItemRetrieved
    | ev.ResponseOutputItemAdded
    | ev.ResponseOutputItemDone
)


def items_of(observed: Observed) -> tuple[str, ...]:
    """Ids of the items that an event names or carries; none if it is about no item."""
    find = _FIND.get(type(observed))
    return tuple(item_id for item_id in find(observed) if item_id) if find is not None else ()


def tells_of_items(kind: type[Observed]) -> bool:
    """Whether an event of this class can name or carry an item."""
    return kind in _FIND


def _named(observed: _Named) -> Iterable[str | None]:
    return (observed.item_id,)


def _carried(observed: _Carried) -> Iterable[str | None]:
    return () if observed.item is None else (observed.item.id,)


def _listed(observed: ev.ResponseDone) -> Iterable[str | None]:
    output = observed.response.output if observed.response is not None else None
    return (item.id for item in output or ())


_FIND: Mapping[type[Observed], Callable[[Any], Iterable[str | None]]] = {
    **dict.fromkeys(get_args(_Named), _named),
    **dict.fromkeys(get_args(_Carried), _carried),
    ev.ResponseDone: _listed,
}
