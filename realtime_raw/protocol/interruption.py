"""What an interruption does to each piece of audio: pure decisions.

For every audio part of a reply that the ear did not hear to its end there is
one right thing to tell the server: truncate it where the ear stopped, delete
it if nothing was heard, or leave it alone if all was (truncating would erase
its transcript: API reference).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from ..slim import slim
from ..types import Heard
from .responses import ResponseRecord

__all__ = ["InterruptedItem", "Interruption", "account", "plan"]

Action = Literal["truncate", "delete", "leave"]

_RATES = {"audio/pcm": (24000, 2), "audio/pcmu": (8000, 1), "audio/pcma": (8000, 1)}


@slim
class InterruptedItem:
    """One audio part at the moment it was cut.

    `heard_ms` is None where nobody reports playback. `command` is the event id
    of the truncate or delete that was sent for it.
    """

    item_id: str
    content_index: int
    heard_ms: int | None
    received_ms: int
    action: Action
    command: str | None = None


@slim
class Interruption:
    """What an interruption did. `cancel` is the event id of the `response.cancel`, if one was needed."""

    response_id: str | None
    cancel: str | None
    items: tuple[InterruptedItem, ...]
    by: Literal["interrupt", "speech"]

    @property
    def commands(self) -> tuple[str, ...]:
        """Event ids of everything that was sent, in order."""
        sent = (self.cancel, *(item.command for item in self.items))
        return tuple(event_id for event_id in sent if event_id is not None)


def plan(
    record: ResponseRecord | None,
    heard: Sequence[Heard] | None,
    *,
    generating: bool,
    in_conversation: Callable[[str], bool],
) -> tuple[InterruptedItem, ...]:
    """What to tell the server about each part, in playing order.

    `record` is the reply that is `generating` or last was; `heard` is the
    account of its parts (and of older ones still sounding), or None if nobody
    knows what was heard: then what has sound is left alone.
    """
    items = _unknown(record) if heard is None else [_cut(one, record, generating) for one in heard]
    if record is not None and generating and record.speaks:
        items.extend(_without_audio(record))
    return tuple(
        item if in_conversation(item.item_id) else dataclasses.replace(item, action="leave") for item in items
    )


def account(record: ResponseRecord, heard_ms: int) -> tuple[Heard, ...]:
    """What was heard of each part of a reply, where the caller played it and says how much."""
    heard = []
    for key, size in record.audio_bytes.items():
        rate, width = _RATES.get(record.encoding, _RATES["audio/pcm"])
        received = size // width
        frames = min(received, heard_ms * rate // 1000)
        heard.append(Heard(key, frames, received, rate))
        heard_ms -= frames * 1000 // rate
    return tuple(heard)


def _cut(heard: Heard, record: ResponseRecord | None, generating: bool) -> InterruptedItem:
    # A part that is still being generated has more sound on the server than
    # here, so it is cut even if all that came was heard.
    growing = generating and record is not None and heard.key in record.sounds.keys() - record.ended
    action: Action = "truncate"
    if heard.ms == 0:
        action = "delete"
    elif heard.complete and not growing:
        action = "leave"
    return InterruptedItem(heard.key.item_id, heard.key.content_index, heard.ms, heard.received_ms, action)


def _unknown(record: ResponseRecord | None) -> list[InterruptedItem]:
    if record is None:
        return []
    rate, width = _RATES.get(record.encoding, _RATES["audio/pcm"])
    return [
        InterruptedItem(key.item_id, key.content_index, None, size // width * 1000 // rate, "leave")
        for key, size in record.audio_bytes.items()
    ]


def _without_audio(record: ResponseRecord) -> Iterator[InterruptedItem]:
    # Messages whose sound had not begun: nothing of them was heard.
    sounding = {key.item_id for key in record.sounds}
    for item_id in record.item_ids:
        if item_id not in sounding:
            yield InterruptedItem(item_id, 0, 0, 0, "delete")
