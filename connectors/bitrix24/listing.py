"""All cards of a type, whole, and our key put on many: what a first link needs of a portal (bitrix24.md §3, §6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import SourceSet
from connectors.bitrix24.finding import TAX_IDS, key_of, title_of
from connectors.bitrix24.reading import Reader
from connectors.bitrix24.types import TypeOf, Types, element_id, external_id
from connectors.bitrix24.wire import LONGEST_BATCH, Params, Wire
from connectors.cards import CardResult, ListedCard
from core.errors import ConflictError, RecordError, SverkaError, TransientError, UncertainOutcome, Where

PAGES = 20
"""Pages of whole elements in one answer: a thousand cards, some megabytes."""
PART = 40


class CardLister:
    """Lists and claims the cards of one portal."""

    def __init__(self, wire: Wire, types: Types, reader: Reader, originator: str) -> None:
        self._wire, self._types, self._reader, self._originator = wire, types, reader, originator

    def every(self, name: str) -> Iterator[list[ListedCard]]:
        """Every card of a type once, a page after the other."""
        kind = self._types.get(name)
        source = SourceSet("counterparty", name)
        asked = {"entityTypeId": kind.number, "select": ["*"]}
        gathered: list[dict[str, Any]] = []
        for rows in self._wire.rows("crm.item.list", asked, most=PAGES):
            gathered += rows
            if len(gathered) >= PAGES * PART:
                yield self._cards(source, kind, gathered)
                gathered = []
        yield self._cards(source, kind, gathered)

    def _cards(self, source: SourceSet, kind: TypeOf, rows: Sequence[dict[str, Any]]) -> list[ListedCard]:
        return [
            ListedCard(
                external_id(kind.number, raw.data["id"]),
                title_of(raw.data),
                key_of(raw.data, self._originator),
                str(raw.data.get("isMyCompany") or "N") == "Y",
                tuple(_legal(raw.data.get("requisites"))),
                tuple(_multi(raw.data.get("fm"), "PHONE")),
                tuple(_multi(raw.data.get("fm"), "EMAIL")),
                raw,
            )
            for raw in self._reader.records(source, rows)
        ]

    def claim(self, name: str, keys: Mapping[str, str]) -> list[CardResult]:
        """Put our key on each of these cards that has none; asked first, fifty a request, in the order given."""
        kind, results = self._types.get(name), dict[str, CardResult]()
        cards = list(keys)
        for start in range(0, len(cards), LONGEST_BATCH):
            part = cards[start : start + LONGEST_BATCH]
            try:
                free = self._free(kind, part, keys, results)
                self._write(kind, free, keys, results)
            except (TransientError, RecordError, UncertainOutcome) as error:
                results |= {card: CardResult(keys[card], card, error) for card in part if card not in results}
        return [results[card] for card in cards]

    def _free(
        self, kind: TypeOf, cards: Sequence[str], keys: Mapping[str, str], results: dict[str, CardResult]
    ) -> list[str]:
        """Those that are nobody's; of the others it is said what became of them."""
        select = ["id", "originatorId", "originId"] if kind.key_field == "originId" else ["id", "xmlId"]
        numbers = [element_id(card) for card in cards]
        asked = [
            {"entityTypeId": kind.number, "select": select, "filter": {"@id": numbers[start : start + PART]}}
            for start in range(0, len(numbers), PART)
        ]
        there = {int(row["id"]): row for rows in self._wire.lists("crm.item.list", asked) for row in rows}
        free = []
        for card in cards:
            row = there.get(element_id(card))
            known = key_of(row, self._originator) if row is not None else ""
            if row is None:
                results[card] = CardResult(keys[card], card, _gone(kind, card))
            elif known == keys[card]:
                results[card] = CardResult(keys[card], card)
            elif known:
                results[card] = CardResult(keys[card], card, _taken(kind, card))
            else:
                free.append(card)
        return free

    def _write(
        self, kind: TypeOf, cards: Sequence[str], keys: Mapping[str, str], results: dict[str, CardResult]
    ) -> None:
        if not cards:
            return
        commands: dict[str, tuple[str, Params]] = {
            f"k{place}": (
                "crm.item.update",
                {"entityTypeId": kind.number, "id": element_id(card), "fields": self._fields(kind, keys[card])},
            )
            for place, card in enumerate(cards)
        }
        found = self._wire.batch(commands, write=True)
        for place, card in enumerate(cards):
            where = Where(entity=kind.name, external_id=card)
            error: SverkaError | None = None
            if f"k{place}" in found.refusals:
                error = found.refusals[f"k{place}"].error(write=True, where=where)
            elif f"k{place}" not in found.replies:
                error = UncertainOutcome("Bitrix24's answer does not tell what became of a command.", where=where)
            results[card] = CardResult(keys[card], card, error)

    def _fields(self, kind: TypeOf, key: str) -> dict[str, object]:
        if kind.key_field == "xmlId":
            return {"xmlId": f"{self._originator}:{key}"}
        return {"originatorId": self._originator, "originId": key}


def _gone(kind: TypeOf, card: str) -> SverkaError:
    return RecordError(f"The portal has no card {card} any more.", where=Where(entity=kind.name, external_id=card))


def _taken(kind: TypeOf, card: str) -> SverkaError:
    return ConflictError(
        f"The card {card} of the portal stands under another key already.",
        next_step="sverka review list",
        where=Where(entity=kind.name, external_id=card),
    )


def _legal(rows: object) -> Iterator[tuple[str, str]]:
    """Tax id and registration code of each of a card's requisites that has a tax id."""
    for row in rows if isinstance(rows, list) else []:
        tax_id = next((str(row[name]).strip() for name in TAX_IDS if row.get(name)), "")
        if tax_id:
            yield tax_id, str(row.get("RQ_KPP") or "").strip()


def _multi(entries: object, kind: str) -> Iterator[str]:
    for one in entries if isinstance(entries, list) else []:
        if one.get("typeId") == kind and one.get("value"):
            yield str(one["value"])
