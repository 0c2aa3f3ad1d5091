"""Scripted faults, the hook between pages and the admin side."""

from __future__ import annotations

import http.client
import json
import time

import pytest

from sandbox.onec.faults import ERRORS

PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"


def test_dropped_before_and_after_the_commit(onec):
    base = onec.server.base
    before = len(base.keys(PARTIES))
    onec.server.faults.add("drop_before", method="POST", times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        onec.post(f"/{PARTIES}", {"Description": "Раз"})
    assert len(base.keys(PARTIES)) == before
    onec.server.faults.add("drop_after", method="POST", times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        onec.post(f"/{PARTIES}", {"Description": "Раз"})
    assert len(base.keys(PARTIES)) == before + 1
    assert onec.server.requests[-1].status == 201


def test_cut_body_keeps_its_length(onec):
    onec.server.faults.add("cut", bytes=50, times=1)
    with pytest.raises(http.client.IncompleteRead):
        onec.get(f"/{PARTIES}")
    assert onec.get(f"/{PARTIES}").status == 200


def test_slow_and_never(onec):
    onec.server.faults.add("slow", seconds=0.2, times=1)
    started = time.monotonic()
    assert onec.get("/").status == 200
    assert time.monotonic() - started >= 0.2
    onec.server.faults.add("hang", times=1)
    connection = http.client.HTTPConnection("127.0.0.1", onec.server.port, timeout=0.3)
    connection.request("GET", "/base/odata/standard.odata/")
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()
    assert onec.get("/").status == 200


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_known_errors(onec_shared, name):
    onec_shared.server.faults.add("error", error=name, times=1)
    answer = onec_shared.get(f"/{PARTIES}?$top=1")
    assert answer.status == ERRORS[name][0]
    assert answer.body


def test_maintenance_has_its_text_in_depth(onec_shared):
    onec_shared.server.faults.add("error", error="maintenance", times=1)
    answer = onec_shared.get("/")
    assert answer.body.startswith(b"\xef\xbb\xbf")
    assert "Начало сеанса с информационной базой запрещено" in answer.json["exception"]["inner"]["descr"]
    onec_shared.server.faults.add("error", error="too_many", times=1, headers={"Retry-After": "7"})
    assert onec_shared.get("/").header("retry-after") == "7"


def test_spoilt_answers(onec_shared):
    client, faults = onec_shared, onec_shared.server.faults

    def once(action, path=f"/{SALES}?$top=2", **how):
        faults.add(action, times=1, **how)
        return client.get(path)

    assert once("empty").json == {"value": []}
    assert once("login_page").header("content-type").startswith("text/html")
    with pytest.raises(ValueError):
        _ = once("half_json").json
    assert not once("xml_cut", f"/{SALES}?$top=1&$format=atom").body.endswith(b"</feed>")
    assert once("gzip_lie").header("content-encoding") == "gzip"
    assert once("content_type", value="text/plain").header("content-type") == "text/plain"
    assert all("СуммаДокумента" not in item for item in once("field_gone", field="СуммаДокумента").json["value"])
    assert all(
        item["СуммаДокумента"] == "много"
        for item in once("field_retyped", field="СуммаДокумента", value='"много"').json["value"]
    )


def test_nth_times_probability_and_place(onec):
    onec.server.faults.add("error", error="locked", path=PARTIES, nth=2, times=2)
    statuses = [
        onec.get(path).status for path in (f"/{PARTIES}", f"/{SALES}", f"/{PARTIES}", f"/{PARTIES}", f"/{PARTIES}")
    ]
    assert statuses == [200, 200, 500, 500, 200]
    onec.server.faults.clear()
    onec.server.faults.add("error", error="unavailable", probability=0.5, seed=3)
    found = [onec.get("/").status for _ in range(20)]
    assert 3 < found.count(503) < 17
    with pytest.raises(ValueError, match="unknown action"):
        onec.server.faults.add("explode")


def test_fields_of_the_base_can_go(onec):
    schema = onec.server.base.schema
    schema.hide_field(SALES, "СуммаДокумента")
    assert "СуммаДокумента" not in onec.values(f"/{SALES}?$top=1")[0]
    assert onec.get(f"/{SALES}?$select=СуммаДокумента").code == "6"
    schema.retype_field(SALES, "Контрагент_Key", "s50")
    assert f'Name="{SALES}"' in onec.get("/$metadata").text


def test_pages_shift_while_they_are_read(onec):
    seen = []

    def change(base, number):
        seen.append(number)
        base.delete(SALES, base.keys(SALES)[0])

    onec.server.before_page = change
    total = len(onec.server.base.keys(SALES))
    paged: list[str] = []
    while page := onec.values(f"/{SALES}?$select=Ref_Key&$orderby=Ref_Key&$top=5&$skip={len(paged)}"):
        paged += [item["Ref_Key"] for item in page]
    assert seen == list(range(1, len(seen) + 1))
    assert len(paged) < total - len(seen) // 2


def admin(client, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", client.server.port, timeout=20)
    connection.request(method, f"/sandbox{path}", json.dumps(body).encode() if body is not None else None)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


def test_admin_side(onec):
    base = onec.server.base
    status, made = admin(onec, "POST", "/edit", {"op": "create", "set": PARTIES, "fields": {"Description": "Раз"}})
    assert status == 200
    assert base.exists(PARTIES, made["key"])
    assert admin(onec, "POST", "/edit", {"op": "mark", "set": PARTIES, "key": made["key"]})[0] == 200
    assert base.get(PARTIES, made["key"])["DeletionMark"] is True
    assert admin(onec, "POST", "/edit", {"op": "fly", "set": PARTIES})[0] == 400
    assert len(admin(onec, "POST", "/random_edits", {"n": 5, "seed": 3})[1]) == 5
    balances = admin(onec, "GET", "/truth/balances")[1]
    assert [row["amount"] for row in balances] == [str(row["amount"]) for row in base.truth_balances()]
    assert admin(onec, "POST", "/faults", {"action": "error", "error": "locked", "times": 1})[0] == 200
    assert onec.get("/").status == 500
    log = admin(onec, "GET", "/requests")[1]
    assert log[-1]["status"] == 500
    assert set(log[-1]) == {"method", "path", "query", "status", "bytes"}
    assert [node["ThisNode"] for node in admin(onec, "GET", "/nodes")[1]].count(False) == 1
