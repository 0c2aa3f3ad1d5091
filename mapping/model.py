"""The canonical entities: the one model in the middle that all connectors and CRMs meet in (design §2, §6).

Described as data, because the same description serves mapping (targets and their types), the store (columns),
export and pages: one place where a field comes into being.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FieldKind = Literal["text", "bool", "int", "money", "quantity", "date", "datetime", "texts", "json"]
"""text: str · money, quantity: Decimal · date: date · datetime: aware UTC · texts: list[str] · json: JSON value."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One plain field of an entity or of its lines."""

    kind: FieldKind
    required: bool = False
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefSpec:
    """A reference to a record of another entity of the same connection.

    `late`: resolved when the whole entity has been read (references inside one entity).
    """

    entity: str
    required: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class LineSpec:
    """Rows that belong to a record and are replaced with it as a whole."""

    fields: dict[str, FieldSpec]
    refs: dict[str, RefSpec]


@dataclass(frozen=True, slots=True)
class EntitySpec:
    """One canonical entity: its singular and plural name, fields, references and lines."""

    name: str
    plural: str
    fields: dict[str, FieldSpec]
    refs: dict[str, RefSpec] = field(default_factory=dict)
    lines: dict[str, LineSpec] = field(default_factory=dict)
    document: bool = False


@dataclass(slots=True)
class MappedRecord:
    """What a mapping makes of one raw record: canonical values, references by external id, lines.

    `refs` holds external ids of the same connection, None where the source is empty. `hash` is over the mapped
    content alone, so a new version of the same content is "unchanged". `marks` name doubtful values
    ("tax_id": "check digit is wrong"), which never stop a record.
    """

    entity: str
    external_id: str
    fields: dict[str, object]
    refs: dict[str, str | None] = field(default_factory=dict)
    lines: dict[str, list[MappedLine]] = field(default_factory=dict)
    version: str = ""
    source: str = ""
    deleted: bool = False
    marks: dict[str, str] = field(default_factory=dict)
    hash: str = ""


@dataclass(slots=True)
class MappedLine:
    """One row of a record, numbered from 1 within its group of lines."""

    fields: dict[str, object]
    refs: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """Rows of another set that belong to a record and are read with it, as if they were its own section.

    `owner` is the attribute of such a row that names the record, `fields` are those that are read of it. With `by`,
    rows are whole objects with versions of their own (a partner, of whom several counterparties may be), and `owner`
    names what the record's attribute `by` names; `rows` takes the rows of that section of theirs instead.
    """

    section: str
    set: str
    owner: str
    fields: tuple[str, ...]
    filter: str = ""
    by: str = ""
    rows: str = ""


