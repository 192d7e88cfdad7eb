"""One reply of the model: its sound, its words and its end, each as often as you like.

A `Reply` collects while somebody holds it; the connection does not. What the
pieces mean was decided in the core.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, get_args

from .. import events as ev
from ..dispatch import Event
from ..errors import ResponseFailed, SessionLost
from ..protocol.signals import AudioReceived, ResponseFinished
from ..types import AudioKey, ErrorInfo
from .bell import Bell

if TYPE_CHECKING:
    from ..audio.pcm import Samples
    from ..events import Response
    from ..protocol.responses import ResponseRecord

__all__ = ["PIECES", "Reply"]

_Words = ev.ResponseOutputTextDelta | ev.ResponseOutputAudioTranscriptDelta
_Whole = ev.ResponseOutputTextDone | ev.ResponseOutputAudioTranscriptDone


PIECES: Final = frozenset((AudioReceived, ResponseFinished, *get_args(_Words), *get_args(_Whole)))
"""The events that are pieces of a reply; those of words may leave out of which."""


class Reply:
    """A response the server has created. `audio()`, `text()` and `done()` may be used together, and again.

    What was received is kept while this object lives, and no longer.
    """

    def __init__(self, record: ResponseRecord) -> None:
        self._record = record
        self._sound: list[tuple[bytes, str]] = []
        self._words: list[str] = []
        self._so_far: dict[AudioKey, str] = {}
        self._carry: dict[AudioKey, bytes] = {}
        self._bell = Bell()
        self._lost: Callable[[], SessionLost] | None = None

    def __repr__(self) -> str:
        return f"<Reply {self.id} {self._record.status}>"

    @property
    def id(self) -> str:
        """The response's id."""
        return self._record.id

    @property
    def record(self) -> ResponseRecord:
        """What the core knows of it: status, origin, time marks, items. Live."""
        return self._record

    async def audio(self) -> AsyncIterator[Samples]:
        """The sound as it comes: mono int16 arrays, shape `(frames,)`, read-only, from the beginning.

        24 kHz, or 8 kHz (decoded) if the session's output format is G.711. It
        ends with the response, also when that was cancelled or failed: `done()`
        tells. After an interruption nothing more comes. Raises `SessionLost` if
        the line ends first, unless we closed it. Cancelling it loses nothing.
        """
        i = 0
        while True:
            while i < len(self._sound):
                yield _samples(*self._sound[i])
                i += 1
            if self._over():
                return
            await self._bell.wait()

    async def text(self) -> AsyncIterator[str]:
        """The words as they come, text or transcript, from the beginning; joined they are the whole.

        They usually run ahead of the sound. Ends and raises as `audio()`.
        """
        i = 0
        while True:
            while i < len(self._words):
                yield self._words[i]
                i += 1
            if self._over():
                return
            await self._bell.wait()

    async def done(self) -> Response:
        """The final response, once generation has ended (its sound may still be playing).

        `status` is completed, cancelled or incomplete, with the reason in
        `status_details`. Raises `ResponseFailed` for status failed, and
        `SessionLost` if the line ends first. Cancelling it has no effect on
        the response: see `conn.cancel()`.
        """
        while not self._record.finished:
            if self._lost is not None:
                raise self._lost()
            await self._bell.wait()
        response = self._record.response
        assert response is not None
        if response.status == "failed":
            error = self._record.error or ErrorInfo("the server gave no reason")
            raise ResponseFailed(response, error)
        return response

    def take(self, event: Event) -> None:
        """A piece of this response has come."""
        if isinstance(event, AudioReceived):
            self.take_sound(AudioKey(event.item_id, event.content_index), event.pcm, event.encoding)
        elif isinstance(event, _Words):
            self._take_words(_key(event), event.delta or "")
        elif isinstance(event, ev.ResponseOutputTextDone):
            self._take_whole(_key(event), event.text)
        elif isinstance(event, ev.ResponseOutputAudioTranscriptDone):
            self._take_whole(_key(event), event.transcript)
        self._bell.ring()

    def finish(self, lost: Callable[[], SessionLost]) -> None:
        """The line is gone, for the reason `lost` makes; what was received can still be read."""
        self._lost = lost
        self._bell.ring()

    def _over(self) -> bool:
        if self._record.finished:
            return True
        if self._lost is None:
            return False
        if not (reason := self._lost()).expected:
            raise reason
        return True

    def take_sound(self, key: AudioKey, pcm: bytes, encoding: str) -> None:
        """Sound of this response has come, in a wire format."""
        if encoding == "audio/pcm":
            # A piece may be cut anywhere, also in the middle of a sample.
            pcm = self._carry.pop(key, b"") + pcm
            if len(pcm) % 2:
                self._carry[key] = pcm[-1:]
                pcm = pcm[:-1]
        if pcm:
            self._sound.append((pcm, encoding))
            self._bell.ring()

    def _take_words(self, key: AudioKey, words: str) -> None:
        if words:
            self._so_far[key] = self._so_far.get(key, "") + words
            self._words.append(words)

    def _take_whole(self, key: AudioKey, whole: str | None) -> None:
        # Some servers send the whole without pieces, or hold the last word back.
        so_far = self._so_far.get(key, "")
        if whole is not None and whole.startswith(so_far):
            self._take_words(key, whole[len(so_far) :])


def _key(event: _Words | _Whole) -> AudioKey:
    return AudioKey(event.item_id or "", event.content_index or 0)


def _samples(pcm: bytes, encoding: str) -> Samples:
    # Imported here: a program that reads only the words never loads numpy.
    from ..audio.g711 import alaw_decode, ulaw_decode
    from ..audio.pcm import from_pcm16

    if encoding == "audio/pcmu":
        return ulaw_decode(pcm)
    if encoding == "audio/pcma":
        return alaw_decode(pcm)
    return from_pcm16(pcm)
