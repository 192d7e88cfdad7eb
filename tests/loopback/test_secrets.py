"""Ephemeral secrets: minted with a session, good for any number of connections until they expire."""

from __future__ import annotations

import math
import time

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from realtime_raw.loopback.brain import SimulatedSession
from realtime_raw.loopback.config import DEFAULT_INSTRUCTIONS
from realtime_raw.loopback.handshake import (
    AccessPolicy,
    InBandRefusal,
    Opened,
    Outcome,
    Request,
    decide,
)
from realtime_raw.loopback.secrets import SecretStore
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.test_server import hear, request, say

POLICY = AccessPolicy(keys=["sk-test"])


def attempt(store: SecretStore, value: str, query: str = "", now: float = 1000.0) -> Outcome:
    headers = (("Upgrade", "websocket"), ("Authorization", f"Bearer {value}"))
    return decide(Request(f"/v1/realtime{query}", headers), POLICY, secrets=store.by_value, now=now)


def code(outcome: Outcome) -> tuple[str | None, int]:
    assert isinstance(outcome, InBandRefusal)
    return outcome.fault.code, outcome.close_code


def test_a_secret_carries_its_session() -> None:
    """Its model and its configuration; the URL needs neither, and its own model comes first."""
    store = SecretStore()
    plain = store.mint(None, 600, 1000.0)
    assert attempt(store, plain.value) == Opened(session={"type": "realtime"})
    baked = store.mint({"model": "gpt-realtime", "instructions": "Sing."}, 600, 1000.0)
    session = {"type": "realtime", "instructions": "Sing."}
    assert attempt(store, baked.value) == Opened(model="gpt-realtime", session=session)
    assert attempt(store, baked.value, "?model=gpt-realtime-2.1") == Opened(session=session)
    assert code(attempt(store, baked.value, "?model=gpt-4o")) == ("invalid_model", 4000)


def test_a_secret_for_transcription() -> None:
    """Decides the kind of session where the URL does not; contradicting it is refused."""
    store = SecretStore()
    secret = store.mint({"type": "transcription"}, 600, 1000.0)
    opened = Opened("transcription", session={"type": "transcription"})
    assert attempt(store, secret.value) == attempt(store, secret.value, "?intent=transcription") == opened
    assert code(attempt(store, secret.value, "?intent=realtime")) == ("invalid_parameter", 4000)
    assert code(attempt(store, secret.value, "?model=gpt-realtime")) == ("invalid_model", 4000)
    spoken = store.mint({}, 600, 1000.0)
    assert code(attempt(store, spoken.value, "?intent=transcription")) == ("invalid_parameter", 4000)


def test_a_secret_expires() -> None:
    """To the second; then it is no better than a wrong key. So is one that nobody minted here."""
    store = SecretStore()
    secret = store.mint(None, 600, 1000.0)
    assert secret.expires_at == 1600.0
    assert isinstance(attempt(store, secret.value, now=1599.9), Opened)
    assert code(attempt(store, secret.value, now=1600.0)) == ("invalid_api_key", 3000)
    assert code(attempt(store, "ek_of_somebody_else")) == ("invalid_api_key", 3000)


@pytest.mark.parametrize(
    ("session", "words"),
    [
        ({"voice": "marin"}, r"Unknown parameter: 'session\.voice'"),
        ({"type": "other"}, r"Invalid value: 'other'"),
        ({"output_modalities": ["audio", "text"]}, "Invalid modalities"),
        ({"model": "gpt-realtime", "reasoning": {"effort": "low"}}, "Reasoning is not supported"),
        (
            {"type": "transcription", "audio": {"input": {"transcription": {"model": "x"}}}},
            "transcription mode",
        ),
    ],
)
def test_a_session_that_would_be_refused_is_not_minted(session: dict[str, object], words: str) -> None:
    """With the words the server would have."""
    with pytest.raises(ValueError, match=words):
        SecretStore().mint(session, 600, 0.0)


@pytest.mark.parametrize("expires_in", [-1, 7201, math.nan])
def test_a_life_out_of_bounds(expires_in: float) -> None:
    """7200 seconds at most (API reference)."""
    with pytest.raises(ValueError, match="expires_in must be 0 to 7200 seconds"):
        SecretStore().mint(None, expires_in, 0.0)


def test_a_secret_is_not_shown() -> None:
    """Nor is it changed by who minted it, or guessed."""
    store, session = SecretStore(), {"instructions": "Sing."}
    secret = store.mint(session, 600, 0.0)
    session["instructions"] = "Shout."
    assert secret.session["instructions"] == "Sing."
    assert secret.value not in repr(secret)
    assert secret.value.startswith("ek_")
    assert len({store.mint(None, 600, 0.0).value for _ in range(50)}) == 50


def test_minting_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr("realtime_raw.loopback.secrets._KEPT", 3)
    store = SecretStore()
    values = [store.mint(None, 600, 0.0).value for _ in range(5)]
    assert list(store.by_value) == values[2:]


def test_a_session_begins_as_it_was_baked() -> None:
    """Merged into the defaults, shown in `session.created`, in force, open to change."""
    session = SimulatedSession(
        "gpt-realtime-2.1",
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}, "instructions": "Sing."},
    )
    session.connected(0.0)
    (created,) = session.sent
    assert created["type"] == "session.created"
    assert created["session"]["instructions"] == "Sing."
    assert created["session"]["audio"]["input"]["turn_detection"] is None
    assert created["session"]["audio"]["output"]["voice"] == "marin"
    session.receive_message(b'{"type":"session.update","session":{"type":"realtime","instructions":""}}', 0)
    assert session.config.to_wire()["instructions"] == DEFAULT_INSTRUCTIONS


async def test_connecting_with_a_secret() -> None:
    """In a header or as a browser does it, more than once, where keys are asked for."""
    async with LoopbackServer(keys=["sk-test"], speaker=murmur_speaker(), speed=math.inf) as server:
        secret = server.mint_secret({"model": "gpt-realtime", "output_modalities": ["text"]})
        assert abs(secret.expires_at - time.time() - 600) < 5

        async def created(connection: ClientConnection) -> None:
            session = (await hear(connection, "session.created"))[0]["session"]
            assert (session["model"], session["output_modalities"]) == ("gpt-realtime", ["text"])
            await say(connection, "response.create")
            assert "response.output_text.delta" in [
                e["type"] for e in await hear(connection, "response.done")
            ]

        async with connect(server.url, additional_headers={"Authorization": f"Bearer {secret.value}"}) as one:
            await created(one)
        offers = [Subprotocol("realtime"), Subprotocol(f"openai-insecure-api-key.{secret.value}")]
        async with connect(server.url, subprotocols=offers) as two:
            await created(two)
        spent = server.mint_secret(expires_in=0)
        async with connect(server.url, additional_headers={"api-key": spent.value}) as three:
            assert (await hear(three, "error"))[0]["error"]["code"] == "invalid_api_key"
        assert [session.facts.key_in for session in server.sessions] == ["header", "subprotocol", "header"]


async def test_a_post_is_refused() -> None:
    """Minting over REST needs a server that reads bodies; this one says no, and goes on."""
    async with LoopbackServer(speaker=murmur_speaker()) as server:
        post = b"POST /v1/realtime/client_secrets HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
        answer = await request(server, post)
        assert answer == "" or answer.startswith("HTTP/1.1 4")
        async with connect(server.url + "?model=gpt-realtime") as line:
            await hear(line, "session.created")
