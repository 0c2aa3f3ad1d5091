"""What one attribute of a 1C object looks like on the wire (fact sheet §1.4, §2.3).

Stored values are plain: text, bool, or an integer scaled by ``10 ** scale`` (money in kopecks).  Rendering
to JSON text and to Atom text lives here, so that no float ever touches an amount.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01T00:00:00"
UNDEFINED = "StandardODATA.Undefined"
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")

Fields = dict[str, Any]

DEFAULTS: dict[str, Any] = {
    "str": "", "text": "", "fixed": "", "enum": "", "composite": "", "type": UNDEFINED,
    "int64": 0, "num": 0, "date": EMPTY_DATE, "bool": False, "ref": EMPTY_GUID, "guid": EMPTY_GUID,
}  # fmt: skip

EDM: dict[str, str] = {
    "str": "Edm.String", "text": "Edm.String", "fixed": "Edm.String", "enum": "Edm.String",
    "composite": "Edm.String", "type": "Edm.String", "int64": "Edm.Int64", "num": "Edm.Double",
    "date": "Edm.DateTime", "bool": "Edm.Boolean", "ref": "Edm.Guid", "guid": "Edm.Guid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an entity, a row or a virtual table."""

    name: str
    kind: str
    length: int = 0
    scale: int = 0
    target: str = ""
    items_only: bool = False

    @property
    def default(self) -> Any:
        """Value of the attribute nobody filled: 1C has no nulls in objects, only empty values."""
        return DEFAULTS[self.kind]

    @property
    def edm(self) -> str:
        """EDM type in ``$metadata``; small whole numbers are Int16, amounts Double (§1.4)."""
        if self.kind == "num" and self.scale == 0:
            return "Edm.Int16"
        return EDM[self.kind]

    @property
    def navigation(self) -> str:
        """Name of the navigation property of a reference (``Контрагент_Key`` -> ``Контрагент``)."""
        return self.name.removesuffix("_Key") if self.kind == "ref" and self.target else ""


def number_text(scaled: int, scale: int) -> str:
    """Exact decimal text of a scaled integer, shortest form: 2272917, 2 -> ``22729.17``."""
    if scale == 0:
        return str(scaled)
    sign = "-" if scaled < 0 else ""
    whole, part = divmod(abs(scaled), 10**scale)
    tail = f"{part:0{scale}d}".rstrip("0")
    return f"{sign}{whole}.{tail}" if tail else f"{sign}{whole}"


def quoted(text: str) -> str:
    """JSON string literal with Cyrillic left as it is."""
    return json.dumps(text, ensure_ascii=False)


def plain_text(field: Field, value: Any) -> str:
    """Value as Atom text (§1.5) and as key text."""
    if field.kind == "bool":
        return "true" if value else "false"
    if field.kind == "num":
        return number_text(value, field.scale)
    if field.kind == "fixed":
        return str(value).ljust(field.length)
    return str(value)


def json_text(field: Field, value: Any) -> str:
    """Value as JSON text: Int64 quoted, money a number, fixed strings padded (§1.4)."""
    if value is None:
        return "null"
    text = plain_text(field, value)
    return text if field.kind in ("num", "bool") else quoted(text)


def parse_spec(spec: str) -> tuple[Field, ...]:
    """Read the compact field list used by the schema modules; see ``parse_field``."""
    return tuple(field for word in spec.split() for field in parse_field(word))


KINDS: dict[str, tuple[str, int]] = {
    "s": ("str", 0), "t": ("text", 0), "f": ("fixed", 0), "i": ("int64", 0), "n": ("num", 0),
    "m": ("num", 2), "q": ("num", 3), "r": ("num", 4), "d": ("date", 0), "b": ("bool", 0), "e": ("enum", 0),
}  # fmt: skip


def parse_field(word: str) -> tuple[Field, ...]:
    """``Имя:s50`` string, ``:m`` money, ``:e=Тип`` enum, ``:*`` composite, ``Имя>Catalog_X`` reference.

    A leading ``!`` marks an attribute that folders do not have (they answer ``null``).
    """
    items_only, word = word.startswith("!"), word.removeprefix("!")
    if ">" in word:
        name, target = word.split(">")
        return (Field(f"{name}_Key", "ref", target=target, items_only=items_only),)
    name, code = word.split(":")
    if code.startswith("*"):
        return (Field(name, "composite", items_only=items_only), Field(f"{name}_Type", "type"))
    kind, scale = KINDS[code[0]]
    rest = code[1:]
    length = int(rest) if rest.isdigit() else (100 if kind == "str" else 0)
    return (Field(name, kind, length, scale, rest.removeprefix("="), items_only),)
