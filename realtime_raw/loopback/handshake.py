"""What a connection attempt comes to, decided from its request alone.

The live API reports most problems inside the socket: it upgrades, sends one
`error`, and closes with a code of its own. Only a few attempts fail as HTTP.
Pure: the server asks, and does what it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from . import refusals
from .config import DEFAULT_MODEL, TRANSCRIPTION_MODELS, SessionKind
from .refusals import Fault

__all__ = [
    "AccessPolicy",
    "Health",
    "HttpRefusal",
    "InBandRefusal",
    "Opened",
    "Outcome",
    "Request",
    "decide",
]

# Close codes (observed).
_UNAUTHORISED, _INVALID, _NOT_FOUND = 3000, 4000, 4004

_KEY_PROTOCOL = "openai-insecure-api-key."
_REALTIME = ("gpt-realtime", "gpt-audio")
_REMOVED = ("gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview")
_NOT_CONVERSATIONAL = TRANSCRIPTION_MODELS | {"gpt-realtime-translate"}


class Request:
    """A request's target and headers. Header names are compared without case, repeats are kept."""

    def __init__(self, target: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        parts = urlsplit(target)
        self.path = parts.path.rstrip("/")
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._headers: dict[str, list[str]] = {}
        for name, value in headers:
            self._headers.setdefault(name.lower(), []).append(value)

    def header(self, name: str) -> str:
        """The header's values joined as HTTP joins them; empty if absent."""
        return ", ".join(self._headers.get(name.lower(), ()))

    @property
    def subprotocols(self) -> list[str]:
        offered = self.header("Sec-WebSocket-Protocol").split(",")
        return [name.strip() for name in offered if name.strip()]

    @property
    def header_key(self) -> str:
        """The key in `Authorization: Bearer ...` or in Azure's `api-key`; empty if none."""
        scheme, _, token = self.header("Authorization").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else self.header("api-key")

    @property
    def protocol_key(self) -> str:
        """The key a browser puts among the subprotocols; empty if none."""
        offered = (name for name in self.subprotocols if name.startswith(_KEY_PROTOCOL))
        return next(offered, "").removeprefix(_KEY_PROTOCOL)

    @property
    def upgrades(self) -> bool:
        return "websocket" in self.header("Upgrade").lower()

    @property
    def beta(self) -> bool:
        """Whether the retired event shape is asked for."""
        return "realtime=v1" in self.header("OpenAI-Beta") or "openai-beta.realtime-v1" in self.subprotocols


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPolicy:
    """Who may connect.

    With `keys`, one of them must be shown. Without, any key will do, and so
    will none unless `require_key`. `models` are names accepted besides the known
    families. `missing_key` chooses how a missing key is answered: HTTP 401, or in-band
    with close 3000; both have been reported of the live API.
    """

    keys: Collection[str] | None = None
    require_key: bool = False
    models: Collection[str] = ()
    missing_key: Literal["http", "in_band"] = "http"


@dataclass(frozen=True, slots=True)
class Health:
    """A plain GET: say what this is."""


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """No upgrade."""

    status: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class InBandRefusal:
    """Upgrade, one `error`, close."""

    fault: Fault
    close_code: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A session. With a `call_id` it is a sideband."""

    kind: SessionKind = "realtime"
    model: str = DEFAULT_MODEL
    call_id: str | None = None


Outcome: TypeAlias = Health | HttpRefusal | InBandRefusal | Opened


def decide(request: Request, policy: AccessPolicy) -> Outcome:
    """What comes of `request`: first the path, then the key, then what is asked for."""
    if not request.upgrades:
        return Health()
    return _wrong_path(request) or _wrong_key(request, policy) or _session(request, policy)


def _wrong_path(request: Request) -> HttpRefusal | None:
    if request.path.endswith("/realtime"):  # under any prefix: gateways and Azure add theirs
        return None
    if request.path.endswith("/realtime/transcription_sessions"):  # the beta's path (observed)
        return HttpRefusal(403, Fault(code=None, message="This path is retired."))
    if request.path.endswith("/realtime/translations"):
        return HttpRefusal(404, Fault(code=None, message="Translation sessions are not simulated."))
    return HttpRefusal(404, Fault(code="unknown_url", message="Unknown request URL."))


def _wrong_key(request: Request, policy: AccessPolicy) -> HttpRefusal | InBandRefusal | None:
    if request.header_key and request.protocol_key:
        # That it is refused was observed; the status is our choice.
        return HttpRefusal(
            400, Fault(code=None, message="Send the key in a header or as a subprotocol, not as both.")
        )
    key = request.header_key or request.protocol_key
    if not key and (policy.require_key or policy.keys is not None):
        if policy.missing_key == "in_band":
            return InBandRefusal(refusals.MISSING_AUTHORIZATION, _UNAUTHORISED)
        return HttpRefusal(401, refusals.MISSING_AUTHORIZATION)
    if policy.keys is not None and key not in policy.keys:
        return InBandRefusal(refusals.wrong_key(key), _UNAUTHORISED)
    return None


def _session(request: Request, policy: AccessPolicy) -> Outcome:
    if request.beta:
        return InBandRefusal(refusals.BETA_REFUSED, _INVALID)
    model, call_id = request.query.get("model"), request.query.get("call_id")
    if call_id is not None:
        if not call_id.startswith("rtc_"):
            return HttpRefusal(404, Fault(code=None, message="There is no such call."))
        return Opened(model=model or DEFAULT_MODEL, call_id=call_id)
    if request.query.get("intent") == "transcription":
        if model is not None:
            return InBandRefusal(refusals.NO_MODEL_FOR_TRANSCRIPTION, _INVALID)
        return Opened("transcription")
    if model is None:
        # An ephemeral secret carries its model.
        ephemeral = (request.header_key or request.protocol_key).startswith("ek_")
        return Opened() if ephemeral else InBandRefusal(refusals.MISSING_MODEL, _INVALID)
    return _model_refusal(model, policy) or Opened(model=model)


def _model_refusal(model: str, policy: AccessPolicy) -> InBandRefusal | None:
    if model in policy.models:
        return None
    if model in TRANSCRIPTION_MODELS:
        return InBandRefusal(refusals.transcription_model(model), _INVALID)
    if model.startswith(_REMOVED):
        return InBandRefusal(refusals.model_gone(model), _NOT_FOUND)
    if not model.startswith(_REALTIME) or model in _NOT_CONVERSATIONAL:
        return InBandRefusal(refusals.not_realtime(model), _INVALID)
    return None
