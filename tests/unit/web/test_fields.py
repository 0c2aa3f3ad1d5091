"""Every field of the canonical model has a name that people read, in every language."""

import pytest

from mapping.model import ENTITIES
from web.show.fields import MODEL_TITLES, field_title, known_fields
from web.show.texts import LANGUAGES, load_catalogue

FIELDS = [(entity, name) for entity in ENTITIES for name in sorted(known_fields(entity))]


def test_there_are_fields_of_every_entity_and_of_lines() -> None:
    assert {entity for entity, _ in FIELDS} == set(ENTITIES)
    assert {("counterparty", "okpo"), ("order", "vat_rate"), ("payment", "settlement_amount")} <= set(FIELDS)


@pytest.mark.parametrize("language", sorted(LANGUAGES.keys() - {"en"}))
def test_a_field_is_called_something_in_every_language(language: str) -> None:
    catalogue = load_catalogue(language)
    for entity, name in FIELDS:
        title = field_title(entity, name)
        assert title and title != name, (entity, name)
        assert catalogue[title].string, (entity, name, title)


def test_no_title_is_of_a_field_that_the_model_does_not_have() -> None:
    assert MODEL_TITLES.keys() <= {name for _, name in FIELDS}
    assert field_title("counterparty", "no_such") == field_title("no_such", "name") == ""
    assert field_title("counterparty", "name") != field_title("product", "name")
