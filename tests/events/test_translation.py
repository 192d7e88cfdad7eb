"""The translation dialect: the same names, other payloads."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

import realtime_raw.events as ev
from realtime_raw import codec
from realtime_raw.errors import InvalidCommand
from realtime_raw.events import translation


def test_the_same_name_is_read_by_dialect() -> None:
    wire = orjson.dumps({"type": "session.created", "session": {"type": "translation", "audio": {}}})
    assert isinstance(codec.decode(wire, ev.TRANSLATION), translation.SessionCreated)
    assert isinstance(codec.decode(wire, ev.REALTIME), ev.SessionCreated)


def test_there_are_no_turns_here() -> None:
    for name in ("response.created", "conversation.item.added", "response.audio.delta"):
        event = codec.decode(orjson.dumps({"type": name}), ev.TRANSLATION)
        assert isinstance(event, ev.UnknownServerEvent)
    with pytest.raises(InvalidCommand, match=r"value must be 'session\.update', .* or 'session\.close'"):
        codec.decode_client(b'{"type":"response.create"}', ev.TRANSLATION)


@pytest.mark.parametrize("field", ["type", "model", "instructions"])
def test_an_update_names_neither_type_nor_model(field: str) -> None:
    session: Any = {field: "x"}
    with pytest.raises(InvalidCommand) as caught:
        translation.SessionUpdate(session=session)
    assert [p.path for p in caught.value.problems] == [f"session.{field}"]


def test_an_update_is_sparse() -> None:
    update = translation.SessionUpdate(
        session=translation.TranslationSessionConfig(
            audio=translation.TranslationAudioConfig(
                output=translation.TranslationOutputConfig(language="es"),
                input=translation.TranslationInputConfig(transcription=None),
            )
        )
    )
    assert update.to_wire() == {
        "type": "session.update",
        "session": {"audio": {"input": {"transcription": None}, "output": {"language": "es"}}},
    }
