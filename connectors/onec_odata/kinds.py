"""What the properties of a set hold, from the types of `$metadata` (1c-odata.md §1.4, §2.3)."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import FieldKindSeen

_KINDS: dict[str, FieldKindSeen] = {
    "Edm.String": "text",
    "Edm.Boolean": "bool",
    "Edm.DateTime": "datetime",
    "Edm.DateTimeOffset": "datetime",
    "Edm.Guid": "reference",
    **dict.fromkeys(
        ("Edm.Double", "Edm.Decimal", "Edm.Single", "Edm.Int16", "Edm.Int32", "Edm.Int64", "Edm.Byte"), "number"
    ),
}
_ENDINGS = ("_Key", "_Type", "_Base64Data")


def kinds_of(properties: Mapping[str, str]) -> dict[str, FieldKindSeen]:
    """Kinds by logical name: `Контрагент_Key` and `Контрагент` with `Контрагент_Type` are one attribute."""
    found: dict[str, FieldKindSeen] = {}
    for name, type_name in properties.items():
        logical = next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name)
        kind: FieldKindSeen = "rows" if type_name.startswith("Collection(") else _KINDS.get(type_name, "any")
        found[logical] = "any" if name.endswith(("_Type", "_Base64Data")) or found.get(logical) == "any" else kind
    return found
