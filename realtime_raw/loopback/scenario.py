"""What the simulated model says: a function of what it was shown.

`Turn` is what it is shown, `Reply` what it does. `DefaultScenario` repeats
what it is told, measures what it hears, obeys "say only: ..." and calls the
tools it must. Nothing here knows of events, time or sockets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import orjson

from .sound import Heard

__all__ = ["Brain", "Call", "DefaultScenario", "Failure", "Reply", "Say", "Scenario", "Turn", "as_scenario"]


@dataclass(frozen=True, slots=True)
class Say:
    """The model says `text`, in the modality the response asks for.

    `phase` is `commentary` for a preamble, `final_answer`, or None (observed on
    the gpt-realtime-2 family).
    """

    text: str
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls the function `name`; `arguments` is a mapping, or JSON text as it shall be sent."""

    name: str
    arguments: Mapping[str, Any] | str = "{}"

    @property
    def json(self) -> str:
        if isinstance(self.arguments, str):
            return self.arguments
        return orjson.dumps(dict(self.arguments)).decode()


@dataclass(frozen=True, slots=True)
class Failure:
    """The response ends `failed`: the `error` of its `status_details`."""

    code: str
    message: str
    type: str = "server_error"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model does in one response: items in order, then the end it comes to.

    `filtered` ends it `incomplete` for `content_filter`, `failure` ends it `failed`.
    """

    outputs: tuple[Say | Call, ...] = ()
    failure: Failure | None = None
    filtered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model is shown for one response.

    `items` are wire objects in order, without audio; `heard` has facts about
    the audio of those that have some, by item id. `instructions` are what is
    in force, `own_instructions` those of `response.create` if it had any.
    """

    items: tuple[Mapping[str, Any], ...] = ()
    heard: Mapping[str, Heard]
    instructions: str = ""
    own_instructions: str | None = None
    modality: str = "audio"
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] = "auto"
    metadata: Mapping[str, str] | None = None

    @property
    def last(self) -> Mapping[str, Any] | None:
        """The newest item that is not a system message."""
        return next((item for item in reversed(self.items) if item.get("role") != "system"), None)

    @property
    def text(self) -> str:
        """The text of `last`, if a user or the assistant wrote it; else empty."""
        return _text_of(self.last) if self.last is not None else ""

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

    def transcript(self, heard: Heard) -> str:
        """What was spoken in a committed turn of audio, if it is to be transcribed."""


# What may be given where a scenario is wanted: one, or a function of the turn.
Brain: TypeAlias = Scenario | Callable[[Turn], str | Reply]


class DefaultScenario:
    """Repeats text, measures audio, follows "say only: ...", calls the tools it is told to call.

    `spoken` is what the user's audio says, turn by turn, for transcriptions;
    when it runs out, the transcript states the duration. Silence is "".
    """

    def __init__(self, spoken: Sequence[str] = ()) -> None:
        self._spoken = list(spoken)

    def transcript(self, heard: Heard) -> str:
        """The next of `spoken`; a sentence with the duration when there is none; nothing for silence."""
        if heard.dbfs == -math.inf:
            return ""
        if self._spoken:
            return self._spoken.pop(0)
        return f"{heard.seconds:.1f} seconds of speech."

    def reply(self, turn: Turn) -> Reply:
        """A tool call if one is due, else what there is to say."""
        called = _tool_call(turn)
        if called is not None:
            return Reply((called,))
        return Reply((Say(self._say(turn)),))

    def _say(self, turn: Turn) -> str:
        for words in (turn.own_instructions, turn.text, turn.instructions):
            ordered = _ordered_words(words or "")
            if ordered is not None:
                return ordered
        last = turn.last
        if last is None:
            return "Hello. This is the loopback server. Say something, and I will say it back."
        if last["type"] == "function_call_output":
            return f"The tool answered: {_short(last['output'])}"
        if last.get("role") == "user":
            return _answer(last, turn.heard.get(str(last["id"])))
        return "There is nothing new to answer."


