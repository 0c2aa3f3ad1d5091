"""A rule file with mistakes: all at once, each with file, line, column, what is allowed and the nearest name."""

# ruff: noqa: E501 - a message is best read on one line

import pytest

from core.errors import ConfigError
from mapping.files.problems import MOST_SHOWN, nearest
from mapping.files.text import LARGEST, decode
from mapping.rules import load_mapping, parse_mapping

HEAD = 'extends = "bp30"\n'
FIELDS = HEAD + "[entities.counterparty.fields]\n"


def mistakes_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_mapping(text, "own.toml")
    assert "sverka mapping check" in str(caught.value)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('country = "RU"', 'own.toml: says nothing of any entity; begin with extends = "bp30"'),
        (HEAD + 'titel = "x"', "own.toml:2:1: titel: unknown key; did you mean 'title'?"),
        (HEAD + "[settings]\nx = 1.5", "own.toml:3:1: settings.x: is a text, a whole number, or true or false"),
        (HEAD + "[settings]\nx = [1]", "own.toml:3:1: settings.x: is a text, a whole number, or true or false"),
        (FIELDS + 'legal_nam = "X"', "own.toml:3:1: entities.counterparty.fields.legal_nam: the field of counterparty 'legal_nam' is not known; did you mean 'legal_name'?"),
        (FIELDS + 'code = { from = "X", steps = ["digit"] }', "own.toml:3:31: entities.counterparty.fields.code.0.steps.0: the cleaner 'digit' is not known; did you mean 'digits'?"),
        (FIELDS + 'code = { from = "X", steps = ["trim", { do = "cut", lenght = 5 }] }', "own.toml:3:53: entities.counterparty.fields.code.0.steps.1.cut.lenght: unknown key; did you mean 'length'?"),
        (FIELDS + 'code = { from = "X", steps = [{ length = 5 }] }', "has no `do`: which cleaner?"),
        (FIELDS + 'code = { from = "X", steps = [{ do = "cut", length = "long" }] }', "is a whole number"),
        (FIELDS + 'code = { fro = "X" }', "own.toml:3:10: entities.counterparty.fields.code.0.fro: unknown key; did you mean 'from'?"),
        (FIELDS + 'code = { from = "X", value = "Y" }', "own.toml:3:1: entities.counterparty.fields.code.0: needs exactly one of from, value, formula"),
        (FIELDS + "code = 5", "own.toml:3:1: entities.counterparty.fields.code.0: is a section"),
        (FIELDS + "code = { value = 1.5 }", "own.toml:3:10: entities.counterparty.fields.code.0.value: is a text, a whole number, or true or false"),
        (FIELDS + 'code = "Ко[д"', "'Ко[д' is not a path; write Attribute, Section.Attribute or Section[Attribute=value].Attribute"),
        (FIELDS + 'code = { from = ["A", "Б Б"] }', "own.toml:3:10: entities.counterparty.fields.code.0.from: 'Б Б' is not a path"),
        (FIELDS + 'code = "@defalt_group"', "own.toml:3:1: entities.counterparty.fields.code: the setting 'defalt_group' is not known; did you mean 'default_group'?"),
        (FIELDS + 'code = "Товары[Тип=@ownr].Цена"', "the setting 'ownr' is not known; did you mean 'owner'?"),
        (FIELDS + 'kind = { from = "X", table = "legal_frm" }', "own.toml:3:22: entities.counterparty.fields.kind.0.table: the value table 'legal_frm' is not known; did you mean 'legal_form'?"),
        (FIELDS + 'kind = { from = "X", table = "currency" }', "in the value table 'currency' the value 'RUB' is not known; known here: company, person, sole_trader, state_body"),
        (FIELDS + 'kind = { value = "compny" }', "own.toml:3:10: entities.counterparty.fields.kind.0.value: the value 'compny' is not known; did you mean 'company'?"),
        (FIELDS + 'kind = { from = "X", default = "firm" }', "the value 'firm' is not known"),
        (FIELDS + 'kind = [{ value = "company", when = "ИНН.x" }]', "own.toml:3:30: entities.counterparty.fields.kind.0.when: Attribute is not allowed here (column 1 of the formula)"),
        (FIELDS + 'code = { formula = "x == 1 and lft(x)" }', "there is no function 'lft'; there are contains, empty"),
        (FIELDS + 'group = { value = "x" }', "own.toml:3:1: entities.counterparty.fields.group.0: a reference is read `from` a path"),
        (FIELDS + 'code = { from = "X", owner = "nobody" }', "is one of 'accounting', 'crm', 'newest' or 'review'"),
        (FIELDS + 'code = { from = "X", direction = "up" }', "is one of 'in', 'out' or 'both'"),
        (HEAD + '[entities.counterparty.sources."Catalog_Контрагенты"]\nfiltr = "x"', "own.toml:3:1: entities.counterparty.sources.Catalog_Контрагенты.filtr: unknown key; did you mean 'filter'?"),
        (HEAD + '[entities.counterparty.sources."Catalog_Контрагенты"]\noptional = "maybe"', "is true or false"),
        (HEAD + '[entities.custmers.fields]\nname = "X"', "own.toml:2:11: entities.custmers: the entity 'custmers' is not known"),
        (HEAD + '[entities]\norders = {}', "the entity 'orders' is not known; did you mean 'order'?"),
        (HEAD + '[entities.order.lines.linez]\nsections = "X"', "own.toml:2:23: entities.order.lines.linez: the group of rows of order 'linez' is not known; did you mean 'lines'?"),
        (HEAD + '[entities.order.lines.lines.fields]\nquantty = "X"', "own.toml:3:1: entities.order.lines.lines.fields.quantty: the field of lines 'quantty' is not known; did you mean 'quantity'?"),
        (HEAD + '[entities.order]\nparts = ["documnt"]', "own.toml:3:10: entities.order.parts.0: the part 'documnt' is not known; did you mean 'document'?"),
        (HEAD + '[tables.x]\nvalues = { a = "b" }\nunknown = "kep"', "own.toml:4:1: tables.x.unknown: is one of 'keep', 'none' or 'error'"),
        (HEAD + "[tables.x]\nunknown = 'keep'", "own.toml:2:9: tables.x.values: is missing"),
        (HEAD + '[balance]\naccounts = []', "own.toml:3:1: balance.accounts: list should have at least 1 item"),
        (HEAD + '[recorders."Document_X"]\nkind = "Х"\ntitle = "x"', "own.toml:3:1: recorders.Document_X.kind: string should match pattern"),
        (HEAD + '[recorders."Document_X"]\nkind = "netting"\ntitle = { de = "x" }', "is one of 'en', 'ru' or 'uk'"),
        (HEAD + '[outbound.custmer.match]\nset = "X"\ntax_id = "Y"\n[outbound.custmer.steps]', "own.toml:2:11: outbound.custmer: the entity 'custmer' is not known"),
        (HEAD + '[outbound.counterparty.steps.contract.body]\nX = { step = "counterparti" }', "own.toml:3:7: outbound.counterparty.steps.contract.body.X.0.step: the earlier step 'counterparti' is not known; did you mean 'counterparty'?"),
        (HEAD + '[outbound.counterparty.steps.counterparty.body]\nX = { step = "contract" }', "the earlier step 'contract' is not known"),
        (HEAD + '[outbound.counterparty.steps.contract.body]\nX = "nmae"', "own.toml:3:1: outbound.counterparty.steps.contract.body.X.0.from: our field 'nmae' is not known; did you mean 'name'?"),
        (HEAD + '[outbound.counterparty.steps.contract.body]\nX = { ref = "manger" }', "the entity 'manger' is not known; did you mean 'manager'?"),
        (HEAD + '[outbound.counterparty.steps.contract.body]\nX = { from = "kind", table = "legal" }', "the value table 'legal' is not known"),
        (HEAD + '[outbound.counterparty.steps.contract.body]\nX = { when = "kind" }', "needs exactly one of from, value, formula, ref, lookup, step"),
        (HEAD + '[outbound.counterparty.required]\nperson = [{ any = "phone", say = { ru = "x" } }]', "our field 'phone' is not known; did you mean 'phones'?"),
        (HEAD + '[outbound.counterparty.required]\nperson = [{ any = "name", say = { ru = "x" } }]', "needs a text in English"),
        (HEAD + 'accounting_currency = "руб"', "own.toml:2:1: accounting_currency: string should match pattern"),
        ('[entities.counterparty.sources.X]\n[entities.counterparty.fields]\ncode = "X"', "own.toml:1:32: entities.counterparty.sources.X: nothing fills 'name', which every counterparty must have"),
        ("entities = 5", "own.toml:1:1: entities: is a section"),
        ("[[entities]]\nx = 1", "own.toml:1:3: entities: is a section"),
        ("a = [1,", "own.toml:1:8: not valid TOML: Invalid value (at end of document)."),
        ('title = "x"\n  b = = 1', "own.toml:2:7: not valid TOML: Invalid value."),
        ("a = " + "[" * 100_000, "own.toml: not valid TOML: nested too deeply"),
        ("a = " + "9" * 5_000, "own.toml: not valid TOML: a whole number in it is larger than 9223372036854775807"),
        ("a = [{ b = 0x" + "f" * 5_000 + " }]", "own.toml: not valid TOML: a whole number in it is larger than"),
        ('extends = "bp31"', "own.toml:1:1: extends: the preset or file 'bp31' is not known; did you mean 'bp30'?"),
        ("extends = 5", "own.toml:1:1: extends: extends is the name of a preset or of a file"),
    ],
)  # fmt: skip
def test_mistake(text, message):
    assert message in mistakes_of(text)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    text = FIELDS + "\n".join(
        [
            'legal_nam = "X"',
            'tax_id = { from = "ИНН", steps = ["innn", { do = "cut" }] }',
            'comment = { from = "Ком[", table = "no" }',
            'region = "@nothing"',
            "[entities.order]",
            'parts = ["documnt"]',
            "[tables.legal_form]",
            'unknown = "kep"',
        ]
    )
    lines = [line for line in mistakes_of(text).splitlines() if line.startswith("  - ")]
    assert [line.split(": ")[0].removeprefix("  - own.toml:") for line in lines] == [
        "3:1", "4:35", "4:43", "5:13", "5:28", "6:1", "8:10", "10:1",
    ]  # fmt: skip


