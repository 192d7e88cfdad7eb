"""What of a spoken reply was heard: transcript deltas against the audio received.

The API gives no times for words, only the order in which transcript and audio
arrive. This module turns that order into positions and cuts the text where
the ear stopped. It knows no events and no playback: it is told how much sound
and which text came, and asked about a position in milliseconds.

The rule, and how far it can be trusted:

- Observed: the server sends a few transcript deltas, then about the sound that
  belongs to them, then the next few. So a *burst*, all deltas that came while
  the same amount of audio was there, owns the audio from that position to the
  next burst's. Exact for a server that sends each text right before its sound.
- Deltas of one burst share its audio by their length: an estimate, off by a
  word or so.
- A delta counts as heard when the ear has passed the end of its share, whole
  or not at all: half a word is not a word.
- The last burst is open until the audio ends. Until then it counts only if
  the ear has heard all that was received and some of it came after the text;
  afterwards it owns what was left. Text that came after the last sound goes
  with it, unless the reply was cut short: then it was never spoken.
- A delta of more than 40 characters (some compatible servers send whole
  replies) is shared out by word, like a burst: an estimate.

Should a server's transcript run further ahead of its sound, heard text is
overstated by that lead. It is never derived from a clock.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from ..types import AudioKey

__all__ = ["HeardText", "Track", "bytes_per_ms", "spread"]

_BYTES_PER_MS = {"audio/pcm": 48, "audio/pcmu": 8, "audio/pcma": 8}
_LONG = 40
# Words with the space before them; scripts without spaces in pieces. Compiled for the first long text.
_WORDS = r"\s*\S{1,20}|\s+"


def bytes_per_ms(encoding: str) -> int:
    """48 for PCM16 at 24 kHz, which also stands in for unknown formats; 8 for G.711 at 8 kHz."""
    return _BYTES_PER_MS.get(encoding, 48)


class Track:
    """One audio part: its text in pieces, each with the bytes of audio that were there before it."""

    __slots__ = ("bytes_per_ms", "cut_short", "ended", "pieces", "received", "whole")

    def __init__(self, bytes_per_ms: int, received: int = 0, *, ended: bool = False) -> None:
        self.bytes_per_ms = bytes_per_ms
        self.received = received
        self.pieces: list[tuple[int, str]] = []
        self.whole = self.cut_short = False
        self.ended = ended

    def add(self, text: str) -> None:
        """A piece of its text came."""
        if len(text) <= _LONG:
            self.pieces.append((self.received, text))
        else:
            self.pieces += [(self.received, piece) for piece in re.findall(_WORDS, text)]

    def bursts(self) -> Iterator[tuple[int, int, list[str]]]:
        """`(start, end, texts)` in bytes, in order; the last one ends where the audio does."""
        grouped = [
            (start, [text for _, text in group])
            for start, group in itertools.groupby(self.pieces, key=lambda piece: piece[0])
        ]
        ends = [*(start for start, _ in grouped[1:]), self.received]
        for (start, texts), end in zip(grouped, ends, strict=False):
            yield start, end, texts

    def is_over(self, heard_ms: float) -> bool:
        """Whether the ear is at the end of all there will be of it."""
        return self.ended and not self.cut_short and heard_ms >= self.received // self.bytes_per_ms

    def heard_pieces(self, heard_ms: float) -> int:
        """How many pieces the ear has passed."""
        count = 0
        if heard_ms <= 0:
            return 0
        if self.is_over(heard_ms):
            return len(self.pieces)  # as the rules below have it: no share ends behind the sound
        all_heard = heard_ms >= self.received // self.bytes_per_ms
        for start, end, texts in self.bursts():
            is_last = count + len(texts) == len(self.pieces)
            if is_last and not self.ended:
                return count + (len(texts) if all_heard and start < end else 0)
            if is_last and start == end:
                return count + (len(texts) if all_heard and not self.cut_short else 0)
            passed = self._passed(start, end, texts, heard_ms)
            count += passed
            if passed < len(texts):
                break
        return count

    def _passed(self, start: int, end: int, texts: list[str], heard_ms: float) -> int:
        total = sum(map(len, texts))
        sums = itertools.accumulate(map(len, texts))
        edges = (start + (end - start) * chars // total for chars in sums)
        return sum(edge // self.bytes_per_ms <= heard_ms for edge in edges)

    def cut(self, heard_ms: float) -> tuple[str, str]:
        """`(heard, unheard)` at a position."""
        count = self.heard_pieces(heard_ms)
        texts = [text for _, text in self.pieces]
        return "".join(texts[:count]), "".join(texts[count:])


class HeardText:
    """Positions of transcript deltas, by audio part, until they are no longer needed.

    Holds the text of a part from its first delta until `drop`, which the
    mirror calls when the part was heard to its end or its item is deleted.
    """

    def __init__(self) -> None:
        self._items: dict[str, dict[int, Track]] = {}

    def __len__(self) -> int:
        """How many audio parts are held."""
        return sum(map(len, self._items.values()))

    def audio(self, key: AudioKey, size: int, encoding: str = "audio/pcm") -> None:
        """`size` bytes of sound came for this part, in a wire format."""
        track = self._track(key, encoding)
        if not track.received:
            track.bytes_per_ms = bytes_per_ms(encoding)
        track.received += size

    def text(self, key: AudioKey, delta: str) -> None:
        """A transcript delta came; it belongs to the sound that follows."""
        track = self._track(key)
        if delta and not track.whole:
            track.add(delta)

    def whole(self, key: AudioKey, transcript: str) -> None:
        """The final transcript. Used only where no delta came: then it is spread over all the sound."""
        track = self._track(key)
        if transcript and not track.pieces:
            track.pieces = [(0, word) for word in re.findall(_WORDS, transcript)]
        track.whole = True

    def end(self, key: AudioKey, *, cut_short: bool = False) -> None:
        """No more sound will come; `cut_short` if the item is incomplete. For strangers: nothing."""
        track = self.find(key)
        if track is not None:
            track.ended = True
            track.cut_short = track.cut_short or cut_short

    def cut(self, key: AudioKey, heard_ms: float) -> tuple[str, str] | None:
        """`(heard, unheard)` when the ear is `heard_ms` into this part; None if it is not held.

        The two add up to the transcript received so far. See the module's
        docstring for the rule. Changes nothing; ask as often as you like.
        """
        track = self.find(key)
        return track.cut(heard_ms) if track is not None else None

    def received_ms(self, key: AudioKey) -> int:
        """Whole milliseconds of sound received for this part; 0 if it is not held."""
        track = self.find(key)
        return track.received // track.bytes_per_ms if track is not None else 0

    def drop(self, item_id: str, content_index: int | None = None) -> None:
        """Forget one part of an item, or (None) all of them."""
        tracks = self._items.get(item_id)
        if tracks is None:
            return
        if content_index is not None:
            tracks.pop(content_index, None)
        if content_index is None or not tracks:
            del self._items[item_id]

    def clear(self) -> None:
        """Forget everything: a new session begins."""
        self._items.clear()

    def find(self, key: AudioKey) -> Track | None:
        """What is held of a part; None if it is not."""
        tracks = self._items.get(key.item_id)
        return tracks.get(key.content_index) if tracks is not None else None

    def _track(self, key: AudioKey, encoding: str = "audio/pcm") -> Track:
        item_id, index = key
        tracks = self._items.get(item_id)
        track = tracks.get(index) if tracks is not None else None
        if track is None:
            track = Track(bytes_per_ms(encoding))
            self._items.setdefault(item_id, {})[index] = track
        return track


def spread(transcript: str, total_ms: int, heard_ms: float) -> tuple[str, str]:
    """`(heard, unheard)` for text whose positions are unknown: spread over the sound by word. An estimate."""
    track = Track(1, received=max(total_ms, 0), ended=True)
    track.pieces = [(0, word) for word in re.findall(_WORDS, transcript)]
    return track.cut(heard_ms)
