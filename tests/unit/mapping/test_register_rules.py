"""Rules about accumulation registers, joined objects, the order of writes and signs of a configuration."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from mapping.model import Signature, TermsSpec
from mapping.rules import load_mapping, parse_mapping

UT11 = 'extends = "ut11"\n'
OWN = """
[entities.currency.sources."Catalog_Валюты"]
[entities.currency.fields]
code = "Description"
[balance]
register = "AccumulationRegister_Свой"
"""


def test_a_register_of_one_s_own_needs_neither_chart_nor_accounts() -> None:
    spec = parse_mapping(
        OWN + 'split = ["Документ"]\ncontract_only = { "ВидДоговора" = "СПокупателем" }', "own.toml"
    ).balance
    assert spec is not None
    assert (spec.chart, spec.accounts, spec.key, spec.split) == ("", (), "", ("Документ",))
    assert (spec.contract_only, spec.terms) == ((("ВидДоговора", "СПокупателем"),), None)


def test_accounts_of_the_extended_preset_do_not_reach_a_register() -> None:
    spec = load_mapping("ut11").balance
    assert spec is not None
    assert (spec.chart, spec.accounts) == ("", ())
    assert spec.terms == TermsSpec("AccumulationRegister_РасчетыСКлиентамиПоСрокам")
    without = parse_mapping(UT11 + "[balance]\nterms = false\n", "own.toml").balance
    assert without is not None and without.terms is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN + 'key = "Аналитика"\n', "needs key_set"),
        (OWN + 'chart = "ChartOfAccounts_Свой"\n', "needs accounts of the chart"),
        (UT11 + '[outbound.counterparty.steps.partner]\nbefore = "conterparty"\n', "did you mean 'counterparty'"),
        (UT11 + '[outbound.counterparty.steps.contract]\nbefore = "contract"\n', "contract"),
        (UT11 + '[recognise]\nset = ["X"]\n', "recognise"),
        (UT11 + '[entities.contract.joins.X]\nset = "Catalog_X"\nowner = "Ref_Key"\nfields = []\n', "at least 1 item"),
    ],
)
def test_mistakes_are_told(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        parse_mapping(text, "own.toml")
    assert said in str(told.value)


def test_a_step_goes_before_the_one_it_names_wherever_it_stands() -> None:
    mapping = load_mapping("ut11")
    assert [step.role for step in mapping.outbound["counterparty"].programs] == ["partner", "counterparty", "contract"]
    own = (
        '[outbound.counterparty.steps.note]\nset = "Catalog_X"\nbefore = "partner"\nbody = { "Description" = "name" }\n'
    )
    roles = [step.role for step in parse_mapping(UT11 + own, "own.toml").outbound["counterparty"].programs]
    assert roles == ["note", "partner", "counterparty", "contract"]


def test_signs_of_siblings_differ() -> None:
    signs = {name: load_mapping(name).signature for name in ("bp30", "ut11", "ka2", "erp2", "bas")}
    assert len(set(signs.values())) == 5
    assert set(signs["ut11"].sets) < set(signs["ka2"].sets) < set(signs["erp2"].sets)
    assert signs["bas"] == Signature(signs["bp30"].sets, (), (("Catalog_Контрагенты", "КодПоЕДРПОУ"),))
