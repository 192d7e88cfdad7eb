"""Tokens: parts of wholes, never added twice; limits; a budget that refuses in time."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from realtime_raw import events as ev
from realtime_raw.errors import LocalProtocolError
from realtime_raw.protocol import signals
from realtime_raw.protocol.responses import ResponseRecord
from realtime_raw.protocol.state import Observed
from realtime_raw.tokens import Limit, Tokens, Transcriptions
from realtime_raw.usage import Budget, BudgetExceeded, Prices, UsageMeter
from tests.protocol.harness import Desk

PRICES = Prices(
    input_text=4, input_audio=32, output_text=16, output_audio=64, cached_text=0.4, cached_audio=0.4
)


def usage(**parts: int) -> dict[str, Any]:
    """A usage object as recorded, from flat parts."""
    text, audio = parts.get("text", 0), parts.get("audio", 0)
    spoken, written = parts.get("spoken", 0), parts.get("written", 0)
    return {
        "total_tokens": text + audio + spoken + written,
        "input_tokens": text + audio,
        "output_tokens": spoken + written,
        "input_token_details": {
            "text_tokens": text,
            "audio_tokens": audio,
            "image_tokens": 0,
            "cached_tokens": parts.get("cached", 0),
            "cached_tokens_details": {"text_tokens": parts.get("cached", 0), "audio_tokens": 0},
        },
        "output_token_details": {"text_tokens": written, "audio_tokens": spoken},
    }


class Metered(Desk):
    """A desk whose stream a meter follows."""

    def __init__(self, budget: Budget | None = None) -> None:
        super().__init__()
        self.meter = UsageMeter(budget)
        self.read = 0
        self.ready()
        self.follow()

    def follow(self) -> None:
        self.sent()
        for observed in self.seen[self.read :]:
            self.meter.apply(observed, self.now)
        self.read = len(self.seen)

    def reply(self, response_id: str = "resp_1", used: dict[str, Any] | None = None, **fields: Any) -> None:
        """One response from asking to done."""
        conversation = fields.pop("conversation_id", "conv_1")
        event_id = self.core.send(fields.pop("create", ev.ResponseCreate()), self.now)
        tag = {"realtime_raw_id": event_id}
        self.begin(response_id, metadata=tag, conversation_id=conversation)
        self.finish(response_id, usage=used, metadata=tag, **fields)
        self.follow()


# Arithmetic

counts = st.none() | st.integers(-5, 300)
details = st.none() | st.builds(
    ev.InputTokenDetails,
    text_tokens=counts,
    audio_tokens=counts,
    image_tokens=counts,
    cached_tokens=counts,
    cached_tokens_details=st.none()
    | st.builds(ev.CachedTokenDetails, text_tokens=counts, audio_tokens=counts, image_tokens=counts),
)
usages = st.none() | st.builds(
    ev.Usage,
    total_tokens=counts,
    input_tokens=counts,
    output_tokens=counts,
    input_token_details=details,
    output_token_details=st.none()
    | st.builds(ev.OutputTokenDetails, text_tokens=counts, audio_tokens=counts, reasoning_tokens=counts),
)


def is_sound(tokens: Tokens) -> bool:
    """Parts within wholes, nothing negative."""
    cached = tokens.cached_text + tokens.cached_audio + tokens.cached_image
    return (
        min(dataclasses.astuple(tokens)) >= 0
        and tokens.total >= tokens.input + tokens.output
        and tokens.input >= tokens.input_text + tokens.input_audio + tokens.input_image
        and tokens.output >= tokens.output_text + tokens.output_audio
        and cached <= tokens.cached <= tokens.input
        and tokens.cached_text <= tokens.input_text
        and tokens.cached_audio <= tokens.input_audio
        and tokens.cached_image <= tokens.input_image
        and tokens.reasoning <= tokens.output
    )


@given(st.lists(usages, max_size=5))
def test_parts_stay_parts_whatever_is_reported(reports: list[ev.Usage | None]) -> None:
    """For any report, however odd, and for any sum of reports."""
    total = Tokens()
    for report in reports:
        one = Tokens.of(report)
        assert is_sound(one)
        total += one
        assert is_sound(total)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.data())
def test_a_consistent_report_is_taken_word_for_word(
    text: int, audio: int, spoken: int, written: int, data: st.DataObject
) -> None:
    """Cached and reasoning tokens change no sum."""
    cached = data.draw(st.integers(0, text))
    reasoning = data.draw(st.integers(0, written))
    report = usage(text=text, audio=audio, spoken=spoken, written=written, cached=cached)
    report["output_token_details"]["reasoning_tokens"] = reasoning
    tokens = Tokens.of(ev.Usage.model_validate(report))
    assert tokens.total == text + audio + spoken + written
    assert (tokens.input, tokens.output) == (text + audio, spoken + written)
    assert (tokens.cached, tokens.cached_text, tokens.cached_audio) == (cached, cached, 0)
    assert tokens.reasoning == reasoning
    plain = Tokens.of(ev.Usage.model_validate(usage(text=text, audio=audio, spoken=spoken, written=written)))
    assert (tokens.total, tokens.input, tokens.output) == (plain.total, plain.input, plain.output)


@given(usages, usages, usages)
def test_sums_do_not_depend_on_order(a: ev.Usage | None, b: ev.Usage | None, c: ev.Usage | None) -> None:
    """And an empty report adds nothing."""
    x, y, z = Tokens.of(a), Tokens.of(b), Tokens.of(c)
    assert (x + y) + z == x + (z + y)
    assert x + Tokens.of(None) == x


def test_missing_totals_are_the_sum_of_their_parts() -> None:
    """Some compatible servers report only the details."""
    report = ev.Usage.model_validate({"input_token_details": {"text_tokens": 7, "audio_tokens": 3}})
    tokens = Tokens.of(report)
    assert (tokens.total, tokens.input, tokens.output) == (10, 10, 0)
    assert tokens.to_dict()["input_audio"] == 3


# Money


def test_cached_tokens_are_paid_once() -> None:
    """At their own price, instead of the full one."""
    tokens = Tokens.of(
        ev.Usage.model_validate(usage(text=1000, audio=500, spoken=200, written=100, cached=600))
    )
    expected = (400 * 4 + 600 * 0.4 + 500 * 32 + 100 * 16 + 200 * 64) / 1e6
    assert PRICES.usd(tokens) == pytest.approx(expected)


@given(usages)
def test_caching_never_makes_a_reply_dearer(report: ev.Usage | None) -> None:
    """And no reply costs less than nothing."""
    tokens = Tokens.of(report)
    uncached = dataclasses.replace(tokens, cached=0, cached_text=0, cached_audio=0, cached_image=0)
    assert 0 <= PRICES.usd(tokens) <= PRICES.usd(uncached) + 1e-12


def test_what_is_not_told_costs_the_dearest_price() -> None:
    """A guard must not guess low: kinds unknown, and cached tokens of no stated kind."""
    assert PRICES.usd(Tokens(total=30, input=10, output=20)) == pytest.approx((10 * 32 + 20 * 64) / 1e6)
    assert PRICES.usd(Tokens(total=5)) == pytest.approx(5 * 64 / 1e6)
    assert PRICES.usd(Tokens(total=10, input=10, input_text=10, cached=10)) == pytest.approx(40 / 1e6)


def test_images_cost_as_text_unless_priced() -> None:
    """Cached images the full price unless priced."""
    tokens = Tokens(total=10, input=10, input_image=10, cached=10, cached_image=10)
    assert PRICES.usd(tokens) == pytest.approx(40 / 1e6)
    priced = dataclasses.replace(PRICES, input_image=5, cached_image=1)
    assert priced.usd(tokens) == pytest.approx(10 / 1e6)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_price_is_a_number_of_at_least_zero(bad: float) -> None:
    """Named in the error."""
    with pytest.raises(LocalProtocolError, match=r"^Prices\.input_audio must be a number of at least 0, not"):
        Prices(input_text=1, input_audio=bad, output_text=1, output_audio=1)


# The meter


def test_the_meter_adds_up_responses() -> None:
    """Each counted once, in the sum and under its id."""
    desk = Metered()
    desk.reply("resp_1", usage(text=100, audio=50, spoken=30, written=10))
    desk.reply("resp_2", usage(text=140, audio=80, spoken=20, written=5, cached=64))
    meter = desk.meter
    assert (meter.responses, meter.unreported) == (2, 0)
    assert (meter.total.total, meter.total.cached) == (435, 64)
    assert (
        meter.last
        == meter.of("resp_2")
        == Tokens.of(ev.Usage.model_validate(usage(text=140, audio=80, spoken=20, written=5, cached=64)))
    )
    first = meter.of("resp_1")
    assert first is not None
    assert first.total == 190
    assert meter.of("resp_9") is None
    assert meter.usd is None
    assert meter.to_dict()["tokens"]["total"] == 435


def test_a_repeated_done_counts_once() -> None:
    """Seen from compatible servers."""
    desk = Metered()
    desk.reply("resp_1", usage(text=10, written=5))
    desk.finish("resp_1", usage=usage(text=10, written=5))
    desk.follow()
    assert (desk.meter.responses, desk.meter.total.total) == (1, 15)


def test_usage_that_comes_with_a_late_done_counts_once() -> None:
    """Its response was over when the server refused to cancel it; then the lost `response.done` came."""
    desk = Metered()
    desk.begin("resp_1")
    cancel = desk.core.send(ev.ResponseCancel(response_id="resp_1"), desk.now)
    desk.error("response_cancel_not_active", event_id=cancel)
    desk.follow()
    assert (desk.meter.responses, desk.meter.unreported) == (1, 1)
    for _ in range(2):
        desk.finish("resp_1", usage=usage(text=10, spoken=5))
        desk.follow()
        assert (desk.meter.responses, desk.meter.unreported) == (1, 0)
        assert desk.meter.total == desk.meter.last == desk.meter.of("resp_1")
        assert desk.meter.total.total == 15


def test_a_late_done_does_not_pass_for_the_last() -> None:
    desk = Metered()
    desk.reply("resp_1")
    desk.reply("resp_2", usage(text=3))
    desk.finish("resp_1", usage=usage(text=10))
    desk.follow()
    assert desk.meter.total.total == 13
    assert desk.meter.last == desk.meter.of("resp_2")


USED = ev.Usage(input_tokens=5, output_tokens=3)


@example([("r", 0, USED), ("d", 0, None)])
@example([("r", 0, USED), ("i", 1, None), ("d", 1, None), ("l", 0, None)])
@example([("x", 0, None), ("r", 0, USED), ("i", 1, None)])
@given(st.lists(st.tuples(st.sampled_from("rridxl"), st.integers(0, 3), usages), max_size=60))
def test_it_does_not_matter_when_one_looks(steps: list[tuple[str, int, ev.Usage | None]]) -> None:
    """Replies, items, deletions, custom contexts and limits: looked at after each, or once at the end."""
    always, once = UsageMeter(), UsageMeter()
    for kind, number, used in steps:
        record = ResponseRecord(
            f"resp_{number}", "out_of_band" if number == 3 else "asked", f"event_{number}"
        )
        record.response = ev.Response(id=record.id, usage=used)
        config = ev.ResponseConfig(input=[])
        events: dict[str, Observed] = {
            "r": signals.ResponseFinished(response_id=record.id, status="completed", record=record),
            "i": ev.ConversationItemAdded(item=ev.UnknownItem(id=f"item_{number}")),
            "d": ev.ConversationItemDeleted(item_id=f"item_{number}"),
            "x": ev.ResponseCreate(event_id=f"event_{number}", response=config),
            "l": ev.RateLimitsUpdated(
                rate_limits=[ev.RateLimit(name=f"limit_{number}", reset_seconds=number)]
            ),
        }
        for meter in (always, once):
            step = meter.step_for(type(events[kind]))
            assert step is not None
            step(events[kind], float(number))
        # What a record says later is another matter.
        record.response = None
        looks = always.total, always.last, always.responses, always.unreported, always.limits
        assert looks[2] >= looks[3]
    assert always.to_dict() == once.to_dict()
    assert (always.last, always.projected()) == (once.last, once.projected())
    assert [always.of(f"resp_{n}") for n in range(4)] == [once.of(f"resp_{n}") for n in range(4)]


def test_a_response_without_usage_is_counted_as_unreported() -> None:
    """A failed one, say."""
    desk = Metered()
    desk.reply(used=None, status="failed")
    assert (desk.meter.responses, desk.meter.unreported, desk.meter.total) == (1, 1, Tokens())
    assert desk.meter.last is None
    desk.finish("resp_1", status="failed")
    desk.follow()
    assert desk.meter.unreported == 1


def test_responses_without_ids_all_count() -> None:
    """Some compatible servers give none; they cannot be told from repetitions, and are not taken for any."""
    desk = Metered()
    desk.reply("", usage(text=10))
    desk.reply("", usage(text=10))
    assert (desk.meter.responses, desk.meter.total.total) == (2, 20)


def test_only_so_many_responses_are_remembered() -> None:
    """The sum goes on."""
    desk = Metered()
    for number in range(1100):
        desk.begin(f"resp_{number}", metadata={})
        desk.finish(f"resp_{number}", usage=usage(text=1))
    desk.follow()
    assert desk.meter.total.total == 1100
    assert desk.meter.of("resp_0") is None
    assert desk.meter.of("resp_1099") is not None


def transcribed(desk: Metered, item_id: str | None, used: object) -> None:
    kind = "conversation.item.input_audio_transcription.completed"
    desk.hear(kind, item_id=item_id, content_index=0, transcript="hi", usage=used)
    desk.follow()


def test_transcription_is_counted_apart() -> None:
    """In tokens or in seconds; a way of billing not known yet is one transcript."""
    desk = Metered(
        Budget(prices=dataclasses.replace(PRICES, transcription_minute=0.6, transcription_input=6))
    )
    details = {"text_tokens": 4, "audio_tokens": 26}
    tokens = {"type": "tokens", "input_tokens": 30, "output_tokens": 5, "total_tokens": 35}
    transcribed(desk, "item_1", {**tokens, "input_token_details": details})
    transcribed(desk, "item_1", tokens)  # said twice
    transcribed(desk, "item_2", {"type": "duration", "seconds": 3})
    transcribed(desk, "item_3", {"type": "vibes", "amount": 1})
    transcribed(desk, None, None)
    used = desk.meter.transcriptions
    assert used == Transcriptions(
        count=4, total=35, input=30, input_text=4, input_audio=26, output=5, seconds=3.0
    )
    assert desk.meter.total == Tokens()
    assert desk.meter.usd == pytest.approx(30 * 6 / 1e6 + 0.6 * 3 / 60)
    assert desk.meter.to_dict()["transcriptions"]["seconds"] == 3.0


@pytest.mark.parametrize("seconds", [None, -3, float("nan"), float("inf")])
def test_odd_durations_count_nothing(seconds: float | None) -> None:
    """Neither raising nor spoiling the sum."""
    assert Transcriptions.of(ev.DurationUsage(type="duration", seconds=seconds)).seconds == 0


def test_rate_limits_are_kept_by_name() -> None:
    """The last word counts; times are on our clock."""
    desk = Metered()
    desk.now = 50.0
    limits = [
        {"name": "tokens", "limit": 1000, "remaining": 900, "reset_seconds": 2.5},
        {"name": "requests", "limit": None, "remaining": 3},
        {},
    ]
    desk.hear("rate_limits.updated", rate_limits=limits)
    desk.hear("rate_limits.updated", rate_limits=None)
    desk.follow()
    tokens = desk.meter.limits["tokens"]
    assert tokens == Limit(name="tokens", limit=1000, remaining=900, resets_at=52.5, seen_at=50.0)
    assert [tokens.resets_in(51.0), tokens.resets_in(99.0)] == [1.5, 0.0]
    assert desk.meter.limits["requests"].resets_in(51.0) is None
    assert set(desk.meter.limits) == {"tokens", "requests", "?"}
    assert desk.meter.to_dict()["limits"]["tokens"]["remaining"] == 900


def test_a_server_cannot_fill_memory_with_limits() -> None:
    """Invented names beyond a few dozen are not kept; known ones go on being updated."""
    desk = Metered()
    desk.hear("rate_limits.updated", rate_limits=[{"name": f"n{i}", "remaining": i} for i in range(100)])
    desk.hear("rate_limits.updated", rate_limits=[{"name": "n0", "remaining": 77}])
    desk.follow()
    assert len(desk.meter.limits) == 32
    assert desk.meter.limits["n0"].remaining == 77


# Budget


def test_without_a_budget_nothing_is_refused() -> None:
    """And what the next reply may take is said all the same."""
    desk = Metered()
    desk.reply(used=usage(text=100, audio=50, spoken=30, written=10))
    left = desk.meter.check()
    assert (left.tokens, left.usd, left.projected_usd) == (None, None, None)
    assert left.to_dict()["projected"]["input"] == 190


def test_the_next_reply_is_projected_from_the_context() -> None:
    """The whole conversation again, the last reply included, and an average reply on top."""
    desk = Metered()
    assert desk.meter.projected() == Tokens()
    desk.reply("resp_1", usage(text=100, audio=50, spoken=30, written=10))
    desk.reply("resp_2", usage(text=110, audio=90, spoken=50, written=20))
    projected = desk.meter.projected()
    assert is_sound(projected)
    assert (projected.input_text, projected.input_audio, projected.input) == (130, 140, 270)
    assert (projected.output_text, projected.output_audio, projected.output) == (15, 40, 55)
    assert projected.total == 325


@given(st.lists(usages, min_size=1, max_size=4))
def test_a_projection_is_sound_whatever_was_reported(reports: list[ev.Usage | None]) -> None:
    """Reasoning is not carried into the next input; no part outgrows its whole."""
    desk = Metered()
    for number, report in enumerate(reports):
        desk.reply(f"resp_{number}", report.to_wire() if report is not None else None)
    assert is_sound(desk.meter.projected())


def test_asides_and_custom_contexts_do_not_stand_for_the_conversation() -> None:
    """They are paid for, but say nothing of how long the conversation is."""
    desk = Metered()
    desk.reply("resp_1", usage(text=100, written=10))
    aside = ev.ResponseCreate(response=ev.ResponseConfig(conversation="none"))
    desk.reply("resp_2", usage(text=9, written=1), create=aside, conversation_id=None)
    custom = ev.ResponseCreate(response=ev.ResponseConfig(input=[]))
    desk.reply("resp_3", usage(text=5, written=1), create=custom)
    assert desk.meter.total.total == 126
    assert desk.meter.projected().input == 110


def test_a_deletion_makes_the_projection_unknown() -> None:
    """How many tokens an item had is never said; a shorter history is not refused for its old length."""
    desk = Metered(Budget(max_tokens=150))
    desk.reply("resp_1", usage(text=100, written=10))
    item = {"id": "item_2", "type": "message", "role": "user", "content": []}
    desk.hear("conversation.item.added", previous_item_id=None, item=item)
    desk.hear("conversation.item.deleted", item_id="item_2")  # it was in no reply yet
    desk.follow()
    with pytest.raises(BudgetExceeded):
        desk.meter.check()
    desk.hear("conversation.item.deleted", item_id="item_1")
    desk.follow()
    assert desk.meter.check().tokens == 40


def test_a_token_budget_refuses_before_it_is_overdrawn() -> None:
    """Says what is left, then refuses, with the numbers."""
    desk = Metered(Budget(max_tokens=350))
    assert desk.meter.check().tokens == 350
    desk.reply("resp_1", usage(text=100, written=10))
    assert desk.meter.check().tokens == 240
    desk.reply("resp_2", usage(text=110, written=10))
    with pytest.raises(BudgetExceeded) as caught:
        desk.meter.check()
    found = caught.value
    assert (found.unit, found.limit, found.spent, found.projected) == ("tokens", 350, 230, 130)
    assert isinstance(found, LocalProtocolError)


def test_a_spent_budget_refuses_whatever_is_projected() -> None:
    """Also where nothing can be projected."""
    desk = Metered(Budget(max_tokens=10))
    aside = ev.ResponseCreate(response=ev.ResponseConfig(conversation="none"))
    desk.reply("resp_1", usage(text=10), create=aside, conversation_id=None)
    with pytest.raises(BudgetExceeded) as caught:
        desk.meter.check()
    assert str(caught.value) == (
        "the budget of 10 tokens allows no other reply: 10 tokens are spent and the next one is projected at"
        " 0 tokens; raise Budget(max_tokens=...), or make the history shorter"
    )


def test_a_money_budget_counts_transcription_too() -> None:
    """Everything the user pays for."""
    prices = dataclasses.replace(PRICES, transcription_minute=6.0)
    desk = Metered(Budget(max_usd=0.5, prices=prices))
    desk.reply("resp_1", usage(text=1000, spoken=1000))
    left = desk.meter.check()
    assert left.usd == pytest.approx(0.5 - (1000 * 4 + 1000 * 64) / 1e6)
    assert left.projected_usd == pytest.approx((1000 * 4 + 1000 * 32 + 1000 * 64) / 1e6)
    transcribed(desk, "item_1", {"type": "duration", "seconds": 4})
    with pytest.raises(
        BudgetExceeded, match=r"0\.4680 USD are spent and the next one is projected at 0\.1000 USD"
    ):
        desk.meter.check()


def test_prices_without_a_limit_only_tell_the_cost() -> None:
    """Nothing is refused."""
    desk = Metered(Budget(prices=PRICES))
    desk.reply("resp_1", usage(text=10**6))
    assert desk.meter.usd == pytest.approx(4.0)
    assert desk.meter.check().usd is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "an empty Budget; give max_tokens, or max_usd and prices"),
        (
            {"max_usd": 1.0},
            "Budget.max_usd needs Budget.prices; give Prices(...) as your provider lists them",
        ),
        ({"max_tokens": -1}, "Budget.max_tokens must be a number of at least 0, not -1"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused(fields: dict[str, Any], message: str) -> None:
    """On the line that builds it."""
    with pytest.raises(LocalProtocolError) as caught:
        Budget(**fields)
    assert str(caught.value) == message
