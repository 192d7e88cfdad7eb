"""What the simulated model does: a function of what it was shown.

`Turn` is what it is shown, `Reply` what it does, a `Scenario` turns one into
the other. The one that needs no file is in `default_scenario`, those read from
files are in `script`. Nothing here knows of events, time or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, runtime_checkable

import orjson

from .sound import Heard

__all__ = [
    "Brain",
    "Call",
    "Failure",
    "Foretelling",
    "McpCall",
    "McpServer",
    "McpServing",
    "Reply",
    "Say",
    "Scenario",
    "Segment",
    "Silence",
    "Spoken",
    "Starting",
    "Step",
    "Translating",
    "Turn",
    "Wait",
]


@dataclass(frozen=True, slots=True)
class Say:
    """The model says `text`, in the modality the response asks for.

    `phase` is `commentary` for a preamble, `final_answer`, or None (observed on
    the gpt-realtime-2 family).
    """

    text: str
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """The model answers with `seconds` of silent audio and no words (in text: an empty one)."""

    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Wait:
    """The model takes `seconds` before it goes on (at natural speed)."""

    seconds: float


def _json_of(arguments: Mapping[str, Any] | str) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(dict(arguments)).decode()


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls the function `name`; `arguments` is a mapping, or JSON text as it shall be sent."""

    name: str
    arguments: Mapping[str, Any] | str = "{}"

    @property
    def json(self) -> str:
        return _json_of(self.arguments)


@dataclass(frozen=True, slots=True)
class McpCall:
    """The server calls the tool `name` of the MCP server `server`; `output` is what that answers.

    With `error` the call fails: `{"type": "tool_execution_error", "message": ...}`,
    or `http_error` or `protocol_error` with a `code` besides. Whether it needs an
    approval first is decided by the tool's `require_approval`; the server itself
    sets `approval_request_id` on a call that was approved.
    """

    server: str
    name: str
    arguments: Mapping[str, Any] | str = "{}"
    output: str = ""
    error: Mapping[str, Any] | None = None
    approval_request_id: str | None = None

    @property
    def json(self) -> str:
        return _json_of(self.arguments)


Step: TypeAlias = Say | Silence | Wait | Call | McpCall


@dataclass(frozen=True, slots=True)
class Failure:
    """The response ends `failed`: the `error` of its `status_details`."""

    code: str
    message: str
    type: str = "server_error"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model does in one response: steps in order, then the end it comes to.

    `failure` ends it `failed`, `limited` ends it `incomplete` for `max_output_tokens`,
    `filtered` for `content_filter`. `pace` is how many times slower than nature it is.
    """

    outputs: tuple[Step, ...] = ()
    failure: Failure | None = None
    filtered: bool = False
    limited: bool = False
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One speaker's words in a diarized transcript; seconds from the beginning of the item."""

    text: str
    speaker: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the user said in one turn of audio.

    With `failure` its transcription fails. `segments` are sent by models that
    diarize, `languages` by those that detect them.
    """

    text: str = ""
    segments: tuple[Segment, ...] = ()
    languages: tuple[str, ...] = ()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class McpServer:
    """What an MCP server answers when its tools are listed; with `failure` the listing fails."""

    tools: tuple[Mapping[str, Any], ...] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model is shown for one response.

    `items` are wire objects in order, without audio; by item id, `heard` has facts
    about the audio of those that have some, and `spoken` what was said in it.
    `instructions` are what is in force, `own_instructions` those of
    `response.create` if it had any. `mcp` are the tools listed by now, by server.
    `number` counts the session's responses from 1.
    """

    items: tuple[Mapping[str, Any], ...] = ()
    heard: Mapping[str, Heard]
    spoken: Mapping[str, str] = field(default_factory=dict)
    instructions: str = ""
    own_instructions: str | None = None
    modality: str = "audio"
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    metadata: Mapping[str, str] | None = None
    mcp: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    number: int = 1
    out_of_band: bool = False
    parallel_tool_calls: bool = True

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The newest item that is not a system message."""
        return next((item for item in reversed(self.items) if item.get("role") != "system"), None)

    @property
    def text(self) -> str:
        """The words of `last`, if a user or the assistant wrote or spoke it; else empty."""
        return self.words_of(self.last) if self.last is not None else ""

    def words_of(self, item: Mapping[str, Any]) -> str:
        """What was written or said in one of `items`."""
        texts = (part.get("text") or part.get("transcript") for part in item.get("content", ()))
        written = " ".join(text for text in texts if text)
        return written or self.spoken.get(str(item.get("id")), "")

    def function(self, name: str) -> Mapping[str, Any] | None:
        """The function tool called `name`."""
        return next((tool for tool in self.functions if tool["name"] == name), None)

    @property
    def functions(self) -> tuple[Mapping[str, Any], ...]:
        """The tools that are functions."""
        return tuple(tool for tool in self.tools if tool["type"] == "function")


class Scenario(Protocol):
    """A simulated model. One object may serve many sessions; state per session is its own affair."""

    def reply(self, turn: Turn) -> Reply:
        """What to do now. An exception makes the response fail with `server_error`."""

    def transcript(self, heard: Heard) -> str | Spoken:
        """What was spoken in a committed turn of audio. Asked once for each turn, transcribed or not."""


@runtime_checkable
class Foretelling(Protocol):
    """A scenario that knows what is being spoken, before the turn ends: live transcription can stream it."""

    def coming(self) -> str | None:
        """What the next `transcript` will be; None if that cannot be told yet."""


@runtime_checkable
class McpServing(Protocol):
    """A scenario that has MCP servers."""

    def mcp_server(self, label: str) -> McpServer:
        """The server a session calls `label`."""


@runtime_checkable
class Translating(Protocol):
    """A scenario that translates, for translation sessions."""

    def translate(self, text: str, language: str) -> str:
        """`text` in `language` (a code such as `es`)."""


@runtime_checkable
class Starting(Protocol):
    """Something each session gets a scenario of its own from."""

    def start(self) -> Scenario:
        """A scenario for one session."""


# What may be given where a scenario is wanted: one, a source of them, or a function of the turn.
Brain: TypeAlias = Scenario | Starting | Callable[[Turn], str | Reply]
