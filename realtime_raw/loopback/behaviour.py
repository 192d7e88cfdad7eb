"""The switches of the simulated server: observed quirks, and facts nobody has verified.

Each has the value seen on the live API, or, where that is unknown, the one
this simulator chose; the comment says which. docs/loopback.md lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Behaviour"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How one simulated session behaves where servers, or our knowledge of them, differ."""

    # --- observed -------------------------------------------------------------------------

    # `.done` names no predecessor if that is the conversation's first item.
    null_previous_quirk: bool = True
    # Text-like deltas carry padding.
    obfuscation: bool = True
    # Sent after `response.done`; sometimes missing, so clients must not wait for it.
    rate_limits: bool = True
    # Seconds until the session expires (documented too).
    session_seconds: float = 3600.0
    # Errors raised by the conversation's state come without the client's event id, although it sent one.
    echo_event_ids: Literal["observed", "always"] = "observed"

    # --- chosen: nobody has said ----------------------------------------------------------

    # A cancelled response still concludes its open parts and items (documented; their order is ours).
    done_events_on_cancel: bool = True
    # A cancelled response is billed for what it said.
    usage_on_cancel: bool = True
    # A completed response says so in `status_details` too (the schema allows it; recordings have null).
    completed_details: bool = False
    # Items of a response out of band are announced as if they entered a conversation.
    out_of_band_items: bool = False
    # An explicit `previous_item_id: null` appends, like an omitted one, or inserts at the front.
    explicit_null_previous: Literal["append", "root"] = "append"
    # What `previous_item_id` says of an item inserted at the front.
    root_echo: Literal["null", "root"] = "null"
    # A function's output for a call nobody made.
    unknown_call_output: Literal["accepted", "refused"] = "accepted"
    # `input_audio_buffer.clear` sets the clock of turn detection back to zero.
    clear_resets_clock: bool = False
    # `input_audio_buffer.clear` in the middle of speech is told by `speech_stopped`.
    clear_ends_speech: bool = False
    # What fields a partial `turn_detection` leaves out get: what is in force, or the defaults.
    turn_detection_merge: Literal["current", "defaults"] = "current"
    # `turn_detection: null` is obeyed; or only shown, while turns are still detected; or ignored altogether.
    # (The last two are faults of compatible servers.)
    turn_detection_null: Literal["honoured", "shown", "ignored"] = "honoured"
    # `idle_timeout_ms` counts from the end of the last response's playback (documented), or from its own.
    idle_from: Literal["playback", "done"] = "playback"
    # The listing's item is announced before `mcp_list_tools.in_progress`, or behind it.
    mcp_item_first: bool = True
    # An approved call runs at once, in a response of its own, or in the next response the client asks for.
    mcp_approved: Literal["at_once", "next_response"] = "at_once"
