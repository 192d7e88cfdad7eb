"""The responses of one session: which may start, which is active, how they end.

One response at a time writes to the default conversation; those out of band
run beside it. The course of a single one is in `respond`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import refusals
from .context import make_plan
from .mcp import McpServers
from .outputs import AudioOutput, Link
from .respond import ResponseRun
from .state import State
from .timeline import Job
from .tokens import Tokens

__all__ = ["Answering"]

_TOKEN_LIMIT = 15_000_000


class Answering:
    """Starts, cancels and concludes responses."""

    def __init__(self, state: State, mcp: McpServers) -> None:
        self._state = state
        self._mcp = mcp
        self._runs: dict[str, tuple[ResponseRun, Job]] = {}
        self._assistant_spoke = False
        self._counted = Tokens()  # what the conversation's last response was given
        self._tokens_left = _TOKEN_LIMIT
        self._asked = 0
        self.active: ResponseRun | None = None
        # Since when nobody speaks; None while a response runs, and before the first.
        self.quiet_since: float | None = None

    @property
    def active_id(self) -> str | None:
        """The response that is writing to the default conversation."""
        return self.active.id if self.active is not None else None

    @property
    def has_spoken(self) -> bool:
        """Whether assistant audio has gone out in this session: it locks the voice."""
        return self._assistant_spoke or any(run.spoke for run, _ in self._runs.values())

    # --- starting ---------------------------------------------------------------------

    def create(self, event: Mapping[str, Any], now: float) -> None:
        """`response.create`."""
        asked = event.get("response", {})
        if self._state.config.kind == "transcription":
            raise refusals.no_responses_here()
        if self.active is not None and asked.get("conversation") != "none":
            raise refusals.response_active(self.active.id)
        self._respond(asked, now)

    def start(self, now: float) -> None:
        """A response nobody asked for: the turn ended, or an approval came.

        One that is active already keeps it from starting (documented as possible).
        """
        if self.active is not None:
            return
        try:
            self._respond({}, now)
        except refusals.Refused as refused:
            self._state.out.error(refused.fault)

    def _respond(self, asked: Mapping[str, Any], now: float) -> None:
        state, out_of_band = self._state, asked.get("conversation") == "none"
        if "tools" in asked:
            self._mcp.check(asked["tools"], "response.tools")
        plan = make_plan(
            state.config,
            state.conversation,
            asked,
            ids=state.ids,
            counted=self._counted,
            mcp=self._mcp,
            number=self._asked + 1,
        )
        if self.has_spoken and plan.settings.voice != state.config.voice:
            raise refusals.voice_locked()
        if not plan.approved:
            self._asked += 1
        link = Link(
            out=state.out,
            response_id=state.ids.new("resp"),
            conversation=None if out_of_band else state.conversation,
            behaviour=state.behaviour,
            sideband=state.call_id is not None,
        )
        run = ResponseRun(plan, link, state.scenario, state.speaker, self._done)
        if not out_of_band:
            self.active = run
            self.quiet_since = None
        self._runs[run.id] = (run, state.timeline.add(run.steps(), now))
        state.timeline.run(now)

    # --- ending -----------------------------------------------------------------------

    def cancel(self, event: Mapping[str, Any], now: float) -> None:
        """`response.cancel`."""
        response_id = event.get("response_id", self.active_id)
        if response_id not in self._runs:
            raise refusals.nothing_to_cancel()
        self._stop(response_id, "client_cancelled")

    def interrupt(self) -> None:
        """The user speaks: the active response ends. Those out of band go on (documented)."""
        if self.active is not None:
            self._stop(self.active.id, "turn_detected")

    def clear_output(self, event: Mapping[str, Any], now: float) -> None:
        """`output_audio_buffer.clear`, on a sideband: what is being played stops; the response does not."""
        if self.active is not None:
            self._clear(self.active)

    def _stop(self, response_id: str, reason: str) -> None:
        run, job = self._runs[response_id]
        self._state.timeline.stop(job)
        if reason == "turn_detected":
            self._clear(run)
        run.cancel(reason)
        if run.cleared:
            self._truncate(run)

    def _clear(self, run: ResponseRun) -> None:
        """On a sideband the server holds the playback, and says what becomes of it (observed)."""
        if self._state.call_id is not None and run.spoke and not run.cleared:
            run.cleared = True
            self._state.out.emit("output_audio_buffer.cleared", response_id=run.id)

    def _truncate(self, run: ResponseRun) -> None:
        """Unasked: the server knows what was played (API guide)."""
        spoken = [output for output in run.outputs if isinstance(output, AudioOutput) and output.ms]
        if spoken and spoken[-1].item.id in self._state.conversation:
            item, end = spoken[-1].item, int(spoken[-1].ms)
            item.truncate(0, end)
            self._state.out.emit(
                "conversation.item.truncated", item_id=item.id, content_index=0, audio_end_ms=end
            )

    def _done(self, run: ResponseRun) -> None:
        state = self._state
        del self._runs[run.id]
        self._assistant_spoke |= run.spoke
        if self.active is run:
            self.active = None
            self._counted = run.plan.given
            playing = run.audio_seconds if state.behaviour.idle_from == "playback" else 0.0
            self.quiet_since = state.timeline.now + playing
        self._tokens_left = max(0, self._tokens_left - run.plan.given.total - run.made.total)
        if state.behaviour.rate_limits:
            limit = {
                "name": "tokens",
                "limit": _TOKEN_LIMIT,
                "remaining": self._tokens_left,
                "reset_seconds": 0.001,
            }
            state.out.emit("rate_limits.updated", rate_limits=[limit])
        if run.spoke and state.call_id is not None and not run.cleared:
            state.out.emit("output_audio_buffer.stopped", response_id=run.id)
