"""Counterparties like life: folders, holdings, branches, twins, cards without a tax id, contacts of every spelling."""

from __future__ import annotations

import json

from sandbox.onec.company_catalogs import add_bank_account
from sandbox.onec.company_names import (
    CITIES,
    DOMAINS,
    FOLDERS,
    INDUSTRIES,
    POSTS,
    ROOTS,
    STREETS,
    TAILS,
    latin,
    person_name,
    phone_digits,
    phone_text,
)
from sandbox.onec.company_tools import Contract, Workbench
from sandbox.onec.fields import EMPTY_DATE, Fields
from sandbox.onec.schema import CONTRACTS, PARTIES
from sandbox.onec.taxids import REGIONS, company_inn, kpp, ogrn, ogrnip, person_inn


def add_parties(bench: Workbench, count: int) -> None:
    """Folders, then cards with their contracts, people and accounts."""
    for title in FOLDERS:
        fields = {"Code": bench.number(PARTIES, "00-", 9), "Description": title, "IsFolder": True}
        bench.keys[f"folder/{title}"] = bench.add(PARTIES, fields)
    past: list[tuple[str, Fields]] = []
    for index in range(count):
        key = bench.guid()
        fields = party_fields(bench, index, key, past)
        supplier = index % 10 == 9
        fields["Parent_Key"] = bench.keys[f"folder/{folder_of(fields, supplier)}"]
        fields["ОсновнойБанковскийСчет_Key"] = add_bank_account(bench, key, PARTIES)
        fields["ОсновноеКонтактноеЛицо_Key"] = add_person(bench, key)
        bench.add(PARTIES, fields, key, deleted=bench.chance(0.01))
        bench.parties.append(key)
        past = [*past[-30:], (key, fields)]
        add_contracts(bench, key, supplier)


def folder_of(fields: Fields, supplier: bool) -> str:
    """Folder by what the card is."""
    if supplier:
        return "Поставщики"
    if fields.get("ГосударственныйОрган"):
        return "Государственные"
    person = fields["ЮридическоеФизическоеЛицо"] == "ФизическоеЛицо" and not fields.get("ИндивидуальныйПредприниматель")
    return "Физические лица" if person else "Покупатели"


def party_fields(bench: Workbench, index: int, key: str, past: list[tuple[str, Fields]]) -> Fields:
    """One card: a branch or a twin of an earlier one now and then, else a new face."""
    companies = [item for item in past if item[1].get("КПП") and item[1]["КПП"].endswith("01001")]
    if companies and index % 17 == 16:
        fields = branch_of(bench, *bench.random.choice(companies))
    elif companies and index % 41 == 40:
        fields = twin_of(bench.random.choice(companies)[1])
    else:
        fields = new_party(bench)
        fields["ГоловнойКонтрагент_Key"] = companies[-1][0] if companies and index % 23 == 22 else key
    if index % 13 == 12:
        for name in ("ИНН", "КПП", "РасширенноеПредставлениеИНН", "РасширенноеПредставлениеКПП"):
            fields.pop(name, None)
    fields["Code"] = bench.number(PARTIES, "00-", 9)
    add_contacts(bench, fields)
    return fields


def branch_of(bench: Workbench, head: str, original: Fields) -> Fields:
    """Same ИНН, other КПП, the head's key."""
    city, code = bench.random.choice(CITIES), kpp(original["ИНН"], bench.random.randrange(2, 9))
    title = f"{original['Description']} филиал {city}"[:100]
    own = {"Description": title, "НаименованиеПолное": title, "КПП": code, "РасширенноеПредставлениеКПП": code}
    return {**plain(original), **own, "ОбособленноеПодразделение": True, "ГоловнойКонтрагент_Key": head}


def twin_of(original: Fields) -> Fields:
    """The same company entered twice."""
    title = f"{original['Description']} (дубль)"[:100]
    return {**plain(original), "Description": title}


def plain(original: Fields) -> Fields:
    """Card without its sections and references to its own."""
    return {
        name: value for name, value in original.items() if not isinstance(value, list) and not name.startswith("Основн")
    }


def new_party(bench: Workbench) -> Fields:
    """Company, sole trader, person or state body."""
    odd, region = bench.random.random(), bench.random.choice(REGIONS)
    if odd < 0.70:
        return company(bench, region, state=False)
    if odd < 0.75:
        return company(bench, region, state=True)
    return individual(bench, region, trader=odd < 0.90)


