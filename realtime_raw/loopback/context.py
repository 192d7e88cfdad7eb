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
) -> Plan:
    """The plan of the response that `asked` (`response.create`'s object) asks for.

    `counted` are the input tokens of the conversation's response before, which
    are in the cache. Raises `Refused` for audio or references that do not
    hold, and for a context that is too long and may not be shortened.
    """
    settings = config.for_response(asked)
    items = _context(config, conversation, asked, ids)
    given = count_input(settings.instructions, settings.tools, items)
    if given.total > context_limit(config.model):
        if config.truncation == "disabled":
            raise refusals.conversation_too_long()
        items, given = _shortened(settings, items, context_limit(config.model))
    out_of_band = asked.get("conversation") == "none"
    return Plan(
        settings=settings,
        turn=_turn(settings, items, asked.get("metadata")),
        conversation_id=None if out_of_band else conversation.id,
        metadata=asked.get("metadata"),
        given=given,
        cached=given.cached_from(counted),
        # The gpt-realtime-2 family marks what it says (observed).
        phase="final_answer" if has_reasoning(config.model) else None,
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


def _shortened(settings: ResponseSettings, items: list[Item], limit: int) -> tuple[list[Item], Tokens]:
    """The newest items that fit: the oldest are silently left out (documented)."""
    given = count_input(settings.instructions, settings.tools, items)
    while items and given.total > limit:
        items = items[1:]
        given = count_input(settings.instructions, settings.tools, items)
    return items, given


def _turn(settings: ResponseSettings, items: list[Item], metadata: dict[str, str] | None) -> Turn:
    heard = {item.id: item.heard for item in items}
    return Turn(
        items=tuple(item.to_wire() for item in items),
        heard={item_id: facts for item_id, facts in heard.items() if facts is not None},
        instructions=settings.instructions,
        own_instructions=settings.own_instructions,
        modality=settings.modality,
        tools=settings.tools,
        tool_choice=settings.tool_choice,
        metadata=metadata,
    )
