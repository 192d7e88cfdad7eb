"""Where a connection goes, what it carries, and what is refused before any network."""

from __future__ import annotations

import pytest

from realtime_raw.endpoint import Endpoint
from realtime_raw.errors import LocalProtocolError

KEY = "sk-proj-abcdefghijklmnop"


def test_openai() -> None:
    """The documented URL, and the key as a bearer token."""
    endpoint = Endpoint.openai("gpt-realtime-2.1", KEY)
    assert endpoint.url == "wss://api.openai.com/v1/realtime?model=gpt-realtime-2.1"
    assert endpoint.signed(KEY) == {"Authorization": f"Bearer {KEY}"}
    assert endpoint.dialect == "realtime"
    assert not endpoint.sideband


def test_openai_headers() -> None:
    """Organization, project and the end user's id go into headers, each only if named."""
    endpoint = Endpoint.openai("m", organization="org-1", project="proj_1", safety_identifier="hash")
    assert endpoint.signed(None) == {
        "OpenAI-Organization": "org-1",
        "OpenAI-Project": "proj_1",
        "OpenAI-Safety-Identifier": "hash",
    }
    assert Endpoint.openai("m", project="p").headers == {"OpenAI-Project": "p"}


def test_a_model_is_quoted() -> None:
    """A name cannot add parameters of its own."""
    assert Endpoint.openai("a&b=c/d").url.endswith("?model=a%26b%3Dc%2Fd")


@pytest.mark.parametrize(
    "base",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com/v1/",
        "wss://api.openai.com/v1/realtime",
        "wss://api.openai.com/v1/realtime/",
    ],
)
def test_base_url_spellings(base: str) -> None:
    """However a base URL is written, the path comes out once."""
    assert Endpoint.openai("m", base_url=base).url == "wss://api.openai.com/v1/realtime?model=m"


def test_transcription_has_no_model_in_the_url() -> None:
    """With one the server refuses the session (observed)."""
    assert Endpoint.transcription().url == "wss://api.openai.com/v1/realtime?intent=transcription"


def test_translation() -> None:
    """A path of its own, and with it a dialect."""
    endpoint = Endpoint.translation("gpt-realtime-translate")
    assert endpoint.url == "wss://api.openai.com/v1/realtime/translations?model=gpt-realtime-translate"
    assert endpoint.dialect == "translation"


def test_call_is_a_sideband() -> None:
    """By builder and by URL."""
    endpoint = Endpoint.call("rtc_1")
    assert endpoint.url == "wss://api.openai.com/v1/realtime?call_id=rtc_1"
    assert endpoint.sideband
    assert Endpoint.of(endpoint.url).sideband
    assert not Endpoint.of(endpoint.url, sideband=False).sideband


def test_secret() -> None:
    """An ephemeral secret needs no model; a normal key in its place is refused without being shown."""
    assert Endpoint.secret("ek_abcdef").url == "wss://api.openai.com/v1/realtime"
    assert Endpoint.secret("ek_abcdef", "m").url.endswith("?model=m")
    with pytest.raises(LocalProtocolError, match="ek_") as caught:
        Endpoint.secret(KEY)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "resource",
    [
        "my-res",
        "https://my-res.openai.azure.com",
        "wss://my-res.openai.azure.com/",
        "https://my-res.openai.azure.com/openai/v1/",
    ],
)
def test_azure(resource: str) -> None:
    """The GA URL from a name or a URL; the key in Azure's own header, a token as bearer."""
    endpoint = Endpoint.azure(resource, "my-deployment", api_key="abc123")
    assert endpoint.url == "wss://my-res.openai.azure.com/openai/v1/realtime?model=my-deployment"
    assert endpoint.signed("abc123") == {"api-key": "abc123"}
    assert Endpoint.azure(resource, "d", token="jwt").signed("jwt") == {"Authorization": "Bearer jwt"}


