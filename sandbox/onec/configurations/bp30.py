"""БП 3.0: the books as they are made; settlements in the accounting register."""

from __future__ import annotations

from sandbox.onec.accounts import CUSTOMER
from sandbox.onec.base import Base
from sandbox.onec.configurations.kind import Configuration, Edits, Posted
from sandbox.onec.edits import SETS, WEIGHTS
from sandbox.onec.enums import ENUMS
from sandbox.onec.posting import Book, Slot
from sandbox.onec.posting_money import build_legs
from sandbox.onec.schema import build_sets
from sandbox.onec.storage import Row


def post(base: Base, row: Row) -> Posted:
    """Entries of a document against the balances before its moment."""
    moment = str(row.fields["Date"])

    def balance(slot: Slot) -> tuple[int, int]:
        return base.storage.contract_balance(slot, moment)

    book = Book(balance, base.codes, base.rouble, base.currency_of, base.schema.layout.by_documents)
    return Posted(build_legs(row, book))


BP30 = Configuration(
    name="bp30", title="Бухгалтерия предприятия 3.0", sets=build_sets, enums=ENUMS, edits=Edits(SETS, WEIGHTS),
    post=post, settled=CUSTOMER, accounting=True,
)  # fmt: skip
CONFIGURATIONS = {"bp30": lambda: BP30}
