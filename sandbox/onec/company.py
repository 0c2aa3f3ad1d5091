"""A trading company on БП 3.0, made from a seed: books of two years and more, like life."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from sandbox.onec import company_docs as docs
from sandbox.onec import company_money as money
from sandbox.onec.base import Base
from sandbox.onec.company_catalogs import add_reference_data
from sandbox.onec.company_parties import add_parties
from sandbox.onec.company_tools import Workbench
from sandbox.onec.configurations import find_configuration
from sandbox.onec.schema import Layout, Schema

BOOK_DAYS = 820  # two years and three months
BULK = 10_000  # from here on the indexes are built at the end
IN_MEMORY = 60_000  # larger books go to a temporary file
MIX: tuple[tuple[Callable[[Workbench, str], None], int], ...] = (
    (docs.add_invoice, 22), (docs.add_shipment, 28), (docs.add_act, 5), (docs.add_return, 2), (docs.add_correction, 1),
    (docs.add_purchase, 4), (docs.add_commission_report, 1), (docs.add_debt_correction, 1), (docs.add_manual_entry, 1),
    (money.add_bank_in, 22), (money.add_cash_in, 3), (money.add_card, 2), (money.add_other_in, 2),
    (money.add_other_out, 2),
    (money.add_refund, 1), (money.add_supplier_payment, 3),
)  # fmt: skip


def build_company(  # noqa: PLR0913 - what a company is made from
    seed: int = 1,
    documents: int = 3000,
    counterparties: int | None = None,
    start: date | None = None,
    today: date | None = None,
    *,
    layout: Layout | None = None,
    path: str | Path | None = None,
    clock: Callable[[], datetime] | None = None,
    configuration: str = "bp30",
) -> Base:
    """Seeded company: the same arguments give the same books, byte for byte.

    ``start`` is the first day of the books (default: 820 days before ``today``); opening balances stand on it.
    ``configuration`` is one of ``configurations.names()``: the same company in that configuration's words.
    ``path`` keeps the base in a file; books of more than 60,000 documents get a temporary one by themselves.
    """
    now = clock or datetime.now
    last = today or now().date()
    base, scratch = open_base(Schema(layout, configuration=find_configuration(configuration)), path, documents, clock)
    if scratch:
        base.on_close = scratch.cleanup
    base.storage.set_state("seed", str(seed))
    bench = Workbench(base, Random(seed), start or last - timedelta(days=BOOK_DAYS), last)
    add_reference_data(bench, max(30, min(2000, documents // 20)))
    add_parties(bench, counterparties or max(12, documents // 20))
    if documents > BULK:
        bench.flush()
        base.storage.drop_indexes()
    add_documents(bench, documents)
    bench.flush()
    base.storage.create_indexes()
    bench.finish()
    base.random = Random(seed + 1)
    return base


def open_base(
    schema: Schema, path: str | Path | None, documents: int, clock: Callable[[], datetime] | None
) -> tuple[Base, tempfile.TemporaryDirectory[str] | None]:
    """Empty base in memory, in the given file or in a scratch file."""
    if path is not None:
        return Base(schema, path, clock), None
    if documents <= IN_MEMORY:
        return Base(schema, clock=clock), None
    scratch = tempfile.TemporaryDirectory(prefix="sverka-onec-", ignore_cleanup_errors=True)
    return Base(schema, Path(scratch.name) / "base.db", clock), scratch


def add_documents(bench: Workbench, count: int) -> None:
    """Opening balances, then ``count`` documents in all by date, a few of them dated back."""
    opening = bench.orgs if count > 20 else bench.orgs[:1]
    for org in opening:
        docs.add_opening(bench, org)
    left = count - len(opening) - 1
    makers, weights = zip(*MIX, strict=True)
    days = (bench.today - bench.start).days
    for index in range(left):
        place = index * days / max(left, 1)
        maker = bench.random.choices(makers, weights)[0]
        maker(bench, moment_of(bench, int(place), place % 1))
    add_junk(bench)


def moment_of(bench: Workbench, day: int, share: float) -> str:
    """Moment of the next document; two of a hundred are entered late with an old date."""
    back = bench.random.randrange(1, 60) if bench.chance(0.02) else 0
    return bench.moment(bench.start + timedelta(days=max(day - back, 0) + 1), share)


def add_junk(bench: Workbench) -> None:
    """A draft with a mistyped year: 209 (§1.4)."""
    deal = bench.contracts[0]
    fields = docs.sale_head(bench, docs.SHIPMENT, "0209-03-01T00:00:00", deal)
    fields["Товары"] = docs.build_lines(bench, {**fields, "Date": "2024"}, deal, services=False)
    fields["СуммаДокумента"] = docs.total_of(fields["Товары"], fields["СуммаВключаетНДС"])
    bench.document(docs.SHIPMENT, fields, posted=False)
