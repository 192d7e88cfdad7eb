"""The 11 client events of the realtime dialect. Each docstring says what answers it.

There is no general acknowledgement: a refusal is an `error` event, which
usually repeats the `event_id`. Payloads are in `session_config`, `new_items`, `response_config`.
"""

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field

from ..types import UNSET
from .base import ClientEvent
from .checks import Base64Audio
from .declare import Opt
from .later import later

if TYPE_CHECKING:
    from .new_items import NewItem
    from .response_config import ResponseConfig
    from .session_config import SessionConfig

    _NewItem: TypeAlias = NewItem
    _ResponseConfig: TypeAlias = ResponseConfig
    _SessionConfig: TypeAlias = SessionConfig
else:
    _NewItem = later("new_items", "NewItem")
    _ResponseConfig = later("response_config", "ResponseConfig")
    _SessionConfig = later("session_config", "SessionConfig")

__all__ = [
    "ConversationItemCreate",
    "ConversationItemDelete",
    "ConversationItemRetrieve",
    "ConversationItemTruncate",
    "InputAudioBufferAppend",
    "InputAudioBufferClear",
    "InputAudioBufferCommit",
    "OutputAudioBufferClear",
    "ResponseCancel",
    "ResponseCreate",
    "SessionUpdate",
]


class SessionUpdate(ClientEvent):
    """Change the session: only what is named, all or nothing. Answered by `session.updated`."""

    type: Literal["session.update"] = "session.update"
    session: _SessionConfig


class InputAudioBufferAppend(ClientEvent):
    """Append audio (base64 of the input format, at most 15 MiB decoded).

    The only event with no confirmation of any kind.
    """

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: Base64Audio


class InputAudioBufferCommit(ClientEvent):
    """Make a user item of the buffer: at least 100 ms of audio. Asks for no response.

    Answered by `input_audio_buffer.committed`, then the item's own events.
    """

    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioBufferClear(ClientEvent):
    """Drop the uncommitted audio. Answered by `input_audio_buffer.cleared`."""

    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class ConversationItemCreate(ClientEvent):
    """Put an item into the conversation. Answered by `conversation.item.added` and `.done`.

    `previous_item_id`: left out appends, "root" puts it first, an id puts it after that item.
    """

    type: Literal["conversation.item.create"] = "conversation.item.create"
    previous_item_id: Opt[str] = UNSET
    item: _NewItem


class ConversationItemRetrieve(ClientEvent):
    """Ask for an item with its audio. Answered by `conversation.item.retrieved`."""

    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: str


class ConversationItemTruncate(ClientEvent):
    """Cut an assistant's audio at what was heard; the transcript goes with it.

    `audio_end_ms` counts within the item's audio and must not exceed what was
    generated. Answered by `conversation.item.truncated`.
    """

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: Annotated[int, Field(ge=0)]
    audio_end_ms: Annotated[int, Field(ge=0)]


class ConversationItemDelete(ClientEvent):
    """Remove an item. Answered by `conversation.item.deleted`."""

    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


class ResponseCreate(ClientEvent):
    """Ask for a response. Answered by `response.created`, and in the end by `response.done`."""

    type: Literal["response.create"] = "response.create"
    response: Opt[_ResponseConfig] = UNSET


class ResponseCancel(ClientEvent):
    """Cancel a response: this one, or the default conversation's. Answered by `response.done`."""

    type: Literal["response.cancel"] = "response.cancel"
    response_id: Opt[str] = UNSET


class OutputAudioBufferClear(ClientEvent):
    """Stop the sound the server is sending. WebRTC and SIP only: a plain WebSocket refuses it.

    Answered by `output_audio_buffer.cleared`.
    """

    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"
