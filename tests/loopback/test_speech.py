"""Speakers: pieces, sentences, the cache, the murmur, and espeak-ng where it is installed."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.audio.levels import measure
from realtime_raw.errors import MissingExtra
from realtime_raw.loopback import espeak as espeak_module
from realtime_raw.loopback import speech as speech_module
from realtime_raw.loopback.client_schema import VOICES
from realtime_raw.loopback.espeak import Espeak
from realtime_raw.loopback.murmur import murmur
from realtime_raw.loopback.speech import (
    CachedSpeaker,
    Speech,
    best_speaker,
    murmur_speaker,
    pieces_of,
    sentences_of,
)

SENTENCE = pieces_of("Hello there, I heard 3.2 seconds of audio. Fine!")


@given(st.text())
def test_pieces_and_sentences_lose_nothing(text: str) -> None:
    """Joined again, they are the text."""
    pieces = pieces_of(text)
    assert "".join(pieces) == text
    assert [piece for sentence in sentences_of(pieces) for piece in sentence] == pieces
    assert all(len(piece.strip()) <= 48 for piece in pieces)


def test_sentences_end_where_they_end() -> None:
    """At a stop, not inside a number; or after a long breath."""
    sentences = list(sentences_of(SENTENCE))
    assert ["".join(sentence) for sentence in sentences] == [
        "Hello there, I heard 3.2 seconds of audio.",
        " Fine!",
    ]
    breaths = list(sentences_of(pieces_of("word " * 100)))
    assert len(breaths) > 1
    assert max(len("".join(breath)) for breath in breaths) < 210


def test_the_murmur_sounds_like_speech_and_is_not_clipped() -> None:
    """Loud as a voice, with pauses, its energy where a voice has it, longer for a longer text."""
    samples, starts = murmur(SENTENCE, "marin", 1.0)
    levels = measure(samples)
    assert -28 < levels.rms_dbfs < -15
    assert levels.clipped == 0
    assert len(starts) == len(SENTENCE)
    assert starts[0] == 0
    assert list(starts) == sorted(set(starts))
    assert 2 < len(samples) / 24_000 < 8
    spectrum = np.abs(np.fft.rfft(samples.astype(float))) ** 2
    frequency = np.fft.rfftfreq(len(samples), 1 / 24_000)
    voice = spectrum[(frequency > 80) & (frequency < 4000)].sum()
    assert voice / spectrum.sum() > 0.98
    assert len(murmur(SENTENCE * 2, "marin", 1.0)[0]) == 2 * len(samples)


def test_the_murmur_is_the_same_every_time_and_differs_by_voice() -> None:
    """Deterministic; ten voices, and any other name has one too."""
    first = murmur(SENTENCE, "marin", 1.0)[0]
    assert np.array_equal(first, murmur(SENTENCE, "marin", 1.0)[0])
    voices = {murmur(SENTENCE, voice, 1.0)[0].tobytes() for voice in (*VOICES, "voice_1")}
    assert len(voices) == len(VOICES) + 1
    assert len(murmur(SENTENCE, "marin", 0.5)[0]) > 1.9 * len(first)


def test_the_murmur_of_nothing() -> None:
    """Blanks have no sound."""
    samples, starts = murmur(["  "], "marin", 1.0)
    assert (len(samples), starts) == (0, (0,))


def test_what_was_said_is_remembered_up_to_a_bound() -> None:
    """The longest unused is forgotten first."""
    made: list[str] = []

    def say(pieces: Sequence[str], voice: str, speed: float) -> Speech:
        made.append(pieces[0])
        return Speech(np.zeros(100, np.int16), (0,))

    speaker = CachedSpeaker(say, max_frames=250)
    for word in ("a", "b", "a", "c", "a", "b"):
        speaker.say([word], "marin", 1.0)
    assert made == ["a", "b", "c", "b"]
    speaker.say(["a"], "cedar", 1.0)
    speaker.say(["a"], "cedar", 0.5)
    assert made[4:] == ["a", "a"]
    tiny = CachedSpeaker(say, max_frames=10)
    tiny.say(["x"], "marin", 1.0)
    tiny.say(["x"], "marin", 1.0)
    assert made[6:] == ["x"]


def test_two_threads_may_make_the_same_thing() -> None:
    """Both get it; it is kept once."""
    both = threading.Barrier(2)

    def say(pieces: Sequence[str], voice: str, speed: float) -> Speech:
        both.wait(5)
        return Speech(np.zeros(100, np.int16), (0,))

    speaker = CachedSpeaker(say, max_frames=150)
    threads = [threading.Thread(target=speaker.say, args=(["a"], "marin", 1.0)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    speaker.say(["a"], "marin", 1.0)  # would wait for ever at the barrier if it were not known


# --- espeak-ng --------------------------------------------------------------------------------------


@pytest.fixture
def espeak() -> Espeak:
    pytest.importorskip("espeakng_loader", reason="the extra `speech` is not installed")
    return Espeak()


@pytest.fixture
def fresh() -> Iterator[None]:
    """The memoised choice of a speaker, forgotten before and after."""
    best_speaker.cache_clear()
    espeak_module._library.cache_clear()
    yield
    best_speaker.cache_clear()
    espeak_module._library.cache_clear()


def test_real_words_with_their_times(espeak: Espeak) -> None:
    """24 kHz, loud enough, not clipped; every word is placed, in order."""
    spoken = espeak.say("one two three four", "marin", 1.0)
    assert spoken is not None
    samples, words = spoken
    levels = measure(samples)
    assert 0.8 < len(samples) / 24_000 < 4
    assert -30 < levels.rms_dbfs < -12
    assert levels.clipped == 0
    assert [position for position, _ in words] == [0, 4, 8, 14]
    times = [frame for _, frame in words]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] < len(samples)


def test_ten_voices_that_differ(espeak: Espeak) -> None:
    """Each of the API's names has its own; another name has the first."""
    made = {}
    for voice in VOICES:
        spoken = espeak.say("Hello there.", voice, 1.0)
        assert spoken is not None
        made[voice] = spoken[0].tobytes()
    assert len(set(made.values())) == len(VOICES)
    other = espeak.say("Hello there.", "voice_1", 1.0)
    assert other is not None
    assert abs(len(other[0].tobytes()) - len(made["alloy"])) < 4800


