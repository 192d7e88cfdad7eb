"""The `openai-agents` package: a `RealtimeSession` over its own WebSocket model."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

MODEL = "gpt-realtime-2.1"
SOUND = Path(os.environ["PEER_AUDIO"]).read_bytes()
MANUAL: dict[str, Any] = {"input": {"turn_detection": None}}
called: dict[str, Any] = {}


def get_weather(city: str) -> str:
    """The weather in a city."""
    called.update(called="get_weather", arguments={"city": city})
    return "Sunny."


def said(session: RealtimeSession) -> str:
    """The words of the assistant's last message, as the session's own history has them."""
    messages = [i for i in session._history if i.type == "message" and i.role == "assistant"]
    parts = messages[-1].content if messages else []
    return "".join(getattr(part, "text", None) or getattr(part, "transcript", None) or "" for part in parts)


async def turn(session: RealtimeSession, ends: int = 1) -> int:
    """Bytes of audio heard until the agent has ended `ends` times; an error ends it."""
    heard = 0
    async for event in session:
        if event.type == "error":
            raise RuntimeError(str(event.error))
        if event.type == "audio":
            heard += len(event.audio.data)
        if event.type == "agent_end":
            ends -= 1
            if not ends:
                break
    return heard


async def text(session: RealtimeSession) -> dict[str, Any]:
    await session.send_message("Hello")
    await turn(session)
    return {"said": said(session)}


async def audio(session: RealtimeSession) -> dict[str, Any]:
    for at in range(0, len(SOUND), 4800):
        await session.send_audio(SOUND[at : at + 4800], commit=at + 4800 >= len(SOUND))
    # Without turn detection nobody but the client asks for the answer.
    await session.model.send_event(RealtimeModelSendRawMessage(message={"type": "response.create"}))
    heard = await turn(session)
    return {"said": said(session), "audio_bytes": heard}


async def function(session: RealtimeSession) -> dict[str, Any]:
    await session.send_message("What is the weather in Rome?")
    await turn(session, ends=2)
    return {**called, "said": said(session)}


async def interruption(session: RealtimeSession) -> dict[str, Any]:
    await session.send_message("Tell me a long story.")
    asked = False
    async for event in session:
        if event.type == "error":
            raise RuntimeError(str(event.error))
        if event.type == "audio" and not asked:
            asked = True
            await asyncio.sleep(0.1)  # hear a little of it
            await session.interrupt()
        if event.type == "raw_model_event" and event.data.type == "raw_server_event":
            raw = event.data.data
            if raw["type"] == "response.done":
                return {"status": raw["response"]["status"]}
    raise RuntimeError("the session ended")


async def main(scenario: str) -> None:
    """One scenario over one connection; its outcome as a line of JSON."""
    run = {"text": text, "audio": audio, "function": function, "interruption": interruption}[scenario]
    modality = "text" if scenario in ("text", "function") else "audio"
    agent = RealtimeAgent(name="peer", instructions="Answer.", tools=[function_tool(get_weather)])
    runner = RealtimeRunner(agent)
    config: Any = {
        "api_key": os.environ["PEER_KEY"],
        "url": f"{os.environ['PEER_URL']}/realtime?model={MODEL}",
        "initial_model_settings": {"model_name": MODEL, "audio": MANUAL, "output_modalities": [modality]},
    }
    async with await runner.run(model_config=config) as session:
        outcome = await asyncio.wait_for(run(session), 30)
    print(json.dumps({"version": version("openai-agents"), **outcome}))


asyncio.run(main(sys.argv[1]))
