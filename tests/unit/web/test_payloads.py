"""Records laid out to be read: structure kept, contents covered, secrets and what is too long cut."""

from __future__ import annotations

import msgspec

from core.secrets import remember
from web.show.payloads import COVERED, LARGEST_LAID_OUT, LONGEST_SHOWN, cover, lay_out

KEY = "2154e354-25f9-4729-a961-70623f10c021"


def test_what_is_covered_and_what_is_not() -> None:
    record = {
        "Ref_Key": KEY, "Date": "2026-01-15T09:00:00", "ИНН": "7707083893", "Сумма": 1500.5, "Posted": True, "Note": "",
        "Товары": [{"Номенклатура_Key": KEY, "Цена": 12}], "ДатаРождения": "1980-02-03T00:00:00", "Group": None,
    }  # fmt: skip
    assert cover(record) == {
        "Ref_Key": KEY, "Date": "2026-01-15T09:00:00", "ИНН": COVERED, "Сумма": COVERED, "Posted": True, "Note": "",
        "Товары": [{"Номенклатура_Key": KEY, "Цена": COVERED}], "ДатаРождения": COVERED, "Group": None,
    }  # fmt: skip


def test_no_text_slips_through_by_looking_like_a_key() -> None:
    for text in (f"{KEY} Иванов", f"Иванов {KEY}", "2026-01-15 Иванов", "2026-01-15\nИванов", "7707083893"):
        assert cover(text) == COVERED


def test_what_is_no_json_is_covered_whole() -> None:
    assert lay_out(b"<html>\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd", covered=True) == ""
    assert lay_out(b"<html>", covered=False) == "<html>"


def test_too_long_ones_are_cut() -> None:
    raw = msgspec.json.encode({"text": "x" * (LARGEST_LAID_OUT + 1)})
    assert lay_out(raw, covered=True) == ""
    assert len(lay_out(raw, covered=False)) == LONGEST_SHOWN


def test_secrets_are_cut_out() -> None:
    remember("Kanarienvogel-4714")
    assert "Kanarienvogel" not in lay_out(b'{"password": "Kanarienvogel-4714"}', covered=False)
