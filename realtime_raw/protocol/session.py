"""What the server says the session is, and what it promised us.

`current` is the server's last word, nothing optimistic. Pending patches are
compared with the next `session.updated`: what was asked must be there, and
what was not asked must not have changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import LocalProtocolError
from ..events.session import RealtimeSession, TranscriptionSession
from ..types import UNSET
from .patch import Path, changed_leaves, find, leaves, place_of

if TYPE_CHECKING:
    from ..events.client import SessionUpdate
    from ..events.session import Session
    from ..events.translation import TranslationSession

__all__ = ["SessionState"]

# The server's own bookkeeping, never set by a patch.
_OWN = frozenset({("id",), ("object",), ("expires_at",), ("client_secret",)})
_TURN_DETECTION: Path = ("audio", "input", "turn_detection")
_FLAT_DETECTION: Path = ("turn_detection",)
_VOICE: Path = ("audio", "output", "voice")
_EXPIRY_NOTICE_S = 300.0


class SessionState:
    """The confirmed configuration, and the rules a patch must obey."""

    def __init__(self, *, manual_turns: bool) -> None:
        self.manual_turns = manual_turns
        self.current: Session | None = None
        self._wire: dict[str, Any] | None = None  # `current` as it would be sent
        # Asked for at each response.
        self._vad_on: bool | None = None
        self.output_encoding = "audio/pcm"
        """The wire format of reply audio, as the server now holds it."""
        self.translation: TranslationSession | None = None
        self.voice_locked = False
        self.expiry: float | None = None
        self._notice_at: float | None = None
        self._pending: deque[Mapping[str, Any]] = deque()

    @property
    def id(self) -> str | None:
        """The server's id of this session."""
        shown = self.current or self.translation
        return shown.id if shown is not None else None

    @property
    def kind(self) -> str:
        """`realtime`, `transcription` or `translation`."""
        if self.translation is not None:
            return "translation"
        return (self.current.type if self.current is not None else None) or "realtime"

    @property
    def turn_detection(self) -> object:
        """What the server shows: an object, None for null, or `UNSET` where it shows nothing at all."""
        return self._shown(_TURN_DETECTION)

    @property
    def interrupts_by_itself(self) -> bool:
        """Whether the server cancels its response when the user speaks (default true with VAD on)."""
        shown = self.turn_detection
        return isinstance(shown, Mapping) and shown.get("interrupt_response") is not False

    @property
    def vad_on(self) -> bool:
        """Whether the server shows turn detection on: at its GA place, or flat as the retired beta had it."""
        if self._vad_on is None:
            shown = self.turn_detection, self._shown(_FLAT_DETECTION)
            self._vad_on = any(isinstance(one, Mapping) for one in shown)
        return self._vad_on

    # Inputs

    def started(
        self, session: Session | TranslationSession | None, now: float, unix_time: float | None
    ) -> None:
        """`session.created`: the configuration before any patch."""
        self._accept(session, now, unix_time)

    def updated(
        self, session: Session | TranslationSession | None, now: float, unix_time: float | None
    ) -> list[tuple[str, str]]:
        """`session.updated`: returns `(rule, detail)` for all that is not as asked."""
        before = self.translation or self.current
        asked = self._pending.popleft() if self._pending else {}
        self._accept(session, now, unix_time)
        if before is None or session is None:
            return []
        return list(_surprises(before.to_wire(), session.to_wire(), asked))

    def refused(self) -> None:
        """The oldest pending patch was refused; the server applied nothing of it (all-or-nothing)."""
        if self._pending:
            self._pending.popleft()

    def audio_arrived(self) -> None:
        """Assistant audio is present: from here on the voice cannot change (API reference)."""
        self.voice_locked = True

    # Guards

    def check(self, event: SessionUpdate) -> None:
        """Raise `LocalProtocolError` if a patch would break the turn lock or the voice lock."""
        asked = event.session.to_wire()
        if self.manual_turns and find(asked, _TURN_DETECTION) not in (None, UNSET):
            raise LocalProtocolError(
                "this connection has manual turns, and the patch would turn the server's turn detection on"
                " (session.audio.input.turn_detection)",
                hint="connect with manual_turns=False to let the server decide when a turn ends",
            )
        voice = find(asked, _VOICE)
        if self.voice_locked and voice is not UNSET and voice != self._shown(_VOICE):
            raise LocalProtocolError(
                "the voice cannot change once the conversation holds assistant audio"
                " (session.audio.output.voice)",
                hint="leave the voice out of the patch, or start a new session",
            )

    def sent(self, event: SessionUpdate) -> None:
        """A patch went out; the next `session.updated` or its refusal answers it."""
        self._pending.append(event.session.to_wire())

    # Time

    def next_deadline(self) -> float | None:
        """When `take_notice` has something to say."""
        return self._notice_at

    def take_notice(self, now: float) -> float | None:
        """Seconds left, once, when the session nears its end."""
        if self._notice_at is None or now < self._notice_at or self.expiry is None:
            return None
        self._notice_at = None
        return max(0.0, self.expiry - now)

    def _accept(
        self, session: Session | TranslationSession | None, now: float, unix_time: float | None
    ) -> None:
        if session is None:
            return
        if isinstance(session, RealtimeSession | TranscriptionSession):
            self.current = session
            self._wire = self._vad_on = None
            self.output_encoding = _output_encoding(session)
        else:
            self.translation = session
        if session.expires_at is None or unix_time is None:
            return
        expiry = now + (session.expires_at - unix_time)
        if self.expiry is None or abs(expiry - self.expiry) > 1:
            self.expiry = expiry
            self._notice_at = expiry - _EXPIRY_NOTICE_S

    def _shown(self, path: Path) -> Any:
        if self.current is None:
            return UNSET
        if self._wire is None:
            self._wire = self.current.to_wire()
        return find(self._wire, path)


def _output_encoding(session: Session) -> str:
    audio = session.audio
    if audio is None or audio.output is None or audio.output.format is None:
        return "audio/pcm"
    return audio.output.format.type or "audio/pcm"


def _surprises(
    before: Mapping[str, Any], after: Mapping[str, Any], asked: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    named = [path for path in leaves(asked) if path != ("type",)]
    # A stored prompt may set instructions, tools and more; what it set is what was asked.
    template = asked.get("prompt") is not None
    for path in changed_leaves(before, after):
        if path in _OWN or template or any(_related(path, one) for one in named):
            continue
        yield "session_changed_unasked", f"session.{'.'.join(path)} changed though no patch named it"
    for path in named:
        want, got = find(asked, path), find(after, path)
        if got is not UNSET and got != want and not _defaulted(want):
            yield "session_not_as_asked", f"session.{'.'.join(path)} is not what the patch asked for"


def _related(path: Path, named: Path) -> bool:
    # Naming part of an object lets the server fill in the rest of that object
    # (observed: turn detection gets the model's own silence).
    # `path` may also be shorter: an object that became null.
    place = place_of(named)
    return path[: len(place)] == place or place[: len(path)] == path


def _defaulted(want: Any) -> bool:
    # "" resets the instructions to the server's text (observed). Tools and
    # secrets come back in the server's own form.
    return want == "" or isinstance(want, (list, Mapping))
