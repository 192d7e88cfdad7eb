"""What was heard, exactly: the player against a list of what the device was given."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime_raw.audio.g711 import alaw_encode, ulaw_encode
from realtime_raw.audio.pcm import Samples
from realtime_raw.audio.player import Player
from realtime_raw.audio.spans import SpanMap
from realtime_raw.errors import AudioError, MissingExtra
from realtime_raw.types import AudioKey, Heard, PlaybackMark, Playhead

A, B, C, D = AudioKey("item_a"), AudioKey("item_a", 1), AudioKey("item_b"), AudioKey("item_c")
KEYS = [A, B, C, D]
PCM = "audio/pcm"


def pcm(count: int, value: int = 1) -> bytes:
    return np.full(count, value, "<i2").tobytes()


def pull(player: Player, size: int = 480, latency: float | None = None) -> Samples:
    out = np.full(size, 99, np.int16)
    player.pull(out, latency)
    return out


def frames(player: Player, key: AudioKey, now: float = 0.0) -> int:
    heard = player.heard(key, now)
    assert heard is not None
    return heard.frames


# -- against brute force ---------------------------------------------------------

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), st.integers(0, 700), st.sampled_from(KEYS)),
        st.tuples(st.just("pull"), st.integers(1, 300), st.just(A)),
        st.tuples(st.just("pull"), st.integers(1, 300), st.just(A)),
        st.tuples(st.just("end"), st.just(0), st.sampled_from(KEYS)),
        st.tuples(st.just("interrupt"), st.just(0), st.just(A)),
        st.tuples(st.just("poll"), st.just(0), st.just(A)),
    ),
    max_size=60,
)


class Listener:
    """An ear with a notebook: each frame fed has a value of its own, so what sounds tells whose it was."""

    def __init__(self, latency: int) -> None:
        self.latency = latency
        self.owner: list[AudioKey] = []  # of value n + 1
        self.sounded: list[int] = []  # what the device was given
        self.before: dict[AudioKey, int] = dict.fromkeys(KEYS, 0)  # heard before the last interrupt
        self.since = 0  # values up to here were fed before it
        self.live: list[AudioKey] = []
        self.ended: set[AudioKey] = set()
        self.started: set[AudioKey] = set()

    def values(self, key: AudioKey, count: int) -> Samples:
        start = len(self.owner)
        self.owner += [key] * count
        return np.arange(start + 1, start + count + 1).astype("<i2")

    def heard(self, key: AudioKey) -> int:
        reached = self.sounded[: max(0, len(self.sounded) - self.latency)]
        return self.before[key] + sum(v > self.since and self.owner[v - 1] == key for v in reached)

    def waits(self, key: AudioKey) -> int:
        """Frames of `key` that were taken, not cut, and not heard."""
        return self.before[key] + self.owner[self.since :].count(key) - self.heard(key)

    def marks(self) -> list[PlaybackMark]:
        found = []
        for key in list(self.live):
            if self.heard(key) and key not in self.started:
                self.started.add(key)
                found.append(PlaybackMark("started", key))
            if key in self.ended and not self.waits(key):
                self.live.remove(key)
                found.append(PlaybackMark("finished", key))
        return found

    def interrupt(self) -> list[AudioKey]:
        stopped, self.live = self.live, []
        self.before = {key: self.heard(key) for key in KEYS}
        self.since = len(self.owner)
        return stopped


def take_step(
    player: Player, ear: Listener, received: dict[AudioKey, int], step: tuple[str, int, AudioKey]
) -> None:
    verb, count, key = step
    if verb == "feed":
        data = ear.values(key, count)
        taken = player.feed(key, data.tobytes(), PCM, 0.0)
        del ear.owner[len(ear.owner) - count + taken :]
        received[key] += taken
        ear.ended.discard(key)
        if taken and key not in ear.live:
            ear.live.append(key)
    elif verb == "pull":
        ear.sounded += pull(player, count).tolist()
    elif verb == "end":
        player.end(key)
        if received[key]:
            ear.ended.add(key)
    elif verb == "poll":
        assert player.poll(0.0) == ear.marks()
    else:
        done = ear.marks()
        stopped = ear.interrupt()
        expected = tuple(Heard(k, ear.before[k], received[k], 24_000) for k in stopped)
        assert player.interrupt(0.0) == expected
        # What has finished is still to be told; what merely began is not worth telling any more.
        assert player.poll(0.0) == [mark for mark in done if mark.key not in stopped]


@settings(max_examples=400, deadline=None)
@given(STEPS, st.sampled_from([0.0, 5.0]), st.sampled_from([0, 1, 240, 1000]))
def test_heard_is_what_the_device_was_given(
    steps: list[tuple[str, int, AudioKey]], prebuffer_ms: float, latency: int
) -> None:
    """Through writes, reads, wraps, spills, refusals, interrupts and several parts, to the frame."""
    player = Player(
        seconds=0.02,  # 480 frames
        prebuffer_ms=prebuffer_ms,
        fade_ms=0,
        latency_ms=latency / 24,
        spill_seconds=0.04,
    )
    ear, received = Listener(latency), dict.fromkeys(KEYS, 0)
    for step in steps:
        take_step(player, ear, received, step)
        for key in KEYS:
            expected = Heard(key, ear.heard(key), received[key], 24_000) if received[key] else None
            assert player.heard(key, 0.0) == expected
        # Nothing out of order, nothing twice, nothing that was not fed.
        heard = [value for value in ear.sounded if value]
        assert heard == sorted(set(heard))
    for key in KEYS:
        player.end(key)
    for _ in range(40):
        ear.sounded += pull(player, 100).tolist()
        player.poll(0.0)
    assert not player.playing
    assert all(ear.waits(key) == 0 for key in KEYS)


@given(st.binary(min_size=1, max_size=2000), st.lists(st.integers(1, 300), min_size=1), st.integers(1, 500))
def test_fed_whole_or_in_pieces_it_sounds_the_same(data: bytes, sizes: list[int], size: int) -> None:
    def play(pieces: list[bytes]) -> tuple[bytes, Heard | None]:
        player = Player(seconds=0.03, prebuffer_ms=0, fade_ms=0)  # 720 frames: the wrap is near
        sounded = []
        for piece in pieces:
            player.feed(A, piece, PCM, 0.0)
        player.end(A)
        for _ in range(1200 // size + 1):
            player.poll(0.0)
            sounded.append(pull(player, size))
        return np.concatenate(sounded).tobytes(), player.heard(A, 0.0)

    pieces, at, turn = [], 0, 0
    while at < len(data):
        pieces.append(data[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(pieces[-1]), turn + 1
    sound, heard = play([data])
    assert (sound, heard) == play(pieces)
    assert sound.startswith(data[: len(data) & ~1])
    assert heard == (Heard(A, len(data) // 2, len(data) // 2, 24_000) if len(data) > 1 else None)


# -- what a user would notice ----------------------------------------------------


def test_a_player_is_a_playhead() -> None:
    head: Playhead = Player()
    assert head.heard(A, 0.0) is None
    assert head.interrupt(0.0) == ()
    assert head.poll(0.0) == []
    assert not head.playing


def test_by_default_a_whole_answer_fits_and_much_behind_it() -> None:
    player = Player()
    minute = bytes(2 * 60 * 24_000)
    taken = sum(player.feed(A, minute, PCM, 0.0) for _ in range(20))
    assert taken == (240 + 600) * 24_000
    figures = player.statistics()
    assert (figures.capacity, figures.queued, figures.spilled) == (5_760_000, 5_760_000, 14_400_000)
    assert figures.high_water == taken
    assert figures.refused == 20 * 60 * 24_000 - taken
    assert player.feed(A, pcm(1), PCM, 0.0) == 0
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert heard.received == taken  # what was refused is not there to be heard


def test_the_spill_moves_up_as_the_ring_empties() -> None:
    player = Player(seconds=0.1, spill_seconds=1, prebuffer_ms=0, fade_ms=0)
    player.feed(A, pcm(4000), PCM, 0.0)
    player.feed(B, pcm(100, 2), PCM, 0.0)
    player.end(A)
    player.end(B)
    sounded = []
    for _ in range(9):
        player.poll(0.0)
        sounded.append(pull(player))
    assert np.concatenate(sounded).tolist() == [1] * 4000 + [2] * 100 + [0] * 220
    assert player.poll(0.0)[-1] == PlaybackMark("finished", B)
    assert player.statistics().spilled == 0


def test_interrupting_reports_parts_that_never_reached_the_ring() -> None:
    player = Player(seconds=0.1, spill_seconds=1, prebuffer_ms=0)
    for key in (A, C, D):
        player.feed(key, pcm(3000), PCM, 0.0)
    pull(player)
    stopped = player.interrupt(0.0)
    assert [(each.key, each.frames, each.received) for each in stopped] == [
        (A, 480, 3000),
        (C, 0, 3000),
        (D, 0, 3000),
    ]
    assert [(each.ms, each.received_ms, each.complete) for each in stopped] == [
        (20, 125, False),
        (0, 125, False),
        (0, 125, False),
    ]
    assert (player.playing, player.statistics().spilled) == (False, 0)
    assert player.interrupt(0.0) == ()


def test_after_an_interrupt_the_next_item_plays_from_its_start() -> None:
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(24_000, 5000), PCM, 0.0)
    pull(player)
    player.interrupt(0.0)
    player.feed(C, pcm(1000, -7), PCM, 0.0)
    player.end(C)
    sound = np.concatenate([pull(player), pull(player), pull(player)])
    assert (sound[:120] >= 0).all()  # the fade of the old
    assert (sound[120:1120] == -7).all()  # and nothing between
    assert player.poll(0.0) == [PlaybackMark("started", C), PlaybackMark("finished", C)]
    assert frames(player, A) == 480
    assert frames(player, C) == 1000


def test_the_interrupted_report_stays_true() -> None:
    """What is inside the device sounds on, but the listener had not heard it when the word came."""
    player = Player(prebuffer_ms=0, latency_ms=100)
    player.feed(A, pcm(24_000), PCM, 0.0)
    for turn in range(10):
        pull(player)
        player.poll(turn * 0.02)
    (stopped,) = player.interrupt(0.18)
    assert stopped.frames == 10 * 480 - 2400
    for turn in range(20):
        pull(player)
        assert player.poll(0.2 + turn * 0.02) == []
    assert frames(player, A, 9.0) == stopped.frames


def test_a_part_that_is_heard_but_not_ended_is_still_reported() -> None:
    """The server may have said more than has arrived."""
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(400), PCM, 0.0)
    pull(player)
    assert player.playing
    (stopped,) = player.interrupt(0.0)
    assert (stopped.frames, stopped.complete) == (400, True)


def test_a_part_heard_to_its_end_is_not_reported_but_its_end_is_told() -> None:
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(400), PCM, 0.0)
    player.end(A)
    player.feed(C, pcm(4000), PCM, 0.0)
    pull(player, 450)
    assert [each.key for each in player.interrupt(0.0)] == [C]
    assert player.poll(0.0) == [PlaybackMark("started", A), PlaybackMark("finished", A)]


def test_feeding_an_interrupted_part_again_goes_on_counting() -> None:
    player = Player(prebuffer_ms=0, fade_ms=0)
    player.feed(A, pcm(1000), PCM, 0.0)
    pull(player, 300)
    player.interrupt(0.0)
    player.feed(A, pcm(200), PCM, 0.0)
    pull(player, 300)
    assert player.heard(A, 0.0) == Heard(A, 500, 1200, 24_000)


def test_marks_tell_the_first_and_the_last_sample_heard() -> None:
    player = Player(prebuffer_ms=0, latency_ms=50)
    player.feed(A, pcm(960), PCM, 0.0)
    seen = []
    for turn in range(8):
        now = turn * 0.02
        pull(player)
        if turn == 1:
            player.end(A)
        seen += [(turn, mark.kind) for mark in player.poll(now)]
    # Handed over at 0 and 20 ms, heard to their ends at 50 and 70 ms, looked at every 20.
    assert seen == [(2, "started"), (4, "finished")]
    assert not player.playing


def test_a_device_that_stops_asking_still_plays_out_what_it_has() -> None:
    player = Player(prebuffer_ms=0, latency_ms=100)
    player.feed(A, pcm(480), PCM, 0.0)
    player.end(A)
    pull(player)
    assert player.poll(1.0) == []
    assert frames(player, A, 1.09) == pytest.approx(240, abs=1)
    assert [mark.kind for mark in player.poll(1.1)] == ["started", "finished"]


def test_time_running_backwards_takes_nothing_back() -> None:
    player = Player(prebuffer_ms=0, latency_ms=100)
    player.feed(A, pcm(480), PCM, 0.0)
    pull(player)
    assert frames(player, A, 5.0) == 0
    assert frames(player, A, 5.09) > 0
    assert frames(player, A, 1.0) > 0


def test_the_devices_own_latency_stands_in() -> None:
    player = Player(prebuffer_ms=0, latency_ms=1000)
    player.feed(A, pcm(24_000), PCM, 0.0)
    for _ in range(5):
        pull(player, 480, 0.02)
    # 100 ms handed over; the last block and the 20 ms before it are not heard yet.
    assert frames(player, A) == 3 * 480


def test_heard_never_exceeds_what_was_received() -> None:
    player = Player(rate=8_000, prebuffer_ms=0)
    player.feed(A, pcm(2), PCM, 0.0)
    player.end(A)
    player.feed(A, pcm(2), PCM, 0.0)
    player.end(A)
    pull(player)
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert heard.frames <= heard.received <= 2


def test_the_clamp_holds_whatever_the_map_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A truncation beyond what was received is refused by the server."""
    monkeypatch.setattr("realtime_raw.audio.spans.SpanMap.heard", lambda *_: 10**9)
    player = Player()
    player.feed(A, pcm(100), PCM, 0.0)
    assert player.heard(A, 0.0) == Heard(A, 100, 100, 24_000)


