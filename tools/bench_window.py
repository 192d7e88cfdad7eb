"""What reading costs while the receive window has room, and while it has none: `recv_into` alone.

    python tools/bench_window.py

A client reads what the benchmark's server blasts, and does nothing with it but
wait so many us between two reads. The slower it is, the fuller the window; from
some point on the kernel sends what is next within the client's own reads, and
books it there. Printed is the CPU time of the reads for the 16 KB of one delta
of 12,000 bytes, and its ratio to the cheapest. `tools/bench` therefore asks for
an answer once the one before was taken.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.bench.machine import pin
from tools.bench.run import blaster

ANSWERS = 60
DELTA = 16_400  # bytes of its frame
PAUSES_US = (0, 50, 200, 400, 1000, 3000)
_CREATE = b'{"type":"response.create"}'


def cost(port: int, pause_us: int) -> float:
    """CPU us of the reads for one delta, with so long a pause behind each."""
    buffer = bytearray(1 << 18)
    spent = size = 0
    with socket.create_connection(("127.0.0.1", port)) as line:
        target = f"/v1?mode=blast&size=12000&length=30&warm=1&answers={ANSWERS}"
        line.sendall(f"GET {target} HTTP/1.1\r\nSec-WebSocket-Key: bench\r\n\r\n".encode())
        line.settimeout(0.5)
        create = bytes((0x81, 0x80 | len(_CREATE))) + bytes(4) + _CREATE
        line.sendall(create)
        with suppress(TimeoutError):  # the first answer, by which the window grows, is not counted
            while line.recv_into(buffer):
                pass
        line.sendall(create)
        with suppress(TimeoutError):  # all of it came
            while True:
                began = time.process_time_ns()
                size += line.recv_into(buffer)
                spent += time.process_time_ns() - began
                until = time.perf_counter_ns() + 1000 * pause_us
                while time.perf_counter_ns() < until:
                    pass
    return spent / size * DELTA / 1000


def main() -> None:
    """Print a table."""
    pin(-1)
    with blaster() as port:
        found = {pause: min(cost(port, pause) for _ in range(3)) for pause in PAUSES_US}
    least = min(found.values())
    print("pause us   recv_into, CPU us a delta   x the cheapest")
    for pause, each in found.items():
        print(f"{pause:8}   {each:25.2f}   {each / least:14.2f}")


if __name__ == "__main__":
    main()
