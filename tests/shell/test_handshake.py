"""Opening the WebSocket: what is sent, what is refused, and where the key does not go."""

from __future__ import annotations

import asyncio
import contextlib
import http
import logging
import os
import ssl
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from realtime_raw import __version__
from realtime_raw.aio import client_opening, handshake
from realtime_raw.aio.opening import Handover
from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import ConnectFailed, LocalProtocolError
from tests.shell.lines import SOON, dial, raw, wild

pytestmark = pytest.mark.usefixtures("framing", "opened_by")

KEY = "sk-secret-abcdefghijklmnop"


@pytest.fixture(params=["ourselves", "the library"])
def opened_by(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to open a line, held to the same."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    if request.param == "the library":

        async def open_by_library(
            url: str, headers: Mapping[str, str], subprotocols: Sequence[str], max_size: int
        ) -> Handover:
            connection = await client_opening.open_socket(
                url,
                headers,
                subprotocols,
                proxied=False,
                max_size=max_size,
                ping_interval=None,
                create_connection=client_opening.LibraryOpening,
            )
            return cast("client_opening.LibraryOpening", connection)

        monkeypatch.setattr(handshake, "_open", open_by_library)


async def quiet(server: ServerConnection) -> None:
    await server.wait_closed()


async def fails(endpoint: Endpoint, key: str | None = KEY) -> ConnectFailed:
    """The failure of an attempt, which shows the key nowhere, down to its last cause."""
    with pytest.raises(ConnectFailed) as caught:
        async with asyncio.timeout(SOON):
            await dial(endpoint, key)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value


async def test_what_is_sent() -> None:
    """The key, our name, the headers and subprotocols asked for; no compression."""
    seen: list[Request] = []

    async def talk(server: ServerConnection) -> None:
        assert server.request is not None
        seen.append(server.request)
        await quiet(server)

    async with wild(talk, select_subprotocol=lambda server, offered: offered[0]) as url:
        endpoint = Endpoint.of(url, headers={"X-Mine": "1"}, subprotocols=["realtime"])
        transport = await dial(endpoint, KEY)
        await transport.close()
    headers = seen[0].headers
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert headers["User-Agent"] == f"realtime_raw/{__version__}"
    assert headers["X-Mine"] == "1"
    assert headers["Sec-WebSocket-Protocol"] == "realtime"
    assert "Sec-WebSocket-Extensions" not in headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503, 200])
async def test_refused_statuses(status: int) -> None:
    """As the server gave them, with its words."""

    def refuse(server: ServerConnection, request: Request) -> Response:
        return server.respond(http.HTTPStatus(status), "Its words.\n")

    async with wild(quiet, process_request=refuse) as url:
        failure = await fails(Endpoint.of(url))
    assert failure.status == status
    assert f"HTTP {status}: Its words." in str(failure)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_to_another_origin_is_not_followed(status: int) -> None:
    """The key stays where it was meant to go."""
    visited = False

    def note(server: ServerConnection, request: Request) -> None:
        nonlocal visited
        visited = True

    async with wild(quiet, process_request=note) as other:

        def send_away(server: ServerConnection, request: Request) -> Response:
            answer = server.respond(http.HTTPStatus(status), "")
            answer.headers["Location"] = other.replace("ws:", "http:")
            return answer

        async with wild(quiet, process_request=send_away) as url:
            failure = await fails(Endpoint.of(url))
    assert failure.status == status
    assert "redirects" in str(failure)
    assert not visited


async def test_a_redirect_within_the_origin_is_followed() -> None:
    """Such as one that adds a slash; going in circles ends."""

    def add_slash(server: ServerConnection, request: Request) -> Response | None:
        if request.path == "/good/":
            return None
        answer = server.respond(http.HTTPStatus.FOUND, "")
        answer.headers["Location"] = "/good/" if request.path == "/good" else request.path
        return answer

    async with wild(quiet, process_request=add_slash) as url:
        root = url.removesuffix("/v1/realtime")
        transport = await dial(Endpoint.of(f"{root}/good"), KEY)
        await transport.close()
        failure = await fails(Endpoint.of(f"{root}/circle"))
    assert "not as a WebSocket server" in str(failure)