# -- pre-buffer and underruns ------------------------------------------------------


def test_the_pre_buffer_is_sixty_milliseconds() -> None:
    player = Player()
    player.feed(A, pcm(1439), PCM, 0.0)
    assert not pull(player).any()
    player.feed(A, pcm(1), PCM, 0.0)
    assert pull(player).all()


def test_a_short_part_that_has_ended_plays_at_once() -> None:
    player = Player()
    player.feed(A, pcm(100), PCM, 0.0)
    assert not pull(player).any()
    player.end(A)
    assert int(pull(player).sum()) >= 100
    assert [mark.kind for mark in player.poll(0.0)] == ["started", "finished"]


def test_an_end_that_waits_in_the_spill_is_not_forgotten() -> None:
    player = Player(seconds=0.1, prebuffer_ms=60, spill_seconds=1)
    player.feed(A, pcm(2400 + 480), PCM, 0.0)
    player.end(A)
    total = 0
    for _ in range(10):
        total += player.pull(np.zeros(480, np.int16))
        player.poll(0.0)
    assert total == 2880
    assert not player.playing


def test_an_underrun_is_a_silence_within_a_part() -> None:
    player = Player(prebuffer_ms=20)
    player.feed(A, pcm(960), PCM, 0.0)
    for _ in range(5):
        pull(player)
    assert player.statistics().underruns == 1  # going on
    assert player.statistics().longest_gap_ms == 60
    player.feed(A, pcm(479), PCM, 0.0)
    pull(player)
    assert player.statistics().longest_gap_ms == 80  # it buffers again
    player.feed(A, pcm(1), PCM, 0.0)
    player.end(A)
    pull(player)
    pull(player)
    player.poll(0.0)
    figures = player.statistics()
    assert (figures.underruns, figures.longest_gap_ms) == (1, 80)


