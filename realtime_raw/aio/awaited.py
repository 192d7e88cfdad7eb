"""What somebody waits for: the fates of commands, and the pieces of replies.

Those who wait are served before any handler runs. What an answer means was
decided in the core.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import CommandTimeout, RealtimeError, ServerRefused, SessionLost
from ..events.server import ResponseCreated
from ..protocol import signals
from ..protocol.sound import Sound
from ..types import ErrorInfo
from .records import Step
from .reply import PIECES, Reply

if TYPE_CHECKING:
    from ..protocol.core import RealtimeProtocol

__all__ = ["Awaited", "Confirmed"]

T = TypeVar("T")
Confirmed = signals.CommandConfirmed
_Receipt = tuple[asyncio.Future[Any], Callable[[Confirmed], Any]]


class Awaited:
    """Receipts and replies of one session.

    `lost` makes the reason why nothing more will come, `changed` is told when
    `hears` has changed.
    """

    def __init__(
        self, core: RealtimeProtocol, lost: Callable[[], SessionLost], changed: Callable[[], None]
    ) -> None:
        self._core = core
        self._lost = lost
        self._changed = changed
        # Several may wait for one command: two cancels of one response are one.
        self._receipts: dict[str, list[_Receipt]] = {}
        self._replies: dict[str, weakref.ref[Reply]] = {}

    def steps_for(self, kind: type[Any]) -> Iterable[Step]:
        """What serves whoever awaits an event of this class."""
        settle = _SETTLERS.get(kind)
        return () if settle is None else (partial(settle, self),)

    @property
    def hears(self) -> bool:
        """Whether anybody holds a reply, and is to have its sound."""
        return bool(self._replies)

    def take_sound(self, sound: Sound, now: float) -> None:
        """Sound of a reply has come."""
        if not self._replies:
            return
        source = sound.source
        if source.key is not None and (reply := self._reply(source.response_id)) is not None:
            reply.take_sound(source.key, sound.pcm, source.encoding)

    async def receipt(self, event_id: str, make: Callable[[Confirmed], T], flush: Callable[[], object]) -> T:
        """The fate of a command just given to the core: what `make` makes of it, or the exception it is.

        `flush` sends it. Cancelled, a command that is held is withdrawn.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        receipt = (future, make)
        self._receipts.setdefault(event_id, []).append(receipt)
        flush()
        try:
            return await future
        except asyncio.CancelledError:
            if receipt in self._receipts.get(event_id, ()):
                self._receipts[event_id].remove(receipt)
                if self._core.withdraw(event_id):
                    flush()
            raise

    def reply_to(self, confirmed: Confirmed) -> Reply:
        """The `Reply` for a confirmed `response.create`; it collects while somebody holds it."""
        created = confirmed.cause
        # The core confirms a create with the response it has just recorded.
        assert isinstance(created, ResponseCreated)
        assert created.response is not None
        record = self._core.responses.get(created.response.id or "")
        assert record is not None
        reply = Reply(record)
        self._replies[record.id] = weakref.ref(reply, self._forget)
        self._changed()
        return reply

    def finish(self) -> None:
        """The line is gone."""
        for held in list(self._replies.values()):
            if (reply := held()) is not None:
                reply.finish(self._lost)

    def _forget(self, gone: weakref.ref[Reply]) -> None:
        self._replies = {key: held for key, held in self._replies.items() if held is not gone}
        self._changed()

    def _reply(self, response_id: str) -> Reply | None:
        held = self._replies.get(response_id)
        return held() if held is not None else None

    def _piece(self, event: Any, now: float) -> None:
        if self._replies:
            active = self._core.responses.active
            reply = self._reply(event.response_id or (active.id if active else ""))
            if reply is not None:
                reply.take(event)

    def _confirmed(self, event: Confirmed, now: float) -> None:
        for future, make in self._receipts.pop(event.event_id, ()):
            if not future.done():
                future.set_result(make(event))

    def _refused(self, event: signals.CommandRefused, now: float) -> None:
        for future, _ in self._receipts.pop(event.event_id, ()):
            if not future.done():
                future.set_exception(self._refusal(event))

    def _refusal(self, refused: signals.CommandRefused) -> RealtimeError:
        if refused.fate == "timed_out":
            return CommandTimeout(refused.command, refused.waited, refused.event_id)
        if refused.fate == "lost":
            return self._lost()
        error = refused.error or ErrorInfo("the server gave no reason")
        return ServerRefused(error, refused.command, refused.event_id)


_SETTLERS: Final[Mapping[type, Callable[[Awaited, Any, float], None]]] = {
    Confirmed: Awaited._confirmed,
    signals.CommandRefused: Awaited._refused,
    **dict.fromkeys(PIECES, Awaited._piece),
}
