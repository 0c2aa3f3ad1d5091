"""УТ 11.5: partners over counterparties, settlements by analytics keys, terms kept by the base (fact sheet §8)."""

from __future__ import annotations

from sandbox.onec.configurations import ut11_schema as ut
from sandbox.onec.configurations.kind import Configuration, Edits
from sandbox.onec.configurations.ut11_company import stage_scaled, translate
from sandbox.onec.configurations.ut11_posting import ACCOUNT, REGISTERS, post

EDITS = Edits(
    (ut.SHIPMENT, ut.BANK_IN, ut.ORDER, ut.RETURN, ut.ACT, ut.CASH_IN, ut.BANK_OUT, ut.WRITE_OFF, ut.MANUAL,
     ut.CORRECTION),
    (8, 6, 5, 1, 2, 1, 1, 1, 1, 1), ("СуммаСНДС", "СуммаРегл", "КоличествоУпаковок"), stage_scaled,
)  # fmt: skip
NEEDED = {
    ut.PARTNERS: ("Description", "ГруппаДоступа_Key", "ЮрФизЛицо"),
    ut.PARTIES: ("Description", "НаименованиеПолное", "Партнер_Key", "ЮрФизЛицо", "ЮридическоеФизическоеЛицо"),
    ut.CONTRACTS: ("Description", "Контрагент_Key", "Партнер_Key", "Организация_Key", "ТипДоговора", "Статус",
                   "ВалютаВзаиморасчетов_Key", "ПорядокРасчетов"),
}  # fmt: skip
UT11 = Configuration(
    name="ut11", title="Управление торговлей 11.5", sets=ut.build_sets, enums=ut.ENUMS, edits=EDITS, post=post,
    translate=translate, registers=REGISTERS, settled=(ACCOUNT,), needed=NEEDED,
)  # fmt: skip
CONFIGURATIONS = {"ut11": lambda: UT11}