def test_a_pause_between_parts_is_no_underrun() -> None:
    player = Player(prebuffer_ms=0)
    for key in (A, C):
        player.feed(key, pcm(480), PCM, 0.0)
        player.end(key)
        for _ in range(5):
            pull(player)
            player.poll(0.0)
    assert (player.statistics().underruns, player.statistics().longest_gap_ms) == (0, 0)


def test_an_end_that_comes_late_takes_the_underrun_back() -> None:
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(480), PCM, 0.0)
    pull(player)
    pull(player)
    assert player.statistics().underruns == 1
    player.end(A)
    assert player.statistics().underruns == 0
    player.feed(C, pcm(480), PCM, 0.0)
    pull(player)
    assert player.statistics().underruns == 0


def test_waiting_for_the_next_parts_pre_buffer_is_no_underrun() -> None:
    player = Player(prebuffer_ms=60)
    player.feed(A, pcm(480), PCM, 0.0)
    player.end(A)
    pull(player)
    pull(player)
    player.feed(C, pcm(10), PCM, 0.0)
    pull(player)
    assert player.statistics().underruns == 0


@pytest.mark.parametrize("waiting", [0, 10])
def test_an_interrupt_during_an_underrun_ends_it(waiting: int) -> None:
    player = Player(prebuffer_ms=60)
    player.feed(A, pcm(1440), PCM, 0.0)
    for _ in range(4):
        pull(player)
    player.feed(A, pcm(waiting), PCM, 0.0)
    assert player.statistics().underruns == 1
    player.interrupt(0.0)
    pull(player)
    figures = player.statistics()
    assert (figures.underruns, figures.interrupts, figures.queued) == (0, 1, 0)
    player.feed(A, pcm(1440), PCM, 0.0)
    assert pull(player).any()
    assert player.statistics().underruns == 0  # the silence before was asked for


