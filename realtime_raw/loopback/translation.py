"""`TranslationSession`: one session on `/realtime/translations`: audio in, words and audio out, no turns.

The engine hears in frames of 200 ms. What was said and what it means in the
other language are the scenario's; where a stretch of speech ends is `vad`'s.
The frame around it, errors and expiry included, is `exchange`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from . import refusals
from .behaviour import Behaviour
from .default_scenario import as_scenario
from .exchange import Exchange, Interceptor
from .handshake import Facts
from .ids import Ids
from .scenario import Brain, Spoken, Translating
from .sound import Sound, decode_audio, encode_samples
from .speech import Speaker, murmur_speaker, pieces_of
from .translation_schema import TranslationConfig, check_translation_event
from .vad import Edge, EnergyVad

__all__ = ["TRANSLATION_MODEL", "TranslationSession"]

TRANSLATION_MODEL = "gpt-realtime-translate"

_PCM = "audio/pcm"
_FRAME_MS = 200
_FRAME_BYTES = 9600
_LISTENING = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 0, "silence_duration_ms": 400}
_PER_PIECE = 0.05  # natural seconds
_VOICE = "marin"
_JANUARY_2026 = 1_767_225_600.0


class TranslationSession(Exchange):
    """One translation session, driven like a `SimulatedSession`.

    Every frame of 200 ms it hears is answered by one of silence, except while
    it speaks (observed: silent frames as filler). `elapsed_ms` is where in the
    input the engine is. After `session.closed` it answers nothing more; closing
    the connection is the client's.
    """

    def __init__(
        self,
        model: str = TRANSLATION_MODEL,
        *,
        scenario: Brain | None = None,
        speaker: Speaker | None = None,
        ids: Ids | None = None,
        speed: float = 10.0,
        behaviour: Behaviour | None = None,
        epoch: float = _JANUARY_2026,
        log_limit: int = 2000,
        facts: Facts | None = None,
        intercept: Interceptor | None = None,
    ) -> None:
        super().__init__(
            ids=ids or Ids(),
            behaviour=behaviour or Behaviour(),
            speed=speed,
            epoch=epoch,
            refusal=None,
            log_limit=log_limit,
            facts=facts,
            intercept=intercept,
        )
        self.config = TranslationConfig(model)
        self._scenario = as_scenario(scenario)
        self._speaker = speaker or murmur_speaker()
        self._waiting = bytearray()  # less than a frame
        self._elapsed_ms = 0
        self._vad = EnergyVad(_LISTENING, 0.0)
        self._speech = bytearray()
        self._speaking = 0  # translations being said
        self._closed = False
        self._handlers = {
            "session.update": self._update,
            "session.input_audio_buffer.append": self._append,
            "session.close": self._close,
        }

    # --- the exchange's hooks ---------------------------------------------------------

    def _greet(self, expires_at: int) -> None:
        self.config.begin(self._ids.new("sess"), expires_at)
        self._out.emit("session.created", session=self.config.to_wire())

    def _check(self, event: Mapping[str, Any]) -> str:
        if self._closed:
            raise refusals.session_closed()
        return check_translation_event(event)

    # --- events -----------------------------------------------------------------------

    def _update(self, event: Mapping[str, Any], now: float) -> None:
        self.config.update(event["session"])
        self._out.emit("session.updated", session=self.config.to_wire())

    def _append(self, event: Mapping[str, Any], now: float) -> None:
        self._waiting += decode_audio(event["audio"], _PCM, "audio")
        while len(self._waiting) >= _FRAME_BYTES:
            frame = bytes(self._waiting[:_FRAME_BYTES])
            del self._waiting[:_FRAME_BYTES]
            self._hear(frame, now)
        self._timeline.run(now)

    def _close(self, event: Mapping[str, Any], now: float) -> None:
        """What remains is said at once, then the end."""
        if self._waiting:
            self._hear(bytes(self._waiting).ljust(_FRAME_BYTES, b"\0"), now)
            self._waiting.clear()
        if self._vad.speaking:
            self._translate(now)
        self._timeline.finish()
        self._closed = True
        self._out.emit("session.closed")

    # --- the engine -------------------------------------------------------------------

    def _hear(self, frame: bytes, now: float) -> None:
        self._elapsed_ms += _FRAME_MS
        edges: list[Edge] = self._vad.feed(Sound(_PCM, frame).samples(), 24_000)
        if edges or self._vad.speaking:
            self._speech += frame
        if any(edge.end_ms is not None for edge in edges):
            self._translate(now)
        if not self._speaking:
            self._say_audio(bytes(_FRAME_BYTES))

    def _translate(self, now: float) -> None:
        heard = Sound(_PCM, bytes(self._speech)).heard
        self._speech.clear()
        try:
            said = self._scenario.transcript(heard)
            text = said.text if isinstance(said, Spoken) else said
            language = self.config.language
            meant = (
                self._scenario.translate(text, language) if isinstance(self._scenario, Translating) else text
            )
        except Exception as exc:  # a scenario is the user's code: its fault is not the session's
            self._out.error(refusals.scenario_failed(exc))
            return
        if self.config.transcribes:
            self._timeline.add(self._write("session.input_transcript.delta", text), now)
        self._timeline.add(self._write("session.output_transcript.delta", meant), now)
        self._speaking += 1
        self._timeline.add(self._speak(meant), now)

    def _write(self, kind: str, text: str) -> Iterator[float]:
        for piece in pieces_of(text):
            self._out.emit(kind, delta=piece, elapsed_ms=self._elapsed_ms)
            yield _PER_PIECE

    def _speak(self, text: str) -> Iterator[float]:
        samples = self._speaker.say(pieces_of(text), _VOICE, 1.0).samples
        data = encode_samples(np.asarray(samples, np.int16), _PCM)
        for at in range(0, len(data), _FRAME_BYTES):
            self._say_audio(data[at : at + _FRAME_BYTES])
            yield _FRAME_MS / 1000
        self._speaking -= 1

    def _say_audio(self, data: bytes) -> None:
        self._out.emit(
            "session.output_audio.delta",
            delta=Sound(_PCM, data).base64(),
            sample_rate=24_000,
            channels=1,
            format="pcm16",
            elapsed_ms=self._elapsed_ms,
        )
