"""By which words a customer is found, and how what was typed is read."""

import pytest

from store.words import code_words, forms_of, other_layout, phone_words, read_typed, words_of


def test_words_of_a_customer() -> None:
    words = words_of(
        {
            "name": "ООО «Ёлка-Трейд»",
            "code": "00-000123",
            "tax_id": "7707083893",
            "phones": ["8 (916) 123-45-67"],
            "emails": ["Info@Elka.RU"],
        }
    )
    assert words == {
        "елка", "трейд", "00", "000123", "№123", "7707083893", "9161234567", "1234567", "info@elka.ru", "elka.ru",
    }  # fmt: skip


def test_a_name_of_nothing_but_legal_forms_keeps_them() -> None:
    assert words_of({"name": "ООО"}) == {"ооо"}


@pytest.mark.parametrize("text", ["00-000123", "000123", "123", "0123", "00000123", " 123 "])
def test_a_code_is_one_word_with_its_zeros_or_without(text: str) -> None:
    assert code_words(text) == ("№123",)


def test_a_code_with_letters_has_its_figures_besides() -> None:
    assert code_words("БП-000123") == code_words("бп 123") == code_words("БП000123") == ("№бп 123", "№123")
    assert code_words("VIP") == code_words("000") == code_words("") == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ромшка", "ромашка"),  # one letter left out
        ("роомашка", "ромашка"),  # one too many
        ("рамашка", "ромашка"),  # another one
        ("рмоашка", "ромашка"),  # two in the wrong order
    ],
)
def test_words_with_a_typo_share_a_form(typed: str, meant: str) -> None:
    assert forms_of(typed) & forms_of(meant)


@pytest.mark.parametrize(
    ("one", "other"), [("ромашка", "рубашка"), ("вектор", "сектант"), ("7707083893", "7707083894")]
)
def test_other_words_and_other_numbers_share_none(one: str, other: str) -> None:
    assert not forms_of(one) & forms_of(other)


@pytest.mark.parametrize("text", ["8 (916) 123-45-67", "+7 916 1234567", "89161234567", "9161234567"])
def test_a_phone_in_any_writing_is_one_word(text: str) -> None:
    assert "9161234567" in phone_words(text)
    assert "9161234567" in read_typed(text).words[0]


def test_what_was_typed() -> None:
    assert read_typed("ООО Ромашка трейд").words == (("ромашка",), ("трейд",))
    assert read_typed("7707083893/770701001").words[0][0] == "7707083893"
    assert read_typed("info@elka.ru").words == (("info@elka.ru",),)
    assert read_typed("   ").empty
    assert read_typed("8916123").words == (("8916123", "916123"),)


def test_the_other_keyboard() -> None:
    assert other_layout("Hjvfirf") == "ромашка"
