"""Checks of single values that we send: JSON that JSON can hold, base64, image URIs.

Each raises pydantic's custom error, so that the finding carries the field's
path. Models are not defined here.
"""

import binascii
import math
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

__all__ = ["Base64Audio", "ClientId", "ImageUri", "JsonObject", "Metadata"]

_MAX_DEPTH = 100  # far above any real schema, far below where encoders give up
_MAX_APPEND = 15 * 1024 * 1024  # decoded bytes; API reference, `input_audio_buffer.append`


def _check_json(value: dict[str, Any]) -> dict[str, Any]:
    level: list[Any] = [value]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            below.extend(_children(item))
        if not below:
            return value
        level = below
    raise PydanticCustomError("json_depth", "nested deeper than {limit} levels", {"limit": _MAX_DEPTH})


def _children(item: Any) -> list[Any]:
    """The values inside one JSON value; refuses what JSON cannot hold."""
    if item is None or isinstance(item, (bool, int)):
        return []
    if isinstance(item, str):
        if item.isascii() or item.encode("utf-8", "replace").decode() == item:
            return []
        raise PydanticCustomError("json_text", "a string inside holds a lone surrogate")
    if isinstance(item, float):
        if math.isfinite(item):
            return []
        raise PydanticCustomError("json_number", "a number inside is NaN or infinite, which JSON cannot hold")
    if isinstance(item, dict):
        if not all(isinstance(key, str) for key in item):
            raise PydanticCustomError("json_key", "a key inside is not a string")
        return [*item.keys(), *item.values()]
    if isinstance(item, list):
        return item
    raise PydanticCustomError(
        "json_kind", "a value inside is a {kind}, which JSON cannot hold", {"kind": type(item).__name__}
    )


# A free JSON object (tool parameters, trace metadata): finite numbers, string keys, bounded depth.
JsonObject: TypeAlias = Annotated[dict[str, Any], AfterValidator(_check_json)]


def _check_audio(value: str) -> str:
    try:
        decoded = binascii.a2b_base64(value, strict_mode=True)
    except (binascii.Error, ValueError):
        raise PydanticCustomError(
            "base64", "expected base64 text with the standard alphabet and padding"
        ) from None
    if not decoded:
        raise PydanticCustomError("base64_empty", "expected audio, found no bytes; the server refuses them")
    if len(decoded) > _MAX_APPEND:
        raise PydanticCustomError(
            "base64_size", "at most 15 MiB of audio fit in one event; split it into several"
        )
    return value


# Audio of the session's input format as base64 text: at least one byte, at most 15 MiB decoded.
Base64Audio: TypeAlias = Annotated[str, AfterValidator(_check_audio)]


def _check_image(value: str) -> str:
    if not value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
        raise PydanticCustomError(
            "image_uri", "expected a data URI: data:image/png;base64,... or data:image/jpeg;base64,..."
        )
    return value


# A PNG or JPEG as a data URI; the API reference names no other form.
ImageUri: TypeAlias = Annotated[str, AfterValidator(_check_image)]

# An id that the client chooses for an item or a call: the server takes at most 32 characters (observed).
ClientId: TypeAlias = Annotated[str, Field(min_length=1, max_length=32)]

# Up to 16 pairs, echoed with the response. API reference.
Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16)
]
