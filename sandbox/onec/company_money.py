"""Makers of money documents: bank, cash, card; customers', suppliers' and nobody's (fact sheet §8.2)."""

from __future__ import annotations

from sandbox.onec.company_docs import ADVANCES, INVOICE, SHIPMENT, head, pick, state_of
from sandbox.onec.company_tools import Contract, Workbench
from sandbox.onec.fields import Fields
from sandbox.onec.posting import part

BANK_IN, BANK_OUT = "Document_ПоступлениеНаРасчетныйСчет", "Document_СписаниеСРасчетногоСчета"
CASH_IN, CASH_OUT, CARD = (
    "Document_ПриходныйКассовыйОрдер",
    "Document_РасходныйКассовыйОрдер",
    "Document_ОплатаПлатежнойКартой",
)
OTHER_IN = (
    "ПрочееПоступление",
    "ПоступлениеПоПлатежнымКартам",
    "РасчетыПоКредитамИЗаймам",
    "ЛичныеСредстваПредпринимателя",
)
OTHER_OUT = ("УплатаНалога", "ПрочееСписание", "ПеречислениеЗаработнойПлаты", "КомиссияБанка")


def settlement_amount(bench: Workbench, deal: Contract) -> tuple[int, str]:
    """What this customer pays now: the debt, a part of it, or an invoice in advance (and its key)."""
    index = int(deal.rate != "643")
    currency = "" if deal.rate == "643" else deal.currency
    owed = bench.balance((deal.key, deal.account, deal.party, deal.org, currency))[index]
    if owed > 0 and bench.chance(0.85):
        share = bench.random.choice((100, 100, 100, 60, 35, 110))
        return max(part(owed, share, 100), 1), ""
    if deal.invoices:
        key, amount = bench.random.choice(deal.invoices)
        return max(amount, 1), key
    return bench.random.randrange(1_000_00, 80_000_00) // (90 if index else 1), ""


def payment_row(bench: Workbench, deal: Contract, moment: str, own: int, invoice: str) -> Fields:
    """One row of the payment; a contract in conventional units is paid in roubles."""
    rate = bench.rate(deal.rate, moment)
    row: Fields = {
        "ДоговорКонтрагента_Key": deal.key, "СпособПогашенияЗадолженности": "Автоматически",
        "КратностьВзаиморасчетов": 1,
        "СуммаПлатежа": part(own, rate, 10**4) if deal.account == "62.31" else own, "КурсВзаиморасчетов": rate,
        "СуммаВзаиморасчетов": own, "СчетУчетаРасчетовСКонтрагентом_Key": bench.account(deal.account),
        "СчетУчетаРасчетовПоАвансам_Key": bench.account(ADVANCES[deal.account]), "СчетНаОплату_Key": invoice,
    }  # fmt: skip
    if deal.sales and bench.chance(0.3):
        row.update({"Сделка": bench.random.choice(deal.sales)[0], "Сделка_Type": f"StandardODATA.{SHIPMENT}"})
    elif invoice and bench.chance(0.5):
        row.update({"Сделка": invoice, "Сделка_Type": f"StandardODATA.{INVOICE}"})
    return {name: value for name, value in row.items() if value != ""}


def money_head(bench: Workbench, set_name: str, moment: str, deal: Contract, operation: str) -> Fields:
    """Header of a money document."""
    conventional = deal.account == "62.31"
    fields = {
        **head(bench, set_name, moment, deal), "ВидОперации": operation, "СчетОрганизации_Key": bench.banks[deal.org],
        "ВалютаДокумента_Key": bench.keys["currency/643"] if conventional else deal.currency,
        "СчетУчетаРасчетовСКонтрагентом_Key": bench.account(deal.account), **bench.party_fields(deal.party),
    }  # fmt: skip
    if set_name in (BANK_IN, BANK_OUT):
        fields.update(
            {
                "НомерВходящегоДокумента": str(bench.random.randrange(1, 9999)),
                "ДатаВходящегоДокумента": f"{moment[:10]}T00:00:00",
            }
        )
    return fields


