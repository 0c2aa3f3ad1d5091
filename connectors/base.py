"""What a connector is: small protocols, one per ability, and the plain values that cross the border.

A connector speaks one system's language and knows nothing of tables, mappings or schedules. It raises only the errors
of `core.errors`; on reads an unknown failure is TransientError, on writes UncertainOutcome (design §5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from core.errors import SchemaDrift, SverkaError, TransientError
from mapping.model import BalanceSpec, SourceSet

__all__ = [
    "BalanceAnswer", "BalanceRow", "BalanceSource", "BalanceSpec", "BalanceStream", "Budget", "ChangePacket",
    "ChangeSource", "Connector", "DeclaredSource", "FieldKindSeen", "FigureRow", "FigureSource", "Finding",
    "KeyRow", "ListingSource", "MovementRow", "Page", "RawRecord", "RecordSource", "RecordTarget", "Reference",
    "RowsMoved", "SourceSet", "TermRow", "TermSource", "TermsWithheld", "Usage", "Watched", "Window", "Write",
    "WriteResult",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of business dates [start, end), aware UTC; None is an open end."""

    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What a cheap sweep tells of a record: enough to know whether it must be read again."""

    external_id: str
    version: str
    deleted: bool
    posted: bool | None = None


@dataclass(slots=True)
class RawRecord:
    """One record as received: `raw` is its JSON text, `data` the same decoded (numbers as Decimal or int).

    `source` is the set's name; `entity` tells apart two entities that are read from one set. `own_key` is our id under
    which the other side keeps the record, where we have written one there; `foreign_key`: it stands under another
    program's, and is tied to nobody here without a person's word.
    """

    source: str
    external_id: str
    version: str
    deleted: bool
    raw: bytes
    data: dict[str, object]
    entity: str = ""
    own_key: str = ""
    foreign_key: bool = False


class RowsMoved(TransientError):
    """Rows shifted while they were read page by page; asked again at once it may come out well."""


class TermsWithheld(SchemaDrift):
    """Accounting keeps terms and does not let us see them: what is late is then for the documents to say."""


@dataclass(slots=True)
class Page:
    """Some records of a window, and where the next page starts; `next_position` None means the window is read."""

    records: list[RawRecord]
    next_position: int | None


@dataclass(slots=True)
class Usage:
    """What has been asked of the other side since the connector was opened."""

    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `sverka doctor`: ok, notice, warning or error, in plain words, with what to do."""

    level: Literal["ok", "notice", "warning", "error"]
    subject: str
    message: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """One settlement balance on one account. Ids are external; currency None is the accounting currency."""

    account: str
    counterparty: str
    contract: str | None
    organisation: str | None
    currency: str | None
    debit: Decimal
    credit: Decimal


@dataclass(slots=True)
class BalanceAnswer:
    """Balances as accounting gave them, with the account totals asked for independently.

    `whole` is true when rows arrived complete and their sum equals the totals; only then may a missing key mean zero.
    """

    rows: list[BalanceRow]
    totals: dict[str, Decimal]
    whole: bool
    reason: str = ""
    unassigned: dict[str, Decimal] = field(default_factory=dict)
    """Net by account of rows that name no counterparty: part of the totals, of nobody's balance."""


@dataclass(slots=True)
class BalanceStream:
    """The same of a base of any size: rows come one by one and may be gone through again.

    Those of one settlement are to be added up. Whoever gets it closes it. Reading may raise SverkaError.
    """

    rows: Iterable[BalanceRow]
    totals: dict[str, Decimal]
    whole: bool
    reason: str = ""
    unassigned: dict[str, Decimal] = field(default_factory=dict)
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class FigureRow:
    """What a sweep tells of a record besides its key: the attributes asked for, as far as its set has them."""

    key: KeyRow
    data: dict[str, object]


@dataclass(frozen=True, slots=True)
class MovementRow:
    """One movement of a settlement account: amount = debit − credit in the settlement's currency."""

    recorder_set: str
    recorder: str
    date: datetime | None
    account: str
    counterparty: str
    contract: str | None
    organisation: str | None
    currency: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class TermRow:
    """What accounting itself says is to be paid when: `due` None where it names no day."""

    counterparty: str
    contract: str | None
    organisation: str | None
    currency: str | None
    due: date | None
    debt: Decimal
    advance: Decimal


@dataclass(slots=True)
class ChangePacket:
    """Registered changes of one exchange plan node. Confirm `message_no` only after the commit (1c-odata.md §7)."""

    message_no: int
    records: list[RawRecord] = field(default_factory=list)
    deleted: list[tuple[str, str]] = field(default_factory=list)
    """(set, external id) of physically deleted objects."""
    unread: SverkaError | None = None
    """Why the packet cannot be taken at all, however often it is asked for: it holds nothing then. It may be confirmed
    once everything that it could speak of has been compared otherwise."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference in the body of a write, under the attribute's logical name: the connector knows how to spell it."""

    set: str
    key: str


