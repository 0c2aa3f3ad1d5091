"""What the grid is made of: which word rules a field, what a form makes of rules, what steps make of a value."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mapping.cleaners.common import CLEANERS
from mapping.editing.forms import change_form, form_of, read_form, rules_of
from mapping.editing.layers import list_card_rows, list_rows, list_sets, place_for
from mapping.editing.steps import STEP_ARGS, step_of, typed_of
from mapping.editing.tracing import Tracer, rules_at
from mapping.files.text import load_chain
from mapping.grammar.manners import as_rules
from mapping.rules import load_mapping, preset_names, read_rules

SET = "Catalog_Контрагенты"
OWN = """extends = "bp30"
[entities.counterparty.fields]
segment = { from = "Комментарий", steps = ["trim", { do = "cut", length = 3 }] }
comment = false
[entities.payment.sources."Document_РасходныйКассовыйОрдер".fields]
purpose = "Основание"
"""


def rows_of(text: str, entity: str, source: str) -> dict[str, Any]:
    return {row.target.key: row for row in list_rows(load_chain(text, "own", None), entity, source)}


def test_the_nearest_word_rules_and_is_known_as_ones_own() -> None:
    rows = rows_of(OWN, "counterparty", SET)
    assert rows["fields.segment"].own and rows["fields.segment"].beneath is None
    assert rows["fields.comment"].taken and rows["fields.comment"].beneath[0] == {"from": "Комментарий"}
    assert not rows["fields.tax_id"].own and rows["fields.tax_id"].level == "entity"
    assert rows["fields.phones"].level == "part"
    assert rows["fields.industry"].rules is None
    ruled = rows_of(OWN, "payment", "Document_РасходныйКассовыйОрдер")["fields.purpose"]
    assert ruled.own and ruled.level == "set" and ruled.rules == [{"from": "Основание"}]
    assert not rows_of(OWN, "payment", "Document_ПриходныйКассовыйОрдер")["fields.purpose"].own


def test_sets_left_out_are_seen() -> None:
    text = 'extends = "bp30"\n[entities.payment.sources]\n"Document_ОплатаПлатежнойКартой" = false\n'
    sets = list_sets(load_chain(text, "own", None).tree, "payment")
    assert sets["Document_ОплатаПлатежнойКартой"] is False and sets["Document_ПриходныйКассовыйОрдер"] is True


def test_where_an_own_word_is_written() -> None:
    rows = rows_of(OWN, "order", "Document_СчетНаОплатуПокупателю")
    line = rows["lines.lines.price"].target
    assert place_for("order", line) == ("entities", "order", "lines", "lines", "fields", "price")
    assert place_for("order", line, "X")[2:4] == ("sources", "X")


def test_fields_of_cards() -> None:
    text = 'extends = "bitrix24"\n[cards.company.fields]\nTITLE = "name"\n'
    rows = {row.target.key: row for row in list_card_rows(load_chain(text, "own", None), "company")}
    assert rows["fields.TITLE"].own and rows["fields.TITLE"].rules == [{"from": "name"}]
    assert any(row.target.group == "own" and row.target.kind and not row.own for row in rows.values())


def plain(rules: Any) -> list[dict[str, Any]]:
    """Rules without what says nothing, steps in their short form."""
    found = []
    said: Any = as_rules(rules)
    for rule in said:
        one = {name: value for name, value in rule.items() if (name, value) not in (("owner", "accounting"),)}
        if "steps" in one:
            one["steps"] = [s if isinstance(s, str) or len(s) > 1 else s["do"] for s in one["steps"]]
        if isinstance(one.get("from"), list) and len(one["from"]) == 1:
            one["from"] = one["from"][0]
        found.append(one)
    return found


@pytest.mark.parametrize("name", preset_names())
def test_a_form_that_nobody_changes_changes_nothing(name: str) -> None:
    """Every rule of every preset, through the form as it is sent and back."""
    chain, seen = load_chain(load_mapping(name).text, name, None), 0
    for entity, mapped in load_mapping(name).entities.items():
        for source in mapped.programs:
            for row in list_rows(chain, entity, source):
                if row.rules:
                    seen += 1
                    sent = as_sent(row.rules)
                    assert plain(rules_of(read_form(sent, row.rules), row.target.kind)) == plain(row.rules), row
    assert seen or name == "bitrix24"


def as_sent(rules: list[dict[str, Any]]) -> dict[str, str]:
    """The fields that a browser would send of the form."""
    forms = form_of(rules)
    sent = {"rules": str(len(forms))}
    for number, form in enumerate(forms):
        at = f"r{number}."
        sent |= {f"{at}origin": form.origin, f"{at}text": form.text.replace("\n", "\r\n"), f"{at}was": str(number)}
        sent |= {f"{at}steps": str(len(form.steps))} | {f"{at}{name}": text for name, text in form.more.items()}
        for place, (do, args) in enumerate(form.steps):
            sent |= {f"{at}s{place}.do": do} | {f"{at}s{place}.{name}": text for name, text in args.items()}
    return sent


def test_every_cleaner_can_be_typed() -> None:
    assert set(STEP_ARGS) == set(CLEANERS)
    typed = {
        "cut": {"length": "5"}, "replace": {"old": "a", "new": ""}, "of_length": {"lengths": "10, 12", "value": "x"},
        "person_name": {"part": "last"}, "default": {"value": "x"}, "prefix": {"text": "x"},
        "money": {"factor": "100", "absolute": "true"}, "pairs": {"key": "К", "value": "А, Б"},
    }  # fmt: skip
    for do, model in CLEANERS.items():
        step = step_of(do, typed.get(do, {}))
        model.model_validate({"do": step} if isinstance(step, str) else step)
        assert step_of(*typed_of(step)) == step
    assert step_of("cut", {"length": "many"}) == {"do": "cut", "length": "many"}, "the check says what is wrong"


@pytest.mark.parametrize(
    ("deed", "wanted"),
    [
        ("up:0:1", ["upper", "trim", "digits"]), ("down:0:1", ["trim", "digits", "upper"]),
        ("off:0:0", ["upper", "digits"]), ("up:0:0", ["trim", "upper", "digits"]), ("off:0:9", None), ("off:7:0", None),
        ("step:0", ["trim", "upper", "digits", "cut"]), ("drop:0", None), ("nonsense", None),
    ],
)  # fmt: skip
def test_buttons_of_the_form(deed: str, wanted: list[str] | None) -> None:
    forms = form_of([{"from": "A", "steps": ["trim", "upper", "digits"]}])
    assert change_form(forms, deed, {"r0.add": "cut"}) is (wanted is not None)
    assert [do for do, _ in forms[0].steps] == (wanted or ["trim", "upper", "digits"])


def test_a_name_is_taken_once_and_behind_the_others() -> None:
    forms = form_of([{"from": ["A", "B"]}])
    change_form(forms, "take:0:A", {})
    assert forms[0].text == "B\nA"
    assert change_form(forms, "add", {}) and len(forms) == 2


def test_what_steps_make_of_a_record() -> None:
    chain = load_chain(OWN, "own", None)
    row = rows_of(OWN, "counterparty", SET)["fields.segment"]
    rules = read_rules(chain)
    tracer = Tracer(rules, SET, ZoneInfo("Europe/Moscow"))
    found = tracer.trace(row.target, rules_at(rules, row.loc), "k", {"Комментарий": "  опт; Москва "})
    assert [stage.value for stage in found.stages[0]] == ["опт; Москва", "опт; Москва", "опт"]
    assert found.value == "опт" and found.filled
    empty = tracer.trace(row.target, rules_at(rules, row.loc), "k", {})
    assert not empty.filled and empty.value is None


def test_conditions_doubts_and_references_are_told() -> None:
    chain = load_chain(load_mapping("bp30").text, "bp30", None)
    rows = {row.target.key: row for row in list_rows(chain, "counterparty", SET)}
    rules = read_rules(chain)
    tracer = Tracer(rules, SET, ZoneInfo("Europe/Moscow"))
    kind, tax, group, name = (rows[f"fields.{one}"] for one in ("kind", "tax_id", "group", "name"))
    found = tracer.trace(kind.target, rules_at(rules, kind.loc), "k", {"ЮридическоеФизическоеЛицо": "ФизическоеЛицо"})
    assert found.stages[0][0].what == "when" and found.value == "person"
    found = tracer.trace(tax.target, rules_at(rules, tax.loc), "k", {"ИНН": "7707083891"})
    assert found.value == "7707083891" and found.doubt and found.stages[0][1].doubt
    found = tracer.trace(group.target, rules_at(rules, group.loc), "k", {"Parent_Key": "AB"})
    assert found.value == "ab"
    found = tracer.trace(name.target, rules_at(rules, name.loc), "k", {})
    assert found.value is None and "no name" in found.doubt
    assert tracer.sections("order", "lines") == ["Товары", "Услуги"]
