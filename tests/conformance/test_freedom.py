"""What a model is free to do, and what a server need not have, is no failure of the protocol."""

from __future__ import annotations

import functools
import math
from typing import Any

import pytest

from realtime_raw.conformance.cases import case_of
from realtime_raw.conformance.mcp_server import VARIABLE, server
from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.default_scenario import DefaultScenario
from realtime_raw.loopback.fault_filters import Drop, Edit
from realtime_raw.loopback.scenario import Brain, Call, McpServer, Reply
from tests.conformance.harness import drop, every, judged, mutant, set_
from tests.conformance.hearing import deaf_to, hearing, overhears

_INSTANT: Any = functools.partial(SimulatedSession, speed=math.inf)
_NO_USAGE = Edit(every("response.done"), set_("response.usage", None))
_UNANNOUNCED = Drop(every("conversation.item.*"))


def _talks() -> Brain:
    """Never calls anything."""
    return lambda turn: "I would rather talk."


def _calls_without_arguments() -> Brain:
    return lambda turn: Reply((Call("get_weather", {}),))


class _Unlisted(DefaultScenario):
    """Has MCP servers nobody can reach."""

    def mcp_server(self, label: str) -> McpServer:
        """Never."""
        return McpServer(failure="unreachable")


def _good_parts(event: dict[str, Any]) -> dict[str, Any]:
    """Skips parts it does not know."""
    item = event.get("item") or {}
    if "content" in item:
        item["content"] = [part for part in item["content"] if "text" in part]
    return event


NOT_COMPLIED: list[tuple[str, list[Any], dict[str, Any]]] = [
    *(
        (case_id, [], {"session": _INSTANT})
        for case_id in (
            "RT-RESP-030",  # over before it could be cancelled
            "RT-RESP-040",  # over before the second was asked for
            "RT-RESP-041",
            "RT-RESP-042",
            "RT-OOB-017",
            "RT-OOB-019",
        )
    ),
    ("RT-RESP-003", [Edit(every("response.done"), set_("response.status", "failed"))], {}),
    ("RT-RESP-054", [], {"scenario": lambda: lambda turn: "No."}),
    ("RT-RESP-055", [], {"scenario": lambda: lambda turn: "No."}),
    ("RT-TOOL-002", [], {"scenario": _talks}),
    ("RT-TOOL-002", [Drop(every("response.output_item.added"))], {}),
    ("RT-TOOL-006", [], {"scenario": _calls_without_arguments}),
    ("RT-TOOL-014", [], {"scenario": _talks}),
    ("RT-TOOL-024", [], {"scenario": _talks}),
    ("RT-MCP-012", [Drop(every("response.done"))], {}),
    ("RT-MCP-021", [], {"scenario": _talks}),
    ("RT-MCP-030", [], {"scenario": _talks}),
    ("RT-MCP-031", [], {"scenario": _talks}),
    ("RT-TRNS-006", [Drop(every("session.output_*"))], {}),
    ("RT-TRNS-007", [Drop(every("session.output_transcript.delta"))], {}),
    ("RT-RESI-042", [], {"session": hearing(_good_parts)}),
    ("RT-OOB-010", [], {"session": overhears("response.create", "response", "conversation")}),
]
_NO_TOKENS = Edit(every("response.done"), set_("response.usage.input_tokens", 0))
UNSUPPORTED: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("RT-RESP-058", [_NO_USAGE], {}),
    ("RT-OOB-006", [_NO_USAGE], {}),
    ("RT-OOB-006", [_NO_TOKENS], {}),
    ("RT-RESP-060", [_NO_TOKENS], {}),
    ("RT-RESP-031", [], {"session": deaf_to("response.cancel")}),
    ("RT-OOB-019", [Drop(every("input_audio_buffer.speech_started"))], {}),
    ("RT-RESP-059", [Edit(every("response.done"), drop("response.usage.input_token_details"))], {}),
    ("RT-RESP-061", [], {"behaviour": {"rate_limits": False}}),
    ("RT-RESP-021", [_UNANNOUNCED], {}),
    ("RT-RESP-029", [_UNANNOUNCED], {}),
    ("RT-MCP-003", [], {"scenario": _Unlisted}),
    ("RT-TOOL-025", [], {"session": hearing(lambda e: {**e, "type": "x"} if "response" in e else e)}),
]


@pytest.mark.parametrize(("case_id", "filters", "options"), NOT_COMPLIED)
def test_a_models_freedom_is_no_failure(case_id: str, filters: list[Any], options: dict[str, Any]) -> None:
    """Asked again, and then told as what it is."""
    result = judged(case_of(case_id), mutant(case_id, "a free model", *filters, **options)).result
    assert (result.verdict, result.retried) == ("not_complied", True), result.message
    assert result.message


@pytest.mark.parametrize(("case_id", "filters", "options"), UNSUPPORTED)
def test_what_is_absent_is_no_failure(case_id: str, filters: list[Any], options: dict[str, Any]) -> None:
    """What a server need not have."""
    result = judged(case_of(case_id), mutant(case_id, "a lesser server", *filters, **options)).result
    assert result.verdict == "unsupported", result.message
    assert result.message


def test_the_mcp_server_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable of the environment."""
    monkeypatch.delenv(VARIABLE, raising=False)
    assert server()["server_url"].startswith("https://")
    monkeypatch.setenv(VARIABLE, "https://mine.test/mcp")
    assert server("mine", require_approval=None) == {
        "type": "mcp",
        "server_label": "mine",
        "server_url": "https://mine.test/mcp",
    }
