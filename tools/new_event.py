"""Scaffold an event that the official API has grown: its class, and a sample for the tests.

    python tools/new_event.py WIRE_TYPE [--client] [--spec BUNDLE.json] [--write]

Fields come from the bundle, if one is given. Without `--write` it only prints.
What is written is a beginning: the docstring, and the shapes of nested objects,
are yours. Then run `export_schemas.py`, `check_drift.py` and the tests; the
routes test will ask which component wants the event.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # run as a script, which sees only its own folder

from realtime_raw.events.catalog import class_name  # noqa: E402
from tools.check_drift import spec_tables  # noqa: E402
from tools.schema_shape import JsonObject, leaves  # noqa: E402

_KINDS = {
    "string": ("str", "text"),
    "integer": ("int", 0),
    "number": ("Number", 0.5),
    "boolean": ("bool", True),
    "array": ("list[dict[str, Any]]", []),
    "object": ("dict[str, Any]", {}),
}


def class_text(wire_type: str, schema: JsonObject, *, client: bool) -> str:
    """The class as source text; `schema` may be empty."""
    base = "ClientEvent" if client else "ServerEvent"
    lines = [
        f"class {class_name(wire_type)}({base}):",
        f'    """`{wire_type}`: say what it means and when it comes."""',
        "",
        f'    type: Literal["{wire_type}"] = "{wire_type}"',
    ]
    for name, (annotation, _) in _fields(schema).items():
        if not client:
            lines.append(f"    {name}: {annotation} | None = None")
        elif name in schema.get("required", ()):
            lines.append(f"    {name}: {annotation}")
        else:
            lines.append(f"    {name}: Opt[{annotation}] = UNSET")
    return "\n".join(lines) + "\n"


def sample(wire_type: str, schema: JsonObject) -> JsonObject:
    """A message of this type with every field of the schema."""
    values = {name: value for name, (_, value) in _fields(schema).items()}
    return {"type": wire_type, "event_id": "event_1", **values}


def _fields(schema: JsonObject) -> dict[str, tuple[str, object]]:
    """Name -> annotation and a value that fits it; those every event has are left out."""
    found: dict[str, tuple[str, object]] = {}
    for name, part in schema.get("properties", {}).items():
        if name not in ("type", "event_id"):
            kinds = [kind for leaf in leaves(part, schema) for kind in leaf.kinds if kind != "null"]
            found[name] = _KINDS[kinds[0] if kinds else "object"]
    return found


def write(wire_type: str, schema: JsonObject, *, client: bool, root: Path = ROOT) -> None:
    """Add the class to its module and `__all__`, its wire type to the catalog, and a sample to the tests.

    Raises `ValueError` if the module has the class already.
    """
    side = "client" if client else "server"
    module = root / "realtime_raw" / "events" / f"{side}.py"
    text, name = module.read_text(), class_name(wire_type)
    listed = re.search(r"__all__ = \[\n(.*?)\]", text, re.DOTALL)
    if listed is None:
        raise ValueError(f"{module.name} has no __all__")
    names = listed[1].splitlines()
    if f'    "{name}",' in names:
        raise ValueError(f"{module.name} has {name} already")
    names = sorted([*names, f'    "{name}",'])
    text = text[: listed.start(1)] + "\n".join(names) + "\n" + text[listed.end(1) :]
    # What lies in other modules is named last.
    text, mark, elsewhere = text.rstrip("\n").partition("\n\n\nif TYPE_CHECKING:\n")
    text += "\n\n\n" + class_text(wire_type, schema, client=client).rstrip("\n")
    module.write_text(text + mark + elsewhere + "\n")
    catalog = root / "realtime_raw" / "events" / "catalog.py"
    table = re.compile(rf"^(_{side.upper()} = \(\n.*?)^\)", re.DOTALL | re.MULTILINE)
    catalog.write_text(table.sub(rf'\1    "{wire_type}",\n)', catalog.read_text()))
    samples = root / "tests" / "events" / "samples" / f"realtime_{side}.json"
    known = json.loads(samples.read_text())
    known[wire_type] = [sample(wire_type, schema)]
    samples.write_text(samples_text(known))


def samples_text(samples: dict[str, list[JsonObject]]) -> str:
    """A file of samples: one message on each line."""
    blocks = [
        f" {json.dumps(name)}: [\n" + ",\n".join(f"  {json.dumps(m)}" for m in messages) + "\n ]"
        for name, messages in samples.items()
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main(argv: list[str] | None = None) -> int:
    """Print the scaffold, or write it; 2 if the bundle does not know the event."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("wire_type")
    parser.add_argument("--client", action="store_true", help="an event that we send")
    parser.add_argument("--spec", type=Path, help="take the fields from this bundle")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    schema: JsonObject = {}
    if options.spec is not None:
        table = spec_tables(json.loads(options.spec.read_text()))["client" if options.client else "server"]
        if options.wire_type not in table:
            print(f"the bundle has no {options.wire_type}", file=sys.stderr)
            return 2
        schema = table[options.wire_type]
    print(class_text(options.wire_type, schema, client=options.client))
    print(json.dumps(sample(options.wire_type, schema)))
    if options.write:
        write(options.wire_type, schema, client=options.client, root=options.root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
