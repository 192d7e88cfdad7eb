"""Cases of the rules about what the server hears."""

from __future__ import annotations

from typing import Any

from realtime_raw.events.client import ResponseCreate
from tests.explain.case import Cases
from tests.explain.scenes import (
    SPEECH,
    append,
    ask,
    commit,
    committed,
    later,
    ready,
    replied,
    unplugged,
    vad,
    write,
)
from tests.protocol.harness import MANUAL, VAD, Desk, session

case = Cases()

ZEROS = bytes(4800)
case(
    "silent_input",
    lambda: append(ready(), 500, ZEROS),
    lambda: append(ready()),
    "input_audio_buffer.append",
    says="all audio so far (500 ms)",
)
case(
    "silent_input",
    lambda: append(ready(), 500, ZEROS),
    lambda: append(ready(), 200, ZEROS),
    "input_audio_buffer.append",
)
case(
    "silent_input",
    lambda: commit(append(commit(append(ready())), 500, ZEROS), "item_v"),
    lambda: commit(append(append(ready()), 500, ZEROS)),
    "input_audio_buffer.commit",
    says="the last turn (500 ms)",
)


def streamed(factor: float, seconds: float = 5.0, desk: Desk | None = None) -> Desk:
    desk = desk or vad().ready()
    for _ in range(int(seconds / 0.1)):
        desk.now += 0.1
        desk.core.append_audio((SPEECH * 4)[: int(4800 * factor) // 2 * 2], desk.now)
    desk.sent()
    return desk


case(
    "wrong_pace",
    lambda: streamed(2),
    lambda: streamed(1),
    "input_audio_buffer.append",
    says="2.00 s of audio",
)
case(
    "wrong_pace",
    lambda: streamed(0.667),
    lambda: streamed(1.1),
    "input_audio_buffer.append",
    says="less than",
)
case("wrong_pace", lambda: streamed(2), lambda: streamed(2, 2), "input_audio_buffer.append")
case("wrong_pace", lambda: streamed(2), lambda: append(vad().ready(), 60_000), "input_audio_buffer.append")


def speech(*events: str, **changes: Any) -> Desk:
    desk = streamed(1, desk=detecting(**changes))
    for name in events:
        if name == "committed":
            committed(desk)
        else:
            desk.hear(f"input_audio_buffer.{name}", item_id="item_u")
    return desk


def detecting(**detection: Any) -> Desk:
    desk = vad()
    desk.hear("session.created", session=session(audio__input__turn_detection={**VAD, **detection}))
    return desk


HEARD = ("speech_started", "speech_stopped", "committed")
case("vad_hears_nothing", speech, lambda: speech("speech_started"), "session.created", says="5.0 s of audio")
case("vad_hears_nothing", speech, lambda: streamed(1, 2), "input_audio_buffer.append")
case("vad_hears_nothing", speech, lambda: append(vad().ready(), 5000, ZEROS), "input_audio_buffer.append")
case("vad_hears_nothing", speech, lambda: append(ready(), 5000), "input_audio_buffer.append")
case(
    "speech_never_ends",
    lambda: later(speech("speech_started"), 31),
    lambda: later(speech("speech_started"), 20),
    "input_audio_buffer.speech_started",
)
case(
    "speech_never_ends",
    lambda: later(speech("speech_started"), 31),
    lambda: later(speech(*HEARD), 31),
    "input_audio_buffer.speech_started",
)
case(
    "vad_does_not_ask",
    lambda: later(speech(*HEARD, create_response=False)),
    lambda: later(speech(*HEARD)),
    "session.created",
)
case(
    "vad_does_not_ask",
    lambda: later(speech(*HEARD, create_response=False)),
    lambda: later(replied(speech(*HEARD, create_response=False))),
    "input_audio_buffer.committed",
)
case(
    "vad_does_not_ask",
    lambda: later(speech(*HEARD, create_response=False)),
    lambda: later(speech(*HEARD, create_response=False), 1),
    "input_audio_buffer.committed",
)


def replied_by_itself() -> Desk:
    desk = speech(*HEARD)
    desk.begin(conversation_id="conv_1")
    return desk


case(
    "vad_reply_missing",
    lambda: later(speech(*HEARD), 6),
    lambda: later(speech(*HEARD), 4),
    "input_audio_buffer.committed",
    says="6.0 s ago",
)
case(
    "vad_reply_missing",
    lambda: later(speech(*HEARD), 6),
    lambda: later(replied_by_itself(), 6),
    "input_audio_buffer.speech_stopped",
)
case(
    "vad_reply_missing",
    lambda: later(speech(*HEARD), 6),
    lambda: later(speech(*HEARD, create_response=False)),
    "input_audio_buffer.committed",
)

HEARING = "conversation.item.input_audio_transcription"


def transcribing(**settings: Any) -> Desk:
    return ready(audio__input__transcription={"model": "gpt-transcribe", "language": None, **settings})


def transcript(desk: Desk, how: str = "completed", **fields: Any) -> Desk:
    commit(append(desk))
    desk.hear(f"{HEARING}.{how}", item_id="item_u", content_index=0, **fields)
    return desk


BAD = {
    "error": {"type": "server_error", "code": "audio_unintelligible", "message": "could not be transcribed"}
}
case(
    "transcription_off",
    lambda: commit(append(ready())),
    lambda: commit(append(transcribing())),
    "session.updated",
    "note",
)
case(
    "transcription_off",
    lambda: commit(append(ready())),
    lambda: write(ready()),
    "input_audio_buffer.committed",
    "note",
)
case(
    "transcription_failed",
    lambda: transcript(transcribing(), "failed", **BAD),
    lambda: transcript(transcribing(), transcript="hi"),
    f"{HEARING}.failed",
    says="audio_unintelligible: could not",
)
case(
    "transcription_failed",
    lambda: transcript(transcribing(), "failed"),
    ready,
    f"{HEARING}.failed",
    says="no reason given",
)
case(
    "transcription_failed",
    lambda: transcript(transcript(transcribing(), "failed", **BAD), transcript="hi"),
    ready,
    f"{HEARING}.failed",
    "note",
)
case(
    "language_unset",
    lambda: transcript(transcribing(), transcript="hi"),
    lambda: transcript(transcribing(language="fr"), transcript="hi"),
    f"{HEARING}.completed",
    "note",
)
case(
    "language_unset",
    lambda: transcript(transcribing(), "delta", delta="h"),
    lambda: transcript(transcribing(languages=["fr", "en"]), transcript="hi"),
    "session.updated",
    "note",
)
case(
    "language_unset",
    lambda: transcript(transcribing(), transcript="hi"),
    lambda: commit(append(transcribing())),
    "session.updated",
    "note",
)


# Neighbours of the above


def gone(desk: Desk) -> Desk:
    desk.close(1006)
    return desk


def switched_on() -> Desk:
    """Minutes of audio, and only then turn detection."""
    desk = vad()
    desk.hear("session.created", session=session(**MANUAL))
    streamed(1, desk=desk)
    desk.hear("session.updated", session=session())
    return append(desk, 1000)


def transcribed_by_server() -> Desk:
    """A transcription session with turn detection: there are no replies to miss."""
    desk = vad()
    sound = {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": VAD}
    desk.hear("session.created", session={"type": "transcription", "id": "sess_1", "audio": {"input": sound}})
    return committed(append(desk))


def held_by_us(**detection: Any) -> Desk:
    """The user spoke during a reply, and we wait for its end to ask again."""
    desk = detecting(**detection)
    ask(desk)
    committed(append(desk))
    desk.core.send(ResponseCreate(), desk.now, if_busy="wait")
    return desk


def unshown() -> Desk:
    """Of the session nothing is known."""
    desk = Desk(sideband=True, manual_turns=False)
    desk.core.connected(desk.now)
    return committed(desk)


SPOKEN = {"transcript": "hi"}
NO_ASK: dict[str, Any] = {"create_response": False}
case("vad_hears_nothing", speech, switched_on, "session.created")
case(
    "speech_never_ends",
    lambda: later(speech(*HEARD, "speech_started"), 31),
    lambda: gone(later(speech("speech_started"), 31)),
    "input_audio_buffer.speech_started",
)
case(
    "vad_does_not_ask",
    lambda: later(speech(*HEARD, **NO_ASK)),
    lambda: later(held_by_us(**NO_ASK)),
    "session.created",
)
case(
    "vad_reply_missing",
    lambda: later(speech(*HEARD), 6),
    lambda: gone(later(speech(*HEARD), 6)),
    "input_audio_buffer.committed",
)
case(
    "vad_reply_missing",
    lambda: later(speech(*HEARD), 6),
    lambda: later(transcribed_by_server()),
    "input_audio_buffer.committed",
)
case("transcription_off", transcribed_by_server, unshown, "input_audio_buffer.committed", "note")
case(
    "transcription_failed",
    lambda: transcript(transcript(transcribing(), **SPOKEN), "failed", **BAD),
    ready,
    f"{HEARING}.failed",
)

case(
    "microphone_gone",
    lambda: unplugged("input"),
    lambda: unplugged("input", back=True),
    "device.lost",
    says="the microphone is gone since 3.0 s: Headset: unplugged",
)
case("microphone_gone", lambda: unplugged("input"), lambda: unplugged("output"), "device.lost")
