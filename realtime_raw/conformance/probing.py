"""What a server can do at all, found by a few cheap exchanges before the cases.

So what is absent is "unsupported", and not forty failures. Each capability is
asked by itself; being refused, or getting no answer, is a no.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from ..errors import ConnectFailed
from ..text import safe
from .case import Kind, Violation
from .judging import evidence_of
from .lines import Caller, Knock, LineClosed, Tape
from .probe import Probe
from .report import CaseResult
from .rules.base import place

__all__ = ["CAPABILITIES", "Found", "probe_capabilities"]

# Name -> what it means. A case's `needs` are among them.
CAPABILITIES: dict[str, str] = {
    "greeting": "session.created comes by itself",
    "auth": "a wrong key is refused",
    "errors": "an event of an unknown type is answered by an error",
    "manual": "turn detection can be turned off",
    "vad": "turn detection by the server (server_vad)",
    "semantic_vad": "turn detection by meaning (semantic_vad)",
    "transcription": "input transcription beside a conversation",
    "tools": "function tools",
    "mcp": "MCP servers as tools",
    "g711": "G.711 in and out (audio/pcmu, audio/pcma)",
    "noise_reduction": "input noise reduction",
    "reasoning": "reasoning effort",
    "text_in": "user messages in writing",
    "text_out": "answers in writing",
    "metadata": "metadata of a response is echoed",
    "retrieve": "items can be retrieved",
    "delete": "items can be deleted",
    "image_in": "images in user messages",
    "out_of_band": "responses outside the conversation",
    "audio_in": "audio can be appended and committed",
    "audio_out": "answers in speech",
    "truncate": "spoken answers can be truncated",
    "transcription_session": "sessions that only transcribe",
    "translation_session": "sessions that translate",
}

_SHORT = 6.0
_DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)
_SAY = "Say exactly: hello."


@dataclass(frozen=True, slots=True)
class Found:
    """What there is, and the exchanges that showed it."""

    capabilities: dict[str, bool]
    evidence: tuple[CaseResult, ...]
    tapes: dict[str, Tape]


class _Asker:
    """One connection's questions: each a coroutine that raises where the answer is no."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.found: dict[str, bool] = {}
        self.reasons: list[str] = []

    async def ask(self, name: str, question: Callable[[], Awaitable[object]]) -> bool:
        try:
            await question()
            self.found[name] = True
        except Exception as exc:
            # Also what a server's own shapes make of our questions: whatever goes wrong, the answer is no.
            self.found[name] = False
            self.reasons.append(f"{name}: {safe(str(exc))}")
        return self.found[name]

    async def update(self, name: str, **changes: Any) -> bool:
        return await self.ask(name, lambda: self.probe.session(**changes))


async def probe_capabilities(caller: Caller) -> Found:
    """Ask all of it. Raises `ConnectFailed` where no conversation can be opened at all."""
    first = await _open(caller)
    groups = await asyncio.gather(
        _run(caller, "PROBE-DOOR", "the door", _door, "handshake"),
        _run(caller, "PROBE-SESSION", "what a session can be told", _session, "realtime", first),
        _run(caller, "PROBE-TEXT", "an exchange in writing", _text, "realtime", first),
        _run(caller, "PROBE-AUDIO", "an exchange in sound", _audio, "realtime", first),
        _run(caller, "PROBE-TRANSCRIPTION", "a transcription session", _other, "transcription", first),
        _run(caller, "PROBE-TRANSLATION", "a translation session", _other, "translation", first),
    )
    found = dict.fromkeys(CAPABILITIES, False) | {"greeting": first}
    for asker, _ in groups:
        found |= asker.found
    return Found(
        found, tuple(result for _, result in groups), {result.case_id: a.probe.tape for a, result in groups}
    )


async def _open(caller: Caller) -> bool:
    """Whether a conversation begins with `session.created`. Raises `ConnectFailed` if there is none."""
    probe = Probe(caller, timeout_s=_SHORT)
    answer = await probe.knock(Knock())
    if answer.line is None:
        raise ConnectFailed(
            f"the server refused the connection: HTTP {answer.status} {answer.body}".rstrip(),
            status=answer.status,
        )
    try:
        created = await probe.maybe("session.created", "error", within=_SHORT)
    except Violation as exc:
        raise ConnectFailed(f"no session came of the connection: {exc}") from None
    finally:
        await probe.close()
    if created is not None and created["type"] == "error":
        code, message = place(created, "error", "code"), place(created, "error", "message")
        raise ConnectFailed(f"the server refused the session: {code}: {message}")
    return created is not None


