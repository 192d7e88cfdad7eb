"""Every way in which no session comes of an attempt, in words that say what to do, and show no key."""

from __future__ import annotations

import ssl
from socket import gaierror

import pytest
from websockets import exceptions as ws
from websockets.datastructures import Headers
from websockets.http11 import Response

from realtime_raw.aio.failures import explain_handshake, hide, refused_in_band
from realtime_raw.endpoint import Endpoint
from realtime_raw.types import CloseInfo, ErrorInfo

ENDPOINT = Endpoint.of("wss://example.org/v1/realtime?model=m&key=hunter2", api_key="hunter3")


def answer(status: int, body: bytes = b"", **headers: str) -> ws.InvalidStatus:
    return ws.InvalidStatus(Response(status, "x", Headers(headers), body))


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "deployment"),
        (401, "OPENAI_API_KEY"),
        (403, "no access"),
        (404, "/v1/realtime"),
        (407, "proxy"),
        (426, "another protocol"),
        (429, "wait"),
        (500, "try again later"),
        (503, "try again later"),
        (200, "/v1/realtime"),
    ],
)
def test_statuses(status: int, advice: str) -> None:
    """Each has its advice, and the status is a fact for programs."""
    failure = explain_handshake(answer(status), ENDPOINT)
    assert failure.status == status
    assert failure.message == f"example.org refused the connection: HTTP {status}"
    assert failure.advice is not None
    assert advice in failure.advice


def test_an_unknown_status_has_no_advice() -> None:
    """Better none than a wrong one."""
    assert explain_handshake(answer(418), ENDPOINT).advice is None


@pytest.mark.parametrize(
    ("body", "words", "code"),
    [
        (b'{"error":{"message":"Bad key.","code":"invalid","type":"t"}}', "Bad key.", "invalid"),
        (b'{"error":{"message":"Bad.","code":7}}', "Bad.", None),
        (b'{"statusCode":401,"message":"Access denied"}', "Access denied", None),
        (b'{"error":"nope"}', "nope", None),
        (b"plain  \n words", "plain words", None),
        (b"<html>no</html>", None, None),
        (b"[1]", None, None),
        (b'{"detail":1}', None, None),
        (b'{"error":["x"]}', None, None),
        (b"", None, None),
    ],
)
def test_the_servers_words(body: bytes, words: str | None, code: str | None) -> None:
    """Out of whatever form they come in; a page of HTML says nothing."""
    failure = explain_handshake(answer(401, body), ENDPOINT)
    if words is None:
        assert failure.error is None
    else:
        assert failure.error is not None
        assert (failure.error.message, failure.error.code) == (words, code)
        assert words in str(failure)


def test_long_and_hostile_words() -> None:
    """Cut, and without escape sequences or keys."""
    failure = explain_handshake(answer(500, b"\x1b[2J sk-abcdefghij " + b"x" * 100_000), ENDPOINT)
    assert len(str(failure)) < 800
    assert "\x1b" not in str(failure)
    assert "sk-abc" not in str(failure)


def test_a_redirect_elsewhere() -> None:
    """Not followed, and its query not shown."""
    failure = explain_handshake(answer(302, Location="https://evil.example/x?token=hunter4"), ENDPOINT)
    assert "https://evil.example" in str(failure)
    assert "hunter" not in str(failure)
    assert failure.status == 302
    assert "redirect" not in str(explain_handshake(answer(302), ENDPOINT))


def test_tls() -> None:
    """An untrusted certificate, and something that is no TLS at all."""
    untrusted = ssl.SSLCertVerificationError(1, "x")
    untrusted.verify_message = "self-signed certificate"
    failure = explain_handshake(untrusted, ENDPOINT)
    assert "the certificate of example.org is not trusted: self-signed certificate" in str(failure)
    other = ssl.SSLError(1, "x")
    other.reason = "WRONG_VERSION_NUMBER"
    assert "TLS with example.org failed: wrong version number" in str(explain_handshake(other, ENDPOINT))
    other.reason = None  # type: ignore[assignment]  # as it is at an unexpected end
    assert "no reason given" in str(explain_handshake(other, ENDPOINT))


class ProxyError(ws.InvalidHandshake):
    """As later versions have it."""


class InvalidProxy(ws.WebSocketException):
    """The same; its words hold the proxy's URL, which may hold a password."""


