"""The library's face: lazy names, each of them there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import realtime_raw as rt


@pytest.mark.parametrize("name", rt.conformance.__all__)
def test_every_name_is_there(name: str) -> None:
    """And `dir` shows it."""
    assert getattr(rt.conformance, name) is not None
    assert name in dir(rt.conformance)


def test_other_names_are_not() -> None:
    """As with any module."""
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = rt.conformance.nonsense


def test_importing_it_loads_nothing_heavy() -> None:
    """Names are loaded on first use."""
    code = (
        "import sys, realtime_raw.conformance; print({'numpy', 'websockets', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
