"""What the items of a conversation contain, from all streams that tell of it.

Text, transcripts, audio lengths, arguments and statuses are joined here by
item and content index, in whatever order they come, also before their item.
Where items stand, and whether they stand anywhere, is `conversation`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from .. import events as ev
from ..events.later import ByKind
from ..slim import slim
from ..text import safe
from ..types import AudioKey
from .heard import HeardText, Track, spread
from .item_record import ALL, Drafts, ItemRecord, PartRecord, Segment, Stage, base64_size

if TYPE_CHECKING:  # most of these are loaded when the first one comes
    _Transcription = (
        ev.ConversationItemInputAudioTranscriptionDelta
        | ev.ConversationItemInputAudioTranscriptionSegment
        | ev.ConversationItemInputAudioTranscriptionCompleted
        | ev.ConversationItemInputAudioTranscriptionFailed
    )
    _McpStatus = (
        ev.ResponseMcpCallInProgress
        | ev.ResponseMcpCallCompleted
        | ev.ResponseMcpCallFailed
        | ev.McpListToolsInProgress
        | ev.McpListToolsCompleted
        | ev.McpListToolsFailed
    )

__all__ = ["HANDLERS", "WORDS", "Change", "Contents", "TextDelta", "contradiction"]


@slim
class Change:
    """One thing that happened to the history.

    `added` when an item takes its place (which may be later than its event, if
    it had to wait), `changed`, `removed`; `contradiction` for what does not fit
    what was said before, with a sentence in `detail`. Otherwise `detail` names
    what changed: item, place, text, audio, status, truncated, transcription or
    arguments.
    """

    kind: Literal["added", "changed", "removed", "contradiction"]
    item_id: str | None
    detail: str = ""


TextDelta = ev.ResponseOutputTextDelta | ev.ResponseOutputAudioTranscriptDelta
WORDS = frozenset((ev.ResponseOutputTextDelta, ev.ResponseOutputAudioTranscriptDelta))
"""The classes of `TextDelta`."""
_OfPart = (
    ev.ResponseOutputTextDone
    | ev.ResponseOutputAudioTranscriptDone
    | ev.ResponseContentPartDone
    | ev.ResponseOutputAudioDelta
    | ev.ResponseOutputAudioDone
    | TextDelta
)
_OPENING, _COMPLETE = Stage.OPENING, Stage.COMPLETE


def contradiction(item_id: str | None, detail: str) -> Change:
    """A contradiction about an item, as a sentence fit to print."""
    return Change("contradiction", item_id, f"item {safe(item_id or '?')} {detail}")


class Contents:
    """Records of items: those of the conversation, and drafts of those that are not in it.

    `is_gone` tells ids of deleted items, of which nothing more is kept. `news`
    is what the event being taken in changed: whoever gave it in takes that
    out. Contradictions are always told, the rest only while `telling`.
    """

    def __init__(self, is_gone: Callable[[str], bool]) -> None:
        self.records: dict[str, ItemRecord] = {}
        self.drafts = Drafts()
        self.heard_text = HeardText()
        self.input_encoding = "audio/pcm"
        self.output_encoding = "audio/pcm"
        self.news: list[Change] = []
        self.telling = False
        self._is_gone = is_gone
        self._calls: dict[str, ItemRecord] = {}
        self._outputs: dict[str, ItemRecord] = {}
        self._encodings: dict[str, str] = {}

    def place(self, item_id: str, content_index: int) -> tuple[PartRecord, Track | None] | None:
        """Where deltas of a part go, once some came: so it stays until an event says otherwise.

        The track of its sound is None where nobody needs it any more.
        """
        record = self.records.get(item_id)
        part = record.parts.get(content_index) if record is not None else None
        if record is None or part is None or record.response_id is None:
            return None
        return part, None if part.heard == ALL else self.heard_text.find(AudioKey(item_id, content_index))

    def tell(self, kind: Literal["added", "changed", "removed"], item_id: str, detail: str = "") -> None:
        """Something changed as it should."""
        if self.telling:
            self.news.append(Change(kind, item_id, detail))

    # Items come and go

    def enter(self, item_id: str, now: float) -> ItemRecord:
        """The record of an item that is in the conversation; what was known before is in it."""
        record = self.records.get(item_id)
        if record is None:
            record = self.drafts.take(item_id) or ItemRecord(item_id)
            record.added_at = now
            self.records[item_id] = record
        return record

    def leave(self, item_id: str) -> ItemRecord | None:
        """An item was deleted; returns its record if it was in the conversation."""
        self.drafts.take(item_id)
        self.heard_text.drop(item_id)
        record = self.records.pop(item_id, None)
        if record is not None and record.call_id is not None:
            for known in (self._calls, self._outputs):
                if known.get(record.call_id) is record:
                    del known[record.call_id]
            if record.partner is not None and record.partner.partner is record:
                record.partner.partner = None
        return record

    def absorb(self, record: ItemRecord, item: ev.BaseItem, stage: Stage) -> None:
        """Take over an item as the server shows it; tells contradictions only."""
        spoken = isinstance(item, ev.AssistantMessage)
        encoding = self.output_encoding if spoken else self.input_encoding
        for problem in record.absorb(item, stage, encoding):
            self._object(record, problem)
        if stage is _COMPLETE:
            for index, part in record.parts.items():
                if part.is_sound:
                    key = part.key or AudioKey(record.id, index)
                    if part.heard != ALL and (text := part.words.value):
                        self.heard_text.whole(key, text)
                    self.heard_text.end(key, cut_short=item.status == "incomplete")
        if record.call_id is not None and record.id in self.records:
            self._pair(record, record.call_id)

    # What was heard

    def truncate(self, record: ItemRecord, content_index: int, end_ms: int) -> None:
        """The server cut a part of an item at `end_ms`."""
        part = record.part(content_index, "output_audio")
        cut = self._cut(AudioKey(record.id, content_index), part, end_ms)
        part.truncate(end_ms, len(cut[0]) if cut is not None else ALL)
        # Who truncates says that no more was heard; the player's own word comes first.
        if part.heard is None and cut is not None:
            part.note_heard(len(cut[0]), min(end_ms, part.received_ms))

    def mark_heard(self, key: AudioKey, heard_ms: int | None) -> None:
        """The ear is `heard_ms` into a part (None: at the end of what was received)."""
        record = self.records.get(key.item_id)
        part = record.parts.get(key.content_index) if record is not None else None
        if part is None:
            return
        received_ms = part.received_ms
        ms = received_ms if heard_ms is None else min(heard_ms, received_ms)
        track = self.heard_text.find(key)
        if track is not None and part.sound_bytes and ms >= received_ms and track.is_over(ms):
            self.heard_text.drop(key.item_id, key.content_index)
            part.note_heard(ALL, ms)
            return
        heard, unheard = self._cut(key, part, ms) or ("", part.text)
        chars = len(heard)
        if not unheard and ms >= received_ms and track is not None and track.ended:
            chars = ALL
            self.heard_text.drop(key.item_id, key.content_index)
        part.note_heard(chars, ms)

    def _cut(self, key: AudioKey, part: PartRecord, ms: int) -> tuple[str, str] | None:
        """`(heard, unheard)` at a position: measured, else an estimate, else None for want of any sound."""
        if not part.sound_bytes:
            return None
        found = self.heard_text.cut(key, ms)
        return found if found is not None and any(found) else spread(part.text, part.received_ms, ms)

    # Responses

    def _response_created(self, event: ev.ResponseCreated) -> None:
        response = event.response
        output = response.audio.output if response is not None and response.audio is not None else None
        if response is not None and response.id and output is not None and output.format is not None:
            encoding = output.format.type or self.output_encoding
            if encoding != self.output_encoding:
                self._encodings[response.id] = encoding

    def _response_done(self, event: ev.ResponseDone) -> None:
        response = event.response
        if response is None:
            return
        for item in response.output or ():
            record = self.records.get(item.id or "")
            if record is not None:
                self.absorb(record, item, _COMPLETE)
                self.tell("changed", record.id, "item")
        self._encodings.pop(response.id or "", None)
        for item_id in self.drafts.drop_response(response.id or ""):
            self.heard_text.drop(item_id)

    def _output_item(self, event: ev.ResponseOutputItemAdded | ev.ResponseOutputItemDone) -> None:
        item = event.item
        record = self._record(item.id, event.response_id) if item is not None else None
        if item is None or record is None:
            return
        ended = isinstance(event, ev.ResponseOutputItemDone)
        self.absorb(record, item, _COMPLETE if ended else _OPENING)
        self._changed(record, "item")

    def _part_added(self, event: ev.ResponseContentPartAdded) -> None:
        record = self._record(event.item_id, event.response_id)
        if record is not None and event.part is not None and event.part.type is not None:
            record.part(event.content_index, record.part_type(event.part.type) or "")
            self._changed(record, "item")

    def _part_done(self, event: ev.ResponseContentPartDone) -> None:
        if event.part is not None:
            text = event.part.transcript if event.part.transcript is not None else event.part.text
            self._whole(event, text, event.part.type or "text")
            self._audio_done(event)

    def words(self, event: TextDelta) -> tuple[ItemRecord | None, Change | None]:
        """Words of a reply came; returns the record they belong to, and what they contradict."""
        delta = event.delta
        record = self._record(event.item_id, event.response_id)
        if record is None or not delta:
            return None, None
        sound = type(event) is ev.ResponseOutputAudioTranscriptDelta
        part = record.part(event.content_index, "output_audio" if sound else "output_text")
        agrees = part.words.add(delta)
        if sound and part.heard != ALL:
            key = part.key = part.key or AudioKey(record.id, event.content_index or 0)
            self.heard_text.text(key, delta)
        if agrees or record.id not in self.records:
            return record, None
        return record, contradiction(record.id, "has a delta that its final text does not hold")

    def _text_delta(self, event: TextDelta) -> None:
        record, objection = self.words(event)
        if objection is not None:
            self.news.append(objection)
        if record is not None:
            self._changed(record, "text")

    def _text_done(self, event: ev.ResponseOutputTextDone) -> None:
        self._whole(event, event.text, "text")

    def _transcript_done(self, event: ev.ResponseOutputAudioTranscriptDone) -> None:
        self._whole(event, event.transcript, "audio")

    def sound(
        self, item_id: str | None, response_id: str | None, content_index: int | None, size: int
    ) -> None:
        """`size` bytes of sound came for a part of an item. They contradict nothing."""
        record = self._record(item_id, response_id)
        if record is not None:
            encoding = self._encodings.get(response_id or "", self.output_encoding)
            part = record.part(content_index, "output_audio")
            part.add_sound(size, encoding)
            if part.heard != ALL:
                key = part.key = part.key or AudioKey(record.id, content_index or 0)
                self.heard_text.audio(key, size, encoding)

    def _audio_delta(self, event: ev.ResponseOutputAudioDelta) -> None:
        record = self._record(event.item_id, event.response_id)
        if record is not None and event.delta:
            self.sound(record.id, event.response_id, event.content_index, base64_size(event.delta))
            self._changed(record, "audio")

    def _audio_done(self, event: _OfPart) -> None:
        if event.item_id:
            self.heard_text.end(AudioKey(event.item_id, event.content_index or 0))

    def _arguments_delta(
        self, event: ev.ResponseFunctionCallArgumentsDelta | ev.ResponseMcpCallArgumentsDelta
    ) -> None:
        record = self._record(event.item_id, event.response_id)
        if record is None or not event.delta:
            return
        if not record.arguments.add(event.delta):
            self._object(record, "has a delta that its final arguments do not hold")
        self._changed(record, "arguments")

    def _arguments_done(
        self, event: ev.ResponseFunctionCallArgumentsDone | ev.ResponseMcpCallArgumentsDone
    ) -> None:
        record = self._record(event.item_id, event.response_id)
        if record is None or event.arguments is None:
            return
        if not record.arguments.settle(event.arguments, all_came=True):
            self._object(record, "has final arguments that are not what their deltas said")
        self._changed(record, "arguments")

    def _mcp_status(self, event: _McpStatus) -> None:
        record = self._record(event.item_id)
        if record is not None:
            record.set_status(event.type.rpartition(".")[2])
            self._changed(record, "status")

    # Transcripts of the user

    def _transcription(self, event: _Transcription) -> None:
        record = self._record(event.item_id)
        if record is None:
            return
        part = record.part(event.content_index, "input_audio")
        part.transcription = part.transcription or "in_progress"
        match event:
            case ev.ConversationItemInputAudioTranscriptionDelta():
                part.words.add(event.delta or "")
            case ev.ConversationItemInputAudioTranscriptionCompleted():
                part.transcription, part.error = "completed", None
                if event.transcript is not None:
                    part.words.replace(event.transcript)
            case ev.ConversationItemInputAudioTranscriptionSegment():
                key = event.id if event.id is not None else f"#{len(part.segments)}"
                part.segments[key] = Segment(
                    event.id, event.text or "", event.speaker, event.start, event.end
                )
            case _:
                part.transcription = "failed"
                part.error = event.error.info() if event.error is not None else None
        self._changed(record, "transcription")

    # Helpers

    def _record(self, item_id: str | None, response_id: str | None = None) -> ItemRecord | None:
        """The record an event speaks of: an item, or a draft; None for nameless and deleted ones."""
        record = self.records.get(item_id or "")
        if record is not None and record.response_id is not None:
            return record
        if not item_id or self._is_gone(item_id):
            return None
        if record is None:
            record, dropped = self.drafts.open(item_id, response_id)
            if dropped is not None:
                self.heard_text.drop(dropped)
        elif record.response_id is None:
            record.response_id = response_id
        return record

    def _whole(self, event: _OfPart, text: str | None, kind: str) -> None:
        record = self._record(event.item_id, event.response_id)
        if record is None or text is None:
            return
        part = record.part(event.content_index, record.part_type(kind) or kind)
        if not part.words.is_whole(text) and not part.take(text, _COMPLETE):
            self._object(record, "has a final text that is not what its deltas said")
        if part.is_sound and part.heard != ALL and (known := part.words.value):
            self.heard_text.whole(part.key or AudioKey(record.id, event.content_index or 0), known)
        self._changed(record, "text")

    def _pair(self, record: ItemRecord, call_id: str) -> None:
        """Join a function call and its output by call id."""
        is_call = record.type == "function_call"
        own, other = (self._calls, self._outputs) if is_call else (self._outputs, self._calls)
        own[call_id] = record
        partner = other.get(call_id)
        if partner is not None:
            record.partner, partner.partner = partner, record

    def _changed(self, record: ItemRecord, what: str) -> None:
        if self.telling and record.id in self.records:
            self.news.append(Change("changed", record.id, what))

    def _object(self, record: ItemRecord, detail: str) -> None:
        if record.id in self.records:
            self.news.append(contradiction(record.id, detail))


HANDLERS: ByKind[Callable[[Contents, Any], None]] = ByKind(
    {
        # How an event about contents is taken in.
        ev.ResponseCreated: Contents._response_created,
        ev.ResponseDone: Contents._response_done,
        ev.ResponseOutputItemAdded: Contents._output_item,
        ev.ResponseOutputItemDone: Contents._output_item,
        ev.ResponseContentPartAdded: Contents._part_added,
        ev.ResponseContentPartDone: Contents._part_done,
        ev.ResponseOutputTextDelta: Contents._text_delta,
        ev.ResponseOutputTextDone: Contents._text_done,
        ev.ResponseOutputAudioTranscriptDelta: Contents._text_delta,
        ev.ResponseOutputAudioTranscriptDone: Contents._transcript_done,
        ev.ResponseOutputAudioDelta: Contents._audio_delta,
        ev.ResponseOutputAudioDone: Contents._audio_done,
        ev.ResponseFunctionCallArgumentsDelta: Contents._arguments_delta,
        ev.ResponseFunctionCallArgumentsDone: Contents._arguments_done,
        "response.mcp_call_arguments.delta": Contents._arguments_delta,
        "response.mcp_call_arguments.done": Contents._arguments_done,
        "response.mcp_call.in_progress": Contents._mcp_status,
        "response.mcp_call.completed": Contents._mcp_status,
        "response.mcp_call.failed": Contents._mcp_status,
        "mcp_list_tools.in_progress": Contents._mcp_status,
        "mcp_list_tools.completed": Contents._mcp_status,
        "mcp_list_tools.failed": Contents._mcp_status,
        "conversation.item.input_audio_transcription.delta": Contents._transcription,
        "conversation.item.input_audio_transcription.segment": Contents._transcription,
        "conversation.item.input_audio_transcription.completed": Contents._transcription,
        "conversation.item.input_audio_transcription.failed": Contents._transcription,
    }
)
