"""Deltas read off their frame: the messages that come by the hundred, without a parser.

Servers write them in one shape (observed): compact, type first, delta last.
What has exactly that shape is cut out of the bytes; whatever has not is left
to the codec. The result is what the codec would have made: an id is taken
only where it needs no unescaping, base64 is validated as it is decoded, and
neither can hide a quote, an escape or a second key.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pybase64

from .events.base import RAW, ServerEvent, set_extra, set_named, set_private, set_values
from .events.server import (
    ResponseOutputAudioDelta,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputTextDelta,
)

__all__ = ["LONG", "AudioDelta", "Frames", "audio_in", "audio_of", "delta_of", "words_of"]

LONG: Final = 1024
"""Bytes of a message from which on it is likely to be sound, and worth a look before anything else."""

# Printable ASCII without quote and backslash: it stands for itself.
_ID: Final = r'"([ !#-\[\]-~]+)"'
# No sign, no leading zero, and within what every JSON parser takes for an integer.
_INDEX: Final = r"(0|[1-9][0-9]{0,8})"
_REST: Final = (
    f'","event_id":{_ID},"response_id":{_ID},"item_id":{_ID},'
    f'"output_index":{_INDEX},"content_index":{_INDEX},"delta":"'
)
_TEXT: Final = r'([^"\\\x00-\x1f]*)"'
_HEAD: Final = re.compile(
    (r'\{"type":"(response\.output_(?:audio|audio_transcript|text)\.delta)' + _REST).encode()
)
_SAID: Final = re.compile(f'{_TEXT}(?:,"obfuscation":"{_TEXT})?\\}}'.encode())
# Seldom needed, so not compiled before that: an id that is not letters and digits alone, and
# where a delta begins, in any spacing. Behind a backslash its quote belongs to a longer key.
_ONE_ID: Final = rb"[ !#-\[\]-~]+"
_OPENING: Final = rb'(?<!\\)"delta"[ \t\r\n]*:[ \t\r\n]*"'
_WORD_EVENTS: Final[dict[str, type[ServerEvent]]] = {
    cls.wire_type: cls for cls in (ResponseOutputAudioTranscriptDelta, ResponseOutputTextDelta)
}
# What stands behind `{"type":"response.output_` in each.
_AT: Final = len('{"type":"response.output_')
_AUDIO_MARK: Final = b"audio.d"
_WORDS_MARKS: Final = frozenset((b"audio_t", b"text.de"))
_NAMED: Final = frozenset(
    ("type", "event_id", "response_id", "item_id", "output_index", "content_index", "delta")
)
# Beyond it, parsers differ on what an integer is.
_MAX_INDEX: Final = 2**53
_QUOTE: Final = ord('"')
_BRACE: Final = ord("}")
_new = object.__new__
# Its flags by their places: named, they take as long as the call itself. The last one is `validate`.
_decoded = pybase64.b64decode
_KIND: Final = b'output_audio.delta"'


class AudioDelta:
    """What one audio delta says, decoded; the event itself is made when somebody asks for it.

    `pcm` is never empty. The ids and `content_index` are as in the event, None
    where the server left them out. `data` is the message, if it has the shape
    that servers write.
    """

    __slots__ = ("_event", "content_index", "data", "event_id", "item_id", "pcm", "response_id")

    def __init__(
        self,
        pcm: bytes,
        event_id: str | None,
        response_id: str | None,
        item_id: str | None,
        content_index: int | None,
        data: bytes | None = None,
        *,
        event: ResponseOutputAudioDelta | None = None,
    ) -> None:
        self.pcm = pcm
        self.event_id = event_id
        self.response_id = response_id
        self.item_id = item_id
        self.content_index = content_index
        self.data = data
        self._event = event

    def event(self) -> ResponseOutputAudioDelta:
        """The wire event, as the codec would have made it; each time the same object."""
        if self._event is None:
            data = self.data
            assert data is not None  # one of the two was given
            frames = Frames.of(data)
            assert frames is not None  # as it was read by its shape
            self._event = frames.audio_event(data)
        return self._event


class Frames:
    """What the frames of one kind of delta, of one part, have in common: all but an id and what is new.

    Reads the next of them for less than the first; what is not like it to
    the letter is None here, and left to the ways that look at all of it.
    """

    __slots__ = ("_at", "_begin", "_cls", "_common", "_head", "_id", "_named", "_values", "kind", "said")

    def __init__(self, head: re.Match[bytes]) -> None:
        data = head.string
        kind, _, response_id, item_id, output_index, content_index = head.groups()
        self.kind = kind.decode()
        # Of the event id, behind its prefix: the rest is letters and digits, in practice.
        self._begin = max(head.start(2), data.rfind(b"_", *head.span(2)) + 1)
        self._at = head.end(2)  # where it ended the last time
        self._id = data[head.start(2) : self._begin].decode()
        self._head = bytes(data[: self._begin])
        self._common = bytes(data[self._at : head.end()])
        self._named = set(_NAMED)
        self._values: dict[str, Any] = {
            "type": self.kind,
            "event_id": "",
            "response_id": response_id.decode(),
            "output_index": int(output_index),
            "item_id": item_id.decode(),
            "content_index": int(content_index),
            "delta": "",
        }
        self._cls: type[ServerEvent] = _WORD_EVENTS.get(self.kind, ResponseOutputAudioDelta)
        self.said = ""  # by the last words that were read
        if self.kind in _WORD_EVENTS:
            self._values["obfuscation"] = None

    @classmethod
    def of(cls, data: bytes) -> Frames | None:
        """What a delta read by its shape has in common with those that follow."""
        head = _HEAD.match(data)
        return cls(head) if head is not None else None

    def _start(self, data: bytes | bytearray, begin: int, end: int) -> int:
        """Where the delta of such a frame begins; 0 if it is another. Its id may be of any length."""
        first, common = begin + self._begin, self._common
        at = data.find(b'"', first, end)
        if not data.startswith(self._head, begin, end) or not data.startswith(common, at, end):
            return 0
        if not re.fullmatch(_ONE_ID, data[first:at]):
            return 0
        self._at = at - begin
        return at + len(common)

    def pcm(self, view: memoryview, data: bytes | bytearray, begin: int, end: int) -> bytes | None:
        """The sound of the audio delta that lies there; None if it is not like the others, or silent.

        `view` is one of `data`.
        """
        at, common = begin + self._at, self._common
        # What most are: an id as long as the last one, of letters and digits. A call would take as long.
        if (
            data.startswith(common, at, end)
            and data.startswith(self._head, begin, at)
            and data[begin + self._begin : at].isalnum()
        ):
            start = at + len(common)
        else:
            start = self._start(data, begin, end)
        if not start or data[end - 1] != _BRACE or data[end - 2] != _QUOTE:
            return None
        try:
            return _decoded(view[start : end - 2], None, True) or None
        except ValueError:  # something follows the delta, or it is no base64
            return None

    def audio_event(self, data: bytes) -> ResponseOutputAudioDelta:
        """The event of an audio delta that is like the others."""
        start = self._start(data, 0, len(data))
        values = self._values.copy()
        values["event_id"] = self._id + data[self._begin : self._at].decode()
        values["delta"] = data[start:-2].decode()
        values[RAW] = data
        return ResponseOutputAudioDelta.of_valid(values, self._named)

    def words(self, data: bytes) -> ServerEvent | None:
        """The delta of words a message is; None if it is not like the others, or says nothing."""
        at, common = self._at, self._common
        event_id = data[self._begin : at]
        # As in `pcm`.
        if data.startswith(common, at) and data.startswith(self._head) and event_id.isalnum():
            start = at + len(common)
        else:
            start = self._start(data, 0, len(data))
            if not start:
                return None
            event_id = data[self._begin : self._at]
        values = self._values.copy()
        values["event_id"] = self._id + event_id.decode()
        values[RAW] = data
        named = self._named
        try:
            said = data[start:-2].decode()
            # Plain words, as nearly all are; the expression judges the rest.
            if '"' in said or "\\" in said or not said.isprintable() or not data.endswith(b'"}'):
                found = _SAID.fullmatch(data, start)
                if found is None:
                    return None
                delta, obfuscation = found.groups()
                said = delta.decode()
                if obfuscation is not None:
                    values["obfuscation"] = obfuscation.decode()
                    named = {*_NAMED, "obfuscation"}
        except UnicodeDecodeError:
            return None
        if not said:
            return None
        values["delta"] = self.said = said
        # As `of_valid`, without a call.
        event: ServerEvent = _new(self._cls)
        set_values(event, values)
        set_named(event, named)
        set_extra(event, {})
        set_private(event, None)
        return event


def delta_of(data: bytes) -> AudioDelta | ServerEvent | None:
    """The audio delta or the delta of words a message is; None where only the codec can judge."""
    mark = data[_AT : _AT + 7]
    found: AudioDelta | ServerEvent | None = None
    if mark == _AUDIO_MARK:
        found = audio_of(data)
    elif mark in _WORDS_MARKS:
        found = words_of(data)
    return audio_in(data) if found is None and len(data) > LONG else found


def audio_of(data: bytes) -> AudioDelta | None:
    """The audio delta a message is; None for any other message, and for any other shape of one."""
    if data[_AT : _AT + 7] != _AUDIO_MARK:
        return None
    head = _HEAD.match(data)
    if head is None or data[-2:] != b'"}':
        return None
    try:
        pcm = _decoded(memoryview(data)[head.end() : -2], None, True)
    except ValueError:  # something follows the delta, or it is no base64
        return None
    if not pcm:
        return None
    _, event_id, response_id, item_id, _, content_index = head.groups()
    return AudioDelta(
        pcm, event_id.decode(), response_id.decode(), item_id.decode(), int(content_index), data=data
    )


def words_of(data: bytes) -> ServerEvent | None:
    """The delta of a transcript or text a message is; None for any other message or shape."""
    if data[_AT : _AT + 7] not in _WORDS_MARKS:
        return None
    head = _HEAD.match(data)
    said = _SAID.fullmatch(data, head.end()) if head is not None else None
    if head is None or said is None:
        return None
    kind, event_id, response_id, item_id, output_index, content_index = map(bytes.decode, head.groups())
    try:
        delta, obfuscation = [text if text is None else text.decode() for text in said.groups()]
    except UnicodeDecodeError:
        return None
    return _WORD_EVENTS[kind].of_valid(
        {
            "type": kind,
            "event_id": event_id,
            "response_id": response_id,
            "output_index": int(output_index),
            "item_id": item_id,
            "content_index": int(content_index),
            "delta": delta,
            "obfuscation": obfuscation,
            RAW: data,
        },
        set(_NAMED) if obfuscation is None else {*_NAMED, "obfuscation"},
    )


def audio_in(data: bytes) -> AudioDelta | None:
    """The audio delta a message is, whatever its key order and spacing; None where only the codec can judge.

    One pass of pydantic's own parser, which is quicker with a long string
    than to parse and then to validate. It takes a repeated key, and numbers
    that are none: so it is believed only if the message has as many colons as
    keys, and nothing but texts and small integers as values.
    """
    if _KIND not in data[:256] and _KIND not in data[-256:]:
        return None
    opening = re.search(_OPENING, data)
    if opening is None:
        return None
    start = opening.end()
    end = data.find(b'"', start)
    try:
        # The slice, not the value: so no colon, escape or second delta is in there.
        pcm = _decoded(memoryview(data)[start:end], None, True)
        event = ResponseOutputAudioDelta.model_validate_json(data)
    except ValueError:  # of pybase64, or of pydantic
        return None
    named = event.model_fields_set  # what is extra counts as set; the type is there unsaid, too
    if not pcm or "type" not in named or data.count(b":", 0, start) + data.count(b":", end) != len(named):
        return None
    if any(type(value) is not str for value in (event.model_extra or {}).values()):
        return None
    for index in (event.output_index, event.content_index):
        if index is not None and not 0 <= index < _MAX_INDEX:
            return None
    event.keep_raw(data)
    return AudioDelta(pcm, event.event_id, event.response_id, event.item_id, event.content_index, event=event)
