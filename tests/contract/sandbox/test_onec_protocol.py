"""Publication, formats, authentication, errors (fact sheet §1, §4)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from sandbox.onec import Layout, OnecServer, build_company
from sandbox.onec.base import Base
from sandbox.onec.schema import Schema
from sandbox.onec.sessions import Sessions
from tests.contract.sandbox.onec_client import Client, basic

EDM = "{http://schemas.microsoft.com/ado/2009/11/edm}"
PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"


def test_atom_unless_json_is_asked_for(onec_shared):
    client = replace(onec_shared, json_format=False)
    plain = client.get(f"/{PARTIES}?$top=1")
    assert plain.header("content-type").startswith("application/atom+xml")
    assert ET.fromstring(plain.body).tag == "{http://www.w3.org/2005/Atom}feed"
    assert "odata.metadata" in client.get(f"/{PARTIES}?$top=1", Accept="application/json").json
    bare = client.get(f"/{PARTIES}?$top=1&$format=application/json;odata=nometadata")
    assert list(bare.json) == ["value"]
    assert "navigationLinkUrl" not in bare.text
    assert list(client.get(f"/{PARTIES}?$top=1", Accept="application/json;odata=nometadata").json) == ["value"]
    assert "navigationLinkUrl" in client.get(f"/{SALES}?$top=1&$format=json").text


def test_unknown_format_is_refused(onec_shared):
    assert onec_shared.get(f"/{PARTIES}?$format=csv").status == 406


def test_element_has_other_key_order_and_no_value(onec_shared):
    [first] = onec_shared.values(f"/{PARTIES}?$top=1&$filter=IsFolder eq false&$orderby=Ref_Key")
    element = onec_shared.get(f"/{PARTIES}(guid'{first['Ref_Key']}')").json
    assert element["odata.metadata"].endswith(f"#{PARTIES}/@Element")
    names = [name for name in element if "odata" not in name and "@" not in name]
    assert set(names) == {name for name in first if "@" not in name}
    assert names != [name for name in first if "@" not in name]


def test_metadata_is_edmx_only(onec_shared):
    answer = onec_shared.get("/$metadata")
    root = ET.fromstring(answer.body)
    types = {item.get("Name"): item for item in root.iter(f"{EDM}EntityType")}
    assert {item.get("Name") for item in root.iter(f"{EDM}EntitySet")} == set(types)
    payment = types["Document_ПоступлениеНаРасчетныйСчет"]
    assert payment.get("OpenType") == "true"
    assert {"Контрагент", "Контрагент_Type"} <= {item.get("Name") for item in payment.iter(f"{EDM}Property")}
    assert onec_shared.get("/$metadata?$format=json").status == 406


def test_functions_are_bound_by_parameter(onec_shared):
    root = ET.fromstring(onec_shared.get("/$metadata").body)
    found = {
        (item.get("Name"), next(iter(item)).get("Type"))
        for item in root.iter(f"{EDM}FunctionImport")
        if next(iter(item)).get("Name") == "bindingParameter"
    }
    assert ("Balance", "Collection(StandardODATA.AccountingRegister_Хозрасчетный)") in found
    assert ("Post", f"StandardODATA.{SALES}") in found
    assert all(item.get("EntitySet") is None for item in root.iter(f"{EDM}FunctionImport"))
    assert root.find(f".//{EDM}EnumType[@Name='ВидыДоговоровКонтрагентов']") is not None


def test_reference_to_unpublished_keeps_key_and_loses_navigation():
    with build_company(3, 20) as base, OnecServer(base, unpublished={"Catalog_Пользователи"}) as server:
        client = Client(server)
        assert client.get("/Catalog_Пользователи").code == "8"
        assert client.get("/Catalog_Пользователи").status == 404
        text = client.get("/$metadata").text
        assert 'Name="Ответственный_Key"' in text
        assert 'NavigationProperty Name="Ответственный"' not in text
        assert "Catalog_Пользователи" not in client.get("/").text
        assert "Ответственный@navigationLinkUrl" not in client.get(f"/{SALES}?$top=5").text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/CatalogПоставщики", 404, "8"),
        (f"/{PARTIES}(guid'11111111-1111-1111-1111-111111111111')", 404, "9"),
        (f"/{PARTIES}(guid'ZZP8')", 400, "1"),
        (f"/{PARTIES}?$select=Ref_Key,Owner2", 400, "6"),
        (f"/{PARTIES}?$orderby=Owner2", 400, "6"),
        (f"/{PARTIES}?$expan=X", 400, "0"),
        (f"/{PARTIES}?$skiptoken=X", 400, "0"),
        (f"/{PARTIES}?$top=-1", 400, "14"),
        (f"/{PARTIES}?$filter=Description eq 'x", 400, "14"),
        (f"/{PARTIES}/Balance()", 400, "6"),
        ("/Document_РеализацияТоваровУслуг_Товары(Ref_Key=guid'11111111-1111-1111-1111-111111111111')", 400, "7"),
    ],
)
def test_refusals(onec_shared, path, status, code):
    answer = onec_shared.get(path)
    assert (answer.status, answer.code) == (status, code)


def test_error_is_xml_without_json_and_echoes_the_name(onec_shared):
    answer = replace(onec_shared, json_format=False).get(f"/{PARTIES}?$select=Owner2")
    assert answer.text.startswith("<m:error")
    assert "<m:code>6</m:code>" in answer.text
    assert "Owner2" in answer.text


def test_wrong_publication_is_html(onec_shared):
    answer = onec_shared.send("GET", "/other/odata/standard.odata/")
    assert answer.status == 404
    assert answer.header("content-type").startswith("text/html")
    assert b"odata" not in answer.body


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_basic_token_is_utf8(onec_shared, encoding):
    answer = replace(onec_shared, auth=basic(encoding=encoding)).get("/")
    assert answer.status == 401
    assert answer.header("www-authenticate").startswith("Basic")
    assert answer.header("content-type").startswith("text/html")


def test_latin1_user_in_wrong_bytes_and_wrong_password():
    with build_company(3, 12) as base, OnecServer(base, user="Jürgen", password="pässword") as server:
        good = Client(server, basic("Jürgen", "pässword"))
        assert good.get("/").status == 200
        assert replace(good, auth=basic("Jürgen", "pässword", "latin-1")).get("/").status == 401
        assert replace(good, auth=basic("Jürgen", "x")).get("/").status == 401
        assert replace(good, auth="Bearer x").get("/").status == 401


def test_missing_right_is_401_code_20():
    with build_company(3, 12) as base, OnecServer(base, no_rights={SALES}) as server:
        answer = Client(server).get(f"/{SALES}")
        assert (answer.status, answer.code) == (401, "20")


def test_long_segment_on_iis():
    with build_company(3, 12) as base, OnecServer(base, iis=True) as server:
        long = "Account_Key eq guid'11111111-1111-1111-1111-111111111111' or " * 5 + "Account_Key eq null"
        answer = Client(server).get(f"/AccountingRegister_Хозрасчетный/Balance(Condition='{long}')")
        assert answer.status == 400
        assert b"Invalid URL" in answer.body
        assert answer.header("content-type").startswith("text/html")


def test_empty_publication_is_no_error():
    with (
        Base(Schema()) as base,
        OnecServer(base, unpublished=set(base.schema.sets) | {"AccountingRegister_Хозрасчетный"}) as server,
    ):
        assert Client(server).values("/") == []


def test_count_has_bom_and_may_be_missing(onec_shared):
    answer = onec_shared.get(f"/{PARTIES}/$count")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert int(answer.text) == len(onec_shared.values(f"/{PARTIES}"))
    with build_company(3, 12) as base, OnecServer(base, serves_count=False) as server:
        assert Client(server).get(f"/{PARTIES}/$count").status == 404


def test_walks_from_one_object(onec_shared):
    [card] = onec_shared.values(f"/{PARTIES}?$top=1&$filter=IsFolder eq false and ИНН ne ''&$orderby=Ref_Key")
    path = f"/{PARTIES}(guid'{card['Ref_Key']}')"
    assert onec_shared.get(f"{path}/ИНН").json["value"] == card["ИНН"]
    assert onec_shared.get(f"{path}/Parent").json["Ref_Key"] == card["Parent_Key"]
    assert onec_shared.get(f"{path}/Parent/Description").json["value"]
    assert onec_shared.get(f"{path}/Нет").code == "6"


def test_layouts_differ_in_their_fields():
    layout = Layout(single_party=True, composite_owner=True, padded_codes=True, int16_terms=True)
    with build_company(3, 60, layout=layout) as base, OnecServer(base) as server:
        client = Client(server)
        [payment] = client.values(
            "/Document_ПоступлениеНаРасчетныйСчет?$top=1&$filter=ВидОперации eq 'ОплатаПокупателя'"
        )
        assert payment["Контрагент_Key"]
        assert "Контрагент" not in payment
        [contract] = client.values("/Catalog_ДоговорыКонтрагентов?$top=1")
        assert contract["Owner_Type"] == "StandardODATA.Catalog_Контрагенты"
        assert isinstance(contract["СрокОплаты"], int)
        [organisation] = client.values("/Catalog_Организации?$top=1")
        assert organisation["Code"].endswith("     ")
        assert base.truth_balances()


def test_sessions_are_the_clients_business():
    with build_company(3, 12) as base, OnecServer(base, sessions=Sessions("use", pool=1)) as server:
        client = Client(server)
        started = client.get("/", IBSession="start")
        cookie = started.header("set-cookie").partition(";")[0]
        assert cookie.startswith("ibsession=")
        refused = client.get("/", IBSession="start")
        assert refused.status == 406
        assert "Истекло время ожидания сеанса" in refused.text
        assert client.get("/", Cookie=cookie).status == 200
        server.sessions.drop_all()
        assert client.get("/", Cookie=cookie).status == 400
        cookie = client.get("/", IBSession="start").header("set-cookie").partition(";")[0]
        assert client.get("/", Cookie=cookie, IBSession="finish").status == 200
        assert client.get("/", IBSession="start").status == 200


def test_dontuse_ignores_the_header(onec_shared):
    assert onec_shared.get("/", IBSession="start").header("set-cookie") == ""
