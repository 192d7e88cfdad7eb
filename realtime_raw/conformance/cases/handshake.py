"""Handshake and auth: what connecting comes to.

OpenAI reports most problems inside the socket: HTTP 101, one `error`, then a
close whose reason is `type.code`. Others refuse over HTTP. Cases take both for
a refusal, and ask for the particular form only at level "should" or "may".
"""

from __future__ import annotations

from typing import Any

from ..case import Unsupported, case
from ..lines import Knock
from ..probe import Probe

_OBSERVED = "reports of the live API; Realtime guide, connecting over WebSocket"


async def _refusal(probe: Probe, knock: Knock) -> dict[str, Any] | None:
    """The in-band `error` of an attempt that must be refused; None if HTTP refused it."""
    answer = await probe.knock(knock)
    if answer.line is None:
        probe.check(400 <= answer.status < 500, f"it is refused with HTTP {answer.status}, no client error")
        return None
    first = await probe.expect("error", "session.created")
    probe.check(first["type"] == "error", "it is accepted: a session begins", first, "type")
    return first


async def _in_band(probe: Probe, knock: Knock) -> dict[str, Any]:
    error = await _refusal(probe, knock)
    if error is None:
        raise Unsupported("the server refuses over HTTP, not inside the socket")
    return error


def _inner(probe: Probe, error: dict[str, Any]) -> dict[str, Any]:
    inner = error.get("error")
    probe.check(isinstance(inner, dict), "the error has no error object", error, "error")
    found: dict[str, Any] = error["error"]
    return found


@case(
    "RT-HAND-001",
    "A session begins with session.created",
    family="handshake",
    level="must",
    rule="The first message on a new connection is `session.created`, sent without being asked.",
    source="API reference, session.created",
    certainty="documented",
    sends="nothing",
    expects="session.created as the first message",
)
async def begins_with_created(probe: Probe) -> None:
    """The first message."""
    await probe.open(Knock())
    first = probe.events[0]
    probe.check(first["type"] == "session.created", f"the first message is {first['type']}", first, "type")


@case(
    "RT-HAND-002",
    "session.created shows the whole session",
    family="handshake",
    level="must",
    rule="`session.created` holds the session's id, type, model, modalities and audio configuration.",
    source="API reference, session.created",
    certainty="documented",
    sends="nothing",
    expects="session with id, type realtime, model, output_modalities, and audio with input and output",
    needs={"greeting"},
)
async def created_is_whole(probe: Probe) -> None:
    """Nothing essential is missing."""
    session = await probe.open(Knock())
    created = probe.events[0]
    for name, kind in (
        ("id", str),
        ("type", str),
        ("model", str),
        ("output_modalities", list),
        ("audio", dict),
    ):
        probe.check(
            isinstance(session.get(name), kind), f"the session has no {name}", created, f"session.{name}"
        )
    probe.check(session["type"] == "realtime", "the session is not of type realtime", created, "session.type")
    for side in ("input", "output"):
        probe.check(
            isinstance(session["audio"].get(side), dict),
            f"the session has no audio.{side}",
            created,
            f"session.audio.{side}",
        )


@case(
    "RT-HAND-003",
    "A session says when it expires",
    family="handshake",
    level="should",
    rule="`session.expires_at` is a Unix time in seconds, at most a day ahead.",
    source="recorded sessions: creation and 3600 s",
    certainty="recorded",
    sends="nothing",
    expects="session.expires_at as an integer",
    needs={"greeting"},
)
async def says_when_it_expires(probe: Probe) -> None:
    """A time, and not milliseconds."""
    session = await probe.open(Knock())
    expires = session.get("expires_at")
    ok = isinstance(expires, int) and not isinstance(expires, bool) and 1e9 < expires < 1e10
    probe.check(ok, f"expires_at is {expires!r}, no Unix time", probe.events[0], "session.expires_at")


@case(
    "RT-HAND-004",
    "A wrong key is refused",
    family="handshake",
    level="must",
    rule="A connection with a wrong key gets no session: it is refused inside the socket, or with HTTP 4xx.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with a key that is nobody's",
    expects="an error, or HTTP 401 or 403",
    needs={"auth"},
)
async def wrong_key(probe: Probe) -> None:
    """No session."""
    await _refusal(probe, Knock(key="wrong"))


@case(
    "RT-HAND-005",
    "A refusal of the key names its code",
    family="handshake",
    level="should",
    rule="A wrong key is refused inside the socket with an `error` of code `invalid_api_key`.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with a wrong key",
    expects="error with type invalid_request_error and code invalid_api_key",
    needs={"auth"},
)
async def wrong_key_code(probe: Probe) -> None:
    """The code programs look at."""
    error = await _in_band(probe, Knock(key="wrong"))
    code = _inner(probe, error).get("code")
    probe.check(
        code == "invalid_api_key", f"the code is {code!r}, not 'invalid_api_key'", error, "error.code"
    )


