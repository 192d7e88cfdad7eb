"""Every exception this package raises on purpose, by whose fault it is.

    RealtimeError
    ├─ LocalProtocolError    you asked for what this state or dialect forbids
    │   ├─ InvalidCommand    a client event or patch in a wrong shape (.problems)
    │   └─ TurnTooShort      a commit of less than 100 ms of audio (.ms)
    ├─ RemoteProtocolError   strict mode only: the server broke a rule (.rule)
    │   └─ DecodeError       not JSON, no type, or a known type in a wrong shape (.problems)
    ├─ ServerRefused         the server's `error`, joined to the command that caused it
    ├─ ResponseFailed        an awaited response ended `failed`
    ├─ CommandTimeout        no confirmation in time
    ├─ ConnectFailed         refused at HTTP, or in-band, or never ready
    ├─ SessionLost           the line or the session ended
    ├─ AudioError            format mismatch, device or file trouble
    └─ MissingExtra          this needs an optional dependency

Exceptions carry facts in attributes; `__str__` composes the sentence from
them. Words that came from a server pass through `text.safe` before they enter
a sentence, so printing an exception can neither move a cursor nor show a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .slim import slim
from .text import safe

if TYPE_CHECKING:
    from .events.response import Response
    from .types import CloseInfo, ErrorInfo

__all__ = [
    "AudioError",
    "CommandTimeout",
    "ConnectFailed",
    "DecodeError",
    "InvalidCommand",
    "LocalProtocolError",
    "MissingExtra",
    "Problem",
    "RealtimeError",
    "RemoteProtocolError",
    "ResponseFailed",
    "ServerRefused",
    "SessionLost",
    "TurnTooShort",
]


@slim
class Problem:
    """One thing wrong with one field of one message.

    `path` is dotted with `[i]` for list positions, as the server writes its
    `param`. `found` names the kind of the value, never the value itself: a
    field may hold a token.
    """

    path: str
    message: str
    found: str = ""
    hint: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}" if self.path else self.message
        if self.found:
            text += f" (got {self.found})"
        return f"{text}; {self.hint}" if self.hint else text


class RealtimeError(Exception):
    """Base of everything below; catch it to catch all of ours."""

    def __repr__(self) -> str:
        # The arguments may hold a server's words, and those a key.
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # Facts are attributes, so neither copying nor pickling may go through __init__.
        return _restore, (type(self), self.args), self.__dict__


def _restore(cls: type[RealtimeError], args: tuple[object, ...]) -> RealtimeError:
    made = cls.__new__(cls)
    made.args = args
    return made


class LocalProtocolError(RealtimeError):
    """You asked for something this state or dialect forbids; nothing was sent.

    `hint` says what to do instead, where there is something to do.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InvalidCommand(LocalProtocolError, ValueError):
    """A client event, item or patch that the wire does not allow.

    Raised on the line that builds it. `problems` lists every fault found.
    """

    def __init__(self, subject: str, problems: tuple[Problem, ...]) -> None:
        self.subject = subject
        self.problems = problems
        super().__init__(f"{subject}: " + " | ".join(safe(str(p)) for p in problems))


class TurnTooShort(LocalProtocolError):
    """A commit of less audio than the server accepts (100 ms); nothing was sent.

    The audio stays in the server's buffer: append more, or `clear()`.
    Source of the rule: API reference, `input_audio_buffer_commit_empty`.
    """

    def __init__(self, ms: float, minimum_ms: float = 100.0) -> None:
        self.ms = ms
        self.minimum_ms = minimum_ms
        super().__init__(
            f"the turn holds {ms:.1f} ms of audio and the server takes no less than {minimum_ms:.0f} ms",
            hint="append more audio, or clear() to drop it",
        )


class RemoteProtocolError(RealtimeError):
    """Strict mode only: the server broke a rule of the protocol.

    In the default, lenient mode the same finding is a `ProtocolWarning`.
    """

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message

    def __str__(self) -> str:
        return f"{self.rule}: {safe(self.message)}"


class DecodeError(RemoteProtocolError):
    """A server message that is not JSON, has no type, or has a known type in a wrong shape."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__("decode", message)
        self.problems = problems

    def __str__(self) -> str:
        parts = [super().__str__(), *(safe(str(p)) for p in self.problems)]
        return " | ".join(parts)


class ServerRefused(RealtimeError):
    """The server's `error` event, joined to the command that caused it.

    `error` holds the server's words, `command` the wire type of what we sent,
    `event_id` its id. The session goes on; the command had no effect.
    """

    def __init__(self, error: ErrorInfo, command: str, event_id: str | None = None) -> None:
        super().__init__(error, command, event_id)
        self.error = error
        self.command = command
        self.event_id = event_id

    def __str__(self) -> str:
        where = f" [{safe(self.error.param)}]" if self.error.param else ""
        code = safe(self.error.code or self.error.type or "no code")
        return f"{self.command} was refused: {code}{where}: {safe(self.error.message)}"


class ResponseFailed(RealtimeError):
    """An awaited response ended with status `failed`.

    `response` is the final object, `error` the server's reason.
    """

    def __init__(self, response: Response, error: ErrorInfo) -> None:
        super().__init__(response, error)
        self.response = response
        self.error = error

    def __str__(self) -> str:
        code = safe(self.error.code or self.error.type or "no code")
        return f"response {safe(self.response.id or '?')} failed: {code}: {safe(self.error.message)}"


class CommandTimeout(RealtimeError):
    """No confirmation and no refusal came in time. The command may still take effect."""

    def __init__(self, command: str, waited: float, event_id: str | None = None) -> None:
        super().__init__(command, waited, event_id)
        self.command = command
        self.waited = waited
        self.event_id = event_id

    def __str__(self) -> str:
        return f"{self.command} got no answer within {self.waited:g} s"


class ConnectFailed(RealtimeError):
    """No session came of the attempt; it is not retried.

    `status` is the HTTP status where the upgrade was refused; `error` and
    `close` are the server's words where it accepted the socket and then
    refused inside it (101, one `error`, close 3000/4000/4004); `advice` says
    what to change.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error: ErrorInfo | None = None,
        close: CloseInfo | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.error = error
        self.close = close
        self.advice = advice

    def __str__(self) -> str:
        text = safe(self.message)
        return f"{text}; {self.advice}" if self.advice else text


class SessionLost(RealtimeError):
    """The line or the session ended while something was waiting for it.

    `expected` is true when we closed it ourselves; `in_flight` names the wire
    types of commands whose fate is unknown.
    """

    def __init__(self, close: CloseInfo, *, expected: bool = False, in_flight: tuple[str, ...] = ()) -> None:
        super().__init__(close)
        self.close = close
        self.expected = expected
        self.in_flight = in_flight

    def __str__(self) -> str:
        text = "the connection was closed" if self.expected else "the connection was lost"
        text += f" ({self.close})"
        if self.in_flight:
            text += f"; unanswered: {', '.join(self.in_flight)}"
        return text


class AudioError(RealtimeError):
    """Audio in a wrong format, or a device or file that does not work.

    `hint` says what to do instead, where there is something to do.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class MissingExtra(RealtimeError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, needed_for: str) -> None:
        super().__init__(extra, needed_for)
        self.extra = extra
        self.needed_for = needed_for

    def __str__(self) -> str:
        return f"{self.needed_for} needs `pip install 'realtime_raw[{self.extra}]'`"
