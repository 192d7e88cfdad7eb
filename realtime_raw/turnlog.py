"""The turn log: which event belongs to which turn, one row a turn, in the order they began.

Fed by the core's stream; rows themselves are in `turn`, their look on paper
in `script`. Nothing is decided here: the log only watches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import MethodType
from typing import TYPE_CHECKING, Any

import orjson

from . import events as ev
from . import script
from .events.later import ByKind
from .order_witness import is_marker
from .protocol import signals as sg
from .protocol.conversation import ConversationMirror
from .protocol.responses import ResponseTracker
from .protocol.state import Observed
from .text import printable
from .times import ItemTimes
from .tokens import Transcriptions
from .turn import ToolUse, Turn
from .types import UNSET, ErrorInfo

__all__ = ["ToolUse", "Turn", "TurnLog"]

_LIMIT = 1000

if TYPE_CHECKING:
    _McpState = ev.ResponseMcpCallInProgress | ev.ResponseMcpCallCompleted | ev.ResponseMcpCallFailed

# What the model makes, besides messages.
_MADE = frozenset(("function_call", "mcp_call", "mcp_approval_request"))
_WHO = {
    "function_call": "assistant",
    "function_call_output": "tool",
    "mcp_call": "assistant",
    "mcp_approval_response": "user",
}


class TurnLog:
    """One row a turn: of the user, of the model, and whatever was put in. Iterate it, or take `log[-1]`.

    Rows stand in the order in which their turns began; each response is a row
    of its own, so a reply that calls a tool and the one that goes on after it
    are two. The last 1000 rows are kept; `statistics()` counts the others.
    """

    def __init__(
        self, conversation: ConversationMirror, responses: ResponseTracker, times: ItemTimes
    ) -> None:
        self._conversation = conversation
        self._responses = responses
        self._times = times
        self._turns: list[Turn] = []
        self._count = 0
        self._dropped = 0
        self._by_item: dict[str, Turn] = {}
        self._by_response: dict[str, Turn] = {}
        self._calls: dict[str, ToolUse] = {}
        # Turns that VAD opened, as far as they may still be open.
        self._detected: list[Turn] = []
        # What we sent and what has no answer yet, by event id.
        self._commits: dict[str, Turn] = {}
        self._asked: dict[str, Turn] = {}
        self._creates: dict[str, Turn | ToolUse] = {}
        # What an audit puts in and takes out again.
        self._markers: dict[str, None] = {}
        # The last commit that no reply has answered with text or sound.
        self._unanswered: float | None = None

    # Views

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(tuple(self._turns))

    def __getitem__(self, index: int) -> Turn:
        return self._turns[index]

    def of(self, id_: str) -> Turn | None:
        """The row of an item or a response, by its id."""
        return self._by_item.get(id_) or self._by_response.get(id_)

    def to_jsonl(self) -> str:
        """One JSON object a row and line, as `Turn.to_dict()` gives it."""
        return "".join(f"{orjson.dumps(turn.to_dict()).decode()}\n" for turn in self._turns)

    def to_markdown(self) -> str:
        """The log as a play script: who, when, what was said and cut, tool calls with their results."""
        return script.play(self._turns, self._times.started or 0.0)

    def statistics(self) -> dict[str, int]:
        """How many rows are kept, and how many were dropped for room."""
        return {"turns": len(self._turns), "dropped": self._dropped}

    # Inputs

    def apply(self, observed: Observed, now: float) -> None:
        """Take in what the core observed, after `times` did."""
        handler = _HANDLERS[type(observed)]
        if handler is not None:
            handler(self, observed, now)

    def step_for(self, kind: type[Observed]) -> Callable[[Any, float], None] | None:
        """`apply` for events of this class; None if they change no row."""
        handler = _HANDLERS[kind]
        return None if handler is None else MethodType(handler, self)

    def tool_failed(self, call_id: str, error: str) -> None:
        """The function of a call raised or timed out.

        No event tells: the model gets a result all the same.
        """
        use = self._calls.get(call_id)
        if use is not None:
            use.error = printable(error)

    # Rows

    def _open(self, who: str, now: float) -> Turn:
        self._count += 1
        turn = Turn(self._count, who, now, self._times)
        self._turns.append(turn)
        if len(self._turns) > _LIMIT:
            self._dropped += 1
            self._drop(self._turns[0])
        return turn

    def _drop(self, turn: Turn) -> None:
        self._turns.remove(turn)
        self._detected = [one for one in self._detected if one is not turn]
        for item_id in turn.item_ids:
            if self._by_item.get(item_id) is turn:
                del self._by_item[item_id]
        if turn.response_id is not None and self._by_response.get(turn.response_id) is turn:
            del self._by_response[turn.response_id]
        # What has no answer yet: a few at any time.
        for index in (self._commits, self._asked, self._creates):
            for key in [key for key, one in index.items() if one is turn]:
                del index[key]
        for use in turn.tool_calls:
            self._calls.pop(use.call_id, None)

    def _enter(self, turn: Turn, item_id: str) -> None:
        """An item belongs to a row; its words are read from the mirror from now on."""
        self._by_item[item_id] = turn
        if item_id not in turn.item_ids:
            turn.item_ids.append(item_id)
        item = self._conversation.item(item_id)
        if item is not None:
            turn.items[item_id] = item

    def _reply(self, response_id: str | None) -> Turn | None:
        active = self._responses.active
        return self._by_response.get(response_id or (active.id if active is not None else ""))

    # The user's audio

    def _speech_started(self, signal: sg.UserStartedSpeaking, now: float) -> None:
        if signal.item_id and signal.item_id not in self._by_item:
            turn = self._open("user", now)
            self._detected.append(turn)
            self._enter(turn, signal.item_id)

    def _commit_asked(self, event: ev.InputAudioBufferCommit, now: float) -> None:
        turn = self._speaking() or self._open("user", now)
        turn.commit_asked, turn.commit_event = now, str(event.event_id)
        self._commits[turn.commit_event] = turn
        self._unanswered = now

    def _speaking(self) -> Turn | None:
        """The user's turn that VAD opened and nobody has committed."""
        self._detected = [one for one in self._detected if _is_open(one)]
        return self._detected[-1] if self._detected else None

    def _cleared(self, event: ev.InputAudioBufferCleared, now: float) -> None:
        turn = self._speaking()
        if turn is not None:
            turn.fate = "cleared"

    def _committed(self, event: ev.InputAudioBufferCommitted, now: float) -> None:
        if event.item_id:
            self._take_commit(event.item_id, now)

    def _take_commit(self, item_id: str, now: float) -> None:
        turn = self._by_item.get(item_id)
        if turn is None:
            waiting = next(iter(self._commits), None)
            turn = self._commits.pop(waiting) if waiting is not None else self._open("user", now)
            # A commit during speech makes another item than VAD announced (API reference).
            for announced in turn.item_ids:
                self._by_item.pop(announced, None)
            turn.item_ids.clear()
        if turn.committed is None:
            turn.committed, turn.fate = now, "completed"
            self._unanswered = turn.commit_asked if turn.commit_asked is not None else now
        self._enter(turn, item_id)

    def _transcribed(self, event: ev.ConversationItemInputAudioTranscriptionCompleted, now: float) -> None:
        turn = self._by_item.get(event.item_id or "")
        if turn is not None and event.usage is not None:
            turn.transcription = Transcriptions.of(event.usage)

    # What we put in

    def _create_asked(self, event: ev.ConversationItemCreate, now: float) -> None:
        item, event_id = event.item, str(event.event_id)
        if isinstance(item, ev.NewFunctionCallOutput) and item.call_id in self._calls:
            self._creates[event_id] = self._calls[item.call_id]
        elif is_marker(event):
            self._markers[str(item.id)] = None
        elif item.id is not UNSET:
            messages = ev.NewSystemMessage | ev.NewUserMessage | ev.NewAssistantMessage
            role = item.role if isinstance(item, messages) else None
            turn = self._open(role or _WHO.get(item.type, "server"), now)
            turn.sent_at = now
            turn.inserted = role is not None and (role != "user" or event.previous_item_id is not UNSET)
            self._creates[event_id] = turn
            self._enter(turn, item.id)

    def _deleted(self, event: ev.ConversationItemDeleted, now: float) -> None:
        self._markers.pop(event.item_id or "", None)

    def _added(self, event: ev.ConversationItemAdded | ev.ConversationItemCreated, now: float) -> None:
        item = event.item
        if item is None or not item.id or item.id in self._markers:
            return
        turn = self._by_item.get(item.id)
        if turn is None and isinstance(item, ev.FunctionCallOutput) and item.call_id in self._calls:
            use = self._calls[item.call_id]
            use.completed, use.result = now, item.output
            return
        is_made = isinstance(item, ev.AssistantMessage) or item.type in _MADE
        if turn is None and is_made and item.status == "in_progress":
            turn = self._reply(None)
        if turn is None and _is_spoken(item) and self._commits:
            self._take_commit(item.id, now)
            return
        if turn is None:
            turn = self._open(_role_of(item), now)
        if turn.confirmed is None and turn.record is None and turn.response_id is None:
            turn.confirmed, turn.fate = now, "completed"
        self._enter(turn, item.id)

    # Fates of what we sent

    def _refused(self, signal: sg.CommandRefused, now: float) -> None:
        event_id = signal.event_id
        use = self._creates.pop(event_id, None)
        if isinstance(use, ToolUse):
            use.error = "the server refused the result" if signal.error is None else signal.error.message
            return
        turn = use or self._commits.pop(event_id, None) or self._asked.pop(event_id, None)
        if turn is not None and turn.committed is None:
            self._unanswered = None if turn.commit_asked == self._unanswered else self._unanswered
            turn.fate, turn.refusal = signal.fate, signal.error or ErrorInfo(signal.fate.replace("_", " "))

    def _confirmed(self, signal: sg.CommandConfirmed, now: float) -> None:
        self._creates.pop(signal.event_id, None)
        turn = self._commits.pop(signal.event_id, None)
        # Our commit lost the race against VAD's, which took its audio: no turn came of it.
        if turn is not None and signal.note is not None and not turn.item_ids:
            self._drop(turn)

    # Replies

    def _reply_asked(self, event: ev.ResponseCreate, now: float) -> None:
        event_id = str(event.event_id)
        if event_id in self._asked:
            return  # it lost a race and is sent again
        turn = self._open("assistant", now)
        turn.sent_at = now
        turn.out_of_band = event.response is not UNSET and event.response.conversation == "none"
        self._asked[event_id] = turn

    def _started(self, signal: sg.ResponseStarted, now: float) -> None:
        turn = self._asked.pop(signal.command or "", None) or self._open("assistant", now)
        self._adopt(turn, signal.response_id)
        turn.out_of_band = signal.origin == "out_of_band"
        if not turn.out_of_band:
            turn.answers_commit = self._unanswered

    def _adopt(self, turn: Turn, response_id: str) -> None:
        turn.response_id = response_id
        turn.record = self._responses.get(response_id)
        self._by_response[response_id] = turn

    def _finished(self, signal: sg.ResponseFinished, now: float) -> None:
        turn = self._by_response.get(signal.response_id)
        if turn is None:
            turn = self._open("assistant", now)
            self._adopt(turn, signal.response_id)
        turn.record = signal.record
        output = signal.record.response.output if signal.record.response is not None else None
        if turn.out_of_band:
            turn.aside = "\n".join(filter(None, map(_text_of, output or ())))
        elif turn.first_audio is not None or turn.first_text is not None:
            self._unanswered = None

    def _item_begins(self, event: ev.ResponseOutputItemAdded, now: float) -> None:
        turn = self._reply(event.response_id)
        if turn is not None and event.item is not None and event.item.id:
            self._enter(turn, event.item.id)
            if event.item.type == "mcp_call" and isinstance(event.item, ev.McpCall):
                self._mcp(turn, event.item)

    # Tools

    def _call_ready(self, signal: sg.ToolCallReady, now: float) -> None:
        call = signal.call
        turn = self._reply(call.response_id)
        if turn is not None and call.call_id not in self._calls:
            use = ToolUse(call.call_id, call.name, call.arguments, started=now)
            turn.tool_calls.append(use)
            self._calls[call.call_id] = use

    def _mcp(self, turn: Turn, item: ev.McpCall) -> None:
        use = self._calls.get(item.id or "")
        if use is None:
            use = ToolUse(item.id or "", "", "")
            turn.tool_calls.append(use)
            self._calls[use.call_id] = use
        use.name, use.server_label = item.name or use.name, item.server_label or use.server_label
        use.arguments = item.arguments or use.arguments
        use.result = item.output if item.output is not None else use.result
        if item.error is not None:
            use.error = item.error.message or item.error.type or "failed"

    def _mcp_item(self, event: ev.ResponseOutputItemDone | ev.ConversationItemDone, now: float) -> None:
        item = event.item
        if item is None or item.type != "mcp_call":
            return
        turn = self._by_item.get(item.id or "")
        if turn is not None and isinstance(item, ev.McpCall):
            self._mcp(turn, item)

    def _mcp_state(self, event: _McpState, now: float) -> None:
        use = self._calls.get(event.item_id or "")
        if use is None:
            return
        if isinstance(event, ev.ResponseMcpCallInProgress):
            use.started = now
        else:
            use.completed = now
        if isinstance(event, ev.ResponseMcpCallFailed) and use.error is None:
            use.error = "failed"

    # Playback

    def _played(self, signal: sg.PlaybackStarted, now: float) -> None:
        turn = self._by_item.get(signal.item_id)
        if turn is not None:
            turn.played = now if turn.played is None else turn.played
            turn.playback_finished = None

    def _playback_finished(self, signal: sg.PlaybackFinished, now: float) -> None:
        turn = self._by_item.get(signal.item_id)
        if turn is not None:
            turn.playback_finished = now

    def _cut(self, signal: sg.BargeIn, now: float) -> None:
        turn = self._by_item.get(signal.item_id or "") or self._by_response.get(signal.response_id or "")
        if turn is not None and turn.interrupted_at is None:
            turn.interrupted_at, turn.interrupted_by = now, signal.by

    def _truncated(self, event: ev.ConversationItemTruncated, now: float) -> None:
        turn = self._by_item.get(event.item_id or "")
        if turn is not None and turn.interrupted_at is None:
            turn.interrupted_at, turn.interrupted_by = now, "truncate"


