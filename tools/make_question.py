"""Makes the demonstration's spoken question: `tools/data/question.wav`, 24 kHz mono 16-bit.

The voice is espeak-ng's, through the extra `speech`. Run it again when the
words change; the file is kept in the repository so that a demonstration needs
neither a microphone nor the extra.

    python tools/make_question.py [--text "..."] [--voice marin] [--out FILE.wav]
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import wave

import numpy as np

from realtime_raw.audio.levels import measure
from realtime_raw.audio.pcm import WIRE_RATE, Samples
from realtime_raw.loopback.client_schema import VOICES
from realtime_raw.loopback.espeak import Espeak

TEXT = "Hello. Can you hear me, and how long was my question?"
OUT = pathlib.Path(__file__).parent / "data" / "question.wav"
_SILENCE_S = 0.15  # before and after, as a recording would have


def question(text: str, voice: str) -> Samples:
    """The samples of `text`, with a moment of silence around them."""
    spoken = Espeak().say(text, voice, 1.0)
    if spoken is None:
        raise SystemExit(f"espeak-ng does not say this with the voice {voice!r}")
    pause = np.zeros(round(_SILENCE_S * WIRE_RATE), np.int16)
    return np.concatenate([pause, spoken[0], pause])


def write_wav(path: pathlib.Path, samples: Samples) -> None:
    """One mono 16-bit WAV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(WIRE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def main(arguments: list[str]) -> None:
    """Writes the file and says what is in it."""
    parser = argparse.ArgumentParser(description="Make the demonstration's spoken question.")
    parser.add_argument("--text", default=TEXT)
    parser.add_argument("--voice", default="cedar", choices=VOICES)
    parser.add_argument("--out", type=pathlib.Path, default=OUT)
    chosen = parser.parse_args(arguments)
    samples = question(chosen.text, chosen.voice)
    write_wav(chosen.out, samples)
    levels = measure(samples)
    print(f"{chosen.out}: {len(samples) / WIRE_RATE:.2f} s, {levels.rms_dbfs:.1f} dBFS, {chosen.text!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
