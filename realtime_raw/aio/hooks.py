"""`HookChain`: all sound hooks as one, none of which can end the call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ..audio.pcm import Samples, to_int16

if TYPE_CHECKING:
    from ..devices.base import SoundHook

__all__ = ["HookChain"]


class HookChain:
    """Hooks one after the other. One that raises is reported, and not called again: the call goes on."""

    def __init__(self, hooks: Iterable[SoundHook], failed: Callable[[Exception], None]) -> None:
        self._hooks = list(hooks)
        self._failed = failed

    def __bool__(self) -> bool:
        return bool(self._hooks)

    def add(self, hook: SoundHook) -> None:
        """One more, behind the others."""
        self._hooks.append(hook)

    def played(self, samples: Samples, at: float, rate: int) -> None:
        """See `SoundHook`."""
        for hook in list(self._hooks):
            try:
                hook.played(samples, at, rate)
            except Exception as exc:
                self._drop(hook, exc)

    def captured(self, samples: Samples, at: float, rate: int) -> Samples:
        """See `SoundHook`; each gets what the one before it returned."""
        for hook in list(self._hooks):
            try:
                samples = to_int16(hook.captured(samples, at, rate))
            except Exception as exc:
                self._drop(hook, exc)
        return samples

    def _drop(self, hook: SoundHook, exc: Exception) -> None:
        self._hooks.remove(hook)
        self._failed(exc)