def test_azure_sideband() -> None:
    """The same place with a call."""
    endpoint = Endpoint.azure("r", call_id="rtc_1", api_key="k")
    assert endpoint.url == "wss://r.openai.azure.com/openai/v1/realtime?call_id=rtc_1"
    assert endpoint.sideband


def test_azure_wants_one_credential_and_one_session() -> None:
    """Neither none nor two."""
    with pytest.raises(LocalProtocolError, match="api_key= or token="):
        Endpoint.azure("r", "d")
    with pytest.raises(LocalProtocolError, match="api_key= or token="):
        Endpoint.azure("r", "d", api_key="a", token="b")
    with pytest.raises(LocalProtocolError, match="deployment"):
        Endpoint.azure("r", api_key="a")


@pytest.mark.parametrize(
    "url",
    [
        "wss://r.openai.azure.com/openai/realtime?api-version=2025-04-01-preview&deployment=d",
        "wss://r.openai.azure.com/openai/realtime?model=d",
        "wss://r.openai.azure.com/openai/v1/realtime?api-version=preview&model=d",
    ],
)
def test_azure_preview_is_refused(url: str) -> None:
    """The retired API is named as such, and the way to the GA one."""
    with pytest.raises(LocalProtocolError, match="preview API") as caught:
        Endpoint.of(url)
    assert "/openai/v1/realtime?model=" in str(caught.value)
    with pytest.raises(LocalProtocolError, match="preview API"):
        Endpoint.azure(url, "d", api_key="k")


def test_of_adds_a_model_only_where_none_is_meant() -> None:
    """What the URL says wins."""
    assert Endpoint.of("ws://127.0.0.1:8765/v1/realtime", model="m").url.endswith("/v1/realtime?model=m")
    for query in ("model=x", "call_id=rtc_1", "intent=transcription"):
        url = f"wss://example.org/v1/realtime?{query}"
        assert Endpoint.of(url, model="m").url == url
    assert Endpoint.of("wss://h/x?a=1", model="m").url == "wss://h/x?a=1&model=m"


