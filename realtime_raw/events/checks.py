"""Checks of single values that we send: JSON that JSON can hold, base64, image URIs.

Validators raise pydantic's custom error, so that the finding carries the
field's path. Models are not defined here.
"""

import binascii
import math
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

__all__ = ["Base64Audio", "ClientId", "ImageUri", "Metadata", "flaw_in"]

_MAX_DEPTH = 100  # far above any real schema, far below where encoders give up
_MAX_APPEND = 15 * 1024 * 1024  # decoded bytes; API reference, `input_audio_buffer.append`


def flaw_in(value: object) -> tuple[str, str] | None:
    """What of a value JSON cannot hold, as `(path below it, message)`; None if all is well.

    Models inside are passed over: they have been looked at when they were built.
    """
    todo: list[tuple[str, object, int]] = [("", value, 0)]
    while todo:
        path, item, depth = todo.pop()
        if isinstance(item, dict):
            for key in item:
                if not isinstance(key, str):
                    return path, "a key inside is not a string"
                if _broken(key):
                    return path, "a key inside holds a lone surrogate, which UTF-8 cannot"
            todo += [(f"{path}.{key}", inner, depth + 1) for key, inner in item.items()]
        elif isinstance(item, list):
            todo += [(f"{path}[{index}]", inner, depth + 1) for index, inner in enumerate(item)]
        elif message := _scalar_flaw(item):
            return path, message
        if depth > _MAX_DEPTH:
            return "", f"nested deeper than {_MAX_DEPTH} levels"
    return None


def _scalar_flaw(item: object) -> str | None:
    if item is None or isinstance(item, (bool, BaseModel)):
        return None
    if isinstance(item, str):
        return "holds a lone surrogate, which UTF-8 cannot" if _broken(item) else None
    if isinstance(item, int):
        return None if -(2**63) <= item < 2**64 else "is beyond 64 bits"
    if isinstance(item, float):
        return None if math.isfinite(item) else "is NaN or infinite, which JSON cannot hold"
    return f"is a {type(item).__name__}, which JSON cannot hold"


def _broken(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)


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
