"""`Profile`: which cases a kind of server is asked, what it must have, what is left out. Data, in TOML."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import LocalProtocolError
from .case import FAMILIES, Case

__all__ = ["DEFAULT_PROFILE", "Profile", "profile_of", "profiles", "read_skips"]

DEFAULT_PROFILE = "compatible-core"

_ALL_KINDS = ("realtime", "transcription", "translation", "handshake")
_ALL_LEVELS = ("must", "should", "may")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One kind of server. `skip` maps ids of cases to the reason why they are not asked."""

    name: str
    about: str
    families: tuple[str, ...] = FAMILIES
    kinds: tuple[str, ...] = _ALL_KINDS
    levels: tuple[str, ...] = _ALL_LEVELS
    requires: tuple[str, ...] = ()
    skip: Mapping[str, str] = field(default_factory=dict)

    def asks(self, case: Case) -> bool:
        """Whether the case is part of the profile, skipped ones included."""
        return case.family in self.families and case.kind in self.kinds and case.level in self.levels


@cache
def profiles() -> Mapping[str, Profile]:
    """All profiles, by name."""
    table = tomllib.loads(Path(__file__).with_name("profiles.toml").read_text("utf-8"))
    return {name: _profile(name, fields) for name, fields in table.items()}


def profile_of(name: str) -> Profile:
    """The profile of that name. Raises `LocalProtocolError` naming those there are."""
    try:
        return profiles()[name]
    except KeyError:
        raise LocalProtocolError(
            f"there is no profile {name!r}", hint=f"there are: {', '.join(profiles())}"
        ) from None


def _profile(name: str, fields: Mapping[str, Any]) -> Profile:
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Profile(name=name, about=fields["about"], skip=fields.get("skip", {}), **lists)


def read_skips(text: str) -> dict[str, str]:
    """A skip list: a line per case, its id and then the reason; `#` begins a comment.

    Raises `LocalProtocolError` naming the line that is no such thing, or has no reason.
    """
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = re.fullmatch(r"(RT-[A-Z]+-\d{3})[\s:=]+(.+)", line)
        if match is None:
            raise LocalProtocolError(
                f"line {number} of the skip list names no case and reason",
                hint="a line is RT-TURN-012 and the reason why it is left out",
            )
        found[match[1]] = match[2].strip()
    return found
