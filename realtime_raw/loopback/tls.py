"""A certificate made on the spot, for clients that insist on `wss://`.

Written out in DER with the standard library alone, so that TLS works wherever
Python does and needs neither a package nor a program. It vouches for this
machine's own names to whoever is told to trust it, for testing; nothing here
is meant to guard a secret.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import secrets
import ssl
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

__all__ = ["Identity", "make_identity"]

_DAYS = 90
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Identity(NamedTuple):
    """A certificate, and the key that goes with it; both PEM."""

    certificate: str
    key: str

    def server_context(self) -> ssl.SSLContext:
        """What a server shows itself with. The key is on disk for no longer than loading it takes."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # readable by its owner only
            path = Path(folder, "identity.pem")
            path.write_text(self.key + self.certificate, encoding="ascii")
            context.load_cert_chain(path)
        return context


def make_identity(*hosts: str) -> Identity:
    """A new key and a certificate signed with it, good for 90 days.

    It is valid for localhost, 127.0.0.1, ::1 and `hosts`, names or addresses.
    """
    private = 1 + secrets.randbelow(_ORDER - 1)
    x, y = _times(private, _BASE)
    public = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")
    names = dict.fromkeys((*_LOCAL, *hosts))
    body = _to_be_signed(public, list(names))
    certificate = _sequence(body, _SIGNED_BY, _bits(_signature(private, body)))
    key = _sequence(
        _integer(1),
        _tlv(0x04, private.to_bytes(32, "big")),
        _tlv(0xA0, _object_id("1.2.840.10045.3.1.7")),
        _tlv(0xA1, _bits(public)),
    )
    return Identity(_pem("CERTIFICATE", certificate), _pem("EC PRIVATE KEY", key))


# --- the certificate (RFC 5280) ----------------------------------------------------------


def _to_be_signed(public: bytes, names: list[str]) -> bytes:
    # Issuer and subject are one: whoever trusts the certificate needs nothing else.
    name = _sequence(
        _tlv(0x31, _sequence(_object_id("2.5.4.3"), _tlv(0x0C, b"realtime_raw loopback server")))
    )
    algorithm = _sequence(_object_id("1.2.840.10045.2.1"), _object_id("1.2.840.10045.3.1.7"))
    now = time.time()
    return _sequence(
        _tlv(0xA0, _integer(2)),  # X.509 v3
        _integer(secrets.randbits(120) | 1 << 120),
        _SIGNED_BY,
        name,
        _sequence(_moment(now - 86_400), _moment(now + _DAYS * 86_400)),
        name,
        _sequence(algorithm, _bits(public)),
        _tlv(0xA3, _extensions(public, names)),
    )


def _extensions(public: bytes, names: list[str]) -> bytes:
    critical = _tlv(0x01, b"\xff")
    return _sequence(
        # An authority that has signed only itself: strict verifiers want the first three of one.
        _sequence(_object_id("2.5.29.19"), critical, _tlv(0x04, _sequence(critical))),
        _sequence(_object_id("2.5.29.15"), critical, _tlv(0x04, _tlv(0x03, b"\x02\x84"))),
        _sequence(_object_id("2.5.29.14"), _tlv(0x04, _tlv(0x04, hashlib.sha256(public).digest()[:20]))),
        _sequence(_object_id("2.5.29.37"), _tlv(0x04, _sequence(_object_id("1.3.6.1.5.5.7.3.1")))),
        _sequence(_object_id("2.5.29.17"), _tlv(0x04, _sequence(*map(_alternative_name, names)))),
    )


def _alternative_name(name: str) -> bytes:
    try:
        return _tlv(0x87, ipaddress.ip_address(name).packed)
    except ValueError:
        return _tlv(0x82, name.encode("idna"))


# --- DER (X.690) -------------------------------------------------------------------------


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tlv(0x03, b"\x00" + content)


def _object_id(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytes((first * 40 + second,))
    for number in rest:
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(number & 0x7F | 0x80)
        content += bytes(reversed(septets))
    return _tlv(0x06, content)


def _moment(unix: float) -> bytes:
    return _tlv(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(unix)).encode())


def _pem(kind: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode().replace("\n", "")
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"


_SIGNED_BY = _sequence(_object_id("1.2.840.10045.4.3.2"))  # ECDSA with SHA-256


# --- ECDSA over P-256 (FIPS 186-4) -------------------------------------------------------

_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

_Point = tuple[int, int]


def _plus(p: _Point | None, q: _Point) -> _Point:
    """The sum of two points; None is the neutral one. Opposite points do not meet below the order."""
    if p is None:
        return q
    if p == q:
        slope = 3 * (p[0] * p[0] - 1) * pow(2 * p[1], -1, _PRIME)  # a = -3
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, _PRIME)
    x = (slope * slope - p[0] - q[0]) % _PRIME
    return x, (slope * (p[0] - x) - p[1]) % _PRIME


def _times(factor: int, point: _Point) -> _Point:
    """`point`, `factor` times, by doubling and adding; `factor` is 1 to the order less one."""
    total: _Point | None = None
    while True:
        if factor & 1:
            total = _plus(total, point)
        factor >>= 1
        if not factor:
            assert total is not None
            return total
        point = _plus(point, point)


def _signature(private: int, message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    once = 1 + secrets.randbelow(_ORDER - 1)
    r = _times(once, _BASE)[0] % _ORDER
    s = pow(once, -1, _ORDER) * (digest + r * private) % _ORDER
    return _sequence(_integer(r), _integer(s))
