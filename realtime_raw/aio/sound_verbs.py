"""The verbs for sound: appending it, joining devices, recording, and the ring that plays replies.

The half of `RealtimeConnection` that works without a word of the protocol.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..errors import AudioError
from .driver import Driver

if TYPE_CHECKING:
    from ..audio.pcm import Samples
    from ..audio.player import Player
    from ..devices.base import AudioSink, AudioSource, SoundHook
    from ..events import InputAudioBufferCleared
    from ..protocol.interruption import Interruption
    from .audio_pumps import Attachment
    from .recording import Recording
    from .records import Records

__all__ = ["SoundVerbs"]

# One second of PCM: long appends go out in such pieces, so that waiting for
# room happens between them.
_SLICE = 48_000


class SoundVerbs:
    """What a connection does with sound; `RealtimeConnection` is the rest of it."""

    def __init__(self, driver: Driver, records: Records, ring_seconds: float) -> None:
        self._driver = driver
        self._records = records
        self._times = records.times
        self._ring_seconds = ring_seconds
        self._player: Player | None = None
        self._appending = asyncio.Lock()
        self._encoders: tuple[Callable[..., bytes | memoryview], dict[str, Callable[..., bytes]]] | None = (
            None
        )

    if TYPE_CHECKING:  # verbs of the protocol, which devices make use of

        async def clear(self) -> InputAudioBufferCleared: ...
        async def interrupt(self, heard_ms: int | None = None) -> Interruption: ...

    @property
    def player(self) -> Player:
        """The ring that plays replies, made on first use: from then on, replies are fed to it.

        Give `player.pull` to an audio callback, or use `attach(sink=...)`.
        Audio nobody pulls stays in it, up to its `ring_seconds`, and some of it
        behind it. Loads numpy.
        """
        return self._player if self._player is not None else self._make_player()

    def _make_player(self, **settings: float) -> Player:
        # Imported here: a program that plays nothing never loads numpy.
        from ..audio.player import Player

        settings = {"seconds": self._ring_seconds, **settings}
        self._player = Player(clock=time.perf_counter_ns, **settings)  # type: ignore[arg-type]  # rate is an int
        self._player.on_resumed = self._driver.playback_resumed
        self._driver.core.playhead = self._player
        return self._player

    def _player_for(self, sink: AudioSink) -> Player:
        if self._player is None:
            return self._make_player(rate=sink.rate, latency_ms=sink.latency * 1000)
        if self._player.rate != sink.rate:
            raise AudioError(
                f"the sink plays {sink.rate} Hz and the player was made for {self._player.rate} Hz",
                hint="attach the sink before conn.player is used",
            )
        return self._player

    async def append(self, audio: bytes | bytearray | memoryview | Samples) -> None:
        """Append sound to the turn: an int16 or float32 array, shape `(frames,)`, or bytes.

        Arrays have 24 kHz (8 kHz if the session's input format is G.711), mono;
        bytes are taken to be in the session's input format, and may end in half
        a sample. Waits while more than 256 KiB are on their way; nothing confirms
        an append. Raises `AudioError` for any other kind of audio. Cancelled, an
        unknown part of a long append has been sent: `clear()` drops the turn.
        """
        # Bytes are on the wire as they are; only those of a WAV file are refused.
        data = audio if type(audio) is bytes and audio[:4] != b"RIFF" else self._wire_audio(audio)
        # What a microphone gives goes straight out, while nobody is before it.
        if len(data) <= _SLICE and self._driver.has_room and not self._appending.locked():
            self._append_piece(bytes(data))
            return
        data = memoryview(data)
        async with self._appending:
            for start in range(0, len(data), _SLICE):
                await self._driver.room()
                self._append_piece(bytes(data[start : start + _SLICE]))

    def _append_piece(self, piece: bytes) -> None:
        driver = self._driver
        core, now = driver.core, driver.now
        core.append_audio(piece, now)
        self._times.appended(now)
        if driver.recordings:
            for recording in driver.recordings:
                recording.appended(piece, core.input_audio.encoding, now)
        driver.flush()

    def _wire_audio(self, audio: bytes | bytearray | memoryview | Samples) -> bytes | memoryview:
        if self._encoders is None:
            # Imported here: a program of words never loads numpy.
            from ..audio.g711 import alaw_encode, ulaw_encode
            from ..audio.pcm import to_pcm16

            self._encoders = to_pcm16, {"audio/pcmu": ulaw_encode, "audio/pcma": alaw_encode}
        to_pcm, encoders = self._encoders
        if not isinstance(audio, (bytes, bytearray, memoryview)):
            encode = encoders.get(self._driver.core.input_audio.encoding)
            if encode is not None:
                return encode(audio)
        return to_pcm(audio)

    def attach(
        self,
        *,
        source: AudioSource | None = None,
        sink: AudioSink | None = None,
        push_to_talk: bool = False,
        preroll_ms: float = 400,
        full_duplex: bool = False,
        hooks: Sequence[SoundHook] = (),
    ) -> Attachment:
        """Join devices or files to the session: `source` is appended as it sounds, `sink` plays the replies.

        With `push_to_talk`, only between `start_talking()` and `stop_talking()`
        of what is returned, and `preroll_ms` before. A microphone is not sent
        while a reply plays, unless `full_duplex` says that it cannot hear the
        loudspeaker. `hooks` hear all that is played and captured, and may change
        the latter (`devices.base.SoundHook`). Nothing here commits: `commit()`
        does, in manual turns.

        A sink is started here and stopped when the connection is left; attach it
        before the first use of `player`, which then gets its rate. Raises
        `AudioError` where rates do not fit, or the sink will not start, and
        `MissingExtra` if sound must be resampled without soxr. A source that
        fails later is reported like a handler; a device that is lost by
        `device.lost`, and it is reopened when it is back.
        """
        from .audio_pumps import Attachment, Session

        driver = self._driver
        if sink is not None:
            self._player_for(sink)
        session = Session(
            append=self.append,
            clear=self.clear,
            interrupt=self.interrupt,
            encoding=lambda: driver.core.input_audio.encoding,
            player=lambda: self._player,
            deaf=lambda: any(one.deaf for one in driver.attachments),
            clock=lambda: driver.now,
            spawn=driver.spawn,
            signal=driver.signal,
            warn=driver.warn,
            failed=driver.handler_failed,
        )
        attachment = Attachment(
            session,
            source,
            sink,
            push_to_talk=push_to_talk,
            preroll_ms=preroll_ms,
            full_duplex=full_duplex,
            hooks=(*hooks, *driver.recordings),
        )
        driver.attachments.append(attachment)
        return attachment

    def record(self, directory: str | os.PathLike[str]) -> Recording:
        """Record the session as it is heard, from now on, into a new `session.wav` in `directory`.

        Two channels on one clock: left what was committed, right exactly what
        left the ring of `player`, so an interruption sounds as it did. The sound
        has the player's rate (24 kHz, or an attached sink's: attach first). Ends
        with the connection or by `close()`, which puts the dialogue and the turn
        log beside it. A directory that is not there is made; a number is added
        to a name that is taken. Raises `AudioError` if nothing can be written
        there; a disk that fails later is reported like a handler, and ends the
        recording only.
        """
        from ..audio.pcm import WIRE_RATE
        from .recording import Recording

        driver = self._driver
        recording = Recording(
            directory,
            driver.core,
            self._records,
            rate=WIRE_RATE if self._player is None else self._player.rate,
            now=driver.now,
            failed=lambda exc: driver.handler_failed("recording", exc),
        )
        driver.recordings.append(recording)
        driver.observe(lambda kind: (recording.observe,))
        for attachment in driver.attachments:
            attachment.listen(recording)
        return recording
