"""The benchmark measures what it says: a true stream, whole sound, and ratios the right way round."""

from __future__ import annotations

import base64
import importlib
import re
from pathlib import Path

import pytest

from realtime_raw import codec
from realtime_raw.events import ResponseOutputAudioDelta, ResponseOutputAudioTranscriptDelta
from tools.bench import __main__ as command
from tools.bench import bars, report, stream
from tools.bench.bars import BARS, Bar, Verdict
from tools.bench.clients import CLIENTS, load
from tools.bench.run import COLUMNS, blaster, measure, missing


@pytest.mark.parametrize(("size", "seconds"), [(12_000, 30.0), (4_800, 30.0), (9_600, 0.2), (0, 30.0)])
def test_an_answer_is_what_a_server_may_send(size: int, seconds: float) -> None:
    """Each message passes the strict decoder; the sound is all there, and as many events as are counted."""
    answers = stream.Answers(size, seconds)
    events = [codec.decode(data, strict=True) for data in answers.messages(first=True)]
    sound = [base64.b64decode(e.delta or "") for e in events if isinstance(e, ResponseOutputAudioDelta)]
    words = [e.delta or "" for e in events if isinstance(e, ResponseOutputAudioTranscriptDelta)]
    assert b"".join(sound) == answers.pcm
    assert len(events) == answers.events
    assert {len(piece) for piece in sound} <= {size}
    assert f'"transcript":"{"".join(words)}"'.encode() in answers.messages(first=True)[-6]


def test_answers_are_told_apart_and_follow_one_another() -> None:
    """Every id names its answer, and an item the one before it."""
    answers = stream.Answers(0, 1.0)
    first, second = answers.frames(0), answers.frames(1)
    assert b"R00000Qx" in first
    assert b"R00000Qx" in second.split(b'"previous_item_id":"', 1)[1][:40]
    assert second.count(b"R00001Qx") > 20
    assert b"P00000Qx" not in first + second
    # What the server sends, from memory it writes into again and again.
    assert [bytes(answers.ready(number)) for number in range(4)] == [answers.frames(n) for n in range(4)]
    audio = base64.b64encode(stream.pcm())
    assert b"Qx" in audio  # which is why ids have more to tell them by
    assert re.search(rb"[RP]\d{5}Qx", audio) is None


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_frame_says_how_long_it_is(size: int) -> None:
    """RFC 6455, section 5.2: in one byte, in two more, in eight more; never masked."""
    frame = stream.frame(bytes(size))
    short = frame[1]
    wide = {126: 2, 127: 8}.get(short, 0)
    assert frame[0] == 0x81
    assert (int.from_bytes(frame[2 : 2 + wide], "big") if wide else short) == size
    assert len(frame) == 2 + wide + size


@pytest.mark.parametrize("name", ["ours", "fast", "protocol", "ws-orjson"])
def test_a_throughput_run_proves_its_sound(name: str) -> None:
    """In a process of its own, as the benchmark does it."""
    if why := missing(CLIENTS[name]):
        pytest.skip(why)
    with blaster() as port:
        figures = measure("throughput", name, port, {"answers": 1})
    assert figures is not None
    assert figures["cpu_us"] > 0


def test_every_bar_is_measured() -> None:
    """By a column, a cell and clients that there are."""
    for bar in BARS:
        cells = {
            cell.key: cell.clients
            for cell in importlib.import_module(f"tools.bench.columns.{bar.column}").CELLS
        }
        assert bar.client in cells[bar.cell]
        if bar.of is not None:
            other, _, cell = bar.of.partition("@")
            assert other in cells[cell or bar.cell]
    assert {bar.number for bar in BARS} == set(range(1, 8))


def test_clients_are_where_the_list_says() -> None:
    """Those that live in this environment."""
    assert all(callable(load(client)) for client in CLIENTS.values() if not missing_here(client.name))


def missing_here(name: str) -> bool:
    """Whether a client is not for this interpreter."""
    return CLIENTS[name].agents or missing(CLIENTS[name]) is not None


def judged(bar: Bar, mine: float, other: float) -> Verdict:
    """The verdict on one bar."""
    cell = {bar.client: {bar.figure: mine}, "openai": {bar.figure: other}}
    found = {one.bar: one for one in bars.judge({bar.column: {bar.cell: cell}})}
    return found[bar]


def test_ratios_are_taken_the_right_way_round() -> None:
    """`faster` bars want us to cost less; what is missed is said, what nobody measured is neither."""
    speed = next(bar for bar in BARS if bar.column == "throughput" and bar.of == "openai" and not bar.aim)
    assert judged(speed, 10.0, 70.0).measured == pytest.approx(7.0)
    assert judged(speed, 10.0, 70.0).word == "met"
    assert judged(speed, 30.0, 70.0).word == "MISSED"
    share = next(bar for bar in BARS if bar.column == "sessions" and bar.figure == "cpu_percent")
    assert judged(share, 5.0, 20.0).measured == pytest.approx(0.25)
    assert judged(share, 15.0, 20.0).word == "MISSED"
    assert {one.word for one in bars.judge({})} == {"not measured"}


def test_figures_are_put_into_the_page_and_nothing_else_is_touched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Between its marks; doing it again changes nothing."""
    page = tmp_path / "performance.md"
    page.write_text(command.PAGE.read_text("utf-8"), "utf-8")
    before = page.read_text("utf-8")
    monkeypatch.setattr(command, "PAGE", page)
    command.write("| figures |")
    once = page.read_text("utf-8")
    command.write("| figures |")
    assert page.read_text("utf-8") == once
    assert once.split(command.BEGIN)[0] == before.split(command.BEGIN)[0]
    assert "| figures |" in once


def test_every_column_has_a_table() -> None:
    """With a ratio to the first reference there is."""
    for column in COLUMNS:
        cells = {"cell": {"ours": {"cpu_us": 10.0}, "openai": {"cpu_us": 50.0}}}
        assert "| realtime_raw | 10.0 | 5.00 |" in report.column_tables(column, cells)
