"""The published model: which sets exist, their keys, fields and sections (fact sheet §2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sandbox.onec.fields import Field, parse_field, parse_spec
from sandbox.onec.schema_catalogs import CATALOG_SECTIONS, CATALOG_SHAPE, CATALOGS
from sandbox.onec.schema_documents import DOCUMENT_SECTIONS, DOCUMENTS

if TYPE_CHECKING:
    from sandbox.onec.configurations.kind import Configuration

REGISTER = "AccountingRegister_Хозрасчетный"
ACCOUNTS = "ChartOfAccounts_Хозрасчетный"
RATES = "InformationRegister_КурсыВалют"
STATUSES = "InformationRegister_СтатусыДокументов"
PARTIES = "Catalog_Контрагенты"
CONTRACTS = "Catalog_ДоговорыКонтрагентов"
CURRENCIES = "Catalog_Валюты"
ORGANISATIONS = "Catalog_Организации"

KIND_OF_PREFIX = {
    "Catalog": "catalog", "Document": "document", "ChartOfAccounts": "chart", "ExchangePlan": "plan",
    "ChartOfCharacteristicTypes": "characteristics", "InformationRegister": "info",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One set: an object type, a tabular section of it, or a register."""

    name: str
    kind: str
    fields: tuple[Field, ...]
    sections: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    key: tuple[str, ...] = ("Ref_Key",)
    folders: bool = False
    code_length: int = 0
    code_prefix: str = ""
    parent: str = ""
    section: str = ""

    def find(self, name: str) -> Field | None:
        """Field by its wire name, or None."""
        return next((item for item in self.fields if item.name == name), None)

    def navigation(self, name: str) -> Field | None:
        """Reference field by its navigation name (``Контрагент``), or None."""
        return next((item for item in self.fields if item.navigation == name), None)


@dataclass(frozen=True, slots=True)
class Layout:
    """How this base differs from the next one (§2.3: the same attribute is not the same everywhere)."""

    single_party: bool = False  # payments have Контрагент_Key instead of Контрагент + Контрагент_Type
    composite_owner: bool = False  # contracts have Owner + Owner_Type instead of Owner_Key
    padded_codes: bool = False  # Code of organisations and products is a fixed-length string
    exchange_plan: str = "ExchangePlan_СверкаОбмен"
    by_documents: bool = False  # third subconto of settlements: the document itself, not matched with others (§8.3)
    int16_terms: bool = False  # СрокОплаты is Int16 here, Int64 elsewhere (§1.4)
    own_terms: bool = True  # УТ: settlements by terms are kept (the new settlement architecture, §8.3)


class Schema:
    """All sets of the base; what is unpublished is invisible, what is hidden lost a field."""

    def __init__(
        self, layout: Layout | None = None, unpublished: Iterable[str] = (), configuration: Configuration | None = None
    ) -> None:
        from sandbox.onec.configurations import find_configuration  # noqa: PLC0415 - they are made of this module

        self.layout = layout or Layout()
        self.configuration = configuration or find_configuration("bp30")
        self.unpublished = set(unpublished)
        self.revision = 0
        self.sets: dict[str, EntitySet] = {}
        for item in self.configuration.sets(self.layout):
            self.sets[item.name] = item
            self.sets.update(build_section_sets(item))

    def published(self, name: str) -> bool:
        """Whether the administrator has ticked the set (or its owner, for a section) (§1.2)."""
        found = self.sets.get(name)
        return found is not None and not {name, found.parent} & self.unpublished

    def published_sets(self) -> Iterator[EntitySet]:
        """Every visible set, sections included."""
        return (item for item in self.sets.values() if self.published(item.name))

    def hide_field(self, set_name: str, field_name: str) -> None:
        """Take one field out of a set, as an update of the configuration does."""
        found = self.sets[set_name]
        kept = tuple(item for item in found.fields if item.name != field_name)
        self.sets[set_name] = replace(found, fields=kept)
        self.revision += 1

    def retype_field(self, set_name: str, field_name: str, spec: str) -> None:
        """Give a field another type; ``spec`` is written as in the schema modules (``s50``, ``*``)."""
        found, (new, *more) = self.sets[set_name], parse_field(f"{field_name}:{spec}")
        swapped = [[new, *more] if item.name == field_name else [item] for item in found.fields]
        self.sets[set_name] = replace(found, fields=tuple(part for parts in swapped for part in parts))
        self.revision += 1


def build_section_sets(owner: EntitySet) -> dict[str, EntitySet]:
    """Tabular sections as sets of their own: key ``Ref_Key`` + ``LineNumber`` (§2.1)."""
    names = {section: f"{owner.name}_{section}" for section in owner.sections}
    key = ("Ref_Key", "LineNumber")
    return {
        name: EntitySet(name, "section", owner.sections[section], {}, key, parent=owner.name, section=section)
        for section, name in names.items()
    }


