"""The chart of accounts: codes, kinds and positional subconto (fact sheet §5, §8.3).

Account kinds (active, passive) are those of the БП chart [I]: on an active account a credit balance shows as a
negative ``СуммаBalanceDr``.
"""

from __future__ import annotations

from dataclasses import dataclass

ACTIVE, PASSIVE, BOTH = "Active", "Passive", "ActivePassive"
PARTY_KIND, CONTRACT_KIND, DOCUMENT_KIND = "Контрагенты", "Договоры", "ДокументыРасчетовСКонтрагентами"
SETTLED = (PARTY_KIND, CONTRACT_KIND)
SUBCONTO_TITLES = {
    PARTY_KIND: "Контрагенты", CONTRACT_KIND: "Договоры", DOCUMENT_KIND: "Документы расчетов с контрагентами",
    "БанковскиеСчета": "Банковские счета", "НоменклатурныеГруппы": "Номенклатурные группы",
    "СтавкиНДС": "Ставки НДС", "Номенклатура": "Номенклатура", "ПрочиеДоходыИРасходы": "Прочие доходы и расходы",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the chart."""

    code: str
    title: str
    kind: str
    subs: tuple[str, ...] = ()
    currency: bool = False
    quantity: bool = False
    off_balance: bool = False
    group: bool = False
    predefined: str = ""


CHART: tuple[Account, ...] = (
    Account("000", "Вспомогательный счет", BOTH, off_balance=True, predefined="Вспомогательный"),
    Account("41", "Товары", ACTIVE, ("Номенклатура",), quantity=True, group=True),
    Account("41.01", "Товары на складах", ACTIVE, ("Номенклатура",), quantity=True, predefined="ТоварыНаСкладах"),
    Account("50", "Касса", ACTIVE, group=True),
    Account("50.01", "Касса организации", ACTIVE, predefined="КассаОрганизации"),
    Account("51", "Расчетные счета", ACTIVE, ("БанковскиеСчета",), predefined="РасчетныеСчета"),
    Account("52", "Валютные счета", ACTIVE, ("БанковскиеСчета",), currency=True, predefined="ВалютныеСчета"),
    Account("57", "Переводы в пути", ACTIVE, group=True),
    Account("57.03", "Продажи по платежным картам", ACTIVE, SETTLED, predefined="ПродажиПоПлатежнымКартам"),
    Account("60", "Расчеты с поставщиками и подрядчиками", BOTH, SETTLED, group=True),
    Account("60.01", "Расчеты с поставщиками и подрядчиками", PASSIVE, SETTLED, predefined="РасчетыСПоставщиками"),
    Account("60.02", "Расчеты по авансам выданным", ACTIVE, SETTLED, predefined="РасчетыПоАвансамВыданным"),
    Account("62", "Расчеты с покупателями и заказчиками", BOTH, SETTLED, group=True),
    Account("62.01", "Расчеты с покупателями и заказчиками", ACTIVE, SETTLED, predefined="РасчетыСПокупателями"),
    Account("62.02", "Расчеты по авансам полученным", PASSIVE, SETTLED, predefined="РасчетыПоАвансамПолученным"),
    Account("62.21", "Расчеты с покупателями и заказчиками (в валюте)", ACTIVE, SETTLED, True,
            predefined="РасчетыСПокупателямиВал"),
    Account("62.22", "Расчеты по авансам полученным (в валюте)", PASSIVE, SETTLED, True,
            predefined="РасчетыПоАвансамПолученнымВал"),
    Account("62.31", "Расчеты с покупателями и заказчиками (в у.е.)", ACTIVE, SETTLED, True,
            predefined="РасчетыСПокупателямиУЕ"),
    Account("62.32", "Расчеты по авансам полученным (в у.е.)", PASSIVE, SETTLED, True,
            predefined="РасчетыПоАвансамПолученнымУЕ"),
    Account("68", "Налоги и сборы", BOTH, group=True),
    Account("68.02", "Налог на добавленную стоимость", BOTH, predefined="НДС"),
    Account("76", "Расчеты с разными дебиторами и кредиторами", BOTH, SETTLED, group=True),
    Account("76.06", "Расчеты с прочими покупателями и заказчиками", ACTIVE, SETTLED,
            predefined="РасчетыСПрочимиПокупателями"),
    Account("90", "Продажи", BOTH, group=True),
    Account("90.01", "Выручка", PASSIVE, ("НоменклатурныеГруппы", "СтавкиНДС"), group=True),
    Account("90.01.1", "Выручка по деятельности с основной системой налогообложения", PASSIVE,
            ("НоменклатурныеГруппы", "СтавкиНДС"), predefined="ВыручкаНеЕНВД"),
    Account("90.03", "Налог на добавленную стоимость", ACTIVE, ("НоменклатурныеГруппы", "СтавкиНДС"),
            predefined="Продажи_НДС"),
    Account("91", "Прочие доходы и расходы", BOTH, group=True),
    Account("91.01", "Прочие доходы", PASSIVE, ("ПрочиеДоходыИРасходы",), predefined="ПрочиеДоходы"),
    Account("91.02", "Прочие расходы", ACTIVE, ("ПрочиеДоходыИРасходы",), predefined="ПрочиеРасходы"),
)  # fmt: skip
BY_CODE = {account.code: account for account in CHART}

RECEIVABLE = ("62.01", "62.21", "62.31")
ADVANCE = ("62.02", "62.22", "62.32")
CUSTOMER = RECEIVABLE + ADVANCE
ADVANCE_OF = {**dict(zip(RECEIVABLE, ADVANCE, strict=True)), "60.01": "60.02", "76.06": "76.06"}


def parent_code(code: str) -> str:
    """``90.01.1`` -> ``90.01`` -> ``90`` -> nothing."""
    return code.rpartition(".")[0]
