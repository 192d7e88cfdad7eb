"""Ephemeral client secrets: `ek_` keys with a session's configuration baked in.

The live API mints them over REST; here `LoopbackServer.mint_secret` does. What
a connection makes of one is decided in `handshake`.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .client_schema import check_event
from .config import DEFAULT_MODEL, SessionConfig, SessionKind
from .refusals import Refused

__all__ = ["ClientSecret", "SecretStore"]

_LONGEST = 7200  # seconds (API reference)
_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """One ephemeral key. It opens any number of sessions until `expires_at` (Unix seconds).

    `kind` and `model` say what it opens when the URL does not, `session` is what
    such a session begins with; a later `session.update` may change it.
    """

    value: str = field(repr=False)
    expires_at: float
    kind: SessionKind = "realtime"
    model: str = DEFAULT_MODEL
    session: Mapping[str, Any]


class SecretStore:
    """The secrets minted by one server; the oldest are forgotten beyond ten thousand."""

    def __init__(self) -> None:
        self._minted: dict[str, ClientSecret] = {}

    def mint(self, session: Mapping[str, Any] | None, expires_in: float, now: float) -> ClientSecret:
        """A new secret. Raises `ValueError` with the server's words for a session it would refuse."""
        if not 0 <= expires_in <= _LONGEST:
            raise ValueError(f"expires_in must be 0 to {_LONGEST} seconds, not {expires_in!r}")
        given = {"type": "realtime", **copy.deepcopy(dict(session or {}))}
        kind: SessionKind = "transcription" if given["type"] == "transcription" else "realtime"
        try:
            check_event({"type": "session.update", "session": given})
            model = given.pop("model", DEFAULT_MODEL)
            SessionConfig.default(kind, session_id="", model=model, expires_at=0).updated(given)
        except Refused as refused:
            raise ValueError(f"no secret for this session: {refused.fault.message}") from None
        secret = ClientSecret(
            value=f"ek_{secrets.token_hex(16)}",
            expires_at=now + expires_in,
            kind=kind,
            model=model,
            session=given,
        )
        self._minted[secret.value] = secret
        if len(self._minted) > _KEPT:
            del self._minted[next(iter(self._minted))]
        return secret

    @property
    def by_value(self) -> Mapping[str, ClientSecret]:
        """All of them, expired ones too."""
        return self._minted
