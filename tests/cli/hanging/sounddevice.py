"""A sound system that hangs, where the environment variable HANG says: import, query, open, start.

As the real one it points stderr nowhere while it starts, and wants to end when the interpreter does.
"""

from __future__ import annotations

import atexit
import os
import threading
from types import SimpleNamespace
from typing import Any


def _hang(where: str) -> None:
    if os.environ.get("HANG") == where:
        threading.Event().wait()


class PortAudioError(Exception):
    """As in the real one."""


def query_hostapis() -> list[dict[str, str]]:
    """One."""
    _hang("query")
    return [{"name": "ALSA"}]


def query_devices() -> list[dict[str, Any]]:
    """One for both directions."""
    device = {"index": 0, "name": "Card", "hostapi": 0, "default_samplerate": 24000.0}
    return [{**device, "max_input_channels": 1, "max_output_channels": 1}]


def check_input_settings(**settings: object) -> None:
    """Anything goes."""


check_output_settings = check_input_settings
default = SimpleNamespace(device=(0, 0))


class RawInputStream:
    """It gives nothing."""

    active = True
    latency = 0.1

    def __init__(self, **settings: object) -> None:
        _hang("open")

    def start(self) -> None:
        """Nothing comes of it."""

    abort = close = start


class RawOutputStream(RawInputStream):
    """It takes nothing."""

    def __init__(self, **settings: object) -> None:
        _hang("start")


def _end() -> None:
    if os.environ.get("HANG"):
        threading.Event().wait()


atexit.register(_end)
_kept = os.dup(2)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
_hang("import")
os.dup2(_kept, 2)
