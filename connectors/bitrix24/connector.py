"""One portal of Bitrix24: the connector that the engine speaks to. Each ability lives in a module of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from connectors.base import BalanceSpec, Budget, FigureRow, Finding, KeyRow, Page, RawRecord, SourceSet, Window
from connectors.bitrix24.cards import CardWriter
from connectors.bitrix24.changes import Changes
from connectors.bitrix24.config import Bitrix24Options
from connectors.bitrix24.doctor import Doctor
from connectors.bitrix24.events import Events
from connectors.bitrix24.finding import CardFinder
from connectors.bitrix24.listing import CardLister
from connectors.bitrix24.reading import Reader
from connectors.bitrix24.setup import Setup
from connectors.bitrix24.stages import FIELD as STAGE_FIELD
from connectors.bitrix24.stages import Stages
from connectors.bitrix24.types import Types, element_id
from connectors.bitrix24.wire import Wire
from connectors.cards import By, Card, CardHit, CardResult, CardType, ListedCard, Made
from connectors.following import EventPack
from connectors.stages import Stage
from connectors.vault import TokenVault
from core.clock import Clock
from core.errors import ConfigError
from core.settings import ConnectionSettings

_PATHS = {"company": "crm/company/details", "contact": "crm/contact/details", "deal": "crm/deal/details"}


class Bitrix24Connector:
    """Reads and writes one portal."""

    stage_field = STAGE_FIELD

    def __init__(
        self,
        settings: ConnectionSettings,
        clock: Clock,
        *,
        cache_dir: Path | None = None,
        budget: Budget | None = None,
        vault: TokenVault | None = None,
    ) -> None:
        options = settings.options
        if not isinstance(options, Bitrix24Options):
            raise ConfigError(f"The connection {settings.name} has no options of bitrix24.")
        self._wire = Wire(options, clock, budget, vault)
        self._types = Types(self._wire)
        self._reader = Reader(self._wire, self._types, options.originator)
        self._changes = Changes(self._wire, self._types, self._reader, settings.zone)
        self._events = Events(self._wire, self._types)
        self._writer = CardWriter(self._wire, self._types, options.originator, settings.zone)
        self._finder = CardFinder(self._wire, self._types, options.originator)
        self._lister = CardLister(self._wire, self._types, self._reader, options.originator)
        self._setup = Setup(self._wire, self._types)
        self._stages = Stages(self._wire)
        self._doctor = Doctor(self._wire, self._types, self._reader)
        self.usage = self._wire.http.usage

    def check(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> list[Finding]:
        """Look at the way in, rights, types and clocks; raises nothing."""
        return list(self._doctor.look(sources))

    def look(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> Iterator[Finding]:
        """The same, each finding as soon as it is there."""
        return self._doctor.look(sources)

    def close(self) -> None:
        """Close connections. Safe to call twice."""
        self._wire.close()

    def is_published(self, name: str) -> bool:
        """Whether the portal has elements of that name."""
        return self._reader.is_published(name)

    def declared_fields(self, name: str) -> frozenset[str] | None:
        """The fields of a type, as `crm.item.fields` tells them."""
        return self._reader.declared_fields(name)

    def fetch_page(self, source: SourceSet, window: Window, position: int) -> Page:
        """Up to fifty whole elements behind a number."""
        return self._reader.fetch_page(source, window, position)

    def fetch_keys(self, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
        """Every key of the window once, with its version."""
        return self._reader.fetch_keys(source, window)

    def fetch_figures(self, source: SourceSet, window: Window, attributes: Sequence[str]) -> Iterator[list[FigureRow]]:
        """Every key with some attributes. Elements are read by number, so none shifts."""
        return self._reader.fetch_figures(source, window, attributes)

    def fetch_customer_keys(self, source: SourceSet, counterparty: str, window: Window) -> list[KeyRow]:
        """Every key of one company's elements."""
        return self._reader.fetch_customer_keys(source, counterparty, window)

    def fetch_records(self, source: SourceSet, keys: Sequence[str]) -> list[RawRecord]:
        """The elements with these keys that exist."""
        return self._reader.fetch_records(source, keys)

    def fetch_record(self, source: SourceSet, key: str) -> RawRecord:
        """One element by a direct question. Raises NotFound only on the portal's own word."""
        return self._reader.fetch_record(source, key)

    def fetch_moment(self) -> datetime:
        """What time it is in the portal."""
        return self._changes.moment()

    def tells_changes(self, source: SourceSet) -> bool:
        """Whether a set can be asked what has changed."""
        return self._changes.tells(source)

    def fetch_changed(self, source: SourceSet, since: datetime) -> Iterator[list[RawRecord]]:
        """Whole elements changed since then, themselves or by their requisites."""
        return self._changes.since(source, since)

    def follows_events(self) -> bool:
        """Whether we have come in as an application, which may have a queue of events."""
        return self._events.available

    def fetch_events(self, sources: Sequence[SourceSet]) -> EventPack:
        """What the offline queue holds of these sets, reserved until confirmed."""
        return self._events.fetch(sources)

    def confirm_events(self, pack: EventPack) -> None:
        """Take a pack out of the queue."""
        self._events.confirm(pack)

    def setup(self, types: Sequence[CardType], *, dry_run: bool) -> list[Made]:
        """Make user fields and smart processes that are missing; idempotent."""
        return self._setup.make(types, dry_run=dry_run)

    def field_name(self, kind: str, code: str) -> str:
        """The portal's name of a field of ours."""
        return self._setup.name_of(kind, code)

    def find_cards(self, kind: str, by: By, values: Sequence[str]) -> dict[str, list[CardHit]]:
        """Cards of a type for each of the values, asked live."""
        return self._finder.find(kind, by, values)

    def write_cards(self, cards: Sequence[Card]) -> list[CardResult]:
        """Write cards in batches, each with a result of its own."""
        return self._writer.write(cards)

    def claim_card(self, kind: str, external_id: str, key: str) -> CardResult:
        """Put our key on a card that has none."""
        return self._lister.claim(kind, {external_id: key})[0]

    def list_cards(self, kind: str) -> Iterator[list[ListedCard]]:
        """Every card of a type once, whole, a thousand a request."""
        return self._lister.every(kind)

    def claim_cards(self, kind: str, keys: Mapping[str, str]) -> list[CardResult]:
        """Put our key on cards that have none, fifty a request."""
        return self._lister.claim(kind, keys)

    def fetch_stages(self) -> list[Stage]:
        """The stages of deals by pipeline, in their order."""
        return self._stages.fetch()

    def link_to(self, kind: str, external_id: str) -> str:
        """Where a person opens the card."""
        parts = urlsplit(self._wire.root)
        number = self._types.number(kind)
        path = _PATHS.get(kind) or f"crm/type/{number}/details"
        return f"{parts.scheme}://{parts.netloc}/{path}/{element_id(external_id)}/"
