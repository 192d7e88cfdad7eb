"""The clients that are compared: what each is called, and where it lives.

A client is an async context manager made from a URL and a `Target`; what it
yields begins an answer (`start`) and sends a chunk of sound (`append`).
"""

from __future__ import annotations

import importlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

__all__ = ["CLIENTS", "Client", "Session", "Target", "load", "named"]


class Target(Protocol):
    """What a client feeds: see `sink`."""

    def write(self, data: bytes) -> None:
        """A piece of sound."""

    def done(self) -> None:
        """The end of an answer."""


class Session(Protocol):
    """An open connection."""

    async def start(self) -> None:
        """Ask for the next answers."""

    async def append(self, chunk: bytes) -> None:
        """Send sound, as this client does it best."""

    async def clear(self) -> None:
        """Send `input_audio_buffer.clear`; `done` of the target is called at its confirmation."""


class Opener(Protocol):
    """Opens a session that feeds a target."""

    def __call__(self, url: str, target: Target) -> AbstractAsyncContextManager[Session]: ...


@dataclass(frozen=True)
class Client:
    """One row: its module and function there, and what has to be there for it."""

    name: str
    title: str
    where: str
    needs: tuple[str, ...] = ()  # modules, in this interpreter
    agents: bool = False  # lives in the benchmark's own environment
    transport: str | None = None


_ALL = (
    Client("ours", "realtime_raw", "ours:session", transport="websockets"),
    Client("ours-typed", "realtime_raw, a handler for everything", "ours:typed", transport="websockets"),
    Client(
        "fast", "realtime_raw[fast]", "ours:session", transport="fast", needs=("realtime_raw.aio.frames",)
    ),
    Client(
        "fast-typed",
        "realtime_raw[fast], a handler for everything",
        "ours:typed",
        transport="fast",
        needs=("realtime_raw.aio.frames",),
    ),
    Client(
        "openai", "openai-python async, typed + base64 + copy", "openai_python:session", needs=("openai",)
    ),
    Client("agents", "openai-agents RealtimeSession", "agents_python:session", agents=True),
    Client("ws-stdlib", "floor: websockets + json + base64", "floors:stdlib"),
    Client("ws-orjson", "floor: websockets + orjson + pybase64", "floors:with_orjson"),
    Client("ws-pydantic", "floor: websockets + pydantic on every event", "floors:with_pydantic"),
    Client("ws-hook", "floor: websockets event hook + slice + pydantic", "hook:session"),
    Client("protocol", "floor: own BufferedProtocol + slice", "protocol:session"),
)
CLIENTS = {client.name: client for client in _ALL}


def named(name: str) -> Client:
    """The client of this name; what is no client stands for itself, such as a way to keep samples."""
    return CLIENTS.get(name) or Client(name, name, "")


def load(client: Client) -> Opener:
    """The client's function. Raises `ImportError` where it is not installed."""
    module, _, function = client.where.partition(":")
    opener: Opener = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return opener