def company(bench: Workbench, region: str, state: bool) -> Fields:
    """Legal entity with ИНН, КПП and ОГРН."""
    root, tail, inn = bench.random.choice(ROOTS), bench.random.choice(TAILS), company_inn(bench.random, region)
    name = f"{root}{tail}" if bench.chance(0.5) else f"{root}-{tail or 'М'}-{bench.random.randrange(1, 99)}"
    full = f"Администрация района {root}" if state else f'ООО "{name}"'
    code = kpp(inn)
    return {
        "Description": full if state else f"{name.upper() if bench.chance(0.2) else name} ООО",
        "НаименованиеПолное": full,
        "ЮридическоеФизическоеЛицо": "ЮридическоеЛицо", "ИНН": inn, "КПП": code, "РасширенноеПредставлениеИНН": inn,
        "РасширенноеПредставлениеКПП": code, "ИННВведенКорректно": True, "КППВведенКорректно": True,
        "РегистрационныйНомер": ogrn(bench.random, region), "ГосударственныйОрган": state,
        "ВидГосударственногоОргана": "ОрганГосударственнойВласти" if state else "",
        "КодПоОКПО": f"{bench.random.randrange(10**8):08d}", **common(bench),
    }  # fmt: skip


def individual(bench: Workbench, region: str, trader: bool) -> Fields:
    """Sole trader (with ОГРНИП) or a private person, often without an ИНН."""
    name = " ".join(person_name(bench.random))
    inn = person_inn(bench.random, region) if trader or bench.chance(0.4) else ""
    return {
        "Description": f"{name} ИП" if trader else name, "НаименованиеПолное": f"ИП {name}" if trader else name,
        "ЮридическоеФизическоеЛицо": "ФизическоеЛицо", "ИндивидуальныйПредприниматель": trader, "ИНН": inn,
        "РасширенноеПредставлениеИНН": inn, "ИННВведенКорректно": bool(inn),
        "РегистрационныйНомер": ogrnip(bench.random, region) if trader else "", **common(bench),
    }  # fmt: skip


def common(bench: Workbench) -> Fields:
    """Manager, remarks, additional attributes."""
    rows: list[Fields] = []
    if bench.chance(0.5):
        value = bench.keys[f"industry/{bench.random.choice(INDUSTRIES)}"]
        kind = "StandardODATA.Catalog_ЗначенияСвойствОбъектов"
        rows.append({"Свойство_Key": bench.keys["property/Отрасль"], "Значение": value, "Значение_Type": kind})
    if bench.chance(0.1):
        own = {"Свойство_Key": bench.keys["property/ID в CRM"], "Значение": str(bench.random.randrange(1, 99999))}
        rows.append({**own, "Значение_Type": "Edm.String"})
    manager = {"Ответственный_Key": bench.random.choice(bench.users)} if bench.chance(0.7) else {}
    remark = {"Комментарий": 'Постоянный клиент, "VIP" <важно> & скидка'} if bench.chance(0.05) else {}
    return {**manager, **remark, "ДополнительныеРеквизиты": rows, "ДатаСоздания": f"{bench.start}T10:00:00"}


def add_contacts(bench: Workbench, fields: Fields) -> None:
    """Phones in various writings, several e-mails in one line, addresses with their JSON (§8.1)."""
    rows: list[Fields] = []
    if bench.chance(0.85):
        rows.append(phone_row(bench, "contact/ТелефонКонтрагента"))
    if bench.chance(0.65):
        rows.append(email_row(bench, latin(fields["Description"])[:20] or "info", "contact/EmailКонтрагенты"))
    if bench.chance(0.8):
        rows.extend(address_rows(bench))
    if bench.chance(0.03):
        rows.append({"Тип": "Skype", "Вид_Key": bench.keys["contact/Skype директора"], "Представление": "boss.skype"})
    fields["КонтактнаяИнформация"] = rows


def phone_row(bench: Workbench, kind: str) -> Fields:
    """One phone, sometimes two in a line."""
    digits = phone_digits(bench.random)
    text = phone_text(bench.random, digits)
    if bench.chance(0.1):
        text = f"{text}, {phone_text(bench.random, phone_digits(bench.random))}"
    filled = {"НомерТелефона": digits, "НомерТелефонаБезКодов": digits[4:]} if bench.chance(0.7) else {}
    return {"Тип": "Телефон", "Вид_Key": bench.keys[kind], "Представление": text, **filled}


def email_row(bench: Workbench, name: str, kind: str) -> Fields:
    """``a@b.ru`` or ``a@b.ru; c@d.ru``."""
    domain = bench.random.choice(DOMAINS)
    text = f"{name}@{domain}; buh@{domain}" if bench.chance(0.15) else f"{name}@{domain}"
    mail = {"АдресЭП": text, "ДоменноеИмяСервера": domain}
    return {"Тип": "АдресЭлектроннойПочты", "Вид_Key": bench.keys[kind], "Представление": text, **mail}