@dataclass(frozen=True, slots=True)
class Write:
    """One object to create or change. `key` is the client key we chose, or the object to change.

    `version`, when given, is the one that a change was decided on: another one now is a ConflictError. `known_by`: the
    attributes of the body by which an object is known that has no key of its own (a register's row).
    """

    method: Literal["create", "change"]
    set: str
    key: str
    body: dict[str, object]
    version: str | None = None
    known_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The object as the other side keeps it now, and fields that it did not take as sent."""

    record: RawRecord
    differences: dict[str, tuple[object, object]]


class Budget(Protocol):
    """What may be asked of the other side, by all our processes together. Handed in; kept by whoever starts a run."""

    def take(self) -> None:
        """Wait for this request's turn.

        Raises:
            TransientError: it would not come in a time worth waiting; the request was certainly not sent.
        """

    def block(self, seconds: float) -> None:
        """The other side asks for so many seconds of silence: nobody of us asks it anything meanwhile."""


@runtime_checkable
class Connector(Protocol):
    """Every connector: tells how it stands and what it has asked for."""

    usage: Usage

    def check(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> list[Finding]:
        """Look at address, rights, publication and clocks; raises nothing."""

    def close(self) -> None:
        """End the session with the other side; safe to call twice."""


@runtime_checkable
class Watched(Connector, Protocol):
    """Tells each finding as soon as it is there, for somebody who watches; `check` is all of them together."""

    def look(self, sources: Sequence[SourceSet], balances: BalanceSpec | None = None) -> Iterator[Finding]:
        """The findings of `check` one after another; raises nothing."""


@runtime_checkable
class RecordSource(Connector, Protocol):
    """Can be read record by record."""

    def is_published(self, name: str) -> bool:
        """Whether the set is there for our user. Asked of `$metadata`, never assumed."""

    def declared_fields(self, name: str) -> frozenset[str] | None:
        """The fields that the other side declares for a set; None where it declares nothing that can be read."""

    def fetch_page(self, source: SourceSet, window: Window, position: int) -> Page:
        """One page of whole records, page size steered by bytes. Rows may shift while paging: a sweep must follow."""

    def fetch_keys(self, source: SourceSet, window: Window) -> Iterator[list[KeyRow]]:
        """Every key of the window, cheaply. Raises TransientError when the sweep did not come out complete."""

    def fetch_customer_keys(self, source: SourceSet, counterparty: str, window: Window) -> list[KeyRow]:
        """Every key of one counterparty's documents. `source.counterparty` must be set."""

    def fetch_records(self, source: SourceSet, keys: Sequence[str]) -> list[RawRecord]:
        """The records with these keys that exist, in any order, batched."""

    def fetch_record(self, source: SourceSet, key: str) -> RawRecord:
        """One record by a direct question. Raises NotFound only on the other side's own word (404 with code 9)."""


FieldKindSeen = Literal["text", "number", "bool", "datetime", "reference", "rows", "any"]
"""What a field holds by the other side's own description. any: values of several types, or one not known here."""


@runtime_checkable
class DeclaredSource(RecordSource, Protocol):
    """Describes its sets, so that rules can be compared with them before anything is read."""

    def declared_kinds(self, name: str, section: str | None = None) -> dict[str, FieldKindSeen] | None:
        """What the fields of a set, or of the rows of one of its sections, hold; None where it does not say.

        Names are logical: `Контрагент`, however the base spells it.
        """


@runtime_checkable
class ListingSource(RecordSource, Protocol):
    """Can name all sets that it publishes, for whoever looks for another one to read."""

    def list_sets(self) -> list[str] | None:
        """The sets that can be read record by record, sorted; None where the other side does not say."""


@runtime_checkable
class FigureSource(RecordSource, Protocol):
    """Can tell a few attributes of every record along with its key, cheaply: what reconciling compares."""

    def fetch_figures(self, source: SourceSet, window: Window, attributes: Sequence[str]) -> Iterator[list[FigureRow]]:
        """Every key of the window with some attributes of its record, in constant memory.

        Raises RowsMoved when rows shifted while they were read: what came so far is forgotten and asked for again.
        """


@runtime_checkable
class BalanceSource(Connector, Protocol):
    """Keeps settlement balances and the movements behind them."""

    def fetch_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceAnswer:
        """Balances at the start of the second `at` (now, when None), of all customers or of one."""

    def open_balances(
        self, spec: BalanceSpec, *, at: datetime | None = None, counterparty: str | None = None
    ) -> BalanceStream:
        """The same without holding it: for all customers of a large base."""

    def fetch_movements(
        self, spec: BalanceSpec, counterparty: str, *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """What moved one customer's settlement accounts in [start, end)."""

    def fetch_movements_of(
        self, spec: BalanceSpec, counterparties: Sequence[str], *, start: datetime | None, end: datetime | None = None
    ) -> list[MovementRow]:
        """The same of several customers, in as few questions as the other side takes; each row names its customer."""


@runtime_checkable
class TermSource(Connector, Protocol):
    """Keeps what is to be paid when, for mappings that name where (`BalanceSpec.terms`)."""

    def fetch_terms(self, spec: BalanceSpec, counterparties: Sequence[str] | None = None) -> Iterator[TermRow]:
        """All open debts and advances by planned date, of all customers or of some; none where nothing is kept.

        Raises TermsWithheld where they are kept and may not be read.
        """


@runtime_checkable
class ChangeSource(Connector, Protocol):
    """Registers changes for us. Exactly one reader per node (1c-odata.md §7)."""

    def fetch_changes(self, sources: Sequence[SourceSet]) -> ChangePacket:
        """What has changed since the last confirmation; the same again until confirmed."""

    def confirm_changes(self, message_no: int) -> None:
        """Tell the other side that everything up to this number is safely ours. Irreversible."""


@runtime_checkable
class RecordTarget(Connector, Protocol):
    """Takes objects from us."""

    def find_records(self, source: SourceSet, conditions: Mapping[str, str | Reference]) -> list[RawRecord]:
        """Objects whose attributes equal all the given values, asked live."""

    def write_record(self, write: Write) -> WriteResult:
        """Send one write, once.

        Raises:
            RecordError: refused for good. ConflictError: an object with this key exists already.
            TransientError: certainly not carried out. UncertainOutcome: sent, and no readable answer.
        """
