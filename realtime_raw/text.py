"""Making untrusted text fit to print: no control characters, no secrets.

Everything a server sends is untrusted. A transcript may hold escape sequences
that move a terminal's cursor, and an error may repeat the key it refused.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["printable", "redact", "safe"]

# OpenAI keys and ephemeral secrets (a server may shorten the key it repeats with
# asterisks), bearer tokens, the browser subprotocol that carries a key, and what
# follows an `Authorization` or `api-key` header or query parameter. A lower-case
# "bearer" counts only there: it is a word, too.
# Compiled when the first text is looked at: connecting is quicker without.
_SECRETS = (
    r"(?P<keep>\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer\s+)?|\bapi[-_]key[\"']?\s*[:=]\s*[\"']?"
    r"|(?-i:\bBearer\s+)|\bopenai-insecure-api-key\.)[^\s,\"'&}]+"
    r"|\b(?:sk|ek)[-_][A-Za-z0-9*_\-.]{4,}"
    r"|(?:sk|ek)[-_](?=[A-Za-z_\-]*[0-9])[A-Za-z0-9*_\-]{12,}"  # glued to a word: long, with a digit
)


def printable(text: str, *, newlines: bool = False) -> str:
    """`text` without control, format-override and surrogate characters.

    Tabs become spaces; newlines stay only if asked for, else become spaces.
    Categories Cc, Cs and the bidirectional overrides of Cf are dropped; other
    format characters (joiners in emoji and scripts) stay.
    """
    if text.isascii() and text.isprintable():
        return text
    out = []
    for char in text:
        if char == "\n":
            out.append("\n" if newlines else " ")
        elif char == "\t":
            out.append(" ")
        elif unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in _BIDI:
            continue
        else:
            out.append(char)
    return "".join(out)


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")


def redact(text: str) -> str:
    """`text` with anything that looks like an API key or token replaced by `***`."""
    return re.sub(_SECRETS, lambda m: f"{m['keep'] or ''}***", text, flags=re.IGNORECASE)


def safe(text: str) -> str:
    """`printable` and `redact` together: fit for an exception or a log line."""
    return redact(printable(text))
