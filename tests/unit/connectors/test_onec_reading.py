"""From bytes to rows, names and addresses: the pure parts of the OData connector."""

import json
from decimal import Decimal
from io import BytesIO

import pytest

from connectors.http import Answer
from connectors.onec_odata import url
from connectors.onec_odata.atom import deleted_entry, object_address
from connectors.onec_odata.config import OnecODataOptions, service_url
from connectors.onec_odata.decoder import Unreadable, decode_collection, decode_object, decode_row, encode
from connectors.onec_odata.metadata import Metadata, read_metadata
from connectors.onec_odata.xml import UnreadableXml
from core.secrets import read_secret
from tests.unit.connectors.support import captured


def no_types(_: str) -> dict[str, str]:
    return {}


def answer(body: bytes | str, kind: str = "application/json;charset=utf-8") -> Answer:
    return Answer(200, {"content-type": kind}, body if isinstance(body, bytes) else body.encode())


# ---------------------------------------------------------------- addresses


def test_addresses_are_percent_encoded_with_no_plus() -> None:
    assert url.path("Catalog_Контрагенты(guid'1')") == (
        "Catalog_%D0%9A%D0%BE%D0%BD%D1%82%D1%80%D0%B0%D0%B3%D0%B5%D0%BD%D1%82%D1%8B(guid'1')"
    )
    asked = url.query({"$filter": "A eq 'x+y&z'"})
    assert asked == "$filter=A%20eq%20'x%2By%26z'"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (url.text("О'Хара"), "'О''Хара'"),
        (url.guid("1FA1A135-D89B-11E6-8343-40167E2531C3"), "guid'1fa1a135-d89b-11e6-8343-40167e2531c3'"),
        (
            url.cast("1fa1a135-d89b-11e6-8343-40167e2531c3", "Catalog_Контрагенты"),
            "cast(guid'1fa1a135-d89b-11e6-8343-40167e2531c3','Catalog_Контрагенты')",
        ),
        (url.number(Decimal("1E+20")), "100000000000000000000"),
        (url.call("R/Balance", {"Period": "x", "Condition": "y"}), "R/Balance(Period=x,Condition=y)"),
        (url.all_of(["a or b", "", "c"]), "(a or b) and (c)"),
        (url.all_of([""]), ""),
    ],
)
def test_literals(made: str, expected: str) -> None:
    assert made == expected


def test_nothing_foreign_gets_into_a_key() -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        url.guid("x') or true or ('")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://1c.example/base", "http://1c.example/base/odata/standard.odata"),
        ("https://h:8443/a/b/odata/standard.odata/", "https://h:8443/a/b/odata/standard.odata"),
        ("https://h/a/acc/123/odata/standard.odata", "https://h/a/acc/123/odata/standard.odata"),
    ],
)
def test_the_address_as_people_write_it(given: str, expected: str) -> None:
    assert service_url(given) == expected


@pytest.mark.parametrize("wrong", ["1c.example/base", "ftp://h/b", "https://u:p@h/b", "https://h/b?x=1", ""])
def test_a_wrong_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"address|user|part"):
        OnecODataOptions(url=wrong)


