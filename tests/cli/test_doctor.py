"""Each check has its verdict and its remedy; the exit code is that of the first thing broken."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest

from realtime_raw.audio.pcm import Samples
from realtime_raw.cli import checks
from realtime_raw.cli.running import ExitCode
from realtime_raw.cli.target import Target
from realtime_raw.devices.host import DeviceInfo
from realtime_raw.errors import AudioError
from realtime_raw.loopback import LoopbackServer
from tests.cli import servers
from tests.cli.helpers import Run, tone

KEY = "sk-proj-abcdefghijklmnop"
MICROPHONE = DeviceInfo(3, "Mic", "ALSA", 1, 0, 48000, True, False)
SPEAKER = DeviceInfo(4, "Phones", "ALSA", 0, 2, 48000, False, True)


class Microphone:
    """One that gives `heard` again and again."""

    heard: Samples = np.zeros(0, np.int16)
    error: Exception | None = None

    def __init__(self) -> None:
        if self.error is not None:
            raise self.error

    def read_available(self) -> Samples:
        return self.heard

    def close(self) -> None:
        pass


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets which devices there are, and what the microphone gives."""

    def insert(*found: DeviceInfo, heard: Samples | None = None, error: Exception | None = None) -> None:
        monkeypatch.setattr("realtime_raw.devices.portaudio.list_devices", lambda: found)
        monkeypatch.setattr("realtime_raw.devices.portaudio.Microphone", Microphone)
        monkeypatch.setattr(Microphone, "heard", np.zeros(0, np.int16) if heard is None else heard)
        monkeypatch.setattr(Microphone, "error", error)
        monkeypatch.setattr(checks, "_LISTEN_S", 0.05)

    return insert


def test_all_is_well(run: Run, card: Callable[..., None]) -> None:
    """Nothing to mend: 0."""
    card(MICROPHONE, SPEAKER, heard=tone(0.02))
    told = run("doctor", "--loopback", "--json")
    assert told.code == 0
    verdicts = {line["name"]: line["verdict"] for line in told.lines}
    assert list(verdicts) == [
        "python",
        "packages",
        "extra cli",
        "extra audio",
        "extra speech",
        "terminal",
        "key",
        "server",
        "microphone",
        "loudspeaker",
        "turn",
    ]
    assert set(verdicts.values()) == {"ok"}
    assert all(line["says"] and line["remedy"] is None for line in told.lines)


def test_for_people(run: Run) -> None:
    """Marks, names, and remedies under what needs them; the key is never shown."""
    told = run("doctor", "--url", "ws://127.0.0.1:9/v1/realtime?token=hush", "--no-devices")
    assert told.code == ExitCode.CONNECTION
    assert "FAIL  server      ws://127.0.0.1:9/v1/realtime" in told.out
    assert "\n                  -> is the network up" in told.out
    assert "hush" not in told.out
    assert told.err == "1 of these must be mended first\n"


async def test_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reached, refused, silent, or not asked for want of a key."""
    with LoopbackServer() as server:
        found = await checks.endpoint(Target(server.url, False, "gpt-realtime-2.1"), 5)
        assert found.verdict == "ok"
        assert "a session with gpt-realtime-2.1" in found.says
    with servers.scripted(servers.refuses("invalid_api_key", f"Incorrect key: {KEY}", 3000)) as url:
        found = await checks.endpoint(Target(url, False, "m"), 5)
        assert (found.verdict, found.code) == ("fail", ExitCode.AUTH)
        assert "check OPENAI_API_KEY" in found.remedy
        assert "abcdef" not in found.says
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"ws://127.0.0.1:{deaf.getsockname()[1]}/v1/realtime"
        found = await checks.endpoint(Target(url, False, "m"), 0.2)
        assert found.verdict == "fail"
        assert "did not answer within 0.2 s" in found.says
    found = await checks.endpoint(Target("http://[", False, "m"), 1)
    assert (found.verdict, found.code) == ("fail", ExitCode.USAGE)


async def test_without_a_key_only_the_way_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is wrong there is a warning: nothing was to be done there."""

    async def reached(url: str) -> str:
        return "TCP and TLSv1.3"

    async def failed(url: str) -> str:
        raise OSError("Network is unreachable")

    target = Target(None, False, "m")
    monkeypatch.setattr(checks, "_reach", reached)
    found = await checks.endpoint(target, 1)
    assert found.verdict == "ok"
    assert "without a key no session was asked for" in found.says
    monkeypatch.setattr(checks, "_reach", failed)
    assert (await checks.endpoint(target, 1)).verdict == "warn"
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert (await checks.endpoint(target, 1)).verdict == "fail"


