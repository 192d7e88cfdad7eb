"""The `openai` package, a client nobody here wrote, against the loopback server over 127.0.0.1."""

from __future__ import annotations

import base64
import math

import pytest
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent

from realtime_raw.audio.levels import rms_dbfs
from realtime_raw.audio.pcm import from_pcm16
from realtime_raw.loopback.scenario import Brain
from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from tests.loopback.driver import b64, tone

MODEL = "gpt-realtime-2.1"


def server(*, scenario: Brain | None = None, speed: float = math.inf) -> LoopbackServer:
    return LoopbackServer(speed=speed, speaker=murmur_speaker(), keys=["sk-test"], scenario=scenario)


def peer(running: LoopbackServer) -> AsyncOpenAI:
    return AsyncOpenAI(api_key="sk-test", websocket_base_url=running.base_url)


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[RealtimeServerEvent]:
    """Events up to and with the first of type `kind`."""
    heard = []
    async for event in connection:
        heard.append(event)
        if event.type == kind:
            break
    return heard


async def manual(connection: AsyncRealtimeConnection) -> None:
    """Turn detection off."""
    await connection.session.update(
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    )
    updated = (await until(connection, "session.updated"))[-1]
    assert updated.type == "session.updated"
    assert updated.session.type == "realtime"
    assert updated.session.audio is not None
    assert updated.session.audio.input is not None
    assert updated.session.audio.input.turn_detection is None


async def test_a_written_turn() -> None:
    """It reads the deltas and the final response as its own types."""
    async with server() as running, peer(running).realtime.connect(model=MODEL) as connection:
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        )
        await connection.response.create(response={"output_modalities": ["text"]})
        heard = await until(connection, "response.done")
        text = "".join(event.delta for event in heard if event.type == "response.output_text.delta")
        assert text == "You said: Hello"
        done = heard[-1]
        assert done.type == "response.done"
        assert done.response.status == "completed"
        assert done.response.usage is not None
        assert done.response.usage.total_tokens


async def test_a_spoken_turn_by_hand() -> None:
    """Appends, commits, and hears an answer that is sound."""
    async with server() as running, peer(running).realtime.connect(model=MODEL) as connection:
        await manual(connection)
        sound = tone(2.0)
        for at in range(0, len(sound), 2400):
            await connection.input_audio_buffer.append(audio=b64(sound[at : at + 2400]))
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        heard = await until(connection, "response.done")
        audio = b"".join(
            base64.b64decode(event.delta) for event in heard if event.type == "response.output_audio.delta"
        )
        assert len(audio) > 48_000
        assert -40 < rms_dbfs(from_pcm16(audio)) < -10
        transcripts = [e.transcript for e in heard if e.type == "response.output_audio_transcript.done"]
        assert transcripts == ["I heard 2.0 seconds of audio at -20 dBFS."]


async def test_a_function_call() -> None:
    """The call, its output, and an answer that uses it."""
    async with server() as running, peer(running).realtime.connect(model=MODEL) as connection:
        await connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["text"],
                "tools": [
                    {
                        "type": "function",
                        "name": "get_weather",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        },
                    }
                ],
            }
        )
        await connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Rome"}]}
        )
        await connection.response.create(
            response={"tool_choice": {"type": "function", "name": "get_weather"}}
        )
        heard = await until(connection, "response.done")
        (call,) = [e for e in heard if e.type == "response.function_call_arguments.done"]
        assert (call.name, call.arguments) == ("get_weather", '{"city":"Rome"}')
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "Sunny, 24 degrees."}
        )
        await connection.response.create()
        heard = await until(connection, "response.done")
        (said,) = [event.text for event in heard if event.type == "response.output_text.done"]
        assert said == "The tool answered: Sunny, 24 degrees."


async def test_an_interruption() -> None:
    """Cancel in the middle of the answer, then truncate to what was played."""
    long = "This answer goes on and on, and would not end for quite a while. " * 5
    slow = server(scenario=lambda turn: long, speed=20.0)
    async with slow as running, peer(running).realtime.connect(model=MODEL) as connection:
        await manual(connection)
        await connection.response.create()
        heard = await until(connection, "response.output_audio.delta")
        (item_id,) = {e.item_id for e in heard if e.type == "response.output_audio.delta"}
        await connection.response.cancel()
        done = (await until(connection, "response.done"))[-1]
        assert done.type == "response.done"
        assert done.response.status == "cancelled"
        assert done.response.status_details is not None
        assert done.response.status_details.reason == "client_cancelled"
        await connection.conversation.item.truncate(item_id=item_id, content_index=0, audio_end_ms=50)
        told = (await until(connection, "conversation.item.truncated"))[-1]
        assert told.type == "conversation.item.truncated"
        assert told.audio_end_ms == 50


@pytest.mark.parametrize("key", ["sk-wrong-key"])
async def test_a_wrong_key_is_an_error_event(key: str) -> None:
    """As on the live API: accepted, then refused inside."""
    async with server() as running:
        client = AsyncOpenAI(api_key=key, websocket_base_url=running.base_url)
        async with client.realtime.connect(model=MODEL) as connection:
            first = await connection.recv()
            assert first.type == "error"
            assert first.error.code == "invalid_api_key"
