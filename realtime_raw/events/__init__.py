"""The wire as typed models: every client and server event, and what they carry.

`events.X` are the realtime dialect's; `events.translation.X` the translation
dialect's. Nothing here reads bytes (`codec` does) or keeps state.
"""

from __future__ import annotations

from . import audio_config, base, catalog, client, items, response, retired, server, session, translation
from .audio_config import *  # noqa: F403
from .base import (
    ClientEvent,
    Inbound,
    InvalidServerEvent,
    Outbound,
    ServerEvent,
    UnknownServerEvent,
    WireModel,
)
from .catalog import CATALOG, DIALECTS, REALTIME, TRANSLATION, Dialect, EventInfo
from .client import *  # noqa: F403
from .items import *  # noqa: F403
from .response import *  # noqa: F403
from .server import *  # noqa: F403
from .session import *  # noqa: F403

__all__ = [
    "CATALOG",
    "DIALECTS",
    "REALTIME",
    "TRANSLATION",
    "ClientEvent",
    "Dialect",
    "EventInfo",
    "Inbound",
    "InvalidServerEvent",
    "Outbound",
    "ServerEvent",
    "UnknownServerEvent",
    "WireModel",
    "audio_config",
    "base",
    "catalog",
    "client",
    "items",
    "response",
    "retired",
    "server",
    "session",
    "translation",
]
__all__ += audio_config.__all__ + client.__all__ + items.__all__
__all__ += response.__all__ + server.__all__ + session.__all__
