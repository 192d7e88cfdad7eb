"""How the default scenario understands words: orders, questions, names of tools, and their arguments.

Pure functions on text and wire objects. It matches words; it understands
nothing, and is meant to be foreseen by whoever writes a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .scenario import Turn

__all__ = ["arguments", "newest_outputs", "ordered_words", "place_of", "recalled", "short"]

_LONGEST_ECHO = 600

_SAY_ONLY = re.compile(
    r"\b(?:say|reply|answer|respond)(?: with)? (?:only|exactly|just)(?: the words?)?[:,]? *(?P<words>[^\n]+)",
    re.IGNORECASE,
)


def ordered_words(text: str) -> str | None:
    """`pineapple` out of `Say only: "pineapple".`; the quotes go, and a full stop that is not inside them."""
    found = _SAY_ONLY.search(text)
    if found is None:
        return None
    words = found["words"].strip()
    quoted = re.match(r"[\"“'‘](?P<inside>[^\"”’]+)[\"”'’]", words)
    if quoted is not None:
        return quoted["inside"]
    return words.rstrip(".") or None


def short(text: str) -> str:
    """`text`, or as much of it as anybody wants to hear again."""
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]} and so on."


# --- what was said earlier ----------------------------------------------------------------

_QUESTION = re.compile(
    r"\?|^\W*(?:what|which|who|whom|whose|where|when|why|how|do you (?:remember|recall|know))\b"
    r"|\b(?:remind|tell) me\b|\brepeat\b",
    re.IGNORECASE,
)
_WHAT_WAS_SAID = re.compile(r"\bwhat (?:did|have) (?:i|we) (?:just )?(?:say|said|tell|told)\b", re.IGNORECASE)
# Words that carry no subject.
_EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        a an the is are was were be been am i me my mine you your yours we our it its he she they them
        this that these those what which who whom whose where when why how do does did have has had will
        would can could should to of in on at for with from by and or not no yes please tell say said
        told repeat remind remember recall know again earlier before just now about there here one only
        word words""",
    )
)


def recalled(turn: Turn) -> str | None:
    """The earlier message that shares most with a question, quoted; None if nothing does."""
    last = turn.last
    if last is None or not _QUESTION.search(turn.text):
        return None
    earlier = [item for item in turn.items[: turn.items.index(last)] if item.get("type") == "message"]
    if _WHAT_WAS_SAID.search(turn.text) and not _topics(turn.text):
        asked = [item for item in earlier if item["role"] == "user" and turn.words_of(item)]
        return _quoted(turn, asked[-1]) if asked else None
    wanted = _topics(turn.text)
    scored = [(len(wanted & _topics(turn.words_of(item))), at) for at, item in enumerate(earlier)]
    # A statement answers a question; of several, the newest that shares most. Questions answer none.
    scored = [(n, at) for n, at in scored if n and not _QUESTION.search(turn.words_of(earlier[at]))]
    return _quoted(turn, earlier[max(scored)[1]]) if scored else None


def _quoted(turn: Turn, item: Mapping[str, Any]) -> str:
    who = {"user": "You said", "assistant": "I said"}.get(str(item["role"]), "I was told")
    return f"{who} earlier: {short(turn.words_of(item))}"


def _topics(text: str) -> set[str]:
    """The words that carry meaning, without plural endings."""
    words = re.findall(r"\w+", text.lower())
    return {word.removesuffix("s") for word in words if word not in _EMPTY_WORDS}


# --- tools --------------------------------------------------------------------------------


def newest_outputs(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tools called last have answered, in order, if nothing was said since."""
    outputs: list[str] = []
    for item in reversed(items):
        if item["type"] == "function_call_output":
            outputs.append(str(item["output"]))
        elif item["type"] == "mcp_call":
            outputs.append(str(item.get("output") or "nothing"))
        elif item.get("role") != "system":
            break
    return outputs[::-1]


def place_of(name: str, text: str) -> int | None:
    """Where `text` names a tool, as `get_weather` or as "get weather"; None if it does not."""
    spelt = "[_ -]".join(map(re.escape, re.split(r"[_-]", name)))
    found = re.search(rf"(?<!\w){spelt}(?!\w)", text, re.IGNORECASE)
    return found.start() if found else None


def arguments(schema: object, text: str) -> dict[str, Any]:
    """Arguments that fit a tool's schema: its required properties, each with a plain value.

    A value the text gives by name (`city: Rome`, `city = "New York"`) is taken;
    else a string is the whole text, and everything else the plainest of its kind.
    """
    made = _example(schema or {}, text, name="", depth=0)
    return made if isinstance(made, dict) else {}


_DEEPEST = 8
_PLAIN: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "array": [], "null": None}


def _example(schema: object, text: str, *, name: str, depth: int) -> Any:
    """A value for a JSON Schema, a plain one. The schema is a stranger's: it may hold anything."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    kind = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "string":
        return _given(name, text) or short(text) or "text"
    if kind != "object":
        return _number(_given(name, text), kind) if isinstance(kind, str) else None
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        return {}
    return {
        each: _example(properties.get(each), text, name=each, depth=depth + 1)
        for each in required
        if isinstance(each, str)
    }


def _given(name: str, text: str) -> str | None:
    """The value `text` gives for the property `name`."""
    found = re.search(
        rf"(?<!\w){re.escape(name)}\s*[:=]\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>[^\s,;]+))",
        text,
        re.IGNORECASE,
    )
    if not name or found is None:
        return None
    return found["quoted"] if found["quoted"] is not None else found["plain"].rstrip(".?!")


def _number(given: str | None, kind: str) -> Any:
    if given is not None and kind == "integer" and re.fullmatch(r"-?\d{1,15}", given):
        return int(given)
    if given is not None and kind == "number" and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", given):
        return float(given)
    return _PLAIN.get(kind)
