"""Why no session came of an attempt, in words: from exceptions, HTTP answers, errors and close codes.

Pure: facts in, one `ConnectFailed` out. The server's words are made safe to
print there; nothing of what we sent is repeated, as it held the key.
"""

from __future__ import annotations

import dataclasses
import ssl
from collections.abc import Mapping
from socket import gaierror
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import orjson
from websockets import exceptions as ws

from ..endpoint import Endpoint
from ..errors import ConnectFailed
from ..text import redact, safe
from ..types import CloseInfo, ErrorInfo

if TYPE_CHECKING:
    from websockets.http11 import Response

__all__ = ["explain_handshake", "hide", "refused_in_band"]

_WORDS_LIMIT = 500
_KEY_ADVICE = "check the API key (OPENAI_API_KEY, or api_key=)"
_URL_ADVICE = "check the URL: OpenAI's path is /v1/realtime, Azure's /openai/v1/realtime"

_BY_STATUS: Mapping[int, str] = {
    400: "check the model's or deployment's name and what it supports",
    401: _KEY_ADVICE,
    403: "this key, project or region has no access to the endpoint or the model",
    404: f"{_URL_ADVICE}; the model, deployment or call_id may not exist",
    407: "the proxy wants credentials",
    426: "the server wants another protocol than WebSocket here",
    429: "too many connections or requests: wait before the next attempt",
}
_BY_CODE: Mapping[str, str] = {
    "beta_api_shape_disabled": "leave out the OpenAI-Beta header and subprotocol",
    "credit_balance_exhausted": "the account has no credit left: see its billing page",
    "insufficient_permissions": "the key lacks a permission: see its project's settings",
    "insufficient_quota": "the account has no quota left: see its billing page",
    "invalid_api_key": _KEY_ADVICE,
    "invalid_model": "choose a model that speaks the Realtime API, such as gpt-realtime-2.1",
    "missing_model": "name a model: connect(model=...) or ?model= in the URL",
    "model_not_found": "check the model's name, and that this account has it",
}
_BY_CLOSE: Mapping[int, str] = {
    1001: "the server is going away: try again",
    1006: "the line was cut: try again",
    1009: "a message was larger than max_size",
    1011: "the server had an internal error: try again",
    1012: "the server is restarting: try again",
    1013: "the server is overloaded: try again later",
    3000: _KEY_ADVICE,
    4004: "check the model's name, and that this account has it",
}


def explain_handshake(exc: Exception, endpoint: Endpoint) -> ConnectFailed:
    """What kept the socket from opening, as a `ConnectFailed` with advice.

    Raise it outside the `except` block: websockets' exceptions and their
    tracebacks hold the request, and with it the key.
    """
    host = endpoint.host
    if isinstance(exc, ws.InvalidStatus):
        return _refused_by_status(exc.response, endpoint)
    if isinstance(exc, ssl.SSLError):
        return _refused_by_tls(exc, host)
    if isinstance(exc, gaierror):
        return ConnectFailed(f"the host {host} has no address", advice="check the name and the network")
    if isinstance(exc, ConnectionRefusedError):
        return ConnectFailed(f"nothing listens at {_place(endpoint)}", advice="is the server running?")
    if isinstance(exc, (TimeoutError, ConnectionError, EOFError)):
        advice = "check the network and the port"
        if endpoint.url.startswith("wss:"):
            advice += ", and that the server speaks TLS"
        return ConnectFailed(f"{host} did not answer ({_kind(exc)})", advice=advice)
    if isinstance(exc, OSError):
        return ConnectFailed(
            f"{host} cannot be reached: {exc.strerror or _kind(exc)}", advice="check the network"
        )
    if _is_proxy_trouble(exc):
        return ConnectFailed(
            f"the proxy does not work ({_kind(exc)})",
            advice="check HTTPS_PROXY and the like, or except the host with NO_PROXY",
        )
    if isinstance(exc, ws.InvalidHandshake):
        return ConnectFailed(
            f"{host} answered, but not as a WebSocket server: {redact(str(exc))}", advice=_URL_ADVICE
        )
    return ConnectFailed(f"the connection to {host} could not be opened ({_kind(exc)})")


