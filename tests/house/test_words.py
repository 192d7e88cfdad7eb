"""Nothing that is tracked promises to be finished later, or names a place only its writer had."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable

from tests.house.source import ROOT

# Spelled in pieces, so that this file passes its own test.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b",
            r"(?<![\w.-])/(?:wo" r"rk|fa" r"rm|ho" r"me|ro" r"ot|Us" r"ers)/",
            r"py" r"pi\.org|pythonho" r"sted|index-" r"url",
            r"\bproto" r"col\.md\b|\bdesi" r"gn\.md\b|\bsha" r"red/",
            r"pragma: no " r"cover",
        )
    )
)


def tracked() -> list[tuple[str, str]]:
    """Name and text of every tracked text file."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    found = []
    for name in filter(None, listing.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and b"\0" not in (data := path.read_bytes())[:1024]:
            found.append((name, data.decode("utf-8")))
    return found


def forbidden(files: Iterable[tuple[str, str]]) -> list[str]:
    """`file:line: word` for each forbidden word."""
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in files
        for number, line in enumerate(text.splitlines(), 1)
        for match in FORBIDDEN.finditer(line)
    ]


def test_no_forbidden_words() -> None:
    """In no tracked file of any kind."""
    assert forbidden(tracked()) == []


def test_the_check_bites() -> None:
    """It finds the word and the line, and leaves innocent neighbours alone."""
    bad = "fine\n# TO" + "DO later\nsee /ho" + "me/me/x\n"
    assert [line.split(": ")[0] for line in forbidden([("a.py", bad)])] == ["a.py:2", "a.py:3"]
    assert forbidden([("a.py", "todos, a/home/b, homework, protocol, design\n")]) == []
