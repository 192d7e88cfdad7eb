"""`Sound`: an audio delta on its way through the core, whose two events are made only for who asks.

An audio delta is an event, and a signal behind it: `ResponseOutputAudioDelta`
and `AudioReceived`. They come ten times a second and mostly nobody listens.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..deltas import AudioDelta
from ..events.server import ResponseOutputAudioDelta
from ..types import AudioKey
from .signals import AudioReceived

__all__ = ["Sound"]


class Sound:
    """One audio delta, decoded, and what the core made of it.

    `key` and `encoding` are set if it was received as sound: they are None for
    what came after an interruption, and then there is no signal.
    """

    __slots__ = ("_signal", "delta", "encoding", "key", "response_id")

    def __init__(
        self, delta: AudioDelta, response_id: str = "", key: AudioKey | None = None, encoding: str = ""
    ) -> None:
        self.delta = delta
        self.response_id = response_id
        self.key = key
        self.encoding = encoding
        self._signal: AudioReceived | None = None

    @property
    def item_id(self) -> str | None:
        """The item as the event names it."""
        return self.delta.item_id

    def event(self) -> ResponseOutputAudioDelta:
        """The wire event; each time the same object."""
        return self.delta.event()

    def signal(self) -> AudioReceived | None:
        """The signal that stands behind the event, if there is one; each time the same object."""
        if self._signal is None and self.key is not None:
            self._signal = AudioReceived(
                response_id=self.response_id,
                item_id=self.key.item_id,
                content_index=self.key.content_index,
                pcm=self.delta.pcm,
                encoding=self.encoding,
                cause=self.delta.event(),
            )
        return self._signal

    def unfold(self) -> Iterator[ResponseOutputAudioDelta | AudioReceived]:
        """Both, in order."""
        yield self.delta.event()
        signal = self.signal()
        if signal is not None:
            yield signal
