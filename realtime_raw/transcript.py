"""What both sides said, partial and final, in the conversation's order.

Order and words are the mirror's; times come from `times`. Kept here is what
the mirror has not or no longer: words of a user whose item does not exist
yet, and lines whose items were deleted. No sound and no tools are here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import Any

from . import events as ev
from . import script
from .concerns import items_of, tells_of_items
from .events.later import ByKind
from .line_order import LineOrder
from .protocol import signals as sg
from .protocol.conversation import ConversationMirror
from .protocol.history_item import HistoryItem
from .protocol.state import Observed
from .slim import slim
from .times import ItemTimes

__all__ = ["Transcript", "TranscriptLine"]

_MAX_DRAFTS = 64
_MAX_CUT = 1024

_SOUND = frozenset({"input_audio", "output_audio"})
_UNFINISHED = frozenset({"in_progress", "incomplete"})


@slim(kw_only=True)
class TranscriptLine:
    """One message of the user or the assistant, as it was when you asked.

    `text` is all that was said or written so far, `final` whether more is to
    come. `spoken` tells sound from typed text; a spoken line without text has
    no transcript (yet). An `interrupted` reply was cut: `heard` and `unheard`
    split its text where the ear stopped; they are None where nobody reports
    playback. `deleted`: the item is no longer in the conversation.

    A line stands right behind the line `after` (None: first). Items between
    the two that are no lines, such as tool calls, are skipped there;
    `previous_item_id` is the server's own link. Times are seconds on the
    core's clock; which moments they are, says `times.Span`.
    """

    item_id: str
    role: str
    text: str
    final: bool
    spoken: bool
    interrupted: bool = False
    heard: str | None = None
    unheard: str | None = None
    deleted: bool = False
    after: str | None = None
    previous_item_id: str | None = None
    t_start: float | None = None
    t_end: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return dataclasses.asdict(self)


@slim(frozen=False)
class _Draft:
    """Words of a user whose item is not in the conversation, by content index."""

    pieces: dict[int, list[str]] = field(default_factory=dict)
    final: bool = False

    @property
    def text(self) -> str:
        return "".join(piece for index in sorted(self.pieces) for piece in self.pieces[index])


class Transcript:
    """Both sides of a conversation, line by line. Feed it the core's stream with `apply`.

    Lines stand in the server's order, however late their words arrive. What
    was said stays here when its item is deleted (by a compaction, say), and is
    then marked `deleted`; typed text that is deleted goes. The last 4096
    deleted lines are kept. System messages and tools are no lines.
    """

    def __init__(self, conversation: ConversationMirror, times: ItemTimes) -> None:
        self._conversation = conversation
        self._times = times
        self._order = LineOrder(conversation)
        self._items: dict[str, HistoryItem] = {}
        self._drafts: dict[str, _Draft] = {}
        self._shown: dict[str, TranscriptLine] = {}
        # Items and responses that were cut, by an interruption or a cancel.
        self._cut: dict[str, None] = {}
        self._of_response: dict[str, dict[str, None]] = {}
        self._left_open: set[str] = set()  # items that their response ended without
        # Lines of replies as they are in the conversation, of which all is noted: until anything
        # but their words may have changed.
        self._settled: set[str] = set()

    # Views

    def lines(self) -> tuple[TranscriptLine, ...]:
        """All lines in order, as they are now; what has no item yet comes last."""
        found = (self._line(item_id) for item_id in (*self._order.ids(), *self._drafted()))
        return tuple(line for line in found if line is not None)

    def to_markdown(self) -> str:
        """The dialogue as Markdown, a paragraph a line; unheard words are struck through."""
        return script.dialogue(self.lines())

    def to_srt(self) -> str:
        """The dialogue as SubRip subtitles: what was heard, timed from the first event on.

        The user's lines stand where their audio was appended, the assistant's
        where it was played, or received if nobody played it.
        """
        return script.subtitles(self.lines(), self._times.started or 0.0)

    # Inputs

    def apply(self, observed: Observed, now: float) -> tuple[TranscriptLine, ...]:
        """Take in what the core observed, after `times` did; returns the lines it changed, in order.

        A line that comes for the first time, or whose `after` changed, belongs
        right behind that line. One with `deleted` that is not `spoken` is gone.
        """
        touched, gone = self._follow(observed)
        changed = []
        for item_id in self._order.sorted(touched):
            line = self._line(item_id)
            if line is not None and line != self._shown.get(item_id):
                self._shown[item_id] = line
                changed.append(line)
        return (*changed, *self._forget(gone))

    def keep_up(self, observed: Observed) -> None:
        """As `apply`, while nobody asks which lines change: none is made."""
        # The words of settled lines are read when the lines are.
        if type(observed) in _OF_WORDS and observed.item_id in self._settled:  # type: ignore[union-attr]
            return
        if self._passed_over(observed):
            return
        touched, gone = self._follow(observed)
        for item_id in touched:
            item = self._enter(item_id)
            if item is not None and item.response_id is not None and self._order.is_live(item_id):
                self._settled.add(item_id)
        for item_id in gone:
            self._drop(item_id)

    def catch_up(self) -> tuple[TranscriptLine, ...]:
        """All lines; `apply` will return what changes from here on, whatever `keep_up` has passed over."""
        lines = self.lines()
        self._shown = {line.item_id: line for line in lines}
        return lines

    def _follow(self, observed: Observed) -> tuple[set[str], list[str]]:
        """Take an event in; returns the items whose lines it may change, and those whose lines are gone."""
        touched = set(items_of(observed))
        if isinstance(observed, (sg.BargeIn, sg.ResponseFinished)):
            touched.update(self._of_response.get(observed.response_id or "", ()))
        elif not touched:
            return touched, []
        self._settled -= touched
        if (note := _NOTES[type(observed)]) is not None:
            note(self, observed)
        fresh, gone = self._order.refresh(touched, self._stays)
        for item_id in fresh:
            self._drafts.pop(item_id, None)
        return touched.union(fresh), gone

    def _passed_over(self, observed: Observed) -> bool:
        """Whether an event can change only what its lines are made of, once they are read; that is noted."""
        kind = type(observed)
        if kind in _OF_WORDS:
            return self._is_settled(observed.item_id)  # type: ignore[union-attr]  # all of those have one
        if kind in _OF_ITEMS:
            return all(map(self._is_settled, items_of(observed)))
        if kind is ev.ConversationItemAdded:
            return self._took_the_end(observed.item)  # type: ignore[union-attr]
        if not isinstance(observed, sg.ResponseFinished) or self._order.is_behind:
            return False
        for item_id in self._of_response.get(observed.response_id, ()):
            if not self._is_settled(item_id):
                return False
        self._note_end(observed)
        return True

    def _took_the_end(self, told: ev.Item | None) -> bool:
        """Make the line of a reply that was added behind all others, as nearly all are; else False."""
        item_id = told.id if told is not None else None
        item = self._conversation.item(item_id or "")
        if item_id is None or item is None or item_id in self._items or not item.in_dialogue:
            return False
        response_id = item.response_id
        if response_id is None or not self._order.take_end(item_id, item.previous_item_id):
            return False
        self._items[item_id] = item
        self._of_response.setdefault(response_id, {})[item_id] = None
        self._drafts.pop(item_id, None)
        self._settled.add(item_id)
        return True

    def _is_settled(self, item_id: str | None) -> bool:
        """Whether all is noted of an item, and it is still a line, or of no concern."""
        item = self._conversation.item(item_id or "")
        if item is None:
            return item_id not in self._items and not self._order.is_behind
        return item_id in self._settled and item.in_dialogue

    @staticmethod
    def concerned_with(kind: type[Observed]) -> bool:
        """Whether an event of this class can change a line."""
        return tells_of_items(kind) or kind in (sg.BargeIn, sg.ResponseFinished)

    # What an event means here beyond what the mirror makes of it.

    def _note_piece(self, event: ev.ConversationItemInputAudioTranscriptionDelta) -> None:
        index = event.content_index or 0
        draft = self._draft(event.item_id, index) if event.item_id else None
        if draft is not None and not draft.final:
            draft.pieces.setdefault(index, []).append(event.delta or "")

    def _note_whole(self, event: ev.ConversationItemInputAudioTranscriptionCompleted) -> None:
        index = event.content_index or 0
        draft = self._draft(event.item_id, index) if event.item_id else None
        if draft is not None:
            draft.pieces[index] = [event.transcript or ""]
            draft.final = True

    def _note_barge_in(self, signal: sg.BargeIn) -> None:
        self._note_cut(signal.item_id, signal.response_id)

    def _note_end(self, signal: sg.ResponseFinished) -> None:
        if signal.status == "cancelled":
            self._note_cut(signal.response_id)
        self._note_left_open(signal.response_id)

    def _draft(self, item_id: str, index: int) -> _Draft | None:
        """Where the words of a user go whose item is not (or no longer) in the conversation."""
        if self._conversation.item(item_id) is not None:
            return None
        draft = self._drafts.get(item_id)
        if draft is None:
            deleted = self._items.get(item_id)
            draft = self._drafts[item_id] = _Draft(
                {index: [deleted.generated]} if deleted is not None else {}
            )
            if len(self._drafts) > _MAX_DRAFTS:
                oldest = next(iter(self._drafts))
                del self._drafts[oldest]
                self._shown.pop(oldest, None)
        return draft

    def _note_left_open(self, response_id: str) -> None:
        """Nothing more comes of the items of a response that is over, though not every server ends them."""
        for one in self._of_response.get(response_id, ()):
            if self._items[one].status == "in_progress":
                self._left_open.add(one)

    def _note_cut(self, *ids: str | None) -> None:
        for one in ids:
            if one is not None:
                self._cut[one] = None
        while len(self._cut) > _MAX_CUT:
            del self._cut[next(iter(self._cut))]

    def _stays(self, item_id: str) -> bool:
        """Whether a line stays when its item is deleted: what was said was said."""
        return item_id in self._items and _is_spoken(self._items[item_id])

    def _forget(self, gone: Iterable[str]) -> Iterator[TranscriptLine]:
        """Drop lines; yields the last of those that had better not be shown any longer."""
        for item_id in gone:
            item, shown = self._drop(item_id)
            if shown is not None and not shown.spoken:
                text = shown.text if item is None else item.generated
                # It stands nowhere any more, wherever it stood when it was last shown.
                yield dataclasses.replace(
                    shown, text=text, deleted=True, final=True, after=None, previous_item_id=None
                )

    def _drop(self, item_id: str) -> tuple[HistoryItem | None, TranscriptLine | None]:
        """Forget an item; returns it and its line as it was last shown."""
        item = self._items.pop(item_id, None)
        self._left_open.discard(item_id)
        self._settled.discard(item_id)
        if item is not None and item.response_id is not None:
            self._forget_reply(item.response_id, item_id)
        return item, self._shown.pop(item_id, None)

    def _forget_reply(self, response_id: str, item_id: str) -> None:
        items = self._of_response.get(response_id, {})
        items.pop(item_id, None)
        if not items:
            self._of_response.pop(response_id, None)

    # Lines

    def _drafted(self) -> list[str]:
        return [item_id for item_id in self._drafts if item_id not in self._order]

    def _enter(self, item_id: str) -> HistoryItem | None:
        """Note the item of a line, as long as it can be had; returns it, if there is such a line."""
        live = self._conversation.item(item_id)
        item = live if live is not None else self._items.get(item_id)
        if item is None or item_id not in self._order:
            return None
        self._items[item_id] = item
        if item.response_id is not None:
            self._of_response.setdefault(item.response_id, {})[item_id] = None
        return item

    def _line(self, item_id: str) -> TranscriptLine | None:
        live = self._conversation.item(item_id)
        item = self._enter(item_id)
        if item is None:
            return None if live is not None or item_id in self._items else self._draft_line(item_id)
        draft = None if live is not None else self._drafts.get(item_id)
        span = self._times.span(item_id)
        return TranscriptLine(
            item_id=item_id,
            role=item.role or "",
            text=draft.text if draft is not None else item.generated,
            final=live is None or _is_final(item) or item_id in self._left_open,
            spoken=_is_spoken(item),
            interrupted=self._is_interrupted(item, deleted=live is None),
            heard=item.heard,
            unheard=item.unheard,
            deleted=live is None,
            after=self._order.before(item_id),
            previous_item_id=item.previous_item_id if live is not None else None,
            t_start=span.start if span is not None else None,
            t_end=span.end if span is not None else None,
        )

    def _draft_line(self, item_id: str) -> TranscriptLine | None:
        draft = self._drafts.get(item_id)
        if draft is None:
            return None
        drafted = self._drafted()
        index = drafted.index(item_id)
        span = self._times.span(item_id)
        return TranscriptLine(
            item_id=item_id,
            role="user",
            text=draft.text,
            final=draft.final,
            spoken=True,
            after=drafted[index - 1] if index else self._order.last,
            t_start=span.start if span is not None else None,
        )

    def _is_interrupted(self, item: HistoryItem, *, deleted: bool) -> bool:
        if item.role != "assistant":
            return False
        if item.truncated_at_ms is not None or item.id in self._cut:
            return True
        was_cut = item.response_id is not None and item.response_id in self._cut
        return was_cut and (deleted or bool(item.unheard) or item.status in _UNFINISHED)


# Events that mean something here beyond what the mirror makes of them.
_NOTES: ByKind[Callable[[Transcript, Any], None]] = ByKind(
    {
        "conversation.item.input_audio_transcription.delta": Transcript._note_piece,
        "conversation.item.input_audio_transcription.completed": Transcript._note_whole,
        sg.BargeIn: Transcript._note_barge_in,
        sg.ResponseFinished: Transcript._note_end,
    }
)
# Events about an item that neither move, make nor remove one, nor say of which
# kind it is; and those that only may do the last.
_OF_WORDS = frozenset(
    (
        ev.ResponseContentPartDone,
        ev.ResponseOutputTextDelta,
        ev.ResponseOutputTextDone,
        ev.ResponseOutputAudioTranscriptDelta,
        ev.ResponseOutputAudioTranscriptDone,
        sg.PlaybackStarted,
        sg.PlaybackFinished,
    )
)
_OF_ITEMS = frozenset(
    (ev.ConversationItemDone, ev.ResponseOutputItemAdded, ev.ResponseOutputItemDone, ev.ResponseDone)
)


def _is_spoken(item: HistoryItem) -> bool:
    return any(part.type in _SOUND for part in item.parts)


def _is_final(item: HistoryItem) -> bool:
    if item.role == "user" and _is_spoken(item):
        state = item.transcription_status
        return state in ("completed", "failed") or (state is None and bool(item.generated))
    return item.status != "in_progress"
