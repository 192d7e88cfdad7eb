"""Sound on its way to whatever plays it, and when that is looked at.

A playhead tells nothing by itself: it is asked. Where something may be told
every 20 ms, where nothing can be as seldom as it may be; and at once where a
part begins or ends, which needs no timer.
"""

from __future__ import annotations

import math
from typing import Final

from ..errors import RealtimeError
from ..types import AudioKey, Playhead
from . import signals
from .responses import ResponseRecord
from .state import State
from .turns import Fact

__all__ = ["UNPLAYABLE", "Trouble", "look", "play"]

UNPLAYABLE: Final = "not_played"

# Why sound is not played: the rule, and its detail.
Trouble = tuple[str, str]

# How often playback is looked at while something sounds. Audio chunks need
# this rhythm anyway, and a device block is shorter.
_POLL_S: Final = 0.02
# How long at most it is left alone where it says that nothing will happen:
# hundreds of sessions must not ask fifty times a second each.
_LONGEST_POLL_S: Final = 1.0
_TOGETHER_S: Final = 0.125


def play(playhead: Playhead, record: ResponseRecord, key: AudioKey, pcm: bytes, now: float) -> Trouble | None:
    """Play a piece of a response's sound, which was counted already; returns why it could not be."""
    encoding = record.encoding
    try:
        accepted = playhead.feed(key, pcm, encoding, now)
    except RealtimeError as exc:  # a format the player cannot take
        return UNPLAYABLE, str(exc)
    if accepted < (len(pcm) >> 1 if encoding == "audio/pcm" else len(pcm)):
        return "ring_full", "the playback ring is full and nobody empties it"
    return None


def look(state: State, now: float) -> None:
    """Tell of the marks that were passed, and set the time of the next look."""
    playhead = state.playhead
    state.poll_at = None
    if playhead is None:
        return
    for mark in playhead.poll(now):
        if mark.kind == "finished":
            state.conversation.mark_heard(mark.key)
        kind = signals.PlaybackStarted if mark.kind == "started" else signals.PlaybackFinished
        state.emit(kind(item_id=mark.key.item_id, content_index=mark.key.content_index))
    if not playhead.playing:
        state.turns.apply(Fact.DRAINED)
        return
    rest = playhead.rest(now)
    if rest == math.inf:  # until `playback_resumed`, or more comes
        state.poll_at = rest
        return
    rest = min(max(_POLL_S, rest), _LONGEST_POLL_S)
    # Sessions at rest are looked at together: their loop then wakes once for many.
    early = (now + rest) % _TOGETHER_S if rest > 2 * _TOGETHER_S else 0.0
    state.poll_at = now + rest - early
