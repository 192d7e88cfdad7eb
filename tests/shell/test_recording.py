"""`conn.record`: files that are there, numbered and whole, and trouble with them that ends no call."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from realtime_raw.devices.fake import FakeOutput
from realtime_raw.devices.stereo import LEFT, RIGHT
from realtime_raw.errors import AudioError
from realtime_raw.loopback import Reply, Say
from realtime_raw.protocol import signals
from tests.devices.test_stereo import read
from tests.shell.lines import held, soon
from tests.shell.scripted import scripted

TONE = (8000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)).astype(np.int16)


async def test_a_session_leaves_its_sound_and_its_words(tmp_path: Path) -> None:
    """With the connection's end at the latest, and under names that belong together."""
    async with scripted(Reply((Say("Quite so."),))) as (conn, _):
        recording = conn.record(tmp_path / "new" / "place")
        await conn.append(TONE)
        await conn.commit()
        reply = await conn.respond()
        await reply.done()
    assert recording.closed
    assert recording.path == tmp_path / "new" / "place" / "session.wav"
    assert np.array_equal(read(recording.path)[: len(TONE), LEFT], TONE)
    assert recording.seconds == pytest.approx(1.0)
    assert "**Assistant:** Quite so" in recording.path.with_suffix(".md").read_text()
    assert "Assistant: Quite so." in recording.path.with_suffix(".srt").read_text()
    rows = [json.loads(line) for line in recording.path.with_suffix(".jsonl").read_text().splitlines()]
    assert [row["who"] for row in rows] == ["user", "assistant"]


async def test_no_recording_replaces_another(tmp_path: Path) -> None:
    """Nor does one begin where nothing can be written."""
    async with held() as (conn, _):
        with conn.record(tmp_path) as first:
            pass
        second = conn.record(tmp_path)
        assert [first.path.name, second.path.name] == ["session.wav", "session-2.wav"]
        assert first.closed
        (tmp_path / "file").write_text("")
        with pytest.raises(AudioError, match=r"cannot record into .*file: .*; give a directory"):
            conn.record(tmp_path / "file")


async def test_audio_sent_as_an_event_counts_too(tmp_path: Path) -> None:
    """Whatever way it goes: what was committed is on the left."""
    async with held() as (conn, peer):
        recording = conn.record(tmp_path)
        await conn.send_raw({"type": "input_audio_buffer.append", "audio": "AQACAAMA" * 900})
        await peer.hear("input_audio_buffer.append")
        committing = asyncio.create_task(conn.commit())
        await peer.hear("input_audio_buffer.commit")
        await peer.say("input_audio_buffer.committed", item_id="item_1", previous_item_id=None)
        item = {"id": "item_1", "type": "message", "role": "user", "content": [{"type": "input_audio"}]}
        await peer.say("conversation.item.added", item=item, previous_item_id=None)
        await committing
        recording.close()
        assert read(recording.path)[:, LEFT].tolist() == [1, 2, 3] * 900


async def test_a_full_disk_ends_the_recording_and_not_the_call(tmp_path: Path) -> None:
    """It is said once, like a handler's failure, and again at the end."""
    with pytest.RaisesGroup(AudioError):
        async with held() as (conn, _):
            told = conn.wait_for(signals.HandlerFailed, timeout=5)
            recording = conn.record(tmp_path)
            recording._file.close()
            recording.played(TONE, 0.0, 24_000)
            assert "is closed" in str((await told).error)
            assert recording.closed
            recording.played(TONE, 1.0, 24_000)
            recording.appended(TONE.tobytes(), "audio/pcm", 1.0)
            await conn.append(TONE)
            assert conn.closed is None
    assert not recording.path.with_suffix(".md").exists()


async def test_words_that_cannot_be_written_are_said_at_the_end(tmp_path: Path) -> None:
    """The sound is whole all the same."""
    with pytest.RaisesGroup(AudioError):
        async with held() as (conn, _):
            recording = conn.record(tmp_path)
            await conn.append(TONE)
            (tmp_path / "session.md").mkdir()
            await soon(lambda: recording.seconds == 0)
    assert recording.path.exists()


@pytest.mark.parametrize("record_first", [True, False])
async def test_what_a_sink_played_is_on_the_right(record_first: bool, tmp_path: Path) -> None:
    """Whichever was attached or begun first; the last block before the end too."""
    sink = FakeOutput(threaded=True)
    async with scripted(Reply((Say("Quite so."),))) as (conn, _):
        if record_first:
            recording = conn.record(tmp_path)
            conn.attach(sink=sink)
        else:
            conn.attach(sink=sink)
            recording = conn.record(tmp_path)
        finished = conn.wait_for(signals.PlaybackFinished, timeout=10)
        await conn.append(TONE)
        await conn.commit()
        await conn.respond()
        await finished
    right = read(recording.path)[:, RIGHT]
    sounded = sink.sounded
    begin, end = np.flatnonzero(sounded)[[0, -1]]
    assert sounded[begin : end + 1].tobytes() in right.tobytes()


async def test_where_nobody_plays_the_right_is_silent(tmp_path: Path) -> None:
    """A session without sound to the ear still has what was said."""
    async with scripted(Reply((Say("Quite so."),))) as (conn, _):
        recording = conn.record(tmp_path)
        await conn.append(TONE)
        await conn.commit()
        await (await conn.respond()).done()
    assert not read(recording.path)[:, RIGHT].any()
