"""One connection and its session: what the client says goes in when it comes, what is said goes out.

Only waiting is done here; every rule is the session's.
"""

from __future__ import annotations

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from .faulty import AnySession
from .line_actions import LineAction
from .line_acts import perform

__all__ = ["CLOSE_TIMEOUT", "Line"]

CLOSE_TIMEOUT = 0.5
# Said and not yet taken by the client: past this, the client is not read any further.
_HIGH_WATER = 32 << 20
# Over the line in one direction, after which the session is ended (1009): what a session keeps, it
# has heard or said, so this bounds it. An hour of speech without a pause is less than half of it.
_MOST = 512 << 20


class Line:
    """One connection and its session: the reader runs here, the writer as a task that never outlives it."""

    def __init__(self, connection: ServerConnection, session: AnySession) -> None:
        self._connection = connection
        self._session = session
        self._waiting: deque[bytes | LineAction] = deque()
        self._bytes = 0
        self._heard = self._said = 0
        self._something = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Serve the connection until it is closed by either side."""
        writer = asyncio.create_task(self._write())
        try:
            self._session.connected(self._now())
            self._post()
            await self._read()
            if self._session.closing is not None:
                # A client that does not read cannot hold the last words up for ever.
                await asyncio.wait([writer], timeout=CLOSE_TIMEOUT)
                await self._connection.close(self._session.closing.code, self._session.closing.reason)
            elif self._full:
                await self._connection.close(1009, "this server keeps no more of one session")
        finally:
            writer.cancel()
            await asyncio.wait([writer])

    @property
    def _full(self) -> bool:
        return max(self._heard, self._said) > _MOST

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _read(self) -> None:
        while self._session.closing is None and not self._full:
            try:
                async with asyncio.timeout_at(self._session.next_deadline()):
                    message = await self._connection.recv()
            except TimeoutError:
                self._session.handle_timer(self._now())
            except ConnectionClosed:
                return
            else:
                self._heard += len(message)
                if isinstance(message, str):
                    self._session.receive_message(message, self._now())
                else:
                    self._session.receive_binary(message, self._now())
            self._post()
            await self._room.wait()

    def _post(self) -> None:
        """Hand what the session says to the writer."""
        said = self._session.data_to_send()
        self._waiting.extend(said)
        size = sum(len(each) for each in said if isinstance(each, bytes))
        self._bytes += size
        self._said += size
        if self._bytes > _HIGH_WATER:
            self._room.clear()
        self._something.set()

    async def _write(self) -> None:
        try:
            while self._waiting or self._session.closing is None:
                await self._something.wait()
                self._something.clear()
                while self._waiting:
                    data = self._waiting.popleft()
                    if not isinstance(data, bytes):
                        await perform(data, self._connection)
                        continue
                    await self._connection.send(data, text=True)
                    self._bytes -= len(data)
                    if self._bytes <= _HIGH_WATER:
                        self._room.set()
        except ConnectionClosed:
            self._room.set()  # the reader finds out for itself
