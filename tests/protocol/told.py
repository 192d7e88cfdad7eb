"""What a server tells of a conversation: literal messages, single and as whole streams."""

from __future__ import annotations

import base64
import json
from typing import Any

from realtime_raw import codec
from realtime_raw.events.base import InvalidServerEvent, ServerEvent, UnknownServerEvent
from realtime_raw.protocol.conversation import Change, ConversationMirror

Message = dict[str, Any]

TRANSCRIPTION = "conversation.item.input_audio_transcription"


def event(message: Message) -> ServerEvent:
    """A message as the codec reads it; one that is no known event is a mistake of the test."""
    decoded = codec.decode(json.dumps(message))
    assert not isinstance(decoded, (InvalidServerEvent, UnknownServerEvent)), decoded
    return decoded


def tell(mirror: ConversationMirror, *messages: Message, now: float = 0.0) -> list[Change]:
    """The mirror hears these messages; returns all changes."""
    return [change for message in messages for change in mirror.apply(event(message), now)]


def contradictions(changes: list[Change]) -> list[str]:
    """The sentences of what did not fit."""
    return [change.detail for change in changes if change.kind == "contradiction"]


def ids(mirror: ConversationMirror) -> list[str]:
    """The ids in order."""
    return [item.id for item in mirror]


def history(mirror: ConversationMirror) -> list[dict[str, Any]]:
    """All that a history shows, for comparison."""
    return [item.to_dict() for item in mirror]


# Items


def user(item_id: str, *texts: str) -> Message:
    """A user message of text parts."""
    content = [{"type": "input_text", "text": text} for text in texts]
    return {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}


def spoken(item_id: str, transcript: str | None = None) -> Message:
    """A user message of one piece of audio."""
    content = [{"type": "input_audio", "transcript": transcript}]
    return {"id": item_id, "type": "message", "status": "completed", "role": "user", "content": content}


def reply(item_id: str, *content: Message, status: str = "completed") -> Message:
    """An assistant message."""
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": list(content),
    }


def call(item_id: str, arguments: str = "", *, name: str = "weather", status: str = "completed") -> Message:
    """A function call; its call id is `call_` and the item's id."""
    return {
        "id": item_id,
        "type": "function_call",
        "status": status,
        "name": name,
        "call_id": f"call_{item_id}",
        "arguments": arguments,
    }


def result(item_id: str, of: str, output: str) -> Message:
    """The output of the call in item `of`."""
    return {"id": item_id, "type": "function_call_output", "call_id": f"call_{of}", "output": output}


# Events


def added(item: Message, after: str | None) -> Message:
    return {"type": "conversation.item.added", "previous_item_id": after, "item": item}


def done(item: Message, after: str | None = None) -> Message:
    return {"type": "conversation.item.done", "previous_item_id": after, "item": item}


def deleted(item_id: str) -> Message:
    return {"type": "conversation.item.deleted", "item_id": item_id}


def truncated(item_id: str, audio_end_ms: float | None, content_index: int = 0) -> Message:
    return {
        "type": "conversation.item.truncated",
        "item_id": item_id,
        "content_index": content_index,
        "audio_end_ms": audio_end_ms,
    }


def committed(item_id: str, after: str | None) -> Message:
    return {"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": after}


def of_part(kind: str, item_id: str, response_id: str = "resp_1", index: int = 0, **fields: Any) -> Message:
    """An event of one content part: `kind` is what follows `response.`."""
    return {
        "type": f"response.{kind}",
        "response_id": response_id,
        "item_id": item_id,
        "output_index": 0,
        "content_index": index,
        **fields,
    }


def text(item_id: str, delta: str, response_id: str = "resp_1") -> Message:
    return of_part("output_text.delta", item_id, response_id, delta=delta)


def said(item_id: str, delta: str, response_id: str = "resp_1", index: int = 0) -> Message:
    return of_part("output_audio_transcript.delta", item_id, response_id, index, delta=delta)


def sound(item_id: str, ms: int, response_id: str = "resp_1", index: int = 0) -> Message:
    delta = base64.b64encode(bytes(48 * ms)).decode()
    return of_part("output_audio.delta", item_id, response_id, index, delta=delta)


def response_done(*items: Message, response_id: str = "resp_1", status: str = "completed") -> Message:
    response = {"id": response_id, "status": status, "output": list(items)}
    return {"type": "response.done", "response": response}


# Streams


def conversation_of(item: Message, begun: Message, after: str | None) -> list[Message]:
    """How the conversation tells of one item."""
    return [added(begun, after), done(item, after)]


def text_reply(item_id: str, pieces: list[str], response_id: str) -> list[Message]:
    """How a response tells of a text message, without its `response.done`."""
    whole = "".join(pieces)
    item = reply(item_id, {"type": "output_text", "text": whole})
    common = {"response_id": response_id, "output_index": 0}
    begun = {"type": "response.output_item.added", **common, "item": reply(item_id, status="in_progress")}
    part = {"type": "text", "text": whole}
    return [
        begun,
        of_part("content_part.added", item_id, response_id, part={"type": "text", "text": ""}),
        *(text(item_id, piece, response_id) for piece in pieces),
        of_part("output_text.done", item_id, response_id, text=whole),
        of_part("content_part.done", item_id, response_id, part=part),
        {"type": "response.output_item.done", **common, "item": item},
    ]


def audio_reply(item_id: str, pieces: list[tuple[str, int]], response_id: str) -> list[Message]:
    """How a response tells of a spoken message: pieces of transcript, each with its ms of sound."""
    whole = "".join(words for words, _ in pieces)
    item = reply(item_id, {"type": "output_audio", "transcript": whole})
    common = {"response_id": response_id, "output_index": 0}
    begun = {"type": "response.output_item.added", **common, "item": reply(item_id, status="in_progress")}
    part = {"type": "audio", "transcript": whole}
    stream = [
        begun,
        of_part("content_part.added", item_id, response_id, part={"type": "audio", "transcript": ""}),
    ]
    for words, ms in pieces:
        stream += [said(item_id, words, response_id), sound(item_id, ms, response_id)]
    return [
        *stream,
        of_part("output_audio.done", item_id, response_id),
        of_part("output_audio_transcript.done", item_id, response_id, transcript=whole),
        of_part("content_part.done", item_id, response_id, part=part),
        {"type": "response.output_item.done", **common, "item": item},
    ]


def call_stream(item_id: str, pieces: list[str], response_id: str) -> list[Message]:
    """How a response tells of a function call, without its `response.done`."""
    common = {"response_id": response_id, "output_index": 0}
    of_call = {**common, "item_id": item_id, "call_id": f"call_{item_id}"}
    whole = "".join(pieces)
    kind = "response.function_call_arguments"
    return [
        {"type": "response.output_item.added", **common, "item": call(item_id, status="in_progress")},
        *({"type": f"{kind}.delta", **of_call, "delta": piece} for piece in pieces),
        {"type": f"{kind}.done", **of_call, "name": "weather", "arguments": whole},
        {"type": "response.output_item.done", **common, "item": call(item_id, whole)},
    ]


def transcription_of(item_id: str, pieces: list[str]) -> list[Message]:
    """How a user's words come: in pieces, then whole."""
    common = {"item_id": item_id, "content_index": 0}
    return [
        *({"type": f"{TRANSCRIPTION}.delta", **common, "delta": piece} for piece in pieces),
        {"type": f"{TRANSCRIPTION}.completed", **common, "transcript": "".join(pieces)},
    ]
