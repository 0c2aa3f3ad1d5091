"""Captured answers of live bases of БП 3.0 through the preset: expected records, field by field."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

ZONE = ZoneInfo("Europe/Moscow")


def test_counterparty(bp30, captured):
    record = bp30.entities["counterparty"].build("Catalog_Контрагенты", captured("bp30-counterparty.item.json"), ZONE)
    assert record.fields == {
        "name": "ТЕХНО-ЛОГИСТИК ООО",
        "legal_name": 'ООО "ТЕХНО-ЛОГИСТИК"',
        "code": "00-000036",
        "kind": "company",
        "tax_id": "5024089920",
        "registration_code": "501701001",
        "ogrn": "1075024007156",
        "okpo": None,
        "phones": [],
        "emails": [],
        "addresses": [],
        "region": None,
        "comment": None,
        "link": "e1cib/data/Справочник.Контрагенты?ref=0a9b000c295e30eb11e5d629a348aa8c",
        "attributes": None,
    }
    assert record.refs == {"group": "4bc96af0-ba16-11e5-d193-000c295e30eb", "head": None, "manager": None}
    assert (record.entity, record.source, record.version) == ("counterparty", "Catalog_Контрагенты", "AAAAAQAAAAA=")
    assert (record.external_id, record.deleted, record.marks) == ("a348aa8c-d629-11e5-0a9b-000c295e30eb", False, {})


def test_contract(bp30, captured):
    raw = captured("bp30-contracts.collection.json")["value"][0]
    record = bp30.entities["contract"].build("Catalog_ДоговорыКонтрагентов", raw, ZONE)
    assert record.fields == {
        "name": "Основной договор",
        "code": "00-000001",
        "number": None,
        "date": None,
        "valid_until": None,
        "kind": "customer",
        "payment_days": None,
        "credit_limit": None,
        "closed": None,
    }
    assert record.refs == {
        "counterparty": "b7569c0f-f670-11ea-8591-000c29b45b09",
        "organisation": "87fa6cc2-e901-11ea-8591-000c29b45b09",
        "currency": "a192de9a-d84c-11ea-8133-0050569f62a1",
    }
    agreed = bp30.entities["contract"].build(
        "Catalog_ДоговорыКонтрагентов",
        raw | {"УстановленСрокОплаты": True, "СрокОплаты": "14", "Дата": "2024-02-01T00:00:00"},
        ZONE,
    )
    assert agreed.fields["payment_days"] == 14
    assert agreed.fields["date"].isoformat() == "2024-02-01"


def test_product_and_currency(bp30, captured):
    product = bp30.entities["product"].build(
        "Catalog_Номенклатура", captured("bp30-products.collection.json")["value"][0], ZONE
    )
    assert product.fields == {
        "name": "Мойка", "full_name": "Мойка", "code": "00-00000001", "sku": None, "service": False, "attributes": None,
    }  # fmt: skip
    assert product.refs == {"group": None}
    rouble = bp30.entities["currency"].build("Catalog_Валюты", captured("bp30-currency.item.json"), ZONE)
    assert rouble.fields == {"code": "RUB", "numeric_code": "643", "name": "Российский рубль"}


def test_shipment_of_goods(bp30, captured):
    raw = captured("bp30-shipments.collection.json")["value"][0]
    record = bp30.entities["shipment"].build("Document_РеализацияТоваровУслуг", raw, ZONE)
    assert record.fields == {
        "number": "0000-000001",
        "date": datetime(2021, 12, 22, 14, 22, 8, tzinfo=UTC),
        "posted": False,
        "amount": Decimal(150129),
        "operation": "Товары",
        "comment": None,
        "link": "e1cib/data/Документ.РеализацияТоваровУслуг?ref=ad72000c29b45b0911ec63328b9660f6",
        "attributes": None,
        "pay_until": None,
    }
    assert record.refs == {
        "counterparty": "b7569bcd-f670-11ea-8591-000c29b45b09",
        "contract": None,
        "organisation": "87fa6cc2-e901-11ea-8591-000c29b45b09",
        "currency": "a192de9a-d84c-11ea-8133-0050569f62a1",
        "manager": "10f78d15-dfe4-11eb-b4ad-000c29b45b09",
        "order": None,
    }
    first, second = record.lines["lines"]
    assert first.fields == {
        "section": "Товары",
        "description": None,
        "quantity": Decimal(25),
        "price": Decimal(5455),
        "amount": Decimal(136375),
        "vat_rate": "НДС20",
        "vat_amount": Decimal("22729.17"),
    }
    assert first.refs == {"product": "2d4fe75f-48a4-11ec-ad72-000c29b45b09"}
    assert second.fields["amount"] + first.fields["amount"] == record.fields["amount"]


def test_shipment_of_services(bp30, captured):
    raw = captured("bp30-shipments.collection.json")["value"][1]
    record = bp30.entities["shipment"].build("Document_РеализацияТоваровУслуг", raw, ZONE)
    assert [
        (line.fields["section"], line.fields["description"], line.fields["amount"]) for line in record.lines["lines"]
    ] == [
        ("Услуги", "сборка каркаса мойки", Decimal(52110)),
        ("Услуги", "сборка каркаса мойки", Decimal(56444)),
    ]


def test_a_catalog_of_another_configuration_leaves_targets_empty(bp30, captured):
    record = bp30.entities["counterparty"].build(
        "Catalog_Контрагенты", captured("custom-counterparty.element.json"), ZONE
    )
    assert record.fields["name"] == "Чебоксарец"
    assert record.fields["comment"] == "коммент"
    assert record.fields["tax_id"] is None
    assert record.fields["kind"] is None


@pytest.mark.parametrize(
    "name", ["bp30-counterparty.item.json", "bp30-contracts.collection.json", "bp30-purchase.element.json"]
)
def test_order_of_keys_does_not_change_the_hash(name, bp30, captured):
    raw = captured(name)
    raw = raw["value"][0] if "value" in raw else raw
    entity, source = {
        "bp30-counterparty.item.json": ("counterparty", "Catalog_Контрагенты"),
        "bp30-contracts.collection.json": ("contract", "Catalog_ДоговорыКонтрагентов"),
        "bp30-purchase.element.json": ("shipment", "Document_РеализацияТоваровУслуг"),
    }[name]
    turned = dict(reversed(raw.items()))
    first, second = (bp30.entities[entity].build(source, data, ZONE) for data in (raw, turned))
    assert first == second
    assert first.hash == second.hash