async def test_nobody_there() -> None:
    """A port nobody listens at."""
    async with wild(quiet) as url:
        pass
    assert "nothing listens at 127.0.0.1:" in str(await fails(Endpoint.of(url)))


@pytest.mark.parametrize(
    "said", [b"", b"SSH-2.0-OpenSSH_9.9\r\n", b"\x00\xff" * 50, b"HTTP/1.1 101 OK\r\nUpgrade: h2c\r\n\r\n"]
)
async def test_not_a_websocket_server(said: bytes) -> None:
    """Silence and an end, another protocol, garbage, a wrong upgrade."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with raw(talk) as url:
        failure = await fails(Endpoint.of(url))
    assert "127.0.0.1" in str(failure)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate nobody trusts, with its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "self.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    )
    made = subprocess.run(
        [*command.split(), "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        capture_output=True,
        check=True,
    )
    assert made.returncode == 0
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


async def test_an_untrusted_certificate(certificate: Path) -> None:
    """TLS refuses, and the key was not sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The server logs the failed handshake; that is its affair.
    async with serve(quiet, "127.0.0.1", 0, ssl=context, logger=logging.Logger("x", 100)) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        failure = await fails(Endpoint.of(f"wss://localhost:{port}/v1/realtime"))
    assert "certificate of localhost is not trusted" in str(failure)


async def test_tls_to_a_server_without() -> None:
    """A slip of one letter in the URL: some servers hang up, some answer in plain text."""
    async with wild(quiet, logger=logging.Logger("x", 100)) as url:
        failure = await fails(Endpoint.of(url.replace("ws:", "wss:")))
    assert "TLS" in str(failure)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with raw(talk) as url:
        failure = await fails(Endpoint.of(url.replace("ws:", "wss:")))
    assert "TLS with 127.0.0.1 failed: wrong version number" in str(failure)


async def test_the_key_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Not even at websockets' debug level, which prints the request."""
    caplog.set_level(logging.DEBUG)
    async with wild(quiet, logger=logging.Logger("x", 100)) as url:
        transport = await dial(Endpoint.of(url), KEY)
        await transport.send(b"{}")
        await transport.close()
    assert KEY not in caplog.text
    assert not [one for one in caplog.records if one.name == "websockets.client"]


async def test_no_proxy_stands_before_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a proxy in the environment that is not there, the loopback server is still reached."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with wild(quiet) as url:
        transport = await dial(Endpoint.of(url), None)
        await transport.close()


class Proxy:
    """An HTTP proxy that leads every CONNECT to one port of this machine, and notes where it was to lead."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.asked: list[bytes] = []
        self._pipes: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.asked.append(head)
        inward, outward = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._pipes.add(asyncio.create_task(self._pipe(inward, writer)))
        await self._pipe(reader, outward)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


async def test_the_way_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which the environment names: it is asked for the server, and sees no key of ours."""
    async with wild(quiet) as url:
        proxy = Proxy(urlsplit(url).port or 0)
        async with raw(proxy.talk) as there:
            for name in ("http_proxy", "https_proxy"):
                monkeypatch.setenv(name, f"http://{urlsplit(there).netloc}")
            monkeypatch.delenv("no_proxy", raising=False)
            transport = await dial(Endpoint.of("ws://server.example/x", allow_plaintext=True), KEY)
            await transport.close()
    assert proxy.asked[0].startswith(b"CONNECT server.example:80 ")
    assert KEY.encode() not in proxy.asked[0]


async def test_a_proxy_that_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told from a server that does not."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        writer.close()

    async with raw(refuse) as there:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{urlsplit(there).netloc}")
        failure = await fails(Endpoint.of("wss://server.example/x"))
    assert "the proxy does not work" in str(failure)


