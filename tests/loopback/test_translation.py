"""Translation sessions: their own events, 200 ms frames, an end that is announced."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from websockets.asyncio.client import connect

import realtime_raw as rt
from realtime_raw.audio.pcm import Samples
from realtime_raw.loopback.handshake import AccessPolicy, InBandRefusal, Opened, Request, decide
from realtime_raw.loopback.script_file import parse_script
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.translation import TranslationSession
from realtime_raw.types import CloseInfo
from tests.loopback.driver import Event, b64, kinds, tone
from tests.loopback.test_server import hear, say
from tests.loopback.test_turns import by_kind, one

SCRIPT = parse_script(
    'spoken = ["Good morning.", "Good night."]\n[translations.es]\n"good morning" = "Buenos días."'.encode(),
    kind="toml",
)
APPEND = "session.input_audio_buffer.append"


class Booth:
    """A translation session in simulated time."""

    def __init__(self, *, speed: float = math.inf, **options: Any) -> None:
        self.session = TranslationSession(speed=speed, **{"scenario": SCRIPT, **options})
        self.now = 0.0
        self.session.connected(self.now)
        self.opening = self.take()

    def take(self) -> list[Event]:
        return [orjson.loads(data) for data in self.session.data_to_send()]

    def say(self, kind: str, **fields: Any) -> list[Event]:
        self.session.receive_message(orjson.dumps({"type": kind, **fields}), self.now)
        return self.take()

    def update(self, **audio: Any) -> Event:
        session: Event = one(self.say("session.update", session={"audio": audio}), "session.updated")[
            "session"
        ]
        return session

    def hear(self, *sounds: Samples) -> list[Event]:
        return self.say(APPEND, audio=b64(np.concatenate(sounds)))

    def error(self, kind: str, **fields: Any) -> tuple[str | None, str | None]:
        (event,) = self.say(kind, **fields)
        return event["error"]["code"], event["error"]["param"]


def quiet(seconds: float) -> Samples:
    return np.zeros(round(seconds * 24_000), np.int16)


def spoken(events: list[Event], kind: str) -> str:
    return "".join(event["delta"] for event in by_kind(events, kind))


def test_the_session_shows_itself() -> None:
    """Its own shape, and what an update changes in it."""
    booth = Booth()
    (created,) = booth.opening
    assert created["type"] == "session.created"
    shown = created["session"]
    assert list(shown) == ["id", "type", "expires_at", "model", "audio", "include"]
    assert (shown["type"], shown["model"]) == ("translation", "gpt-realtime-translate")
    assert shown["audio"] == {
        "input": {"transcription": None, "noise_reduction": None},
        "output": {"language": "en"},
    }
    shown = booth.update(
        input={"transcription": {"model": "gpt-realtime-whisper"}}, output={"language": "es"}
    )
    assert shown["audio"] == {
        "input": {"transcription": {"model": "gpt-realtime-whisper"}, "noise_reduction": None},
        "output": {"language": "es"},
    }
    assert booth.update() == shown


def test_speech_is_translated() -> None:
    """Words of the source only if asked for; words and sound of the translation; nothing about turns."""
    booth = Booth()
    booth.update(output={"language": "es"})
    events = booth.hear(tone(1.0), quiet(1.0))
    assert set(kinds(events)) == {"session.output_transcript.delta", "session.output_audio.delta"}
    assert spoken(events, "session.output_transcript.delta") == "Buenos días."
    booth.update(input={"transcription": {"model": "gpt-realtime-whisper"}})
    events = booth.hear(tone(1.0), quiet(1.0))
    assert spoken(events, "session.input_transcript.delta") == "Good night."
    assert spoken(events, "session.output_transcript.delta") == "[es] Good night."
    audio = by_kind(events, "session.output_audio.delta")[-1]
    assert list(audio) == ["type", "event_id", "delta", "sample_rate", "channels", "format", "elapsed_ms"]
    assert (audio["sample_rate"], audio["channels"], audio["format"]) == (24_000, 1, "pcm16")
    assert all(event["elapsed_ms"] % 200 == 0 for event in events)


def test_frames_of_200_ms() -> None:
    """Shorter chunks wait, longer ones are split; silence is answered by silence."""
    booth = Booth()
    assert booth.hear(quiet(0.15)) == []
    (frame,) = booth.hear(quiet(0.05))
    assert (len(frame["delta"]), set(frame["delta"]), frame["elapsed_ms"]) == (12_800, {"A"}, 200)
    frames = booth.hear(quiet(0.5))
    assert [event["elapsed_ms"] for event in frames] == [400, 600]


def test_closing_says_what_remains() -> None:
    """Half a sentence included; then `session.closed`, and nothing more. The client closes."""
    booth = Booth(speed=1.0)
    booth.update(output={"language": "es"})
    booth.hear(tone(0.9))
    events = booth.say("session.close")
    assert spoken(events, "session.output_transcript.delta") == "Buenos días."
    assert events[-1]["type"] == "session.closed"
    assert booth.session.closing is None
    assert booth.error(APPEND, audio=b64(quiet(0.2))) == ("invalid_event", None)
    idle = Booth()
    assert [event["type"] for event in idle.say("session.close")] == ["session.closed"]


def test_translations_take_time() -> None:
    """At natural speed the sound comes as it is played, and no silence in between."""
    booth = Booth(speed=1.0)
    booth.update(output={"language": "es"})
    first = booth.hear(tone(1.0), quiet(0.6))
    assert len(by_kind(first, "session.output_audio.delta")) < 10
    booth.now = 30.0
    booth.session.handle_timer(booth.now)
    later = booth.take()
    assert spoken(first + later, "session.output_transcript.delta") == "Buenos días."
    assert by_kind(later, "session.output_audio.delta")


@pytest.mark.parametrize(
    ("kind", "fields", "code", "param"),
    [
        ("response.create", {}, "invalid_value", "type"),
        ("input_audio_buffer.append", {"audio": ""}, "invalid_value", "type"),
        ("nope", {}, "invalid_value", "type"),
        ("session.update", {}, "missing_required_parameter", "session"),
        ("session.update", {"session": {"type": "translation"}}, "unknown_parameter", "session.type"),
        ("session.update", {"session": {"model": "x"}}, "unknown_parameter", "session.model"),
        (
            "session.update",
            {"session": {"audio": {"input": {"turn_detection": None}}}},
            "unknown_parameter",
            "session.audio.input.turn_detection",
        ),
        (
            "session.update",
            {"session": {"audio": {"input": {"transcription": {}}}}},
            "missing_required_parameter",
            "session.audio.input.transcription.model",
        ),
        (APPEND, {}, "missing_required_parameter", "audio"),
        (APPEND, {"audio": "!"}, "invalid_value", "audio"),
    ],
)
def test_refusals(kind: str, fields: Event, code: str, param: str) -> None:
    """The same words as elsewhere; nothing changes."""
    booth = Booth()
    before = booth.update()
    assert booth.error(kind, **fields) == (code, param)
    assert booth.update() == before
    booth.session.receive_message("{}", 0.0)
    (event,) = booth.take()
    assert event["error"]["code"] == "invalid_event"


def test_it_expires_like_any_session() -> None:
    """With the error, and 1001."""
    booth = Booth()
    booth.session.handle_timer(3600.0)
    assert one(booth.take(), "error")["error"]["code"] == "session_expired"
    assert booth.session.closing == CloseInfo(
        1001, "Your session hit the maximum duration of 60 minutes.", by_us=True
    )


def test_a_scenario_that_fails_or_cannot_translate() -> None:
    """An error of the server's, and the session goes on; without a translation, the words themselves."""

    class Plain:
        def reply(self, turn: rt.loopback.Turn) -> rt.loopback.Reply:
            raise AssertionError("nothing is answered here")

        def transcript(self, heard: rt.loopback.Heard) -> str:
            if heard.seconds > 2:
                raise ValueError("too long")
            return "As it is."

    booth = Booth(scenario=Plain())
    events = booth.hear(tone(3.0), quiet(1.0))
    assert one(events, "error")["error"]["message"] == "The scenario raised ValueError: too long"
    events = booth.hear(tone(1.0), quiet(1.0))
    assert spoken(events, "session.output_transcript.delta") == "As it is."


