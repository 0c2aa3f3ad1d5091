"""One value of a rule file is changed: the text says exactly that afterwards, and every comment is still there."""

import copy
import difflib
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from mapping.editing.text import drop_value, put_value, value_at
from mapping.files.text import PRESETS
from mapping.rules import parse_mapping, preset_names

PRESET_TEXTS = {name: (PRESETS / f"{name}.toml").read_text(encoding="utf-8") for name in preset_names()}
OWN_TEXTS = {
    f"own of {name}": f'# ours\nextends = "{name}"  # the base\n\n# why this one\n[entities.counterparty.fields]\n'
    'segment = "Комментарий" # one\n# lone\nregion = [ # places\n  "А", # first\n  "Б",\n]\n\n'
    "# about countries\n[settings]\ncountry = 'RU'\n"
    for name in preset_names()
}
TEXTS = PRESET_TEXTS | OWN_TEXTS


def rule_places(tree, loc=()):
    """Every rule of a file: what stands under fields, attributes, new, requisites, own."""
    for key, value in tree.items():
        if loc and loc[-1] in ("fields", "attributes", "new", "requisites", "own", "settings"):
            yield (*loc, key)
        elif isinstance(value, dict):
            yield from rule_places(value, (*loc, key))


PLACES = {name: sorted(rule_places(tomllib.loads(text))) for name, text in TEXTS.items()}
words = st.text(alphabet="abcАбвЇ_ .|[]='\"\\#{}\n", min_size=1, max_size=12)
steps = st.lists(
    st.sampled_from(["trim", "digits"]) | st.builds(lambda n: {"do": "cut", "length": n}, st.integers(1, 99)),
    max_size=3,
)
rules = st.fixed_dictionaries(
    {"from": words | st.lists(words, min_size=1, max_size=3)},
    optional={"steps": steps, "owner": st.sampled_from(["crm", "newest"]), "optional": st.booleans()},
)
values = st.one_of(words, rules, st.lists(words | rules, min_size=1, max_size=3), st.just(False), st.integers(0, 9))
edits = st.sampled_from(sorted(TEXTS)).flatmap(
    lambda name: st.tuples(
        st.just(name),
        st.lists(
            st.tuples(
                st.sampled_from(PLACES[name] or [("settings", "country")])
                | st.tuples(
                    st.just("entities"),
                    st.sampled_from(["counterparty", "order", "deal"]),
                    st.sampled_from(["fields", "attributes"]),
                    st.sampled_from(["segment", "amount", "мой", "two words"]),
                )
                | st.tuples(
                    st.just("entities"),
                    st.just("order"),
                    st.just("sources"),
                    st.sampled_from(["Document_ЗаказКлиента", "Document_Иной"]),
                    st.just("fields"),
                    st.just("name"),
                ),
                values | st.none(),
            ),
            min_size=1,
            max_size=3,
        ),
    )
)


def changed(tree, loc, value):
    """What the text shall say, worked out apart; None takes the place out."""
    wanted = copy.deepcopy(tree)
    branch = wanted
    for part in loc[:-1]:
        branch = branch.setdefault(part, {}) if value is not None else branch.get(part, {})
    if value is None:
        branch.pop(loc[-1], None)
    else:
        branch[loc[-1]] = value
    return wanted


def without_empty(tree):
    """Empty sections say nothing."""
    if not isinstance(tree, dict):
        return tree
    kept = {key: without_empty(value) for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value != {}}


