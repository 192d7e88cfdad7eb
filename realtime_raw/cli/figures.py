"""What the status line says of a session: its state and its numbers, read from the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import realtime_raw as rt

from .screen.model import Figures, Phase
from .sound import FileMicrophone

if TYPE_CHECKING:
    from .. import RealtimeConnection
    from .sound import Sound

__all__ = ["Gauges"]

# A microphone that is on hears something.
_ZEROS_MS = 1000.0
# How long a clip mark stays, so that it can be seen.
_CLIP_S = 1.0


class Gauges:
    """Reads the instruments; changes nothing. Times are the event loop's."""

    def __init__(self, conn: RealtimeConnection, sound: Sound) -> None:
        self._conn = conn
        self._sound = sound
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._talking_since: float | None = None
        self._clipped_until = 0.0
        self._heard_out: set[str] = set()
        conn.on(rt.signals.PlaybackFinished)(lambda signal: self._heard_out.add(signal.item_id))

    @property
    def talking(self) -> bool:
        """Whether the microphone is being sent."""
        return self._sound.talking is not None and self._sound.talking.talking

    @property
    def playing(self) -> bool:
        """Whether a reply is being played."""
        return self._sound.sink is not None and self._conn.player.playing

    @property
    def pace(self) -> float:
        """After how many seconds the screen should be looked at again, even if nothing happens."""
        if self.talking or self.playing:
            return 0.03
        return 0.1 if self._sound.talking is not None else 0.5  # a level that moves, and a clock

    def sounding(self, item_id: str) -> bool:
        """Whether an item's sound is still to be heard."""
        return self.playing and item_id not in self._heard_out

    def phase(self, *, sending: bool, unanswered: bool) -> Phase:
        """What the session is doing."""
        if self.talking:
            return "talking"
        if sending:
            return "sending"
        if self.playing:
            return "speaking"
        responses = self._conn.protocol.responses
        if responses.active is not None:
            return "writing" if responses.active.marks.first_text is not None else "thinking"
        if responses.asked is not None:
            return "thinking"
        return "waiting" if unanswered else "ready"

    def figures(self, *, voice: bool) -> Figures:
        """The numbers as they are now. `voice`: whether the microphone is of interest."""
        now = self._now()
        self._talking_since = (self._talking_since or now) if self.talking else None
        level, clipped = self._level(now) if voice else (None, False)
        player = self._conn.player.statistics() if self._sound.sink is not None else None
        expiry = self._conn.session.expiry
        return Figures(
            level_dbfs=level,
            clipped=clipped,
            muted=level is not None and self._muted(),
            ring_s=(player.queued + player.spilled) / player.rate if player is not None else None,
            turn_s=now - self._talking_since if self._talking_since is not None else None,
            first_audio_ms=self._first_audio_ms(),
            tokens=self._conn.usage.total.total or None,
            minutes_left=max(0.0, expiry - now) / 60 if expiry is not None else None,
        )

    def summary(self) -> str:
        """The session in one line, for its end."""
        turns = sum(turn.who == "user" for turn in self._conn.turns)
        minutes, seconds = divmod(int(self._now() - self._began), 60)
        said = f"{turns} turn{'' if turns == 1 else 's'}, {minutes} min {seconds} s"
        return f"{said}, {self._conn.usage.total.total:,} tokens"

    def _level(self, now: float) -> tuple[float | None, bool]:
        talking = self._sound.talking
        if talking is None or self._sound.deaf or (self.playing and not talking.talking):
            return None, False
        levels = talking.levels
        if levels.clipped:
            self._clipped_until = now + _CLIP_S
        return levels.rms_dbfs, now < self._clipped_until

    def _muted(self) -> bool:
        """Whether the microphone has given only zeros for so long that it is no pause. A file may well."""
        talking = self._sound.talking
        return (
            talking is not None
            and talking.all_zero_ms >= _ZEROS_MS
            and not isinstance(self._sound.source, FileMicrophone)
        )

    def _first_audio_ms(self) -> float | None:
        """Of the last answer that has begun: from the commit (or its asking) to its first sound or words."""
        for turn in reversed(list(self._conn.turns)[-6:]):
            if turn.who == "assistant":
                steps = turn.latencies
                for name in ("commit_to_first_audio", "ask_to_first_audio", "ask_to_first_text"):
                    if name in steps:
                        return steps[name] * 1000
        return None
