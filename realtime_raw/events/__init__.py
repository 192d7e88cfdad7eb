"""The wire as typed models: every client and server event, and what they carry.

`events.X` are the realtime dialect's; `events.translation.X` the translation
dialect's. What few sessions meet, and what only those need who send it, is
loaded when it is first asked for. Nothing here reads bytes (`codec` does) or
keeps state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import audio_settings, base, catalog, items, response, retired, server, session
from .base import (
    ClientEvent,
    Inbound,
    InvalidServerEvent,
    Outbound,
    ServerEvent,
    UnknownServerEvent,
    WireModel,
)
from .catalog import DIALECTS, REALTIME, TRANSLATION, Dialect, EventInfo
from .later import class_name, names_in

if TYPE_CHECKING:
    from . import audio_config, client, translation
    from .audio_config import *  # noqa: F403
    from .catalog import CATALOG
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

if TYPE_CHECKING:
    __all__ += audio_config.__all__ + client.__all__ + items.__all__
    __all__ += response.__all__ + server.__all__ + session.__all__
else:
    # What audio settings are asked for by; the other modules say themselves what they have elsewhere.
    _AUDIO_CONFIG = (
        "AudioInputConfig",
        "AudioOutputConfig",
        "CustomVoice",
        "FormatConfig",
        "NoiseReduction",
        "PcmFormat",
        "PcmaFormat",
        "PcmuFormat",
        "SemanticVad",
        "ServerVad",
        "SessionAudioConfig",
        "Transcription",
        "TranscriptionAudioConfig",
        "TurnDetectionConfig",
        "VoiceConfig",
    )
    _homes = {
        "audio_config": _AUDIO_CONFIG,
        "catalog": ("CATALOG",),
        "client": [class_name(kind) for kind in REALTIME.client],
    }
    for _part in (audio_settings, items, response, server, session):
        _homes[_part.__name__.rpartition(".")[2]] = _part.__all__
        globals().update({name: value for name, value in vars(_part).items() if name in _part.__all__})
    __all__ += [name for names in _homes.values() for name in names if name != "CATALOG"]
    __getattr__ = names_in(__name__, _homes, modules=("audio_config", "client", "translation"))


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
