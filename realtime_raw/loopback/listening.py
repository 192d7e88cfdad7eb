"""The user's audio in one session: turns found or committed, transcribed, answered; and nobody speaking.

Where speech is, is decided by `vad` on the audio's clock; what was said, by
the scenario. Responses are `answering`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .answering import Answering
from .config import LIVE_TRANSCRIPTION_MODELS
from .input_audio import InputBuffer
from .items import Item, new_item_id
from .scenario import Failure, Foretelling, Spoken
from .sound import Sound, decode_audio
from .state import State
from .transcribe import LiveWords, transcription
from .vad import Edge

__all__ = ["Listening"]

_AUDIBLE_DBFS = -60.0


class Listening:
    """The input audio buffer and what follows from it."""

    def __init__(self, state: State, answers: Answering) -> None:
        self._state = state
        self._answers = answers
        self._buffer = InputBuffer()
        self._coming_item: str | None = None  # announced by speech_started, or by live transcription
        self._words: LiveWords | None = None
        self._turn_detection: Mapping[str, Any] | None = None

    def configured(self) -> None:
        """The session's configuration is new, or another one."""
        wanted = self._state.config.input["turn_detection"]
        if wanted is None and self._state.behaviour.turn_detection_null == "shown":
            wanted = self._turn_detection
        self._turn_detection = wanted
        self._buffer.listen(wanted)

    # --- client events ----------------------------------------------------------------

    def append(self, event: Mapping[str, Any], now: float) -> None:
        """`input_audio_buffer.append`: the one event that is not answered."""
        encoding = self._state.config.input_encoding
        data = decode_audio(event["audio"], encoding, "audio")
        before = self._buffer.clock
        edges = self._buffer.append(data, encoding)
        if self._turn_detection is None and Sound(encoding, data).heard.dbfs > _AUDIBLE_DBFS:
            self._foretell(before)
        for edge in edges:
            if edge.end_ms is None:
                self._speech_started(edge)
            else:
                self._speech_stopped(edge, edge.end_ms, now)
        if self._words is not None:
            self._words.heard(self._buffer.clock)

    def clear(self, event: Mapping[str, Any], now: float) -> None:
        """`input_audio_buffer.clear`."""
        state, spoke = self._state, self._buffer.speaking
        self._buffer.clear()
        self._words = None
        if spoke and state.behaviour.clear_ends_speech:
            state.out.emit(
                "input_audio_buffer.speech_stopped",
                audio_end_ms=round(self._buffer.clock),
                item_id=self._coming_item,
            )
        self._coming_item = None
        if state.behaviour.clear_resets_clock:
            self._buffer.reset_clock()
        state.out.emit("input_audio_buffer.cleared")

    def commit(self, event: Mapping[str, Any], now: float) -> None:
        """`input_audio_buffer.commit`.

        In the middle of detected speech the item is another than the one announced
        (API reference); by hand it is the one live transcription has named.
        """
        sound = self._buffer.take()
        by_hand = self._turn_detection is None and self._words is not None
        self._add_turn(self._free_id(self._coming_item if by_hand else None), sound, now)

    # --- turns ------------------------------------------------------------------------

    def _free_id(self, wanted: str | None) -> str:
        """`wanted`, unless the client has taken it meanwhile."""
        if wanted is None or wanted in self._state.conversation:
            return new_item_id(self._state.ids, self._state.conversation)
        return wanted

    def _speech_started(self, edge: Edge) -> None:
        self._answers.quiet_since = None
        self._coming_item = self._free_id(None)
        self._state.out.emit(
            "input_audio_buffer.speech_started", audio_start_ms=edge.start_ms, item_id=self._coming_item
        )
        self._foretell(edge.start_ms)
        if self._detection("interrupt_response"):
            self._answers.interrupt()

    def _speech_stopped(self, edge: Edge, end_ms: int, now: float) -> None:
        item_id = self._free_id(self._coming_item)
        self._state.out.emit("input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id)
        self._add_turn(item_id, self._buffer.take_turn(edge), now)
        if self._detection("create_response"):
            self._answers.start(now)

    def _detection(self, flag: str) -> bool:
        """A flag of turn detection. Transcription sessions have none: nothing answers there."""
        return bool(self._turn_detection and self._turn_detection.get(flag))

    def _add_turn(self, item_id: str, sound: Sound, now: float) -> None:
        state, spoken = self._state, self._hear(sound, item_id)
        words, self._words, self._coming_item = self._words, None, None
        wire = {
            "id": item_id,
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(wire, {0: sound})
        item.spoken = spoken.text
        previous = state.conversation.append(item)
        state.out.emit("input_audio_buffer.committed", previous_item_id=previous, item_id=item.id)
        state.announce(item, previous)
        if state.config.transcription is not None:
            steps = transcription(
                state.out,
                item,
                spoken,
                model=state.config.transcription["model"],
                logprobs=state.config.wants_logprobs,
                told=words.told if words is not None and words.item_id == item_id else 0,
            )
            state.timeline.add(steps, now)
            state.timeline.run(now)

    # --- what was said ----------------------------------------------------------------

    def _hear(self, sound: Sound, item_id: str) -> Spoken:
        try:
            said = self._state.scenario.transcript(sound.heard)
        except Exception as exc:  # a scenario is the user's code: its fault is not the session's
            text = f"Input transcription failed for item '{item_id}': {type(exc).__name__}: {exc}"
            return Spoken(failure=Failure("server_error", text))
        return Spoken(said) if isinstance(said, str) else said

    def _foretell(self, start_ms: float) -> None:
        """Live models say the words while they are spoken (observed), if the scenario knows them."""
        state, settings = self._state, self._state.config.transcription
        if self._words is not None or settings is None or settings["model"] not in LIVE_TRANSCRIPTION_MODELS:
            return
        text = state.scenario.coming() if isinstance(state.scenario, Foretelling) else None
        if text:
            self._coming_item = self._free_id(self._coming_item)
            logprobs = state.config.wants_logprobs
            self._words = LiveWords(state.out, self._coming_item, text, start_ms, logprobs=logprobs)

    # --- nobody speaks ----------------------------------------------------------------

    @property
    def idle_due(self) -> float | None:
        """When the user has been silent for too long; None if nobody minds."""
        timeout = (self._turn_detection or {}).get("idle_timeout_ms")
        if timeout is None or self._answers.quiet_since is None or self._buffer.speaking:
            return None
        return self._answers.quiet_since + float(timeout) / 1000

    def idle(self, now: float) -> None:
        """`idle_timeout_ms` has passed: the silence becomes an item, and is answered (documented)."""
        self._answers.quiet_since = None
        start, end = self._buffer.clock - self._buffer.ms, self._buffer.clock
        item_id = self._free_id(None)
        self._state.out.emit(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=round(start),
            audio_end_ms=round(end),
            item_id=item_id,
        )
        self._add_turn(item_id, self._buffer.take_rest(), now)
        if self._detection("create_response"):
            self._answers.start(now)
