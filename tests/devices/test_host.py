"""Which device is meant, and how PortAudio is made to look again."""

from __future__ import annotations

import os

import pytest

from realtime_raw.devices import host
from realtime_raw.devices.host import DeviceInfo, find_device, list_devices
from realtime_raw.errors import AudioError
from tests.devices.fake_portaudio import Card, FakePortAudio, install


@pytest.fixture
def pa(monkeypatch: pytest.MonkeyPatch) -> FakePortAudio:
    cards = [
        Card("Built-in Output", outputs=2, rate=44100),
        Card("Built-in Microphone", inputs=2),
        Card("USB Headset", inputs=1, outputs=2),
        Card("USB Headset", inputs=1, outputs=2, api=1),
        Card("USB Headset Pro\x1b[2J", inputs=1, outputs=2, api=1),
        Card("Chat", inputs=1),
        Card("Chat Pad", inputs=1),
    ]
    pa = install(FakePortAudio(*cards), monkeypatch)
    pa.default.device = (1, 0)
    return pa


def test_the_list_says_what_each_can(pa: FakePortAudio) -> None:
    first, second, _, _, last, *_ = list_devices()
    assert first == DeviceInfo(0, "Built-in Output", "Fake", 0, 2, 44100, False, True)
    assert second == DeviceInfo(1, "Built-in Microphone", "Fake", 2, 0, 48000, True, False)
    assert first.label == "0 Built-in Output (Fake)"
    assert "\x1b" not in last.name


@pytest.mark.parametrize(
    ("wanted", "direction", "index"),
    [
        (None, "input", 1),
        (None, "output", 0),
        (2, "output", 2),
        (4, "input", 4),
        ("usb headset", "input", 2),
        ("USB HEADSET", "output", 2),
        ("USB Headset, Other", "output", 3),
        ("Pro", "input", 4),
        ("chat", "input", 5),
        ("built", "input", 1),
        ("built", "output", 0),
        (" microphone ", "input", 1),
    ],
)
def test_which_one_is_meant(pa: FakePortAudio, wanted: int | str | None, direction: str, index: int) -> None:
    assert find_device(wanted, "input" if direction == "input" else "output").index == index


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("piano", r"^there is no input device 'piano'; choose one of: 1 Built-in Microphone \(Fake\), 2 USB"),
        (0, r"^there is no input device '0'; choose one of: 1 Built-in"),
        ("", "there is no input device ''"),
        ("other", r"^'other' names several input devices; choose one of: 3 USB Headset \(Other\), 4 USB"),
        ("\x1b[2J", "there is no input device"),
    ],
)
def test_none_or_several_are_said_with_the_candidates(
    pa: FakePortAudio, wanted: int | str, message: str
) -> None:
    with pytest.raises(AudioError, match=message) as caught:
        find_device(wanted, "input")
    assert "\x1b" not in str(caught.value)


def test_without_any_and_without_a_default(pa: FakePortAudio) -> None:
    pa.default.device = (-1, -1)
    with pytest.raises(AudioError, match=r"^there is no default input device; choose one of: 1 Built"):
        find_device(None, "input")
    pa.cards.clear()
    pa._look()
    assert list_devices() == ()
    with pytest.raises(AudioError, match=r"^there is no output device; connect a loudspeaker or headphones$"):
        find_device(None, "output")
    with pytest.raises(AudioError, match=r"connect a microphone$"):
        find_device("any", "input")


def test_a_list_that_cannot_be_had(pa: FakePortAudio) -> None:
    pa._initialized = 0
    with pytest.raises(AudioError, match="cannot be listed: PortAudio not initialized"):
        list_devices()


class Other:
    """A stream of somebody else's."""

    busy = False

    def __init__(self) -> None:
        self.told: list[str] = []

    def suspend(self) -> None:
        self.told.append("suspend")

    def resume(self) -> None:
        self.told.append("resume")


def test_looking_again_sees_what_is_new_and_spares_nobody(pa: FakePortAudio) -> None:
    mine, other = Other(), Other()
    host.register(mine)
    host.register(other)
    pa._initialized = 2  # the program around us had initialised it as well
    pa.cards.append(Card("new", inputs=1))
    host.rescan(mine)
    assert list_devices()[-1].name == "new"
    assert (mine.told, other.told) == ([], ["suspend", "resume"])
    assert pa._initialized == 2
    assert not host.others_busy(mine)
    other.busy = True
    assert host.others_busy(mine)

    def broken(_: int, name: str) -> None:
        if name == "_initialize":
            raise pa.PortAudioError("Unanticipated host error", -9999)

    pa.on_call = broken
    with pytest.raises(AudioError, match="does not start again: Unanticipated"):
        host.rescan(mine)
    assert other.told == ["suspend", "resume"] * 2
    pa.on_call = lambda number, name: None
    host.rescan(mine)
    assert pa._initialized == 1


def test_c_libraries_are_kept_from_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with host.hushed():
        os.write(2, b"ALSA lib: noise")
    os.write(2, b"news")
    assert capfd.readouterr().err == "news"

    def no_stderr(_: int) -> int:
        raise OSError

    with monkeypatch.context() as patch:  # pytest itself needs it
        patch.setattr(os, "dup", no_stderr)
        with host.hushed():
            pass