def add_payment(bench: Workbench, moment: str, set_name: str) -> None:
    """A customer's payment by one row, or by two contracts at once."""
    deal = pick(bench)
    rows = [payment_row(bench, deal, moment, *settlement_amount(bench, deal))]
    other = same_party(bench, deal)
    if other and bench.chance(0.5):
        rows.append(payment_row(bench, other, moment, *settlement_amount(bench, other)))
    fields = money_head(bench, set_name, moment, deal, "ОплатаПокупателя")
    total = sum(row["СуммаПлатежа"] for row in rows)
    fields.update({"РасшифровкаПлатежа": rows, "СуммаДокумента": total})
    if set_name == BANK_IN:
        fields["НазначениеПлатежа"] = f"Оплата по счету за товар. В т.ч. НДС. Сумма {total // 100}-{total % 100:02d}"
    bench.document(set_name, fields, **state_of(bench))


def same_party(bench: Workbench, deal: Contract) -> Contract | None:
    """Another contract of the same customer, organisation and currency, next in the list."""
    index = int(bench.random.random() * len(bench.contracts))
    near = bench.contracts[index : index + 3]
    return next(
        (
            item
            for item in near
            if item is not deal and (item.party, item.org, item.account) == (deal.party, deal.org, deal.account)
        ),
        None,
    )


def add_bank_in(bench: Workbench, moment: str) -> None:
    """Bank payment of a customer."""
    add_payment(bench, moment, BANK_IN)


def add_cash_in(bench: Workbench, moment: str) -> None:
    """Cash order."""
    add_payment(bench, moment, CASH_IN)


def add_card(bench: Workbench, moment: str) -> None:
    """Card payment; the acquirer's transfer comes later as another operation."""
    add_payment(bench, moment, CARD)


def add_other_in(bench: Workbench, moment: str) -> None:
    """Money of nobody we mirror."""
    add_other(bench, moment, BANK_IN, bench.random.choice(OTHER_IN))


def add_other_out(bench: Workbench, moment: str) -> None:
    """Taxes, wages, commissions."""
    add_other(bench, moment, BANK_OUT, bench.random.choice(OTHER_OUT))


def add_other(bench: Workbench, moment: str, set_name: str, operation: str) -> None:
    """A bank document without settlements with customers; often without a counterparty at all."""
    deal = pick(bench)
    fields = money_head(bench, set_name, moment, deal, operation)
    odd = bench.random.random()
    if odd < 0.7:
        for name in ("Контрагент", "Контрагент_Type", "Контрагент_Key"):
            fields.pop(name, None)
    elif odd < 0.85 and not bench.layout.single_party:
        person = bench.random.choice(bench.people)
        fields.update({"Контрагент": person, "Контрагент_Type": "StandardODATA.Catalog_ФизическиеЛица"})
    fields.update(
        {"СуммаДокумента": bench.random.randrange(100_00, 90_000_00), "ВалютаДокумента_Key": bench.keys["currency/643"]}
    )
    fields.pop("СчетУчетаРасчетовСКонтрагентом_Key")
    bench.document(set_name, fields, **state_of(bench))


def add_refund(bench: Workbench, moment: str) -> None:
    """Money back to a customer, by bank or from the cash desk."""
    deal, set_name = pick(bench), CASH_OUT if bench.chance(0.3) else BANK_OUT
    own = bench.random.randrange(1_000_00, 20_000_00) // (90 if deal.rate != "643" else 1)
    row = payment_row(bench, deal, moment, own, "")
    fields = money_head(bench, set_name, moment, deal, "ВозвратПокупателю")
    fields.update({"РасшифровкаПлатежа": [row], "СуммаДокумента": row["СуммаПлатежа"]})
    bench.document(set_name, fields, **state_of(bench))


def add_supplier_payment(bench: Workbench, moment: str) -> None:
    """Payment to a supplier."""
    if not bench.suppliers:
        add_other_out(bench, moment)
        return
    deal = bench.random.choice(bench.suppliers)
    row = payment_row(bench, deal, moment, bench.random.randrange(1_000_00, 200_000_00), "")
    fields = money_head(bench, BANK_OUT, moment, deal, "ОплатаПоставщику")
    fields.update({"РасшифровкаПлатежа": [row], "СуммаДокумента": row["СуммаПлатежа"]})
    bench.document(BANK_OUT, fields, **state_of(bench))
