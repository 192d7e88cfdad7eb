"""One response from `response.created` to `response.done`, paced in time.

`ResponseRun.steps` is a generator that says a little and yields how long
saying it would take; the session decides how fast time runs and may stop it
anywhere with `cancel`. What is said comes from the scenario, how it sounds
from the speaker; events about single items are in `outputs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..audio.pcm import WIRE_RATE
from .config import ResponseSettings
from .items import Item, new_item_id
from .outputs import AudioOutput, CallOutput, Link, Output, TextOutput
from .scenario import Call, Failure, Reply, Say, Scenario, Turn
from .sound import ENCODINGS, encode_samples
from .speech import Speaker, Speech, pieces_of, sentences_of
from .tokens import MAX_OUTPUT_TOKENS, Tokens, count_audio, count_text, usage

__all__ = ["Plan", "ResponseRun"]

# Natural durations in seconds; a session's `speed` divides them.
_THINKING = 0.5
_PER_TEXT_PIECE = 0.02
_AUDIO_DELTA = 0.1
_TRANSCRIPT_LEAD = 0.3  # "usually ahead of the audio" (observed)

_ARGUMENT_PIECES = re.compile(r".{1,8}", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a response is made of, decided when it was created.

    `conversation_id` is None out of band. `given` and `cached` are its input tokens.
    """

    settings: ResponseSettings
    turn: Turn
    conversation_id: str | None
    metadata: dict[str, str] | None
    given: Tokens
    cached: Tokens
    phase: str | None = None