def comments(text):
    """Lines that are nothing but a comment, in their order."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith("#")]


@pytest.mark.timeout(600)
@settings(
    max_examples=250, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(edits)
def test_exactly_what_was_asked_for_changes(case):
    name, several = case
    text = TEXTS[name]
    for loc, value in several:
        before = tomllib.loads(text)
        try:
            made = drop_value(text, loc) if value is None else put_value(text, loc, value)
        except UsageError:  # a place that is no section there
            assert _is_no_section(before, loc)
            continue
        assert without_empty(tomllib.loads(made)) == without_empty(changed(before, loc, value))
        _keeps_the_rest(text, made)
        text = made


def _is_no_section(tree, loc):
    for part in loc[:-1]:
        tree = tree.get(part, {})
        if not isinstance(tree, dict):
            return True
    return False


def _keeps_the_rest(before, after):
    """What is gone or changed is one place, and no comment of a line of its own is among it."""
    old, new = before.splitlines(), after.splitlines()
    gone = [
        line
        for kind, start, end, _, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if kind in ("replace", "delete")
        for line in old[start:end]
    ]
    assert sum(bool(line.strip()) for line in gone) <= 25
    assert [line for line in comments("\n".join(gone)) if line not in comments(after)] == []
    assert [line for line in comments(after) if line not in comments(before)] == []


def test_an_own_file_gets_the_override_only():
    text = '# ours\nextends = "bp30"\n'
    made = put_value(
        text, ("entities", "counterparty", "fields", "segment"), {"from": "Комментарий", "steps": ["trim"]}
    )
    assert made == text + '\n[entities.counterparty.fields]\nsegment = { from = "Комментарий", steps = ["trim"] }\n'
    mapping = parse_mapping(made, "own.toml")
    assert "segment" in dict(mapping.entities["counterparty"].programs["Catalog_Контрагенты"].fields)


def test_what_was_put_in_and_taken_out_again_leaves_the_text_as_it_was():
    text = '# ours\nextends = "bp30"\n'
    place = ("entities", "counterparty", "fields", "segment")
    assert drop_value(put_value(text, place, "Комментарий"), place) == text


def test_comments_beside_and_inside_stay():
    text = OWN_TEXTS["own of bp30"]
    made = put_value(text, ("entities", "counterparty", "fields", "region"), ["А", "В"])
    assert made == text.replace('  "Б",', '  "В",')
    made = put_value(text, ("entities", "counterparty", "fields", "segment"), {"from": "Иное", "owner": "crm"})
    assert made == text.replace('"Комментарий" # one', '{ from = "Иное", owner = "crm" } # one')
    made = put_value(text, ("entities", "counterparty", "fields", "name"), False)
    assert made == text.replace("]\n\n# about", "]\nname = false\n\n# about")


def test_what_the_text_is_kept_together_with_is_left_alone():
    text = 'extends = "bp30"\n\n#@@ file: presets/bp30.toml\n' + PRESET_TEXTS["bp30"]
    made = put_value(text, ("settings", "payment_days"), 14)
    assert made.endswith("\n#@@ file: presets/bp30.toml\n" + PRESET_TEXTS["bp30"])
    assert value_at(made, ("settings", "payment_days")) == 14


def test_sections_written_apart_are_found():
    text = '[entities.order.fields]\nname = "a"\n[settings]\nx = 1\n[entities.person]\nfields.name = "b" # c\n'
    made = put_value(text, ("entities", "person", "fields", "post"), "p")
    assert tomllib.loads(made)["entities"]["person"]["fields"] == {"name": "b", "post": "p"}
    made = put_value(text, ("entities", "person", "fields", "name"), "z")
    assert made == text.replace('"b"', '"z"')
    tables = '[entities.order.fields.name]\nfrom = "a" # why\nsteps = ["trim"]\n\n[settings]\nx = 1\n'
    made = put_value(tables, ("entities", "order", "fields", "name"), {"from": "b", "steps": ["trim"]})
    assert made == tables.replace('"a"', '"b"')


def test_a_set_that_stands_there_by_its_section_alone_stays():
    text = '[entities.order.sources.X.fields]\nname = "a"\n'
    made = drop_value(text, ("entities", "order", "sources", "X", "fields", "name"))
    assert "X" in tomllib.loads(made)["entities"]["order"]["sources"]


@pytest.mark.parametrize("text", ["x = ", "[entities]\norder = false\n"])
def test_a_place_that_cannot_be_changed_is_told(text):
    with pytest.raises(UsageError) as told:
        put_value(text, ("entities", "order", "fields", "name"), "a")
    assert told.value.next_step
