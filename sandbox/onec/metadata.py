"""``$metadata``: EDMX in XML, never JSON; functions by their binding parameter (fact sheet §2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.onec import accumulation
from sandbox.onec.configurations.kind import Register
from sandbox.onec.fields import Field
from sandbox.onec.records import DR_CR, RECORD_SET, ROW_SET, WITH_SUBCONTO
from sandbox.onec.schema import RATES, REGISTER, EntitySet, Schema
from sandbox.onec.tables import DIMENSIONS, SHAPES, table_entity

OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0">'
    '<edmx:DataServices xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
    'm:DataServiceVersion="3.0" m:MaxDataServiceVersion="3.0">'
    '<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="StandardODATA">'
)
CLOSE = "</Schema></edmx:DataServices></edmx:Edmx>"
BALANCE_ARGS = (("Period", "Edm.DateTime"), ("AccountCondition", "Edm.String"), ("Condition", "Edm.String"),
                ("Dimensions", "Edm.String"), ("ExtraDimensions", "Edm.String"))  # fmt: skip
TURNOVER_ARGS = (("StartPeriod", "Edm.DateTime"), ("EndPeriod", "Edm.DateTime"), *BALANCE_ARGS[1:])
RECORD_ARGS = (("StartPeriod", "Edm.DateTime"), ("EndPeriod", "Edm.DateTime"), ("Condition", "Edm.String"),
               ("Top", "Edm.Int32"), ("Order", "Edm.String"))  # fmt: skip
DR_CR_ARGS = (("StartPeriod", "Edm.DateTime"), ("EndPeriod", "Edm.DateTime"), ("AccountDrCondition", "Edm.String"),
              ("AccountCrCondition", "Edm.String"), ("Condition", "Edm.String"))  # fmt: skip
ACCUMULATED = {
    "Balance": (("Period", "Edm.DateTime"), ("Condition", "Edm.String"), ("Dimensions", "Edm.String")),
    **dict.fromkeys(("Turnovers", "BalanceAndTurnovers"), (*TURNOVER_ARGS[:2], *TURNOVER_ARGS[3:5])),
}
SLICE_ARGS = (("Period", "Edm.DateTime"), ("Condition", "Edm.String"))


def register_sets(schema: Schema) -> list[EntitySet]:
    """The register's two sets, when it is published."""
    found = [RECORD_SET, ROW_SET] if keeps_accounts(schema) else []
    for register in published_registers(schema):
        found += [accumulation.record_sets(register), accumulation.row_set(register)]
    return found


def keeps_accounts(schema: Schema) -> bool:
    """Whether the accounting register is there and published."""
    return schema.configuration.accounting and REGISTER not in schema.unpublished


def published_registers(schema: Schema) -> list[Register]:
    """The accumulation registers that can be seen."""
    return [item for item in schema.configuration.registers if item.name not in schema.unpublished]


def all_sets(schema: Schema) -> list[EntitySet]:
    """Everything that is a set, in the order of the service root."""
    return [*schema.published_sets(), *register_sets(schema)]


def build_metadata(schema: Schema) -> str:
    """The whole document."""
    sets = all_sets(schema)
    parts = [OPEN, *(entity_type(item, schema) for item in sets), *complex_types(schema, sets)]
    parts += [text for item in sets for text in associations(item, schema)]
    parts += [enum_type(name, members) for name, members in schema.configuration.enums.items()]
    container = "".join(
        [
            *(f'<EntitySet Name="{item.name}" EntityType="StandardODATA.{item.name}"/>' for item in sets),
            *functions(schema, sets),
        ]
    )
    parts.append(
        f'<EntityContainer Name="EnterpriseV8" m:IsDefaultEntityContainer="true">{container}</EntityContainer>'
    )
    return "".join([*parts, CLOSE])


def property_text(item: Field, key: bool = False) -> str:
    """One property."""
    return f'<Property Name="{item.name}" Type="{item.edm}" Nullable="{str(not key).lower()}"/>'


def section_text(owner: str, name: str) -> str:
    """A section as a collection of its row type."""
    row = f"{owner}_RowType" if name == "RecordSet" else f"{owner}_{name}_RowType"
    return f'<Property Name="{name}" Type="Collection(StandardODATA.{row})" Nullable="true"/>'


def entity_type(item: EntitySet, schema: Schema) -> str:
    """Type of a set; open when it has composite fields."""
    composite = any(part.kind == "type" for part in item.fields)
    keys = "".join(f'<PropertyRef Name="{name}"/>' for name in item.key)
    body = "".join(property_text(part, part.name in item.key) for part in item.fields)
    body += "".join(section_text(item.name, name) for name in item.sections)
    body += "".join(navigation_text(item, part) for part in linked(item.fields, schema))
    opened = ' OpenType="true"' if composite else ""
    return f'<EntityType Name="{item.name}"{opened}><Key>{keys}</Key>{body}</EntityType>'