def refused_in_band(
    error: ErrorInfo | None, close: CloseInfo | None, what: str = "the session"
) -> ConnectFailed:
    """A refusal inside the open socket: one `error`, or a close, or both."""
    if error is None:
        return _went_away(close or CloseInfo(1006))
    code = error.code or error.type or "error"
    advice = _BY_CODE.get(error.code or "") or (_BY_CLOSE.get(close.code) if close else None)
    return ConnectFailed(
        f"the server refused {what}: {code}: {error.message}", error=error, close=close, advice=advice
    )


def hide(failure: ConnectFailed, key: str | None) -> ConnectFailed:
    """The same failure without the key, should the server have repeated it: in no word of it, raw or not."""

    def clean(words: str) -> str:
        return safe(words.replace(key, "***") if key else words)

    failure.message = clean(failure.message)
    failure.args = (failure.message,)
    if failure.error is not None:
        failure.error = dataclasses.replace(failure.error, message=clean(failure.error.message))
    if failure.close is not None:
        failure.close = dataclasses.replace(failure.close, reason=clean(failure.close.reason))
    return failure


def _went_away(close: CloseInfo) -> ConnectFailed:
    """A line that ended before there was a session, without an `error`."""
    return ConnectFailed(
        f"the server closed the connection before there was a session ({close})",
        close=close,
        advice=_BY_CLOSE.get(close.code),
    )


def _refused_by_status(response: Response, endpoint: Endpoint) -> ConnectFailed:
    status = response.status_code
    if 300 <= status < 400 and (places := response.headers.get_all("Location")):
        return _redirected(status, places[0], endpoint)
    error = _words_of(response)
    message = f"{endpoint.host} refused the connection: HTTP {status}"
    if error is not None:
        message += f": {error.message}"
    advice = _BY_STATUS.get(status)
    if status >= 500:
        advice = "the server or a gateway before it has trouble: try again later"
    if status == 200:
        advice = _URL_ADVICE
    return ConnectFailed(message, status=status, error=error, advice=advice)


def _redirected(status: int, place: str, endpoint: Endpoint) -> ConnectFailed:
    target = urlsplit(urljoin(endpoint.url, place))
    return ConnectFailed(
        f"{endpoint.host} redirects to {target.scheme}://{target.hostname or '?'},"
        " which was not followed, as the key would go there",
        status=status,
        advice="connect to that address yourself if you trust it",
    )


def _words_of(response: Response) -> ErrorInfo | None:
    """The server's words in an HTTP answer: OpenAI's and Azure's error object, or plain text."""
    body = bytes(response.body or b"")[:65536]
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = " ".join(body.decode("utf-8", "replace").split())
        plain = text and not text.startswith("<")
        return ErrorInfo(text[:_WORDS_LIMIT]) if plain else None
    if isinstance(found, dict):
        inner = found.get("error", found)
        if isinstance(inner, str):
            return ErrorInfo(inner[:_WORDS_LIMIT])
        if isinstance(inner, dict) and isinstance(inner.get("message"), str):
            code, kind = inner.get("code"), inner.get("type")
            return ErrorInfo(
                inner["message"][:_WORDS_LIMIT],
                code=code if isinstance(code, str) else None,
                type=kind if isinstance(kind, str) else None,
            )
    return None


def _refused_by_tls(exc: ssl.SSLError, host: str) -> ConnectFailed:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ConnectFailed(
            f"the certificate of {host} is not trusted: {exc.verify_message}",
            advice="check the host's name and the clock; SSL_CERT_FILE names further authorities",
        )
    reason = (exc.reason or "no reason given").replace("_", " ").lower()
    return ConnectFailed(
        f"TLS with {host} failed: {reason}", advice="is it wss:// to a port that speaks ws://?"
    )


def _is_proxy_trouble(exc: Exception) -> bool:
    # By name: the oldest websockets supported has no proxies, and these classes neither.
    names = {cls.__name__ for cls in type(exc).__mro__}
    return bool(names & {"ProxyError", "InvalidProxy"}) or isinstance(exc, ImportError)


def _place(endpoint: Endpoint) -> str:
    parts = urlsplit(endpoint.url)
    return f"{endpoint.host}:{parts.port or (443 if parts.scheme == 'wss' else 80)}"


def _kind(exc: Exception) -> str:
    return type(exc).__name__
