"""`LiveCaller`: a real endpoint. Every line is a WebSocket of its own, recorded as it goes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from ..aio.client_opening import open_socket
from ..aio.failures import explain_handshake, hide
from ..endpoint import Endpoint
from ..errors import ConnectFailed
from ..text import safe
from ..types import CloseInfo
from .lines import CONFIGURED, Answer, Knock, LineClosed, Tape

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

__all__ = ["LiveCaller", "LiveLine"]

# Shown where a case wants a wrong key: of a key's form, and nobody's.
_WRONG_KEY = "sk-wrong-0000000000000000000000000000"
_OPEN_TIMEOUT = 15.0
_CLOSE_TIMEOUT = 2.0
_BODY_LIMIT = 500
_SHORTEST_KEY = 8
_OWN_PARAMETERS = frozenset({"model", "intent", "call_id", "deployment"})


class LiveLine:
    """A WebSocket as a line. Cancelling `recv` loses no message.

    Where a server repeats `key`, it is taken out before anybody sees it.
    """

    def __init__(self, socket: ClientConnection, tape: Tape, key: str | None = None) -> None:
        self._socket = socket
        self._tape = tape
        self._key = key
        self._started = time.monotonic()
        self._close: CloseInfo | None = None
        self._by_us = False

    @property
    def now(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._started

    async def send(self, data: bytes, *, binary: bool = False) -> None:
        """One message. Raises `LineClosed`."""
        self._tape.write("out", data, self.now)
        try:
            await self._socket.send(data, text=not binary)
        except ConnectionClosed as exc:
            close = self._ended(exc)
        else:
            return
        raise LineClosed(close)

    async def recv(self, timeout: float) -> bytes | None:
        """The next message, or None after `timeout` seconds. Raises `LineClosed`."""
        try:
            async with asyncio.timeout(timeout):
                data = await self._socket.recv()
        except TimeoutError:
            return None
        except ConnectionClosed as exc:
            close = self._ended(exc)
        else:
            if isinstance(data, bytes):
                self._tape.note({"binary": len(data)}, self.now)
            message = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
            message = _without(message, self._key)
            self._tape.write("in", message, self.now)
            return message
        raise LineClosed(close)

    async def close(self, code: int = 1000) -> None:
        """End it in good order, in bounded time."""
        if self._by_us:
            return
        self._by_us = True
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._socket.close(code)
        except TimeoutError:
            pass
        finally:
            self._socket.transport.abort()
        await self._socket.wait_closed()
        if self._close is None:
            self._note(CloseInfo(code, "", by_us=True))

    def _ended(self, exc: ConnectionClosed) -> CloseInfo:
        if self._close is None:
            frame = exc.rcvd or (exc.sent if not self._by_us else None)
            reason = _without(frame.reason.encode(), self._key).decode() if frame else ""
            self._note(CloseInfo(frame.code, reason, by_us=self._by_us) if frame else CloseInfo(1006))
        assert self._close is not None
        return self._close

    def _note(self, close: CloseInfo) -> None:
        self._close = close
        closed = {"code": close.code, "reason": close.reason, "by_us": close.by_us}
        self._tape.note({"closed": closed}, self.now)


class LiveCaller:
    """Knocks at an endpoint, with the key it was given.

    `model` is for conversations, `translation_model` for translations; a model
    in the endpoint's own URL beats `model`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        key: str | None,
        *,
        model: str = "gpt-realtime-2.1",
        translation_model: str = "gpt-realtime-translate",
    ) -> None:
        self._endpoint = endpoint
        self._key = key
        named = dict(parse_qsl(urlsplit(endpoint.url).query))
        self._models = {"realtime": named.get("model", model), "translation": translation_model}

    async def call(self, knock: Knock, tape: Tape) -> Answer:
        """Connect as the knock says. Raises `ConnectFailed` without any HTTP answer."""
        tape.note({"knock": knock.to_dict()}, 0.0)
        headers, subprotocols = self._identity(knock)
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT):
                socket = await open_socket(
                    self.url(knock), headers, subprotocols, proxied=not self._endpoint.is_loopback
                )
        except InvalidStatus as exc:
            response = exc.response
            said = _without(bytes(response.body or b""), self._key)
            body = safe(said[:_BODY_LIMIT].decode("utf-8", "replace"))
            answer = Answer(response.status_code, body=body)
            tape.note({"answer": {"status": answer.status, "body": body}}, 0.0)
            return answer
        except (OSError, EOFError, ImportError, ValueError, WebSocketException) as exc:
            failure: ConnectFailed = hide(explain_handshake(exc, self._endpoint), self._key)
        else:
            tape.note({"answer": {"status": 101, "subprotocol": socket.subprotocol or ""}}, 0.0)
            return Answer(101, LiveLine(socket, tape, self._key), socket.subprotocol or "")
        # Out here nothing is being handled, so no exception with the request in it is chained.
        raise failure

    def url(self, knock: Knock) -> str:
        """Where a knock goes: the endpoint's URL, with the path and parameters of its kind."""
        parts = urlsplit(self._endpoint.url)
        root = parts.path.rstrip("/").removesuffix("/translations").removesuffix("/realtime")
        path = knock.path or ("/realtime/translations" if knock.kind == "translation" else "/realtime")
        query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _OWN_PARAMETERS]
        if knock.kind == "transcription":
            query.append(("intent", "transcription"))
        elif knock.model is not None:
            configured = self._models[knock.kind]
            query.append(("model", configured if knock.model == CONFIGURED else knock.model))
        return urlunsplit((parts.scheme, parts.netloc, root + path, urlencode([*query, *knock.query]), ""))

    def _identity(self, knock: Knock) -> tuple[dict[str, str], list[str]]:
        """Headers and subprotocols: who is asking."""
        key = {"right": self._key, "wrong": _WRONG_KEY, "none": None}[knock.key]
        in_header = key is not None and knock.place in ("header", "both")
        headers = self._endpoint.signed(key) if in_header else dict(self._endpoint.headers)
        headers.update(knock.headers)
        subprotocols = [*self._endpoint.subprotocols, *knock.subprotocols]
        if key is not None and knock.place in ("subprotocol", "both"):
            subprotocols += ["realtime", f"openai-insecure-api-key.{key}"]
        return headers, list(dict.fromkeys(subprotocols))


def _without(data: bytes, key: str | None) -> bytes:
    """`data` without the key. A shorter one than this is a word that opens a server of one's own."""
    return data.replace(key.encode(), b"***") if key is not None and len(key) >= _SHORTEST_KEY else data