def address_rows(bench: Workbench) -> list[Fields]:
    """Legal address, now and then a different actual one."""
    kinds = ["ЮрАдресКонтрагента", *(["ФактАдресКонтрагента"] if bench.chance(0.4) else [])]
    rows: list[Fields] = []
    for kind in kinds:
        city, street = bench.random.choice(CITIES), bench.random.choice(STREETS)
        text = f"{bench.random.randrange(101000, 690000)}, г. {city}, ул. {street}, д. {bench.random.randrange(1, 99)}"
        value = json.dumps({"value": text, "type": "Адрес", "city": city, "street": street}, ensure_ascii=False)
        own = {"Представление": text, "Страна": "РОССИЯ", "Город": city, "Значение": value}
        rows.append({"Тип": "Адрес", "Вид_Key": bench.keys[f"contact/{kind}"], **own})
    return rows


def add_person(bench: Workbench, owner: str) -> str:
    """Contact person with a composite owner."""
    last, first, middle = person_name(bench.random)
    rows = [phone_row(bench, "contact/ТелефонКонтактногоЛица")]
    if bench.chance(0.5):
        rows.append(email_row(bench, latin(f"{first[0]}{last}"), "contact/EmailКонтактногоЛица"))
    fields: Fields = {
        "Code": bench.number("Catalog_КонтактныеЛица", "00-", 9), "Description": f"{last} {first} {middle}",
        "Фамилия": last,
        "Имя": first, "Отчество": middle, "Должность": bench.random.choice(POSTS), "ОбъектВладелец": owner,
        "ОбъектВладелец_Type": f"StandardODATA.{PARTIES}", "ВидКонтактногоЛица": "КонтактноеЛицоКонтрагента",
        "КонтактнаяИнформация": rows,
    }  # fmt: skip
    return bench.add("Catalog_КонтактныеЛица", fields)


def add_contracts(bench: Workbench, party: str, supplier: bool) -> None:
    """One to three contracts; a few in currency or in conventional units; a few customers also supply."""
    for number in range(bench.random.choice((1, 1, 1, 2, 3))):
        add_contract(bench, party, supplier, number)
    if not supplier and bench.chance(0.05):
        add_contract(bench, party, supplier=True, number=3)


def add_contract(bench: Workbench, party: str, supplier: bool, number: int) -> None:
    """One contract."""
    odd = bench.random.random()
    rate, account = (
        ("978" if odd < 0.03 else "840", "62.21")
        if odd < 0.05
        else ("978", "62.31")
        if odd < 0.07
        else ("643", "62.01")
    )
    if supplier:
        rate, account = "643", "60.01"
    org = bench.orgs[0] if bench.chance(0.8) else bench.orgs[1]
    deal = Contract(bench.guid(), party, org, bench.keys[f"currency/{rate}"], account, supplier, rate)
    bench.add(CONTRACTS, contract_fields(bench, deal, number), deal.key)
    bench.contract_currency[deal.key] = deal.currency
    (bench.suppliers if supplier else bench.contracts).append(deal)


def contract_fields(bench: Workbench, deal: Contract, number: int) -> Fields:
    """Fields of the fixture ``bp30-contracts``."""
    days = bench.random.choice((0, 0, 5, 10, 14, 30, 45))
    title = "Основной договор" if number == 0 else f"№ {bench.random.randrange(1, 999)}/{bench.start.year % 100}"
    owner: Fields = {"Owner_Key": deal.party}
    if bench.layout.composite_owner:
        owner = {"Owner": deal.party, "Owner_Type": f"StandardODATA.{PARTIES}"}
    return {
        **owner, "Code": bench.number(CONTRACTS, "00-", 9), "Description": title,
        "Номер": title.removeprefix("№ ") if number else "",
        "Дата": f"{bench.start}T00:00:00" if number else EMPTY_DATE, "ВалютаВзаиморасчетов_Key": deal.currency,
        "Организация_Key": deal.org,
        "ВидДоговора": "СПоставщиком" if deal.supplier else "СПокупателем",
        "РасчетыВУсловныхЕдиницах": deal.account == "62.31",
        "Валютный": deal.account == "62.21", "ОплатаВВалюте": deal.account == "62.21",
        "УстановленСрокОплаты": bool(days),
        "СрокОплаты": days, "ПолРуководителяКонтрагента": "Мужской", "СпособЗаполненияСтавкиНДС": "Автоматически",
    }  # fmt: skip
