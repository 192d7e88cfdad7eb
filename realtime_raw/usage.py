"""What a session used and what that costs, from what the server reports of each response (`tokens`).

Prices are the user's data: none are known here, and nothing is ever looked up.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from types import MethodType
from typing import Any, Literal, TypeVar

from . import events as ev
from .errors import LocalProtocolError
from .events.later import ByKind
from .protocol.signals import ResponseFinished
from .protocol.state import Observed
from .slim import slim
from .tokens import Limit, Tokens, Transcriptions
from .types import UNSET

__all__ = [
    "Budget",
    "BudgetExceeded",
    "BudgetLeft",
    "Prices",
    "UsageMeter",
]

# Responses, transcripts and limits that are remembered one by one; the sums
# go on beyond that.
_REMEMBERED = 1024
_MAX_LIMITS = 32
# What waits to be counted at most: three such facts come with a reply.
_AT_ONCE = 48

_K = TypeVar("_K")
_V = TypeVar("_V")


@slim(kw_only=True)
class Prices:
    """What tokens cost you, in US dollars per million; transcription also per minute.

    Cached input without a price of its own costs what other input costs, and
    an image what text costs. Raises `LocalProtocolError` for a price that is
    negative or no number.
    """

    input_text: float
    input_audio: float
    output_text: float
    output_audio: float
    input_image: float | None = None
    cached_text: float | None = None
    cached_audio: float | None = None
    cached_image: float | None = None
    transcription_input: float = 0.0
    transcription_output: float = 0.0
    transcription_minute: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_amount(f"Prices.{field.name}", getattr(self, field.name))

    def usd(self, tokens: Tokens) -> float:
        """What these tokens cost. Where a report leaves something open, the dearer reading counts.

        Tokens of no stated kind cost the dearest kind's price, and cached ones
        of no stated kind the full price. Reasoning is in the output already.
        """
        image = self.input_text if self.input_image is None else self.input_image
        kinds = (
            (tokens.input_text, tokens.cached_text, self.input_text, self.cached_text),
            (tokens.input_audio, tokens.cached_audio, self.input_audio, self.cached_audio),
            (tokens.input_image, tokens.cached_image, image, self.cached_image),
        )
        cost = 0.0
        for count, cached, price, cached_price in kinds:
            cost += (count - cached) * price + cached * (price if cached_price is None else cached_price)
        untold_input = tokens.input - sum(count for count, *_ in kinds)
        untold_output = tokens.output - tokens.output_text - tokens.output_audio
        untold = tokens.total - tokens.input - tokens.output
        dear_input = max(price for *_, price, _ in kinds)
        dear_output = max(self.output_text, self.output_audio)
        cost += tokens.output_text * self.output_text + tokens.output_audio * self.output_audio
        cost += untold_input * dear_input + untold_output * dear_output
        return (cost + untold * max(dear_input, dear_output)) / 1e6

    def transcription_usd(self, used: Transcriptions) -> float:
        """What transcribing the user cost."""
        tokens = used.input * self.transcription_input + used.output * self.transcription_output
        return tokens / 1e6 + used.seconds / 60 * self.transcription_minute


def _check_amount(name: str, value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise LocalProtocolError(f"{name} must be a number of at least 0, not {value}")


class BudgetExceeded(LocalProtocolError):
    """The next reply would, or might, cost more than the budget has left; nothing was sent.

    `unit` is "tokens" or "usd"; `limit`, `spent` and `projected` are in it.
    """

    def __init__(self, unit: Literal["tokens", "usd"], limit: float, spent: float, projected: float) -> None:
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.projected = projected
        show: Callable[[float], str] = (lambda x: f"{x:.0f} tokens") if unit == "tokens" else _dollars
        super().__init__(
            f"the budget of {show(limit)} allows no other reply: {show(spent)} are spent"
            f" and the next one is projected at {show(projected)}",
            hint=f"raise Budget(max_{unit}=...), or make the history shorter",
        )


def _dollars(amount: float) -> str:
    return f"{amount:.4f} USD"


@slim(kw_only=True)
class Budget:
    """The most a session may use, checked before each `response.create`.

    `max_tokens` counts every token of every response, cached ones included;
    `max_usd` needs `prices` and counts transcription too. Prices alone limit
    nothing, and say what the session costs. Raises `LocalProtocolError` for a
    limit that cannot be kept, and if there is nothing in it.
    """

    max_tokens: int | None = None
    max_usd: float | None = None
    prices: Prices | None = None

    def __post_init__(self) -> None:
        _check_amount("Budget.max_tokens", self.max_tokens)
        _check_amount("Budget.max_usd", self.max_usd)
        if self.max_tokens is None and self.max_usd is None and self.prices is None:
            raise LocalProtocolError("an empty Budget", hint="give max_tokens, or max_usd and prices")
        if self.max_usd is not None and self.prices is None:
            raise LocalProtocolError(
                "Budget.max_usd needs Budget.prices", hint="give Prices(...) as your provider lists them"
            )


@slim(kw_only=True)
class BudgetLeft:
    """What a budget has left before the next reply, and what that reply is projected to take.

    None where nothing is limited, or no prices are known.
    """

    tokens: int | None
    usd: float | None
    projected: Tokens
    projected_usd: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs."""
        return dataclasses.asdict(self)


