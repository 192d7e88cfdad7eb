"""One output item of a response: what it has said so far, and the events that say it.

Each output opens, says pieces, and closes, in the order of recordings:
`conversation.item.done` comes before `response.output_item.done`. Pacing, and
which outputs there are, are decided in `respond`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .behaviour import Behaviour
from .items import Conversation, Item
from .outbox import Outbox
from .sound import Sound

__all__ = ["AudioOutput", "CallOutput", "Link", "Output", "TextOutput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What an output belongs to. `conversation` is None out of band: such items enter no conversation."""

    out: Outbox
    response_id: str
    conversation: Conversation | None
    behaviour: Behaviour
    # A sideband socket gets everything but the audio itself (observed).
    sideband: bool = False


class Output:
    """Base: the item's life in the response and in the conversation."""

    has_status = True

    def __init__(self, link: Link, index: int, item: Item) -> None:
        self._link = link
        self._index = index
        self.item = item
        self.finished = False  # everything that was to be said has been said
        self._previous: str | None = None

    def open(self) -> None:
        """Announce the item."""
        self._emit("response.output_item.added", output_index=self._index, item=self.item.to_wire())
        if self._link.conversation is not None:
            self._previous = self._link.conversation.append(self.item)
            self._link.out.emit(
                "conversation.item.added", previous_item_id=self._previous, item=self.item.to_wire()
            )
        elif self._link.behaviour.out_of_band_items:
            self._link.out.emit("conversation.item.added", previous_item_id=None, item=self.item.to_wire())
        self._open_content()

    def close(self, *, quietly: bool = False) -> None:
        """Say the last words about the item: completed if it was finished, else incomplete.

        `quietly` only notes it.
        """
        if self.has_status:
            self.item.wire["status"] = "completed" if self.finished else "incomplete"
        if quietly:
            return
        self._close_content()
        conversation = self._link.conversation
        # The client may have deleted the item meanwhile; then the conversation has nothing to say of it.
        if conversation is None:
            if self._link.behaviour.out_of_band_items:
                self._link.out.emit("conversation.item.done", previous_item_id=None, item=self.item.to_wire())
        elif self.item.id in conversation:
            self._link.out.emit(
                "conversation.item.done",
                previous_item_id=self._previous_when_done(conversation),
                item=self.item.to_wire(),
            )
        self._emit("response.output_item.done", output_index=self._index, item=self.item.to_wire())

    def _previous_when_done(self, conversation: Conversation) -> str | None:
        # `.added` had it right (observed).
        if self._link.behaviour.null_previous_quirk and self._previous == conversation.first_id:
            return None
        return self._previous

    def _open_content(self) -> None:
        """Announce what is inside the item."""

    def _close_content(self) -> None:
        """Conclude what is inside the item."""

    def _emit(self, kind: str, **fields: Any) -> None:
        self._link.out.emit(kind, response_id=self._link.response_id, **fields)

    def _where(self) -> dict[str, Any]:
        return {"item_id": self.item.id, "output_index": self._index}


class _MessageOutput(Output):
    """An assistant message with one content part."""

    part_type = ""  # in items
    event_part_type = ""  # in content_part events, which spell it otherwise (observed)
    words = ""  # the field that holds the words, in both

    def __init__(self, link: Link, index: int, item: Item) -> None:
        super().__init__(link, index, item)
        self.said = ""

    def _content(self) -> dict[str, Any]:
        return {**self._where(), "content_index": 0}

    def _part(self) -> dict[str, str]:
        return {"type": self.event_part_type, self.words: self.said}

    def _open_content(self) -> None:
        self.item.wire["content"] = [{"type": self.part_type, self.words: ""}]
        self._emit("response.content_part.added", **self._content(), part=self._part())

    def _say(self, kind: str, piece: str) -> None:
        self.said += piece
        if not self.item.truncated:  # a truncation takes the transcript for good
            self.item.wire["content"][0][self.words] = self.said
        self._link.out.emit_text(kind, response_id=self._link.response_id, **self._content(), delta=piece)


class TextOutput(_MessageOutput):
    """A written message."""

    part_type, event_part_type, words = "output_text", "text", "text"

    def say(self, piece: str) -> None:
        """The next piece of text."""
        self._say("response.output_text.delta", piece)

    def _close_content(self) -> None:
        self._emit("response.output_text.done", **self._content(), text=self.said)
        self._emit("response.content_part.done", **self._content(), part=self._part())


class AudioOutput(_MessageOutput):
    """A spoken message and its transcript."""

    part_type, event_part_type, words = "output_audio", "audio", "transcript"

    def __init__(self, link: Link, index: int, item: Item, encoding: str) -> None:
        super().__init__(link, index, item)
        self._encoding = encoding
        self._data = bytearray()

    @property
    def ms(self) -> float:
        """Milliseconds spoken so far."""
        return Sound(self._encoding, self._data).ms

    def say(self, piece: str) -> None:
        """The next piece of the transcript; usually ahead of the sound."""
        self._say("response.output_audio_transcript.delta", piece)

    def sound(self, data: bytes) -> None:
        """The next piece of audio, in the wire's encoding."""
        if not self._data:
            # The item shares the growing buffer; a truncation replaces it by what it keeps.
            self.item.audio[0] = Sound(self._encoding, self._data)
            if self._link.sideband:
                self._emit("output_audio_buffer.started")
        self._data += data
        if not self._link.sideband:
            delta = Sound(self._encoding, data).base64()
            self._emit("response.output_audio.delta", **self._content(), delta=delta)

    def _close_content(self) -> None:
        self._emit("response.output_audio.done", **self._content())
        self._emit("response.output_audio_transcript.done", **self._content(), transcript=self.said)
        self._emit("response.content_part.done", **self._content(), part=self._part())


class CallOutput(Output):
    """A function call."""

    def __init__(self, link: Link, index: int, item: Item) -> None:
        super().__init__(link, index, item)
        self._arguments = ""

    def say(self, piece: str) -> None:
        """The next piece of the arguments' JSON."""
        self._arguments += piece
        self.item.wire["arguments"] = self._arguments
        self._link.out.emit_text(
            "response.function_call_arguments.delta",
            response_id=self._link.response_id,
            **self._where(),
            call_id=self.item.wire["call_id"],
            delta=piece,
        )

    def _close_content(self) -> None:
        self._emit(
            "response.function_call_arguments.done",
            **self._where(),
            call_id=self.item.wire["call_id"],
            name=self.item.wire["name"],
            arguments=self._arguments,
        )