def request(target: str, **headers: str) -> Request:
    return Request(
        target, [("Upgrade", "websocket"), *((name.replace("_", "-"), v) for name, v in headers.items())]
    )


@pytest.mark.parametrize(
    ("target", "headers", "code"),
    [
        ("/v1/realtime/translations", {}, "missing_model"),
        ("/v1/realtime/translations?model=gpt-realtime", {}, "invalid_model"),
        (
            "/v1/realtime/translations?model=gpt-realtime-translate",
            {"OpenAI_Beta": "realtime=v1"},
            "beta_api_shape_disabled",
        ),
    ],
)
def test_refused_connections(target: str, headers: dict[str, str], code: str) -> None:
    """In-band, with close 4000."""
    outcome = decide(request(target, **headers), AccessPolicy())
    assert isinstance(outcome, InBandRefusal)
    assert (outcome.fault.code, outcome.close_code) == (code, 4000)


def test_opened_connections() -> None:
    """Under any prefix, with the model's name or one that is allowed."""
    opened = Opened("translation", "gpt-realtime-translate")
    assert (
        decide(request("/openai/v1/realtime/translations/?model=gpt-realtime-translate"), AccessPolicy())
        == opened
    )
    policy = AccessPolicy(models=["mine"])
    assert decide(request("/realtime/translations?model=mine"), policy) == Opened("translation", "mine")


async def test_over_the_socket() -> None:
    """A path of its own; typed events of its own dialect; the client closes."""
    async with LoopbackServer(scenario=SCRIPT, speed=math.inf) as server:
        async with connect(
            f"{server.url}/translations?model=gpt-realtime-translate", max_size=None
        ) as connection:
            await hear(connection, "session.created")
            await say(connection, APPEND, audio=b64(np.concatenate([tone(0.6), quiet(0.6)])))
            await say(connection, "session.close")
            events = await hear(connection, "session.closed")
        assert by_kind(events, "session.output_transcript.delta")
        assert server.sessions == ()
        assert len(server.translations) == 1
        assert [type(event).__name__ for event in server.received] == [
            "SessionInputAudioBufferAppend",
            "SessionClose",
        ]
        assert type(server.sent[0]).__module__.endswith("translation")