# -- formats -----------------------------------------------------------------------


@pytest.mark.parametrize(("encoding", "encode"), [("audio/pcmu", ulaw_encode), ("audio/pcma", alaw_encode)])
def test_g711_is_reported_in_the_players_rate(encoding: str, encode: object) -> None:
    assert callable(encode)
    codes = encode((8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16))
    player = Player(prebuffer_ms=0, fade_ms=0)
    for at in range(0, 8000, 801):
        assert player.feed(A, codes[at : at + 801], encoding, 0.0) == len(codes[at : at + 801])
    half = np.concatenate([pull(player) for _ in range(25)])
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert (heard.ms, heard.received_ms, heard.rate) == (500, 1000, 24_000)
    assert abs(half[12:]).max() == pytest.approx(8000, rel=0.06)
    player.end(A)
    while player.playing:
        pull(player)
        player.poll(0.0)
    assert player.heard(A, 0.0) == Heard(A, 24_000, 24_000, 24_000)


def test_a_resampled_end_does_not_overtake_the_spill() -> None:
    codes = ulaw_encode((8000 * np.sin(np.arange(4000) / 3)).astype(np.int16))

    def play(seconds: float) -> Samples:
        player = Player(seconds=seconds, prebuffer_ms=0, fade_ms=0)
        player.feed(A, codes, "audio/pcmu", 0.0)
        sounded = [pull(player)]  # room in the ring, and more behind it
        player.end(A)
        while player.playing:
            player.poll(0.0)
            sounded.append(pull(player))
        return np.concatenate(sounded)[:12_000]

    assert np.array_equal(play(0.1), play(10))


