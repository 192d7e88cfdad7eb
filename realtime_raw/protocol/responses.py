"""Responses: one record each, and the gate in front of `response.create`.

Only one response may write to the default conversation at a time (API
reference); out-of-band ones run beside it, as many as you like. The gate
keeps our own creates from colliding. It is advisory: with server VAD on, a
response of the server's own can win the race, and the server's refusal is
then information, not a failure.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Literal

from ..errors import LocalProtocolError
from ..events.response import Response
from ..slim import slim
from ..types import AudioKey, ErrorInfo
from .commands import Command
from .signals import Origin

__all__ = ["MAX_HELD", "TAG", "Gate", "Marks", "ResponseRecord", "ResponseTracker"]

MAX_HELD = 8
# How many finished responses are remembered. A live one is never forgotten.
_REMEMBERED = 256
# Our key in a response's metadata, which the server echoes: the one reliable
# link from a `response.created` to the create that asked for it.
TAG = "realtime_raw_id"

Gate = Literal["send", "hold"]


@slim(frozen=False)
class Marks:
    """When things happened, in seconds of the clock the core was given. None: not yet, or never."""

    asked: float | None = None
    created: float | None = None
    first_audio: float | None = None
    first_text: float | None = None
    done: float | None = None

    def __init__(
        self,
        asked: float | None = None,
        created: float | None = None,
        first_audio: float | None = None,
        first_text: float | None = None,
        done: float | None = None,
    ) -> None:
        self.asked, self.created, self.done = asked, created, done
        self.first_audio, self.first_text = first_audio, first_text


class Amount:
    """How many `bytes` of sound came for a part, to be counted on."""

    __slots__ = ("bytes",)

    def __init__(self) -> None:
        self.bytes = 0

    def __repr__(self) -> str:
        return f"{self.bytes} bytes"


@slim(frozen=False, eq=False)
class ResponseRecord:
    """What is known of one response.

    `muted` after an interruption: audio that still comes is dropped and
    counted in `late_deltas`. `overflowed`: the ring was full, and the rest of
    the reply is not played (a gap in the middle would be worse). `presumed`:
    that it is over was told by a refused cancel, not by a `response.done`.
    """

    id: str
    origin: Origin
    command: str | None
    status: str
    response: Response | None
    error: ErrorInfo | None
    muted: bool
    late_deltas: int
    speaks: bool
    overflowed: bool
    presumed: bool
    encoding: str
    marks: Marks
    item_ids: list[str]
    sounds: dict[AudioKey, Amount]
    ended: set[AudioKey]

    def __init__(
        self, response_id: str, origin: Origin, command: str | None = None, *, speaks: bool = False
    ) -> None:
        self.id = response_id
        self.origin = origin
        self.command = command
        self.status = "in_progress"
        self.response = self.error = None
        self.muted = self.overflowed = self.presumed = False
        self.late_deltas = 0
        self.speaks = speaks
        self.encoding = "audio/pcm"
        self.marks = Marks()
        self.item_ids = []
        self.sounds = {}
        self.ended = set()

    @property
    def audio_bytes(self) -> dict[AudioKey, int]:
        """Bytes of sound received, by part."""
        return {key: amount.bytes for key, amount in self.sounds.items()}

    def sound(self, key: AudioKey) -> Amount:
        """How much came for a part, to be counted on: nothing, if it is a new one."""
        amount = self.sounds.get(key)
        if amount is None:
            amount = self.sounds[key] = Amount()
        return amount

    @property
    def out_of_band(self) -> bool:
        """Whether it is kept out of the conversation (`conversation: "none"`)."""
        return self.origin == "out_of_band"

    @property
    def finished(self) -> bool:
        """Whether it is over: `response.done` was received, or is not to be expected any more."""
        return self.marks.done is not None

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata you gave it, without our own tag."""
        given = self.response.metadata if self.response is not None else None
        return {key: value for key, value in (given or {}).items() if key != TAG}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return {
            "id": self.id,
            "origin": self.origin,
            "status": self.status,
            "item_ids": list(self.item_ids),
            "muted": self.muted,
            "late_deltas": self.late_deltas,
            "error": None if self.error is None else {"code": self.error.code, "message": self.error.message},
            "marks": asdict(self.marks),
        }


