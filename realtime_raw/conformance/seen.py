"""`ResponseSeen`: one response as it was seen on the wire, from `response.created` to `response.done`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pybase64

__all__ = ["ResponseSeen", "item_of", "response_of"]

Event = dict[str, Any]


def response_of(event: Event) -> str | None:
    """The id of the response an event belongs to, if it says one."""
    inner = event.get("response")
    found = inner.get("id") if isinstance(inner, dict) else event.get("response_id")
    return found if isinstance(found, str) else None


def item_of(event: Event) -> str | None:
    """The id of the item an event is about, if it says one."""
    inner = event.get("item")
    found = inner.get("id") if isinstance(inner, dict) else event.get("item_id")
    return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class ResponseSeen:
    """Everything that was said of one response. `events` are all of it, in the order of their arrival."""

    created: Event
    done: Event
    events: Sequence[Event] = field(repr=False)

    @property
    def id(self) -> str:
        return str(self.created["response"].get("id", ""))

    @property
    def response(self) -> Event:
        """The final object, as `response.done` has it."""
        found: Event = self.done["response"]
        return found

    @property
    def status(self) -> str:
        return str(self.response.get("status", ""))

    @property
    def usage(self) -> Event:
        """What it was billed for; empty if nothing was said of that."""
        found = self.response.get("usage")
        return found if isinstance(found, dict) else {}

    @property
    def output(self) -> list[Event]:
        """The items of `response.done`."""
        found = self.response.get("output")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    @property
    def calls(self) -> list[Event]:
        """The function calls among them."""
        return [item for item in self.output if item.get("type") == "function_call"]

    def of(self, *kinds: str) -> list[Event]:
        """Its events of these types."""
        return [event for event in self.events if event["type"] in kinds]

    def kinds(self) -> list[str]:
        """The types of its events, runs of the same delta as one."""
        found: list[str] = []
        for event in self.events:
            kind = event["type"]
            if not (found and found[-1] == kind and kind.endswith(".delta")):
                found.append(kind)
        return found

    @property
    def text(self) -> str:
        """All `response.output_text.delta` joined."""
        return self.joined("response.output_text.delta")

    @property
    def transcript(self) -> str:
        """All `response.output_audio_transcript.delta` joined."""
        return self.joined("response.output_audio_transcript.delta")

    @property
    def audio(self) -> bytes:
        """All `response.output_audio.delta` decoded and joined, in the output format."""
        return b"".join(
            pybase64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta")
        )

    def joined(self, kind: str, item_id: str | None = None, content_index: int | None = None) -> str:
        """The deltas of one type joined, of one item or one part if they are named."""
        return "".join(
            str(event.get("delta", ""))
            for event in self.of(kind)
            if item_id in (None, event.get("item_id")) and content_index in (None, event.get("content_index"))
        )
