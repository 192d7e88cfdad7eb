"""What is known of one item, and how one piece of news changes it.

Records are the writable inside of the history; `history_item` shows them,
`conversation` writes them. Neither order nor events are known here, only the
items and parts that events carry.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

from .. import events as ev
from ..slim import slim
from ..types import UNSET, AudioKey, ErrorInfo, Unset
from .heard import bytes_per_ms

__all__ = ["ALL", "Drafts", "ItemRecord", "PartRecord", "Segment", "Stage", "Words", "base64_size"]

# A length that every text is shorter than: "all of it, whatever may still come".
ALL = 1 << 62

MAX_DRAFTS = 256

_ASSISTANT_PARTS = {"text": "output_text", "audio": "output_audio"}
_USER_PARTS = {"text": "input_text", "audio": "input_audio"}
_SOUND = frozenset(("input_audio", "output_audio"))


class Stage(enum.IntEnum):
    """What an item or part shows of itself, from least to most."""

    LIVE = 0  # it is still being written: its deltas know more
    OPENING = 1  # it begins; what it holds already is whole, blanks mean nothing
    FINAL = 2  # it is whole, though deltas of it may still be on their way
    COMPLETE = 3  # it is whole, and its deltas came before it


# A member is looked up in its class at some cost, and compared at more.
_LIVE, _FINAL, _COMPLETE = Stage.LIVE, Stage.FINAL, Stage.COMPLETE


@slim
class Segment:
    """A piece of a user's transcript with its speaker; times in seconds (diarizing models)."""

    id: str | None
    text: str
    speaker: str | None
    start_s: float | None
    end_s: float | None


