"""`Sound`: an audio delta on its way through the core, whose two events are made only for who asks.

An audio delta is an event, and a signal behind it: `ResponseOutputAudioDelta`
and `AudioReceived`. They come ten times a second and mostly nobody listens.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..deltas import AudioDelta, Frames
from ..events.server import ResponseOutputAudioDelta
from ..types import AudioKey
from .signals import AudioReceived

__all__ = ["Sound", "Source"]


class Source:
    """Where sound comes from: the same for all deltas of a part.

    `item_id` is as the events name it. `key` is None for what came after an
    interruption, and then there is no signal. `frames` reads the messages, if
    they have the shape that servers write.
    """

    __slots__ = ("encoding", "frames", "item_id", "key", "response_id")

    def __init__(
        self,
        item_id: str | None,
        response_id: str = "",
        key: AudioKey | None = None,
        encoding: str = "",
        frames: Frames | None = None,
    ) -> None:
        self.item_id = item_id
        self.response_id = response_id
        self.key = key
        self.encoding = encoding
        self.frames = frames


class Sound:
    """One audio delta, decoded: `pcm`, in the `encoding` of its `source`."""

    __slots__ = ("_event", "_signal", "pcm", "source")

    def __init__(self, pcm: bytes, source: Source, event: bytes | AudioDelta) -> None:
        self.pcm = pcm
        self.source = source
        # What it is made of, until it is made.
        self._event: bytes | AudioDelta | ResponseOutputAudioDelta = event
        self._signal: AudioReceived | None = None

    def event(self) -> ResponseOutputAudioDelta:
        """The wire event; each time the same object."""
        event = self._event
        if isinstance(event, AudioDelta):
            event = self._event = event.event()
        elif isinstance(event, bytes):
            frames = self.source.frames
            assert frames is not None  # it has read them
            event = self._event = frames.audio_event(event)
        return event

    def signal(self) -> AudioReceived | None:
        """The signal that stands behind the event, if there is one; each time the same object."""
        source = self.source
        if self._signal is None and source.key is not None:
            self._signal = AudioReceived(
                response_id=source.response_id,
                item_id=source.key.item_id,
                content_index=source.key.content_index,
                pcm=self.pcm,
                encoding=source.encoding,
                cause=self.event(),
            )
        return self._signal

    def unfold(self) -> Iterator[ResponseOutputAudioDelta | AudioReceived]:
        """Both, in order."""
        yield self.event()
        signal = self.signal()
        if signal is not None:
            yield signal
