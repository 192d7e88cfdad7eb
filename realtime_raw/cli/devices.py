"""`devices`: the microphones and loudspeakers there are, and which are the default ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ..errors import AudioError, MissingExtra
from . import options
from .output import Output
from .patience import within
from .running import ExitCode

if TYPE_CHECKING:
    from ..devices.portaudio import DeviceInfo

__all__ = ["devices", "print_devices", "table"]

_HEAD = ("", "#", "in", "out", "rate", "name")


def devices(json: options.Json = False) -> None:
    """List the sound devices. `>` marks the default microphone, `<` the default loudspeaker."""
    print_devices(Output(as_json=json))


def print_devices(out: Output) -> None:
    """The table, or one JSON object a device. Raises `typer.Exit` where devices cannot be listed."""
    try:
        from ..devices.portaudio import list_devices

        found = within(list_devices, "listing the devices")
    except (AudioError, MissingExtra) as exc:
        code = ExitCode.USAGE if isinstance(exc, MissingExtra) else ExitCode.AUDIO
        out.error(str(exc), code, {"error": type(exc).__name__})
        raise typer.Exit(code) from None
    if out.as_json:
        for device in found:
            out.data("device", "", **dataclasses.asdict(device))
    elif found:
        out.data("devices", "\n".join(table(found)))
    else:
        out.say("there are no sound devices")


def table(found: Sequence[DeviceInfo]) -> list[str]:
    """The devices as rows of text, the defaults marked."""
    rows = [_HEAD]
    for device in found:
        mark = (">" if device.default_input else " ") + ("<" if device.default_output else " ")
        rate = f"{device.rate:.0f}"
        name = f"{device.name} ({device.host_api})"
        rows.append((mark, str(device.index), str(device.inputs), str(device.outputs), rate, name))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = []
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]))
    return lines