def build_sets(layout: Layout) -> Iterator[EntitySet]:
    """The БП 3.0 subset in the order of the service root."""
    for name, spec in CATALOGS.items():
        yield build_catalog(name, spec, layout)
    for name, spec in DOCUMENTS.items():
        yield build_document(name, spec, layout)
    yield build_chart_of_accounts()
    for name in ("ДополнительныеРеквизитыИСведения", "ВидыСубконтоХозрасчетные"):
        yield build_characteristics(f"ChartOfCharacteristicTypes_{name}")
    yield build_register(RATES, "Period:d Валюта>Catalog_Валюты", "Курс:r Кратность:i")
    # The status of an invoice: register and fields inferred [I]
    yield build_register(STATUSES, "Организация>Catalog_Организации Документ:*", "Статус:* ДатаСтатуса:d")
    yield build_plan(layout.exchange_plan)


def standard(*spec: str) -> tuple[Field, ...]:
    """Standard attributes by the compact notation."""
    return (
        Field("Ref_Key", "guid"),
        Field("DataVersion", "str", 12),
        Field("DeletionMark", "bool"),
        *parse_spec(" ".join(spec)),
    )


TAIL = parse_spec("Predefined:b PredefinedDataName:s255")
ROW_HEAD = (Field("Ref_Key", "guid"), Field("LineNumber", "int64"))


def build_rows(specs: dict[str, str]) -> dict[str, tuple[Field, ...]]:
    """Row shapes; each row carries its owner and its number (§1.4)."""
    return {section: ROW_HEAD + parse_spec(spec) for section, spec in specs.items()}


def owner_spec(owner: str, layout: Layout) -> str:
    """Owner of a subordinate catalog: one type gives ``Owner_Key``, several ``Owner`` + ``Owner_Type``."""
    if not owner:
        return ""
    return "Owner:*" if owner == "*" or layout.composite_owner else f"Owner>{owner}"


def build_catalog(name: str, spec: str, layout: Layout) -> EntitySet:
    """A catalog with its standard attributes first and ``Predefined`` last, as in the fixtures."""
    folders, owner, code, description, prefix = CATALOG_SHAPE[name]
    code_kind = "f" if layout.padded_codes and name in (ORGANISATIONS, "Catalog_Номенклатура") else "s"
    width = code + 5 if code_kind == "f" else code
    if layout.int16_terms:
        spec = spec.replace("!СрокОплаты:i", "!СрокОплаты:n")
    head = standard(
        owner_spec(owner, layout),
        f"Parent>{name} IsFolder:b" if folders else "",
        f"Code:{code_kind}{width}" if code else "",
        f"Description:s{description}",
    )
    rows = build_rows(CATALOG_SECTIONS.get(name, {}))
    return EntitySet(
        name, "catalog", head + parse_spec(spec) + TAIL, rows, folders=folders, code_length=code, code_prefix=prefix
    )


def build_document(name: str, spec: str, layout: Layout) -> EntitySet:
    """A document: ``Number`` of eleven characters unique within a year, ``Date``, ``Posted`` (§8.2)."""
    if layout.single_party:
        spec = spec.replace(" Контрагент:*", f" Контрагент>{PARTIES}")
    head = standard("Number:s11 Date:d Posted:b")
    rows = build_rows(DOCUMENT_SECTIONS.get(name, {}))
    return EntitySet(name, "document", head + parse_spec(spec), rows, code_length=11, code_prefix="0000-")


def build_chart_of_accounts() -> EntitySet:
    """The chart with its positional subconto kinds (§2.3, §5)."""
    fields = standard(
        f"Parent>{ACCOUNTS} Code:s9 Description:s120 Order:s9 Type:e=AccountType OffBalance:b",
        "Валютный:b Количественный:b НаименованиеПолное:t КодБыстрогоВыбора:s7 ЗапретитьИспользоватьВПроводках:b",
    )
    rows = {
        "ExtDimensionTypes": """ExtDimensionType>ChartOfCharacteristicTypes_ВидыСубконтоХозрасчетные
            Predefined:b TurnoversOnly:b Суммовой:b Валютный:b"""
    }
    return EntitySet(ACCOUNTS, "chart", fields + TAIL, build_rows(rows), code_length=9)


def build_characteristics(name: str) -> EntitySet:
    """A chart of characteristic types: additional attributes, subconto kinds."""
    fields = standard(
        f"Parent>{name} IsFolder:b Code:s9 Description:s150 Заголовок:s75 Имя:s255 ЭтоДополнительноеСведение:b Виден:b"
    )
    return EntitySet(name, "characteristics", fields + TAIL, folders=True, code_length=9)


def build_register(name: str, dimensions: str, resources: str) -> EntitySet:
    """An independent information register: the key is all its dimensions (§2.1)."""
    keys = parse_spec(dimensions)
    return EntitySet(name, "info", keys + parse_spec(resources), key=tuple(item.name for item in keys))


def build_plan(name: str) -> EntitySet:
    """The exchange plan: one object a node (§7)."""
    fields = standard("Code:s9 Description:s100 SentNo:i ReceivedNo:i ThisNode:b")
    return EntitySet(name, "plan", fields + TAIL, code_length=9)
