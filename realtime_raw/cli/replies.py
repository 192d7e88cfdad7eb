"""Following one reply to its end, for every command that asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import Output
from .running import ExitCode, Stop

if TYPE_CHECKING:
    from .. import Reply
    from ..events import Response

__all__ = ["check_whole", "tell"]


async def tell(reply: Reply, out: Output) -> tuple[str, Response]:
    """Print the reply's words as they come; returns them whole, with the final response.

    Raises what `reply.done()` raises.
    """
    pieces: list[str] = []
    async for piece in reply.text():
        pieces.append(piece)
        out.piece("model", piece)
    out.end_line()
    return "".join(pieces), await reply.done()


def check_whole(response: Response, out: Output) -> None:
    """Say so if a response was cut short. Raises `Stop` if it was cancelled, by whoever."""
    reason = (response.status_details and response.status_details.reason) or "no reason given"
    if response.status == "incomplete":
        out.say(f"the answer is incomplete: {reason}")
    elif response.status == "cancelled":
        raise Stop(ExitCode.REFUSED, f"the answer was cancelled: {reason}")