class UsageMeter:
    """Counts what a session used. Feed it the core's stream with `apply`; read it at any time.

    `total` and `responses` cover all finished responses, out-of-band ones
    included; `unreported` counts those that ended without a word about tokens
    (most servers say nothing for a failed one). `last` is the youngest report.
    What comes with every reply is counted when somebody looks, or a few replies
    at once: that costs a fraction of counting each between its sounds.
    """

    def __init__(self, budget: Budget | None = None) -> None:
        self.budget = budget
        self._total = Tokens()
        self._last: Tokens | None = None
        self._responses = 0
        self._unreported = 0
        self._pending: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self.transcriptions = Transcriptions()
        self._by_response: dict[str, Tokens | None] = {}
        self._transcribed: dict[tuple[str, int | None], None] = {}
        self._limits: dict[str, Limit] = {}
        self._custom: dict[str, None] = {}
        # The last reply made of the conversation as it still is, and what was added to it since.
        self._context: Tokens | None = None
        self._added: dict[str, None] = {}

    # Views

    @property
    def total(self) -> Tokens:
        """Tokens of all finished responses."""
        self._catch_up()
        return self._total

    @property
    def last(self) -> Tokens | None:
        """Tokens of the last response that reported any."""
        self._catch_up()
        return self._last

    @property
    def responses(self) -> int:
        """How many responses ended."""
        self._catch_up()
        return self._responses

    @property
    def unreported(self) -> int:
        """How many of them said nothing about tokens."""
        self._catch_up()
        return self._unreported

    @property
    def limits(self) -> Mapping[str, Limit]:
        """Rate limits by name, as last reported. Empty until the server says anything, if it ever does."""
        self._catch_up()
        return dict(self._limits)

    def of(self, response_id: str) -> Tokens | None:
        """What one response used; None if it is unknown, unfinished, silent about it, or long ago."""
        self._catch_up()
        return self._by_response.get(response_id)

    @property
    def usd(self) -> float | None:
        """What the session cost so far; None without prices."""
        return self._usd(self.total, self.transcriptions)

    def projected(self) -> Tokens:
        """What the next reply to the conversation as it stands may take: an estimate.

        Its input is the last reply's input and output, none of it cached, as
        the server charges the whole conversation each time (observed); its
        output is the average so far. What you added since is not in it.
        All zero until a reply has been reported, and after the deletion of
        anything it was made of, since how many tokens an item had is never said.
        """
        reported = self.responses - self.unreported
        context = self._context
        if context is None or not reported:
            return Tokens()
        entered = context.input + context.output - context.reasoning
        text, audio = self._total.output_text // reported, self._total.output_audio // reported
        output = self._total.output // reported
        return Tokens(
            total=entered + output,
            input=entered,
            input_text=context.input_text + max(0, context.output_text - context.reasoning),
            input_audio=context.input_audio + min(context.output_audio, context.output - context.reasoning),
            input_image=context.input_image,
            output=output,
            output_text=text,
            output_audio=audio,
        )

    def check(self) -> BudgetLeft:
        """Call before each `response.create`. Raises `BudgetExceeded`, else says what is left.

        Refuses when the budget is spent, and when the projected reply would
        overdraw it. Without a budget nothing is refused.
        """
        projected = self.projected()
        projected_usd = self._usd(projected, Transcriptions())
        tokens = usd = None
        if self.budget is not None and self.budget.max_tokens is not None:
            tokens = self.budget.max_tokens - self.total.total
            if tokens <= 0 or projected.total > tokens:
                raise BudgetExceeded("tokens", self.budget.max_tokens, self.total.total, projected.total)
        if self.budget is not None and self.budget.max_usd is not None:
            spent = self.usd or 0.0
            usd = self.budget.max_usd - spent
            if usd <= 0 or (projected_usd or 0.0) > usd:
                raise BudgetExceeded("usd", self.budget.max_usd, spent, projected_usd or 0.0)
        return BudgetLeft(tokens=tokens, usd=usd, projected=projected, projected_usd=projected_usd)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for logs: sums, limits, and money if prices are known."""
        return {
            "responses": self.responses,
            "unreported": self.unreported,
            "tokens": self.total.to_dict(),
            "transcriptions": self.transcriptions.to_dict(),
            "limits": {name: limit.to_dict() for name, limit in self.limits.items()},
            "usd": self.usd,
        }

    # Inputs

    def apply(self, observed: Observed, now: float) -> None:
        """Take in what the core observed. Never raises, whatever the server reports."""
        handler = _HANDLERS[type(observed)]
        if handler is not None:
            handler(self, observed, now)

    def step_for(self, kind: type[Observed]) -> Callable[[Any, float], None] | None:
        """`apply` for events of this class; None if they change no count."""
        handler = _HANDLERS[kind]
        return None if handler is None else MethodType(handler, self)

    def _later(self, count: Callable[..., None], *said: Any) -> None:
        self._pending.append((count, said))
        if len(self._pending) >= _AT_ONCE:
            self._catch_up()

    def _catch_up(self) -> None:
        if self._pending:
            pending, self._pending = self._pending, []
            for count, said in pending:
                count(self, *said)

    def _entered(self, event: ev.ConversationItemAdded, now: float) -> None:
        if event.item is not None and event.item.id:
            self._later(UsageMeter._enter, event.item.id)

    def _enter(self, item_id: str) -> None:
        _remember(self._added, item_id, None)

    def _deleted(self, event: ev.ConversationItemDeleted, now: float) -> None:
        self._catch_up()
        if event.item_id not in self._added:
            self._context = None

    def _asked(self, event: ev.ResponseCreate, now: float) -> None:
        if event.response is not UNSET and event.event_id is not UNSET and event.response.input is not UNSET:
            _remember(self._custom, event.event_id, None)

    def _finished(self, signal: ResponseFinished, now: float) -> None:
        record = signal.record
        usage = record.response.usage if record.response is not None else None
        of_all = not record.out_of_band and record.command not in self._custom
        self._later(UsageMeter._count, signal.response_id, usage, of_all)

    def _count(self, response_id: str, usage: ev.Usage | None, of_all: bool) -> None:
        """A response ended; whether it was made of the whole conversation."""
        # Compatible servers may say twice that a response is done, or give it no id.
        if response_id in self._by_response:
            return
        tokens = Tokens.of(usage) if usage is not None else None
        if response_id:
            _remember(self._by_response, response_id, tokens)
        self._responses += 1
        if tokens is None:
            self._unreported += 1
            return
        self._last = tokens
        self._total += tokens
        if of_all:
            self._context = tokens
            self._added.clear()

    def _done(self, event: ev.ResponseDone, now: float) -> None:
        response = event.response
        if response is not None and response.usage is not None:
            self._later(UsageMeter._report, response.id, response.usage)

    def _report(self, response_id: str | None, usage: ev.Usage) -> None:
        """A `response.done` has told. If its response was over and unreported, this is its own end, and late.

        Of one that ends now, the signal behind the event tells.
        """
        if response_id is None or self._by_response.get(response_id, usage) is not None:
            return
        tokens = self._by_response[response_id] = Tokens.of(usage)
        self._unreported -= 1
        self._total += tokens
        if response_id == next(reversed(self._by_response)):
            self._last = tokens

    def _transcript(self, event: ev.ConversationItemInputAudioTranscriptionCompleted, now: float) -> None:
        if event.item_id is not None:
            key = (event.item_id, event.content_index)
            if key in self._transcribed:
                return
            _remember(self._transcribed, key, None)
        self.transcriptions += Transcriptions.of(event.usage)

    def _limited(self, event: ev.RateLimitsUpdated, now: float) -> None:
        self._later(UsageMeter._limit, event.rate_limits or (), now)

    def _limit(self, limits: Sequence[ev.RateLimit], now: float) -> None:
        for one in limits:
            name = one.name or "?"
            if name in self._limits or len(self._limits) < _MAX_LIMITS:
                resets_at = None if one.reset_seconds is None else now + one.reset_seconds
                self._limits[name] = Limit(
                    name=name, limit=one.limit, remaining=one.remaining, resets_at=resets_at, seen_at=now
                )

    def _usd(self, tokens: Tokens, transcriptions: Transcriptions) -> float | None:
        prices = self.budget.prices if self.budget is not None else None
        return None if prices is None else prices.usd(tokens) + prices.transcription_usd(transcriptions)


def _remember(known: dict[_K, _V], key: _K, value: _V) -> None:
    known[key] = value
    if len(known) > _REMEMBERED:
        del known[next(iter(known))]


_HANDLERS: ByKind[Callable[[UsageMeter, Any, float], None]] = ByKind(
    {
        ResponseFinished: UsageMeter._finished,
        ev.ResponseDone: UsageMeter._done,
        "conversation.item.input_audio_transcription.completed": UsageMeter._transcript,
        ev.RateLimitsUpdated: UsageMeter._limited,
        ev.ConversationItemAdded: UsageMeter._entered,
        ev.ConversationItemDeleted: UsageMeter._deleted,
        "response.create": UsageMeter._asked,
    }
)
