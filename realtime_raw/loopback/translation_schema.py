"""What a translation session's client may send, as data, and what its configuration comes to.

The session object has a shape of its own: no type in updates, no formats, no
turns (API reference).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from . import refusals
from .client_schema import EVENTS
from .validate import Choice, Decimal, Nullable, Shape, Text

__all__ = ["TranslationConfig", "check_translation_event"]

_TEXT = Text()
_SESSION = Shape(
    {
        "audio": Shape(
            {
                "input": Shape(
                    {
                        "transcription": Nullable(Shape({"model": Text(filled=True)}, ("model",))),
                        "noise_reduction": Nullable(
                            Shape(
                                {"type": Choice(("near_field", "far_field")), "strength": Decimal(0.0, 1.0)},
                                ("type",),
                            )
                        ),
                    }
                ),
                "output": Shape({"language": Text(filled=True)}),
            }
        )
    }
)
_ANY = {"type": _TEXT, "event_id": Text(limit=512)}
_TRANSLATION_EVENTS = {
    "session.update": Shape({**_ANY, "session": _SESSION}, ("session",)),
    "session.input_audio_buffer.append": Shape({**_ANY, "audio": _TEXT}, ("audio",)),
    "session.close": Shape(_ANY),
}


def check_translation_event(event: Mapping[str, Any]) -> str:
    """Checks a parsed client message whole and returns its type. Raises `Refused` at the first fault.

    The supported types the server lists are those of all kinds of session (observed).
    """
    if "type" not in event:
        raise refusals.Refused(refusals.MISSING_TYPE)
    Choice(tuple(EVENTS)).check(event["type"], "type")
    kind = str(event["type"])
    if kind not in _TRANSLATION_EVENTS:
        raise refusals.not_for_translation(kind)
    _TRANSLATION_EVENTS[kind].check(event, "")
    return kind


class TranslationConfig:
    """A translation session's configuration, kept as the object it is sent as."""

    def __init__(self, model: str) -> None:
        self._wire: dict[str, Any] = {
            "id": "",
            "type": "translation",
            "expires_at": 0,
            "model": model,
            "audio": {
                "input": {"transcription": None, "noise_reduction": None},
                "output": {"language": "en"},  # the default is our choice
            },
            "include": None,
        }

    def begin(self, session_id: str, expires_at: int) -> None:
        """The session has an id, and an end."""
        self._wire |= {"id": session_id, "expires_at": expires_at}

    @property
    def language(self) -> str:
        """What is translated into."""
        return str(self._wire["audio"]["output"]["language"])

    @property
    def transcribes(self) -> bool:
        """Whether the source is transcribed too."""
        return self._wire["audio"]["input"]["transcription"] is not None

    def update(self, patch: Mapping[str, Any]) -> None:
        """Merge what is named."""
        audio = patch.get("audio", {})
        for side in ("input", "output"):
            self._wire["audio"][side] |= copy.deepcopy(audio.get(side, {}))

    def to_wire(self) -> dict[str, Any]:
        """The object events carry (a copy)."""
        return copy.deepcopy(self._wire)
