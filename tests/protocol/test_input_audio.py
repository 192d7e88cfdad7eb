"""Counting what was appended, so that a turn that is too short never reaches the server."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.errors import TurnTooShort
from realtime_raw.events.audio_config import PcmuFormat
from realtime_raw.events.client import InputAudioBufferAppend, InputAudioBufferClear, InputAudioBufferCommit
from realtime_raw.protocol.input_audio import MAX_APPEND_BYTES
from realtime_raw.protocol.patch import SessionPatch
from tests.protocol.harness import MANUAL, Desk, session


def commit(desk: Desk) -> None:
    desk.core.send(InputAudioBufferCommit(), desk.now)


@pytest.mark.parametrize("ms", [0, 1, 99])
def test_a_commit_under_100_ms_raises_and_sends_nothing(ms: int) -> None:
    desk = Desk().ready()
    desk.core.append_audio(bytes(48 * ms), desk.now)
    desk.sent()
    with pytest.raises(TurnTooShort) as caught:
        commit(desk)
    assert caught.value.ms == ms
    assert desk.sent() == []
    assert len(desk.core.commands) == 0


def test_100_ms_is_enough() -> None:
    desk = Desk().ready()
    desk.core.append_audio(bytes(4800), desk.now)
    commit(desk)
    assert [e["type"] for e in desk.sent()] == ["input_audio_buffer.append", "input_audio_buffer.commit"]


def test_the_count_starts_anew_after_a_commit_and_after_a_clear() -> None:
    for event in (InputAudioBufferCommit(), InputAudioBufferClear()):
        desk = Desk().ready()
        desk.core.append_audio(bytes(4800), desk.now)
        desk.core.send(event, desk.now)
        with pytest.raises(TurnTooShort, match=r"0\.0 ms"):
            commit(desk)
        assert desk.core.input_audio.total_ms == 100


def test_with_detection_on_only_the_server_knows_what_is_left() -> None:
    desk = Desk(manual_turns=False).ready()
    commit(desk)
    assert desk.sent()[0]["type"] == "input_audio_buffer.commit"


def test_the_servers_own_commit_takes_the_audio() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.core.append_audio(bytes(48000), desk.now)
    desk.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u")
    desk.hear("input_audio_buffer.committed", item_id="item_u", previous_item_id=None)
    assert desk.core.input_audio.pending_ms == 0


def test_g711_counts_eight_bytes_a_millisecond_once_the_server_holds_it() -> None:
    desk = Desk().ready()
    desk.core.patch(SessionPatch(input_format=PcmuFormat()), desk.now)
    desk.hear("session.updated", session=session(**MANUAL, audio__input__format={"type": "audio/pcmu"}))
    desk.core.append_audio(bytes(801), desk.now)
    assert desk.core.input_audio.pending_ms == pytest.approx(100.125)
    commit(desk)


def test_an_append_made_by_hand_counts_too() -> None:
    desk = Desk().ready()
    audio = base64.b64encode(bytes(4801)).decode()
    desk.core.send(InputAudioBufferAppend(audio=audio), desk.now)
    assert desk.core.input_audio.pending_bytes == 4801


def test_appends_above_the_limit_are_split_into_whole_samples() -> None:
    desk = Desk().ready()
    audio = bytes(range(256)) * (MAX_APPEND_BYTES // 256 + 100)
    desk.core.append_audio(audio, desk.now)
    pieces = [base64.b64decode(e["audio"]) for e in desk.sent()]
    assert len(pieces) == 2
    assert all(len(p) % 2 == 0 and len(p) <= MAX_APPEND_BYTES for p in pieces)
    assert b"".join(pieces) == audio


@given(st.lists(st.binary(max_size=9), max_size=20))
def test_however_a_stream_is_cut_the_server_gets_the_same_whole_samples(cuts: list[bytes]) -> None:
    desk = Desk().ready()
    for cut in cuts:
        desk.core.append_audio(cut, desk.now)
    messages = desk.core.data_to_send()
    pieces = [base64.b64decode(json.loads(m)["audio"]) for m in messages]
    assert all(piece and len(piece) % 2 == 0 for piece in pieces), "an empty append is an error on the wire"
    whole = b"".join(cuts)
    assert b"".join(pieces) == whole[: len(whole) // 2 * 2]
    assert desk.core.input_audio.pending_bytes == len(whole) // 2 * 2


def test_an_odd_byte_left_over_at_a_commit_does_not_leak_into_the_next_turn() -> None:
    desk = Desk().ready()
    desk.core.append_audio(bytes(4801), desk.now)
    commit(desk)
    desk.sent()
    desk.core.append_audio(b"\x01\x02", desk.now)
    [sent] = desk.sent()
    assert base64.b64decode(sent["audio"]) == b"\x01\x02"
