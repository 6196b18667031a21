"""Holds JSON to docs/admin-api.schema.json, by the few words of JSON Schema that it uses."""

import json

from siplb import ROOT

DEFINITIONS = json.loads((ROOT / "docs" / "admin-api.schema.json").read_text())["$defs"]
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "number": (int, float), "null": type(None)}


def is_kind(value, kind):
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, KINDS[kind])


def faults(value, schema, place):
    """What is wrong, each with its place."""
    if "$ref" in schema:
        schema = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(is_kind(value, kind) for kind in kinds):
        yield f"{place} is {value!r}, which is no {' or '.join(kinds)}"
    elif isinstance(value, dict):
        yield from faults_of_object(value, schema, place)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from faults(item, schema["items"], f"{place}[{i}]")
    elif value is not None and value not in schema.get("enum", [value]):
        yield f"{place} is {value!r}, which is none of {schema['enum']}"
    elif value is not None and "minimum" in schema and value < schema["minimum"]:
        yield f"{place} is {value}"


def faults_of_object(value, schema, place):
    for name in schema["required"]:
        if name not in value:
            yield f"{place} has no {name}"
    for name, member in value.items():
        of_member = schema["properties"].get(name, schema["additionalProperties"])
        if of_member is False:
            yield f"{place} has {name}, of which nobody knows"
        else:
            yield from faults(member, of_member, f"{place}.{name}")


def parse(text, name):
    """The JSON in `text`, which is what the schema says of `name`."""
    value = json.loads(text)
    assert not list(faults(value, DEFINITIONS[name], name))
    return value
