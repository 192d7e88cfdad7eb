"""From a cold start: what importing costs, being ready to connect, and being in a session."""

from __future__ import annotations

import os
import subprocess
import sys

from tools.bench.clients import Client
from tools.bench.columns import Cell, Value

TITLE = "Start, CPU ms over an empty interpreter"
LEAST = True
CELLS = (
    Cell("import", ("ours", "openai", "agents"), {"stage": 0}, 5, 2, None, ("ours", "openai")),
    Cell(
        "ready",
        ("ours", "fast", "openai", "agents", "ws-pydantic"),
        {"stage": 1},
        5,
        2,
        None,
        ("ours", "fast", "openai"),
    ),
    Cell("session", ("ours", "fast", "openai"), {"stage": 2}, 3),
)

_OURS = """
import realtime_raw as rt
connecting = rt.connect("{url}", manual_turns=False)
"""
_OPENAI = """
from openai import AsyncOpenAI
client = AsyncOpenAI(api_key="sk-none", websocket_base_url="{base}")
manager = client.realtime.connect(model="gpt-realtime-2.1")
"""
IMPORTS = {"ours": "import realtime_raw", "openai": "import openai", "agents": "import agents.realtime"}
# Everything that is needed before the first event can be read, loaded and built.
READY = {
    "ours": _OURS
    + "import asyncio\nfrom realtime_raw import codec\nfrom realtime_raw.aio import handshake\ncodec.warm()",
    "openai": _OPENAI
    + "import asyncio, websockets.asyncio.client\nfrom openai.types.realtime import realtime_server_event",
    "agents": "import asyncio\nfrom agents.realtime import RealtimeAgent, RealtimeRunner, openai_realtime\n"
    "RealtimeRunner(RealtimeAgent(name='a', instructions='b'))",
    "ws-pydantic": "import asyncio, numpy, orjson, pybase64, websockets.asyncio.client\n"
    "from realtime_raw.events.catalog import REALTIME\n"
    "for event in REALTIME.server.values(): event.model_rebuild()",
}
SESSION = {
    "ours": _OURS
    + """
async def main():
    async with connecting as conn:
        finish()
asyncio.run(main())""",
    "openai": _OPENAI
    + """
async def main():
    async with manager as connection:
        async for event in connection:
            finish()
asyncio.run(main())""",
}
_TIMED = """
def finish():
    import os, time
    print(time.process_time())
    os._exit(0)
import sys
sys.stdout.reconfigure(line_buffering=True)
"""


def measure(client: Client, port: int, stage: float = 0) -> dict[str, Value]:
    """One start, less that of an empty interpreter; the least of several is kept."""
    name = "ours" if client.transport else client.name
    code = (IMPORTS, READY, SESSION)[int(stage)][name]
    base = f"ws://127.0.0.1:{port}/v1"
    code = code.format(url=f"{base}/realtime?mode=idle", base=base)
    if stage == 2:
        code = "import asyncio\n" + code
    empty, full = min(_run(""), _run("")), _run(code)
    return {"cpu_ms": (full - empty) * 1000}


def _run(code: str) -> float:
    # Compiled modules are used and written, as users' interpreters do.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", f"{_TIMED}{code}\nfinish()"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=60)
    return float(done.stdout.split()[0])
