"""Compare two JSON Schemas of one event, field by field: names, kinds, known values, limits.

Knows nothing of events, files or where a schema came from. Findings are
`(path, what)` pairs; whether a difference is meant is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]
Finding = tuple[str, str]

_LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties", "pattern")


@dataclass(frozen=True)
class Rules:
    """What counts as a difference.

    Outward everything does. Inward we mean to be wider: only what we lack counts,
    and fields of our own. `nulls` and `limits` say whether the other side states
    them at all (types of a Python package do not).
    """

    outward: bool
    nulls: bool = True
    limits: bool = True


@dataclass(frozen=True)
class Leaf:
    """One schema with its references and unions resolved away, and where to resolve those inside it."""

    schema: JsonObject
    root: JsonObject

    @property
    def kinds(self) -> frozenset[str]:
        named = self.schema.get("type")
        if named is not None:
            return frozenset([named] if isinstance(named, str) else named)
        values = [self.schema["const"]] if "const" in self.schema else self.schema.get("enum", [])
        return frozenset("string" if isinstance(v, str) else "integer" for v in values)

    @property
    def values(self) -> frozenset[str] | None:
        """The strings it allows, None for any."""
        if "const" in self.schema:
            return frozenset([str(self.schema["const"])])
        return frozenset(map(str, self.schema["enum"])) if "enum" in self.schema else None

    @property
    def fields(self) -> JsonObject:
        found: JsonObject = self.schema.get("properties", {})
        return found

    def label(self, name: str) -> frozenset[str] | None:
        """The values that `type` or `role` may have here; None if any, or if there is no such field."""
        if name not in self.fields:
            return None
        known = [leaf.values for leaf in leaves(self.fields[name], self.root) if "string" in leaf.kinds]
        return frozenset().union(*(v for v in known if v is not None)) or None

    @property
    def limits(self) -> frozenset[str]:
        return frozenset(f"{name}={self.schema[name]}" for name in _LIMITS if name in self.schema)


def leaves(schema: JsonObject, root: JsonObject) -> Iterator[Leaf]:
    """The alternatives of a schema, unions within unions flattened."""
    if "$ref" in schema:
        yield from leaves(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
        return
    inner = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
    if not inner:
        yield Leaf(schema, root)
        return
    for part in inner:
        yield from leaves(part, root)
    if schema.get("nullable"):
        yield Leaf({"type": "null"}, root)


def compare(theirs: list[Leaf], ours: list[Leaf], rules: Rules, path: str = "") -> Iterator[Finding]:
    """Every difference between two sets of alternatives at one path, and below it."""
    yield from _kinds(theirs, ours, rules, path)
    yield from _values(theirs, ours, rules, path)
    if rules.limits and rules.outward:
        yield from _limits(theirs, ours, path)
    yield from _objects(
        [leaf for leaf in theirs if leaf.fields], [leaf for leaf in ours if leaf.fields], rules, path
    )
    for word, mark in (("items", "[]"), ("additionalProperties", "{}")):
        their_inner, our_inner = _inner(theirs, word), _inner(ours, word)
        if their_inner and our_inner:
            yield from compare(their_inner, our_inner, rules, path + mark)


def _inner(found: list[Leaf], word: str) -> list[Leaf]:
    return [
        below
        for leaf in found
        if isinstance(leaf.schema.get(word), dict)
        for below in leaves(leaf.schema[word], leaf.root)
    ]


def _kinds(theirs: list[Leaf], ours: list[Leaf], rules: Rules, path: str) -> Iterator[Finding]:
    if not all(leaf.kinds for leaf in (*theirs, *ours)):
        return  # one side allows anything
    their, our = (frozenset[str]().union(*(leaf.kinds for leaf in side)) for side in (theirs, ours))
    if not rules.nulls or not rules.outward:
        their, our = their - {"null"}, our - {"null"}
    if "number" in our:
        our -= {"integer"}
        their = their - {"integer"} | ({"number"} if "integer" in their and not rules.outward else set())
    yield from ((path, f"lacks kind {kind}") for kind in sorted(their - our))
    yield from ((path, f"extra kind {kind}") for kind in sorted(our - their))


def _values(theirs: list[Leaf], ours: list[Leaf], rules: Rules, path: str) -> Iterator[Finding]:
    sides = []
    for side in (theirs, ours):
        known = [leaf.values for leaf in side if "string" in leaf.kinds]
        sides.append((frozenset[str]().union(*(v for v in known if v is not None)), None in known))
    (their, their_open), (our, our_open) = sides
    if not their and not our:
        return
    yield from ((path, f"lacks value {value}") for value in sorted(their - our))
    yield from ((path, f"extra value {value}") for value in sorted(our - their))
    if rules.outward and their_open != our_open:
        yield path, "closed" if their_open else "open"


def _limits(theirs: list[Leaf], ours: list[Leaf], path: str) -> Iterator[Finding]:
    their, our = (frozenset[str]().union(*(leaf.limits for leaf in side)) for side in (theirs, ours))
    yield from ((path, f"lacks limit {limit}") for limit in sorted(their - our))
    yield from ((path, f"extra limit {limit}") for limit in sorted(our - their))


def _objects(theirs: list[Leaf], ours: list[Leaf], rules: Rules, path: str) -> Iterator[Finding]:
    for mine in ours:
        partners = [leaf for leaf in theirs if _fit(leaf, mine)]
        if not partners:
            if theirs and mine.label("type"):
                yield path + _mark(mine), "extra variant"
            continue
        known = {name for leaf in partners for name in leaf.fields}
        where = path + (_mark(mine) if len(ours) > 1 else "")
        yield from ((_join(where, name), "extra field") for name in mine.fields if name not in known)
    for leaf in theirs:
        partners = [mine for mine in ours if _fit(leaf, mine)]
        if not partners:
            if ours:
                yield path + _mark(leaf), "lacks variant"
            continue
        where = path + (_mark(leaf) if len(theirs) > 1 else "")
        yield from _fields(leaf, partners, rules, where)


def _fields(theirs: Leaf, ours: list[Leaf], rules: Rules, path: str) -> Iterator[Finding]:
    for name, schema in theirs.fields.items():
        where = _join(path, name)
        mine = [
            inner for leaf in ours if name in leaf.fields for inner in leaves(leaf.fields[name], leaf.root)
        ]
        if not mine:
            yield where, "lacks field"
            continue
        found = compare(list(leaves(schema, theirs.root)), mine, rules, where)
        # Inward, one class of ours may stand for several variants of theirs.
        several = not rules.outward and name in ("type", "role")
        yield from (f for f in found if not (several and f[1].startswith("extra value")))
        if rules.outward:
            needed = name in theirs.schema.get("required", ())
            demanded = any(name in leaf.schema.get("required", ()) for leaf in ours)
            if needed != demanded:
                yield where, "optional" if needed else "required"


def _fit(theirs: Leaf, ours: Leaf) -> bool:
    """Whether two objects are the same variant of a union, as told by `type` and `role`."""
    for name in ("type", "role"):
        their, our = theirs.label(name), ours.label(name)
        if their is None:
            continue
        if our is None and name in ours.fields:
            return False  # a fallback of ours stands for nothing in particular
        if our is not None and not their & our:
            return False
    return True


def _mark(leaf: Leaf) -> str:
    names = [leaf.label(name) or frozenset() for name in ("type", "role")]
    return f"<{'/'.join('|'.join(sorted(name)) for name in names if name)}>"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
