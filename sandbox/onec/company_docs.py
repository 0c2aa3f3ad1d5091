"""Document makers: each builds stored fields of one document and queues it with its movements."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.onec.company_tools import Contract, Workbench
from sandbox.onec.fields import EMPTY_DATE, Fields
from sandbox.onec.posting import part
from sandbox.onec.schema import CONTRACTS, PARTIES, STATUSES

Maker = Callable[[Workbench, str], None]
ADVANCES = {"62.01": "62.02", "62.21": "62.22", "62.31": "62.32", "60.01": "60.02"}
SHIPMENT, ACT = "Document_РеализацияТоваровУслуг", "Document_АктОбОказанииПроизводственныхУслуг"
INVOICE = "Document_СчетНаОплатуПокупателю"


def pick(bench: Workbench) -> Contract:
    """Few customers buy much, many buy little."""
    return bench.contracts[int(bench.random.random() ** 2 * len(bench.contracts))]


def head(bench: Workbench, set_name: str, moment: str, deal: Contract) -> Fields:
    """Number, date, organisation, responsible."""
    prefix = "0000-" if deal.org == bench.orgs[0] else "СП00-"
    return {
        "Number": bench.number(set_name, prefix, 11, moment[:4]), "Date": moment, "Организация_Key": deal.org,
        "Ответственный_Key": bench.random.choice(bench.users),
        "Комментарий": "" if bench.chance(0.95) else "по просьбе клиента",
    }  # fmt: skip


def sale_head(bench: Workbench, set_name: str, moment: str, deal: Contract) -> Fields:
    """Header of everything with goods."""
    return {
        **head(bench, set_name, moment, deal), "Контрагент_Key": deal.party, "ДоговорКонтрагента_Key": deal.key,
        "ВалютаДокумента_Key": deal.currency, "КурсВзаиморасчетов": bench.rate(deal.rate, moment),
        "КратностьВзаиморасчетов": 1,
        "СпособЗачетаАвансов": "Автоматически", "СчетУчетаРасчетовСКонтрагентом_Key": bench.account(deal.account),
        "СчетУчетаРасчетовПоАвансам_Key": bench.account(ADVANCES[deal.account]), "СуммаВключаетНДС": bench.chance(0.75),
        "БанковскийСчетОрганизации_Key": bench.banks[deal.org],
    }  # fmt: skip


def vat_rate(bench: Workbench, moment: str) -> tuple[str, int]:
    """Rate name and percent; 22 % since 2026."""
    odd = bench.random.random()
    if odd < 0.08:
        return "БезНДС", 0
    if odd < 0.14:
        return "НДС10", 10
    return ("НДС22", 22) if moment >= "2026" else ("НДС20", 20)


def build_line(bench: Workbench, item: tuple[str, int], moment: str, included: bool, currency: str) -> Fields:
    """Quantity, price, amount and its VAT, inside or on top."""
    key, price = item
    price = price // 90 if currency != "643" else price
    count = bench.random.randrange(1, 40) * 1000 if bench.chance(0.95) else bench.random.randrange(100, 9999)
    name, percent = vat_rate(bench, moment)
    amount = part(price, count, 1000)
    vat = part(amount, percent, 100 + percent) if included else part(amount, percent, 100)
    return {
        "Номенклатура_Key": key,
        "Количество": count,
        "Цена": price,
        "Сумма": amount,
        "СтавкаНДС": name,
        "СуммаНДС": vat,
    }


def total_of(lines: list[Fields], included: bool) -> int:
    """Amount of a document with VAT."""
    return sum(line["Сумма"] + (0 if included else line["СуммаНДС"]) for line in lines)


def build_lines(bench: Workbench, fields: Fields, deal: Contract, services: bool, most: int = 5) -> list[Fields]:
    """Random lines of goods or services."""
    stock = bench.services if services else bench.products
    included = fields["СуммаВключаетНДС"]
    count = bench.random.randrange(1, most)
    return [build_line(bench, bench.random.choice(stock), fields["Date"], included, deal.rate) for _ in range(count)]


def state_of(bench: Workbench) -> dict[str, bool]:
    """Posted mostly; some drafts, some marked for deletion."""
    odd = bench.random.random()
    return {"posted": odd > 0.045, "deleted": odd < 0.015}


def add_invoice(bench: Workbench, moment: str) -> None:
    """Invoice with a pay-until date; its lines have a composite product."""
    deal = pick(bench)
    fields = sale_head(bench, INVOICE, moment, deal)
    lines = build_lines(bench, fields, deal, services=bench.chance(0.2))
    fields["СуммаДокумента"] = total_of(lines, fields["СуммаВключаетНДС"])
    fields["ОплатитьДо"] = f"{moment[:8]}28T00:00:00" if bench.chance(0.6) else EMPTY_DATE
    fields["Товары"] = [composite_product(line) for line in lines]
    for name in ("СчетУчетаРасчетовСКонтрагентом_Key", "СчетУчетаРасчетовПоАвансам_Key", "СпособЗачетаАвансов"):
        fields.pop(name)
    fields["СтруктурнаяЕдиница_Key"] = fields.pop("БанковскийСчетОрганизации_Key")
    key = bench.document(INVOICE, fields, **state_of(bench))
    add_status(bench, key, fields)
    deal.invoices = [*deal.invoices[-2:], (key, fields["СуммаДокумента"])]


def add_status(bench: Workbench, invoice: str, fields: Fields) -> None:
    """Status of an invoice in its own register; many have none, and what was paid does not move it [I]."""
    if bench.chance(0.4):
        return
    kind, status = (
        f"StandardODATA.{INVOICE}",
        bench.random.choice(("НеОплачен", "Оплачен", "ОплаченЧастично", "Отменен")),
    )
    record = {
        "Организация_Key": fields["Организация_Key"], "Документ": invoice, "Документ_Type": kind, "Статус": status,
        "Статус_Type": "StandardODATA.СтатусОплатыСчета", "ДатаСтатуса": fields["Date"],
    }  # fmt: skip
    bench.add(STATUSES, record, f"{fields['Организация_Key']}|{invoice}|{kind}")


def composite_product(line: Fields) -> Fields:
    """``Номенклатура`` + ``Номенклатура_Type`` instead of ``Номенклатура_Key``."""
    rest = {name: value for name, value in line.items() if name != "Номенклатура_Key"}
    return {"Номенклатура": line["Номенклатура_Key"], "Номенклатура_Type": "StandardODATA.Catalog_Номенклатура", **rest}


def add_shipment(bench: Workbench, moment: str) -> None:
    """Goods, services, or both."""
    deal = pick(bench)
    fields = sale_head(bench, SHIPMENT, moment, deal)
    services = bench.chance(0.2)
    fields["ВидОперации"] = "Услуги" if services else "Товары"
    account = bench.account("90.01.1")
    fields["Услуги" if services else "Товары"] = [
        {**line, "СчетДоходов_Key": account, **({"Содержание": "услуга"} if services else {"Коэффициент": 1000})}
        for line in build_lines(bench, fields, deal, services)
    ]
    fields["ВидЭлектронногоДокумента"] = "АктВыполненныхРабот" if services else "ТОРГ12Продавец"
    finish_sale(bench, SHIPMENT, fields, deal)


def add_act(bench: Workbench, moment: str) -> None:
    """Act of services."""
    deal = pick(bench)
    fields = sale_head(bench, ACT, moment, deal)
    fields["Услуги"] = build_lines(bench, fields, deal, services=True)
    finish_sale(bench, ACT, fields, deal)


def finish_sale(bench: Workbench, set_name: str, fields: Fields, deal: Contract) -> None:
    """Total, the invoice it fulfils, and the memory for returns."""
    lines = fields.get("Товары") or fields.get("Услуги") or []
    fields["СуммаДокумента"] = total_of(lines, fields["СуммаВключаетНДС"])
    if deal.invoices and bench.chance(0.6):
        fields["СчетНаОплатуПокупателю_Key"] = bench.random.choice(deal.invoices)[0]
    key = bench.document(set_name, fields, **state_of(bench))
    if set_name == SHIPMENT and "Товары" in fields:
        deal.sales = [*deal.sales[-2:], (key, fields["СуммаДокумента"], lines, fields["СуммаВключаетНДС"])]


def add_return(bench: Workbench, moment: str) -> None:
    """Return of one line of an earlier shipment."""
    deal, name = pick(bench), "Document_ВозвратТоваровОтПокупателя"
    if not deal.sales:
        add_shipment(bench, moment)
        return
    sale, _, lines, included = bench.random.choice(deal.sales)
    fields = sale_head(bench, name, moment, deal)
    fields.update({"СуммаВключаетНДС": included, "Товары": lines[:1], "СуммаДокумента": total_of(lines[:1], included)})
    fields.update({"Сделка": sale, "Сделка_Type": f"StandardODATA.{SHIPMENT}", "ВидОперации": "ПродажаКомиссия"})
    bench.document(name, fields, **state_of(bench))


def add_correction(bench: Workbench, moment: str) -> None:
    """Correction of a shipment: other price, rows keep what was before."""
    deal, name = pick(bench), "Document_КорректировкаРеализации"
    if not deal.sales:
        add_shipment(bench, moment)
        return
    sale, _, lines, included = bench.random.choice(deal.sales)
    fields = sale_head(bench, name, moment, deal)
    rows = [corrected_line(bench, line) for line in lines]
    fields.update({"СуммаВключаетНДС": included, "Товары": rows, "СуммаДокумента": total_of(rows, included)})
    fields.update({"ДокументРеализации": sale, "ДокументРеализации_Type": f"StandardODATA.{SHIPMENT}"})
    fields["ВидОперации"] = "СогласованноеИзменение"
    bench.document(name, fields, **state_of(bench))


def corrected_line(bench: Workbench, line: Fields) -> Fields:
    """Five percent up or down."""
    percent = bench.random.choice((95, 105))
    after = {name: part(line[name], percent, 100) for name in ("Цена", "Сумма", "СуммаНДС")}
    before = {f"{name}ДоИзменения": line[name] for name in ("Количество", "Цена", "Сумма", "СуммаНДС")}
    return {**line, **after, **before}


def add_purchase(bench: Workbench, moment: str) -> None:
    """Goods from a supplier."""
    if not bench.suppliers:
        add_shipment(bench, moment)
        return
    deal, name = bench.random.choice(bench.suppliers), "Document_ПоступлениеТоваровУслуг"
    fields = sale_head(bench, name, moment, deal)
    fields["Товары"] = build_lines(bench, fields, deal, services=False)
    fields["СуммаДокумента"] = total_of(fields["Товары"], fields["СуммаВключаетНДС"])
    bench.document(name, fields, **state_of(bench))


def add_commission_report(bench: Workbench, moment: str) -> None:
    """A commission agent's report: moves the settlement, is neither order nor shipment."""
    deal, name = pick(bench), "Document_ОтчетКомиссионераОПродажах"
    fields = sale_head(bench, name, moment, deal)
    fields["Товары"] = build_lines(bench, fields, deal, services=False)
    fields["СуммаДокумента"] = total_of(fields["Товары"], fields["СуммаВключаетНДС"])
    bench.document(name, fields, **state_of(bench))


