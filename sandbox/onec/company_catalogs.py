"""Reference data of the trading company: accounts, currencies, organisations, users, products, nodes."""

from __future__ import annotations

from datetime import timedelta

from sandbox.onec.accounts import CHART, DOCUMENT_KIND, SETTLED, SUBCONTO_TITLES, Account, parent_code
from sandbox.onec.company_names import GOODS, GROUPS, INDUSTRIES, SERVICES, person_name
from sandbox.onec.company_tools import Workbench
from sandbox.onec.fields import EMPTY_GUID, Fields
from sandbox.onec.schema import ACCOUNTS, CURRENCIES, ORGANISATIONS, RATES
from sandbox.onec.taxids import company_inn, kpp, ogrn

SUBCONTO = "ChartOfCharacteristicTypes_ВидыСубконтоХозрасчетные"
PEOPLE = "Catalog_ФизическиеЛица"
PROPERTIES = "ChartOfCharacteristicTypes_ДополнительныеРеквизитыИСведения"
MONEY = (("643", "руб.", "Российский рубль"), ("978", "EUR", "Евро"), ("840", "USD", "Доллар США"))
CONTACT_KINDS = (
    ("ТелефонКонтрагента", "Телефон", "Телефон"), ("EmailКонтрагенты", "Email", "АдресЭлектроннойПочты"),
    ("ЮрАдресКонтрагента", "Юридический адрес", "Адрес"), ("ФактАдресКонтрагента", "Фактический адрес", "Адрес"),
    ("ПочтовыйАдресКонтрагента", "Почтовый адрес", "Адрес"), ("ТелефонКонтактногоЛица", "Телефон контактного лица",
    "Телефон"),
    ("EmailКонтактногоЛица", "Email контактного лица", "АдресЭлектроннойПочты"), ("", "Skype директора", "Skype"),
)  # fmt: skip
EXTRA = ("Отрасль", "Регион продаж", "ID в CRM", "Менеджер CRM")


def add_reference_data(bench: Workbench, products: int) -> None:
    """Everything that is there before the first customer."""
    add_accounts(bench)
    add_currencies(bench)
    bench.base.reload()
    add_organisations(bench)
    add_users(bench)
    add_contact_kinds(bench)
    add_properties(bench)
    add_products(bench, products)
    add_individuals(bench)
    add_nodes(bench)
    add_rates(bench)


def add_accounts(bench: Workbench) -> None:
    """Subconto kinds, then the chart with its positional kinds."""
    for name, title in SUBCONTO_TITLES.items():
        kind: Fields = {
            "Description": title,
            "Имя": name,
            "Code": bench.number(SUBCONTO, "", 9),
            "PredefinedDataName": name,
        }
        bench.keys[f"subconto/{name}"] = bench.add(SUBCONTO, {**kind, "Predefined": True})
    for account in CHART:
        bench.keys[f"account/{account.code}"] = bench.guid()
    for order, account in enumerate(CHART):
        parent = bench.keys.get(f"account/{parent_code(account.code)}", EMPTY_GUID)
        kinds = [
            {"ExtDimensionType_Key": bench.keys[f"subconto/{name}"], "Суммовой": True}
            for name in subconto_of(bench, account)
        ]
        fields: Fields = {
            "Code": account.code, "Description": account.title, "НаименованиеПолное": account.title,
            "Parent_Key": parent,
            "Type": account.kind, "OffBalance": account.off_balance, "Валютный": account.currency,
            "Order": f"{order:05d}",
            "Количественный": account.quantity, "ЗапретитьИспользоватьВПроводках": account.group,
            "КодБыстрогоВыбора": account.code.replace(".", ""), "ExtDimensionTypes": kinds,
            "Predefined": bool(account.predefined), "PredefinedDataName": account.predefined,
        }  # fmt: skip
        bench.add(ACCOUNTS, fields, bench.keys[f"account/{account.code}"])
    bench.flush()


def subconto_of(bench: Workbench, account: Account) -> tuple[str, ...]:
    """Kinds of an account; the settlement document only where the base keeps it."""
    by_documents = bench.layout.by_documents and account.subs == SETTLED
    return (*account.subs, DOCUMENT_KIND) if by_documents else account.subs


def add_currencies(bench: Workbench) -> None:
    """Roubles, euros, dollars, as the fixture spells them."""
    for code, name, full in MONEY:
        spelling = "рубль, рубля, рублей, м, копейка, копейки, копеек, ж, 2" if code == "643" else ""
        fields = {"Code": code, "Description": name, "НаименованиеПолное": full, "ПараметрыПрописи": spelling}
        bench.keys[f"currency/{code}"] = bench.add(CURRENCIES, {**fields, "ЗагружаетсяИзИнтернета": code != "643"})
    bench.flush()


def add_organisations(bench: Workbench) -> None:
    """Two companies of one owner, each with its bank account."""
    for code, name in (("0000", "Северный поток снабжения"), ("СП00", "Снабжение Плюс")):
        inn = company_inn(bench.random, "77")
        fields: Fields = {
            "Code": bench.number(ORGANISATIONS, "00-", 9), "Description": f"{name} ООО", "Префикс": code[:2],
            "НаименованиеПолное": f'Общество с ограниченной ответственностью "{name}"', "ИНН": inn, "КПП": kpp(inn),
            "НаименованиеСокращенное": f'ООО "{name}"', "ОГРН": ogrn(bench.random, "77"),
            "КодНалоговогоОргана": inn[:4],
            "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо",
        }  # fmt: skip
        key = bench.add(ORGANISATIONS, fields)
        bench.orgs.append(key)
        bench.banks[key] = add_bank_account(bench, key, "Catalog_Организации")


