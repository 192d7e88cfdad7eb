"""The loudspeaker of a session on a terminal. Loads numpy."""

from __future__ import annotations

from ..devices.base import Pull
from ..devices.portaudio import Speaker
from .patience import within

__all__ = ["Loudspeaker"]


class Loudspeaker(Speaker):
    """A `Speaker` that does not hang where its device does."""

    def start(self, pull: Pull) -> None:
        """As of `Speaker`, with a limit: raises `AudioError` if the device takes more than some seconds."""
        start = super().start
        within(lambda: start(pull), "starting the loudspeaker", lambda _: self.stop())