def add_debt_correction(bench: Workbench, moment: str) -> None:
    """Netting against the same party's supplier contract, or a write-off."""
    deal, name = pick(bench), "Document_КорректировкаДолга"
    fields = head(bench, name, moment, deal)
    amount = bench.random.randrange(100_00, 9000_00)
    row = {"ДоговорКонтрагента_Key": deal.key, "Сумма": amount, "СуммаВзаиморасчетов": amount}
    row["СчетУчетаРасчетов_Key"] = bench.account(deal.account)
    kind = f"StandardODATA.{PARTIES}"
    fields.update({"КонтрагентДебитор": deal.party, "КонтрагентДебитор_Type": kind, "ДебиторскаяЗадолженность": [row]})
    netting = next((item for item in bench.suppliers if item.party == deal.party and item.org == deal.org), None)
    if netting and deal.account == "62.01":
        other = {
            "ДоговорКонтрагента_Key": netting.key,
            "Сумма": amount,
            "СчетУчетаРасчетов_Key": bench.account("60.01"),
        }
        fields.update(
            {"КонтрагентКредитор": deal.party, "КонтрагентКредитор_Type": kind, "КредиторскаяЗадолженность": [other]}
        )
    fields["ВидОперации"] = "ЗачетЗадолженности" if "КонтрагентКредитор" in fields else "СписаниеЗадолженности"
    fields.update(
        {"СчетСписания_Key": bench.account("91.02"), "СуммаДокумента": amount, "ВалютаДокумента_Key": deal.currency}
    )
    bench.document(name, fields, **state_of(bench))


