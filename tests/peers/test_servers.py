"""Servers nobody here wrote can be started and talked to, where they are installed."""

from __future__ import annotations

import json

import pytest
from websockets.sync.client import connect

from tools.peers.run import missing
from tools.peers.servers import KEY, SERVERS, running


@pytest.mark.timeout(150)  # a gateway may take its time to start
@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_started(name: str) -> None:
    """One command, and it greets."""
    server = SERVERS[name]
    if (why := missing(server.peer)) is not None:
        pytest.skip(f"{why.partition(';')[0]}; `make server-peers` makes it")
    headers = {"Authorization": f"Bearer {KEY}"}
    with running(server) as url:
        with connect(f"{url}?model={server.model}", additional_headers=headers, proxy=None) as line:
            assert json.loads(line.recv(timeout=10))["type"] == "session.created"
        assert server.version[0].isdigit()
