"""Two ways to one answer: SQL narrows, Python decides; and many clients at once."""

from __future__ import annotations

import threading
from random import Random

import pytest

from sandbox.onec.filter_eval import compile_filter
from sandbox.onec.filter_parser import parse_filter
from sandbox.onec.reading import Reader

SALES = "Document_РеализацияТоваровУслуг"
PARTIES = "Catalog_Контрагенты"


def random_filter(random: Random, base, depth: int = 3) -> str:
    if depth and random.random() < 0.7:
        left, right = (random_filter(random, base, depth - 1) for _ in range(2))
        return random.choice((f"({left} and {right})", f"({left} or {right})", f"not ({left})"))
    key = random.choice(base.keys(SALES))
    party = base.get(SALES, key)["Контрагент_Key"]
    day = f"datetime'20{random.randrange(24, 27)}-{random.randrange(1, 13):02d}-01T00:00:00'"
    return random.choice(
        (
            "Posted", f"Posted eq {random.choice(('true', 'false'))}", "DeletionMark ne true",
            f"Date {random.choice(('ge', 'lt', 'gt', 'le'))} {day}",
            f"Ref_Key {random.choice(('eq', 'ne'))} guid'{key}'",
            f"Контрагент_Key {random.choice(('eq', 'ne'))} guid'{party}'", "СуммаДокумента gt 50000",
            f"Number eq '{base.get(SALES, key)['Number'].lower()}'",
            "Склад_Key eq guid'00000000-0000-0000-0000-000000000000'",
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_python_agree(onec_shared, seed):
    base, random = onec_shared.server.base, Random(seed)
    reader, entity = Reader(base), base.entity(SALES)
    records = [base.record(row) for row in base.storage.select(SALES)]
    for _ in range(40):
        text = random_filter(random, base)
        test = compile_filter(parse_filter(text), reader.scope(entity))
        expected = {record["Ref_Key"] for record in records if test(record)}
        found, _count = reader.query(entity, {"$filter": text})
        assert {record["Ref_Key"] for record in found} == expected, text


def test_a_thousand_keys_in_one_filter(onec_shared):
    key = onec_shared.server.base.keys(SALES)[0]
    text = " or ".join(f"Ref_Key eq guid'{number:08x}-0000-4000-8000-000000000000'" for number in range(800))
    reader = Reader(onec_shared.server.base)
    found, _ = reader.query(onec_shared.server.base.entity(SALES), {"$filter": f"{text} or Ref_Key eq guid'{key}'"})
    assert [record["Ref_Key"] for record in found] == [key]


def test_one_key_from_many_clients_at_once(onec):
    key, statuses = "aaaaaaaa-0000-4000-8000-000000000abc", []

    def create():
        statuses.append(onec.post(f"/{PARTIES}", {"Ref_Key": key, "Description": "Раз"}).status)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 400, 400, 400, 400, 400]


def test_a_refused_write_leaves_nothing(onec):
    base = onec.server.base
    key = base.create(PARTIES, {"Description": "Раз"})
    before = base.get(PARTIES, key)
    base.refusals.append(lambda name, fields: "нельзя")
    assert onec.patch(f"/{PARTIES}(guid'{key}')", {"Description": "Два"}).status == 500
    assert base.get(PARTIES, key) == before