def test_one_cause_is_told_once():
    text = mistakes_of(FIELDS + "code = { from = 'X', when = '1 +' }\n")
    assert text.count("is not an expression") == 1
    shared = HEAD + '[parts.document.fields]\nnumbr = "Number"\n'
    assert mistakes_of(shared).count("'numbr' is not known") == 4  # an order, a shipment, a return, a payment


def test_a_thousand_mistakes_are_cut():
    text = FIELDS + "".join(f'field{number} = "X"\n' for number in range(1000))
    message = mistakes_of(text)
    assert message.count("  - ") == MOST_SHOWN
    assert f"... and {1000 - MOST_SHOWN} more" in message


def test_values_of_the_file_do_not_stand_in_messages_of_checks():
    assert "s3cr3t" not in mistakes_of(HEAD + '[settings]\n[entities.counterparty]\nfilter = ["s3cr3t"]')


def test_a_mistake_in_a_base_is_told_where_it_stands(tmp_path):
    (tmp_path / "base.toml").write_text(
        'extends = "bp30"\n[entities.counterparty.fields]\nlegal_nam = "X"\n', encoding="utf-8"
    )
    own = tmp_path / "own.toml"
    own.write_text('extends = "base.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"base\.toml:3:1: .*'legal_nam' is not known"):
        load_mapping(str(own))


def test_extends_in_a_circle_is_told_with_the_way_round(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{other}.toml"\n', encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"c\.toml:1:1: extends: goes in a circle: .*a\.toml -> .*b\.toml -> .*c\.toml -> .*a\.toml"
    ):
        load_mapping("a.toml", folder=tmp_path)


def test_a_file_that_extends_itself(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "a.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="goes in a circle"):
        load_mapping(str(tmp_path / "a.toml"))


def test_a_chain_has_an_end(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}.toml").write_text(f'extends = "{number + 1}.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="a chain of more than 5 files"):
        load_mapping("0.toml", folder=tmp_path)


@pytest.mark.parametrize("size", [LARGEST + 1, 10 * LARGEST])
def test_too_large_a_file_is_no_mapping(tmp_path, size):
    (tmp_path / "big.toml").write_bytes(b"#" * size)
    with pytest.raises(ConfigError, match=r"big\.toml is larger than 1 MB"):
        load_mapping("big.toml", folder=tmp_path)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        parse_mapping("#" * size, "own.toml")


def test_a_file_that_is_not_utf8_says_where(tmp_path):
    (tmp_path / "ansi.toml").write_bytes('title = "x"\n# Контрагент'.encode("cp1251"))
    with pytest.raises(ConfigError, match=r"ansi\.toml:2: the file is not UTF-8 text \(byte 15\)"):
        load_mapping("ansi.toml", folder=tmp_path)
    assert decode('\ufefftitle = "x"\r\n'.encode(), "x") == 'title = "x"\n'


def test_a_folder_or_nothing_is_no_file(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"There is no mapping 'bp3'; did you mean 'bp30'\? \(presets: [\w, ]*bp30[\w, ]*; or the path of a file\)",
    ):
        load_mapping("bp3", folder=tmp_path)
    with pytest.raises(ConfigError, match="There is no mapping"):
        load_mapping(str(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "[entities" + ".a" * 1500 + "]\nx = 1",
        "[entities" + ".a" * 20_000 + "]\nx = 1",
        "title = 'x'\n" + "'a' . " * 100_000 + "b = 1",
        "a = " + "{a = " * 200 + "1" + "}" * 200,
        "a = " + "[" * 200 + "]" * 200,
        "x." * 30 + "x = {" + "x." * 30 + "x = 1}",
        "a = " + "[" * 100_000,
    ],
)
def test_what_is_nested_too_deeply_is_one_short_line(text):
    message = mistakes_of(text)
    assert "own.toml" in message
    assert "not valid TOML: nested too deeply, 32 levels are the most" in message
    assert len(message) < 200
    assert "\n" not in message


def test_a_long_word_is_looked_at_once():
    long = "a" * 400_000
    assert parse_mapping(f'extends = "bp30"\n# {long} . {long}\ntitle = "x"', "own.toml").title == "x"


SETTINGS = HEAD + "[settings]\n"


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ('acounts = ["62.01"]', ["own.toml:3:1: settings.acounts: no rule uses the setting 'acounts'; did you mean 'accounts'?"]),
        ('payment_days = "many"', ["own.toml:3:1: settings.payment_days: is a whole number, not a text"]),
        ("payment_days = true", ["own.toml:3:1: settings.payment_days: is a whole number, not true or false"]),
        ('accounts = "62.01"', ["own.toml:3:1: settings.accounts: is a list of texts, not a text"]),
        ('contract_name = ["x"]', ["own.toml:3:1: settings.contract_name: is a text, not a list of texts"]),
        ('create_contract = "no"', ["own.toml:3:1: settings.create_contract: is true or false, not a text"]),
        ("accounts = []", ["own.toml:3:1: settings.accounts: list should have at least 1 item after validation, not 0"]),
        ('country = "Russia"', ["own.toml:3:1: settings.country: string should match pattern '^[A-Z]{2}$'"]),
        ('owner = ["Ответст[венный"]', ["own.toml:3:1: settings.owner: 'Ответст[венный' is not a path; write Attribute, Section.Attribute or Section[Attribute=value].Attribute"]),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_is_told_where_it_stands(text, mistakes):
    message = mistakes_of(SETTINGS + text)
    assert [line.removeprefix("  - ") for line in message.splitlines() if line.startswith("  - ")] == mistakes


def test_a_setting_that_an_own_rule_uses_is_known():
    text = SETTINGS + 'ours = "Комментарий"\n[entities.counterparty.fields]\nindustry = "@ours"\n'
    assert parse_mapping(text, "own.toml").settings["ours"] == "Комментарий"
    inside = SETTINGS + 'kind = "Х"\n[entities.counterparty.fields]\nindustry = "Строки[Вид=@kind].Значение"\n'
    assert parse_mapping(inside, "own.toml").settings["kind"] == "Х"


def test_a_wrong_rule_with_a_right_setting_is_told_at_the_rule():
    text = HEAD + '[entities.counterparty.fields]\nkind = { value = "@contract_name" }\n'
    assert "own.toml:3:10: entities.counterparty.fields.kind.0.value: the value" in mistakes_of(text)


def test_a_setting_of_a_base_between_is_told_there(tmp_path):
    (tmp_path / "base.toml").write_text(SETTINGS + "payment_dys = 1\n", encoding="utf-8")
    (tmp_path / "own.toml").write_text('extends = "base.toml"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"base\.toml:3:1: .*did you mean 'payment_days'"):
        load_mapping("own.toml", folder=tmp_path)


def test_a_kept_text_rules_whatever_it_sets():
    """A version that is in the store goes on ruling after an upgrade that looks closer."""
    kept = parse_mapping('extends = "bp30"', "own.toml").text
    assert parse_mapping(kept.replace('extends = "bp30"', SETTINGS + "odd = 1", 1), "own.toml").settings["odd"] == 1


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("НаименованиеПолное", ["Наименование", "ПолноеНаименование", "НаименованиеПолноеДляПечати"], "ПолноеНаименование"),
        ("name_legal", ["name", "legal_name", "names_legal"], "legal_name"),
        ("КодИНН", ["КодИН", "ИННКод"], "ИННКод"),
        ("legal_nam", ["legal_name", "nam"], "legal_name"),
        ("ИНН", ["ИННКонтрагента", "КПП"], None),
    ],
)  # fmt: skip
def test_the_same_words_in_another_order_are_nearer_than_letters(name, known, meant):
    assert nearest(name, known) == meant
