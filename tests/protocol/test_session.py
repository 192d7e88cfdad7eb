"""The first patch, the manual-turn lock, the voice lock, surprises, expiry."""

from __future__ import annotations

from typing import Any

import pytest

from realtime_raw.errors import LocalProtocolError, RemoteProtocolError
from realtime_raw.events.audio_config import SemanticVad, ServerVad
from realtime_raw.events.client import SessionUpdate
from realtime_raw.protocol.patch import SessionPatch
from realtime_raw.protocol.signals import (
    CommandConfirmed,
    CommandRefused,
    InvariantBroken,
    ProtocolWarning,
    SessionExpiring,
    SessionReady,
)
from tests.protocol.harness import MANUAL, VAD, Desk, session

VOICE = "audio__output__voice"


def test_nothing_is_sent_before_session_created() -> None:
    desk = Desk()
    desk.core.connected(0.0)
    assert desk.sent() == []
    assert not desk.core.ready


def test_the_first_patch_turns_detection_off_and_only_its_confirmation_makes_ready() -> None:
    desk = Desk()
    desk.core.connected(0.0)
    [sent] = desk.hear("session.created", session=session())
    assert sent["session"] == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    assert desk.signals(SessionReady) == []
    desk.hear("session.updated", session=session(**MANUAL))
    assert desk.core.ready
    [ready] = desk.signals(SessionReady)
    assert ready.session is not None
    assert ready.session.id == "sess_1"


def test_what_the_connection_was_opened_with_rides_on_the_first_patch() -> None:
    desk = Desk(patch=SessionPatch(instructions="Be brief.", voice="cedar"))
    desk.core.connected(0.0)
    [sent] = desk.hear("session.created", session=session())
    assert sent["session"] == {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"input": {"turn_detection": None}, "output": {"voice": "cedar"}},
    }


def test_without_manual_turns_and_wishes_it_is_ready_at_once_and_sends_nothing() -> None:
    desk = Desk(manual_turns=False)
    desk.core.connected(0.0)
    assert desk.hear("session.created", session=session()) == []
    assert desk.core.ready


def test_a_sideband_sends_its_patch_without_waiting_for_session_created() -> None:
    desk = Desk(sideband=True)
    desk.core.connected(0.0)
    [sent] = desk.sent()
    assert sent["type"] == "session.update"
    desk.hear("session.updated", session=session(**MANUAL))
    assert desk.core.ready


def test_a_transcription_session_gets_a_patch_of_its_own_kind() -> None:
    desk = Desk()
    desk.core.connected(0.0)
    created = {"type": "transcription", "object": "realtime.transcription_session", "id": "sess_t"}
    [sent] = desk.hear("session.created", session=created)
    assert sent["session"]["type"] == "transcription"


def test_a_wish_the_kind_of_session_does_not_have_is_reported_and_nothing_is_sent() -> None:
    desk = Desk(patch=SessionPatch(instructions="Be brief."))
    desk.core.connected(0.0)
    assert desk.hear("session.created", session={"type": "transcription", "id": "sess_t"}) == []
    assert desk.core.first_patch == ""
    [refused] = desk.signals(CommandRefused)
    assert refused.error is not None
    assert "instructions" in refused.error.message


def test_a_server_that_keeps_detection_on_breaks_the_invariant_and_is_never_ready() -> None:
    desk = Desk()
    desk.core.connected(0.0)
    desk.hear("session.created", session=session())
    desk.hear("session.updated", session=session())
    [broken] = desk.signals(InvariantBroken)
    assert broken.rule == "manual_turns"
    assert not desk.core.ready


def test_a_server_of_the_beta_shape_that_keeps_detection_on_is_not_taken_for_manual() -> None:
    desk = Desk()
    desk.core.connected(0.0)
    desk.hear("session.created", session={"id": "sess_1", "turn_detection": VAD})
    desk.hear("session.updated", session={"id": "sess_1", "turn_detection": VAD})
    assert [s.rule for s in desk.signals(InvariantBroken)] == ["manual_turns"]
    assert not desk.core.ready


def test_detection_that_comes_back_later_breaks_the_invariant() -> None:
    desk = Desk().ready()
    desk.hear("session.updated", session=session())
    assert [s.rule for s in desk.signals(InvariantBroken)] == ["manual_turns"]


@pytest.mark.parametrize("vad", [ServerVad(), SemanticVad(eagerness="low")])
def test_turning_detection_on_is_refused_here(vad: ServerVad | SemanticVad) -> None:
    desk = Desk().ready()
    with pytest.raises(LocalProtocolError, match="manual_turns=False"):
        desk.core.patch(SessionPatch(turn_detection=vad), desk.now)
    assert desk.sent() == []


def test_a_connection_cannot_be_opened_with_manual_turns_and_detection() -> None:
    with pytest.raises(LocalProtocolError, match="turn detection"):
        Desk(patch=SessionPatch(turn_detection=ServerVad()))


def test_without_manual_turns_detection_may_be_set() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.core.patch(SessionPatch(turn_detection=ServerVad(silence_duration_ms=900)), desk.now)
    [sent] = desk.sent()
    assert sent["session"]["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "silence_duration_ms": 900,
    }