@case(
    "RT-HAND-006",
    "A refusal of the key closes with 3000",
    family="handshake",
    level="should",
    rule="Behind the `error` for a wrong key, the connection is closed with code 3000.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with a wrong key",
    expects="close 3000",
    needs={"auth"},
)
async def wrong_key_close(probe: Probe) -> None:
    """A code of its own, which says: do not try again."""
    error = await _in_band(probe, Knock(key="wrong"))
    close = (await probe.closed()).close
    probe.check(close.code == 3000, f"the connection is closed with {close.code}, not 3000", error)


@case(
    "RT-HAND-007",
    "The close frame's reason is the error's type and code",
    family="handshake",
    level="may",
    rule="The reason of the close behind a refusal is `<error.type>.<error.code>`.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with a wrong key",
    expects="the reason invalid_request_error.invalid_api_key",
    needs={"auth"},
)
async def close_reason(probe: Probe) -> None:
    """So that even who lost the message knows why."""
    error = await _in_band(probe, Knock(key="wrong"))
    inner = _inner(probe, error)
    close = (await probe.closed()).close
    wanted = f"{inner.get('type')}.{inner.get('code')}"
    probe.check(close.reason == wanted, f"the reason is {close.reason!r}, not {wanted!r}", error)


@case(
    "RT-HAND-008",
    "A refusal never repeats the key",
    family="handshake",
    level="must",
    rule="What is said about a wrong key does not hold the key in full.",
    source="reports of the live API, which masks it",
    certainty="observed",
    sends="a connection with a wrong key",
    expects="no message that holds the key",
    needs={"auth"},
)
async def key_is_masked(probe: Probe) -> None:
    """A key in a message ends up in a log."""
    answer = await probe.knock(Knock(key="wrong"))
    said = answer.body
    first: dict[str, Any] | None = None
    if answer.line is not None:
        first = await probe.expect("error", "session.created")
        said = str(first)
    # What is shown as a wrong key has a tail that no mask leaves.
    probe.check("000000000000" not in said and "23456789abcdef" not in said, "the key is repeated", first)


@case(
    "RT-HAND-009",
    "Without a key there is no session",
    family="handshake",
    level="must",
    rule="A connection without any key is refused where keys are asked for.",
    source="API reference, authentication",
    certainty="documented",
    sends="a connection without a key",
    expects="HTTP 401, or an error inside the socket",
    needs={"auth"},
)
async def no_key(probe: Probe) -> None:
    """No session."""
    await _refusal(probe, Knock(key="none"))


@case(
    "RT-HAND-010",
    "A browser shows its key as a subprotocol",
    family="handshake",
    level="should",
    rule="The key may be offered as the subprotocol `openai-insecure-api-key.KEY` beside `realtime`.",
    source="Realtime guide, connecting from a browser; OpenAI's JavaScript agents SDK",
    certainty="documented",
    sends="a connection with subprotocols and no Authorization header",
    expects="session.created",
    needs={"auth"},
)
async def key_as_subprotocol(probe: Probe) -> None:
    """Browsers cannot set headers."""
    await probe.open(Knock(place="subprotocol"))


@case(
    "RT-HAND-011",
    "The subprotocol realtime is chosen",
    family="handshake",
    level="must",
    rule="If the subprotocol `realtime` is offered, the server selects it.",
    source="RFC 6455, section 4.2.2; OpenAI's JavaScript agents SDK",
    certainty="documented",
    sends="a connection that offers realtime",
    expects="Sec-WebSocket-Protocol: realtime in the answer",
)
async def selects_realtime(probe: Probe) -> None:
    """A browser fails a connection whose offers were all ignored."""
    answer = await probe.knock(Knock(subprotocols=("realtime",)))
    probe.check(answer.line is not None, f"the connection was refused with HTTP {answer.status}")
    probe.check(answer.subprotocol == "realtime", f"the server selected {answer.subprotocol!r}")


@case(
    "RT-HAND-012",
    "The key is never selected as the subprotocol",
    family="handshake",
    level="must",
    rule="The server selects `realtime`, never the subprotocol that carries the key.",
    source="OpenAI's JavaScript agents SDK",
    certainty="observed",
    sends="a connection whose key is a subprotocol",
    expects="another subprotocol than the key's",
    needs={"auth"},
)
async def never_selects_the_key(probe: Probe) -> None:
    """An answer's headers are shown and logged."""
    answer = await probe.knock(Knock(place="subprotocol"))
    probe.check(answer.line is not None, f"the connection was refused with HTTP {answer.status}")
    probe.check("api-key" not in answer.subprotocol, "the server selected the subprotocol that holds the key")


