"""Requisites of cards: which of several are the customer's, and the preset that shows new ones (bitrix24.md §6)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.bitrix24.wire import LONGEST_BATCH, Params, Wire
from core.errors import ConfigError

TAX_IDS = ("RQ_INN", "RQ_EDRPOU", "RQ_DRFO")
CODE = "RQ_KPP"
ASKED = ["ID", *TAX_IDS, CODE]
"""What of requisites that are there tells whose they are."""
Row = Mapping[str, Any]


def choose_requisite(rows: Sequence[Row], given: Mapping[str, object]) -> str:
    """The number of the customer's own among the requisites of a card, in their order; "" where they are to be added.

    A company may have several: those of its branches, of other firms of the same owner. The very tax id and code come
    first; then the tax id without a code; then requisites that name nobody (the same tax id under another code may be a
    branch's); then the only ones with the tax id, whose code has changed. A card's only requisites are taken whatever
    stands in them; of several that are all somebody else's none is written over.
    """
    ours, code = _tax_ids(given), _text(given, CODE)
    if len(rows) == 1:
        return str(rows[0]["ID"])
    same = [row for row in rows if ours & _tax_ids(row)]
    by_code = [row for row in same if _text(row, CODE) == code]
    without = [row for row in same if not _text(row, CODE)]
    nobody = [row for row in rows if not _tax_ids(row)]
    found = by_code or without or nobody or (same if len(same) == 1 else [])
    return str(found[0]["ID"]) if found else ""


def _tax_ids(row: Mapping[str, object]) -> set[str]:
    """Several kinds at once are usual in Ukraine: a firm has its EDRPOU and, as a payer of VAT, a number of its own."""
    return {text for name in TAX_IDS if (text := _text(row, name))}


def _text(row: Mapping[str, object], name: str) -> str:
    return str(row.get(name) or "").strip()


class Presets:
    """The presets of one portal, asked for once: a value whose field a preset lacks is kept and seen by nobody."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._names: dict[str, str] | None = None
        self._fields: dict[str, frozenset[str]] = {}

    def choose(self, given: Mapping[str, object]) -> str:
        """One for sole traders where the tax id is a person's; else the one that shows most of these values.

        Raises:
            ConfigError: the portal has none.
        """
        if self._names is None:
            self._load()
        names = self._names or {}
        if not names:
            raise ConfigError("The portal has no preset of requisites.", next_step="sverka doctor")
        if len(str(given.get("RQ_INN") or "")) == 12:
            person = next((number for number, name in names.items() if re.search(r"\bИП\b|ФОП", name)), None)
            if person is not None:
                return person
        return max(names, key=lambda number: len(self._fields.get(number, frozenset()) & given.keys()))

    def _load(self) -> None:
        rows = self._wire.call("crm.requisite.preset.list", {"select": ["ID", "NAME"]}).result
        self._names = {str(row["ID"]): str(row["NAME"]) for row in rows}
        commands: dict[str, tuple[str, Params]] = {
            f"p{number}": ("crm.requisite.preset.field.list", {"preset": {"ID": number}})
            for number in list(self._names)[:LONGEST_BATCH]
        }
        told = self._wire.batch(commands).replies if commands else {}
        for name, reply in told.items():
            self._fields[name.removeprefix("p")] = frozenset(str(row["FIELD_NAME"]) for row in reply.result or [])