async def test_proxies_are_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one may be, it opens the line; a version that knows none is not told of any."""
    asked: list[dict[str, Any]] = []

    class Spy:
        def __init__(self, uri: str, **options: Any) -> None:
            asked.append(options)
            raise OSError(113, "No route to host")

    monkeypatch.setattr(client_opening, "_Connect", Spy)
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    await fails(Endpoint.of("wss://example.org/x"))
    assert "proxy" not in asked[0]
    assert asked[0]["compression"] is None
    assert asked[0]["max_size"] == 64 * 2**20
    assert asked[0]["close_timeout"] == 1.0
    assert asked[0]["ping_interval"] is None  # the line has its own

    with pytest.raises(OSError, match="No route"):
        await client_opening.open_socket("ws://127.0.0.1/x", {}, proxied=False)
    assert asked[1]["proxy"] is None

    class Old:
        def __init__(self, uri: str) -> None: ...

    monkeypatch.setattr("websockets.asyncio.client.connect", Old)
    with pytest.raises(OSError, match="No route"):
        await client_opening.open_socket("ws://127.0.0.1/x", {}, proxied=False)
    assert "proxy" not in asked[2]


def test_no_client_is_loaded_that_is_not_used() -> None:
    """Without a proxy, the library's own client is not even imported."""
    code = (
        "import os, sys\n"
        "for name in [n for n in os.environ if n.lower().endswith('_proxy')]: del os.environ[name]\n"
        "import realtime_raw\nrealtime_raw.connect('ws://127.0.0.1:1/v1')\n"
        "from realtime_raw.aio import handshake\n"
        "assert 'websockets.asyncio' not in sys.modules\n"
        "assert sys.platform in ('darwin', 'win32', 'cygwin') or not handshake._may_have_proxy()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_redirect_to_two_places() -> None:
    """Leads to neither."""

    def send_away(server: ServerConnection, request: Request) -> Response:
        answer = server.respond(http.HTTPStatus.FOUND, "")
        answer.headers["Location"] = "/one"
        answer.headers["Location"] = "/two"
        return answer

    async with wild(quiet, process_request=send_away) as url:
        failure = await fails(Endpoint.of(url))
    assert failure.status == 302


async def test_a_subprotocol_that_is_none() -> None:
    """Is refused before anything is sent."""
    async with wild(quiet) as url:
        failure = str(await fails(Endpoint.of(url, subprotocols=["hunter2 hunter3"])))
        assert "could not be opened" in failure
        assert "hunter" not in failure


async def test_giving_up_cuts_the_line() -> None:
    """Whoever cancels while a server keeps its answer to itself leaves nothing open."""
    came, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        with contextlib.suppress(ConnectionError):
            await reader.read()
        gone.set()
        writer.close()

    async with raw(talk) as url, asyncio.timeout(SOON):
        opening = asyncio.create_task(dial(Endpoint.of(url), KEY))
        await came.wait()
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await gone.wait()


async def test_a_key_no_header_can_hold() -> None:
    """Refused before the network is touched."""
    with pytest.raises(LocalProtocolError, match="position"):
        await dial(Endpoint.of("wss://example.org/x"), "sk-a\r\nX: y")


class Socket:
    """What the handing over asks of a socket."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.told.append((name, *given))


@pytest.mark.parametrize("lost", [False, True])
def test_what_comes_early_is_for_the_line(lost: bool) -> None:
    """However it is cut; and so is the news that the socket is gone."""
    opening, socket, line = Handover(), Socket(), Socket()
    opening.socket, opening.lost = cast("Any", socket), lost
    pieces = [b"HTTP/1.1 10", b"1 Switching\r\nA: b\r\n", b"\r\nab", b"cd"]
    assert b"".join(opening.of_response(piece) for piece in pieces) == b"".join(pieces)[:-4]
    opening.take_over(cast("Any", line))
    assert line.told[:2] == [("connection_made", socket), ("early", b"abcd")]
    assert line.told[2:] == ([("connection_lost", None)] if lost else [])
    assert socket.told == [
        ("pause_reading",),
        ("set_protocol", line),
        *([] if lost else [("resume_reading",)]),
    ]
