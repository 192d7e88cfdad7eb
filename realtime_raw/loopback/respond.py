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
from typing import Any, Protocol

import numpy as np

from ..audio.pcm import WIRE_RATE
from .config import ResponseSettings
from .items import Item, new_item_id
from .mcp_outputs import ApprovalOutput, McpOutput
from .outputs import AudioOutput, CallOutput, Link, Output, TextOutput
from .scenario import Call, Failure, McpCall, Reply, Say, Scenario, Silence, Step, Turn, Wait
from .sound import ENCODINGS, encode_samples
from .speech import Speaker, Speech, pieces_of, sentences_of
from .tokens import MAX_OUTPUT_TOKENS, Tokens, count_audio, count_text, usage

__all__ = ["Plan", "ResponseRun"]

# Natural durations in seconds; a session's `speed` divides them.
_THINKING = 0.5
_PER_TEXT_PIECE = 0.02
_AUDIO_DELTA = 0.1
_TRANSCRIPT_LEAD = 0.3  # "usually ahead of the audio" (observed)
_TOOL_CALL = 0.5

_ARGUMENT_PIECES = re.compile(r".{1,8}", re.DOTALL)


class Approvals(Protocol):
    """Who knows which MCP calls need an approval."""

    def needs_approval(self, call: McpCall) -> bool:
        """Whether the client must approve it first."""

    def ask(self, request_id: str, call: McpCall) -> None:
        """The client is being asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a response is made of, decided when it was created.

    `conversation_id` is None out of band. `given` and `cached` are its input tokens.
    With `approved` calls it makes these, and nothing else.
    """

    settings: ResponseSettings
    turn: Turn
    conversation_id: str | None
    metadata: dict[str, str] | None
    given: Tokens
    cached: Tokens
    mcp: Approvals
    phase: str | None = None
    approved: tuple[McpCall, ...] = ()


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
    cleared: bool = False  # its playback was stopped, on a sideband
    made: Tokens = field(default_factory=Tokens)
    outputs: list[Output] = field(default_factory=list)
    _cut: bool = False  # the token limit was met

    @property
    def id(self) -> str:
        return self.link.response_id

    @property
    def audio_seconds(self) -> float:
        """How long playing what was said takes."""
        return sum(output.ms for output in self.outputs if isinstance(output, AudioOutput)) / 1000

    def steps(self) -> Iterator[float]:
        """Say it all, yielding after each bit the seconds until the next."""
        self.link.out.emit("response.created", response=self._wire("in_progress", None, None))
        yield _THINKING
        reply = self._reply()
        for pause in self._give(reply):
            yield pause * reply.pace
        if (reply.filtered or reply.limited) and self.outputs:
            self.outputs[-1].finished = False
        self._finish(*_ending(reply, self.link, cut=self._cut or reply.limited))

    def cancel(self, reason: str) -> None:
        """Stop here: every open part is concluded as it stands, then `response.done` says why.

        `reason` is `client_cancelled` or `turn_detected`. The caller must not
        advance `steps` any more.
        """
        self._finish("cancelled", {"type": "cancelled", "reason": reason})

    # --- saying -----------------------------------------------------------------------

    def _reply(self) -> Reply:
        if self.plan.approved:
            return Reply(self.plan.approved)
        try:
            reply = self.scenario.reply(self.plan.turn)
        except Exception as exc:
            # A scenario is the user's code: whatever it raises ends this response, not the session.
            return Reply(failure=Failure("server_error", f"The scenario raised {type(exc).__name__}: {exc}"))
        for step in reply.outputs:
            if isinstance(step, McpCall) and step.server not in self.plan.turn.mcp:
                text = f"The scenario calls the MCP server {step.server!r}, whose tools are not listed."
                return Reply(failure=Failure("server_error", text))
        return reply

    def _give(self, reply: Reply) -> Iterator[float]:
        for planned in reply.outputs:
            if isinstance(planned, Wait):
                yield planned.seconds
                continue
            output = self._output(planned)
            self.outputs.append(output)
            output.open()
            yield from self._play(output, planned)
            if self._cut:
                return
            output.finished = True

    def _output(self, planned: Say | Silence | Call | McpCall) -> Output:
        ids, index = self.link.out.ids, len(self.outputs)
        if isinstance(planned, McpCall):
            return self._mcp_output(planned, index)
        item_id = new_item_id(ids, self.link.conversation)
        if isinstance(planned, Call):
            wire = {
                "id": item_id,
                "type": "function_call",
                "status": "in_progress",
                "name": planned.name,
                "call_id": ids.new("call"),
                "arguments": "",
            }
            return CallOutput(self.link, index, Item(wire))
        phase = planned.phase if isinstance(planned, Say) else None
        item = Item(_message(item_id, phase or self.plan.phase))
        if self.plan.settings.modality == "text":
            return TextOutput(self.link, index, item)
        return AudioOutput(self.link, index, item, self.plan.settings.encoding)

    def _mcp_output(self, call: McpCall, index: int) -> Output:
        approve = self.plan.mcp.needs_approval(call)
        item_id = new_item_id(self.link.out.ids, self.link.conversation, prefix="mcpr" if approve else "mcp")
        wire: dict[str, Any] = {"id": item_id, "server_label": call.server, "name": call.name}
        if approve:
            self.plan.mcp.ask(item_id, call)
            asked = {**wire, "type": "mcp_approval_request", "arguments": call.json}
            return ApprovalOutput(self.link, index, Item(asked))
        made = {
            **wire,
            "type": "mcp_call",
            "approval_request_id": call.approval_request_id,
            "arguments": "",
            "output": None,
            "error": None,
        }
        return McpOutput(self.link, index, Item(made))

    def _play(self, output: Output, planned: Step) -> Iterator[float]:
        if isinstance(output, McpOutput) and isinstance(planned, McpCall):
            yield from self._write(output, _ARGUMENT_PIECES.findall(planned.json))
            if not self._cut:
                output.begin()
                yield _TOOL_CALL
                output.end(planned.output, planned.error)
        elif isinstance(output, CallOutput) and isinstance(planned, Call):
            yield from self._write(output, _ARGUMENT_PIECES.findall(planned.json))
        elif isinstance(output, AudioOutput) and isinstance(planned, Silence):
            yield from self._be_silent(output, planned.seconds)
        elif isinstance(output, AudioOutput) and isinstance(planned, Say):
            for sentence in sentences_of(pieces_of(planned.text)):
                yield from self._speak(output, sentence)
        elif isinstance(output, TextOutput) and isinstance(planned, Say):
            yield from self._write(output, pieces_of(planned.text))

    def _be_silent(self, output: AudioOutput, seconds: float) -> Iterator[float]:
        encoding = ENCODINGS[self.plan.settings.encoding]
        before, left = self.made, round(seconds * encoding.rate)
        while left > 0:
            frames = min(left, round(_AUDIO_DELTA * encoding.rate))
            audio_ms = output.ms + frames * 1000 / encoding.rate
            if not self._spend(before + Tokens(audio=count_audio(audio_ms, spoken=True))):
                return
            self.spoke = True
            output.sound(
                encode_samples(np.zeros(frames * WIRE_RATE // encoding.rate, np.int16), encoding.name)
            )
            left -= frames
            yield frames / encoding.rate

    def _write(self, output: TextOutput | CallOutput | McpOutput, pieces: list[str]) -> Iterator[float]:
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
        cancelled, behaviour = status == "cancelled", self.link.behaviour
        for output in self.outputs:
            output.close(quietly=cancelled and not behaviour.done_events_on_cancel)
        self.done = True
        bill: dict[str, Any] | None = usage(self.plan.given, self.plan.cached, self.made)
        if cancelled and not behaviour.usage_on_cancel:
            bill = None
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
            "output": [output.item.to_wire() for output in self.outputs],
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


def _ending(reply: Reply, link: Link, *, cut: bool) -> tuple[str, dict[str, Any] | None]:
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
    return "completed", {"type": "completed"} if link.behaviour.completed_details else None