def add_bank_account(bench: Workbench, owner: str, owner_set: str) -> str:
    """Account with a composite owner (fixture ``bp30-bank_account``)."""
    number = f"40702810{bench.random.randrange(10**12):012d}"
    fields = {
        "Owner": owner, "Owner_Type": f"StandardODATA.{owner_set}", "Code": bench.number("Catalog_БанковскиеСчета",
        "00-", 9),
        "Description": f"{number}, БАНК", "НомерСчета": number, "Банк_Key": bench.keys.setdefault("bank", bench.guid()),
        "ВалютаДенежныхСредств_Key": bench.keys["currency/643"], "ВидСчета": "Расчетный",
    }  # fmt: skip
    return bench.add("Catalog_БанковскиеСчета", fields)


def add_users(bench: Workbench) -> None:
    """Managers; the last one has left."""
    for index in range(6):
        last, first, middle = person_name(bench.random)
        key = bench.add(
            "Catalog_Пользователи", {"Description": f"{last} {first} {middle}", "Недействителен": index == 5}
        )
        bench.users.append(key)


def add_contact_kinds(bench: Workbench) -> None:
    """Predefined kinds, and one that a user has added (§8.1)."""
    name = "Catalog_ВидыКонтактнойИнформации"
    folder = {"Description": "Контактная информация справочника «Контрагенты»", "IsFolder": True, "Predefined": True}
    parent = bench.add(name, {**folder, "PredefinedDataName": "СправочникКонтрагенты"})
    for predefined, title, kind in CONTACT_KINDS:
        fields: Fields = {
            "Description": title, "Тип": kind, "Parent_Key": parent, "Используется": True,
            "Predefined": bool(predefined),
            "PredefinedDataName": predefined,
        }  # fmt: skip
        bench.keys[f"contact/{predefined or title}"] = bench.add(name, fields)


def add_properties(bench: Workbench) -> None:
    """Additional attributes and the list values of one of them."""
    for title in EXTRA:
        fields = {
            "Description": f"{title} (Контрагенты)",
            "Заголовок": title,
            "Имя": title.replace(" ", "") + "_1a2b",
            "Виден": True,
        }
        bench.keys[f"property/{title}"] = bench.add(PROPERTIES, {**fields, "Code": bench.number(PROPERTIES, "", 9)})
    for title in INDUSTRIES:
        fields = {"Description": title, "Owner_Key": bench.keys["property/Отрасль"], "ПолноеНаименование": title}
        bench.keys[f"industry/{title}"] = bench.add("Catalog_ЗначенияСвойствОбъектов", fields)


def add_products(bench: Workbench, count: int) -> None:
    """Groups and goods, with services in a group of their own."""
    name = "Catalog_Номенклатура"
    unit = bench.guid()
    groups = [bench.add(name, {**product_head(bench, title), "IsFolder": True}) for title in GROUPS]
    for index in range(count):
        service = index % 10 == 0
        title = f"{bench.random.choice(SERVICES if service else GOODS)} {index + 1}"
        fields: Fields = {
            **product_head(bench, title), "НаименованиеПолное": title, "Услуга": service, "ЕдиницаИзмерения_Key": unit,
            "Parent_Key": groups[-1] if service else bench.random.choice(groups[:-1]), "ВидСтавкиНДС": "Общая",
            "Артикул": "" if service else f"A-{bench.random.randrange(10**6):06d}",
        }  # fmt: skip
        key = bench.add(name, fields, deleted=bench.chance(0.01))
        (bench.services if service else bench.products).append((key, bench.random.randrange(5_000, 9_000_000)))


def product_head(bench: Workbench, title: str) -> Fields:
    """Code and name."""
    return {"Code": bench.number("Catalog_Номенклатура", "00-", 11), "Description": title}


def add_individuals(bench: Workbench) -> None:
    """People of the house: a payment's counterparty may be one of them instead of a customer (§8.2)."""
    for _ in range(4):
        last, first, middle = person_name(bench.random)
        own = {"Фамилия": last, "Имя": first, "Отчество": middle, "Code": bench.number(PEOPLE, "", 10)}
        bench.people.append(bench.add(PEOPLE, {**own, "Description": f"{last} {first} {middle}"}))


def add_nodes(bench: Workbench) -> None:
    """The exchange plan: this base, and one node for Sverka (§7)."""
    plan = bench.layout.exchange_plan
    bench.add(plan, {"Code": "ЦБ", "Description": "Центральная база", "ThisNode": True, "Predefined": True})
    bench.keys["node"] = bench.add(plan, {"Code": "СВЕРКА", "Description": "Сверка"})


def add_rates(bench: Workbench) -> None:
    """One rate a month and currency, from two months before the books begin."""
    day, values = (bench.start - timedelta(days=62)).replace(day=1), {"978": 985_000, "840": 901_500}
    while day <= bench.today:
        for code, last in values.items():
            values[code] = last + bench.random.randrange(-20_000, 21_000)
            bench.rates[(code, day.isoformat()[:7])] = values[code]
            fields = {
                "Period": f"{day}T00:00:00",
                "Валюта_Key": bench.keys[f"currency/{code}"],
                "Курс": values[code],
                "Кратность": 1,
            }
            bench.add(RATES, fields, key=f"{fields['Period']}|{fields['Валюта_Key']}")
        day = (day + timedelta(days=32)).replace(day=1)