def linked(fields: Iterable[Field], schema: Schema) -> Iterator[Field]:
    """References whose target is published: only they can be walked (§1.2)."""
    return (part for part in fields if part.navigation and schema.published(part.target))


def navigation_text(item: EntitySet, part: Field) -> str:
    """Navigation property by its association."""
    name = part.navigation
    relation = f"StandardODATA.{item.name}_{name}"
    return f'<NavigationProperty Name="{name}" Relationship="{relation}" FromRole="Begin" ToRole="End"/>'


def associations(item: EntitySet, schema: Schema) -> Iterator[str]:
    """Associations of a set."""
    for part in linked(item.fields, schema):
        yield (
            f'<Association Name="{item.name}_{part.navigation}">'
            f'<End Role="Begin" Type="StandardODATA.{item.name}" Multiplicity="*"/>'
            f'<End Role="End" Type="StandardODATA.{part.target}" Multiplicity="0..1"/></Association>'
        )


def complex_types(schema: Schema, sets: list[EntitySet]) -> Iterator[str]:
    """Row types and shapes of the virtual tables."""
    for item in sets:
        for name, fields in item.sections.items():
            row = f"{item.name}_RowType" if name == "RecordSet" else f"{item.name}_{name}_RowType"
            yield complex_type(row, fields)
    for register in published_registers(schema):
        for name in accumulation.functions_of(register):
            shape = accumulation.table_entity(register, name)
            yield complex_type(shape.name, shape.fields)
    if keeps_accounts(schema):
        for name, title in SHAPES.items():
            yield complex_type(f"{REGISTER}_{title}", table_entity(name).fields)
        yield complex_type(DR_CR.name, DR_CR.fields)
        yield complex_type(WITH_SUBCONTO.name, WITH_SUBCONTO.fields)
        yield complex_type(f"{REGISTER}_Dimensions", DIMENSIONS)


def complex_type(name: str, fields: Iterable[Field]) -> str:
    """One complex type."""
    return f'<ComplexType Name="{name}">{"".join(property_text(item) for item in fields)}</ComplexType>'


def enum_type(name: str, members: tuple[str, ...]) -> str:
    """Enumeration: members without values, not linked to any property."""
    body = "".join(f'<Member Name="{member}"/>' for member in members)
    return f'<EnumType Name="{name}" UnderlyingType="Edm.Int32">{body}</EnumType>'


def functions(schema: Schema, sets: list[EntitySet]) -> Iterator[str]:
    """Actions of documents, virtual tables, and the two functions of change tracking."""
    operational = (("PostingModeOperational", "Edm.Boolean"),)
    for item in sets:
        if item.kind == "document":
            yield function("Post", item.name, operational, effect=True)
            yield function("Unpost", item.name, operational, effect=True)
    for register in published_registers(schema):
        for name in accumulation.functions_of(register):
            shape = accumulation.table_entity(register, name).name
            args = ACCUMULATED[name]
            yield function(name, f"Collection({register.name})", args, shape)
    if keeps_accounts(schema):
        yield function("Balance", f"Collection({REGISTER})", BALANCE_ARGS, f"{REGISTER}_Balance")
        yield function("Turnovers", f"Collection({REGISTER})", TURNOVER_ARGS, f"{REGISTER}_Turnover")
        yield function(
            "BalanceAndTurnovers", f"Collection({REGISTER})", TURNOVER_ARGS, f"{REGISTER}_BalanceAndTurnover"
        )
        yield function("DrCrTurnovers", f"Collection({REGISTER})", DR_CR_ARGS, DR_CR.name)
        yield function("RecordsWithExtDimensions", f"Collection({REGISTER})", RECORD_ARGS, WITH_SUBCONTO.name)
    if schema.published(RATES):
        for name in ("SliceLast", "SliceFirst"):
            yield function(name, f"Collection({RATES})", SLICE_ARGS, RATES)


def function(name: str, bound: str, args: Iterable[tuple[str, str]], result: str = "", effect: bool = False) -> str:
    """FunctionImport without an EntitySet attribute: it is found by ``bindingParameter`` (§2.2)."""
    inner = bound.removeprefix("Collection(").removesuffix(")")
    kind = f"Collection(StandardODATA.{inner})" if inner != bound else f"StandardODATA.{inner}"
    returns = f' ReturnType="Collection(StandardODATA.{result})"' if result else ""
    parameters = "".join(f'<Parameter Name="{label}" Type="{edm}"/>' for label, edm in args)
    head = f'<FunctionImport Name="{name}" IsBindable="true" IsSideEffecting="{str(effect).lower()}"{returns}>'
    return f'{head}<Parameter Name="bindingParameter" Type="{kind}"/>{parameters}</FunctionImport>'
