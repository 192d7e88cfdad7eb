"""Which items of the conversation an event is about.

For whoever has to look at an item again when something was said of it. Sound
itself is left out: it changes no word, and comes ten times a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import events as ev
from .events.later import ByKind
from .protocol import signals as sg
from .protocol.state import Observed

__all__ = ["items_of", "tells_of_items"]


def items_of(observed: Observed) -> tuple[str, ...]:
    """Ids of the items that an event names or carries; none if it is about no item."""
    find = _FIND[type(observed)]
    return find(observed) if find is not None else ()


def tells_of_items(kind: type[Observed]) -> bool:
    """Whether an event of this class can name or carry an item."""
    return kind in _FIND


def _named(observed: Any) -> tuple[str, ...]:
    item_id: str | None = observed.item_id
    return (item_id,) if item_id else ()


def _carried(observed: Any) -> tuple[str, ...]:
    item: ev.Item | None = observed.item
    return (item.id,) if item is not None and item.id else ()


def _listed(observed: ev.ResponseDone) -> tuple[str, ...]:
    output = observed.response.output if observed.response is not None else None
    return tuple([item.id for item in output or () if item.id])


_FIND: ByKind[Callable[[Any], tuple[str, ...]]] = ByKind(
    {
        ev.ConversationItemDeleted: _named,
        ev.ConversationItemTruncated: _named,
        "conversation.item.input_audio_transcription.delta": _named,
        "conversation.item.input_audio_transcription.segment": _named,
        "conversation.item.input_audio_transcription.completed": _named,
        "conversation.item.input_audio_transcription.failed": _named,
        ev.InputAudioBufferCommitted: _named,
        ev.ResponseContentPartDone: _named,
        ev.ResponseOutputTextDelta: _named,
        ev.ResponseOutputTextDone: _named,
        ev.ResponseOutputAudioTranscriptDelta: _named,
        ev.ResponseOutputAudioTranscriptDone: _named,
        ev.ResponseFunctionCallArgumentsDone: _named,
        "response.mcp_call_arguments.done": _named,
        "response.mcp_call.in_progress": _named,
        "response.mcp_call.completed": _named,
        "response.mcp_call.failed": _named,
        "mcp_list_tools.in_progress": _named,
        "mcp_list_tools.completed": _named,
        "mcp_list_tools.failed": _named,
        sg.PlaybackStarted: _named,
        sg.PlaybackFinished: _named,
        sg.BargeIn: _named,
        ev.ConversationItemAdded: _carried,
        "conversation.item.created": _carried,
        ev.ConversationItemDone: _carried,
        "conversation.item.retrieved": _carried,
        ev.ResponseOutputItemAdded: _carried,
        ev.ResponseOutputItemDone: _carried,
        ev.ResponseDone: _listed,
    }
)