@pytest.mark.parametrize(
    ("exc", "words"),
    [
        (gaierror(-2, "x"), "the host example.org has no address"),
        (ConnectionRefusedError(111, "x"), "nothing listens at example.org:443"),
        (TimeoutError("x"), "did not answer"),
        (ConnectionResetError(104, "x"), "did not answer"),
        (EOFError("x"), "did not answer"),
        (OSError(113, "No route to host"), "cannot be reached: No route to host"),
        (OSError("Multiple exceptions"), "cannot be reached: OSError"),
        (ws.InvalidUpgrade("Upgrade", "h2c"), "not as a WebSocket server"),
        (ws.InvalidHandshake("did not receive a valid HTTP response"), "not as a WebSocket server"),
        (ProxyError("407"), "the proxy does not work"),
        (InvalidProxy("http://user:hunter5@proxy"), "the proxy does not work"),
        (ImportError("connecting through a SOCKS proxy requires python-socks"), "the proxy does not work"),
        (ws.InvalidURI("wss://hunter6", "x"), "could not be opened (InvalidURI)"),
    ],
)
def test_other_ways(exc: Exception, words: str) -> None:
    """Each in a sentence of its own, none with a secret."""
    failure = explain_handshake(exc, ENDPOINT)
    assert words in str(failure)
    assert "hunter" not in str(failure)
    assert failure.status is None


def test_tls_is_mentioned_only_where_it_is_spoken() -> None:
    """A reset on a plain line has other reasons."""
    plain = explain_handshake(ConnectionResetError(), Endpoint.of("ws://127.0.0.1/x"))
    assert "TLS" not in str(plain)
    assert "TLS" in str(explain_handshake(ConnectionResetError(), ENDPOINT))


@pytest.mark.parametrize(
    ("url", "place"),
    [("wss://h/x", "h:443"), ("ws://127.0.0.1/x", "127.0.0.1:80"), ("ws://127.0.0.1:81/x", "127.0.0.1:81")],
)
def test_the_port_is_named(url: str, place: str) -> None:
    """Also where it goes without saying."""
    assert place in str(explain_handshake(ConnectionRefusedError(), Endpoint.of(url)))


@pytest.mark.parametrize(
    ("code", "close", "advice"),
    [
        ("invalid_api_key", 3000, "OPENAI_API_KEY"),
        ("insufficient_permissions", 3000, "permission"),
        ("insufficient_quota", None, "billing"),
        ("credit_balance_exhausted", None, "billing"),
        ("missing_model", 4000, "name a model"),
        ("invalid_model", 4000, "gpt-realtime"),
        ("model_not_found", 4004, "model's name"),
        ("beta_api_shape_disabled", 4000, "OpenAI-Beta"),
        ("something_new", 3000, "OPENAI_API_KEY"),
        ("something_new", 4000, None),
        (None, None, None),
    ],
)
def test_in_band(code: str | None, close: int | None, advice: str | None) -> None:
    """The server's words, the close, and what to change, by the error's code or else the close's."""
    error = ErrorInfo("Its words.", code=code, type="invalid_request_error")
    info = None if close is None else CloseInfo(close, "reason")
    failure = refused_in_band(error, info)
    assert failure.message == (
        f"the server refused the session: {code or 'invalid_request_error'}: Its words."
    )
    assert (failure.error, failure.close) == (error, info)
    if advice is None:
        assert failure.advice is None
    else:
        assert failure.advice is not None
        assert advice in failure.advice


def test_a_key_that_was_repeated() -> None:
    """Is in no word of it, not even raw: the one in use whatever it looks like, others by their form."""
    error = ErrorInfo("Bad key 0123abcd or sk-abcdefgh\x1b[2J", code="c")
    failure = hide(refused_in_band(error, CloseInfo(3000, "key 0123abcd")), "0123abcd")
    for text in (str(failure), repr(failure), failure.message, repr(failure.error), repr(failure.close)):
        assert "0123abcd" not in text
        assert "sk-abc" not in text
        assert "\x1b" not in text
    assert failure.error is not None
    assert failure.error.code == "c"
    assert str(hide(refused_in_band(None, None), None)) == str(refused_in_band(None, None))


def test_a_close_without_an_error() -> None:
    """The close is all there is to tell, and if even that is missing, so is said."""
    failure = refused_in_band(None, CloseInfo(1013, "busy"))
    assert "before there was a session (1013 busy)" in str(failure)
    assert "later" in str(failure)
    assert refused_in_band(None, None).close == CloseInfo(1006)
