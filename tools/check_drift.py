"""Compare our events with the official ones: every event, field, kind, value and limit, both ways.

The types of the installed `openai` package are one source; a JSON Schema bundle
of the API reference (`--spec PATH`) is the other, and also what
`schemas/upstream.lock` was taken from. Each difference must be listed in
`schemas/deviations.toml` with its reason, and each entry there must still be
needed.

    python tools/check_drift.py [--spec BUNDLE.json]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, TypeAdapter

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # run as a script, which sees only its own folder

from realtime_raw.events.catalog import DIALECTS  # noqa: E402
from tools.schema_shape import JsonObject, Rules, compare, leaves  # noqa: E402

LOCK = ROOT / "schemas" / "upstream.lock"
DEVIATIONS = ROOT / "schemas" / "deviations.toml"

Source = Literal["openai", "spec"]
# "client" and "server" are the realtime dialect's; `translation.client` the other's.
Tables = Mapping[str, Mapping[str, JsonObject]]

UNIONS = {
    "client": "RealtimeClientEvent",
    "server": "RealtimeServerEvent",
    "translation.client": "RealtimeTranslationClientEvent",
    "translation.server": "RealtimeTranslationServerEvent",
}


@dataclass(frozen=True)
class Deviation:
    """One meant difference, or a family of them: `*` stands for anything."""

    where: str
    what: str
    why: str
    source: tuple[Source, ...]

    def covers(self, where: str, what: str) -> bool:
        return _glob(self.where, where) and _glob(self.what, what)


def _glob(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), text) is not None


def read_deviations(path: Path = DEVIATIONS) -> list[Deviation]:
    """The meant differences. Raises `KeyError` for an entry without where, what and why."""
    entries = tomllib.loads(path.read_text())["deviation"]
    return [
        Deviation(e["where"], e["what"], e["why"], tuple(e.get("source", get_args(Source)))) for e in entries
    ]


# ---- the three sources ----------------------------------------------------


def our_tables() -> Tables:
    """Our events as JSON Schemas."""
    tables: dict[str, dict[str, JsonObject]] = {}
    for prefix, dialect in (("", DIALECTS["realtime"]), ("translation.", DIALECTS["translation"])):
        tables[prefix + "client"] = {name: cls.json_schema() for name, cls in dialect.client.items()}
        tables[prefix + "server"] = {name: cls.json_schema() for name, cls in dialect.server.items()}
    return tables


def openai_tables() -> Tables:
    """The events of the installed `openai` package, as JSON Schemas of its types."""
    from openai.types import realtime
    from openai.types.realtime import realtime_translation_client_event as translation_client
    from openai.types.realtime import realtime_translation_server_event as translation_server
    from openai.types.realtime.response_create_event_with_references_param import (
        ResponseCreateEventWithReferencesParam,
    )

    tables = {
        "client": _of_union(realtime.RealtimeClientEvent),
        "server": _of_union(realtime.RealtimeServerEvent),
        "translation.client": _of_union(translation_client.RealtimeTranslationClientEvent),
        "translation.server": _of_union(translation_server.RealtimeTranslationServerEvent),
    }
    # Item references are only in the type of what is sent, not in the model.
    tables["client"]["response.create"] = TypeAdapter(ResponseCreateEventWithReferencesParam).json_schema()
    return tables


def _of_union(union: Any) -> dict[str, JsonObject]:
    members: list[type[BaseModel]] = []
    todo = [union]
    while todo:
        kind = todo.pop(0)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            members.append(kind)
        else:
            todo += [part for part in get_args(kind) if get_args(part) or isinstance(part, type)]
    return {_constant(cls.model_json_schema(), {}): cls.model_json_schema() for cls in members}


def spec_tables(bundle: JsonObject) -> Tables:
    """The events of a bundle whose `$defs` are the components of the API reference."""
    tables: dict[str, dict[str, JsonObject]] = {}
    for table, union in UNIONS.items():
        refs = bundle["$defs"][union]["anyOf"]
        found = [{**bundle["$defs"][_name(ref)], "$defs": bundle["$defs"]} for ref in refs]
        tables[table] = {_constant(schema, bundle): schema for schema in found}
    return tables


def _constant(schema: JsonObject, root: JsonObject) -> str:
    (leaf,) = leaves(schema["properties"]["type"], root)
    (value,) = leaf.values or frozenset[str]()
    return value


def _name(ref: JsonObject) -> str:
    return str(ref["$ref"]).rpartition("/")[2]


# ---- differences ----------------------------------------------------------


def differences(theirs: Tables, ours: Tables, source: Source) -> Iterator[tuple[str, str]]:
    """`(where, what)` for each difference; `where` is `table/event:path`."""
    for table, events in theirs.items():
        rules = Rules(table.endswith("client"), nulls=source == "spec", limits=source == "spec")
        for name in sorted(events.keys() | ours[table].keys()):
            if name not in ours[table] or name not in events:
                yield f"{table}/{name}", "lacks event" if name in events else "extra event"
                continue
            their_leaves = list(leaves(events[name], events[name]))
            our_leaves = list(leaves(ours[table][name], ours[table][name]))
            for path, what in dict.fromkeys(compare(their_leaves, our_leaves, rules)):
                yield f"{table}/{name}:{path}", what


def judge(found: Iterable[tuple[str, str]], deviations: Iterable[Deviation], source: Source) -> list[str]:
    """Complaints: differences nobody listed, and entries that no difference needs."""
    listed = {entry: False for entry in deviations if source in entry.source}
    complaints = []
    for where, what in found:
        covering = [entry for entry in listed if entry.covers(where, what)]
        if not covering:
            complaints.append(f"{source}: {where}: {what}")
        listed.update(dict.fromkeys(covering, True))
    unused = [entry for entry, used in listed.items() if not used]
    return complaints + [f"{source}: nothing needs the deviation {e.where!r} {e.what!r}" for e in unused]


# ---- the lock -------------------------------------------------------------


def make_lock(bundle: JsonObject) -> JsonObject:
    """Facts about a bundle that we state ourselves: where it is from, names, required fields, hashes."""
    comment = bundle.get("$comment", "")
    commit, version = re.search(r"\b[0-9a-f]{40}\b", comment), re.search(r"info\.version ([\w.]+\w)", comment)
    components: set[str] = set()
    todo = list(UNIONS.values())
    while todo:
        name = todo.pop()
        if name not in components:
            components.add(name)
            todo += re.findall(r'"#/\$defs/(\w+)"', json.dumps(bundle["$defs"][name]))
    return {
        "$comment": "Written by tools/export_schemas.py --spec; do not edit.",
        "commit": commit[0] if commit else None,
        "version": version[1] if version else None,
        "events": {
            table: {name: sorted(schema.get("required", [])) for name, schema in sorted(events.items())}
            for table, events in spec_tables(bundle).items()
        },
        "components": {name: _digest(bundle["$defs"][name]) for name in sorted(components)},
    }


def _digest(schema: JsonObject) -> str:
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def judge_lock(lock: JsonObject, ours: Tables, bundle: JsonObject | None = None) -> list[str]:
    """Complaints: events or required fields of the lock that we lack; a bundle that is not the locked one."""
    complaints = []
    for table, events in lock["events"].items():
        for name in sorted(events.keys() ^ ours[table].keys()):
            complaints.append(f"lock: {table}/{name}: only one of the lock and the catalog has it")
        for name, required in events.items():
            fields = ours[table].get(name, {}).get("properties", {})
            complaints += [
                f"lock: {table}/{name}: no field {field}" for field in required if field not in fields
            ]
    if bundle is not None:
        new, old = make_lock(bundle)["components"], lock["components"]
        for name in sorted(new.keys() | old.keys()):
            if new.get(name) != old.get(name):
                complaints.append(f"lock: component {name} changed upstream")
    return complaints


# ---- the command ----------------------------------------------------------


def complaints_against_openai() -> list[str]:
    """What the installed `openai` package has that we have not, or the other way round, unlisted."""
    return judge(differences(openai_tables(), our_tables(), "openai"), read_deviations(), "openai")


def complaints_against_spec(path: Path) -> list[str]:
    """The same for a bundle, and whether it is the one in the lock."""
    bundle = json.loads(path.read_text())
    ours = our_tables()
    lock = json.loads(LOCK.read_text())
    found = differences(spec_tables(bundle), ours, "spec")
    return judge_lock(lock, ours, bundle) + judge(found, read_deviations(), "spec")


def main(argv: list[str] | None = None) -> int:
    """Print complaints; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--spec", type=Path, help="a JSON Schema bundle of the API reference")
    options = parser.parse_args(argv)
    complaints = complaints_against_openai()
    if options.spec is not None:
        complaints += complaints_against_spec(options.spec)
    for line in complaints:
        print(line)
    print(f"{len(complaints)} unlisted differences", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