def test_at_eight_kilohertz_g711_needs_no_soxr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    player = Player(rate=8_000, prebuffer_ms=0)
    assert player.feed(A, b"\x80" * 80, "audio/pcmu", 0.0) == 80
    assert pull(player, 80).tolist() == [32124] * 80
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert heard.ms == 10


def test_without_soxr_another_rate_is_a_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(MissingExtra, match=r"realtime_raw\[audio\]"):
        Player().feed(A, b"\x80", "audio/pcmu", 0.0)


def test_parts_do_not_share_odd_bytes() -> None:
    player = Player(prebuffer_ms=0, fade_ms=0)
    player.feed(A, b"\1\0\2", PCM, 0.0)
    player.feed(C, b"\3\0", PCM, 0.0)
    player.feed(A, b"\0", PCM, 0.0)
    assert pull(player, 4).tolist() == [1, 3, 2, 0]


def test_a_part_may_change_its_encoding() -> None:
    """A session may be patched between two deltas; what was received before stays counted."""
    player = Player(rate=24_000, prebuffer_ms=0)
    player.feed(A, pcm(240), PCM, 0.0)
    player.feed(A, b"\x80" * 80, "audio/pcmu", 0.0)
    player.end(A)
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert heard.received_ms == 20


def test_a_wrong_encoding_leaves_no_trace() -> None:
    player = Player()
    with pytest.raises(AudioError, match="'pcm16' is not known"):
        player.feed(A, b"ab", "pcm16", 0.0)
    assert player.heard(A, 0.0) is None
    assert player.interrupt(0.0) == ()


