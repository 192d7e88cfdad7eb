"""The scenario of a server that was given none: predictable, and enough for a client's own live suite.

It repeats what it is told and measures what it hears; it obeys "say only:
...", quotes what was said earlier when it is asked about it, calls the tools
a text names, and says what they answered. How it understands is in `grasp`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import grasp
from .scenario import Brain, Call, McpCall, McpServer, Reply, Say, Scenario, Spoken, Starting, Turn
from .sound import Heard

__all__ = ["DefaultScenario", "as_scenario"]

_ECHO_TOOL = {
    "name": "echo",
    "description": "Answers with the text it is given.",
    "input_schema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "annotations": None,
}
_UNREACHABLE = "unreachable"


class DefaultScenario:
    """Repeats text, measures audio, follows "say only: ...", recalls, and calls the tools it is told to.

    `spoken` is what the user's audio says, turn by turn; when it runs out, the
    transcript states the duration, and the reply measures the sound. Silence is
    "". Every MCP server has one tool, `echo`; only one called `unreachable` cannot be listed.
    """

    def __init__(self, spoken: Sequence[str | Spoken] = ()) -> None:
        self._spoken = list(spoken)

    def transcript(self, heard: Heard) -> str | Spoken:
        """The next of `spoken`; a sentence with the duration when there is none; nothing for silence."""
        if heard.dbfs == -math.inf:
            return ""
        if self._spoken:
            return self._spoken.pop(0)
        return _measured(heard)

    def coming(self) -> str | None:
        """The next of `spoken`, which is known before it has been spoken to its end."""
        if not self._spoken:
            return None
        spoken = self._spoken[0]
        return spoken if isinstance(spoken, str) else spoken.text

    def mcp_server(self, label: str) -> McpServer:
        """One tool, whatever the label; the one called `unreachable` fails."""
        if label == _UNREACHABLE:
            return McpServer(failure="The server cannot be reached.")
        return McpServer((_ECHO_TOOL,))

    def translate(self, text: str, language: str) -> str:
        """The words as they are, marked with the language nobody put them into."""
        return f"[{language}] {text}"

    def reply(self, turn: Turn) -> Reply:
        """The tool calls that are due, else what there is to say."""
        called = _tool_calls(turn)
        if not turn.parallel_tool_calls:
            called = called[:1]
        return Reply(called or (Say(self._say(turn)),))

    def _say(self, turn: Turn) -> str:
        for words in (turn.own_instructions, turn.text, turn.instructions):
            ordered = grasp.ordered_words(words or "")
            if ordered is not None:
                return ordered
        last = turn.last
        if last is None:
            return "Hello. This is the loopback server. Say something, and I will say it back."
        outputs = grasp.newest_outputs(turn.items)
        if outputs:
            return f"The tool answered: {grasp.short(' and '.join(outputs))}"
        if last.get("role") == "user":
            return grasp.recalled(turn) or _answer(turn, last)
        return "There is nothing new to answer."


class _Bridged:
    """A plain function as a scenario."""

    def __init__(self, function: Callable[[Turn], str | Reply]) -> None:
        self._function = function
        self._default = DefaultScenario()

    def reply(self, turn: Turn) -> Reply:
        said = self._function(turn)
        return Reply((Say(said),)) if isinstance(said, str) else said

    def transcript(self, heard: Heard) -> str | Spoken:
        return self._default.transcript(heard)

    def mcp_server(self, label: str) -> McpServer:
        return self._default.mcp_server(label)

    def translate(self, text: str, language: str) -> str:
        return self._default.translate(text, language)


def as_scenario(brain: Brain | None) -> Scenario:
    """`brain` as a scenario for one session; None is the default one."""
    if brain is None:
        return DefaultScenario()
    if isinstance(brain, Starting):
        return brain.start()
    return brain if not callable(brain) else _Bridged(brain)


def _measured(heard: Heard) -> str:
    return f"{heard.seconds:.1f} seconds of speech."


def _answer(turn: Turn, item: Mapping[str, Any]) -> str:
    heard, said = turn.heard.get(str(item["id"])), []
    words = " ".join(part["text"] for part in item["content"] if part["type"] == "input_text").strip()
    if heard is not None:
        spoken = turn.words_of(item) if not words else ""
        if heard.dbfs == -math.inf:
            said.append(f"I heard {heard.seconds:.1f} seconds of silence.")
        elif spoken in ("", _measured(heard)):
            said.append(f"I heard {heard.seconds:.1f} seconds of audio at {heard.dbfs:.0f} dBFS.")
        else:
            words = spoken
    if words:
        said.append(f"You said: {grasp.short(words)}")
    images = sum(part["type"] == "input_image" for part in item["content"])
    if images:
        said.append("You sent an image." if images == 1 else f"You sent {images} images.")
    return " ".join(said) or "You sent an empty message."


# --- which tools are due ------------------------------------------------------------------


def _tool_calls(turn: Turn) -> tuple[Call | McpCall, ...]:
    """The calls that must be made, or that a text asks for by the tools' names."""
    choice = turn.tool_choice
    if isinstance(choice, Mapping):
        return _chosen(turn, choice)
    if choice == "required" and (turn.functions or any(turn.mcp.values())):
        return _named(turn) or (_first(turn),)
    last = turn.last
    if choice in ("auto", "required") and last is not None and last.get("role") == "user":
        return _named(turn)
    return ()


def _chosen(turn: Turn, choice: Mapping[str, Any]) -> tuple[Call | McpCall, ...]:
    """The tool a `tool_choice` object names. A server's tools can only be called once they are listed."""
    if choice["type"] == "function":
        function = turn.function(choice["name"]) or {"name": choice["name"]}
        return (_call(turn, function),)
    label, wanted = choice["server_label"], choice.get("name")
    tools = [tool for tool in turn.mcp.get(label, ()) if wanted in (None, tool["name"])]
    return (_mcp_call(turn, label, tools[0]),) if tools else ()


def _first(turn: Turn) -> Call | McpCall:
    """A call of the first tool there is: there must be one."""
    if turn.functions:
        return _call(turn, turn.functions[0])
    label, tools = next((label, tools) for label, tools in turn.mcp.items() if tools)
    return _mcp_call(turn, label, tools[0])


def _named(turn: Turn) -> tuple[Call | McpCall, ...]:
    """Every tool the newest text names, in the text's order."""
    found: list[tuple[int, Call | McpCall]] = []
    for tool in turn.functions:
        at = grasp.place_of(tool["name"], turn.text)
        if at is not None:
            found.append((at, _call(turn, tool)))
    for label, tools in turn.mcp.items():
        for tool in tools:
            at = grasp.place_of(tool["name"], turn.text)
            if at is not None:
                found.append((at, _mcp_call(turn, label, tool)))
    return tuple(call for _, call in sorted(found, key=lambda each: each[0]))


def _call(turn: Turn, tool: Mapping[str, Any]) -> Call:
    return Call(tool["name"], grasp.arguments(tool.get("parameters"), turn.text))


def _mcp_call(turn: Turn, label: str, tool: Mapping[str, Any]) -> McpCall:
    arguments = grasp.arguments(tool.get("input_schema"), turn.text)
    return McpCall(label, tool["name"], arguments, output=str(arguments.get("text", "done")))
