"""What sessions load of the wire's models: those that they meet, and no others.

Each session has an interpreter of its own; the server, which knows them all, is in this one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import realtime_raw as rt
from tests.house.source import ROOT

# What only some sessions meet, and what is needed to send more than sound.
SELDOM = frozenset({"mcp_items", "seldom", "session_seldom", "translation"})
SENT = frozenset({"audio_config", "client", "new_items", "response_config", "session_config"})

HEAD = """
import asyncio, sys
import realtime_raw as rt

def models():
    names = (name.rpartition(".") for name in sys.modules)
    return " ".join(sorted(last for package, _, last in names if package == "realtime_raw.events"))

def weather(city: str) -> str:
    \"\"\"The weather in a city.\"\"\"
    return f"sunny in {city}"

async def main(url):
"""

OPENED = """
async with rt.connect(url, manual_turns=False) as conn:
    await conn.append(bytes(4800))
    print(models())
"""
WRITTEN = """
async with rt.connect(url) as conn:
    await conn.insert("Hello there")
    reply = await conn.respond(output="text")
    assert "".join([piece async for piece in reply.text()])
    await reply.done()
    assert [turn.who for turn in conn.turns] == ["user", "assistant"]
    print(models())
"""
SPOKEN = """
async with rt.connect(url) as conn:
    await conn.patch(transcription=rt.Transcription(model="whisper-1"), voice="marin")

    @conn.on("*")
    async def every(event):
        pass

    conn.record(sys.argv[2])
    for _ in range(2):
        await conn.append(bytes(range(256)) * 375)
        await conn.commit()
        reply = await conn.respond()
        assert [piece async for piece in reply.audio()]
        await reply.done()
    await conn.interrupt()
    assert conn.transcript.lines() and conn.usage.responses
    conn.explain()
    print(models())
"""
CALLED = """
async with rt.connect(url, tools=[weather]) as conn:
    answered = conn.wait_for("response.done", 10, lambda event: event.response.output[0].type == "message")
    await conn.insert("Call weather for Paris")
    await conn.respond(output="text")
    await answered
    assert [item.type for item in conn.history][1:3] == ["function_call", "function_call_output"]
    print(models())
"""


def loaded(session: str, url: str, folder: Path) -> set[str]:
    """The modules of `realtime_raw.events` that a session needed."""
    code = HEAD + textwrap.indent(session, "    ") + "\nasyncio.run(main(sys.argv[1]))\n"
    # Measuring coverage loads modules of its own, so these interpreters go without.
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", code, url, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("session", [WRITTEN, SPOKEN, CALLED], ids=["written", "spoken", "called"])
def test_a_usual_session_does_without_the_seldom_ones(
    session: str, realtime_server: rt.loopback.LoopbackServer, tmp_path: Path
) -> None:
    """Text, voice with transcripts, and functions: each says its own, and what is MCP's is not loaded."""
    found = loaded(session, realtime_server.url, tmp_path)
    assert not found & SELDOM
    assert "client" in found
    assert ("transcription" in found) == (session is SPOKEN)


def test_what_is_not_sent_is_not_loaded(realtime_server: rt.loopback.LoopbackServer, tmp_path: Path) -> None:
    """A session as the server offers it is ready, and sends sound, without the models of requests."""
    found = loaded(OPENED, realtime_server.url, tmp_path)
    assert not found & (SELDOM | SENT | {"transcription"})
    assert "server" in found