def test_half_a_sample_is_no_audio() -> None:
    player = Player()
    assert player.feed(A, b"\1", PCM, 0.0) == 0
    assert player.heard(A, 0.0) is None
    assert not player.playing
    player.end(A)
    assert player.poll(0.0) == []


# -- bounds, faults, settings ---------------------------------------------------------


def test_old_parts_are_forgotten_and_live_ones_never() -> None:
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(100), PCM, 0.0)  # never ended: live
    for number in range(5000):
        key = AudioKey(f"item_{number}")
        player.feed(key, pcm(1), PCM, 0.0)
        player.end(key)
        if number % 100 == 0:
            pull(player, 200)
            player.poll(0.0)
    assert frames(player, A) == 100
    assert player.heard(AudioKey("item_0"), 0.0) is None
    assert frames(player, AudioKey("item_4900")) == 1
    assert len(player._parts) == 4096


def test_parts_that_are_all_live_are_all_kept() -> None:
    player = Player()
    for number in range(4200):
        player.feed(AudioKey(f"item_{number}"), pcm(1), PCM, 0.0)
    assert len(player.interrupt(0.0)) == 4200


def test_a_fault_in_the_callback_is_shown_not_raised() -> None:
    player = Player()
    assert player.fault is None
    player.pull(np.zeros((4, 2), np.int16))
    assert str(player.fault) == "the device asked for int16 of shape (4, 2); mono int16"
    assert player.statistics().faults == 1


def test_callbacks_are_timed_with_a_clock() -> None:
    ticks = iter([0, 2_000_000, 10_000_000, 11_000_000])
    player = Player(clock=lambda: next(ticks))
    pull(player)
    pull(player)
    figures = player.statistics()
    assert (figures.pulls, figures.longest_pull_ms, figures.mean_pull_ms) == (2, 2.0, 1.5)


def test_figures_of_a_player_that_did_nothing() -> None:
    figures = Player(rate=48_000).statistics()
    assert (figures.rate, figures.capacity) == (48_000, 240 * 48_000)
    assert (figures.played, figures.underruns, figures.mean_pull_ms) == (0, 0, 0.0)
    assert Player(rate=48_000).rate == 48_000


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prebuffer_ms": -1}, "prebuffer_ms is -1; times are 0 or more"),
        ({"fade_ms": float("nan")}, "fade_ms is nan; times are 0 or more"),
        ({"latency_ms": -0.5}, "latency_ms is -0.5; times are 0 or more"),
        ({"spill_seconds": -1}, "spill_seconds is -1; times are 0 or more"),
        (
            {"seconds": 0.05},
            "a ring of 0.05 s at 24000 Hz never fills the pre-buffer of 60 ms; "
            "give more seconds or a shorter pre-buffer",
        ),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(AudioError) as caught:
        Player(**settings)  # type: ignore[arg-type]  # by name, as a table
    assert str(caught.value) == sentence


# -- the short way ---------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_feeding_the_short_way_is_feeding_the_long_way(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is fed, odd bytes and too much of it, ended and interrupted: all that can be known agrees."""
    random = np.random.default_rng(seed)
    players = [Player(seconds=0.5, spill_seconds=0.2, prebuffer_ms=5) for _ in range(2)]
    monkeypatch.setattr(players[1]._ring, "write_bytes", lambda data: 0)
    flowing = 0
    for step in range(500):
        now = step / 50
        key = AudioKey(f"item_{step // 60}", int(random.random() < 0.05))
        size = int(random.integers(0, 1400)) & ~(random.random() < 0.9)
        data, block = random.bytes(size), int(random.choice([120, 480]))
        deed = random.choice(["feed", "end", "interrupt"], p=[0.9, 0.07, 0.03])
        flowing += deed == "feed" and key in players[0]._parts and players[0]._parts[key].plain
        found = []
        for player in players:
            told: object = None
            if deed == "feed":
                told = player.feed(key, data, "audio/pcm", now)
            elif deed == "end":
                player.end(key)
            else:
                told = player.interrupt(now)
            out = np.zeros(block, np.int16)
            player.pull(out)
            found.append((told, out.tolist(), player.poll(now), player.heard(key, now), player.statistics()))
        assert found[0] == found[1]
    assert flowing > 200  # it was about something


