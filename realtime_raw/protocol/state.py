"""What one session is made of: the components, side by side, and the two outboxes.

No rules live here. `reactions` changes this state when the server speaks,
`outgoing` when we do, and `core` is the door to both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import field
from typing import Literal

from ..errors import RemoteProtocolError
from ..events.base import ClientEvent, ServerEvent
from ..events.catalog import Dialect
from ..slim import slim
from ..types import Playhead
from .commands import CommandLog
from .conversation import ConversationMirror
from .input_audio import InputAudio
from .mcp import McpWatch
from .responses import ResponseTracker
from .session import SessionState
from .signals import ProtocolWarning, Signal
from .sound import Sound
from .tools import ToolCallCollector
from .trace import Trace
from .turns import TurnController

__all__ = ["Observed", "Options", "State"]

Observed = ServerEvent | ClientEvent | Signal


@slim(kw_only=True)
class Options:
    """How a session is to be conducted.

    `manual_turns`: the first patch turns the server's turn detection off, and
    it stays off. `strict`: a server's breach of protocol raises instead of
    warning. `sideband`: we join a session that someone else began, so no
    `session.created` will come (observed). `barge_in`: whether the user's
    speech, as the server detects it, cuts our playback: as the server's own
    `interrupt_response` says, always, or never.
    """

    manual_turns: bool = True
    strict: bool = False
    sideband: bool = False
    command_timeout: float = 10.0
    barge_in: Literal["follow_server", "always", "never"] = "follow_server"


@slim(frozen=False, eq=False)
class State:
    """All components of one session."""

    dialect: Dialect
    options: Options
    ids: Callable[[str], str]
    playhead: Playhead | None
    session: SessionState
    commands: CommandLog
    conversation: ConversationMirror
    responses: ResponseTracker = field(default_factory=ResponseTracker)
    input_audio: InputAudio = field(default_factory=InputAudio)
    turns: TurnController = field(default_factory=TurnController)
    tools: ToolCallCollector = field(default_factory=ToolCallCollector)
    mcp: McpWatch = field(default_factory=McpWatch)
    trace: Trace = field(default_factory=Trace)
    counts: Counter[str] = field(default_factory=Counter)
    # Messages, and the bytes of them: not among the counts, as they grow with every delta.
    received: int = 0
    bytes_received: int = 0
    observed: list[Observed | Sound] = field(default_factory=list)
    outbox: list[bytes] = field(default_factory=list)
    # Seconds to add to our clock to get unix time; None if nobody told us.
    unix_offset: float | None = None
    poll_at: float | None = None
    ready: bool = False
    first_patch: str | None = None

    def emit(self, signal: Signal) -> None:
        """Put a signal behind the event that caused it."""
        self.observed.append(signal)
        self.trace.noted(signal)

    def warn(self, rule: str, detail: str, cause: ServerEvent | None = None) -> None:
        """The server did something off: a `ProtocolWarning`, or in strict mode a `RemoteProtocolError`."""
        self.counts["warnings"] += 1
        self.emit(ProtocolWarning(rule=rule, detail=detail, cause=cause))
        if self.options.strict:
            raise RemoteProtocolError(rule, detail)

    def unix_time(self, now: float) -> float | None:
        """Unix time, if the offset to our clock is known."""
        return None if self.unix_offset is None else now + self.unix_offset

    @property
    def output_encoding(self) -> str:
        """The wire format of reply audio, as the server now holds it."""
        return self.session.output_encoding