class ResponseTracker:
    """Which responses exist, which one holds the conversation, which creates wait for it."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, ResponseRecord] = OrderedDict()
        self._active: str | None = None
        self._asked: deque[Command] = deque()
        self._asked_beside: deque[Command] = deque()
        self._held: deque[Command] = deque()
        self._echoes_tags = False
        self._approvals = 0
        # How often each kind of response ended; `explain` and `health` read it.
        self.counts: dict[str, int] = {}

    # Views

    def get(self, response_id: str) -> ResponseRecord | None:
        """The record of a response, while it is remembered (all live ones, and the last 256)."""
        return self._records.get(response_id)

    def __iter__(self) -> Iterator[ResponseRecord]:
        return iter(self._records.values())

    @property
    def active(self) -> ResponseRecord | None:
        """The response that is generating into the default conversation."""
        return self._records.get(self._active) if self._active is not None else None

    @property
    def latest(self) -> ResponseRecord | None:
        """The youngest response of the default conversation, live or finished."""
        return next((r for r in reversed(self._records.values()) if not r.out_of_band), None)

    @property
    def asked(self) -> Command | None:
        """A create of ours on its way that the server has not answered."""
        return self._asked[0] if self._asked else None

    @property
    def held(self) -> tuple[Command, ...]:
        """Creates that wait for the active response to end, in order."""
        return tuple(self._held)

    @property
    def busy(self) -> bool:
        """Whether another create for the default conversation would collide."""
        return self._active is not None or bool(self._asked)

    # The gate

    def gate(self, out_of_band: bool, if_busy: str) -> Gate:
        """What to do with a new create. Raises `LocalProtocolError` if it can be neither sent nor held."""
        if out_of_band or not (self.busy or self._held):
            return "send"
        if if_busy == "raise":
            what = f"response {self._active} is generating" if self._active else "a response was asked for"
            raise LocalProtocolError(
                f"{what}, and only one at a time may write to the conversation",
                hint='wait for it, cancel it, or respond(if_busy="wait")',
            )
        if len(self._held) >= MAX_HELD:
            raise LocalProtocolError(
                f"{MAX_HELD} creates are already waiting for the active response", hint="await some of them"
            )
        return "hold"

    def hold(self, command: Command, *, first: bool = False) -> None:
        """Keep a create until the conversation is free; a refused one goes back to the front."""
        if first:
            self._held.appendleft(command)
        else:
            self._held.append(command)

    def withdraw(self, command: Command) -> bool:
        """Drop a held create; False if it is not held (any more)."""
        if command not in self._held:
            return False
        self._held.remove(command)
        return True

    def release(self) -> Command | None:
        """The next held create, if the conversation is free for it."""
        return self._held.popleft() if self._held and not self.busy else None

    # Facts

    def sent(self, command: Command) -> None:
        """A create went out."""
        (self._asked_beside if command.out_of_band else self._asked).append(command)

    def approved(self) -> None:
        """We approved an MCP call: the response the server makes it in is one we asked for."""
        self._approvals += 1

    def refused(self, command: Command) -> None:
        """A create was refused or timed out: nothing will come of it."""
        for queue in (self._asked, self._asked_beside):
            if command in queue:
                queue.remove(command)

    def created(
        self, response: Response, now: float, *, vad_may_create: bool
    ) -> tuple[ResponseRecord, Command | None]:
        """`response.created`: find out who asked, and take the slot if it is for the conversation."""
        command = self._whose(response, vad_may_create)
        beside = command.out_of_band if command is not None else _says_beside(response)
        # A tag without an open command is a create of ours that timed out.
        ours = command is not None or TAG in (response.metadata or {})
        if not ours and self._approvals:
            self._approvals -= 1
            ours = True
        origin: Origin = "out_of_band" if beside else "asked" if ours else "server"
        record = ResponseRecord(response.id or "", origin)
        record.response = response
        record.marks.created = now
        record.speaks = "audio" in (response.output_modalities or ["audio"])
        if command is not None:
            record.command, record.marks.asked = command.event_id, command.asked_at
        self._remember(record)
        if not beside:
            self._active = record.id
        return record, command

    def implied(self, response_id: str, now: float) -> ResponseRecord:
        """A record for a response that was never announced (a sideband joined late, or a clone)."""
        record = ResponseRecord(response_id, "server", speaks=True)
        record.marks.created = now
        self._remember(record)
        return record

    def occupied(self, response_id: str, now: float) -> None:
        """The server says this response holds the conversation; its `created` may not have come yet."""
        record = self._records.get(response_id) or self.implied(response_id, now)
        if not record.finished:
            self._active = record.id

    def done(self, response: Response, now: float, *, presumed: bool = False) -> tuple[ResponseRecord, bool]:
        """The final object, and the slot is free; returns the record, and whether it ends only now.

        Of a response that had ended, the server's first word stands. Only an
        end that was `presumed` is corrected; when it was told is not.
        """
        response_id = response.id or self._active or ""
        record = self._records.get(response_id) or self.implied(response_id, now)
        # Without an id it may be another one.
        news = not (record.finished and response.id)
        if not news and not record.presumed:
            return record, False
        if news:
            record.marks.done = now
        else:
            self._uncount(record.status)
        self._settle(record, response)
        record.presumed = presumed
        if self._active == record.id:
            self._active = None
        self._forget_old()
        return record, news

    def _uncount(self, status: str) -> None:
        self.counts[status] -= 1
        if not self.counts[status]:
            del self.counts[status]

    def _settle(self, record: ResponseRecord, response: Response) -> None:
        record.response = response
        record.status = response.status or "completed"
        details = response.status_details
        if details is not None and details.error is not None:
            record.error = details.error.info()
        self.counts[record.status] = self.counts.get(record.status, 0) + 1

    def lost(self) -> None:
        """The line is gone: nothing is active, asked or held any more."""
        for record in self._records.values():
            if not record.finished:
                record.status = "abandoned"
        self._active = None
        for queue in (self._asked, self._asked_beside, self._held):
            queue.clear()

    def _whose(self, response: Response, vad_may_create: bool) -> Command | None:
        tag = (response.metadata or {}).get(TAG)
        if tag is not None:
            self._echoes_tags = True
            for queue in (self._asked, self._asked_beside):
                for command in queue:
                    if command.event_id == tag:
                        queue.remove(command)
                        return command
            return None
        if not self._asked and not self._asked_beside:
            return None
        # A server that echoes metadata and shows none was not asked by us. One
        # that drops metadata is matched in order, unless VAD may have asked.
        if self._echoes_tags or (vad_may_create and response.metadata is not None):
            return None
        if _says_beside(response) and self._asked_beside:
            return self._asked_beside.popleft()
        if self._asked:
            return self._asked.popleft()
        return self._asked_beside.popleft() if self._asked_beside else None

    def _remember(self, record: ResponseRecord) -> None:
        self._records[record.id] = record

    def _forget_old(self) -> None:
        while len(self._records) > _REMEMBERED:
            oldest = next((r for r in self._records.values() if r.finished), None)
            if oldest is None:
                return
            del self._records[oldest.id]


def _says_beside(response: Response) -> bool:
    # Null for out-of-band responses (observed); servers that leave the key out say nothing.
    return response.conversation_id is None and "conversation_id" in response.__pydantic_fields_set__
