"""The `openai` package's synchronous client, driven as its own documentation does."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import openai
from openai.resources.realtime.realtime import RealtimeConnection

MODEL = "gpt-realtime-2.1"
SOUND = Path(os.environ["PEER_AUDIO"]).read_bytes()
TOOL: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def until(connection: RealtimeConnection, kind: str) -> list[Any]:
    """Events up to and with the first of type `kind`; an error ends it."""
    heard = []
    for event in connection:
        if event.type == "error":
            raise RuntimeError(event.error.message)
        heard.append(event)
        if event.type == kind:
            break
    return heard


def manual(connection: RealtimeConnection, **more: Any) -> None:
    """Turn detection off."""
    session: Any = {"type": "realtime", "audio": {"input": {"turn_detection": None}}, **more}
    connection.session.update(session=session)
    until(connection, "session.updated")


def ask(connection: RealtimeConnection, text: str) -> None:
    """A written message, and the wish for an answer."""
    connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    )
    connection.response.create()


def text(connection: RealtimeConnection) -> dict[str, Any]:
    manual(connection, output_modalities=["text"])
    ask(connection, "Hello")
    heard = until(connection, "response.done")
    return {"said": "".join(e.delta for e in heard if e.type == "response.output_text.delta")}


def audio(connection: RealtimeConnection) -> dict[str, Any]:
    manual(connection)
    for at in range(0, len(SOUND), 4800):
        connection.input_audio_buffer.append(audio=base64.b64encode(SOUND[at : at + 4800]).decode())
    connection.input_audio_buffer.commit()
    connection.response.create()
    heard = until(connection, "response.done")
    chunks = [base64.b64decode(e.delta) for e in heard if e.type == "response.output_audio.delta"]
    said = [e.transcript for e in heard if e.type == "response.output_audio_transcript.done"]
    return {"said": "".join(said), "audio_bytes": sum(map(len, chunks))}


def function(connection: RealtimeConnection) -> dict[str, Any]:
    manual(connection, output_modalities=["text"], tools=[TOOL])
    ask(connection, "What is the weather in Rome?")
    heard = until(connection, "response.done")
    (call,) = [e for e in heard if e.type == "response.function_call_arguments.done"]
    connection.conversation.item.create(
        item={"type": "function_call_output", "call_id": call.call_id, "output": "Sunny."}
    )
    connection.response.create()
    heard = until(connection, "response.done")
    said = [e.text for e in heard if e.type == "response.output_text.done"]
    return {"called": call.name, "arguments": json.loads(call.arguments), "said": "".join(said)}


def interruption(connection: RealtimeConnection) -> dict[str, Any]:
    manual(connection)
    ask(connection, "Tell me a long story.")
    first = (until(connection, "response.output_audio.delta"))[-1]
    connection.response.cancel()
    done = (until(connection, "response.done"))[-1]
    connection.conversation.item.truncate(item_id=first.item_id, content_index=0, audio_end_ms=50)
    until(connection, "conversation.item.truncated")
    return {"status": done.response.status}


def main(scenario: str) -> None:
    """One scenario over one connection; its outcome as a line of JSON."""
    run = {"text": text, "audio": audio, "function": function, "interruption": interruption}[scenario]
    client = openai.OpenAI(api_key=os.environ["PEER_KEY"], websocket_base_url=os.environ["PEER_URL"])
    with client.realtime.connect(model=MODEL) as connection:
        outcome = run(connection)
    print(json.dumps({"version": openai.__version__, **outcome}))


main(sys.argv[1])