def test_speed_is_speed(espeak: Espeak) -> None:
    """Slower is longer."""
    slow, fast = (espeak.say("one two three four five", "marin", speed) for speed in (0.5, 1.5))
    assert slow is not None
    assert fast is not None
    assert len(slow[0]) > 2 * len(fast[0])


def test_text_that_is_not_for_speaking(espeak: Espeak) -> None:
    """Nothing, control characters, other scripts, markup: sound or silence, never trouble."""
    assert espeak.say("", "marin", 1.0) is not None
    silent = espeak.say(" \0\x1b ", "marin", 1.0)
    assert silent is not None
    assert len(silent[0]) == 0
    for text in ("a\0b\x1b[2Jc", "日本語 🎉", "<speak>x</speak> [[haI]]", "\ud800x"):
        assert espeak.say(text, "marin", 1.0) is not None
    _, words = espeak.say("one\x1b two", "marin", 1.0) or (None, None)
    assert words == []  # a character was dropped: positions would be wrong


def test_many_threads_share_the_library(espeak: Espeak) -> None:
    """Its state is global; nobody gets another's words."""
    expected = espeak.say("one two three", "marin", 1.0)
    assert expected is not None
    found: list[int] = []

    def speak(voice: str) -> None:
        for _ in range(5):
            spoken = espeak.say("one two three", voice, 1.0)
            assert spoken is not None
            if voice == "marin":
                found.append(len(spoken[0]))

    threads = [threading.Thread(target=speak, args=(voice,)) for voice in ("marin", "cedar", "marin", "ash")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 10
    assert max(found) - min(found) < 2400
    assert abs(found[0] - len(expected[0])) < 2400


def test_the_best_speaker_speaks(espeak: Espeak, fresh: None) -> None:
    """Every piece has a start, a lone dash included."""
    pieces = pieces_of("Hello there — I heard 3.2 seconds.")
    spoken = best_speaker().say(pieces, "marin", 1.0)
    assert len(spoken.starts) == len(pieces)
    assert list(spoken.starts) == sorted(spoken.starts)
    assert spoken.starts[-1] < len(spoken.samples)
    assert best_speaker() is best_speaker()
    assert best_speaker() is not murmur_speaker()


def test_without_the_extra_it_murmurs(fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No words, but sound; and who asks for words is told what is missing."""
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtra, match="speaking real words needs"):
        Espeak()
    assert best_speaker() is murmur_speaker()


def test_a_library_that_does_not_start(
    fresh: None, espeak: Espeak, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    """The murmur again."""
    espeak_module._library.cache_clear()

    class Dead:
        class espeak_Synth:  # noqa: N801 - the library's name
            argtypes: object = None

        @staticmethod
        def espeak_Initialize(*args: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda path: Dead)
    with pytest.raises(OSError, match="espeak-ng does not start"):
        Espeak()
    assert best_speaker() is murmur_speaker()


def test_a_refused_sentence_is_murmured(fresh: None, espeak: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    """A voice that is not in the installed data, for one."""
    monkeypatch.setitem(espeak_module.VOICES, "marin", ("no-such-voice", 50))
    assert espeak.say("Hello", "marin", 1.0) is None
    spoken = best_speaker().say(["Hello"], "marin", 1.0)
    assert np.array_equal(spoken.samples, speech_module.murmur_speaker().say(["Hello"], "marin", 1.0).samples)