class Words:
    """A text that comes in pieces, and then whole.

    The whole replaces the pieces. Pieces may still come after it, as streams
    of events are not in step; they must then repeat it. As long as there is
    no whole, who adds a piece to `pieces` and to their `length` has done what `add` does.
    """

    __slots__ = ("_broken", "_final", "length", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.length = 0
        self._final: str | None = None
        self._broken = False

    @property
    def value(self) -> str | None:
        """The text so far; None if nothing ever came."""
        if self._final is not None:
            return self._final
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else None

    @property
    def streamed(self) -> bool:
        """Whether any piece came."""
        return self.length > 0

    @property
    def whole(self) -> bool:
        """Whether the whole came."""
        return self._final is not None

    def is_whole(self, text: str) -> bool:
        """Whether this is the whole that came, and no piece contradicts it: then settling changes nothing."""
        return text == self._final and self.length in (0, len(text))

    def add(self, piece: str) -> bool:
        """A piece came. False, once, if it contradicts the whole."""
        start = self.length
        self.length += len(piece)
        if self._final is None:
            self.pieces.append(piece)
            return True
        return self._final.startswith(piece, start) or not self._break()

    def settle(self, text: str, *, all_came: bool) -> bool:
        """The whole came. False if it contradicts another whole, or (once) the pieces.

        `all_came` says that no more pieces can come, so they must add up to it.
        """
        known = self._final
        if known is None:
            known = self.value or ""
        self._final = text
        first = bool(self.pieces)
        if not first and known and known != text:
            self.length = len(text) if self.length else 0
            return False
        if first:
            self.pieces.clear()
            agrees = text == known if all_came else text.startswith(known)
        else:
            agrees = not all_came or self.length in (0, len(text))
        return agrees or not self._break()

    def replace(self, text: str) -> None:
        """The whole came, from a source whose pieces are only provisional."""
        self.pieces.clear()
        self._final, self.length, self._broken = text, 0, True

    def _break(self) -> bool:
        already, self._broken = self._broken, True
        return not already


class PartRecord:
    """One content part. `kept` and `heard` count characters of the text, `ALL` for all there will be."""

    __slots__ = (
        "came_at",
        "detail",
        "encoding",
        "error",
        "heard",
        "heard_ms",
        "image_url",
        "kept",
        "key",
        "segments",
        "sound_bytes",
        "transcription",
        "truncated_ms",
        "type",
        "words",
    )

    def __init__(self, kind: str, words: Words | None = None) -> None:
        self.type = kind
        self.words = Words() if words is None else words
        self.sound_bytes = 0
        # When the last of it came that observers were not told of.
        self.came_at = 0.0
        self.encoding = "audio/pcm"
        self.image_url: str | None = None
        self.detail: str | None = None
        self.truncated_ms: int | None = None
        self.kept = ALL
        self.heard: int | None = None
        self.heard_ms: int | None = None
        self.transcription: str | None = None
        self.error: ErrorInfo | None = None
        self.segments: dict[str, Segment] = {}
        # What a playhead and the positions of words call it, once they do.
        self.key: AudioKey | None = None

    @property
    def is_sound(self) -> bool:
        """Whether this part is audio, whose text is a transcript."""
        return self.type in _SOUND

    @property
    def received_ms(self) -> int:
        """Whole milliseconds of sound that came."""
        return self.sound_bytes // bytes_per_ms(self.encoding)

    @property
    def generated_ms(self) -> int | None:
        """`received_ms`, or None where no sound was seen."""
        return self.received_ms if self.sound_bytes else None

    @property
    def audio_ms(self) -> int | None:
        """Whole milliseconds of sound that the conversation holds; None if unknown."""
        if self.truncated_ms is None or not self.sound_bytes:
            return self.generated_ms if self.truncated_ms is None else self.truncated_ms
        return min(self.received_ms, self.truncated_ms)

    @property
    def text(self) -> str:
        """All text generated or transcribed so far."""
        return self.words.value or ""

    def add_sound(self, size: int, encoding: str) -> None:
        """Sound came in a wire format."""
        if not self.sound_bytes:
            self.encoding = encoding
        self.sound_bytes += size

    def take(self, text: str | None, stage: Stage) -> bool:
        """A text came with an item or part; False if it contradicts what is known.

        A truncated part has lost its transcript on the server (API reference);
        what was said is kept here.
        """
        if self.truncated_ms is not None and text is not None and self.text.startswith(text):
            return True
        if not text and self.type == "input_audio":
            return True  # its transcript has events of its own
        return _settle(self.words, text, stage)

    def truncate(self, end_ms: int, kept: int) -> None:
        """The server cut the sound at `end_ms`; `kept` characters of the text stand before the cut."""
        self.truncated_ms = end_ms if self.truncated_ms is None else min(end_ms, self.truncated_ms)
        self.kept = min(kept, self.kept)

    def note_heard(self, chars: int, ms: int) -> None:
        """The ear got this far. It never un-hears."""
        self.heard = max(chars, self.heard or 0)
        self.heard_ms = max(ms, self.heard_ms or 0)


class ItemRecord:
    """One item. `stated` is the predecessor the server named when the item was added."""

    __slots__ = (
        "added_at",
        "approval_request_id",
        "approve",
        "arguments",
        "call_id",
        "error",
        "id",
        "name",
        "output",
        "partner",
        "parts",
        "phase",
        "place_assumed",
        "placeholder",
        "reason",
        "response_id",
        "role",
        "server_label",
        "stated",
        "status",
        "tools",
        "type",
    )

    def __init__(self, item_id: str) -> None:
        self.id = item_id
        self.type = "message"
        self.role: str | None = None
        self.status: str | None = None
        self.phase: str | None = None
        self.response_id: str | None = None
        self.parts: dict[int, PartRecord] = {}
        self.name: str | None = None
        self.call_id: str | None = None
        self.arguments = Words()
        self.output: str | None = None
        self.server_label: str | None = None
        self.tools: tuple[str, ...] = ()
        self.error: str | None = None
        self.approval_request_id: str | None = None
        self.approve: bool | None = None
        self.reason: str | None = None
        # A call's result, and a result's call.
        self.partner: ItemRecord | None = None
        self.stated: str | Unset | None = UNSET
        self.placeholder = self.place_assumed = False
        self.added_at: float | None = None

    def part(self, index: int | None, kind: str) -> PartRecord:
        """The part at this index (None: the first), made if there is none yet."""
        index = index or 0
        found = self.parts.get(index)
        if found is None:
            found = self.parts[index] = PartRecord(kind)
        return found

    def set_status(self, status: str | None, *, final: bool = False) -> None:
        """Take over a status. What has ended does not begin again: streams of events are not in step."""
        if status is None:
            if final and self.status == "in_progress":
                self.status = "completed"
        elif status != "in_progress" or self.status is None:
            self.status = status

    def absorb(self, item: ev.BaseItem, stage: Stage, encoding: str) -> Sequence[str]:
        """Take over an item as the server shows it; returns what it contradicts.

        `encoding` is that of its audio, whose length alone is kept.
        """
        shown = item.__dict__  # as the properties of a model cost more than a look into it
        self.type = shown["type"] or self.type
        status = shown["status"]
        self.set_status(status, final=stage is _FINAL or stage is _COMPLETE)
        if status == "in_progress":
            stage = _LIVE
        match item:
            case ev.AssistantMessage() | ev.UserMessage() | ev.SystemMessage():
                self.role = shown["role"] or _ROLES[type(item)]
                if isinstance(item, ev.AssistantMessage):
                    self.phase = shown["phase"] or self.phase
                content = shown["content"]
                return self._absorb_content(content, stage, encoding) if content else ()
            case ev.FunctionCallOutput():  # before those that are loaded when they are named
                self._absorb_rest(item)
            case ev.FunctionCall() | ev.McpCall() | ev.McpApprovalRequest():
                self._absorb_call(item)
                if not _settle(self.arguments, item.arguments, stage):
                    return ("the final arguments are not what their deltas said",)
            case _:
                self._absorb_rest(item)
        return ()

    def _absorb_content(self, content: Sequence[ev.BasePart], stage: Stage, encoding: str) -> Sequence[str]:
        problems: list[str] = []
        names = _USER_PARTS if self.role in ("user", "system") else _ASSISTANT_PARTS
        for index, shown in enumerate(content):
            kind = shown.type
            part = self.parts.get(index) or self.part(index, kind or "")
            if kind:
                part.type = names.get(kind, kind)
            text = _fill(part, shown, encoding)
            if text is not None and part.words.is_whole(text):
                continue  # as nearly always, once it was told
            if not part.take(text, stage):
                problems.append(f"part {index} does not say what its deltas or an earlier version said")
        if len(self.parts) > len(content) and (stage is _FINAL or stage is _COMPLETE):
            for index in [index for index in self.parts if index >= len(content)]:
                if self.parts.pop(index).text:
                    problems.append(f"part {index} is missing from the final item")
        return problems

    def _absorb_call(self, item: ev.FunctionCall | ev.McpCall | ev.McpApprovalRequest) -> None:
        self.name = item.name or self.name
        if isinstance(item, ev.FunctionCall):
            self.call_id = item.call_id or self.call_id
            return
        self.server_label = item.server_label or self.server_label
        if isinstance(item, ev.McpCall):
            self.approval_request_id = item.approval_request_id or self.approval_request_id
            self.output = item.output if item.output is not None else self.output
            if item.error is not None:
                self.error = item.error.message or item.error.type or "failed"

    def _absorb_rest(self, item: ev.BaseItem) -> None:
        match item:
            case ev.FunctionCallOutput():
                self.call_id = item.call_id or self.call_id
                self.output = item.output if item.output is not None else self.output
            case ev.McpListTools():
                self.server_label = item.server_label or self.server_label
                if item.tools is not None:
                    self.tools = tuple(tool.name for tool in item.tools if tool.name)
            case ev.McpApprovalResponse():
                self.approval_request_id = item.approval_request_id or self.approval_request_id
                self.approve = item.approve if item.approve is not None else self.approve
                self.reason = item.reason or self.reason
            case _:
                role = (item.model_extra or {}).get("role")
                self.role = role if isinstance(role, str) else self.role

    def part_type(self, kind: str | None) -> str | None:
        """A part's type as items name it; response events and the beta say `text` and `audio`."""
        names = _USER_PARTS if self.role in ("user", "system") else _ASSISTANT_PARTS
        return names.get(kind, kind) if kind is not None else None


_ROLES = {ev.SystemMessage: "system", ev.UserMessage: "user", ev.AssistantMessage: "assistant"}


def _settle(words: Words, text: str | None, stage: Stage) -> bool:
    if text is None or (stage is _LIVE and words.streamed):
        return True
    if not text and stage is not _FINAL and stage is not _COMPLETE:
        return True
    return words.settle(text, all_came=stage is _COMPLETE)


def _fill(part: PartRecord, shown: ev.BasePart, encoding: str) -> str | None:
    """Take over what is no text; returns the text."""
    match shown:
        case ev.OutputAudio() | ev.InputAudio():
            if shown.audio:
                part.sound_bytes, part.encoding = base64_size(shown.audio), encoding
            return shown.transcript
        case ev.OutputText() | ev.InputText():
            return shown.text
        case ev.InputImage():
            part.image_url = shown.image_url or part.image_url
            part.detail = shown.detail or part.detail
        case _:
            pass
    return None


def base64_size(text: str) -> int:
    """How many bytes base64 text stands for, without decoding it."""
    return len(text) * 3 // 4 - text[-2:].count("=")


class Drafts:
    """Records of items that were heard of and are in no conversation (yet, or ever). Bounded."""

    def __init__(self) -> None:
        self.dropped = 0
        self._records: dict[str, ItemRecord] = {}
        self._of_response: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._records)

    def open(self, item_id: str, response_id: str | None) -> tuple[ItemRecord, str | None]:
        """The record of an item, made if there is none; and the id of one dropped to make room."""
        record = self._records.get(item_id)
        dropped = None
        if record is None:
            if len(self._records) >= MAX_DRAFTS:
                dropped = next(iter(self._records))
                self.take(dropped)
                self.dropped += 1
            record = self._records[item_id] = ItemRecord(item_id)
        if response_id and record.response_id is None:
            record.response_id = response_id
            self._of_response.setdefault(response_id, []).append(item_id)
        return record, dropped

    def take(self, item_id: str) -> ItemRecord | None:
        """Take a record out: its item entered the conversation, or is gone."""
        record = self._records.pop(item_id, None)
        if record is not None and record.response_id is not None:
            siblings = self._of_response[record.response_id]
            siblings.remove(item_id)
            if not siblings:
                del self._of_response[record.response_id]
        return record

    def drop_response(self, response_id: str) -> list[str]:
        """A response ended: forget its items that never entered. Returns their ids."""
        dropped = self._of_response.pop(response_id, [])
        for item_id in dropped:
            del self._records[item_id]
        return dropped

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
        self._of_response.clear()
