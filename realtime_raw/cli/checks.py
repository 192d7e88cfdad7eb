"""The single checks of `doctor`: each looks at one thing, and raises nothing over what it finds."""

from __future__ import annotations

import asyncio
import os
import platform
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal
from urllib.parse import urlsplit

import realtime_raw as rt

from ..text import safe
from .patience import within
from .running import ExitCode, judge
from .target import KEY, Target

__all__ = ["Check", "devices", "endpoint", "key", "loopback_turn", "packages", "python", "terminal"]

_CORE = ("websockets", "orjson", "numpy", "pydantic", "pybase64")
_EXTRAS = {
    "cli": (("typer", "rich"), "the command line"),
    "audio": (("sounddevice", "soundfile", "soxr"), "devices, other files than WAV, other rates"),
    "speech": (("espeakng-loader",), "words from the loopback server; it murmurs without"),
}
# Long enough for a sound system to wake up and give more than its first, empty blocks.
_LISTEN_S = 0.6


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `fail`: a session of the kind asked for cannot work; `warn`: a part of it cannot.

    `code` is what the command ends with if this failed.
    """

    name: str
    verdict: Literal["ok", "warn", "fail"]
    says: str
    remedy: str = ""
    code: ExitCode = ExitCode.USAGE


def python() -> Check:
    """The interpreter and the system it is on."""
    return Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def packages() -> Iterator[Check]:
    """The library, what it stands on, and its extras, with their versions."""
    versions = {name: _version(name) for name in _CORE}
    missing = [name for name, version in versions.items() if version is None]
    says = ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    yield Check(
        "packages",
        "fail" if missing else "ok",
        f"realtime_raw {rt.__version__}: {says}",
        f"pip install {' '.join(missing)}" if missing else "",
    )
    for extra, (names, use) in _EXTRAS.items():
        found = {name: _version(name) for name in names}
        absent = [name for name, version in found.items() if version is None]
        says = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items())
        yield Check(
            f"extra {extra}",
            "warn" if absent else "ok",
            f"{says} ({use})",
            f"pip install 'realtime_raw[{extra}]'" if absent else "",
        )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def terminal() -> Check:
    """Whether a session would have a screen here."""
    if sys.platform == "win32":
        return Check("terminal", "ok", "sessions are plain lines on Windows")
    from .screen.terminal import Terminal, encoding_of, is_screen

    if not is_screen():
        return Check("terminal", "ok", "none: a session would be plain lines")
    look = Terminal(sys.stdin.fileno(), sys.stdout.fileno(), encoding=encoding_of()).look()
    colour = "no colours (NO_COLOR)" if os.environ.get("NO_COLOR") else "colours"
    return Check("terminal", "ok", f"{look.width + 1} by {look.height} cells, {look.encoding}, {colour}")


def key(target: Target) -> Check:
    """Whether there is a key, and whether it can be one. Never what it is."""
    value = os.environ.get(KEY, "")
    needed = target.server is None and not target.loopback
    if not value.strip():
        if not needed:
            return Check("key", "ok", f"{KEY} is not set, and not needed for this server")
        return Check(
            "key",
            "warn",
            f"{KEY} is not set: only the loopback server can be used",
            f"export {KEY}=... (from the API keys page of your account)",
        )
    if value != value.strip() or not value.isascii() or not value.isprintable() or " " in value.strip():
        return Check(
            "key",
            "fail",
            f"{KEY} is set, and holds blanks or characters no key has",
            "copy it anew, without quotes and line ends",
            ExitCode.AUTH,
        )
    return Check("key", "ok", f"{KEY} is set ({len(value)} characters)")


async def endpoint(target: Target, timeout: float) -> Check:
    """Whether the server can be reached and opens a session, in `timeout` seconds: TCP, TLS, handshake."""
    if target.loopback:
        return Check("server", "ok", "the built-in loopback server (see below)")
    has_key = bool(os.environ.get(KEY, "").strip())
    try:
        where = (
            rt.Endpoint.openai(target.model)
            if target.server is None
            else rt.Endpoint.of(target.server, model=target.model)
        )
    except rt.LocalProtocolError as exc:
        return Check("server", "fail", safe(str(exc)), "give --url another URL", ExitCode.USAGE)
    name = where.redacted()
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):
            secured = await _reach(where.url)
            reached = f"{name}: {secured} in {(time.perf_counter() - started) * 1000:.0f} ms"
            if where.needs_key and not has_key:
                return Check("server", "ok", f"{reached}; without a key no session was asked for")
            async with rt.connect(where, open_timeout=None) as conn:
                took = (time.perf_counter() - started) * 1000
                model = getattr(conn.session.current, "model", None) or "a model it does not name"
                return Check("server", "ok", f"{reached}; a session with {safe(model)} after {took:.0f} ms")
    except TimeoutError:
        says, code = f"{name} did not answer within {timeout:g} s", ExitCode.CONNECTION
    except (OSError, rt.RealtimeError) as exc:
        verdict = judge(exc)
        says, code = f"{name}: {safe(str(exc))}", verdict.code if verdict else ExitCode.CONNECTION
    wanted = has_key or not where.needs_key
    remedy = "is the network up, is a proxy in the way, is the URL right?"
    if code is ExitCode.AUTH:
        remedy = f"check {KEY}, and the account's permissions and credit"
    return Check("server", "fail" if wanted else "warn", says, remedy, code)


async def _reach(url: str) -> str:
    """TCP and TLS to the host of `url`; returns what was spoken. Raises `OSError`."""
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    context = ssl.create_default_context() if secure else None
    _, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    secured = writer.get_extra_info("ssl_object")
    said = f"TCP and {secured.version()}" if secured is not None else "TCP"
    writer.transport.abort()
    return said


def devices() -> list[Check]:
    """The default microphone, which is listened to for a moment, and the default loudspeaker."""
    from ..devices.portaudio import list_devices

    try:
        found = within(list_devices, "listing the devices")
    except (rt.AudioError, rt.MissingExtra) as exc:
        return [Check("devices", "warn", safe(str(exc)), "without it a session is in writing")]
    microphone = next((one for one in found if one.default_input), None)
    speaker = next((one for one in found if one.default_output), None)
    checks = []
    if microphone is None:
        checks.append(
            Check(
                "microphone",
                "warn",
                "there is none",
                "plug one in, or use a file: --input-device file:Q.wav",
            )
        )
    else:
        checks.append(_listen(f"{microphone.index}: {safe(microphone.name)}"))
    if speaker is None:
        checks.append(Check("loudspeaker", "warn", "there is none", "answers will be in writing"))
    else:
        rate = f"{speaker.rate:.0f} Hz"
        checks.append(Check("loudspeaker", "ok", f"{speaker.index}: {safe(speaker.name)}, {rate}"))
    return checks


def _listen(name: str) -> Check:
    """Open the microphone for a moment: some give nothing but zeros until they are permitted to."""
    from ..audio.levels import LevelMeter
    from ..devices.portaudio import Microphone

    meter = LevelMeter()
    try:
        source = within(Microphone, "opening the microphone")
        try:
            until = time.monotonic() + _LISTEN_S
            while time.monotonic() < until:
                meter.add(source.read_available())
                time.sleep(0.02)
        finally:
            source.close()
    except (rt.AudioError, rt.MissingExtra) as exc:
        return Check("microphone", "warn", f"{name}: {safe(str(exc))}", "choose another with --input-device")
    levels = meter.levels()
    if not levels.frames:
        return Check(
            "microphone", "warn", f"{name} gives no sound at all", "is it in use by another program?"
        )
    if levels.silent:
        return Check(
            "microphone",
            "warn",
            f"{name} gives nothing but zeros",
            "is it muted, or is this program not permitted to use it?",
        )
    return Check(
        "microphone", "ok", f"{name}, RMS {levels.rms_dbfs:.0f} dBFS, peak {levels.peak_dbfs:.0f} dBFS"
    )


async def loopback_turn() -> Check:
    """One spoken turn against the loopback server: everything but the network and the devices."""
    import numpy as np

    tone = (np.sin(np.arange(12_000) * 0.06) * 8000).astype(np.int16)
    started = time.perf_counter()
    try:
        async with (
            asyncio.timeout(20),
            rt.loopback.LoopbackServer(speed=50.0, speaker=rt.loopback.murmur_speaker()) as server,
            rt.connect(server.url) as conn,
        ):
            await conn.append(tone)
            await conn.commit()
            reply = await conn.respond()
            frames = sum([len(piece) async for piece in reply.audio()])
            await reply.done()
    except (OSError, TimeoutError, rt.RealtimeError) as exc:
        return Check(
            "turn",
            "fail",
            f"a turn against the loopback server failed: {safe(str(exc)) or type(exc).__name__}",
            "may programs on this machine connect to 127.0.0.1?",
            ExitCode.REFUSED,
        )
    took = (time.perf_counter() - started) * 1000
    says = f"0.5 s said to the loopback server, {frames / 24_000:.1f} s answered, in {took:.0f} ms"
    return Check("turn", "ok" if frames else "fail", says, "", ExitCode.REFUSED)
