"""What one response is given: the context, the settings in force, and what they cost.

Turns a `response.create` into a `Plan`; the session decides beforehand whether
a response may start at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import refusals
from .config import ResponseSettings, SessionConfig, has_reasoning
from .ids import Ids
from .items import Conversation, Item, from_client, reference
from .mcp import McpServers
from .respond import Plan
from .scenario import Turn
from .tokens import Tokens, context_limit, count_input

__all__ = ["make_plan"]


def make_plan(
    config: SessionConfig,
    conversation: Conversation,
    asked: Mapping[str, Any],
    *,
    ids: Ids,
    counted: Tokens,
    mcp: McpServers,
    number: int,
) -> Plan:
    """The plan of the response that `asked` (`response.create`'s object) asks for.

    `counted` are the input tokens of the conversation's response before, which
    are in the cache; `number` is the response's in the session. Raises `Refused`
    for audio or references that do not hold, and for a context that is too long
    and may not be shortened.
    """
    settings = config.for_response(asked)
    items = _context(config, conversation, asked, ids)
    given = count_input(settings.instructions, settings.tools, items)
    if given.total > context_limit(config.model) or _over_budget(config.truncation, settings, given):
        if config.truncation == "disabled":
            raise refusals.conversation_too_long()
        items, given = _shortened(settings, items, config.truncation, context_limit(config.model))
    out_of_band = asked.get("conversation") == "none"
    return Plan(
        settings=settings,
        turn=_turn(settings, items, asked, mcp.usable(settings.tools), number),
        conversation_id=None if out_of_band else conversation.id,
        metadata=asked.get("metadata"),
        given=given,
        cached=given.cached_from(counted),
        # The gpt-realtime-2 family marks what it says (observed).
        phase="final_answer" if has_reasoning(config.model) else None,
        mcp=mcp,
        approved=() if out_of_band else mcp.take_approved(),
    )


def _context(
    config: SessionConfig, conversation: Conversation, asked: Mapping[str, Any], ids: Ids
) -> list[Item]:
    """`input` replaces the conversation, `[]` included; absent, the whole conversation counts."""
    if "input" not in asked:
        return list(conversation)
    items = []
    for index, given in enumerate(asked["input"]):
        path = f"response.input[{index}]"
        if given["type"] == "item_reference":
            items.append(reference(given, path=path, conversation=conversation))
        else:
            items.append(
                from_client(given, path=path, encoding=config.input_encoding, ids=ids, taken=conversation)
            )
    return items


def _over_budget(truncation: object, settings: ResponseSettings, given: Tokens) -> bool:
    """Whether the items pass the limit the client has set for them."""
    limits = truncation.get("token_limits", {}) if isinstance(truncation, Mapping) else {}
    fixed = count_input(settings.instructions, settings.tools, [])
    return "post_instructions" in limits and given.total - fixed.total > limits["post_instructions"]


def _shortened(
    settings: ResponseSettings, items: list[Item], truncation: object, limit: int
) -> tuple[list[Item], Tokens]:
    """The newest items that fit: the oldest are silently left out (documented).

    With a retention ratio as much is left out as makes the rest fit that share of
    the limit, so that the next turns need no further cut.
    """
    fixed = count_input(settings.instructions, settings.tools, [])
    if isinstance(truncation, Mapping):
        most = truncation.get("token_limits", {}).get("post_instructions", limit)
        limit = round(min(limit, fixed.total + most) * truncation["retention_ratio"])
    given = count_input(settings.instructions, settings.tools, items)
    while items and given.total > limit:
        items = items[1:]
        given = count_input(settings.instructions, settings.tools, items)
    return items, given


def _turn(
    settings: ResponseSettings,
    items: list[Item],
    asked: Mapping[str, Any],
    mcp: Mapping[str, tuple[Mapping[str, Any], ...]],
    number: int,
) -> Turn:
    heard = {item.id: item.heard for item in items}
    return Turn(
        items=tuple(item.to_wire() for item in items),
        heard={item_id: facts for item_id, facts in heard.items() if facts is not None},
        spoken={item.id: item.spoken for item in items if item.spoken},
        instructions=settings.instructions,
        own_instructions=settings.own_instructions,
        modality=settings.modality,
        tools=settings.tools,
        tool_choice=settings.tool_choice,
        metadata=asked.get("metadata"),
        mcp=mcp,
        number=number,
        out_of_band=asked.get("conversation") == "none",
        parallel_tool_calls=settings.parallel_tool_calls,
    )
