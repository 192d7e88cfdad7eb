"""Invariants of shape: a message is a text message with one JSON object, and every event keeps its schema."""

from __future__ import annotations

from collections.abc import Iterator

from ...journal import JournalLine
from ..schemas import Bundle, model_faults, sent_faults
from .base import Breach, Event, JournalRule

__all__ = ["ClientKeepsSchema", "ClientTextMessages", "KeepsBundle", "KeepsModels", "TextMessages"]


class TextMessages(JournalRule):
    """Messages can be read."""

    id = "RT-INV-030"
    about = "Every message is a text message that holds one JSON object with a string `type`."
    source = "API reference; recorded sessions"

    def noted(self, note: Event, line: JournalLine) -> Iterator[Breach]:
        if "binary" in note and note.get("side") != "client":
            yield Breach("a message is binary", line.number)

    def unreadable(self, line: JournalLine) -> Iterator[Breach]:
        yield Breach("a message is no JSON object with a string `type`", line.number)


class KeepsModels(JournalRule):
    """By our own schemas, which leave open what is known to vary."""

    id = "RT-INV-031"
    about = "Every event of a known type has fields of the kinds that the protocol gives them."
    source = "API reference, server events"

    def __init__(self, *, translation: bool = False) -> None:
        self._translation = translation

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        for path, message in model_faults(line.data, translation=self._translation):
            yield Breach(f"{event['type']} breaks its schema: {message}", line.number, path)


class KeepsBundle(JournalRule):
    """By the official bundle, where there is one."""

    id = "RT-INV-032"
    about = "Every event validates against the official JSON Schema of its type, null aside."
    source = "the official schema bundle"

    def __init__(self, bundle: Bundle | None = None, *, translation: bool = False) -> None:
        self._bundle = bundle
        self._translation = translation

    def received(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        if self._bundle is not None:
            for path, message in self._bundle.faults(event, translation=self._translation):
                yield Breach(f"{event['type']} breaks the official schema: {message}", line.number, path)


class ClientKeepsSchema(JournalRule):
    """The other direction, for whoever listens between a client and a server."""

    id = "RT-INV-033"
    about = "Every event of the client is of a known type and has fields that the protocol accepts."
    source = "API reference, client events"
    side = "client"

    def __init__(self, *, translation: bool = False) -> None:
        self._translation = translation

    def sent(self, event: Event, line: JournalLine) -> Iterator[Breach]:
        for path, message in sent_faults(line.data, translation=self._translation):
            yield Breach(f"{event.get('type')} is not what the API accepts: {message}", line.number, path)


class ClientTextMessages(JournalRule):
    """What a client says can be read, too."""

    id = "RT-INV-034"
    about = "Every message of the client is a text message that holds one JSON object with a string `type`."
    source = "API reference, client events"
    side = "client"

    def noted(self, note: Event, line: JournalLine) -> Iterator[Breach]:
        if "binary" in note and note.get("side") == "client":
            yield Breach("a message is binary", line.number)

    def garbled(self, line: JournalLine) -> Iterator[Breach]:
        yield Breach("a message is no JSON object with a string `type`", line.number)
