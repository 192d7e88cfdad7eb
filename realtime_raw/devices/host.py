"""PortAudio as a whole: the devices it knows, which one is meant, and how to make it look again.

`sounddevice` (extra `audio`) is imported on first use. All calls into PortAudio
are made under one lock, as it is not safe to call from two threads; no callback
takes it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import AudioError, MissingExtra
from ..text import printable
from .base import Direction

__all__ = [
    "LOCK",
    "DeviceInfo",
    "Reopenable",
    "choose",
    "devices_now",
    "find_device",
    "hushed",
    "list_devices",
    "others_busy",
    "portaudio",
    "reason",
    "register",
    "rescan",
]

LOCK = threading.Lock()
"""Held around every call into PortAudio."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device as PortAudio lists it. `inputs` and `outputs` are channels, `rate` its own in Hz."""

    index: int
    name: str
    host_api: str
    inputs: int
    outputs: int
    rate: int
    default_input: bool
    default_output: bool

    @property
    def label(self) -> str:
        """For people: index, name, host API."""
        return f"{self.index} {self.name} ({self.host_api})"

    def channels(self, direction: Direction) -> int:
        """How many channels it has in one direction."""
        return self.inputs if direction == "input" else self.outputs


def portaudio() -> Any:
    """The module `sounddevice`. Raises `MissingExtra` without it, `AudioError` without its PortAudio.

    Loading it asks the system for its devices, which may take some 100 ms.
    """
    try:
        import sounddevice
    except ImportError as exc:
        raise MissingExtra("audio", "using a microphone or a loudspeaker") from exc
    except OSError as exc:
        raise AudioError(
            "the PortAudio library is not installed",
            hint="apt install libportaudio2, dnf install portaudio, or brew install portaudio",
        ) from exc
    return sounddevice


def list_devices() -> tuple[DeviceInfo, ...]:
    """All devices, as they were when PortAudio last looked. Raises as `portaudio`, and `AudioError`."""
    with LOCK:
        return devices_now(portaudio())


def devices_now(sd: Any) -> tuple[DeviceInfo, ...]:
    """The same, for whoever holds the lock."""
    try:
        apis = sd.query_hostapis()
        found = sd.query_devices()
        default_input, default_output = sd.default.device
    except sd.PortAudioError as exc:
        raise AudioError(f"the sound devices cannot be listed: {reason(exc)}") from exc
    return tuple(
        DeviceInfo(
            index=one["index"],
            name=printable(one["name"]),
            host_api=printable(apis[one["hostapi"]]["name"]),
            inputs=one["max_input_channels"],
            outputs=one["max_output_channels"],
            rate=round(one["default_samplerate"]),
            default_input=one["index"] == default_input,
            default_output=one["index"] == default_output,
        )
        for one in found
    )


def find_device(wanted: int | str | None, direction: Direction) -> DeviceInfo:
    """The device meant: the default one (None), one by index, by its name, or by part of its name.

    Upper and lower case are the same. A name that several host APIs have means
    the one of the default device's. Raises `AudioError`, listing the candidates,
    if none is meant or several are; else as `list_devices`.
    """
    return choose(list_devices(), wanted, direction)


def choose(devices: tuple[DeviceInfo, ...], wanted: int | str | None, direction: Direction) -> DeviceInfo:
    """The same, out of a list that is known."""
    able = [one for one in devices if one.channels(direction)]
    default = next((one for one in able if _is_default(one, direction)), None)
    if not able:
        raise AudioError(f"there is no {direction} device", hint=f"connect {_example(direction)}")
    if wanted is None:
        if default is None:
            raise AudioError(f"there is no default {direction} device", hint=_one_of(able))
        return default
    if isinstance(wanted, int):
        matches = [one for one in able if one.index == wanted]
    else:
        matches = _by_name(able, wanted.strip().lower())
    if len(matches) > 1 and default is not None:
        matches = [one for one in matches if one.host_api == default.host_api] or matches
    if len(matches) == 1:
        return matches[0]
    asked = printable(str(wanted))
    if matches:
        raise AudioError(f"{asked!r} names several {direction} devices", hint=_one_of(matches))
    raise AudioError(f"there is no {direction} device {asked!r}", hint=_one_of(able))


def _by_name(able: list[DeviceInfo], wanted: str) -> list[DeviceInfo]:
    full = [(one, f"{one.name}, {one.host_api}".lower()) for one in able]
    exact = [one for one, name in full if wanted in (one.name.lower(), name)]
    return exact or [one for one, name in full if wanted and wanted in name]


def _is_default(one: DeviceInfo, direction: Direction) -> bool:
    return one.default_input if direction == "input" else one.default_output


def _example(direction: Direction) -> str:
    return "a microphone" if direction == "input" else "a loudspeaker or headphones"


def _one_of(devices: list[DeviceInfo]) -> str:
    return "choose one of: " + ", ".join(one.label for one in devices)


def reason(exc: BaseException) -> str:
    """PortAudio's words for what went wrong, on one line."""
    words = exc.args[0] if exc.args and isinstance(exc.args[0], str) else str(exc)
    return printable(" ".join(words.split())) or type(exc).__name__


# Looking again


class Reopenable(Protocol):
    """An open stream, as seen by another one for whose sake PortAudio must start anew."""

    @property
    def busy(self) -> bool:
        """Whether an interruption would be heard just now."""

    def suspend(self) -> None:
        """Close the stream; called under the lock."""

    def resume(self) -> None:
        """Open it again; called under the lock. Never raises: what fails is a lost device."""


_streams: weakref.WeakSet[Reopenable] = weakref.WeakSet()


def register(stream: Reopenable) -> None:
    """Make a stream known that is open, or may be."""
    _streams.add(stream)


def forget(stream: Reopenable) -> None:
    """Make a stream unknown again: it is closed for good."""
    _streams.discard(stream)


def others_busy(stream: Reopenable) -> bool:
    """Whether any other stream is in use just now."""
    return any(one.busy for one in list(_streams) if one is not stream)


def rescan(stream: Reopenable) -> None:
    """Let PortAudio see devices that came since it was initialised; the lock is held.

    PortAudio looks once, in `Pa_Initialize`, and has no other way; sounddevice
    has no public name for it. `_terminate` and `_initialize` are what its
    maintainers name for this purpose (python-sounddevice, issue 125).
    Terminating closes every stream in the process, so ours are closed before
    and opened again after. Raises `AudioError` if PortAudio will not start.
    """
    sd = portaudio()
    others = [one for one in list(_streams) if one is not stream]
    for one in others:
        one.suspend()
    try:
        # Initialising is counted; only the last termination is one.
        times = sd._initialized
        for _ in range(times):
            sd._terminate()
        for _ in range(max(1, times)):
            sd._initialize()
    except sd.PortAudioError as exc:
        raise AudioError(f"PortAudio does not start again: {reason(exc)}") from exc
    finally:
        for one in others:
            one.resume()


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep what C libraries print on stderr away from it meanwhile.

    ALSA and PortAudio explain every failed attempt there, over whatever a
    terminal shows; attempts at reopening fail until the device is back.
    """
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
