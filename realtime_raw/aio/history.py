"""The history a user holds: the mirror to read, and what has to be asked of the server to prove or edit it.

Reading is the mirror's, plans are `audit`'s and `edit`'s; here they are sent
and awaited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from .. import events as ev
from ..dispatch import Event
from ..errors import LocalProtocolError, RealtimeError, ServerRefused
from ..events.items import BaseItem
from ..protocol.conversation import ConversationMirror, HistoryItem
from ..types import ErrorInfo

if TYPE_CHECKING:
    from ..audit import AuditReport
    from ..edit import Compaction, Step, Wanted
    from .awaited import Confirmed
    from .driver import Driver
    from .records import Records

__all__ = ["History", "OnItem", "Summary"]

Summary: TypeAlias = Callable[["Compaction"], str | Awaitable[str]]
OnItem: TypeAlias = Callable[[BaseItem], None]

_ASK = (
    "Summarize the conversation below for yourself, so that you could go on with it: facts, names, numbers,"
    " decisions, open questions. Write plain text, no greeting."
)


class History:
    """The conversation as the server tells it, in its order. Live: iterate it, or look items up by id."""

    def __init__(self, driver: Driver, records: Records) -> None:
        self._driver = driver
        self._records = records
        self._editing = asyncio.Lock()
        self._sought: set[str] = set()
        self._filling: asyncio.Task[None] | None = None
        if driver.core.options.sideband:
            driver.observe(lambda kind: (self._look_back,))

    @property
    def mirror(self) -> ConversationMirror:
        """The sans-I/O mirror underneath."""
        return self._driver.core.conversation

    def __len__(self) -> int:
        return len(self.mirror)

    def __iter__(self) -> Iterator[HistoryItem]:
        return iter(self.mirror)

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.mirror

    def items(self) -> tuple[HistoryItem, ...]:
        """All items in the server's order; the items are live, the tuple is of now."""
        return self.mirror.items()

    def item(self, item_id: str) -> HistoryItem | None:
        """The item with this id, in the order or waiting for its predecessor; None if there is none."""
        return self.mirror.item(item_id)

    @property
    def waiting(self) -> tuple[HistoryItem, ...]:
        """Items whose predecessor is not known; `fill()` asks for it."""
        return self.mirror.waiting

    @property
    def last_id(self) -> str | None:
        """Id of the last item; None while the conversation is empty."""
        return self.mirror.last_id

    def as_text(self) -> str:
        """The conversation as a readable dialogue, a line an item, safe for a terminal."""
        return self.mirror.as_text()

    # Proof

    async def verify(
        self, *, concurrency: int = 8, probe_order: bool = False, on_item: OnItem | None = None
    ) -> AuditReport:
        """Compare this record with the server's, item by item.

        Every item is retrieved, at most `concurrency` at a time; its audio
        comes with it and is dropped, unless `on_item` wants the item.
        `probe_order` appends a marker and deletes it again, which makes the
        server name its last item: only between replies of manual turns, else
        `LocalProtocolError`. What can be proven, and what not, is in
        docs/history.md. What the server refuses is a finding; raises
        `SessionLost` and `CommandTimeout`. Cancelling it leaves nothing but
        answers nobody waits for.
        """
        from ..audit import Audit  # connecting is quicker without

        marker_id = self._new_id() if probe_order else None
        audit = Audit(
            self.mirror,
            witness=self._records.witness,
            encoding=self._driver.core.output_encoding,
            marker_id=marker_id,
        )
        ignore = self._driver.observe(lambda kind: (audit.apply,))
        try:
            if marker_id is not None:
                await self._probe(marker_id)
            while ids := audit.ids:
                await self._retrieve_all(ids, concurrency, audit.refused, on_item)
            return audit.report()
        finally:
            ignore()

    async def _probe(self, marker_id: str) -> None:
        from ..order_witness import marker

        core = self._driver.core
        if core.responses.busy or core.session.vad_on:
            raise LocalProtocolError(
                "the order cannot be probed now: a reply could see the marker",
                hint="probe between replies, with manual turns",
            )
        await self._driver.request(marker(marker_id), _nothing)
        await self._driver.request(ev.ConversationItemDelete(item_id=marker_id), _nothing)

    async def fill(self, *, concurrency: int = 8) -> tuple[HistoryItem, ...]:
        """Retrieve what was not seen: the predecessors of items that wait for theirs. Returns what came.

        For connections that joined late; a sideband does it by itself. What
        the server does not have stays unknown, and is not asked for again.
        Raises as `verify`.
        """
        came: list[HistoryItem] = []
        while missing := self._missing() - self._sought:
            self._sought |= missing
            await self._retrieve_all(tuple(sorted(missing)), concurrency, _shrug, None)
            came += [item for one in missing if (item := self.item(one)) is not None]
        return tuple(came)

    def _look_back(self, event: Event, now: float) -> None:
        # Who joined in the middle has not seen what came before: it is asked for as soon as it is named.
        if (self._filling is None or self._filling.done()) and self._missing() - self._sought:
            self._filling = self._driver.spawn(self._fill_quietly())

    async def _fill_quietly(self) -> None:
        try:
            await self.fill()
        except RealtimeError as exc:
            self._driver.warn("history_gap", f"what was said before could not be retrieved: {exc}")

    def _missing(self) -> set[str]:
        named = {item.previous_item_id for item in self.waiting}
        return {item_id for item_id in named if item_id is not None and self.item(item_id) is None}

    async def _retrieve_all(
        self,
        item_ids: Sequence[str],
        concurrency: int,
        refused: Callable[[str, ErrorInfo], None],
        on_item: OnItem | None,
    ) -> None:
        if concurrency < 1:
            raise LocalProtocolError(f"concurrency is {concurrency}", hint="give 1 or more")
        todo = list(reversed(item_ids))

        async def work() -> None:
            while todo:
                item_id = todo.pop()
                try:
                    found = await self._driver.request(ev.ConversationItemRetrieve(item_id=item_id), _item)
                except ServerRefused as exc:
                    refused(item_id, exc.error)
                else:
                    if on_item is not None and found is not None:
                        on_item(found)

        await _all(work() for _ in range(min(concurrency, len(todo))))

    # Editing

    async def edit(self, wanted: Sequence[Wanted], *, as_text: bool = False) -> tuple[Step, ...]:
        """Turn the conversation into `wanted` with the fewest creates and deletes; returns them.

        `wanted` are ids, items and new items, in order. What changes its place
        is made anew: a user's audio is retrieved for that, an assistant's
        cannot be, and goes as its text with `as_text=True`. Creates go first,
        so a refusal loses nothing. No reply is asked for or interrupted.
        Raises `CannotRecreate` or `LocalProtocolError` before anything is sent,
        `ServerRefused` at the first step refused. Cancelled, steps that were
        sent stay done.
        """
        async with self._editing:
            steps = await self._plan(wanted, as_text)
            for step in steps:
                await self._driver.request(step.event(), _nothing)
            return steps

    async def _plan(self, wanted: Sequence[Wanted], as_text: bool) -> tuple[Step, ...]:
        from ..edit import CannotRecreate, plan_edit  # connecting is quicker without

        retrieved: dict[str, BaseItem] = {}

        def keep(item: BaseItem) -> None:
            retrieved[item.id or ""] = item

        while True:
            try:
                return plan_edit(self.items(), wanted, ids=self._new_id, retrieved=retrieved, as_text=as_text)
            except CannotRecreate as impossible:
                missing = [one for one in impossible.retrievable if one not in retrieved]
                before = len(retrieved)
                await self._retrieve_all(missing, 8, _shrug, keep)
                if len(retrieved) == before:
                    raise

    async def compact(self, *, keep_last: int, summary: Summary | None = None) -> HistoryItem | None:
        """Replace all but the last items by a summary at the front; returns it, or None if there was nothing.

        `summary` makes the text from what is to be replaced (`.text`); without
        one the model writes it, out of band. It waits for the active reply to
        end, deletes nothing before the server has confirmed the summary, and
        verifies what is left; a difference is a `ProtocolWarning`.
        Raises `ServerRefused`, `ResponseFailed`; then nothing was deleted.
        Cancelled, what was sent stays done.
        """
        async with self._editing:
            await self._between_turns()
            from ..edit import Create, plan_compaction

            plan = plan_compaction(self.items(), keep_last=keep_last)
            if not plan.replaced:
                return None
            text = await self._summarize(plan, summary)
            await self._between_turns()
            item = ev.system(text).model_copy(update={"id": self._new_id()})
            for step in plan.steps(item):
                if isinstance(step, Create) or step.item_id in self:
                    await self._driver.request(step.event(), _nothing)
            report = await self.verify()
            if not report.ok:
                self._driver.warn("compaction", f"the record differs after a compaction: {report}")
            return self.item(str(item.id))

    async def _summarize(self, plan: Compaction, summary: Summary | None) -> str:
        if summary is not None:
            made = summary(plan)
            return made if isinstance(made, str) else await made
        config = ev.ResponseConfig(
            conversation="none", output_modalities=["text"], instructions=_ASK, input=[ev.user(plan.text)]
        )
        reply = await self._driver.request(ev.ResponseCreate(response=config), self._driver.awaited.reply_to)
        await reply.done()
        return "".join([piece async for piece in reply.text()])

    async def _between_turns(self) -> None:
        core = self._driver.core
        while core.responses.active is not None:
            await self._driver.waiter("response.finished", None, None)

    def _new_id(self) -> str:
        return self._driver.core.new_id("item")


def _item(confirmed: Confirmed) -> BaseItem | None:
    cause = confirmed.cause
    return cause.item if isinstance(cause, ev.ConversationItemRetrieved) else None


def _nothing(confirmed: Confirmed) -> None:
    return None


def _shrug(item_id: str, error: ErrorInfo) -> None:
    return None


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    """Run them together; the first failure, plain, ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except* RealtimeError as failed:
        raise failed.exceptions[0] from None
