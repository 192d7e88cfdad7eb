"""What a connection attempt comes to, decided from its request alone.

The live API reports most problems inside the socket: it upgrades, sends one
`error`, and closes with a code of its own. Only a few attempts fail as HTTP.
Pure: the server asks, and does what it is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from . import refusals
from .config import DEFAULT_MODEL, TRANSCRIPTION_MODELS, SessionKind
from .refusals import Fault
from .secrets import ClientSecret

__all__ = [
    "NO_ROOM",
    "AccessPolicy",
    "Facts",
    "Health",
    "HttpRefusal",
    "InBandRefusal",
    "Opened",
    "Outcome",
    "Request",
    "decide",
    "facts_of",
]

# Close codes (observed).
_UNAUTHORISED, _INVALID, _NOT_FOUND = 3000, 4000, 4004

_KEY_PROTOCOL = "openai-insecure-api-key."
_ORGANIZATION_PROTOCOL, _PROJECT_PROTOCOL = "openai-organization.", "openai-project."
_TRANSLATION = "gpt-realtime-translate"
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
        return self.protocol_value(_KEY_PROTOCOL)

    def protocol_value(self, prefix: str) -> str:
        """What follows `prefix` in the subprotocol that begins with it; empty if none does."""
        return next((name[len(prefix) :] for name in self.subprotocols if name.startswith(prefix)), "")

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
    """A session. With a `call_id` it is a sideband; `session` is what an ephemeral secret carried."""

    kind: SessionKind | Literal["translation"] = "realtime"
    model: str = DEFAULT_MODEL
    call_id: str | None = None
    session: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a client said about itself when it connected; empty where it said nothing. No key is in it.

    Organization and project come from their headers or, from a browser, from
    subprotocols. `key_in` is where the key was shown. All of it is recorded,
    none of it is checked.
    """

    path: str = ""
    key_in: Literal["", "header", "subprotocol"] = ""
    organization: str = ""
    project: str = ""
    safety_identifier: str = ""
    user_agent: str = ""


# That too many connections are answered with 429 was reported; code and words are our choice.
NO_ROOM = HttpRefusal(
    429,
    Fault(
        code="rate_limit_exceeded",
        message="Too many sessions are open on this server; close one, or try again later.",
        type="rate_limit_error",
    ),
)

Outcome: TypeAlias = Health | HttpRefusal | InBandRefusal | Opened


def decide(
    request: Request,
    policy: AccessPolicy,
    *,
    secrets: Mapping[str, ClientSecret] = MappingProxyType({}),
    now: float = 0.0,
) -> Outcome:
    """What comes of `request`: first the path, then the key, then what is asked for.

    `secrets` are the ephemeral ones minted, by value; `now` is Unix time. An
    `ek_` key that is not among them is a key like any other.
    """
    if not request.upgrades:
        return Health()
    secret = secrets.get(request.header_key or request.protocol_key)
    return (
        _wrong_path(request) or _wrong_key(request, policy, secret, now) or _session(request, policy, secret)
    )


def facts_of(request: Request) -> Facts:
    """What is worth recording of a request."""
    return Facts(
        path=request.path,
        key_in="header" if request.header_key else "subprotocol" if request.protocol_key else "",
        organization=request.header("OpenAI-Organization") or request.protocol_value(_ORGANIZATION_PROTOCOL),
        project=request.header("OpenAI-Project") or request.protocol_value(_PROJECT_PROTOCOL),
        safety_identifier=request.header("OpenAI-Safety-Identifier"),
        user_agent=request.header("User-Agent"),
    )


def _wrong_path(request: Request) -> HttpRefusal | None:
    if request.path.endswith(
        ("/realtime", "/realtime/translations")
    ):  # under any prefix: gateways and Azure add theirs
        return None
    if request.path.endswith("/realtime/transcription_sessions"):  # the beta's path (observed)
        return HttpRefusal(403, Fault(code=None, message="This path is retired."))
    return HttpRefusal(404, Fault(code="unknown_url", message="Unknown request URL."))


def _wrong_key(
    request: Request, policy: AccessPolicy, secret: ClientSecret | None, now: float
) -> HttpRefusal | InBandRefusal | None:
    if request.header_key and request.protocol_key:
        # That it is refused was observed; the status is our choice.
        return HttpRefusal(
            400, Fault(code=None, message="Send the key in a header or as a subprotocol, not as both.")
        )
    key = request.header_key or request.protocol_key
    if secret is not None:  # an expired one is answered like a wrong key (our choice)
        return InBandRefusal(refusals.wrong_key(key), _UNAUTHORISED) if now >= secret.expires_at else None
    if not key and (policy.require_key or policy.keys is not None):
        if policy.missing_key == "in_band":
            return InBandRefusal(refusals.MISSING_AUTHORIZATION, _UNAUTHORISED)
        return HttpRefusal(401, refusals.MISSING_AUTHORIZATION)
    if policy.keys is not None and key not in policy.keys:
        return InBandRefusal(refusals.wrong_key(key), _UNAUTHORISED)
    return None


def _session(request: Request, policy: AccessPolicy, secret: ClientSecret | None) -> Outcome:
    model, call_id = request.query.get("model"), request.query.get("call_id")
    if request.path.endswith("/translations"):
        return _translation(model, policy) if not request.beta else _NO_BETA_TRANSLATION
    if request.beta:
        return InBandRefusal(refusals.BETA_REFUSED, _INVALID)
    if call_id is not None:
        if not call_id.startswith("rtc_"):
            return HttpRefusal(404, Fault(code=None, message="There is no such call."))
        return Opened(model=model or DEFAULT_MODEL, call_id=call_id)
    intent = request.query.get("intent")
    if secret is not None:
        return _by_secret(secret, model, intent, policy)
    if intent == "transcription":
        if model is not None:
            return InBandRefusal(refusals.NO_MODEL_FOR_TRANSCRIPTION, _INVALID)
        return Opened("transcription")
    if model is None:
        # Whoever minted this one, it carries its model.
        ephemeral = (request.header_key or request.protocol_key).startswith("ek_")
        return Opened() if ephemeral else InBandRefusal(refusals.MISSING_MODEL, _INVALID)
    return _model_refusal(model, policy) or Opened(model=model)


# (Message observed, code our choice.)
_NO_BETA_TRANSLATION = InBandRefusal(
    Fault(
        code="beta_api_shape_disabled",
        message="Translation sessions are only available on the GA API.",
    ),
    _INVALID,
)


def _translation(model: str | None, policy: AccessPolicy) -> Outcome:
    """A translation session; its own kind of model is needed (our choice: answered as for the others)."""
    if model is None:
        return InBandRefusal(refusals.MISSING_MODEL, _INVALID)
    if not model.startswith(_TRANSLATION) and model not in policy.models:
        return InBandRefusal(refusals.not_translating(model), _INVALID)
    return Opened("translation", model)


def _by_secret(secret: ClientSecret, model: str | None, intent: str | None, policy: AccessPolicy) -> Outcome:
    """The secret's kind holds, and its model unless the URL names one (the latter our choice)."""
    if intent is not None and intent != secret.kind:
        return InBandRefusal(refusals.wrong_session_kind(secret.kind, intent).fault, _INVALID)
    if secret.kind == "transcription":
        if model is not None:
            return InBandRefusal(refusals.NO_MODEL_FOR_TRANSCRIPTION, _INVALID)
        return Opened("transcription", session=secret.session)
    model = model or secret.model
    return _model_refusal(model, policy) or Opened(model=model, session=secret.session)


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
