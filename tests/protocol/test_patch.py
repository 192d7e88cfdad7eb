"""Sparse patches: exactly what was named, at its GA place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from realtime_raw.errors import InvalidCommand
from realtime_raw.events.audio_config import CustomVoice, NoiseReduction, PcmuFormat, ServerVad, Transcription
from realtime_raw.events.session import FunctionTool, PromptRef
from realtime_raw.protocol.patch import SessionPatch, changed_leaves
from realtime_raw.types import UNSET


def wire(patch: SessionPatch, kind: str = "realtime") -> dict[str, Any]:
    event = json.loads(patch.preview(kind))
    assert event["type"] == "session.update"
    assert event["session"].pop("type") == kind
    session: dict[str, Any] = event["session"]
    return session


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"instructions": "x"}, {"instructions": "x"}),
        ({"voice": "marin"}, {"audio": {"output": {"voice": "marin"}}}),
        ({"voice": CustomVoice(id="voice_1")}, {"audio": {"output": {"voice": {"id": "voice_1"}}}}),
        ({"speed": 1.25}, {"audio": {"output": {"speed": 1.25}}}),
        ({"input_format": PcmuFormat()}, {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}),
        ({"turn_detection": None}, {"audio": {"input": {"turn_detection": None}}}),
        (
            {"turn_detection": ServerVad(threshold=0.4)},
            {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.4}}}},
        ),
        (
            {"transcription": Transcription(model="gpt-transcribe", language="fr")},
            {"audio": {"input": {"transcription": {"model": "gpt-transcribe", "language": "fr"}}}},
        ),
        ({"transcription": None}, {"audio": {"input": {"transcription": None}}}),
        (
            {"noise_reduction": NoiseReduction(type="near_field")},
            {"audio": {"input": {"noise_reduction": {"type": "near_field"}}}},
        ),
        ({"tools": []}, {"tools": []}),
        (
            {"tools": [FunctionTool(name="f", parameters={"type": "object"})]},
            {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}]},
        ),
        ({"prompt": PromptRef(id="pmpt_1")}, {"prompt": {"id": "pmpt_1"}}),
        ({"prompt": None, "tracing": None}, {"tracing": None, "prompt": None}),
        ({"instructions": UNSET, "voice": "ash"}, {"audio": {"output": {"voice": "ash"}}}),
        ({"max_output_tokens": "inf"}, {"max_output_tokens": "inf"}),
        ({}, {}),
    ],
)  # fmt: skip
def test_only_what_is_named_goes_on_the_wire(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert wire(SessionPatch(**changes)) == expected


def test_the_names_of_one_patch_share_their_parents() -> None:
    patch = SessionPatch(voice="ash", speed=1.0, turn_detection=None)
    assert wire(patch) == {
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "ash", "speed": 1.0}}
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modalities": ["text"]}, ["modalities", "output_modalities"]),
        ({"input_audio_format": "pcm16"}, ["input_audio_format", "audio.input.format"]),
        ({"instruction": "x"}, ["instruction", "'instructions'"]),
        ({"speed": 3.0}, ["speed"]),
        ({"voice": 7}, ["voice", "the number 7"]),
        ({"instructions": None}, ["instructions", "null"]),
        ({"turn_detection": {"type": "none"}}, ["turn_detection", "null"]),
        ({"output_modalities": ["audio", "text"]}, ["output_modalities"]),
    ],
)
def test_what_the_wire_refuses_is_refused_on_the_line_that_builds_it(
    changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InvalidCommand) as caught:
        SessionPatch(**changes)
    for word in words:
        assert word in str(caught.value)


def test_a_transcription_session_has_fewer_settings() -> None:
    assert wire(SessionPatch(turn_detection=None), "transcription") == {
        "audio": {"input": {"turn_detection": None}}
    }
    with pytest.raises(InvalidCommand, match="instructions"):
        SessionPatch(instructions="x").event("transcription")


def test_a_patch_can_come_from_the_wires_own_form() -> None:
    session = {"type": "realtime", "audio": {"output": {"voice": "ash"}}, "tools": []}
    assert wire(SessionPatch.from_wire(session)) == {"tools": [], "audio": {"output": {"voice": "ash"}}}
    with pytest.raises(InvalidCommand, match=r"audio\.output\.voice"):
        SessionPatch.from_wire({"voice": "ash"})


def test_merging_takes_the_later_word_and_leaves_both_patches_as_they_were() -> None:
    one, two = (
        SessionPatch(voice="ash", instructions="a"),
        SessionPatch(instructions="b", turn_detection=None),
    )
    both = one.merged(two)
    assert wire(both) == {
        "instructions": "b",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "ash"}},
    }
    assert wire(one) == {"instructions": "a", "audio": {"output": {"voice": "ash"}}}
    assert wire(two) == {"instructions": "b", "audio": {"input": {"turn_detection": None}}}


def test_its_repr_names_what_it_changes_and_shows_no_value() -> None:
    assert repr(SessionPatch(instructions="secret plan", voice="ash")) == "SessionPatch(instructions, voice)"
    assert bool(SessionPatch(tools=[]))
    assert not SessionPatch()


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a",)]),
        ({"a": None}, {}, []),
        ({}, {"a": None, "b": 0}, [("b",)]),
        ({"a": {"b": 1}}, {"a": None}, [("a", "b"), ("a",)]),
        ({"a": []}, {"a": [1]}, [("a",)]),
    ],
)
def test_changed_leaves(
    before: dict[str, Any], after: dict[str, Any], changed: list[tuple[str, ...]]
) -> None:
    found = changed_leaves(before, after)
    assert set(found) <= set(changed)
    assert bool(found) == bool(changed)
