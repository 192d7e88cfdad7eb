"""Read a WAV back and say what is in it: duration, loudness, spectrum.

    python tools/describe_wav.py answer.wav

Ends 1 if the file holds nothing that could be speech, so that a demo cannot pass with silence.
"""

from __future__ import annotations

import sys
import wave

import numpy as np

from realtime_raw.audio.levels import measure

# Voiced speech has its fundamental and first formants here; a tone, hum or
# click has not its energy spread over this band.
SPEECH_HZ = (80.0, 4000.0)


def spectrum(samples: np.ndarray[tuple[int], np.dtype[np.int16]], rate: int) -> tuple[float, float, float]:
    """The strongest frequency in Hz, the share of energy in the speech band, and the band's flatness.

    Flatness is 0 for a pure tone and 1 for white noise, over 50 ms frames.
    """
    size = rate // 20
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    power = (np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2).mean(axis=0)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    band = (hertz >= SPEECH_HZ[0]) & (hertz <= SPEECH_HZ[1])
    flatness = float(np.exp(np.log(power[band] + 1e-9).mean()) / (power[band].mean() + 1e-9))
    return float(hertz[power.argmax()]), float(power[band].sum() / (power.sum() + 1e-9)), flatness


def main(path: str) -> int:
    """Print three lines about the file at `path`; 0 if it could be speech."""
    with wave.open(path, "rb") as file:
        rate, channels = file.getframerate(), file.getnchannels()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")[::channels]
    levels = measure(samples)
    print(f"{path}: {len(samples) / rate:.2f} s, {rate} Hz, {channels} channel, 16 bit")
    print(f"  loudness: RMS {levels.rms_dbfs:.1f} dBFS, peak {levels.peak_dbfs:.1f} dBFS")
    if len(samples) < rate // 2 or levels.silent:
        print("  no speech: too short, or silent")
        return 1
    peak, share, flatness = spectrum(samples, rate)
    print(
        f"  spectrum: strongest at {peak:.0f} Hz, {share:.0%} of the energy between "
        f"{SPEECH_HZ[0]:.0f} and {SPEECH_HZ[1]:.0f} Hz, flatness {flatness:.3f}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
