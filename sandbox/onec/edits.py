"""Random life of a base: new, changed, unposted, marked and physically deleted documents."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from sandbox.onec.fields import Fields
from sandbox.onec.posting import part
from sandbox.onec.schema import PARTIES
from sandbox.onec.storage import Row

if TYPE_CHECKING:
    from sandbox.onec.base import Base
    from sandbox.onec.configurations.kind import Edits

SETS = (
    "Document_РеализацияТоваровУслуг", "Document_ПоступлениеНаРасчетныйСчет", "Document_СчетНаОплатуПокупателю",
    "Document_ВозвратТоваровОтПокупателя", "Document_АктОбОказанииПроизводственныхУслуг",
    "Document_ПриходныйКассовыйОрдер",
    "Document_СписаниеСРасчетногоСчета", "Document_КорректировкаДолга", "Document_ОперацияБух",
    "Document_КорректировкаРеализации",
)  # fmt: skip
WEIGHTS = (8, 6, 5, 1, 2, 1, 1, 1, 1, 1)
OPERATIONS = ("copy", "amount", "date", "unpost", "post", "mark", "unmark", "delete", "touch", "rename")
SHARES = (6, 6, 3, 2, 3, 2, 1, 1, 2, 2)
YEARS_BACK = 730


def random_edits(base: Base, n: int, seed: int) -> list[Fields]:
    """Do ``n`` edits anywhere in the last two years and tell what they were: op, set, key."""
    random = Random(seed)
    done: list[Fields] = []
    plan = base.configuration.edits
    while len(done) < n:
        operation = random.choices(OPERATIONS, SHARES)[0]
        row = pick_party(base, random) if operation == "rename" else pick_document(base, random, plan)
        if row is not None and not (operation == "post" and row.deleted):
            key = apply_edit(base, random, operation, row)
            done.append({"op": operation, "set": row.set_name, "key": key, "was": row.key})
    return done


def pick_document(base: Base, random: Random, plan: Edits) -> Row | None:
    """A document of a random kind, by a random place in its set."""
    return pick(base, random, random.choices(plan.sets, plan.weights)[0], "date > '1000'")


def pick_party(base: Base, random: Random) -> Row | None:
    """A counterparty card."""
    return pick(base, random, PARTIES, "folder = 0")


def pick(base: Base, random: Random, set_name: str, where: str) -> Row | None:
    """Random object by a random lower bound of its key."""
    bound = f"{random.getrandbits(32):08x}"
    after = next(base.storage.select(set_name, f"{where} AND key >= ?", (bound,), "ORDER BY key LIMIT 1"), None)
    return after or next(base.storage.select(set_name, where, (), "ORDER BY key LIMIT 1"), None)


def random_moment(base: Base, random: Random) -> str:
    """Any second of the last two years."""
    back = timedelta(seconds=random.randrange(YEARS_BACK * 86400))
    moment: datetime = base.clock().replace(microsecond=0, tzinfo=None) - back
    return moment.isoformat()


def apply_edit(base: Base, random: Random, operation: str, row: Row) -> str:
    """One edit; returns the key of what came of it."""
    if operation == "copy":
        return copy_document(base, random, row)
    simple = {
        "unpost": base.unpost, "post": base.post, "mark": base.mark, "delete": base.delete, "touch": base.touch,
    }.get(operation)  # fmt: skip
    if simple:
        simple(row.set_name, row.key)
    elif operation == "unmark":
        base.mark(row.set_name, row.key, False)
    elif operation == "rename":
        base.change(
            row.set_name, row.key, {"Description": f"{str(row.get('Description'))[:80]} {random.randrange(1000)}"}
        )
    elif operation == "date":
        base.change(row.set_name, row.key, {"Date": random_moment(base, random)})
    else:
        change_amount(base, random, row)
    return row.key


def copy_document(base: Base, random: Random, row: Row) -> str:
    """A new document like an old one, at another moment, with a number of its own."""
    fields = {name: value for name, value in row.fields.items() if name != "Number"}
    fields["Date"] = random_moment(base, random)
    copy = Row(row.set_name, base.new_key(row.set_name, {}), 0, False, random.random() < 0.9, fields)
    base.fill_standard(base.entity(row.set_name), copy)
    base.write(copy)
    base.settle(copy)
    return copy.key


def change_amount(base: Base, random: Random, row: Row) -> None:
    """Other quantities and amounts, lines and total in step."""
    percent = random.choice((50, 90, 110, 200))
    sections = [name for name in base.entity(row.set_name).sections if row.get(name)]
    plan = base.configuration.edits
    for name in sections:
        row.fields[name] = [scale_line(line, percent, plan.amounts) for line in row.fields[name]]
    (plan.retotal or retotal)(row, percent)
    base.write(row)
    base.settle(row)


def scale_line(line: Fields, percent: int, more: tuple[str, ...] = ()) -> Fields:
    """Amounts of one line."""
    names = ("Количество", "Сумма", "СуммаНДС", "СуммаПлатежа", "СуммаВзаиморасчетов", *more)
    return {name: part(value, percent, 100) if name in names else value for name, value in line.items()}


def retotal(row: Row, percent: int) -> None:
    """Total of the document from its lines where it has any."""
    lines = [line for name in ("Товары", "Услуги") for line in row.fields.get(name, ())]
    included, paid = row.get("СуммаВключаетНДС", False), row.fields.get("РасшифровкаПлатежа")
    if lines:
        row.fields["СуммаДокумента"] = sum(
            line.get("Сумма", 0) + (0 if included else line.get("СуммаНДС", 0)) for line in lines
        )
    elif paid:
        row.fields["СуммаДокумента"] = sum(line.get("СуммаПлатежа", 0) for line in paid)
    elif row.fields.get("СуммаДокумента"):
        row.fields["СуммаДокумента"] = part(row.fields["СуммаДокумента"], percent, 100)