@dataclass(frozen=True, slots=True)
class SourceSet:
    """One set of the other side that an entity is read from, as the mapping names it.

    Names are logical attribute names ("Контрагент"); the connector finds out whether the base calls it `Контрагент_Key`
    or `Контрагент` + `Контрагент_Type`. `filter` is in the other side's own query language.
    """

    entity: str
    name: str
    key: str = "Ref_Key"
    version: str = "DataVersion"
    deleted: str | None = "DeletionMark"
    posted: str | None = None
    date: str | None = None
    filter: str = ""
    counterparty: str | None = None
    joins: tuple[JoinedRows, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """By what a configuration is told from others: sets it has, sets it has not, attributes of its sets."""

    sets: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TermsSpec:
    """A register in which accounting itself keeps what is to be paid when; names of its resources and dimension."""

    register: str
    debt: str = "Долг"
    advance: str = "Предоплата"
    due: str = "ДатаПлановогоПогашения"


@dataclass(frozen=True, slots=True)
class BalanceSpec:
    """Where accounting keeps settlements, from the mapping.

    With a `chart` it is an accounting register: account codes, subconto by their sets. Without one it is an
    accumulation register: who a line is about stands in dimensions named here, or in the objects of `key_set`, which
    the dimension `key` refers to. `split` are dimensions by whose every value debt and advance are told apart;
    `contract_currency` and `contract_only` are read from the contract, where the register itself does not say it.
    """

    register: str
    chart: str = ""
    accounts: tuple[str, ...] = ()
    resource: str = "Сумма"
    currency_resource: str = "ВалютнаяСумма"
    currency_accounts: tuple[str, ...] = ()
    counterparty_set: str = "Catalog_Контрагенты"
    contract_set: str = "Catalog_ДоговорыКонтрагентов"
    organisation: str = "Организация"
    currency: str = "Валюта"
    counterparty: str = "Контрагент"
    contract: str = "Договор"
    key: str = ""
    key_set: str = ""
    split: tuple[str, ...] = ()
    contract_currency: str = ""
    contract_only: tuple[tuple[str, str], ...] = ()
    terms: TermsSpec | None = None


_T, _TEXTS, _B, _I = FieldSpec("text"), FieldSpec("texts"), FieldSpec("bool"), FieldSpec("int")
_M, _Q, _D, _DT, _J = (
    FieldSpec("money"),
    FieldSpec("quantity"),
    FieldSpec("date"),
    FieldSpec("datetime"),
    FieldSpec("json"),
)
_NAME = FieldSpec("text", required=True)

COUNTERPARTY_KINDS = ("company", "sole_trader", "person", "state_body")
STATUSES = ("lead", "prospect", "client", "former")
ORDER_STATUSES = ("open", "part", "closed", "cancelled")

_DOCUMENT_FIELDS: dict[str, FieldSpec] = {
    "number": _T,
    "date": FieldSpec("datetime", required=True),
    "posted": FieldSpec("bool", required=True),
    "amount": FieldSpec("money", required=True),
    "operation": _T,
    "comment": _T,
    "link": _T,
    "attributes": _J,
}
_DOCUMENT_REFS = {
    "counterparty": RefSpec("counterparty"),
    "contract": RefSpec("contract"),
    "organisation": RefSpec("organisation"),
    "currency": RefSpec("currency"),
    "manager": RefSpec("manager"),
}
_ITEM_LINES = LineSpec(
    fields={
        "section": _T,
        "description": _T,
        "quantity": _Q,
        "price": _M,
        "amount": _M,
        "vat_rate": _T,
        "vat_amount": _M,
    },
    refs={"product": RefSpec("product")},
)


def _document(
    name: str, plural: str, fields: dict[str, FieldSpec], refs: dict[str, RefSpec], **lines: LineSpec
) -> EntitySpec:
    return EntitySpec(name, plural, _DOCUMENT_FIELDS | fields, _DOCUMENT_REFS | refs, lines, document=True)


_SPECS = (
    EntitySpec(
        "organisation",
        "organisations",
        {"name": _NAME, "legal_name": _T, "code": _T, "tax_id": _T, "registration_code": _T},
    ),
    EntitySpec("currency", "currencies", {"code": FieldSpec("text", required=True), "numeric_code": _T, "name": _T}),
    EntitySpec("manager", "managers", {"name": _NAME, "code": _T, "active": _B, "department": _T}),
    EntitySpec(
        "group",
        "groups",
        {"name": _NAME, "code": _T, "kind": FieldSpec("text", values=("product", "counterparty"))},
        {"parent": RefSpec("group", late=True)},
    ),
    EntitySpec(
        "product",
        "products",
        {"name": _NAME, "full_name": _T, "code": _T, "sku": _T, "service": _B, "attributes": _J},
        {"group": RefSpec("group")},
    ),
    EntitySpec(
        "counterparty",
        "counterparties",
        {
            "name": _NAME,
            "legal_name": _T,
            "code": _T,
            "kind": FieldSpec("text", values=COUNTERPARTY_KINDS),
            "tax_id": _T,
            "registration_code": _T,
            "ogrn": _T,
            "okpo": _T,
            "phones": _TEXTS,
            "emails": _TEXTS,
            "addresses": _TEXTS,
            "industry": _T,
            "region": _T,
            "category": _T,
            "segment": _T,
            "source": _T,
            "status": FieldSpec("text", values=STATUSES),
            "credit_limit": _M,
            "payment_days": _I,
            "comment": _T,
            "link": _T,
            "attributes": _J,
        },
        {"group": RefSpec("group"), "manager": RefSpec("manager"), "head": RefSpec("counterparty", late=True)},
    ),
    EntitySpec(
        "person",
        "persons",
        {"name": _NAME, "post": _T, "phones": _TEXTS, "emails": _TEXTS},
        {"counterparty": RefSpec("counterparty")},
    ),
    EntitySpec(
        "contract",
        "contracts",
        {
            "name": _T,
            "code": _T,
            "number": _T,
            "date": _D,
            "valid_until": _D,
            "kind": _T,
            "payment_days": _I,
            "credit_limit": _M,
            "closed": _B,
        },
        {
            "counterparty": RefSpec("counterparty"),
            "organisation": RefSpec("organisation"),
            "currency": RefSpec("currency"),
        },
    ),
    _document(
        "order",
        "orders",
        {"status": FieldSpec("text", values=ORDER_STATUSES), "pay_until": _D},
        {},
        lines=_ITEM_LINES,
    ),
    _document("shipment", "shipments", {"pay_until": _D}, {"order": RefSpec("order")}, lines=_ITEM_LINES),
    _document("return", "returns", {}, {"shipment": RefSpec("shipment")}, lines=_ITEM_LINES),
    _document(
        "payment",
        "payments",
        {
            "direction": FieldSpec("text", required=True, values=("in", "out")),
            "method": FieldSpec("text", required=True, values=("bank", "cash", "card")),
            "purpose": _T,
        },
        {"order": RefSpec("order")},
        allocations=LineSpec(
            fields={"amount": _M, "settlement_amount": _M},
            refs={
                "contract": RefSpec("contract"),
                "order": RefSpec("order"),
                "shipment": RefSpec("shipment"),
            },
        ),
    ),
    EntitySpec(
        "deal",
        "deals",
        {
            "name": _NAME,
            "number": _T,
            "date": _DT,
            "pipeline": _T,
            "stage": _T,
            "stage_since": _DT,
            "outcome": FieldSpec("text", values=("open", "won", "lost")),
            "probability": _I,
            "expected_date": _D,
            "lost_reason": _T,
            "amount": _M,
            "currency": _T,
            "comment": _T,
            "link": _T,
            "attributes": _J,
        },
        {"counterparty": RefSpec("counterparty"), "person": RefSpec("person"), "manager": RefSpec("manager")},
    ),
    EntitySpec(
        "activity",
        "activities",
        {
            "kind": FieldSpec("text", required=True, values=("call", "meeting", "other")),
            "date": FieldSpec("datetime", required=True),
            "direction": FieldSpec("text", values=("in", "out")),
            "subject": _T,
            "completed": _B,
        },
        {"counterparty": RefSpec("counterparty"), "deal": RefSpec("deal"), "manager": RefSpec("manager")},
    ),
)

ENTITIES: dict[str, EntitySpec] = {spec.name: spec for spec in _SPECS}
"""The entities that are read record by record, in the order in which they depend on each other."""

PLURALS: dict[str, str] = {spec.plural: spec.name for spec in _SPECS}
SETTLEMENT_DOCUMENTS = ("shipment", "return", "payment")
"""Documents that move what a customer owes (an order moves nothing)."""


def entity_name(text: str) -> str | None:
    """The entity's own name for a singular or plural; None where there is no such entity."""
    word = text.strip().lower()
    return PLURALS.get(word) or (word if word in ENTITIES else None)