def test_of_picks_the_header_by_host() -> None:
    """Azure hosts take `api-key`, all others a bearer token."""
    azure = Endpoint.of("wss://r.openai.azure.com/openai/v1/realtime?model=d", api_key="k")
    assert azure.signed("k") == {"api-key": "k"}
    assert Endpoint.of("wss://example.org/v1/realtime", api_key="k").signed("k") == {
        "Authorization": "Bearer k"
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST", "a.localhost"])
def test_plaintext_on_this_machine(host: str) -> None:
    """Nothing leaves the machine, so nothing is refused; `http` is read as `ws`."""
    endpoint = Endpoint.loopback(f"http://{host}:8765/v1/realtime", "m")
    assert endpoint.url.startswith("ws://")
    assert endpoint.is_loopback


@pytest.mark.parametrize(
    "host", ["example.org", "10.0.0.1", "localhost.example.org", "0.0.0.0", "128.0.0.1", "[fe80::1]"]
)
def test_plaintext_elsewhere_is_refused(host: str) -> None:
    """Unless asked for; and `loopback` takes no such host at all."""
    url = f"ws://{host}/v1/realtime"
    for build in (Endpoint, Endpoint.of, lambda u: Endpoint.of(u.replace("ws:", "http:"))):
        with pytest.raises(LocalProtocolError, match="in the clear"):
            build(url)
    assert Endpoint.of(url, allow_plaintext=True).url == url
    with pytest.raises(LocalProtocolError, match="not this machine"):
        Endpoint.loopback(url.replace("ws:", "wss:"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("api.openai.com/v1/realtime", "without a scheme"),
        ("localhost:8765", "without a scheme"),
        ("ftp://h/x", "ftp://"),
        ("wss:///v1/realtime", "no host"),
        ("wss://h/x#y", "fragment"),
        ("wss://h/x#", "fragment"),
        ("wss://h:99999/x", "cannot be read"),
        ("wss://h:abc/x", "cannot be read"),
        ("wss://[::1/x", "cannot be read"),
        ("wss://h/a b", "character"),
        ("wss://h/a\r\nX: y", "character"),
        ("wss://hö/", "character"),
        ("", "without a scheme"),
    ],
)
def test_urls_that_cannot_work(url: str, words: str) -> None:
    """Refused at once, with what is wrong."""
    with pytest.raises(LocalProtocolError, match=words):
        Endpoint.of(url)


def test_the_beta_is_refused_at_openai_only() -> None:
    """There it ends in close 4000; elsewhere it may be what the server wants."""
    beta = {"OpenAI-Beta": "realtime=v1"}
    with pytest.raises(LocalProtocolError, match="retired"):
        Endpoint.of("wss://api.openai.com/v1/realtime?model=m", headers=beta)
    with pytest.raises(LocalProtocolError, match="retired"):
        Endpoint.of("wss://eu.api.openai.com/v1/realtime", subprotocols=["openai-beta.realtime-v1"])
    assert Endpoint.of("wss://example.org/v1/realtime", headers=beta).headers == beta
    assert not Endpoint.of("wss://notopenai.com/", headers=beta).is_openai


def test_two_credentials_are_refused() -> None:
    """The server refuses the handshake then (observed)."""
    subprotocols = ["realtime", f"openai-insecure-api-key.{KEY}"]
    with pytest.raises(LocalProtocolError, match="two credentials"):
        Endpoint.of("wss://api.openai.com/v1/realtime", api_key=KEY, subprotocols=subprotocols)
    with pytest.raises(LocalProtocolError, match="two credentials"):
        Endpoint.of("wss://example.org/", headers={"authorization": "Bearer x"}).with_key(KEY)


def test_who_needs_a_key() -> None:
    """OpenAI's hosts do; a key there may come in any of three ways. No other host gets one unasked."""
    assert Endpoint.openai("m").needs_key
    assert not Endpoint.openai("m", KEY).needs_key
    assert not Endpoint.openai("m").with_key(KEY).needs_key
    url = "wss://api.openai.com/v1/realtime"
    assert not Endpoint.of(url, headers={"Authorization": "Bearer x"}).needs_key
    assert not Endpoint.of(url, subprotocols=[f"openai-insecure-api-key.{KEY}"]).needs_key
    assert not Endpoint.of("wss://example.org/v1/realtime").needs_key


def test_nothing_secret_is_shown() -> None:
    """Not in `repr`, not in `redacted`, not with a formatter that shows fields."""
    endpoint = Endpoint.of(
        f"wss://user:hunter2@example.org/v1/realtime?model=m&key=hunter3&api_key={KEY}&x=",
        headers={"X-Token": "hunter4"},
        subprotocols=["hunter5"],
        api_key="hunter6",
    )
    for text in (repr(endpoint), str(endpoint), endpoint.redacted(), f"{endpoint}"):
        assert "hunter" not in text
        assert KEY not in text
    assert endpoint.redacted() == "wss://example.org/v1/realtime?model=m&key=***&api_key=***&x=***"
    assert repr(Endpoint.loopback("ws://127.0.0.1:1/x")) == "Endpoint('ws://127.0.0.1:1/x')"


def test_a_key_from_a_file_may_end_in_a_newline() -> None:
    """But what no header can hold is refused, without being shown."""
    endpoint = Endpoint.openai("m")
    assert endpoint.signed(f" {KEY}\n")["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(endpoint.signed(KEY))
    assert KEY not in repr(Endpoint.azure("r", "d", api_key=KEY).signed(KEY))
    for bad in ("sk-a\r\nX-Evil: 1", "sk-ä", "sk a"):
        with pytest.raises(LocalProtocolError, match="position") as caught:
            endpoint.signed(bad)
        assert bad not in str(caught.value)
    with pytest.raises(LocalProtocolError, match="empty"):
        endpoint.signed(" \n")