async def test_tls_is_named() -> None:
    """Against a certificate nobody vouches for it is the reason."""
    with LoopbackServer(tls=True) as server:
        found = await checks.endpoint(Target(server.url, False, "m"), 5)
        assert found.verdict == "fail"
        assert "CERTIFICATE_VERIFY_FAILED" in found.says


@pytest.mark.parametrize(
    ("value", "url", "verdict", "says"),
    [
        ("", None, "warn", "only the loopback server"),
        ("", "ws://127.0.0.1:1/", "ok", "not needed"),
        (KEY, None, "ok", "is set (24 characters)"),
        (f"{KEY}\n", None, "fail", "blanks"),
        ("sk two words", None, "fail", "blanks"),
        ("sk-ü", None, "fail", "characters no key has"),
    ],
)
def test_the_key(
    value: str, url: str | None, verdict: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is there and can be one; never what it is."""
    monkeypatch.setenv("OPENAI_API_KEY", value)
    found = checks.key(Target(url, False, "m"))
    assert found.verdict == verdict
    assert says in found.says
    assert "abcdef" not in found.says + found.remedy


def test_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra is a warning, what it stands on a failure."""
    monkeypatch.setattr(checks, "_version", lambda name: None if name in ("soxr", "orjson") else "1.0")
    found = {check.name: check for check in checks.packages()}
    assert (found["packages"].verdict, found["packages"].remedy) == ("fail", "pip install orjson")
    assert (found["extra audio"].verdict, found["extra audio"].remedy) == (
        "warn",
        "pip install 'realtime_raw[audio]'",
    )
    assert found["extra cli"].verdict == "ok"
    monkeypatch.undo()
    assert checks._version("no-such-package-at-all") is None


@pytest.mark.parametrize(
    ("heard", "error", "says"),
    [
        (np.zeros(480, np.int16), None, "nothing but zeros"),
        (np.zeros(0, np.int16), None, "no sound at all"),
        (None, AudioError("it is in use"), "it is in use"),
    ],
)
def test_a_microphone_that_gives_nothing(
    heard: Samples | None, error: Exception | None, says: str, card: Callable[..., None]
) -> None:
    """A warning, with what it may be."""
    card(MICROPHONE, heard=heard, error=error)
    microphone, speaker = checks.devices()
    assert microphone.verdict == speaker.verdict == "warn"
    assert says in microphone.says
    assert microphone.remedy


def test_no_devices(card: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all, or none that can be listed."""
    card(SPEAKER)
    microphone, speaker = checks.devices()
    assert (microphone.says, speaker.verdict) == ("there is none", "ok")

    def broken() -> None:
        raise AudioError("PortAudio is missing")

    monkeypatch.setattr("realtime_raw.devices.portaudio.list_devices", broken)
    (found,) = checks.devices()
    assert (found.verdict, found.says) == ("warn", "PortAudio is missing")


async def test_a_turn_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that forbids even connections to itself."""

    def refused(*_: object, **__: object) -> None:
        raise OSError("Operation not permitted")

    monkeypatch.setattr("realtime_raw.loopback.LoopbackServer", refused)
    found = await checks.loopback_turn()
    assert (found.verdict, found.code) == ("fail", ExitCode.REFUSED)
    assert "Operation not permitted" in found.says


def test_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is plain lines then."""
    assert "plain lines" in checks.terminal().says
    assert threading.current_thread() is threading.main_thread()
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Windows" in checks.terminal().says
