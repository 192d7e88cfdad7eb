"""Where to connect and as whom: an `Endpoint` is a URL, headers, and a credential.

Builders know the URL forms of the vendors; `Endpoint.of` takes any URL. What
is refused here is refused before anything reaches the network. Nothing here
connects, awaits a key or reads the environment; that is `aio`'s.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Final, Literal, TypeAlias
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from .errors import LocalProtocolError
from .slim import slim
from .text import redact

__all__ = ["OPENAI_URL", "Credential", "Endpoint", "Secret"]

Credential: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A key or token, or a function that makes one for each connect (it may be async)."""


class Secret(str):
    """A string that shows itself to nobody who looks with `repr`: tracebacks with locals, debuggers, logs."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


OPENAI_URL: Final = "wss://api.openai.com/v1"

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
# Any of these says which session is meant, so no model has to be added.
_SAYS_WHICH = frozenset({"model", "call_id", "intent", "deployment"})
# Parameters whose values are never secret. All others are hidden: some servers take the key there.
_HARMLESS = _SAYS_WHICH | {"api-version", "language", "protocol", "transcription_model"}
_AZURE = (".azure.com", ".azure.us", ".azure.cn")
_KEY_SUBPROTOCOL = "openai-insecure-api-key."
_BETA_SUBPROTOCOL = "openai-beta.realtime"


@slim
class Endpoint:
    """One place to connect to. Frozen; build it with one of the class methods.

    `url` is complete, its query included. `headers` and `credential` hold
    secrets and `url` may, so `repr` and `redacted()` show none of them.
    `scheme` is the header the credential goes into. `sideband` marks a socket
    that joins a session begun elsewhere, on which no `session.created` comes
    (observed). Raises `LocalProtocolError` for a URL or header that cannot
    work, or that would carry a key in the clear.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    credential: Credential | None = None
    scheme: Literal["bearer", "api-key"] = "bearer"
    sideband: bool = False
    allow_plaintext: bool = False

    def __post_init__(self) -> None:
        parts = _checked(self.url)
        parts = parts._replace(scheme=_SCHEMES[parts.scheme])
        object.__setattr__(self, "url", urlunsplit(parts))
        self._check_privacy(parts)
        self._check_generation(parts)

    # Builders

    @classmethod
    def of(
        cls,
        url: str,
        *,
        model: str | None = None,
        api_key: Credential | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        sideband: bool | None = None,
        allow_plaintext: bool = False,
    ) -> Endpoint:
        """Any URL of a server that speaks the protocol; `https` is read as `wss`, `http` as `ws`.

        `model` is added to the query unless that already names a model, a call
        or an intent. A `call_id` in the query makes it a sideband. `api_key`
        goes as a bearer token, to Azure hosts as `api-key`.
        """
        parts = _checked(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        if model is not None and not _SAYS_WHICH & query.keys():
            parts = parts._replace(query=_joined(parts.query, urlencode({"model": model}, quote_via=quote)))
        return cls(
            urlunsplit(parts),
            headers=dict(headers or {}),
            subprotocols=tuple(subprotocols),
            credential=api_key,
            scheme="api-key" if _is_azure(parts) else "bearer",
            sideband="call_id" in query if sideband is None else sideband,
            allow_plaintext=allow_plaintext,
        )

    @classmethod
    def openai(
        cls,
        model: str,
        api_key: Credential | None = None,
        *,
        base_url: str = OPENAI_URL,
        organization: str | None = None,
        project: str | None = None,
        safety_identifier: str | None = None,
    ) -> Endpoint:
        """A conversation with a model, at OpenAI or at a `base_url` of the same layout.

        Without a key, `connect` takes `OPENAI_API_KEY` (for OpenAI's own hosts
        only). `safety_identifier` is a hashed id of your end user.
        """
        named = {
            "OpenAI-Organization": organization,
            "OpenAI-Project": project,
            "OpenAI-Safety-Identifier": safety_identifier,
        }
        headers = {name: value for name, value in named.items() if value is not None}
        return cls.of(_below(base_url, "realtime", model=model), api_key=api_key, headers=headers)

    @classmethod
    def transcription(cls, api_key: Credential | None = None, *, base_url: str = OPENAI_URL) -> Endpoint:
        """A session that only transcribes; its model goes into the session, not the URL (API reference)."""
        return cls.of(_below(base_url, "realtime", intent="transcription"), api_key=api_key)

    @classmethod
    def translation(
        cls, model: str, api_key: Credential | None = None, *, base_url: str = OPENAI_URL
    ) -> Endpoint:
        """A translation session, which has a path and a dialect of its own."""
        return cls.of(_below(base_url, "realtime/translations", model=model), api_key=api_key)

    @classmethod
    def azure(
        cls,
        resource: str,
        deployment: str | None = None,
        *,
        call_id: str | None = None,
        api_key: Credential | None = None,
        token: Credential | None = None,
    ) -> Endpoint:
        """Azure OpenAI (GA): a resource's name or URL, and a deployment's name or a `call_id` to join.

        Give `api_key`, or `token` (Entra; a function is asked at each
        connect). Preview URLs are refused: that API is retired.
        """
        if (api_key is None) == (token is None):
            raise LocalProtocolError("Azure takes one credential", hint="give api_key= or token=")
        if (deployment is None) == (call_id is None):
            raise LocalProtocolError(
                "Azure needs to know which session is meant",
                hint="name the deployment, or the call_id of a call to join",
            )
        parts = _checked(resource if "://" in resource else f"wss://{resource}.openai.azure.com")
        _check_azure(parts)
        session = {"call_id": call_id} if call_id is not None else {"model": deployment or ""}
        root = urlunsplit((parts.scheme, parts.netloc, "/openai/v1", "", ""))
        endpoint = cls.of(_below(root, "realtime", **session), api_key=api_key if token is None else token)
        return replace(endpoint, scheme="api-key" if token is None else "bearer")

    @classmethod
    def call(cls, call_id: str, api_key: Credential | None = None, *, base_url: str = OPENAI_URL) -> Endpoint:
        """A sideband: the events of a WebRTC or SIP call (`rtc_…`) that runs elsewhere."""
        return cls.of(_below(base_url, "realtime", call_id=call_id), api_key=api_key)

    @classmethod
    def secret(cls, secret: str, model: str | None = None, *, base_url: str = OPENAI_URL) -> Endpoint:
        """A session from an ephemeral client secret (`ek_…`), which carries configuration and model."""
        if not secret.startswith("ek_"):
            raise LocalProtocolError(
                "a client secret begins with ek_, and this does not",
                hint="a normal key goes to Endpoint.openai",
            )
        named = {} if model is None else {"model": model}
        return cls.of(_below(base_url, "realtime", **named), api_key=secret)

    @classmethod
    def loopback(cls, url: str, model: str | None = None) -> Endpoint:
        """A server on this machine, without a key. Raises `LocalProtocolError` for any other host."""
        endpoint = cls.of(url, model=model)
        if not endpoint.is_loopback:
            raise LocalProtocolError(
                f"{endpoint.host} is not this machine", hint="use Endpoint.of for other hosts"
            )
        return endpoint

    # Views

    @property
    def host(self) -> str:
        """The host's name or address, in lower case."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        return _is_loopback(self.host)

    @property
    def is_openai(self) -> bool:
        """Whether the host is one of OpenAI's."""
        return _is_openai(self.host)

    @property
    def dialect(self) -> Literal["realtime", "translation"]:
        """Which vocabulary is spoken there, by the path (API reference)."""
        path = urlsplit(self.url).path.rstrip("/")
        return "translation" if path.endswith("/realtime/translations") else "realtime"

    @property
    def needs_key(self) -> bool:
        """Whether connecting without a credential is bound to fail: OpenAI's hosts, and none given."""
        return self.is_openai and self.credential is None and not self._brings_credential

    @property
    def _brings_credential(self) -> bool:
        named = {name.lower() for name in self.headers}
        return bool(named & {"authorization", "api-key"}) or any(
            one.startswith(_KEY_SUBPROTOCOL) for one in self.subprotocols
        )

    def with_key(self, api_key: Credential) -> Endpoint:
        """The same place with another credential."""
        return replace(self, credential=api_key)

    def signed(self, key: str | None) -> dict[str, str]:
        """The request headers, with `key` (what `credential` holds or made) in its place.

        Raises `LocalProtocolError` for a key that no header can hold. The
        result is secret.
        """
        headers = dict(self.headers)
        if key is not None:
            key = _clean_key(key)
            if self.scheme == "bearer":
                headers["Authorization"] = Secret(f"Bearer {key}")
            else:
                headers["api-key"] = key
        return headers

    def redacted(self) -> str:
        """The URL fit to print: no password, no value of a parameter that might be a secret."""
        parts = urlsplit(self.url)
        query = "&".join(
            f"{name}={value if name in _HARMLESS else '***'}"
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
        )
        netloc = parts.netloc.rpartition("@")[2]
        return redact(urlunsplit((parts.scheme, netloc, parts.path, query, "")))

    def __repr__(self) -> str:
        return f"Endpoint({self.redacted()!r})"

    # Refusals

    def _check_privacy(self, parts: SplitResult) -> None:
        if parts.scheme == "ws" and not self.allow_plaintext and not _is_loopback(self.host):
            raise LocalProtocolError(
                f"ws:// to {self.host} would send the conversation, and any key, in the clear",
                hint="use wss://, or allow_plaintext=True on a network you trust",
            )
        if self.credential is not None and self._brings_credential:
            raise LocalProtocolError(
                "there are two credentials: one as api_key, one in the headers or subprotocols",
                hint="servers refuse both at once; give one",
            )

    def _check_generation(self, parts: SplitResult) -> None:
        if _is_azure(parts):
            _check_azure(parts)
        if not self.is_openai:
            return
        headers = {name.lower() for name in self.headers}
        if "openai-beta" in headers or any(one.startswith(_BETA_SUBPROTOCOL) for one in self.subprotocols):
            raise LocalProtocolError(
                "the beta shape of the Realtime API is retired: OpenAI refuses sessions that ask for it",
                hint="leave out the OpenAI-Beta header or subprotocol",
            )


def _checked(url: str) -> SplitResult:
    """The parts of a URL that can be connected to."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise LocalProtocolError(
            "the URL holds a character that no URL has", hint="percent-encode what is not plain ASCII"
        )
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # the property raises for what is no port
    except ValueError as exc:
        raise LocalProtocolError(f"the URL cannot be read: {exc}") from None
    if parts.scheme not in _SCHEMES:
        named = f"{parts.scheme}://" if parts.scheme and "://" in url else "without a scheme"
        raise LocalProtocolError(
            f"the URL is {named}", hint="write wss://host/path, or ws:// for this machine"
        )
    if not parts.hostname:
        raise LocalProtocolError("the URL names no host", hint="write wss://host/path")
    if parts.fragment or url.endswith("#"):
        raise LocalProtocolError("the URL has a #fragment, which never reaches a server", hint="leave it out")
    return parts


def _below(base_url: str, path: str, **query: str) -> str:
    """`path` below a base URL; the base may end in `/realtime` already, and keeps its own query."""
    parts = _checked(base_url)
    root = parts.path.rstrip("/").removesuffix("/realtime")
    named = urlencode(query, quote_via=quote)
    return urlunsplit(parts._replace(path=f"{root}/{path}", query=_joined(parts.query, named)))


def _joined(one: str, two: str) -> str:
    return "&".join(filter(None, (one, two)))


def _is_loopback(host: str) -> bool:
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_openai(host: str) -> bool:
    host = host.rstrip(".")
    return host == "openai.com" or host.endswith(".openai.com")


def _is_azure(parts: SplitResult) -> bool:
    return (parts.hostname or "").rstrip(".").endswith(_AZURE)


def _check_azure(parts: SplitResult) -> None:
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = parts.path.rstrip("/")
    preview = path.endswith("/openai/realtime") or "deployment" in query
    if preview or "preview" in query.get("api-version", ""):
        raise LocalProtocolError(
            "this is a URL of Azure's preview API, which speaks the retired beta shape",
            hint="the GA API is at /openai/v1/realtime?model=DEPLOYMENT, without an api-version: "
            "Endpoint.azure(resource, deployment, ...) builds it",
        )


def _clean_key(key: str) -> Secret:
    """A key without the blanks and newlines around it that come with files and pasting."""
    key = Secret(key.strip())
    if not key:
        raise LocalProtocolError("the API key is empty", hint="check where it comes from")
    bad = next((i for i, char in enumerate(key) if not "!" <= char <= "~"), None)
    if bad is not None:
        raise LocalProtocolError(
            f"the API key holds a character that no key has, at position {bad}", hint="copy it again"
        )
    return key
