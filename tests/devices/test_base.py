"""A player's `pull` is what a sink asks for, as type checkers see it."""

from __future__ import annotations

import inspect

from realtime_raw.audio.player import Player
from realtime_raw.devices.base import Pull


def test_a_player_can_be_given_to_any_sink() -> None:
    pull: Pull = Player().pull
    assert list(inspect.signature(pull).parameters) == ["out", "latency"]
