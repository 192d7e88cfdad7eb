"""Which items of the conversation an event is about.

For whoever has to look at an item again when something was said of it. Sound
itself is left out: it changes no word, and comes ten times a second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    return find(observed) if find is not None else ()


def tells_of_items(kind: type[Observed]) -> bool:
    """Whether an event of this class can name or carry an item."""
    return kind in _FIND


def _named(observed: _Named) -> tuple[str, ...]:
    item_id = observed.item_id
    return (item_id,) if item_id else ()


def _carried(observed: _Carried) -> tuple[str, ...]:
    item = observed.item
    return (item.id,) if item is not None and item.id else ()


def _listed(observed: ev.ResponseDone) -> tuple[str, ...]:
    output = observed.response.output if observed.response is not None else None
    return tuple([item.id for item in output or () if item.id])


_FIND: Mapping[type[Observed], Callable[[Any], tuple[str, ...]]] = {
    **dict.fromkeys(get_args(_Named), _named),
    **dict.fromkeys(get_args(_Carried), _carried),
    ev.ResponseDone: _listed,
}
