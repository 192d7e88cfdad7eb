"""Rules about what the server hears: silence, pace, turn detection, transcription."""

from __future__ import annotations

from collections.abc import Mapping

from ..events.audio_config import TranscriptionSettings
from ..protocol.trace import TraceLine
from .findings import Found, Rule, brief
from .view import PATIENCE_S, View, lasting

__all__ = ["RULES"]

_STARTED, _STOPPED = "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped"
_COMMITTED, _CLEARED = "input_audio_buffer.committed", "input_audio_buffer.cleared"
_TRANSCRIPTION = "conversation.item.input_audio_transcription"

# Less than a word, and more than one.
_SILENT_MS, _DEAF_MS = 300.0, 3000.0
# Nobody speaks that long without a breath that detection would take for an end.
_ENDLESS_S = 30.0
_REPLY_S = 5.0
# A live source keeps to its rate within a few percent. 16 kHz taken for 24 gives
# 0.67, 44.1 kHz gives 1.84, 48 kHz, two channels or float32 give 2 and more.
_PACE_S, _SLOW, _FAST = 3.0, 0.8, 1.3


def _silence(view: View) -> tuple[float, str] | None:
    """Milliseconds of pure silence that ought to have been speech, and where."""
    audio = view.core.input_audio
    if audio.silent_turn_ms >= _SILENT_MS:
        return audio.silent_turn_ms, "the last turn"
    if audio.silent_bytes >= audio.total_bytes and audio.total_ms >= _SILENT_MS:
        return audio.total_ms, "all audio so far"
    return None


def _silent_input(view: View) -> Found | None:
    silence = _silence(view)
    if silence is None:
        return None
    ms, where = silence
    says = f"{where} ({ms:.0f} ms) is digital silence, one value again and again: no microphone is that quiet"
    return Found(says, [*view.appends[-1:], view.last("input_audio_buffer.commit")])


def _microphone_gone(view: View) -> Found | None:
    lost = view.gone("input")
    if lost is None:
        return None
    return Found(f"the microphone is gone since {lasting(view.idle(lost))}: {brief(lost.detail)}", [lost])


def _wrong_pace(view: View) -> Found | None:
    pace = view.core.input_audio.pace
    if pace.clock_s < _PACE_S:
        return None
    ratio = pace.audio_s / pace.clock_s
    if _SLOW <= ratio <= _FAST:
        return None
    what = "more" if ratio > 1 else "less"
    says = f"{ratio:.2f} s of audio come with each second of time, {what} than a live source has"
    return Found(f"{says}, taken as {brief(view.core.input_audio.encoding)}", view.appends[-2:])


# Turn detection


def _detection(view: View) -> Mapping[str, object] | None:
    shown = view.core.session.turn_detection
    return shown if isinstance(shown, Mapping) else None


def _deaf(view: View) -> Found | None:
    if _detection(view) is None or view.last(_STARTED, _COMMITTED) is not None or _silence(view) is not None:
        return None
    begun = view.configured
    appends = [line for line in view.appends if begun is not None and line.serial > begun.serial]
    ms = view.audio_ms(appends)
    if ms < _DEAF_MS:
        return None
    return Found(
        f"turn detection is on, and heard no speech in {lasting(ms / 1000)} of audio", [begun, *appends]
    )


def _endless(view: View) -> Found | None:
    started, ended = view.last(_STARTED), view.last(_STOPPED, _COMMITTED, _CLEARED)
    if started is None or (ended is not None and ended.serial > started.serial):
        return None
    if not view.is_open or view.idle(started) < _ENDLESS_S:
        return None
    return Found(f"turn detection hears speech without end, for {lasting(view.idle(started))}", [started])


def _unanswered_turn(view: View) -> TraceLine | None:
    """A turn that the server's own detection ended, and that nobody asked a reply for since."""
    committed = view.last(_COMMITTED)
    if not view.replies or committed is None:
        return None
    return committed if committed.serial > view.last_ask and not view.core.responses.held else None


def _asks_nothing(view: View) -> Found | None:
    committed, detection = _unanswered_turn(view), _detection(view)
    if committed is None or detection is None or detection.get("create_response") is not False:
        return None
    if view.idle(committed) < PATIENCE_S:
        return None
    return Found(
        "turn detection ended a turn, but create_response is false: nobody asked for a reply",
        [view.configured, committed],
    )