_HANDLERS: ByKind[Callable[[TurnLog, Any, float], None]] = ByKind(
    {
        sg.UserStartedSpeaking: TurnLog._speech_started,
        "input_audio_buffer.commit": TurnLog._commit_asked,
        ev.InputAudioBufferCleared: TurnLog._cleared,
        ev.InputAudioBufferCommitted: TurnLog._committed,
        "conversation.item.input_audio_transcription.completed": TurnLog._transcribed,
        "conversation.item.create": TurnLog._create_asked,
        ev.ConversationItemAdded: TurnLog._added,
        "conversation.item.created": TurnLog._added,
        ev.ConversationItemDone: TurnLog._mcp_item,
        ev.ConversationItemDeleted: TurnLog._deleted,
        sg.CommandRefused: TurnLog._refused,
        sg.CommandConfirmed: TurnLog._confirmed,
        "response.create": TurnLog._reply_asked,
        sg.ResponseStarted: TurnLog._started,
        sg.ResponseFinished: TurnLog._finished,
        ev.ResponseOutputItemAdded: TurnLog._item_begins,
        ev.ResponseOutputItemDone: TurnLog._mcp_item,
        sg.ToolCallReady: TurnLog._call_ready,
        "response.mcp_call.in_progress": TurnLog._mcp_state,
        "response.mcp_call.completed": TurnLog._mcp_state,
        "response.mcp_call.failed": TurnLog._mcp_state,
        sg.PlaybackStarted: TurnLog._played,
        sg.PlaybackFinished: TurnLog._playback_finished,
        sg.BargeIn: TurnLog._cut,
        ev.ConversationItemTruncated: TurnLog._truncated,
    }
)


def _is_open(turn: Turn) -> bool:
    return turn.fate == "open" and turn.committed is None and turn.commit_asked is None


def _is_spoken(item: ev.BaseItem) -> bool:
    content = item.content if isinstance(item, ev.UserMessage) else None
    return any(isinstance(part, ev.InputAudio) for part in content or ())


def _role_of(item: ev.BaseItem) -> str:
    match item:
        case ev.SystemMessage() | ev.UserMessage() | ev.AssistantMessage():
            return item.role or type(item).__name__.removesuffix("Message").lower()
        case _:
            return _WHO.get(item.type or "", "server")


def _text_of(item: ev.BaseItem) -> str:
    parts = item.content if isinstance(item, ev.AssistantMessage) else None
    texts = (
        part.transcript if isinstance(part, ev.OutputAudio) else part.text
        for part in parts or ()
        if isinstance(part, ev.OutputAudio | ev.OutputText)
    )
    return "".join(filter(None, texts))