def speak(desk: Desk) -> None:
    desk.begin()
    desk.message("item_a")
    desk.audio("item_a", "AAAA")
    desk.finish()


def test_the_voice_is_locked_by_the_first_assistant_audio() -> None:
    desk = Desk().ready()
    desk.core.patch(SessionPatch(voice="cedar"), desk.now)
    desk.sent()
    desk.hear("session.updated", session=session(**MANUAL, **{VOICE: "cedar"}))
    speak(desk)
    with pytest.raises(LocalProtocolError, match="assistant audio") as caught:
        desk.core.patch(SessionPatch(voice="marin"), desk.now)
    assert "session.audio.output.voice" in str(caught.value)
    assert desk.sent() == []


def test_the_same_voice_passes_the_lock_and_so_does_a_patch_without_one() -> None:
    desk = Desk().ready()
    speak(desk)
    desk.core.patch(SessionPatch(voice="marin"), desk.now)
    desk.core.patch(SessionPatch(instructions="x"), desk.now)
    assert len(desk.sent()) == 2


def patched(desk: Desk, patch: SessionPatch, **after: Any) -> list[tuple[str, str]]:
    desk.core.patch(patch, desk.now)
    desk.sent()
    desk.hear("session.updated", session=session(**MANUAL, **after))
    return [(w.rule, w.detail.split()[0]) for w in desk.signals(ProtocolWarning)]


def test_what_changed_besides_is_reported() -> None:
    found = patched(
        Desk().ready(),
        SessionPatch(instructions="x"),
        instructions="x",
        **{VOICE: "ash"},
        tools=[{"type": "function", "name": "f"}],
    )
    assert sorted(found) == [
        ("session_changed_unasked", "session.audio.output.voice"),
        ("session_changed_unasked", "session.tools"),
    ]


def test_what_was_asked_and_did_not_happen_is_reported() -> None:
    assert patched(Desk().ready(), SessionPatch(speed=1.2)) == [
        ("session_not_as_asked", "session.audio.output.speed")
    ]


def test_a_clean_patch_reports_nothing() -> None:
    assert patched(Desk().ready(), SessionPatch(instructions="x"), instructions="x") == []


def test_the_servers_completion_of_a_named_object_is_no_surprise() -> None:
    desk = Desk(manual_turns=False).ready()
    desk.core.patch(SessionPatch(turn_detection=ServerVad(threshold=0.4)), desk.now)
    desk.hear(
        "session.updated",
        session=session(audio__input__turn_detection={**VAD, "threshold": 0.4, "silence_duration_ms": 200}),
    )
    assert desk.signals(ProtocolWarning) == []


def test_empty_instructions_come_back_as_the_default_text_without_complaint() -> None:
    assert patched(Desk().ready(), SessionPatch(instructions=""), instructions="the default text") == []


def test_two_patches_in_flight_are_each_compared_with_their_own_update() -> None:
    desk = Desk().ready()
    desk.core.patch(SessionPatch(instructions="one"), desk.now)
    desk.core.patch(SessionPatch(speed=1.2), desk.now)
    desk.sent()
    desk.hear("session.updated", session=session(**MANUAL, instructions="one"))
    desk.hear("session.updated", session=session(**MANUAL, instructions="one", audio__output__speed=1.2))
    assert desk.signals(ProtocolWarning) == []
    assert len(desk.signals(CommandConfirmed)) == 3


def test_a_refused_patch_does_not_blur_the_next_one() -> None:
    desk = Desk().ready()
    first = desk.core.patch(SessionPatch(instructions="one"), desk.now)
    desk.core.patch(SessionPatch(speed=1.2), desk.now)
    desk.sent()
    desk.error("unknown_parameter", param="session.foo", event_id=first)
    desk.hear("session.updated", session=session(**MANUAL, audio__output__speed=1.2))
    assert desk.signals(ProtocolWarning) == []
    assert [r.event_id for r in desk.signals(CommandRefused)] == [first]


def test_in_strict_mode_a_surprise_raises() -> None:
    desk = Desk(strict=True).ready()
    with pytest.raises(RemoteProtocolError, match="session_changed_unasked"):
        desk.hear("session.updated", session=session(**MANUAL, instructions="other"))


def test_a_session_that_nears_its_end_says_so_once() -> None:
    desk = Desk().ready()  # expires at unix 4600, which is 3600 s of our clock
    desk.later(3299)
    assert desk.signals(SessionExpiring) == []
    desk.later(2)
    desk.later(200)
    [notice] = desk.signals(SessionExpiring)
    assert notice.expires_in_s == pytest.approx(300)


def test_nothing_in_the_session_object_is_required() -> None:
    desk = Desk()
    desk.core.connected(0.0, unix_time=0.0)
    desk.hear("session.created")
    desk.hear("session.updated", session={})
    assert desk.core.ready
    assert desk.core.session.kind == "realtime"


def test_a_hand_made_session_update_meets_the_same_guards() -> None:
    desk = Desk().ready()
    event = SessionUpdate(
        session={"type": "realtime", "audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}  # type: ignore[arg-type]
    )
    with pytest.raises(LocalProtocolError, match="manual turns"):
        desk.core.send(event, desk.now)