# -- how long nothing will happen ------------------------------------------------


def test_rest_is_until_the_next_mark() -> None:
    """While the device goes on at its rate, no mark is passed before that; the end itself comes with it."""
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(24_000), PCM, 0.0)
    assert player.rest(0.0) == 0.0, "it may start at any moment"
    pull(player, 4800)
    assert [mark.kind for mark in player.poll(0.2)] == ["started"]
    assert player.rest(0.2) == 0.25, "it grows still: no end to be passed"
    player.end(A)
    left = player.rest(0.2)
    assert left == pytest.approx(0.8, abs=0.01)
    pull(player, int(left * 24_000) - 480)
    assert player.poll(0.2 + left - 0.02) == []
    pull(player, 960)
    assert [mark.kind for mark in player.poll(0.2 + left + 0.02)] == ["finished"]
    assert player.rest(1.1) == 0.0


def test_rest_of_a_device_that_rests() -> None:
    """Nobody pulls: after half a second there is less and less hurry, until somebody does."""
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(24_000), PCM, 0.0)
    assert [player.rest(0.0), player.rest(0.5)] == [0.0, 0.0]
    assert [player.rest(0.6), player.rest(4.0)] == [0.3, 2.0]
    pull(player)
    assert player.rest(4.1) == 0.0


def test_a_device_that_rests_says_when_it_goes_on() -> None:
    """Then nobody needs to look meanwhile: once it asks again, whoever wanted to know is called, once."""
    player, calls = Player(prebuffer_ms=0), []
    player.on_resumed = lambda: calls.append(player.poll(5.0))
    player.feed(A, pcm(24_000), PCM, 0.0)
    assert [player.rest(0.0), player.rest(0.5)] == [0.0, 0.0], "it may start at any moment"
    pull(player)
    assert calls == []
    assert [player.rest(0.6), player.rest(1.2)] == [0.0, pytest.approx(0.3)], "not all was seen to be heard"
    assert player.poll(1.2) == [PlaybackMark("started", A)]
    assert player.rest(1.2) == math.inf
    player.end(A)
    pull(player, 24_000)
    assert calls == [[PlaybackMark("finished", A)]]
    pull(player)
    assert len(calls) == 1


def test_who_waits_for_a_device_hears_of_an_interruption() -> None:
    """Nothing is left that the device could go on with: who asked for nothing until then must look now."""
    player, calls = Player(prebuffer_ms=0), []
    player.on_resumed = lambda: calls.append(player.playing)
    player.feed(A, pcm(24_000), PCM, 0.0)
    player.rest(0.0)
    assert player.rest(1.0) == math.inf
    assert [mark.key for mark in player.interrupt(1.0)] == [A]
    assert calls == [False]
    pull(player)
    player.interrupt(2.0)
    assert len(calls) == 1


def test_a_device_with_latency_goes_on_sounding_while_it_rests() -> None:
    """What it was handed is heard later, and nobody will call for that."""
    player, calls = Player(prebuffer_ms=0), []
    player.on_resumed = lambda: calls.append(1)
    player.feed(A, pcm(480), PCM, 0.0)
    player.end(A)
    pull(player, 480, latency=2.0)
    player.poll(0.0)
    player.rest(0.0)
    assert [player.poll(1.0), player.rest(1.0)] == [[], 0.5]
    assert player.poll(2.1) == [PlaybackMark("started", A), PlaybackMark("finished", A)]
    assert calls == []


