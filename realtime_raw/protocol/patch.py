"""Sparse changes to a session: what is not named is not sent.

A patch can hold only what was named, so "just the instructions" never carries
a voice, a tool list or a turn detection. Names are flat for the hand and land
at their GA place on the wire (`voice` -> `session.audio.output.voice`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from .. import events as ev
from ..codec import encode
from ..errors import InvalidCommand, Problem
from ..events.base import Outbound
from ..events.retired import ga_hint
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from typing import Unpack

    from ..events.audio_config import (
        CustomVoice,
        NoiseReduction,
        PcmaFormat,
        PcmFormat,
        PcmuFormat,
        SemanticVad,
        ServerVad,
        Transcription,
    )
    from ..events.session_config import (
        FunctionTool,
        McpTool,
        PromptRef,
        Reasoning,
        RetentionRatio,
        ToolChoiceFunction,
        ToolChoiceMcp,
        Tracing,
    )

__all__ = ["Path", "SessionChanges", "SessionPatch", "changed_leaves", "find", "leaves", "place_of"]

Path = tuple[str, ...]

# Where each flat name lives in the session object.
_PLACES: Mapping[str, Path] = {
    "instructions": ("instructions",),
    "model": ("model",),
    "output_modalities": ("output_modalities",),
    "voice": ("audio", "output", "voice"),
    "speed": ("audio", "output", "speed"),
    "output_format": ("audio", "output", "format"),
    "input_format": ("audio", "input", "format"),
    "transcription": ("audio", "input", "transcription"),
    "noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "parallel_tool_calls": ("parallel_tool_calls",),
    "reasoning": ("reasoning",),
    "max_output_tokens": ("max_output_tokens",),
    "truncation": ("truncation",),
    "tracing": ("tracing",),
    "prompt": ("prompt",),
    "include": ("include",),
}


class SessionChanges(TypedDict, total=False):
    """What a patch may name. `UNSET` means "not named"; `None` sends null where null means something."""

    instructions: str | Unset
    model: str | Unset
    output_modalities: Sequence[Literal["audio", "text"]] | Unset
    voice: str | CustomVoice | Unset
    speed: float | Unset
    output_format: PcmFormat | PcmuFormat | PcmaFormat | Unset
    input_format: PcmFormat | PcmuFormat | PcmaFormat | Unset
    transcription: Transcription | Unset | None
    noise_reduction: NoiseReduction | Unset | None
    turn_detection: ServerVad | SemanticVad | Unset | None
    tools: Sequence[FunctionTool | McpTool] | Unset
    tool_choice: Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceMcp | Unset
    parallel_tool_calls: bool | Unset
    reasoning: Reasoning | Unset
    max_output_tokens: int | Literal["inf"] | Unset
    truncation: Literal["auto", "disabled"] | RetentionRatio | Unset
    tracing: Literal["auto"] | Tracing | Unset | None
    prompt: PromptRef | Unset | None
    include: Sequence[Literal["item.input_audio_transcription.logprobs"]] | Unset | None


class SessionPatch:
    """A sparse change of the session's configuration, checked as it is built.

        SessionPatch(instructions="Answer briefly.", voice="marin", turn_detection=None)

    Values may be our models or plain dicts in the wire's form. Raises
    `InvalidCommand` on an unknown name, a retired one (with its GA spelling)
    or a value the wire would refuse. Nested objects merge on the server:
    naming `voice` leaves the output format alone (observed). `instructions=""`
    resets to the server's default text, not to nothing (observed); `tools=[]`
    removes all tools.
    """

    __slots__ = ("_fields",)

    def __init__(self, **changes: Unpack[SessionChanges]) -> None:
        problems = tuple(_unknown(name) for name in changes if name not in _PLACES)
        if problems:
            raise InvalidCommand("SessionPatch", problems)
        self._fields: dict[str, Any] = {}
        for name, value in changes.items():
            if value is not UNSET:
                _put(self._fields, _PLACES[name], _wire(value))
        if self._fields:
            ev.RealtimeSessionConfig(**self._fields)  # refuses wrong values here, on the caller's line

    @classmethod
    def manual(cls) -> SessionPatch:
        """Turn detection off. Nothing is checked, so that no model has to be built for it yet."""
        patch = cls()
        _put(patch._fields, _PLACES["turn_detection"], None)
        return patch

    @classmethod
    def from_wire(cls, session: Mapping[str, Any]) -> SessionPatch:
        """A patch from a session object in the wire's own nested form (`type` is optional).

        Raises `InvalidCommand` like the constructor.
        """
        patch = cls()
        fields = {key: value for key, value in session.items() if key != "type"}
        patch._fields = ev.RealtimeSessionConfig(**fields).to_wire()
        patch._fields.pop("type")
        return patch

    def event(self, kind: str = "realtime") -> ev.SessionUpdate:
        """The `session.update` for a session of this kind (`realtime` or `transcription`).

        Raises `InvalidCommand` for what a transcription session does not have.
        """
        if kind == "transcription":
            return ev.SessionUpdate(session=ev.TranscriptionSessionConfig(**self._fields))
        return ev.SessionUpdate(session=ev.RealtimeSessionConfig(**self._fields))

    def preview(self, kind: str = "realtime") -> bytes:
        """The exact JSON that `patch` would send, but for the `event_id` it adds."""
        return encode(self.event(kind))

    def merged(self, other: SessionPatch) -> SessionPatch:
        """This patch with `other` on top, where both name the same thing `other` wins."""
        patch = SessionPatch()
        for source in (self._fields, other._fields):
            for path in _PLACES.values():
                value = find(source, path)
                if value is not UNSET:
                    _put(patch._fields, path, value)
        return patch

    def __bool__(self) -> bool:
        return bool(self._fields)

    def __repr__(self) -> str:
        named = [name for name, path in _PLACES.items() if find(self._fields, path) is not UNSET]
        return f"SessionPatch({', '.join(named)})"


def leaves(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[Path]:
    """Paths of all values in a nested object; lists and empty objects are values."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*prefix, key))
        else:
            yield (*prefix, key)


def changed_leaves(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Path]:
    """Paths whose value differs, absent and null counting as equal.

    Servers fill a null in on some echoes and leave it out of others (observed
    for `include`, `prompt` and the transcription's `language`).
    """
    paths = dict.fromkeys([*leaves(before), *leaves(after)])
    return [path for path in paths if not _same(find(before, path), find(after, path))]


def place_of(path: Path) -> Path:
    """The setting a leaf belongs to: `audio.input.turn_detection.type` to `audio.input.turn_detection`."""
    return next((place for place in _PLACES.values() if path[: len(place)] == place), path)


def _same(one: Any, two: Any) -> bool:
    absent = (UNSET, None)
    return one == two or (one in absent and two in absent)


def find(tree: Mapping[str, Any], path: Path) -> Any:
    """The value at a path of a nested object, or `UNSET` if nothing is there."""
    node: Any = tree
    for part in path:
        if not isinstance(node, Mapping) or part not in node:
            return UNSET
        node = node[part]
    return node


def _put(tree: dict[str, Any], path: Path, value: Any) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value


def _wire(value: Any) -> Any:
    if isinstance(value, Outbound):
        return value.to_wire()
    if isinstance(value, (list, tuple)):
        return [_wire(item) for item in value]
    return value


def _unknown(name: str) -> Problem:
    from difflib import get_close_matches  # only a mistake pays for it

    near = get_close_matches(name, _PLACES, n=1)
    hint = ga_hint("RealtimeSessionConfig", name, None) or (f"did you mean {near[0]!r}?" if near else None)
    return Problem(name, "unknown setting", hint=hint)
