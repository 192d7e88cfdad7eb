"""One row of the turn log: who had the turn, what was said and done in it, and when.

Rows are live: they read words from the mirror and results from the response's
record whenever they are looked at. Which event belongs to which row is
`turnlog`'s affair.
"""

from __future__ import annotations

from dataclasses import asdict, field
from typing import Any, Literal

from .protocol.history_item import HistoryItem, describe
from .protocol.responses import Marks, ResponseRecord
from .slim import slim
from .text import redact
from .times import Intake, ItemTimes
from .tokens import Tokens, Transcriptions
from .types import ErrorInfo

__all__ = ["ToolUse", "Turn"]

_SOUND = frozenset({"input_audio", "output_audio"})
_NO_MARKS = Marks()


@slim(frozen=False, eq=False)
class ToolUse:
    """One call of a tool in a turn. Live: it fills as the call goes on.

    `started` is when the call was complete, so that its function could run;
    `completed` when the server confirmed the result (for MCP: said it was
    done). `error` is set where the function raised or timed out, the server
    refused the result, or the MCP server failed; a `result` may be there too:
    what the model was told of it. Tools of an MCP server have a `server_label`.
    """

    call_id: str
    name: str
    arguments: str
    started: float | None = None
    completed: float | None = None
    result: str | None = None
    error: str | None = None
    server_label: str | None = None

    @property
    def seconds(self) -> float | None:
        """From start to completion; None while it runs."""
        return None if self.started is None or self.completed is None else self.completed - self.started

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs: what is known."""
        values = {**asdict(self), "seconds": self.seconds}
        return {name: value for name, value in values.items() if value is not None}


@slim(frozen=False, eq=False)
class Turn:
    """One row: a turn of the user, a reply, or an item that was put in. Live; not yours to write to.

    `who` is user, assistant, system, tool or server. All times are seconds on
    the core's clock, None for what did not happen (yet). `commit_asked` and
    `committed` are of the user's audio; `asked`, `created`, `first_text`,
    `first_audio` and `done` of a reply; `played` and `playback_finished` need
    a player that reports them. `asked` is also when an item was put in, and
    `confirmed` when the server said so. `interrupted_at` is when the turn was
    cut: `interrupted_by` says by what.
    """

    number: int
    who: str
    opened: float
    times: ItemTimes = field(repr=False)
    inserted: bool
    out_of_band: bool
    item_ids: list[str]
    response_id: str | None
    tool_calls: list[ToolUse]
    commit_event: str | None
    commit_asked: float | None
    committed: float | None
    confirmed: float | None
    played: float | None
    playback_finished: float | None
    interrupted_at: float | None
    interrupted_by: Literal["interrupt", "speech", "truncate"] | None
    transcription: Transcriptions | None
    # What follows is filled by the log for the properties below.
    items: dict[str, HistoryItem] = field(repr=False)
    record: ResponseRecord | None = field(repr=False)
    answers_commit: float | None
    sent_at: float | None
    aside: str
    fate: str
    refusal: ErrorInfo | None

    def __init__(self, number: int, who: str, opened: float, times: ItemTimes) -> None:
        # There is one with each turn: written out it takes a third of the time.
        self.number, self.who, self.opened, self.times = number, who, opened, times
        self.inserted = self.out_of_band = False
        self.response_id = self.commit_event = None
        self.commit_asked = self.committed = self.confirmed = None
        self.played = self.playback_finished = None
        self.interrupted_at = self.interrupted_by = None
        self.transcription = self.record = self.refusal = None
        self.answers_commit = self.sent_at = None
        self.item_ids, self.tool_calls, self.items = [], [], {}
        self.aside, self.fate = "", "open"

    # Who and what

    @property
    def kind(self) -> str:
        """What the turn is made of.

        `audio`, `text` or `image`; `tool` for a reply of calls alone and for a
        result put in by hand; `mcp`; `inserted` for a message put in at a
        named place, or in another's name than the user's; `empty` for a reply
        without (or before) any output.
        """
        if self.inserted:
            return "inserted"
        parts = {part.type for item in self.items.values() for part in item.parts}
        if parts & _SOUND or self.commit_asked is not None or self.first_audio is not None:
            return "audio"
        types = {item.type for item in self.items.values()}
        if self.aside or ("message" in types and self.text):
            return "text"
        if "input_image" in parts:
            return "image"
        if any(one.startswith("mcp_") for one in types):
            return "mcp"
        if self.tool_calls or self.who == "tool":
            return "tool"
        return "audio" if self.who == "user" and self.sent_at is None else "empty"

    # When

    @property
    def marks(self) -> Marks:
        """The response's own account of its times."""
        return self.record.marks if self.record is not None else _NO_MARKS

    @property
    def asked(self) -> float | None:
        """When we asked for this reply, or put this item in."""
        return self.marks.asked if self.marks.asked is not None else self.sent_at

    @property
    def created(self) -> float | None:
        """When the server began the reply."""
        return self.marks.created

    @property
    def first_text(self) -> float | None:
        """When the first text or transcript of the reply came."""
        return self.marks.first_text

    @property
    def first_audio(self) -> float | None:
        """When the first sound of the reply came."""
        return self.marks.first_audio

    @property
    def done(self) -> float | None:
        """When generation ended; the sound may still be playing."""
        return self.marks.done

    @property
    def start(self) -> float:
        """When the turn began: its first audio was appended, it was asked for, or the server told of it."""
        intake = self._intake()
        if intake is not None:
            return intake.start
        span = self.times.span(self.item_ids[0]) if self.item_ids and self.record is None else None
        known = (self.asked, self.created, span.start if span is not None else None, self.opened)
        return next(time for time in known if time is not None)

    @property
    def end(self) -> float | None:
        """When the turn was over: cut, heard to its end, or else done; None while it lasts."""
        intake = self._intake()
        if intake is not None:
            return intake.end
        if self.interrupted_at is not None or self.playback_finished is not None:
            return self.interrupted_at if self.interrupted_at is not None else self.playback_finished
        if self.played is not None:
            return None
        return self.done if self.record is not None else self.confirmed

    @property
    def latencies(self) -> dict[str, float]:
        """How long the steps of this turn took, in seconds; only those that happened.

        `commit_to_…` counts from the last commit of the user that no reply had
        answered with text or sound before (with server VAD: from `committed`).
        """
        steps = {
            "commit_to_committed": (self.commit_asked, self.committed),
            "ask_to_confirmed": (self.sent_at, self.confirmed),
            "ask_to_created": (self.asked, self.created),
            "ask_to_first_text": (self.asked, self.first_text),
            "ask_to_first_audio": (self.asked, self.first_audio),
            "commit_to_first_text": (self.answers_commit, self.first_text),
            "commit_to_first_audio": (self.answers_commit, self.first_audio),
            "commit_to_played": (self.answers_commit, self.played),
            "first_audio_to_played": (self.first_audio, self.played),
        }
        return {
            name: until - since
            for name, (since, until) in steps.items()
            if since is not None and until is not None
        }

    # Words and sound

    @property
    def text(self) -> str:
        """All that was said or written in this turn, heard or not; late transcripts appear here."""
        return self.aside or "\n".join(filter(None, (_said(item) for item in self.items.values())))

    @property
    def heard(self) -> str | None:
        """What of a spoken reply reached the ear; None where nobody reported playback."""
        found = [item.heard for item in self.items.values() if item.heard is not None]
        return "\n".join(found) if found else None

    @property
    def unheard(self) -> str | None:
        """What of a spoken reply did not reach the ear; None where nobody reported playback."""
        found = [item.unheard for item in self.items.values() if item.unheard is not None]
        return "\n".join(filter(None, found)) if found else None

    @property
    def heard_ms(self) -> int | None:
        """Whole milliseconds heard of a reply; None where nobody reported playback."""
        found = [item.heard_ms for item in self.items.values() if item.heard_ms is not None]
        return sum(found) if found else None

    @property
    def audio_bytes(self) -> int | None:
        """Bytes of audio appended for this turn, or received of this reply; None for text."""
        intake = self._intake()
        if intake is not None:
            return intake.bytes
        received = sum(self.record.audio_bytes.values()) if self.record is not None else 0
        return received or None

    @property
    def audio_ms(self) -> float | None:
        """Milliseconds of the same."""
        intake = self._intake()
        if intake is not None:
            return intake.ms
        found = [item.generated_ms for item in self.items.values() if item.generated_ms is not None]
        return sum(found) if found else None

    # How it ended

    @property
    def status(self) -> str:
        """A reply's status as the server gave it; else open, completed, cleared, refused, timed_out, lost."""
        return self.record.status if self.record is not None else self.fate

    @property
    def error(self) -> ErrorInfo | None:
        """The server's words for a refusal or a failed reply."""
        return self.refusal or (self.record.error if self.record is not None else None)

    @property
    def reason(self) -> str | None:
        """Why it ended so, in a word or a sentence: `turn_detected`, `max_output_tokens`, an error."""
        error = self.error
        if error is not None:
            return redact(": ".join(filter(None, (error.code or error.type, error.message))))
        response = self.record.response if self.record is not None else None
        return response.status_details.reason if response and response.status_details else None

    @property
    def interrupted(self) -> bool:
        """Whether it was cut by an interruption or a truncation."""
        return self.interrupted_at is not None

    @property
    def tokens(self) -> Tokens | None:
        """What the reply used; None until it is done, and where the server does not say."""
        response = self.record.response if self.record is not None else None
        return Tokens.of(response.usage) if response is not None and response.usage is not None else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs: everything that is known, and only that."""
        values: dict[str, Any] = {name: getattr(self, name) for name in _SHOWN}
        values["tool_calls"] = [use.to_dict() for use in self.tool_calls]
        values["tokens"] = self.tokens.to_dict() if self.tokens is not None else None
        used = self.transcription
        values["transcription"] = used.to_dict() if used is not None else None
        return {name: value for name, value in values.items() if value not in (None, [], {}, False, "")}

    def _intake(self) -> Intake | None:
        if self.committed is not None and self.item_ids:
            return self.times.intake(self.item_ids[0])
        return self.times.intake(self.commit_event) if self.commit_event is not None else None


def _said(item: HistoryItem) -> str:
    if item.type == "message":
        return item.generated
    return "" if item.type in ("function_call", "mcp_call") else describe(item)


_SHOWN = (
    "number",
    "who",
    "kind",
    "inserted",
    "out_of_band",
    "item_ids",
    "response_id",
    "status",
    "reason",
    "start",
    "end",
    "audio_bytes",
    "audio_ms",
    "commit_asked",
    "committed",
    "asked",
    "confirmed",
    "created",
    "first_text",
    "first_audio",
    "done",
    "played",
    "playback_finished",
    "interrupted_at",
    "interrupted_by",
    "heard_ms",
    "text",
    "heard",
    "unheard",
    "latencies",
)