class _Bridged:
    """A plain function as a scenario."""

    def __init__(self, function: Callable[[Turn], str | Reply]) -> None:
        self._function = function
        self._default = DefaultScenario()

    def reply(self, turn: Turn) -> Reply:
        said = self._function(turn)
        return Reply((Say(said),)) if isinstance(said, str) else said

    def transcript(self, heard: Heard) -> str:
        return self._default.transcript(heard)


def as_scenario(brain: Brain | None) -> Scenario:
    """`brain` as a scenario; None is the default one."""
    if brain is None:
        return DefaultScenario()
    return brain if not callable(brain) else _Bridged(brain)


# --- what the default scenario understands ------------------------------------------------

_SAY_ONLY = re.compile(
    r"\b(?:say|reply|answer|respond)(?: with)? (?:only|exactly|just)(?: the words?)?[:,]? *(?P<words>[^\n]+)",
    re.IGNORECASE,
)
_LONGEST_ECHO = 600


def _ordered_words(text: str) -> str | None:
    """`pineapple` out of `Say only: "pineapple".`; the quotes go, and a full stop that is not inside them."""
    found = _SAY_ONLY.search(text)
    if found is None:
        return None
    words = found["words"].strip()
    quoted = re.match(r"[\"“'‘](?P<inside>[^\"”’]+)[\"”'’]", words)
    if quoted is not None:
        return quoted["inside"]
    return words.rstrip(".") or None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]} and so on."


def _text_of(item: Mapping[str, Any]) -> str:
    texts = (part.get("text") or part.get("transcript") for part in item.get("content", ()))
    return " ".join(text for text in texts if text)


def _answer(item: Mapping[str, Any], heard: Heard | None) -> str:
    said = []
    if heard is not None:
        if heard.dbfs == -math.inf:
            said.append(f"I heard {heard.seconds:.1f} seconds of silence.")
        else:
            said.append(f"I heard {heard.seconds:.1f} seconds of audio at {heard.dbfs:.0f} dBFS.")
    written = " ".join(part["text"] for part in item["content"] if part["type"] == "input_text")
    if written.strip():
        said.append(f"You said: {_short(written.strip())}")
    images = sum(part["type"] == "input_image" for part in item["content"])
    if images:
        said.append("You sent an image." if images == 1 else f"You sent {images} images.")
    return " ".join(said) or "You sent an empty message."


def _tool_call(turn: Turn) -> Call | None:
    """The call that must be made, or that a text asks for by the tool's name."""
    choice = turn.tool_choice
    if isinstance(choice, Mapping):
        if choice["type"] != "function":
            return None
        return Call(choice["name"], _arguments(turn.function(choice["name"]), turn.text))
    if choice == "required" and turn.functions:
        wanted = _named_in(turn.text, turn) or turn.functions[0]
        return Call(wanted["name"], _arguments(wanted, turn.text))
    last = turn.last
    if choice == "auto" and last is not None and last.get("role") == "user":
        named = _named_in(turn.text, turn)
        if named is not None:
            return Call(named["name"], _arguments(named, turn.text))
    return None


def _named_in(text: str, turn: Turn) -> Mapping[str, Any] | None:
    return next((tool for tool in turn.functions if re.search(rf"\b{re.escape(tool['name'])}\b", text)), None)


def _arguments(tool: Mapping[str, Any] | None, text: str) -> dict[str, Any]:
    """Arguments that fit the tool's schema: its required properties, each with a plain value."""
    schema = (tool or {}).get("parameters") or {}
    made = _example(schema, text, depth=0)
    return made if isinstance(made, dict) else {}


_DEEPEST = 8
_PLAIN: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "array": [], "null": None}


def _example(schema: object, text: str, *, depth: int) -> Any:
    """A value for a JSON Schema, a plain one. The schema is a stranger's: it may hold anything."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "string":
        return _short(text) or "text"
    if kind != "object":
        return _PLAIN.get(kind) if isinstance(kind, str) else None
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return {}
    return {
        name: _example(properties.get(name), text, depth=depth + 1)
        for name in required
        if isinstance(name, str)
    }
