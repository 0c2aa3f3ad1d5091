"""Search texts and what people type."""

import pytest

from store.search import plain_phone, plain_words, read_query, search_text


def test_one_entry_a_line() -> None:
    text = search_text(
        {
            "name": "ООО «Ромашка-Плюс»",
            "legal_name": "ООО «Ромашка-Плюс»",
            "tax_id": "7707083893",
            "code": None,
            "phones": ["8 (916) 123-45-67", "доб. 12"],
            "emails": ["A@B.ru "],
        }
    )
    assert text == "\nооо ромашка плюс\n7707083893\n+79161234567\n12\na@b.ru\n"


def test_nothing_known() -> None:
    assert search_text({}) == ""
    assert search_text({"name": "", "phones": None, "emails": []}) == ""


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("8 (916) 123-45-67", "+79161234567"),
        ("+7 916 123 45 67", "+79161234567"),
        ("9161234567", "+79161234567"),
        ("+380 44 234 56 78", "+380442345678"),
        ("123-45-67", "1234567"),
        ("нет", ""),
        ("", ""),
    ],
)
def test_phones(written: str, plain: str) -> None:
    assert plain_phone(written) == plain


def test_a_number_without_a_country_code_is_of_the_region() -> None:
    assert plain_phone("044 234 56 78", "UA") == "+380442345678"


def test_words() -> None:
    assert plain_words('  ИП  "Ёлкин"—Сын\t№5 ') == "ип елкин сын no5"


def test_a_query_with_letters_is_no_number() -> None:
    assert read_query("дом 12345").digits == ""
    assert read_query("12-345").digits == "12345"
    assert read_query("1234").digits == ""
    assert read_query("  ").exact == ()
