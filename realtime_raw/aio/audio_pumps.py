"""Sound between devices and a session: a source's frames are appended, a sink pulls from the player.

The source is polled, and the sink polls; no callback of a device ever waits
for the network. What a device is, `devices` knows; what is heard, the player.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from ..audio.g711 import G711_RATE
from ..audio.pcm import WIRE_RATE, Samples
from ..audio.resample import Resampler
from ..errors import SessionLost

if TYPE_CHECKING:
    from ..devices.base import AudioSink, AudioSource

__all__ = ["Attachment", "SourcePump"]

# Chunks on the wire need this rhythm anyway, and devices deliver no faster.
_POLL_S: Final = 0.02


class SourcePump:
    """Appends what a source gives, resampled if its rate is not that of the wire format `encoding`.

    Where the line is slow, `append` waits, and the source holds or drops what
    comes meanwhile, as is its way. Raises `MissingExtra` if it must resample
    and cannot.
    """

    def __init__(
        self, source: AudioSource, append: Callable[[Samples], Awaitable[None]], encoding: str
    ) -> None:
        rate = WIRE_RATE if encoding == "audio/pcm" else G711_RATE
        self._source = source
        self._append = append
        self._resampler = Resampler(source.rate, rate) if source.rate != rate else None

    async def run(self) -> None:
        """Until the source is exhausted or the line ends. Raises what the source raises, and `AudioError`."""
        try:
            while not self._source.exhausted:
                frames = self._source.read_available()
                if len(frames):
                    await self._append(self._resampler.process(frames) if self._resampler else frames)
                else:
                    await asyncio.sleep(_POLL_S)
            if self._resampler is not None:
                await self._append(self._resampler.flush())
        except SessionLost:
            pass  # whoever waits for an answer is told


class Attachment:
    """A source and a sink at work on a connection. Made by `conn.attach`; ends with the connection.

    The devices stay yours: close the source yourself, after this.
    """

    def __init__(
        self,
        pump: SourcePump | None,
        sink: AudioSink | None,
        *,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._failed = failed
        self._sink = sink
        self._error: Exception | None = None
        self._pumping = spawn(self._pump(pump)) if pump is not None else None

    async def source_done(self) -> None:
        """Wait until all of the source was appended; a microphone never is. Then `commit()`.

        Raises what the source raised. Cancelling it stops nothing.
        """
        if self._pumping is not None:
            await asyncio.wait({self._pumping})
        if self._error is not None:
            raise self._error

    async def detach(self) -> None:
        """Stop pumping and stop the sink; what was queued is not played. Idempotent.

        Raises `AudioError` for what went wrong on the sink's thread.
        """
        if self._pumping is not None:
            self._pumping.cancel()
        sink, self._sink = self._sink, None
        if sink is not None:
            # In a thread: stopping joins the device's own, which may be in the middle of a block.
            await asyncio.to_thread(sink.stop)

    async def _pump(self, pump: SourcePump) -> None:
        try:
            await pump.run()
        except Exception as exc:
            self._error = exc
            self._failed("audio source", exc)
