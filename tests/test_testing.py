"""Every example of docs/testing.md runs as it is printed, and the plugin disturbs nobody else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from realtime_raw import pytest_plugin

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """pytest in a project of its own, which knows this package only as installed."""
    # openai's way of connecting is deprecated by newer versions of websockets.
    strict = ("-W", "error", "-W", "ignore:connect() must be used:DeprecationWarning")
    scope = ("-o", "asyncio_default_fixture_loop_scope=function")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *strict, *scope, *args]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, check=False, text=True, timeout=60
    )


def registered() -> bool:
    """Whether this environment was made since the plugin is there."""
    from importlib.metadata import entry_points

    return any(each.value == pytest_plugin.__name__ for each in entry_points(group="pytest11"))


PLUGIN = () if registered() else ("-p", pytest_plugin.__name__)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_runs_as_printed(number: int, tmp_path: Path) -> None:
    """As a test file of somebody else's, markers checked, warnings being errors."""
    (tmp_path / "test_example.py").write_text(EXAMPLES[number], "utf-8")
    done = run_pytest(tmp_path, *PLUGIN, "--strict-markers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^[1-9] passed", done.stdout, re.MULTILINE)


def test_there_are_examples() -> None:
    """With the official client, with nothing but a WebSocket, with the fixtures."""
    for word in ("AsyncOpenAI", "websockets.sync", "realtime_session", "expect(", "mint_secret", "tls=True"):
        assert word in "".join(EXAMPLES)


def test_who_does_not_use_the_plugin_pays_nothing(tmp_path: Path) -> None:
    """It loads no more than itself, and adds two fixtures by names nobody has."""
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_nothing_is_loaded():\n"
        "    heavy = {'numpy', 'pydantic', 'websockets', 'orjson', 'realtime_raw.loopback'}\n"
        "    assert 'realtime_raw.pytest_plugin' in sys.modules\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    done = run_pytest(tmp_path, *PLUGIN)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_script_that_was_not_followed_fails_the_test(tmp_path: Path) -> None:
    """Even one that nobody looked at; and the closest marker wins."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.realtime_server(speed=3.0, max_sessions=7)\n"
        "@pytest.mark.realtime_server(max_sessions=2)\n"
        "def test_options(realtime_server):\n"
        "    assert (realtime_server._speed, realtime_server._max_sessions) == (3.0, 2)\n"
        "def test_forgotten(realtime_server):\n"
        "    realtime_server.expect('response.create')\n"
    )
    done = run_pytest(tmp_path, *PLUGIN)
    assert done.returncode == 1
    assert "2 passed, 1 error" in done.stdout
    assert "missing 1. response.create" in done.stdout
