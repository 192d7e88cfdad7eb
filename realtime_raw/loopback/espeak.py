"""espeak-ng through ctypes: text in, samples at 24 kHz and the times of its words out.

The library keeps one state per process (voice, rate, callback), so every call
goes through one lock, and it is initialised once. It comes with the extra
`speech` (espeakng-loader), library and voices included.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any

import numpy as np

from ..audio.pcm import WIRE_RATE, Samples
from ..errors import MissingExtra
from ..text import printable
from .resampling import resample

__all__ = ["VOICES", "Espeak"]

# The API's voices as (espeak voice and variant, pitch 0..99): ten that a listener can tell apart.
VOICES = {
    "alloy": ("en-us+Andrea", 45),
    "ash": ("en-us+m3", 40),
    "ballad": ("en+m7", 50),
    "coral": ("en-us+f3", 60),
    "echo": ("en-us+m1", 35),
    "sage": ("en+f4", 45),
    "shimmer": ("en-us+f5", 70),
    "verse": ("en-us+m2", 60),
    "marin": ("en-us+f2", 50),
    "cedar": ("en-us+m4", 30),
}
_FALLBACK = "alloy"
_WORDS_PER_MINUTE = 165
_GAIN = 0.8  # some voices come within a hair of full scale, and a filter may overshoot

# Constants of espeak-ng's C interface (speak_lib.h).
_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_RATE, _PITCH = 1, 3
_CHARS_UTF8 = 1
_BY_CHARACTER = 1
_EVENT_LIST_TERMINATED, _EVENT_WORD = 0, 1
_OK = 0


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
_lock = threading.Lock()


@cache
def _library() -> tuple[Any, int]:
    """The loaded library and its sample rate. Raises `MissingExtra`, or `OSError` if it does not start."""
    try:
        import espeakng_loader
    except ImportError as exc:
        raise MissingExtra("speech", "speaking real words") from exc
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
        ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    data = espeakng_loader.get_data_path().encode()
    rate = int(library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT))
    if rate <= 0:
        raise OSError("espeak-ng does not start")
    return library, rate


class Espeak:
    """Speaks with the shared library. Any number of these may exist, on any thread."""

    def __init__(self) -> None:
        with _lock:
            self._library, self._rate = _library()

    def say(self, text: str, voice: str, speed: float) -> tuple[Samples, list[tuple[int, int]]] | None:
        """Samples at 24 kHz and `(character position, frame)` of each word; None if it refuses.

        An unknown voice speaks as the default one.
        """
        clean = printable(text.replace("\0", " "))
        if not clean.strip():
            return np.zeros(0, np.int16), []
        blocks: list[Samples] = []
        words: list[tuple[int, int]] = []

        def collect(wave: Any, count: int, events: Any) -> int:
            if wave and count > 0:
                blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
            words.extend(_words(events))
            return 0

        with _lock:
            spoken = self._synthesise(clean, voice, speed, _Callback(collect))
        if not spoken or not blocks:
            return None
        quieter = (np.concatenate(blocks) * _GAIN).astype(np.int16)
        samples = resample(quieter, self._rate, WIRE_RATE)
        # A dropped character would shift every word after it.
        return samples, words if len(clean) == len(text) else []

    def _synthesise(self, text: str, voice: str, speed: float, callback: Any) -> bool:
        name, pitch = VOICES.get(voice, VOICES[_FALLBACK])
        library = self._library
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(name.encode()) != _OK:
            return False
        library.espeak_SetParameter(_RATE, round(_WORDS_PER_MINUTE * speed), 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        data = text.encode() + b"\0"
        result = library.espeak_Synth(data, len(data), 0, _BY_CHARACTER, 0, _CHARS_UTF8, None, None)
        return bool(result == _OK)


def _words(events: Any) -> list[tuple[int, int]]:
    """The word events of one callback as `(character position from 0, frame at 24 kHz)`."""
    found = []
    index = 0
    while events[index].type != _EVENT_LIST_TERMINATED:
        if events[index].type == _EVENT_WORD:
            found.append((events[index].text_position - 1, events[index].audio_position * WIRE_RATE // 1000))
        index += 1
    return found
