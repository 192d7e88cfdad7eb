"""`wss://` with a certificate made on the spot: verified by OpenSSL, for the right names only."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from realtime_raw.loopback.server import LoopbackServer
from realtime_raw.loopback.speech import murmur_speaker
from realtime_raw.loopback.tls import make_identity


def trusting(path: Path) -> ssl.SSLContext:
    """As strict as OpenSSL gets: what newer Pythons do by default."""
    context = ssl.create_default_context(cafile=path)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


async def test_a_session_over_tls() -> None:
    """By address and by name; the certificate is there as long as the server is."""
    async with LoopbackServer(tls=True, speaker=murmur_speaker()) as server:
        assert server.url == f"wss://127.0.0.1:{server.port}/v1/realtime"
        path = server.certificate_file
        context = trusting(path)
        for host in ("127.0.0.1", "localhost"):
            url = f"wss://{host}:{server.port}/v1/realtime?model=gpt-realtime"
            async with connect(url, ssl=context, host="127.0.0.1") as connection:
                assert '"session.created"' in str(await connection.recv())
    assert not path.exists()


async def test_who_does_not_trust_it_does_not_connect() -> None:
    """Nor does one who comes for another name; and the server goes on."""
    async with LoopbackServer(tls=True, speaker=murmur_speaker()) as server:
        url = server.url + "?model=gpt-realtime"
        with pytest.raises(ssl.SSLCertVerificationError):
            async with connect(url):
                pass
        context = trusting(server.certificate_file)
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            async with connect(url, ssl=context, server_hostname="example.com"):
                pass
        async with connect(url, ssl=context) as connection:
            await connection.recv()


async def test_other_names_can_be_vouched_for(tmp_path: Path) -> None:
    """An address that is listened on, or a name."""
    identity = make_identity("192.0.2.7", "bench.test")
    (tmp_path / "c.pem").write_text(identity.certificate)

    async def shake(name: str) -> None:
        server = await asyncio.start_server(
            lambda r, w: w.close(), "127.0.0.1", 0, ssl=identity.server_context()
        )
        port = server.sockets[0].getsockname()[1]
        async with server:
            context = trusting(tmp_path / "c.pem")
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
            writer.close()
            await writer.wait_closed()

    for name in ("192.0.2.7", "bench.test", "localhost", "::1"):
        await shake(name)
    with pytest.raises(ssl.SSLCertVerificationError):
        await shake("192.0.2.8")


def test_each_is_another() -> None:
    """Key and certificate alike; and many in a row are well-formed, whatever the dice say."""
    identities = [make_identity() for _ in range(20)]
    assert len({identity.key for identity in identities}) == 20
    for identity in identities:
        identity.server_context()
        ssl.create_default_context(cadata=identity.certificate)


async def test_without_tls_there_is_no_certificate() -> None:
    """It says so."""
    async with LoopbackServer() as server:
        with pytest.raises(RuntimeError, match="tls=True"):
            _ = server.certificate_file
