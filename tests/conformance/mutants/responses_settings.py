"""Servers that lose what a response was asked to be, or count wrongly."""

from __future__ import annotations

from typing import Any

from realtime_raw.loopback.fault_filters import Edit
from tests.conformance.harness import change, drop, every, mutant, set_
from tests.conformance.hearing import hearing, overhears

Event = dict[str, Any]

_DONE = "response.done"


def _always_audio(event: Event) -> Event:
    if event["type"] == "response.create":
        event["response"]["output_modalities"] = ["audio"]
    return event


def _forgetting(event: Event) -> Event:
    if event["type"] == "response.create":
        event["response"]["input"] = []
    return event


MUTANTS = [
    mutant(
        "RT-RESP-050",
        "metadata is lost",
        session=overhears("response.create", "response", "metadata"),
    ),
    mutant("RT-RESP-050", "metadata is lost in the end", Edit(every(_DONE), set_("response.metadata", None))),
    mutant(
        "RT-RESP-051",
        "a response's instructions become the session's",
        Edit(every("session.updated", nth=2), set_("session.instructions", "Say only: pineapple")),
    ),
    mutant("RT-RESP-052", "everything is spoken", session=hearing(_always_audio)),
    mutant(
        "RT-RESP-052",
        "text is called audio",
        Edit(every(_DONE), set_("response.output_modalities", ["audio"])),
    ),
    mutant(
        "RT-RESP-053",
        "the session's format is used",
        session=overhears("response.create", "response", "audio"),
    ),
    mutant(
        "RT-RESP-054",
        "there is no limit",
        session=overhears("response.create", "response", "max_output_tokens"),
    ),
    mutant(
        "RT-RESP-054",
        "cut answers are completed",
        Edit(every(_DONE), set_("response.status", "completed")),
        session=None,
    ),
    mutant(
        "RT-RESP-054",
        "the reason is a filter",
        Edit(every(_DONE), set_("response.status_details.reason", "content_filter")),
    ),
    mutant(
        "RT-RESP-055",
        "cut items are completed",
        Edit(every(_DONE), set_("response.output[0].status", "completed")),
    ),
    mutant(
        "RT-RESP-056",
        "the limit is passed",
        Edit(every(_DONE), set_("response.usage.output_tokens", 9)),
    ),
    mutant("RT-RESP-057", "there is no usage", Edit(every(_DONE), set_("response.usage", None))),
    mutant(
        "RT-RESP-057",
        "nothing was said, by the bill",
        Edit(every(_DONE), set_("response.usage.output_tokens", 0)),
    ),
    mutant(
        "RT-RESP-058",
        "one token too many",
        Edit(every(_DONE), change("response.usage.total_tokens", lambda n: n + 1)),
    ),
    mutant(
        "RT-RESP-059",
        "text tokens are forgotten",
        Edit(every(_DONE), set_("response.usage.input_token_details.text_tokens", 0)),
    ),
    mutant(
        "RT-RESP-060",
        "the conversation is forgotten",
        session=hearing(
            lambda e: {**e, "response": {**e["response"], "input": []}} if "response" in e else e
        ),
    ),
    mutant(
        "RT-RESP-061",
        "more is left than there was",
        Edit(every("rate_limits.updated"), set_("rate_limits[0].remaining", 10**9)),
    ),
    mutant(
        "RT-RESP-061",
        "limits have no name",
        Edit(every("rate_limits.updated"), drop("rate_limits[0].name")),
    ),
]
