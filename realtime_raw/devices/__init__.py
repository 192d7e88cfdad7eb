"""Sound in and out: what a source and a sink are (`base`), files as both (`files`), fake ones (`fake`),
real ones (`portaudio`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import (
    AudioSink,
    AudioSource,
    Captured,
    DeviceChange,
    LiveSource,
    Pull,
    SoundHook,
    WatchedDevice,
)
from .fake import FakeInput, FakeOutput
from .files import AudioWriter, FileSink, FileSource, LoadedAudio, load_audio, load_stream
from .streams import StreamSource

if TYPE_CHECKING:
    from .portaudio import DeviceInfo, Microphone, Speaker, find_device, list_devices

__all__ = [
    "AudioSink",
    "AudioSource",
    "AudioWriter",
    "Captured",
    "DeviceChange",
    "DeviceInfo",
    "FakeInput",
    "FakeOutput",
    "FileSink",
    "FileSource",
    "LiveSource",
    "LoadedAudio",
    "Microphone",
    "Pull",
    "SoundHook",
    "Speaker",
    "StreamSource",
    "WatchedDevice",
    "find_device",
    "list_devices",
    "load_audio",
    "load_stream",
]

_PORTAUDIO = frozenset({"DeviceInfo", "Microphone", "Speaker", "find_device", "list_devices"})


def __getattr__(name: str) -> Any:
    # Lazily: files and fakes need no threads of PortAudio's.
    if name not in _PORTAUDIO:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(".portaudio", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
