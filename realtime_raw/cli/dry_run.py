"""`--dry-run`: where a session would go and what it would be, without going there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import realtime_raw as rt

from .output import Output
from .target import KEY, Target

if TYPE_CHECKING:
    from .. import SessionPatch

__all__ = ["print_plan"]


def print_plan(target: Target, patch: SessionPatch, out: Output) -> None:
    """The URL without its secrets, whether there is a key, and the first `session.update`, as JSON."""
    first = rt.SessionPatch(turn_detection=None).merged(patch)
    out.document(
        {
            "url": _url(target),
            "key": f"{KEY} is set" if os.environ.get(KEY) else f"{KEY} is not set",
            "sends": json.loads(first.preview()),
        }
    )


def _url(target: Target) -> str:
    if target.loopback or not target.reachable:
        return "ws://127.0.0.1:PORT/v1/realtime (the built-in loopback server)"
    if target.server is None:
        return rt.Endpoint.openai(target.model).redacted()
    return rt.Endpoint.of(target.server, model=target.model).redacted()
