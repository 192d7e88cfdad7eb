"""Invariants of content: pieces add up to the whole, and the whole stays what it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pybase64

from ...journal import JournalLine
from .base import Breach, Event, JournalRule, part_of, place

__all__ = [
    "ArgumentsAddUp",
    "AudioIsBase64",
    "FinalContent",
    "ItemsKeepTheirNature",
    "TextAddsUp",
    "TranscribedOnce",
    "TranscriptAddsUp",
    "UsageAddsUp",
]


class _AddsUp(JournalRule):
    """Base: the deltas of `stem`, joined, are the field `whole` of its `.done`."""

    stems: ClassVar[tuple[str, ...]]
    whole: ClassVar[str]
    source = "API reference, the `.done` events; recorded lifecycles"

    def __init__(self) -> None:
        self._pieces: dict[tuple[str, str, int], list[str]] = {}

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        stem, _, last = event["type"].rpartition(".")
        if stem not in self.stems or last not in ("delta", "done"):
            return
        key = (stem, *part_of(event))
        if last == "delta":
            self._pieces.setdefault(key, []).append(str(event.get("delta")))
            return
        joined, said = "".join(self._pieces.get(key, [])), event.get(self.whole)
        if key in self._pieces and joined != said:
            yield Breach(
                f"the deltas of {key[1]} add up to {len(joined)} characters that are not the "
                f"{self.whole} of {event['type']}",
                line.number,
                self.whole,
            )


class TextAddsUp(_AddsUp):
    """Text deltas are the text."""

    id = "RT-INV-010"
    about = "The deltas of a text, joined, are the text of its `response.output_text.done`."
    stems = ("response.output_text",)
    whole = "text"


class TranscriptAddsUp(_AddsUp):
    """Transcript deltas are the transcript."""

    id = "RT-INV-011"
    about = "The deltas of a transcript, joined, are that of `response.output_audio_transcript.done`."
    stems = ("response.output_audio_transcript",)
    whole = "transcript"


class ArgumentsAddUp(_AddsUp):
    """Argument deltas are the arguments."""

    id = "RT-INV-012"
    about = "The deltas of a call's arguments, joined, are those of its `.done`."
    stems = ("response.function_call_arguments", "response.mcp_call_arguments")
    whole = "arguments"


_FINAL = {
    "response.output_text.done": "text",
    "response.output_audio_transcript.done": "transcript",
    "response.function_call_arguments.done": "arguments",
}


class FinalContent(JournalRule):
    """The finished item holds what its parts said."""

    id = "RT-INV-013"
    about = "A finished item holds the text, transcript or arguments that the `.done` events said."
    source = "recorded lifecycles"

    def __init__(self) -> None:
        self._said: dict[tuple[str, int, str], Any] = {}

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        kind = event["type"]
        if kind in _FINAL:
            self._said[(*part_of(event), _FINAL[kind])] = event.get(_FINAL[kind])
        elif kind == "response.output_item.done":
            yield from self._compare(event.get("item"), line, "item")
        elif kind == "response.done":
            output = place(event, "response", "output")
            for index, item in enumerate(output if isinstance(output, list) else ()):
                yield from self._compare(item, line, f"response.output[{index}]")

    def _compare(self, item: object, line: JournalLine, path: str) -> Iterator[Breach]:
        if not isinstance(item, dict) or item.get("status") == "incomplete":
            return
        item_id = str(item.get("id"))
        wanted = self._said.get((item_id, 0, "arguments"))
        if wanted is not None and item.get("arguments") != wanted:
            yield Breach(
                f"the arguments of {item_id} are not what was said", line.number, f"{path}.arguments"
            )
        content = item.get("content")
        for index, part in enumerate(content if isinstance(content, list) else ()):
            for name in ("text", "transcript"):
                wanted = self._said.get((item_id, index, name))
                if wanted is not None and isinstance(part, dict) and part.get(name, wanted) != wanted:
                    yield Breach(
                        f"the {name} of {item_id} is not what was said",
                        line.number,
                        f"{path}.content[{index}].{name}",
                    )


_ANNOUNCED = frozenset(
    {
        "conversation.item.added",
        "conversation.item.done",
        "response.output_item.added",
        "response.output_item.done",
    }
)


class ItemsKeepTheirNature(JournalRule):
    """What an item is does not change."""

    id = "RT-INV-014"
    about = "An item keeps its type, role, name and call id from its first announcement to its last."
    source = "recorded lifecycles"

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Any] = {}

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        item = event.get("item")
        if event["type"] not in _ANNOUNCED or not isinstance(item, dict):
            return
        for name in ("type", "role", "name", "call_id"):
            value = item.get(name)
            if value is None:
                continue
            known = self._known.setdefault((str(item.get("id")), name), value)
            if known != value:
                yield Breach(f"item {item.get('id')} has changed its {name}", line.number, f"item.{name}")


class AudioIsBase64(JournalRule):
    """Audio is what it is said to be."""

    id = "RT-INV-015"
    about = "The delta of `response.output_audio.delta` is base64 and not empty."
    source = "API reference, response.output_audio.delta"

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if event["type"] != "response.output_audio.delta":
            return
        delta = event.get("delta")
        try:
            audio = pybase64.b64decode(delta, validate=True) if isinstance(delta, str) else None
        except ValueError:
            audio = None
        if not audio:
            yield Breach("the audio of a delta is empty or no base64", line.number, "delta")


class TranscribedOnce(JournalRule):
    """A turn is transcribed once."""

    id = "RT-INV-016"
    about = (
        "The audio of an item is transcribed once: one `.completed` or one `.failed`, and no delta behind."
    )
    source = "API reference, conversation.item.input_audio_transcription.completed"
    _STEM = "conversation.item.input_audio_transcription"

    def __init__(self) -> None:
        self._ended: set[tuple[str, int]] = set()

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        stem, _, last = event["type"].rpartition(".")
        if stem != self._STEM:
            return
        if part_of(event) in self._ended:
            yield Breach(f"{event['type']} comes behind the end of that transcription", line.number)
        if last in ("completed", "failed"):
            self._ended.add(part_of(event))


class UsageAddsUp(JournalRule):
    """The bill is right."""

    id = "RT-INV-017"
    about = "Usage adds up: total is input and output, details sum up to them, cached is a part of input."
    source = "API reference, response.done, usage; recorded usage"

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        usage = place(event, "response", "usage")
        if event["type"] != "response.done" or not isinstance(usage, dict):
            return
        for message, path in _usage_faults(usage):
            yield Breach(message, line.number, f"response.usage.{path}")


def _usage_faults(usage: Event) -> Iterator[tuple[str, str]]:
    total, given, made = (_count(usage.get(f"{name}_tokens")) for name in ("total", "input", "output"))
    if None not in (total, given, made) and total != (given or 0) + (made or 0):
        yield f"{total} tokens in total are not {given} of input and {made} of output", "total_tokens"
    for name, whole, extra in (("input", given, ()), ("output", made, ("reasoning_tokens",))):
        details = usage.get(f"{name}_token_details")
        if whole is None or not isinstance(details, dict):
            continue
        parts = [_count(details.get(f"{each}_tokens")) for each in ("text", "audio", "image")]
        known = [each for each in parts if each is not None]
        more = sum(_count(details.get(each)) or 0 for each in extra)
        if known and whole not in (sum(known), sum(known) + more):
            yield f"the {name} details add up to {sum(known)}, not to {whole}", f"{name}_token_details"
    yield from _cached_faults(usage.get("input_token_details"), given)


def _cached_faults(details: object, given: int | None) -> Iterator[tuple[str, str]]:
    if not isinstance(details, dict):
        return
    cached, split = _count(details.get("cached_tokens")), details.get("cached_tokens_details")
    if cached is not None and given is not None and cached > given:
        yield (
            f"{cached} cached tokens are more than the {given} of input",
            "input_token_details.cached_tokens",
        )
    if cached is None or not isinstance(split, dict):
        return
    path = "input_token_details.cached_tokens_details"
    known = {each: _count(split.get(f"{each}_tokens")) for each in ("text", "audio", "image")}
    if any(n is not None for n in known.values()) and sum(n or 0 for n in known.values()) != cached:
        yield f"the cached details do not add up to {cached}", path
    for each, count in known.items():
        whole = _count(details.get(f"{each}_tokens"))
        if count is not None and whole is not None and count > whole:
            yield f"more {each} tokens are cached than there are", f"{path}.{each}_tokens"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
