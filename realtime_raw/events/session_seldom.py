"""What few sessions show: a stored prompt, tracing, truncation, a tool choice, filters of MCP tools.

They are loaded when the first one comes. The public ones can be had from `session` as well.
"""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Tag

from .base import Inbound
from .declare import WORD_OR_OBJECT, Many, Number, Open, at_most

__all__ = [
    "Prompt",
    "ToolChoice",
    "TracingSettings",
    "TruncationSettings",
]


class ToolFilter(Inbound):
    """Which tools of an MCP server, as echoed."""

    tool_names: Many[str] | None = None
    read_only: bool | None = None


class ApprovalFilter(Inbound):
    """Which tools of an MCP server need approval, as echoed."""

    always: ToolFilter | None = None
    never: ToolFilter | None = None


class ToolChoice(Inbound):
    """A tool choice echoed as an object."""

    type: Open[Literal["function", "mcp"]] | None = None
    name: str | None = None
    server_label: str | None = None


class CacheBreakpoint(Inbound):
    """The end of a cached prefix, as echoed."""

    mode: Open[Literal["explicit"]] | None = None
    ttl: Open[Literal["30m", "12h"]] | None = None


class PromptInput(Inbound):
    """A text, image or file standing for a variable of a prompt template, as echoed."""

    type: Open[Literal["input_text", "input_image", "input_file"]] | None = None
    text: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    detail: Open[Literal["low", "high", "auto", "original"]] | None = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None


PromptValue: TypeAlias = Annotated[
    Annotated[str, Tag("<word>")] | Annotated[PromptInput, Tag("<object>")], WORD_OR_OBJECT
]


class Prompt(Inbound):
    """A prompt reference as echoed."""

    id: str | None = None
    version: str | None = None
    variables: Annotated[dict[str, PromptValue | None], at_most(1000)] | None = None


class TracingSettings(Inbound):
    """Tracing as in force."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


class TokenLimitsSettings(Inbound):
    """Token limits of a truncation, as in force."""

    post_instructions: int | None = None


class TruncationSettings(Inbound):
    """Truncation as in force, when it is more than a word."""

    type: Open[Literal["retention_ratio"]] | None = None
    retention_ratio: Number | None = None
    token_limits: TokenLimitsSettings | None = None