def add_manual_entry(bench: Workbench, moment: str) -> None:
    """An accountant's own entry: a penalty, on 62.01 or on 76.06."""
    deal, name = pick(bench), "Document_ОперацияБух"
    fields = head(bench, name, moment, deal)
    account = "76.06" if bench.chance(0.3) or deal.account != "62.01" else "62.01"
    amount = bench.random.randrange(100_00, 5000_00)
    row = {
        "СчетДт_Key": bench.account(account), "СубконтоДт1": deal.party, "СубконтоДт1_Type": f"StandardODATA.{PARTIES}",
        "СубконтоДт2": deal.key, "СубконтоДт2_Type": f"StandardODATA.{CONTRACTS}", "СчетКт_Key": bench.account("91.01"),
        "Сумма": amount,
    }  # fmt: skip
    fields.update({"Содержание": "Начислена неустойка", "СуммаОперации": amount, "Проводки": [row]})
    bench.document(name, fields, **state_of(bench))


def add_opening(bench: Workbench, org: str) -> None:
    """Opening balances of one organisation at the first moment of the books."""
    deals = [deal for deal in bench.contracts if deal.org == org][:400]
    rows = [opening_row(bench, deal) for deal in deals if bench.chance(0.35)]
    fields = {
        "Number": bench.number("Document_ВводНачальныхОстатков", "0000-", 11, str(bench.start.year)),
        "Date": f"{bench.start}T00:00:00", "Организация_Key": org, "РазделУчета": "РасчетыСПокупателямиИЗаказчиками",
        "ОтражатьВБухгалтерскомУчете": True, "РасчетыСКонтрагентами": rows, "Ответственный_Key": bench.users[0],
    }  # fmt: skip
    bench.document("Document_ВводНачальныхОстатков", fields)


def opening_row(bench: Workbench, deal: Contract) -> Fields:
    """A debt or an advance from before."""
    amount, advance = bench.random.randrange(1_000_00, 300_000_00), bench.chance(0.3)
    mark = "Кт" if advance else ""
    account = ADVANCES[deal.account] if advance else deal.account
    row = {
        "Контрагент_Key": deal.party, "ДоговорКонтрагента_Key": deal.key, "Валюта_Key": deal.currency,
        "СчетУчета_Key": bench.account(account), f"Сумма{mark}": amount,
    }  # fmt: skip
    if deal.rate != "643":
        rate = bench.rate(deal.rate, f"{bench.start}T00:00:00")
        row[f"ВалютнаяСумма{mark}"] = part(amount, 10**4, rate)
    return row
