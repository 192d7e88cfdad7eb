"""A scenario as data: steps that are matched on what the model was told, or done in sequence.

`Script` is the data and can be shared; `ScriptRun` is one session's way
through it. Reading it from a file is in `script_file`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from . import grasp
from .default_scenario import DefaultScenario
from .scenario import Failure, McpCall, McpServer, Reply, Say, Scenario, Spoken, Turn
from .sound import Heard

__all__ = ["Condition", "Script", "ScriptRun", "ScriptStep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a turn must be like. Only what is given counts; all of it must hold."""

    said: str | None = None  # in the newest words of the user; case does not matter
    matches: re.Pattern[str] | None = None  # the same, as a regular expression
    heard: Literal["text", "audio", "silence", "output", "nothing"] | None = None
    output_of: str | None = None  # the tool whose output is the newest item
    instructions: str | None = None  # in the instructions in force
    metadata: Mapping[str, str] | None = None  # among the response's metadata
    modality: str | None = None
    out_of_band: bool | None = None
    response: int | None = None  # the session's first response is 1

    def holds(self, turn: Turn) -> bool:
        """Whether `turn` is like that."""
        metadata = turn.metadata or {}
        return (
            (self.said is None or self.said.casefold() in turn.text.casefold())
            and (self.matches is None or self.matches.search(turn.text) is not None)
            and self.heard in (None, _newest(turn))
            and self.output_of in (None, _answered(turn))
            and (self.instructions is None or self.instructions.casefold() in turn.instructions.casefold())
            and all(metadata.get(key) == value for key, value in (self.metadata or {}).items())
            and self.modality in (None, turn.modality)
            and self.out_of_band in (None, turn.out_of_band)
            and self.response in (None, turn.number)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStep:
    """One reply, and when to give it. Without `when` it is a step of the sequence, done `times` times (1)."""

    reply: Reply
    when: Condition | None = None
    times: int | None = None  # None: a step of the sequence once, one with a condition always


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Everything a scenario file says. `otherwise` is what happens in turns no step is for."""

    steps: tuple[ScriptStep, ...] = ()
    spoken: tuple[str | Spoken, ...] = ()
    otherwise: Literal["default", "silence", "fail"] = "default"
    mcp: Mapping[str, McpServer] = field(default_factory=dict)
    # By language, then by the words (case and punctuation at the end do not matter).
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def start(self) -> Scenario:
        """One session's way through it."""
        return ScriptRun(self)


class ScriptRun:
    """One session's way through a `Script`."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._default = DefaultScenario(script.spoken)
        self._done: Counter[int] = Counter()

    def reply(self, turn: Turn) -> Reply:
        """The first step whose condition holds; else the next of the sequence; else `otherwise`."""
        for conditional in (True, False):
            for index, step in enumerate(self._script.steps):
                if (step.when is not None) is conditional and self._is_due(index, step, turn):
                    self._done[index] += 1
                    return _filled(step.reply, turn)
        if self._script.otherwise == "default":
            return self._default.reply(turn)
        if self._script.otherwise == "silence":
            return Reply()
        return Reply(failure=Failure("server_error", "The scenario has no step for this turn."))

    def _is_due(self, index: int, step: ScriptStep, turn: Turn) -> bool:
        if step.when is None:
            return self._done[index] < (step.times or 1)
        return (step.times is None or self._done[index] < step.times) and step.when.holds(turn)

    def transcript(self, heard: Heard) -> str | Spoken:
        """The next of `spoken`."""
        return self._default.transcript(heard)

    def coming(self) -> str | None:
        """The next of `spoken`, not taken yet."""
        return self._default.coming()

    def mcp_server(self, label: str) -> McpServer:
        """The one the file describes; else the default scenario's."""
        return self._script.mcp.get(label) or self._default.mcp_server(label)

    def translate(self, text: str, language: str) -> str:
        """The words of the file; else the default scenario's."""
        known = {_plain(said): meant for said, meant in self._script.translations.get(language, {}).items()}
        return known.get(_plain(text)) or self._default.translate(text, language)


def _plain(text: str) -> str:
    return text.strip().rstrip(".!?").casefold()


def _newest(turn: Turn) -> str:
    """What kind of thing the newest item is."""
    last = turn.last
    if last is None:
        return "nothing"
    if last["type"] in ("function_call_output", "mcp_call"):
        return "output"
    heard = turn.heard.get(str(last.get("id")))
    if heard is None:
        return "text"
    return "silence" if heard.dbfs == -math.inf else "audio"


def _answered(turn: Turn) -> str | None:
    """The name of the tool whose output is the newest item."""
    last = turn.last
    if last is None or last["type"] != "function_call_output":
        return str(last["name"]) if last is not None and last["type"] == "mcp_call" else None
    calls = (item for item in turn.items if item.get("call_id") == last["call_id"] and "name" in item)
    return next((str(item["name"]) for item in calls), None)


def _filled(reply: Reply, turn: Turn) -> Reply:
    """`{said}` and `{output}` in what is said are the user's newest words, and the newest tool outputs."""
    values = {"{said}": turn.text, "{output}": " and ".join(grasp.newest_outputs(turn.items))}

    def fill(text: str) -> str:
        return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text)

    steps: list[Any] = []
    for step in reply.outputs:
        if isinstance(step, Say):
            steps.append(replace(step, text=fill(step.text)))
        elif isinstance(step, McpCall):
            steps.append(replace(step, output=fill(step.output)))
        else:
            steps.append(step)
    return replace(reply, outputs=tuple(steps))