@case(
    "RT-HAND-013",
    "Without an offer no subprotocol is chosen",
    family="handshake",
    level="must",
    rule="A server selects no subprotocol that was not offered.",
    source="RFC 6455, section 4.1",
    certainty="documented",
    sends="a connection that offers none",
    expects="no Sec-WebSocket-Protocol in the answer",
)
async def selects_nothing_unasked(probe: Probe) -> None:
    """Clients must fail such a connection."""
    answer = await probe.knock(Knock())
    probe.check(answer.line is not None, f"the connection was refused with HTTP {answer.status}")
    probe.check(not answer.subprotocol, f"the server selected {answer.subprotocol!r}, which nobody offered")


@case(
    "RT-HAND-014",
    "An unknown model is refused",
    family="handshake",
    level="should",
    rule="A model that is no realtime model gets no session.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with model=no-such-model",
    expects="an error, or HTTP 4xx",
)
async def unknown_model(probe: Probe) -> None:
    """No session with something else in its place."""
    await _refusal(probe, Knock(model="no-such-model"))


@case(
    "RT-HAND-015",
    "A refusal of the model is in-band and closes with 4000 or 4004",
    family="handshake",
    level="may",
    rule="A model that cannot be used is refused inside the socket, which is closed with 4000 or 4004.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection with model=no-such-model",
    expects="error with code invalid_model or model_not_found, then the close",
)
async def unknown_model_close(probe: Probe) -> None:
    """The codes programs look at."""
    error = await _in_band(probe, Knock(model="no-such-model"))
    code = _inner(probe, error).get("code")
    probe.check(code in ("invalid_model", "model_not_found"), f"the code is {code!r}", error, "error.code")
    close = (await probe.closed()).close
    probe.check(close.code in (4000, 4004), f"the connection is closed with {close.code}", error)


@case(
    "RT-HAND-016",
    "A missing model is refused",
    family="handshake",
    level="should",
    rule="A connection that names no model, call or intent is refused with `missing_model`.",
    source=_OBSERVED,
    certainty="observed",
    sends="a connection without model",
    expects="error with code missing_model, or HTTP 4xx",
)
async def missing_model(probe: Probe) -> None:
    """The client is told what it forgot."""
    error = await _refusal(probe, Knock(model=None))
    if error is not None:
        code = _inner(probe, error).get("code")
        probe.check(
            code == "missing_model", f"the code is {code!r}, not 'missing_model'", error, "error.code"
        )


@case(
    "RT-HAND-017",
    "The retired beta header is refused",
    family="handshake",
    level="should",
    rule="`OpenAI-Beta: realtime=v1` is answered by `beta_api_shape_disabled`, and no session.",
    source="reports of the live API since the beta was switched off",
    certainty="observed",
    sends="a connection with the beta header",
    expects="error with code beta_api_shape_disabled as the only message",
)
async def beta_header(probe: Probe) -> None:
    """A server that ignores it would speak another dialect than was asked for."""
    error = await _refusal(probe, Knock(headers=(("OpenAI-Beta", "realtime=v1"),)))
    if error is not None:
        code = _inner(probe, error).get("code")
        probe.check(code == "beta_api_shape_disabled", f"the code is {code!r}", error, "error.code")


@case(
    "RT-HAND-018",
    "An unknown path is no session",
    family="handshake",
    level="must",
    rule="A path beside the API's own is answered with HTTP 404, or another 4xx.",
    source="RFC 9110, section 15.5.5",
    certainty="inferred",
    sends="a connection to /realtime-conformance-no-such-path",
    expects="HTTP 4xx",
)
async def unknown_path(probe: Probe) -> None:
    """Not everything is a session."""
    answer = await probe.knock(Knock(path="/realtime-conformance-no-such-path"))
    probe.check(answer.status != 101, "a session opens at a path that there is not")
    probe.check(400 <= answer.status < 500, f"the answer is HTTP {answer.status}, no client error")


@case(
    "RT-HAND-019",
    "An unknown query parameter is tolerated",
    family="handshake",
    level="should",
    rule="A query parameter the server does not know does not keep a session from opening.",
    source="inferred: official SDKs send extra query parameters",
    certainty="inferred",
    sends="a connection with conformance=1 in the query",
    expects="session.created",
    needs={"greeting"},
)
async def unknown_parameter(probe: Probe) -> None:
    """SDKs and gateways add their own."""
    await probe.open(Knock(query=(("conformance", "1"),)))


@case(
    "RT-HAND-020",
    "An update may be sent before the greeting is read",
    family="handshake",
    level="must",
    rule="Events sent before `session.created` was read are accepted, and answered behind it.",
    source="recorded clients, which pipeline",
    certainty="recorded",
    sends="a session.update at once",
    expects="session.created, then session.updated",
    needs={"greeting"},
)
async def pipelined(probe: Probe) -> None:
    """Clients do not wait a round trip."""
    answer = await probe.knock(Knock())
    probe.check(answer.line is not None, f"the connection was refused with HTTP {answer.status}")
    await probe.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
    updated = await probe.expect("session.updated")
    created = await probe.expect("session.created")
    probe.check(probe.index(created) < probe.index(updated), "session.updated comes first", updated)
