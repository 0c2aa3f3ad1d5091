"""The JSON Schema for editors is shipped, up to date, and knows the short forms."""

import json
from pathlib import Path

from mapping.cleaners.common import CLEANERS
from mapping.grammar.files import build_json_schema

SHIPPED = Path(__file__).parents[3] / "mapping" / "rules.schema.json"


def test_the_shipped_schema_is_the_present_one():
    assert json.loads(SHIPPED.read_text(encoding="utf-8")) == build_json_schema(), (
        "write it anew: python -m mapping.grammar.files > mapping/rules.schema.json"
    )


def test_short_forms_and_cleaners_are_in_it():
    schema = build_json_schema()
    field = schema["$defs"]["FieldRule"]["properties"]
    assert {"from", "value", "formula", "steps", "table", "owner", "direction"} <= field.keys()
    assert {"type": "string"} in field["from"]["anyOf"]
    rules = schema["$defs"]["EntityRule"]["properties"]["fields"]["additionalProperties"]["anyOf"]
    assert {"type": "string"} in rules
    assert {"const": False, "type": "boolean"} in rules
    shown = {
        model["properties"]["do"]["const"] for model in schema["$defs"].values() if "do" in model.get("properties", {})
    }
    assert shown == set(CLEANERS)
    assert schema["additionalProperties"] is False
