"""`Probe`: what a case holds in its hand. It sends, expects and checks, over any line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from ..audio.pcm import Samples
from ..text import safe
from . import sounds
from .case import Kind, NotComplied, Violation
from .lines import Answer, Caller, Knock, Line, LineClosed, Stale, Tape
from .rules.session import unanswered
from .seen import ResponseSeen, item_of, response_of

__all__ = ["Probe"]

Event = dict[str, Any]
Where = Callable[[Event], object]

WITHIN = 10.0
# A response may think, and speak in full.
RESPONSE_WITHIN = 30.0
# How long a command's answer is awaited when nobody in the case awaits it.
_ANSWERED_WITHIN = 3.0
# A `.done` that some servers never send is not waited for longer than this.
OPTIONAL_WITHIN = 1.0

# What a server says of itself when a response fails, and the model had no chance to obey.
_NOT_THE_PROTOCOL = ("rate_limit", "quota", "overloaded", "server_error", "inference")


class Probe:
    """One case's hand on one server.

    `events` is everything received, in order. What an `expect` did not take is
    kept and may be expected later. `confirmed` is the session as the server
    last showed it. Ids the probe makes are the same in every run of a case, so
    that a journal can be judged again.
    """

    def __init__(self, caller: Caller, *, kind: Kind = "realtime", timeout_s: float = 30.0) -> None:
        self.caller = caller
        self.kind = kind
        self.tape = Tape()
        self.events: list[Event] = []
        self.confirmed: Event = {}
        self.greeted = True
        self._timeout_s = timeout_s
        self._line: Line | None = None
        self._numbers: dict[int, int] = {}
        self._taken: set[int] = set()
        self._made: Counter[str] = Counter()
        self._sent: dict[str, str] = {}
        self._awaited: set[str] = set()

    # --- the line -----------------------------------------------------------------------

    @property
    def line(self) -> Line:
        """The open line. Raises `Violation` if none was opened."""
        if self._line is None:
            raise Violation("no connection was opened")
        return self._line

    async def knock(self, knock: Knock | None = None) -> Answer:
        """Try to connect; with a line in the answer, that is what the probe talks on from now."""
        if self._line is not None:
            await self._line.close()
        if knock is None:
            knock = Knock(kind=self.kind if self.kind != "handshake" else "realtime")
        answer = await self.caller.call(knock, self.tape)
        self._line = answer.line
        return answer

    async def open(self, knock: Knock | None = None) -> Event:
        """Connect and await `session.created`; returns its session. Raises `Violation` without one."""
        answer = await self.knock(knock)
        if answer.line is None:
            raise Violation(
                f"the connection was refused with HTTP {answer.status} {safe(answer.body)}".rstrip()
            )
        if not self.greeted:
            return {}
        created = await self.expect("session.created")
        self.check(
            isinstance(created.get("session"), dict), "session.created has no session", created, "session"
        )
        self.confirmed = created["session"]
        return self.confirmed

    @property
    def seconds(self) -> float:
        """How long the newest line has been open; 0 if there is none."""
        return self._line.now if self._line is not None else 0.0

    async def settle(self, seconds: float = 15.0) -> None:
        """Read on until no response is open and every command has its answer. Never raises.

        So the journal has its end, and what is missing in it then is missing.
        """
        try:
            end, soon = self.line.now + seconds, self.line.now + _ANSWERED_WITHIN
            while self.line.now < end and self.open_responses():
                await self._receive(end)
            while self.line.now < soon and unanswered(self.tape.lines):
                await self._receive(soon)
            await self._receive(self.line.now + 0.05)
        except (LineClosed, Stale, Violation):
            pass

    def open_responses(self) -> set[str]:
        """Ids of responses that were created and are not done."""
        created = {response_of(event) for event in self.events if event["type"] == "response.created"}
        done = {response_of(event) for event in self.events if event["type"] == "response.done"}
        return {each for each in created - done if each is not None}

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._line is not None:
            await self._line.close()

    # --- sending ------------------------------------------------------------------------

    def new_id(self, kind: str) -> str:
        """An id for `kind` that nobody else has: `item_c1`, the same in every run of the case."""
        self._made[kind] += 1
        return f"{kind}_c{self._made[kind]}"

    async def send(self, kind: str, /, **fields: Any) -> str:
        """Send one event, with an `event_id` unless `fields` has one; returns the id."""
        event_id = fields.pop("event_id", None) or self.new_id("event")
        self._sent[event_id] = kind
        await self.send_raw(orjson.dumps({"type": kind, "event_id": event_id, **fields}))
        return str(event_id)

    async def send_raw(self, data: bytes | str, *, binary: bool = False) -> None:
        """Send one message as it is. Raises `Violation` if the connection has ended."""
        try:
            await self.line.send(data.encode() if isinstance(data, str) else data, binary=binary)
        except LineClosed as exc:
            raise Violation(
                f"the connection was closed ({exc.close}) while the case was still sending"
            ) from None

    # --- receiving ----------------------------------------------------------------------

    async def expect(self, *kinds: str, where: Where | None = None, within: float | None = None) -> Event:
        """The next event of one of `kinds` for which `where` holds, among those not taken yet.

        Raises `Violation` when it does not come within `within` seconds (10), when
        the connection ends, and at once when an `error` names an event of ours.
        """
        found = await self._next(kinds, where, WITHIN if within is None else within)
        if found is not None:
            return found
        names = " or ".join(kinds)
        wanted = f"{names} (with what the case expects of it)" if where is not None else names
        seconds = WITHIN if within is None else within
        raise Violation(f"{wanted} did not come within {seconds:g} s{self._last_error()}", self._last(kinds))

    async def maybe(
        self, *kinds: str, where: Where | None = None, within: float = OPTIONAL_WITHIN
    ) -> Event | None:
        """The same for an event that need not come: None if it does not."""
        return await self._next(kinds, where, within)

    async def refused(
        self,
        event_id: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str | None = "invalid_request_error",  # noqa: A002  # the field's own name
        within: float | None = None,
    ) -> Event:
        """The `error` that answers the event we sent as `event_id`, checked against what is named.

        Servers lose the id of errors about state (observed), so one that names no
        event counts too.
        """
        self._awaited.add(event_id)
        error = await self.expect(
            "error", where=lambda event: _inner(event).get("event_id") in (event_id, None), within=within
        )
        inner = _inner(error)
        for name, value in (("code", code), ("param", param), ("type", type)):
            if value is not None:
                self.check(
                    inner.get(name) == value,
                    f"the error's {name} is {inner.get(name)!r}, not {value!r}",
                    error,
                    f"error.{name}",
                )
        return error

    async def quiet(
        self, seconds: float, *, but_not: Collection[str] = ("rate_limits.updated",)
    ) -> list[Event]:
        """Nothing may come for `seconds`, except `but_not`; returns what did come of that."""
        end, seen = self.line.now + seconds, len(self.events)
        try:
            while await self._receive(end) is not None:
                event = self.events[-1]
                if event["type"] not in but_not:
                    raise Violation(f"{event['type']} came where nothing may come", event)
        except LineClosed as exc:
            raise Violation(f"the connection was closed ({exc.close}) where nothing may come") from None
        return self.events[seen:]

    async def closed(self, *, within: float = WITHIN) -> LineClosed:
        """The end of the connection, which the server must bring. Raises `Violation` if it does not."""
        end = self.line.now + within
        try:
            while await self._receive(end) is not None:
                pass
        except LineClosed as exc:
            return exc
        raise Violation(f"the connection was not closed within {within:g} s")

    def index(self, event: Event) -> int:
        """The place of a received event in `events`: what came first is lower."""
        return next(i for i, each in enumerate(self.events) if each is event)

    def number(self, event: Mapping[str, Any] | None) -> int | None:
        """The line of the journal that a received event stands in."""
        return self._numbers.get(id(event))

    async def _next(self, kinds: Collection[str], where: Where | None, within: float) -> Event | None:
        end = min(self.line.now + within, self._timeout_s)
        scanned = 0
        while True:
            while scanned < len(self.events):
                event = self.events[scanned]
                if scanned not in self._taken and event["type"] in kinds and (where is None or where(event)):
                    self._taken.add(scanned)
                    return event
                self._fail_on_error(event, kinds)
                scanned += 1
            try:
                if await self._receive(end) is None:
                    return None
            except LineClosed as exc:
                names = " or ".join(kinds)
                raise Violation(
                    f"the connection was closed ({exc.close}) before {names} came{self._last_error()}",
                    self.events[-1] if self.events else None,
                ) from None

    async def _receive(self, end: float) -> Event | None:
        data = await self.line.recv(max(0.0, end - self.line.now))
        if data is None:
            return None
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            raise Violation(f"a message of {len(data)} bytes is no JSON") from None
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise Violation(
                "a message is no object with a string `type`", event if isinstance(event, dict) else None
            )
        self.events.append(event)
        self._numbers[id(event)] = len(self.tape.lines) + 1
        return event

    def _fail_on_error(self, event: Event, kinds: Collection[str]) -> None:
        """An `error` that names an event of ours, which nobody expects to be refused, ends the waiting."""
        if event["type"] != "error" or "error" in kinds:
            return
        inner = _inner(event)
        name = inner.get("event_id")
        if name in self._sent and name not in self._awaited:
            self._awaited.add(name)
            code = safe(str(inner.get("code")))
            message = safe(str(inner.get("message")))
            raise Violation(f"{self._sent[name]} was refused: {code}: {message}", event, "error")

    def _last_error(self) -> str:
        """What the last error said that nobody took: often the reason why something did not come."""
        for index, event in reversed(list(enumerate(self.events))):
            if event["type"] == "error" and index not in self._taken:
                inner = _inner(event)
                return f" (an error came: {safe(str(inner.get('code')))}: {safe(str(inner.get('message')))})"
        return ""

    def _last(self, kinds: Collection[str]) -> Event | None:
        """The last event of these types, taken or not: what came instead of the one that was wanted."""
        return next((event for event in reversed(self.events) if event["type"] in kinds), None)

    # --- judging ------------------------------------------------------------------------

    def check(self, ok: object, message: str, event: Mapping[str, Any] | None = None, path: str = "") -> None:
        """Raise `Violation` with its evidence unless `ok`."""
        if not ok:
            raise Violation(message, event, path)

    # --- what cases do all the time -----------------------------------------------------

    async def session(self, **changes: Any) -> Event:
        """An accepted `session.update` of what is named; returns the session that `session.updated` shows."""
        kind = {"transcription": {"type": "transcription"}, "translation": {}}.get(
            self.kind, {"type": "realtime"}
        )
        await self.send("session.update", session={**kind, **changes})
        updated = await self.expect("session.updated")
        self.check(
            isinstance(updated.get("session"), dict), "session.updated has no session", updated, "session"
        )
        self.confirmed = updated["session"]
        return self.confirmed

    async def manual(self, **changes: Any) -> Event:
        """Turn detection off, and `changes` beside it."""
        audio = changes.pop("audio", {})
        within = {**audio.get("input", {}), "turn_detection": None}
        return await self.session(audio={**audio, "input": within}, **changes)

    @property
    def input_encoding(self) -> str:
        """The type of the input format in force: `audio/pcm`, `audio/pcmu` or `audio/pcma`."""
        return _encoding(self.confirmed, "input")

    async def append(self, samples: Samples) -> None:
        """Samples into the input buffer, in chunks of 200 ms, in the format in force."""
        kind = (
            "session.input_audio_buffer.append" if self.kind == "translation" else "input_audio_buffer.append"
        )
        for audio in sounds.chunks(samples, self.input_encoding):
            await self.send(kind, audio=audio)

    async def append_tone(self, seconds: float, *, dbfs: float = -20.0) -> None:
        """A tone of 440 Hz."""
        await self.append(sounds.tone(seconds, sounds.RATES[self.input_encoding], dbfs))

    async def append_silence(self, seconds: float) -> None:
        """Digital silence."""
        await self.append(sounds.silence(seconds, sounds.RATES[self.input_encoding]))

    async def append_speech(self, seconds: float = 1.5) -> None:
        """Something that turn detection takes for speech."""
        await self.append(sounds.speech(seconds, sounds.RATES[self.input_encoding]))

    async def commit(self) -> Event:
        """Commit what was appended; returns `input_audio_buffer.committed`, once its item was announced."""
        await self.send("input_audio_buffer.commit")
        committed = await self.expect("input_audio_buffer.committed")
        await self._announced(str(committed.get("item_id")))
        return committed

    async def user_text(self, text: str, **fields: Any) -> Event:
        """A user's written message; returns the item as it was announced. `fields` go beside `item`."""
        content = [{"type": "input_text", "text": text}]
        return await self.create_item({"type": "message", "role": "user", "content": content}, **fields)

    async def create_item(self, item: Mapping[str, Any], **fields: Any) -> Event:
        """Any item, with an id of ours unless it has one; returns it as it was announced."""
        item_id = str(item.get("id") or self.new_id("item"))
        await self.send("conversation.item.create", item={"id": item_id, **item}, **fields)
        return await self._announced(item_id)

    async def _announced(self, item_id: str) -> Event:
        added = await self.expect(
            "conversation.item.added", "conversation.item.created", where=lambda e: item_of(e) == item_id
        )
        if added["type"] == "conversation.item.added":
            await self.maybe("conversation.item.done", where=lambda e: item_of(e) == item_id)
        item: Event = added["item"]
        return item

    async def respond(self, **response: Any) -> ResponseSeen:
        """`response.create` with these fields, and everything that comes of it.

        Raises `NotComplied` where the response failed for want of quota, rate or health.
        """
        await self.send("response.create", **({"response": response} if response else {}))
        seen = await self.collect_response()
        details = seen.response.get("status_details")
        error = details.get("error") if isinstance(details, dict) else None
        code = str((error or {}).get("code") or (error or {}).get("type") or "")
        if seen.status == "failed" and any(word in code for word in _NOT_THE_PROTOCOL):
            raise NotComplied(f"the server failed the response: {safe(code)}")
        return seen

    async def collect_response(
        self, *, where: Where | None = None, within: float | None = None
    ) -> ResponseSeen:
        """The next response created (for which `where` holds), to its end; all its events are taken."""
        limit = RESPONSE_WITHIN if within is None else within
        created = await self.expect("response.created", where=where, within=limit)
        response_id = response_of(created)
        done = await self.expect("response.done", where=lambda e: response_of(e) == response_id, within=limit)
        first, last = self.index(created), self.index(done)
        span = list(enumerate(self.events))[first : last + 1]
        mine = [(i, event) for i, event in span if response_of(event) == response_id]
        items = {item_of(event) for _, event in mine} - {None}
        belongs = [(i, e) for i, e in span if response_of(e) == response_id or _made_by(e, items)]
        self._taken.update(i for i, _ in belongs)
        return ResponseSeen(created, done, [event for _, event in belongs])


def _made_by(event: Event, items: Collection[str | None]) -> bool:
    """Whether an event that names no response is about an item of this one."""
    return item_of(event) in items and "response_id" not in event


def _inner(event: Event) -> Event:
    found = event.get("error")
    return found if isinstance(found, dict) else {}


def _encoding(session: Event, direction: str) -> str:
    try:
        found = session["audio"][direction]["format"]["type"]
    except (KeyError, TypeError):
        found = "audio/pcm"
    return found if found in sounds.RATES else "audio/pcm"
