"""Rules about the sound of replies: was there any, and does somebody play it?"""

from __future__ import annotations

from collections.abc import Mapping

from ..protocol.responses import ResponseRecord
from ..types import Heard
from .findings import Found, Rule, Severity, brief
from .view import View, called, lasting

__all__ = ["RULES"]

# Playing may take that much longer than the sound lasts.
_SLACK_S = 2.0
_BYTES_PER_S: Mapping[str, int] = {"audio/pcm": 48000, "audio/pcmu": 8000, "audio/pcma": 8000}


def _seconds(record: ResponseRecord) -> float:
    return sum(record.audio_bytes.values()) / _BYTES_PER_S.get(record.encoding, 48000)


def _text_only(view: View) -> Found | None:
    current, latest = view.core.session.current, view.core.responses.latest
    wants_sound = view.core.playhead is not None
    shown = current.to_wire().get("output_modalities") if current is not None else None
    if shown == ["text"] and (wants_sound or latest is not None) and (latest is None or not latest.speaks):
        severity: Severity = "warning" if wants_sound else "note"
        return Found("the session's replies are text only: there is no sound", [view.configured], severity)
    if latest is None or latest.speaks:
        return None
    says = f"response {called(latest)} was asked for as text: there is no sound"
    return Found(says, [view.created(latest)], "note")


def _answered_in_text(view: View) -> Found | None:
    latest = view.core.responses.latest
    if latest is None or latest.status != "completed" or not latest.speaks or latest.audio_bytes:
        return None
    lines = view.lines("response.output_text.delta", "response.output_text.done")
    lines = [line for line in lines if line.response_id == latest.id]
    if not lines:
        return None
    return Found(
        f"response {called(latest)} was to be spoken, and the model wrote text instead",
        [view.created(latest), *lines],
    )


def _out_of_band(view: View) -> Found | None:
    beside = [r for r in view.core.responses if r.out_of_band and r.audio_bytes]
    if not beside or view.core.playhead is None:
        return None
    says = f"response {called(beside[-1])} is out of band: its sound is delivered, but not played"
    return Found(says, [view.created(beside[-1]), view.done(beside[-1])])


def _nobody_plays(view: View) -> Found | None:
    latest = view.core.responses.latest
    if view.core.playhead is not None or latest is None or not latest.audio_bytes:
        return None
    lines = [line for line in view.lines("response.output_audio.delta") if line.response_id == latest.id]
    return Found(
        f"{_seconds(latest):.1f} s of sound came with response {called(latest)}; no player has it", lines
    )


def _queued(view: View) -> list[tuple[ResponseRecord, Heard]]:
    """Parts that a playhead still holds, oldest first."""
    playhead = view.core.playhead
    if playhead is None or not playhead.playing:
        return []
    parts = [(r, playhead.heard(key, view.now)) for r in view.records if not r.muted for key in r.sounds]
    return [(record, heard) for record, heard in parts if heard is not None and not heard.complete]


def _playback_stuck(view: View) -> Found | None:
    queued = _queued(view)
    if not queued:
        return None
    record, heard = queued[0]
    deltas = [line for line in view.lines("response.output_audio.delta") if line.response_id == record.id]
    sign = view.last("playback.started", "playback.finished")
    # Since `since` nothing but the device could keep it from being heard: its turn
    # had come, and its sound was there (the first of it, if none was heard).
    if not deltas:
        return None
    since = max(line.last_at for line in deltas) if heard.frames else min(line.at for line in deltas)
    waited = view.age(max(since, sign.last_at) if sign is not None else since)
    if heard.frames / heard.rate >= waited - _SLACK_S:
        return None
    left = lasting(sum((one.received - one.frames) / one.rate for _, one in queued))
    how = "playback stands still" if heard.frames else f"nothing of response {called(record)} was taken"
    return Found(f"{how}: {left} of sound wait in the player, and no device takes them", [*deltas, sign])


def _loudspeaker_gone(view: View) -> Found | None:
    lost = view.gone("output")
    if lost is None:
        return None
    return Found(f"the loudspeaker is gone since {lasting(view.idle(lost))}: {brief(lost.detail)}", [lost])


def _ring_full(view: View) -> Found | None:
    lines = view.notes("protocol.warning", "ring_full")
    if not lines:
        return None
    return Found(brief(lines[-1].detail), view.with_causes(lines), view.severity("warning", lines[-1]))


def _bad_audio(view: View) -> Found | None:
    lines = view.notes("protocol.warning", "bad_audio")
    if not lines:
        return None
    times = sum(line.count for line in lines)
    says = f"{times} piece(s) of reply audio could not be decoded and were dropped"
    return Found(says, view.with_causes(lines), view.severity("warning", lines[-1]))


RULES = (
    Rule(
        "text_only",
        "warning",
        means="The session, or the last reply, has text as its only output.",
        proof="`output_modalities` of the session, or of the `response.created`",
        remedy="patch(output_modalities=['audio']), or respond(output='audio')",
        check=_text_only,
    ),
    Rule(
        "answered_in_text",
        "warning",
        means="The reply was to be spoken, but the model wrote; often after a history of assistant text.",
        proof="`response.output_text` events in a response with modality audio",
        remedy="respond(output='audio'), and say in the instructions to speak",
        check=_answered_in_text,
    ),
    Rule(
        "playback_stuck",
        "warning",
        means="Sound waits in the player, and no device pulls it.",
        proof="the audio deltas, and the player's count of what was heard",
        remedy="attach(sink=...) a device or file, or call player.pull(); see whether the device still runs",
        check=_playback_stuck,
    ),
    Rule(
        "loudspeaker_gone",
        "warning",
        means="The device that plays stopped by itself, and was not found again.",
        proof="the note `device.lost`",
        remedy="plug it in: it is reopened by itself, and what is queued goes on; or attach another one",
        check=_loudspeaker_gone,
    ),
    Rule(
        "ring_full",
        "warning",
        means="The player had no room, so the rest of a reply is not played.",
        proof="the audio delta that found no room",
        remedy="let a device take the sound, or give Player more seconds",
        check=_ring_full,
    ),
    Rule(
        "bad_audio",
        "warning",
        means="Reply audio came that is not base64.",
        proof="the audio delta",
        remedy="report it to whoever runs the server",
        check=_bad_audio,
    ),
    Rule(
        "nobody_plays",
        "note",
        means="A reply has sound, and no player was ever asked for.",
        proof="the audio deltas",
        remedy="attach(sink=...), or read reply.audio() yourself",
        check=_nobody_plays,
    ),
    Rule(
        "out_of_band",
        "note",
        means="A spoken reply was asked for with conversation='none'; such replies are not played.",
        proof="its `response.created` and `response.done`",
        remedy="play reply.audio() yourself, or respond() within the conversation",
        check=_out_of_band,
    ),
)