def _reply_missing(view: View) -> Found | None:
    committed, detection = _unanswered_turn(view), _detection(view)
    if committed is None or detection is None or detection.get("create_response") is False:
        return None
    if view.idle(committed) < _REPLY_S or not view.is_open:
        return None
    ago = lasting(view.idle(committed))
    says = f"turn detection ended a turn {ago} ago, and the server has not begun a reply"
    return Found(says, [view.last(_STOPPED), committed])


# Transcription


def _transcription(view: View) -> TranscriptionSettings | None:
    return view.audio_input.transcription if view.audio_input is not None else None


def _off(view: View) -> Found | None:
    committed = view.last(_COMMITTED)
    if view.audio_input is None or committed is None or _transcription(view) is not None:
        return None
    return Found("transcription is off: there is no text of what the user says", [view.configured, committed])


def _transcription_failed(view: View) -> Found | None:
    lines = view.lines(f"{_TRANSCRIPTION}.failed")
    if not lines:
        return None
    last, completed = lines[-1], view.last(f"{_TRANSCRIPTION}.completed")
    later = completed is not None and completed.serial > last.serial
    why = f"{last.code or 'error'}: {last.detail}" if last.detail else last.code or "no reason given"
    return Found(
        f"the transcription of {brief(last.item_id or 'a turn')} failed: {brief(why)}",
        lines,
        "note" if later else "warning",
    )


def _language_unset(view: View) -> Found | None:
    settings = _transcription(view)
    heard = view.last(f"{_TRANSCRIPTION}.completed", f"{_TRANSCRIPTION}.delta")
    if settings is None or settings.language or settings.languages or heard is None:
        return None
    return Found(
        "no language is set for transcription, so it guesses one for each turn", [view.configured, heard]
    )


RULES = (
    Rule(
        "silent_input",
        "warning",
        means="The audio that was sent is digital silence.",
        proof="the appends",
        remedy="see if the program may use the microphone, if it is muted, and which device is open",
        check=_silent_input,
    ),
    Rule(
        "microphone_gone",
        "warning",
        means="The device that listens stopped by itself, and was not found again.",
        proof="the note `device.lost`",
        remedy="plug it in: it is reopened by itself; or attach another one",
        check=_microphone_gone,
    ),
    Rule(
        "wrong_pace",
        "warning",
        means="Far more or far less audio comes than time passes: another rate, two channels, lost blocks.",
        proof="the appends, their bytes against their times",
        remedy="send 24 kHz mono 16-bit samples, or resample; for G.711 set the input format",
        check=_wrong_pace,
    ),
    Rule(
        "vad_hears_nothing",
        "warning",
        means="Turn detection is on and has not heard speech, though audio was appended.",
        proof="the session's turn detection, the appends, and no `speech_started`",
        remedy="check the level and format of the audio, or lower the threshold",
        check=_deaf,
    ),
    Rule(
        "speech_never_ends",
        "warning",
        means="Turn detection hears speech and finds no end of it, so there is no turn.",
        proof="`speech_started`, and no `speech_stopped` after it",
        remedy="keep sending audio, silence too; reduce noise, or raise the threshold",
        check=_endless,
    ),
    Rule(
        "vad_does_not_ask",
        "warning",
        means="Turn detection ends turns but does not ask for replies, and neither did you.",
        proof="`create_response: false` in the session, and the `committed` after which nothing was asked",
        remedy="respond(), or set create_response to true",
        check=_asks_nothing,
    ),
    Rule(
        "vad_reply_missing",
        "warning",
        means="The server ended a turn and should have begun a reply by itself.",
        proof="`committed`, and no `response.created` after it",
        remedy="respond() yourself; with interrupt_response false an active response can be in the way",
        check=_reply_missing,
    ),
    Rule(
        "transcription_failed",
        "warning",
        means="What the user said has no text; the model heard it all the same.",
        proof="`conversation.item.input_audio_transcription.failed`, its code and message",
        remedy="see whether the account may use the transcription model, or choose another",
        check=_transcription_failed,
    ),
    Rule(
        "transcription_off",
        "note",
        means="User audio is not transcribed, as no model is set for it; replies do not need it.",
        proof="the session, and a `committed`",
        remedy="patch(transcription=Transcription(model='gpt-transcribe')) if you want the text",
        check=_off,
    ),
    Rule(
        "language_unset",
        "note",
        means="Transcripts may be in the wrong language, as none is set; they are not what the model heard.",
        proof="the session's transcription settings, and a transcript",
        remedy="patch(transcription=...) with language, or languages for the newer models; the language the "
        "model speaks is a matter of its instructions",
        check=_language_unset,
    ),
)