def test_options_refuse_the_unknown_and_hide_the_password() -> None:
    with pytest.raises(ValueError, match="pasword"):
        OnecODataOptions(url="http://h/b", pasword="x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="allow_http"):
        OnecODataOptions(url="http://h/b", allow_http=False)
    with pytest.raises(ValueError, match="GUID"):
        OnecODataOptions(url="http://h/b", node="5")
    secret = read_secret("s3cret")
    options = OnecODataOptions(url="http://h/b", user="Обмен", password=secret, exchange_plan="ExchangePlan_Обмен")
    assert "s3cret" not in repr(options)
    assert options.exchange_plan == "Обмен"
    assert options.credentials() == ("Обмен".encode(), b"s3cret")


# ---------------------------------------------------------------- JSON


def test_a_captured_collection_keeps_its_bytes_and_digits() -> None:
    body = captured("bp30-shipments.collection.json")
    rows = decode_collection(answer(body), no_types)
    assert [row.data["Number"] for row in rows] == ["0000-000001", json.loads(body)["value"][1]["Number"]]
    for row in rows:
        assert row.raw in body
        assert decode_row(row.raw) == row.data
        assert not any(isinstance(value, float) for value in flat(row.data))


def flat(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in flat(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


@pytest.mark.parametrize(
    "name",
    [
        "bp30-contracts.collection.json",
        "bp30-products.collection.json",
        "custom-goods_receipts.collection.json",
        "custom-products.collection.json",
        "custom-units.collection.json",
    ],
)
def test_captured_collections_equal_what_plain_json_says(name: str) -> None:
    body = captured(name)
    rows = decode_collection(answer(b"\xef\xbb\xbf" + body), no_types)
    assert [row.data for row in rows] == json.loads(body, parse_float=Decimal)["value"]


def test_money_keeps_every_digit() -> None:
    row = decode_collection(answer('{"value":[{"a":99999999999999.99,"b":1E+20,"c":0.10,"d":7}]}'), no_types)[0]
    assert row.data == {"a": Decimal("99999999999999.99"), "b": Decimal("1E+20"), "c": Decimal("0.10"), "d": 7}
    assert type(row.data["d"]) is int


def test_encoding_keeps_decimals_as_numbers() -> None:
    assert encode({"a": Decimal("0.10"), "b": "Ю"}) == '{"a":0.10,"b":"Ю"}'.encode()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/json"),
        (b"<!DOCTYPE html><html></html>", "text/html"),
        (b"<html><body>login</body></html>", "application/json"),
        (b'{"value":[]}', "text/html"),
        (b'{"value":[{"a":1},{"a":', "application/json"),
        (b'{"value":[{"a":1}', "application/json"),
        (b'{"value":[{"a":1}]', "application/json"),
        (b'{"value":[{"a":1}]}{', "application/json"),
        (b'{"value":[1]}', "application/json"),
        (b'{"value":[{"a":NaN}]}', "application/json"),
        (b'{"value":null}', "application/json"),
        (b'{"Ref_Key":"1"}', "application/json"),
        (b'[{"a":1}]', "application/json"),
        (b"ok", "text/plain"),
        (b"<feed xmlns='http://www.w3.org/2005/Atom'><entry>", "application/atom+xml"),
        (b"<other/>", "application/xml"),
        (b'<!DOCTYPE f [<!ENTITY x "y">]><feed xmlns="http://www.w3.org/2005/Atom"/>', "application/xml"),
    ],
)
def test_a_200_is_not_believed_for_being_one(body: bytes, kind: str) -> None:
    with pytest.raises(Unreadable):
        decode_collection(answer(body, kind), no_types)


def test_an_empty_collection_is_one() -> None:
    assert decode_collection(answer('{"odata.metadata":"x","value":[]}'), no_types) == []


def test_one_bad_value_does_not_cost_the_page() -> None:
    good = '{"Ref_Key":"1","Сумма":0.10}'
    control = '{"Ref_Key":"2","Имя":"a\x02b"}'
    lone = '{"Ref_Key":"3","Имя":"x\\ud800y"}'
    rows = decode_collection(answer('{"value": [' + ",\n ".join([good, control, lone]) + "]}"), no_types)
    assert [row.data["Ref_Key"] for row in rows] == ["1", "2", "3"]
    assert rows[0].raw == good.encode()
    assert rows[0].data["Сумма"] == Decimal("0.10")
    assert rows[1].data["Имя"] == "a\ufffdb"
    assert rows[2].data["Имя"] == "x\ufffdy"
    for row in rows:
        assert decode_row(row.raw) == row.data  # what is kept can be read again


def test_wrong_bytes_do_not_cost_the_page() -> None:
    rows = decode_collection(answer(b'{"value":[{"Ref_Key":"1","a":"\xcf\xf0"}]}'), no_types)
    assert rows[0].data["Ref_Key"] == "1"


def test_one_object_must_carry_its_key() -> None:
    body = captured("bp30-purchase.element.json")
    row = decode_object(answer(body), "Ref_Key", no_types)
    assert row.data["Ref_Key"]
    assert row.raw == body.strip()
    with pytest.raises(Unreadable):
        decode_object(answer('{"value":[]}'), "Ref_Key", no_types)
    with pytest.raises(Unreadable):
        decode_object(answer('{"Ref_Key":"1"'), "Ref_Key", no_types)


# ---------------------------------------------------------------- Atom

TYPES = {
    "Catalog_Контрагенты": {
        "Predefined": "Edm.Boolean",
        "Булево": "Edm.Boolean",
        "DeletionMark": "Edm.Boolean",
        "LineNumber": "Edm.Int64",
    }
}


def test_the_same_object_in_atom_and_json() -> None:
    """The captured pair: what Atom says is what JSON says."""
    atom = decode_object(
        answer(captured("custom-counterparty.element.atom.xml"), "application/atom+xml;charset=utf-8"),
        "Ref_Key",
        lambda name: TYPES.get(name, {}),
    )
    plain = decode_object(answer(captured("custom-counterparty.element.json")), "Ref_Key", no_types)
    expected = {name: value for name, value in plain.data.items() if "@" not in name and not name.startswith("odata")}
    assert atom.data == expected
    assert decode_row(atom.raw) == atom.data


FEED = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices"
 xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><!-- x --><entry>
 <category term="StandardODATA.Document_X"/><content type="application/xml"><m:properties>
 <d:Ref_Key>1</d:Ref_Key><d:Сумма>150129.10</d:Сумма><d:Количество m:null="true"/><d:Строка/><d:Номер>007</d:Номер>
 <d:Posted>true</d:Posted><d:Товары m:type="Collection(StandardODATA.Document_X_Товары_RowType)">
 <d:element m:type="StandardODATA.Document_X_Товары_RowType"><d:LineNumber>1</d:LineNumber><d:Цена>2</d:Цена>
 </d:element></d:Товары></m:properties></content></entry></feed>"""


def test_atom_values_get_the_types_of_json() -> None:
    types = {
        "Document_X": {
            "Сумма": "Edm.Double",
            "Количество": "Edm.Double",
            "Строка": "Edm.String",
            "Posted": "Edm.Boolean",
        },
        "Document_X_Товары_RowType": {"LineNumber": "Edm.Int64", "Цена": "Edm.Double"},
    }
    row = decode_collection(answer(FEED, "application/atom+xml"), lambda name: types.get(name, {}))[0]
    assert row.data == {
        "Ref_Key": "1",
        "Сумма": Decimal("150129.10"),
        "Количество": None,
        "Строка": "",
        "Номер": "007",
        "Posted": True,
        "Товары": [{"LineNumber": "1", "Цена": 2}],
    }


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://h/b/odata/standard.odata/Catalog_X(guid'1FA1-2')", ("Catalog_X", "1fa1-2")),
        ("Catalog_%D0%9A(guid'a')", ("Catalog_К", "a")),
        ("http://h/AccumulationRegister_X(Recorder='1')", None),
        (
            "InformationRegister_X(Тип='Телефон',Объект='F7A2B0C4-0000-4000-8000-000000000001',Вид='')",
            ("InformationRegister_X", "f7a2b0c4-0000-4000-8000-000000000001"),
        ),
        ("", None),
    ],
)
def test_what_a_tombstone_names(address: str, expected: tuple[str, str] | None) -> None:
    assert object_address(address) == expected
    assert deleted_entry({"ref": address}) == expected  # type: ignore[arg-type]


# ---------------------------------------------------------------- $metadata


def metadata() -> Metadata:
    return read_metadata(BytesIO(captured("custom-metadata.edmx.xml")))


def test_captured_metadata() -> None:
    found = metadata()
    act = found.shape("Document_АктВыполненныхРабот")
    assert act is not None
    assert sorted(found.sets) == [
        "Catalog_Контрагенты",
        "Document_АктВыполненныхРабот",
        "Document_АктВыполненныхРабот_Работы",
    ]
    assert act.key == ("Ref_Key",)
    assert act.properties["Контрагент_Key"] == "Edm.Guid"
    assert act.navigation == {"Контрагент": "Catalog_Контрагенты"}
    assert found.enums["ТипКонтрагента"] == ["ФизЛицо", "ЮрЛицо"]
    post = found.function("Document_АктВыполненныхРабот", "Post")
    assert post is not None
    assert post.parameters == {"PostingModeOperational": "Edm.Boolean"}
    assert found.function("Catalog_Контрагенты", "Post") is None
    rows = found.shape("Document_АктВыполненныхРабот_Работы_RowType")
    assert rows is not None
    assert rows.properties["Сумма"] == "Edm.Double"


HEAD = (
    '<edmx:Edmx xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" Version="1.0"><edmx:DataServices>'
    '<Schema xmlns="http://schemas.microsoft.com/ado/2009/11/edm" Namespace="StandardODATA">'
)
TAIL = "</Schema></edmx:DataServices></edmx:Edmx>"


class Big:
    """A document of so many megabytes that is never in memory as a whole."""

    def __init__(self, types: int, properties: int) -> None:
        self.pieces = self._make(types, properties)
        self.rest = b""
        self.size = 0

    def _make(self, types: int, properties: int):
        yield HEAD.encode()
        for number in range(types):
            fields = "".join(f'<Property Name="Поле{i}" Type="Edm.String" Nullable="true"/>' for i in range(properties))
            yield (
                f'<EntityType Name="Catalog_N{number}"><Key><PropertyRef Name="Ref_Key"/></Key>{fields}</EntityType>'
            ).encode()
        yield b'<EntityContainer Name="E"><EntitySet Name="Catalog_N0" EntityType="StandardODATA.Catalog_N0"/>'
        yield f"</EntityContainer>{TAIL}".encode()

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size:
            piece = next(self.pieces, b"")
            if not piece:
                break
            self.rest += piece
        taken, self.rest = self.rest[:size], self.rest[size:]
        self.size += len(taken)
        return taken


def test_a_large_document_is_read_as_a_stream() -> None:
    source = Big(types=4300, properties=60)
    found = read_metadata(source)  # type: ignore[arg-type]
    assert source.size > 15_000_000
    assert len(found.shapes) == 4300
    assert found.sets == {"Catalog_N0": "Catalog_N0"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>login</body></html>",
        HEAD.encode(),
        (HEAD + TAIL)[:-10].encode(),
        f'<!DOCTYPE x [<!ENTITY a "b">]>{HEAD}{TAIL}'.encode(),
        b'<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><e>&b;</e>',
        b'{"value":[]}',
    ],
)
def test_what_is_no_metadata_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableXml):
        read_metadata(BytesIO(body))


def test_names_are_not_split_at_underscores_and_members_may_repeat() -> None:
    body = (
        f'{HEAD}<EnumType Name="E"><Member Name="A"/></EnumType><EnumType Name="E"><Member Name="A"/></EnumType>'
        '<EntityType Name="Catalog_зл_Моя_1"><Property Name="X" Type="Edm.String"/>'
        '<Property Name="X_Type" Type="Edm.String"/></EntityType>'
        '<EntityContainer Name="C"><EntitySet Name="Catalog_зл_Моя_1" EntityType="StandardODATA.Catalog_зл_Моя_1"/>'
        f"</EntityContainer>{TAIL}"
    )
    found = read_metadata(BytesIO(body.encode()))
    assert found.is_composite("Catalog_зл_Моя_1", "X")
    assert not found.is_composite("Catalog_зл_Моя_1", "Y")
    assert not found.is_composite("Catalog_Нет", "X")


@pytest.mark.parametrize("bound", ["R", "Collection(StandardODATA.R)", "StandardODATA.R_RecordType"])
def test_a_virtual_table_is_found_by_what_it_is_bound_to(bound: str) -> None:
    body = (
        f'{HEAD}<EntityContainer Name="C"><EntitySet Name="R" EntityType="StandardODATA.R"/>'
        f'<FunctionImport Name="Balance"><Parameter Name="bindingParameter" Type="{bound}"/>'
        '<Parameter Name="Period" Type="Edm.DateTime"/></FunctionImport>'
        f"</EntityContainer>{TAIL}"
    )
    found = read_metadata(BytesIO(body.encode()))
    balance = found.function("R", "Balance")
    assert balance is not None
    assert balance.parameters == {"Period": "Edm.DateTime"}
    assert found.function("R", "Turnovers") is None
