"""A minimal, manual-turn client for the OpenAI Realtime API over a raw WebSocket.

    import realtime_raw as rt

    async with rt.connect(model="gpt-realtime-2.1") as conn:
        await conn.append(pcm)
        await conn.commit()
        reply = await conn.respond()
        async for pcm in reply.audio(): ...

Here live the public names and nothing else. Each is loaded on first use
(PEP 562), so importing the package loads none of numpy, pydantic, websockets
or asyncio.
"""

__version__ = "0.1.0"

# Type checkers take any name spelled so for true; importing it from `typing`
# would cost more than everything else here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from . import codec as codec
    from . import conformance as conformance
    from . import devices as devices
    from . import errors as errors
    from . import events as events
    from . import loopback as loopback
    from .aio.connect import connect as connect
    from .aio.connection import RealtimeConnection as RealtimeConnection
    from .aio.reply import Reply as Reply
    from .audio.player import Player as Player
    from .edit import CannotRecreate as CannotRecreate
    from .endpoint import Endpoint as Endpoint
    from .errors import AudioError as AudioError
    from .errors import CommandTimeout as CommandTimeout
    from .errors import ConnectFailed as ConnectFailed
    from .errors import DecodeError as DecodeError
    from .errors import InvalidCommand as InvalidCommand
    from .errors import LocalProtocolError as LocalProtocolError
    from .errors import MissingExtra as MissingExtra
    from .errors import Problem as Problem
    from .errors import RealtimeError as RealtimeError
    from .errors import RemoteProtocolError as RemoteProtocolError
    from .errors import ResponseFailed as ResponseFailed
    from .errors import ServerRefused as ServerRefused
    from .errors import SessionLost as SessionLost
    from .errors import TurnTooShort as TurnTooShort
    from .events.audio_config import CustomVoice as CustomVoice
    from .events.audio_config import NoiseReduction as NoiseReduction
    from .events.audio_config import PcmaFormat as PcmaFormat
    from .events.audio_config import PcmFormat as PcmFormat
    from .events.audio_config import PcmuFormat as PcmuFormat
    from .events.audio_config import SemanticVad as SemanticVad
    from .events.audio_config import ServerVad as ServerVad
    from .events.audio_config import Transcription as Transcription
    from .events.items import assistant as assistant
    from .events.items import image as image
    from .events.items import ref as ref
    from .events.items import system as system
    from .events.items import user as user
    from .events.session import FunctionTool as FunctionTool
    from .events.session import McpTool as McpTool
    from .events.session import PromptRef as PromptRef
    from .events.session import ToolChoiceFunction as ToolChoiceFunction
    from .events.session import ToolChoiceMcp as ToolChoiceMcp
    from .protocol import signals as signals
    from .protocol.core import RealtimeProtocol as RealtimeProtocol
    from .protocol.patch import SessionPatch as SessionPatch
    from .types import UNSET as UNSET
    from .usage import Budget as Budget
    from .usage import BudgetExceeded as BudgetExceeded
    from .usage import Prices as Prices

# Where each name comes from; `tests/house/test_exports.py` holds this table
# and the imports above to one another.
_SOURCES = {
    "AudioError": "errors",
    "Budget": "usage",
    "BudgetExceeded": "usage",
    "CannotRecreate": "edit",
    "CommandTimeout": "errors",
    "ConnectFailed": "errors",
    "CustomVoice": "events.audio_config",
    "DecodeError": "errors",
    "Endpoint": "endpoint",
    "FunctionTool": "events.session",
    "InvalidCommand": "errors",
    "LocalProtocolError": "errors",
    "McpTool": "events.session",
    "MissingExtra": "errors",
    "NoiseReduction": "events.audio_config",
    "PcmFormat": "events.audio_config",
    "PcmaFormat": "events.audio_config",
    "PcmuFormat": "events.audio_config",
    "Player": "audio.player",
    "Prices": "usage",
    "Problem": "errors",
    "PromptRef": "events.session",
    "RealtimeConnection": "aio.connection",
    "RealtimeError": "errors",
    "RealtimeProtocol": "protocol.core",
    "RemoteProtocolError": "errors",
    "Reply": "aio.reply",
    "ResponseFailed": "errors",
    "SemanticVad": "events.audio_config",
    "ServerRefused": "errors",
    "ServerVad": "events.audio_config",
    "SessionLost": "errors",
    "SessionPatch": "protocol.patch",
    "ToolChoiceFunction": "events.session",
    "ToolChoiceMcp": "events.session",
    "Transcription": "events.audio_config",
    "TurnTooShort": "errors",
    "UNSET": "types",
    "assistant": "events.items",
    "connect": "aio.connect",
    "image": "events.items",
    "ref": "events.items",
    "system": "events.items",
    "user": "events.items",
}
_MODULES = {
    "codec": "codec",
    "conformance": "conformance",
    "devices": "devices",
    "errors": "errors",
    "events": "events",
    "loopback": "loopback",
    "signals": "protocol.signals",
}

__all__ = [*_SOURCES, *_MODULES, "__version__"]


if not TYPE_CHECKING:
    # Hidden from type checkers, to whom it would make every misspelt name an `object`.
    def __getattr__(name: str) -> object:
        import gc
        from importlib import import_module

        where = _MODULES.get(name) or _SOURCES.get(name)
        if where is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Loading makes some hundred thousand objects, none of them garbage: to
        # look for it again and again would take a fifth of the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            module = import_module(f"{__name__}.{where}")
        finally:
            if collecting:
                gc.enable()
        value: object = module if name in _MODULES else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