@dataclass(slots=True)
class ResponseRun:
    """One response being given. `on_done` is called once, right after `response.done`."""

    plan: Plan
    link: Link
    scenario: Scenario
    speaker: Speaker
    on_done: Callable[[ResponseRun], None]
    done: bool = False
    spoke: bool = False  # audio has gone out
    made: Tokens = field(default_factory=Tokens)
    _outputs: list[Output] = field(default_factory=list)
    _cut: bool = False  # the token limit was met

    @property
    def id(self) -> str:
        return self.link.response_id

    def steps(self) -> Iterator[float]:
        """Say it all, yielding after each bit the seconds until the next."""
        self.link.out.emit("response.created", response=self._wire("in_progress", None, None))
        yield _THINKING
        reply = self._reply()
        for planned in reply.outputs:
            output = self._open(planned)
            yield from self._play(output, planned)
            if self._cut:
                break
            output.finished = True
        if reply.filtered and self._outputs:
            self._outputs[-1].finished = False
        self._finish(*_ending(reply, cut=self._cut))

    def cancel(self, reason: str) -> None:
        """Stop here: every open part is concluded as it stands, then `response.done` says why.

        `reason` is `client_cancelled` or `turn_detected`. The caller must not
        advance `steps` any more.
        """
        self._finish("cancelled", {"type": "cancelled", "reason": reason})

    # --- saying -----------------------------------------------------------------------

    def _reply(self) -> Reply:
        try:
            return self.scenario.reply(self.plan.turn)
        except Exception as exc:
            # A scenario is the user's code: whatever it raises ends this response, not the session.
            return Reply(failure=Failure("server_error", f"The scenario raised {type(exc).__name__}: {exc}"))

    def _open(self, planned: Say | Call) -> Output:
        ids, index = self.link.out.ids, len(self._outputs)
        item_id = new_item_id(ids, self.link.conversation)
        output: Output
        if isinstance(planned, Call):
            wire = {
                "id": item_id,
                "type": "function_call",
                "status": "in_progress",
                "name": planned.name,
                "call_id": ids.new("call"),
                "arguments": "",
            }
            output = CallOutput(self.link, index, Item(wire))
        else:
            item = Item(_message(item_id, planned.phase or self.plan.phase))
            if self.plan.settings.modality == "text":
                output = TextOutput(self.link, index, item)
            else:
                output = AudioOutput(self.link, index, item, self.plan.settings.encoding)
        self._outputs.append(output)
        output.open()
        return output

    def _play(self, output: Output, planned: Say | Call) -> Iterator[float]:
        if isinstance(planned, Call):
            assert isinstance(output, CallOutput)
            yield from self._write(output, _ARGUMENT_PIECES.findall(planned.json))
        elif isinstance(output, AudioOutput):
            for sentence in sentences_of(pieces_of(planned.text)):
                yield from self._speak(output, sentence)
        else:
            assert isinstance(output, TextOutput)
            yield from self._write(output, pieces_of(planned.text))

    def _write(self, output: TextOutput | CallOutput, pieces: list[str]) -> Iterator[float]:
        before, written = self.made, ""
        for piece in pieces:
            written += piece
            if not self._spend(before + Tokens(text=count_text(written))):
                return
            output.say(piece)
            yield _PER_TEXT_PIECE

    def _speak(self, output: AudioOutput, sentence: list[str]) -> Iterator[float]:
        settings = self.plan.settings
        voice = settings.voice if isinstance(settings.voice, str) else str(settings.voice["id"])
        speech = self.speaker.say(sentence, voice, settings.speed)
        encoding = ENCODINGS[settings.encoding]
        data = encode_samples(speech.samples, encoding.name)
        step = round(_AUDIO_DELTA * encoding.rate) * encoding.width
        before, told, start_ms = self.made, 0, output.ms
        for at in range(0, max(len(data), 1), step):
            chunk = data[at : at + step]
            until = _AUDIO_DELTA * (at // step + 1) + _TRANSCRIPT_LEAD
            last = at + step >= len(data)
            due = len(sentence) if last else _pieces_before(speech, until)
            text = "".join(sentence[:due])
            audio_ms = output.ms - start_ms + len(chunk) * 1000 / encoding.bytes_per_second
            spent = Tokens(text=count_text(text), audio=count_audio(audio_ms, spoken=True))
            if self._cut or not self._spend(before + spent):
                return
            for piece in sentence[told:due]:
                output.say(piece)
            told = due
            if chunk:
                self.spoke = True
                output.sound(chunk)
                yield len(chunk) / encoding.bytes_per_second

    def _spend(self, total: Tokens) -> bool:
        """Whether the response may hold `total` output tokens; if not, it ends here, incomplete."""
        limit = self.plan.settings.max_output_tokens
        if total.total > (MAX_OUTPUT_TOKENS if limit == "inf" else limit):
            self._cut = True
            return False
        self.made = total
        return True

    # --- ending -----------------------------------------------------------------------

    def _finish(self, status: str, details: dict[str, Any] | None) -> None:
        for output in self._outputs:
            output.close()
        self.done = True
        bill = usage(self.plan.given, self.plan.cached, self.made)
        self.link.out.emit("response.done", response=self._wire(status, details, bill))
        self.on_done(self)

    def _wire(
        self, status: str, details: dict[str, Any] | None, bill: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The response object; all keys always, in the order of recordings."""
        settings = self.plan.settings
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": [output.item.to_wire() for output in self._outputs],
            "conversation_id": self.plan.conversation_id,
            "output_modalities": [settings.modality],
            "max_output_tokens": settings.max_output_tokens,
            "audio": {"output": {"format": dict(settings.format), "voice": settings.voice}},
            "usage": bill,
            "metadata": dict(self.plan.metadata) if self.plan.metadata is not None else None,
        }


def _message(item_id: str, phase: str | None) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "id": item_id,
        "type": "message",
        "status": "in_progress",
        "role": "assistant",
        "content": [],
    }
    return wire if phase is None else {**wire, "phase": phase}


def _pieces_before(speech: Speech, seconds: float) -> int:
    """How many pieces begin before `seconds` of the sentence have passed."""
    return sum(start < seconds * WIRE_RATE for start in speech.starts)


def _ending(reply: Reply, *, cut: bool) -> tuple[str, dict[str, Any] | None]:
    """The final status and its details."""
    if cut:
        return "incomplete", {"type": "incomplete", "reason": "max_output_tokens"}
    if reply.failure is not None:
        error = {
            "type": reply.failure.type,
            "code": reply.failure.code,
            "message": reply.failure.message,
        }
        return "failed", {"type": "failed", "error": error}
    if reply.filtered:
        return "incomplete", {"type": "incomplete", "reason": "content_filter"}
    return "completed", None
