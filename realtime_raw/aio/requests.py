"""The verbs' keywords as client events. Pure: nothing is sent or awaited here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from .. import events as ev
from ..errors import LocalProtocolError
from ..events.base import ClientEvent
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..events.audio_config import CustomVoice, PcmaFormat, PcmFormat, PcmuFormat
    from ..events.new_items import InputItem, NewItem
    from ..events.session_config import (
        FunctionTool,
        McpTool,
        PromptRef,
        Reasoning,
        ToolChoiceFunction,
        ToolChoiceMcp,
    )

__all__ = ["ResponseOptions", "Role", "check_confirmable", "item_create", "response_create"]

Role: TypeAlias = Literal["user", "system", "assistant"]


class ResponseOptions(TypedDict, total=False):
    """What one response may override of the session; what is not named is the session's.

    `output` is the one modality, audio (with its transcript) or text.
    `conversation="none"` keeps the response out of the conversation. `input`
    replaces the context: items, references to items (`rt.ref(id)`) and plain
    strings (as user messages); `[]` is no context at all.
    """

    instructions: str | Unset
    output: Literal["audio", "text"] | Unset
    conversation: Literal["auto", "none"] | Unset
    input: Sequence[InputItem | str] | Unset | None
    metadata: Mapping[str, str] | Unset | None
    voice: str | CustomVoice | Unset
    output_format: PcmFormat | PcmuFormat | PcmaFormat | Unset
    tools: Sequence[FunctionTool | McpTool] | Unset
    tool_choice: Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceMcp | Unset
    parallel_tool_calls: bool | Unset
    max_output_tokens: int | Literal["inf"] | Unset
    reasoning: Reasoning | Unset
    prompt: PromptRef | Unset | None


_AS_THEY_ARE = (
    "instructions",
    "conversation",
    "tool_choice",
    "parallel_tool_calls",
    "max_output_tokens",
    "reasoning",
    "prompt",
)
_KNOWN = ResponseOptions.__annotations__.keys()


def response_create(options: ResponseOptions) -> ev.ResponseCreate:
    """`response.create` with what the options name. Raises `InvalidCommand`, `LocalProtocolError`."""
    named = {name: value for name, value in options.items() if value is not UNSET}
    if unknown := named.keys() - _KNOWN:
        raise LocalProtocolError(
            f"a response has no option {sorted(unknown)[0]!r}", hint=f"it has {', '.join(_KNOWN)}"
        )
    fields: dict[str, Any] = {name: named[name] for name in _AS_THEY_ARE if name in named}
    if "output" in named:
        fields["output_modalities"] = [named["output"]]
    if (tools := options.get("tools", UNSET)) is not UNSET:
        fields["tools"] = list(tools)
    if (metadata := options.get("metadata", UNSET)) is not UNSET:
        fields["metadata"] = None if metadata is None else dict(metadata)
    items = options.get("input", UNSET)
    if items is not UNSET and items is not None:
        fields["input"] = [ev.user(item) if isinstance(item, str) else item for item in items]
    if named.keys() & {"voice", "output_format"}:
        output: dict[str, Any] = {wire: named[name] for name, wire in _SOUND.items() if name in named}
        fields["audio"] = ev.ResponseAudioConfig(output=ev.ResponseAudioOutput(**output))
    if not fields:
        return ev.ResponseCreate()
    return ev.ResponseCreate(response=ev.ResponseConfig(**fields))


_SOUND = {"voice": "voice", "output_format": "format"}


def item_create(
    content: str | NewItem, role: Role, after: str | None, item_id: str | None
) -> ev.ConversationItemCreate:
    """`conversation.item.create` of a text, or of an item as it is. Raises `InvalidCommand`."""
    item = _message(content, role, item_id) if isinstance(content, str) else content
    if not isinstance(content, str) and item_id is not None:
        item = type(content)(**{**content.to_wire(), "id": item_id})
    return ev.ConversationItemCreate(item=item, previous_item_id=UNSET if after is None else after)


def _message(text: str, role: str, item_id: str | None) -> NewItem:
    named = UNSET if item_id is None else item_id
    if role == "user":
        return ev.NewUserMessage(content=[ev.NewInputText(text=text)], id=named)
    if role == "system":
        return ev.NewSystemMessage(content=[ev.NewInputText(text=text)], id=named)
    if role == "assistant":
        return ev.NewAssistantMessage(content=[ev.NewOutputText(text=text)], id=named)
    raise LocalProtocolError(f"there is no role {role!r}", hint='it is "user", "system" or "assistant"')


def check_confirmable(event: ClientEvent) -> None:
    """Raise `LocalProtocolError` for the events that no server confirms: they would be awaited in vain."""
    if event.type.endswith("input_audio_buffer.append"):
        raise LocalProtocolError(
            f"no event confirms {event.type}", hint="use append() or send(), which do not wait for one"
        )