def test_a_device_that_goes_on_in_the_same_moment_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ask between the look at it and the wish to be called."""
    player = Player(prebuffer_ms=0)
    player.feed(A, pcm(24_000), PCM, 0.0)
    player.rest(0.0)
    player.on_resumed = lambda: None
    reader = player._reader

    class Racing(type(reader)):  # type: ignore[misc]  # a class of the moment
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "wake" and value is not None:
                self.pull(np.zeros(480, np.int16), None)

    reader.__class__ = Racing
    assert player.rest(1.0) == 0.0


def test_who_is_called_by_the_device_cannot_stop_it() -> None:
    """A loop that is closed meanwhile raises; the block is sound all the same, and no fault."""

    def closed() -> None:
        raise RuntimeError("Event loop is closed")

    player = Player(prebuffer_ms=0)
    player.on_resumed = closed
    player.feed(A, pcm(24_000), PCM, 0.0)
    player.rest(0.0)
    assert player.rest(1.0) == math.inf
    assert pull(player).any()
    assert player.statistics().faults == 0


def test_rest_does_not_let_the_ring_run_dry() -> None:
    """What waits behind the ring is fetched in time, and plays without a gap."""
    player = Player(seconds=1.0, prebuffer_ms=0)
    player.feed(A, pcm(3 * 24_000), PCM, 0.0)
    player.end(A)
    now, played = 0.0, 0
    pull(player)
    player.poll(now)
    while player.playing:
        for _ in range(max(1, round(player.rest(now) / 0.02))):
            now += 0.02
            played += player.pull(np.zeros(480, np.int16))
        player.poll(now)
    assert player.statistics().underruns == 0
    assert played + 480 == 3 * 24_000


# -- straight into the ring -------------------------------------------------------


@pytest.mark.parametrize("size", [2, 4799, 4800, 4801, 100_000])
def test_pieces_by_the_short_way_are_the_same_sound(size: int) -> None:
    """Cut anywhere, round the ring's end, with odd bytes: what plays is what was sent."""
    sent = np.random.default_rng(7).integers(-30000, 30000, 60_000, dtype=np.int16)
    data = sent.astype("<i2").tobytes()
    player = Player(seconds=0.5, prebuffer_ms=0, fade_ms=0, spill_seconds=10)
    got: list[Samples] = []
    for at in range(0, len(data), size):
        player.feed(A, data[at : at + size], PCM, 0.0)
        if at % 3 == 0:
            out = np.zeros(3000, np.int16)
            got.append(out[: player.pull(out)].copy())
            player.poll(0.0)
    player.end(A)
    while player.playing:
        out = np.zeros(3000, np.int16)
        got.append(out[: player.pull(out)].copy())
        player.poll(0.0)
    assert np.array_equal(np.concatenate(got), sent)
    heard = player.heard(A, 0.0)
    assert heard is not None
    assert (heard.frames, heard.received) == (60_000, 60_000)


def test_thousands_of_short_parts_cost_no_more_than_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that pulls late: no part looks through those before it, and none is looked for in vain."""
    player = Player(seconds=240, prebuffer_ms=0)
    looks = 0
    heard = SpanMap.heard

    def counted(self: SpanMap, key: AudioKey, position: int) -> int:
        nonlocal looks
        looks += 1
        return heard(self, key, position)

    monkeypatch.setattr(SpanMap, "heard", counted)
    count = 5000  # more than are remembered once they were heard
    for number in range(count):
        key = AudioKey(f"item_{number}")
        player.feed(key, bytes(2 * 48), "audio/pcm", 0.0)
        player.end(key)
    out = np.zeros(48 * count, np.int16)
    assert player.pull(out) == len(out)
    kinds = [mark.kind for mark in player.poll(1.0)]
    assert kinds == ["started", "finished"] * count
    assert looks == 0
    assert not player.playing


def test_a_part_fed_again_after_an_interrupt_starts_with_its_new_sound() -> None:
    """What was cut before a sample of it was heard has not started by being cut."""
    player = Player(seconds=10, prebuffer_ms=0, fade_ms=0)
    first, second = AudioKey("first"), AudioKey("second")
    player.feed(first, bytes(2 * 480), "audio/pcm", 0.0)
    player.feed(second, bytes(2 * 480), "audio/pcm", 0.0)
    out = np.zeros(240, np.int16)
    player.pull(out)
    player.interrupt(0.1)
    player.feed(second, bytes(2 * 480), "audio/pcm", 0.1)
    assert [mark for mark in player.poll(0.1) if mark.key == second] == []
    player.pull(out)
    assert [mark.kind for mark in player.poll(0.2) if mark.key == second] == ["started"]


def test_sound_that_cannot_be_played_leaves_nothing() -> None:
    """A part of an unknown encoding is refused before there is one, and pushes no other out."""
    player = Player()
    for number in range(10):
        with pytest.raises(AudioError, match="is not known"):
            player.feed(AudioKey(f"item_{number}"), b"\0\0", "audio/opus", 0.0)
    assert not player._parts