async def _run(
    caller: Caller,
    name: str,
    title: str,
    questions: Callable[[_Asker], Awaitable[None]],
    kind: Kind,
    greeted: bool = True,
) -> tuple[_Asker, CaseResult]:
    probe = Probe(caller, kind=kind, timeout_s=60.0)
    probe.greeted = greeted
    asker = _Asker(probe)
    try:
        await questions(asker)
        await probe.settle(5.0)
    except (Violation, LineClosed, ConnectFailed) as exc:
        asker.reasons.append(safe(str(exc)))
    finally:
        await probe.close()
    yes = ", ".join(name for name, there in asker.found.items() if there)
    result = CaseResult(
        case_id=name,
        verdict="pass",
        title=title,
        family="probing",
        level="may",
        message="; ".join([f"has {yes}" if yes else "has nothing of it", *asker.reasons]),
        journal=tuple(evidence_of(probe.tape)),
    )
    return asker, result


async def _door(asker: _Asker) -> None:
    async def wrong_key() -> None:
        answer = await asker.probe.knock(Knock(key="wrong"))
        if answer.line is not None:
            first = await asker.probe.expect("error", "session.created", within=_SHORT)
            asker.probe.check(first["type"] == "error", "a wrong key is accepted", first)

    await asker.ask("auth", wrong_key)


async def _session(asker: _Asker) -> None:
    await asker.probe.open()
    listening = {"type": "server_vad", "create_response": False, "interrupt_response": False}
    await asker.update("vad", audio={"input": {"turn_detection": listening}})
    await asker.update("semantic_vad", audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
    await asker.update("manual", audio={"input": {"turn_detection": None}})
    await asker.update("transcription", audio={"input": {"transcription": {"model": "whisper-1"}}})
    await asker.update("noise_reduction", audio={"input": {"noise_reduction": {"type": "near_field"}}})
    mu_law = {"format": {"type": "audio/pcmu"}}
    await asker.update("g711", audio={"input": mu_law, "output": mu_law})
    tool = {"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}
    await asker.update("tools", tools=[tool])
    await asker.update("reasoning", reasoning={"effort": "low"})
    server = {"type": "mcp", "server_label": "probe", "server_url": "https://example.com/mcp"}
    await asker.update("mcp", tools=[server])
    await asker.ask("errors", lambda: _refused(asker.probe))


async def _refused(probe: Probe) -> None:
    await probe.refused(await probe.send("conformance.unknown"), within=_SHORT)


async def _text(asker: _Asker) -> None:
    probe = asker.probe
    await probe.open()
    item: dict[str, Any] = {}

    async def text_in() -> None:
        item.update(await probe.user_text(_SAY))

    async def text_out() -> None:
        seen = await probe.respond(output_modalities=["text"], metadata={"probe": "1"})
        probe.check(seen.text, "no text came")
        asker.found["metadata"] = seen.response.get("metadata") == {"probe": "1"}

    async def retrieve() -> None:
        await probe.send("conversation.item.retrieve", item_id=item["id"])
        await probe.expect("conversation.item.retrieved", within=_SHORT)

    async def out_of_band() -> None:
        seen = await probe.respond(conversation="none", output_modalities=["text"], instructions=_SAY)
        probe.check(seen.response.get("conversation_id") is None, "it is in the conversation", seen.done)

    async def delete() -> None:
        await probe.send("conversation.item.delete", item_id=item["id"])
        await probe.expect("conversation.item.deleted", within=_SHORT)

    async def image_in() -> None:
        content = [{"type": "input_image", "image_url": _DOT}]
        await probe.create_item({"type": "message", "role": "user", "content": content})

    if await asker.ask("text_in", text_in):
        await asker.ask("text_out", text_out)
        await asker.ask("retrieve", retrieve)
        await asker.ask("out_of_band", out_of_band)
        await asker.ask("delete", delete)
        await asker.ask("image_in", image_in)


async def _audio(asker: _Asker) -> None:
    probe = asker.probe
    await probe.open()
    await asker.ask("manual", probe.manual)

    async def audio_in() -> None:
        await probe.append_tone(0.4)
        await probe.commit()

    async def audio_out() -> None:
        await probe.user_text(_SAY)
        seen = await probe.respond(output_modalities=["audio"])
        probe.check(seen.audio, "no audio came")
        spoken.extend(item for item in seen.output if item.get("role") == "assistant")

    async def truncate() -> None:
        await probe.send(
            "conversation.item.truncate", item_id=spoken[0]["id"], content_index=0, audio_end_ms=100
        )
        await probe.expect("conversation.item.truncated", within=_SHORT)

    spoken: list[dict[str, Any]] = []
    await asker.ask("audio_in", audio_in)
    if await asker.ask("audio_out", audio_out) and spoken:
        await asker.ask("truncate", truncate)


async def _other(asker: _Asker) -> None:
    probe = asker.probe

    async def opens() -> None:
        session = await probe.open()
        kind = session.get("type", probe.kind)
        probe.check(kind == probe.kind, f"the session is of type {kind}")

    await asker.ask(f"{probe.kind}_session", opens)
