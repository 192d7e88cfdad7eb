"""What `response.create` may carry.

It can be had from `response` as well, where the response object is.
"""

from typing import Literal

from ..types import UNSET
from .audio_config import FormatConfig, VoiceConfig
from .base import Outbound
from .checks import Metadata
from .declare import Opt
from .new_items import InputItem
from .session_config import MaxTokens, OutputModalities, PromptRef, Reasoning, ToolChoiceConfig, ToolConfig

__all__ = [
    "ResponseAudioConfig",
    "ResponseAudioOutput",
    "ResponseConfig",
]


class ResponseAudioOutput(Outbound):
    """`audio.output` for one response. There is no `speed` here: it belongs to the session."""

    format: Opt[FormatConfig] = UNSET
    voice: Opt[VoiceConfig] = UNSET


class ResponseAudioConfig(Outbound):
    """`audio` for one response."""

    output: Opt[ResponseAudioOutput] = UNSET


class ResponseConfig(Outbound):
    """Payload of `response.create`: overrides the session for this response only.

    `conversation="none"` keeps the result out of the conversation. `input`
    replaces the context: `[]` is none at all, left out is the conversation.
    `metadata` (16 pairs, keys to 64, values to 512 characters) is echoed.
    """

    output_modalities: Opt[OutputModalities] = UNSET
    instructions: Opt[str] = UNSET
    audio: Opt[ResponseAudioConfig] = UNSET
    tools: Opt[list[ToolConfig]] = UNSET
    tool_choice: Opt[ToolChoiceConfig] = UNSET
    parallel_tool_calls: Opt[bool] = UNSET
    reasoning: Opt[Reasoning] = UNSET
    max_output_tokens: Opt[MaxTokens] = UNSET
    conversation: Opt[Literal["auto", "none"]] = UNSET
    metadata: Opt[Metadata | None] = UNSET
    prompt: Opt[PromptRef | None] = UNSET
    input: Opt[list[InputItem]] = UNSET
