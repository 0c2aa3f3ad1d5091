"""Ukraine: УТП/УПП (as УПП 1.3) and BAS Бухгалтерія (as БП 3.0 [I]): hryvnias, ЄДРПОУ, +380, accounts 36 and 68."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sandbox.onec.accounts import CUSTOMER
from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations.bp30 import BP30
from sandbox.onec.configurations.kind import Configuration
from sandbox.onec.configurations.upp import UPP13
from sandbox.onec.configurations.upp import translate as in_upp
from sandbox.onec.fields import Fields, parse_spec
from sandbox.onec.schema import ACCOUNTS, CURRENCIES, ORGANISATIONS, PARTIES, EntitySet, Layout
from sandbox.onec.storage import Row
from sandbox.onec.taxids import edrpou, rntrc, vat_payer

NUMBERS = parse_spec("КодПоЕДРПОУ:s12 НомерСвидетельства:s20")
HOME = {"Code": "980", "Description": "грн.", "НаименованиеПолное": "Українська гривня", "ПараметрыПрописи": ""}
CHART = {
    "36": "62", "361": "62.01", "6811": "62.02", "362": "62.21", "6812": "62.22", "63": "60", "631": "60.01",
    "371": "60.02",
}  # fmt: skip
"""Code of an account there -> the code that the books use."""
THEIRS = {ours: theirs for theirs, ours in CHART.items()}
CONVENTIONAL = {"62.31": "62.21", "62.32": "62.22"}
"""Settlements in conventional units are settlements in currency there."""


def in_ukraine(bench: Workbench, row: Row) -> Row:
    """The same object as it would be there: numbers, phones, currency, accounts."""
    fields = dict(row.fields)
    if row.set_name in (PARTIES, ORGANISATIONS):
        fields = renumbered(fields)
    elif row.set_name == CURRENCIES and fields.get("Code") == "643":
        fields.update(HOME)
    elif row.set_name == ACCOUNTS:
        fields["Code"] = THEIRS.get(str(fields.get("Code")), fields.get("Code"))
    if "КонтактнаяИнформация" in fields:
        fields["КонтактнаяИнформация"] = [phone(row.key, line) for line in fields["КонтактнаяИнформация"]]
    return replace(row, fields=fields)


def renumbered(fields: Fields) -> Fields:
    """ЄДРПОУ of a company, РНОКПП of a person; the number of a VAT payer is another thing; no КПП, no ОГРН."""
    inn = str(fields.get("ИНН") or "")
    gone = ("ИНН", "КПП", "РегистрационныйНомер", "ОГРН", "КодПоОКПО", "РасширенноеПредставлениеИНН",
            "РасширенноеПредставлениеКПП")  # fmt: skip
    kept = {name: value for name, value in fields.items() if name not in gone}
    if not inn:
        return kept
    company = len(inn) == 10
    own = {"КодПоЕДРПОУ": edrpou(inn[2:9]) if company else rntrc(inn[:9])}
    return {**kept, **own, "ИНН": vat_payer(inn), "НомерСвидетельства": inn[:8]} if company else {**kept, **own}


def phone(key: str, line: Fields) -> Fields:
    """A phone of Kyiv or of a mobile operator, in one of the usual writings."""
    if line.get("Тип") != "Телефон":
        return line
    digits = f"{int(key[:6], 16) % 10**6:06d}"
    text = (f"+380 (44) 2{digits[:2]}-{digits[2:4]}-{digits[4:]}", f"067 4{digits[:2]} {digits[2:4]} {digits[4:]}",
            f"0442{digits}")[int(key[7], 16) % 3]  # fmt: skip
    return {**{name: value for name, value in line.items() if not name.startswith("НомерТел")}, "Представление": text}


def as_utp(bench: Workbench, row: Row) -> Iterator[Row]:
    """УПП's objects there: a sole trader has a certificate of a VAT payer."""
    own = in_ukraine(bench, row)
    for item in in_upp(bench, own):
        if item.set_name == PARTIES and not item.get("IsFolder", False):
            names = ("КодПоЕДРПОУ", "ИНН", "НомерСвидетельства")
            item.fields.update({name: own.fields[name] for name in names if name in own.fields})
            if own.get("ИндивидуальныйПредприниматель", False):
                item.fields["НомерСвидетельства"] = row.key[:8]
        yield item


def as_bas(bench: Workbench, row: Row) -> Iterator[Row]:
    """БП's objects there; posting asks what is stored, so that must be written."""
    if row.set_name == ACCOUNTS and str(row.get("Code")) in CONVENTIONAL:
        return
    if row.set_name.startswith("Document_"):
        bench.flush()
    own = in_ukraine(bench, row)
    for theirs, ours in CONVENTIONAL.items():
        swap(own.fields, bench.keys.get(f"account/{theirs}", "?"), bench.keys.get(f"account/{ours}", ""))
    yield own


def swap(fields: Fields, old: str, new: str) -> None:
    """One account for another, rows included."""
    for name, value in fields.items():
        if isinstance(value, list):
            fields[name] = [{key: new if item == old else item for key, item in line.items()} for line in value]
        elif value == old:
            fields[name] = new


def numbered(sets: Iterator[EntitySet]) -> Iterator[EntitySet]:
    """Sets with the numbers of this country."""
    for item in sets:
        own = item.name in (PARTIES, ORGANISATIONS)
        yield replace(item, fields=item.fields + NUMBERS) if own else item


def build_utp(layout: Layout) -> Iterator[EntitySet]:
    """УПП's sets."""
    yield from numbered(iter(UPP13.sets(layout)))


def build_bas(layout: Layout) -> Iterator[EntitySet]:
    """БП's sets."""
    yield from numbered(iter(BP30.sets(layout)))


UTP_UA: Configuration = replace(
    UPP13, name="utp_ua", title="УТП, УПП для Украины", sets=build_utp, translate=as_utp, home_currency="980",
    needed={**UPP13.needed, PARTIES: (*UPP13.needed[PARTIES], "КодПоЕДРПОУ")},
)  # fmt: skip
BAS: Configuration = replace(
    BP30, name="bas", title="BAS Бухгалтерія", sets=build_bas, translate=as_bas, home_currency="980", chart=CHART,
    settled=CUSTOMER,
)  # fmt: skip
CONFIGURATIONS = {"utp_ua": lambda: UTP_UA, "bas": lambda: BAS}
