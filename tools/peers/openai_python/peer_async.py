"""The `openai` package's asynchronous client, driven as its own documentation does."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection

MODEL = "gpt-realtime-2.1"
SOUND = Path(os.environ["PEER_AUDIO"]).read_bytes()
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def until(connection: AsyncRealtimeConnection, kind: str) -> list[Any]:
    """Events up to and with the first of type `kind`; an error ends it."""
    heard = []
    async for event in connection:
        if event.type == "error":
            raise RuntimeError(event.error.message)
        heard.append(event)
        if event.type == kind:
            break
    return heard


async def manual(connection: AsyncRealtimeConnection, **more: Any) -> None:
    """Turn detection off."""
    session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}, **more}
    await connection.session.update(session=session)
    await until(connection, "session.updated")


async def ask(connection: AsyncRealtimeConnection, text: str) -> None:
    """A written message, and the wish for an answer."""
    await connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    await connection.response.create()


async def text(connection: AsyncRealtimeConnection) -> dict[str, Any]:
    await manual(connection, output_modalities=["text"])
    await ask(connection, "Hello")
    heard = await until(connection, "response.done")
    return {"said": "".join(e.delta for e in heard if e.type == "response.output_text.delta")}


async def audio(connection: AsyncRealtimeConnection) -> dict[str, Any]:
    await manual(connection)
    for at in range(0, len(SOUND), 4800):
        await connection.input_audio_buffer.append(audio=base64.b64encode(SOUND[at : at + 4800]).decode())
    await connection.input_audio_buffer.commit()
    await connection.response.create()
    heard = await until(connection, "response.done")
    chunks = [base64.b64decode(e.delta) for e in heard if e.type == "response.output_audio.delta"]
    said = [e.transcript for e in heard if e.type == "response.output_audio_transcript.done"]
    return {"said": "".join(said), "audio_bytes": sum(map(len, chunks))}


async def function(connection: AsyncRealtimeConnection) -> dict[str, Any]:
    await manual(connection, output_modalities=["text"], tools=[TOOL])
    await ask(connection, "What is the weather in Rome?")
    heard = await until(connection, "response.done")
    (call,) = [e for e in heard if e.type == "response.function_call_arguments.done"]
    await connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}
    )
    await connection.response.create()
    heard = await until(connection, "response.done")
    said = [e.text for e in heard if e.type == "response.output_text.done"]
    return {"called": call.name, "arguments": json.loads(call.arguments), "said": "".join(said)}


async def interruption(connection: AsyncRealtimeConnection) -> dict[str, Any]:
    await manual(connection)
    await ask(connection, "Tell me a long story.")
    first = (await until(connection, "response.output_audio.delta"))[-1]
    await connection.response.cancel()
    done = (await until(connection, "response.done"))[-1]
    await connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=50)
    await until(connection, "conversation.item.truncated")
    return {"status": done.response.status}


async def main(scenario: str) -> None:
    """One scenario over one connection; its outcome as a line of JSON."""
    run = {"text": text, "audio": audio, "function": function, "interruption": interruption}[scenario]
    client = openai.AsyncOpenAI(api_key=os.environ["PEER_KEY"], websocket_base_url=os.environ["PEER_URL"])
    async with client.realtime.connect(model=MODEL) as connection:
        outcome = await run(connection)
    print(json.dumps({"version": openai.__version__, **outcome}))


asyncio.run(main(sys.argv[1]))
