"""What the engine says is known again and told in each language: whole catalogues, sure matches, no lost words."""

import re
import time

import pytest

from core.errors import ConfigError
from core.i18n import PLACE, load_messages, read_sentence, tell
from mapping.rules import parse_mapping
from tests.catalogues import CYRILLIC, LANGUAGES, find_alike, find_mistaken, find_unlike, forms_of, text_of
from tests.engine_texts import NOT_SAID, find_texts, shape


@pytest.fixture(scope="module")
def said():
    return find_texts()


def test_texts_of_every_kind_are_found_in_the_engine(said) -> None:
    assert "There is no letter {}." in said, "a message of an error"
    assert "1C has no free licence for us: {}" in said, "a sentence of a connector's table"
    assert "{} cards of accounting have this INN." in said, "a reason"
    assert "{} records failed and need a look" in said, "a finding of doctor"
    assert "give the user the rights in 1C" in said, "a next step, without its command"
    assert "unknown key{}" in said, "a mistake in a mapping"
    assert "Its worker died or lost the lease; the next run goes on where it stopped." in said, "the message of a run"
    assert not any(text == "sverka doctor" for text in said), "commands are told to nobody"


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_engine_says_is_told(language: str, said) -> None:
    known = {shape(text_of(message)) for message in load_messages(language)}
    missing = [places[0] for text, places in said.items() if text not in known and text not in NOT_SAID]
    assert missing == [], f"scripts/missing-texts {language} prints them as lines for core/locale/{language}/THEME.po"


def test_what_is_said_to_nobody_is_in_the_engine(said) -> None:
    assert sorted(text for text in NOT_SAID if text not in said) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_is_there_and_fills_in_the_same_places(language: str) -> None:
    assert find_unlike(load_messages(language)) == []


def test_both_languages_tell_the_same_texts() -> None:
    russian, ukrainian = ({text_of(message) for message in load_messages(language)} for language in LANGUAGES)
    assert russian == ukrainian


def test_no_two_texts_have_one_shape() -> None:
    """Else which of them was said could not be known."""
    assert find_alike(load_messages("ru")) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_is_known_again_as_the_one_that_was_said(language: str) -> None:
    """Ambiguous sentences would be told with the words of another: each, filled in, must be found as itself."""
    assert find_mistaken(load_messages(language), language) == []


def test_what_was_filled_in_comes_back_whole() -> None:
    sentence = read_sentence("{name}: sent {one}, kept {other}")
    assert sentence.match("ООО «Ромашка»: sent '1', kept ''") == {
        "name": "ООО «Ромашка»", "one": "'1'", "other": "''",
    }  # fmt: skip
    assert sentence.match("ООО «Ромашка»: sent '1'") is None
    assert read_sentence("a {x} a").match("a a") is None, "the words around do not overlap"


@pytest.mark.parametrize(
    ("said", "russian", "ukrainian"),
    [
        ("1C has no such object.", "В 1С нет такого объекта.", "У 1С немає такого об’єкта."),
        ("There is no letter 7.", "Записи 7 нет.", "Запису 7 немає."),
        (
            "give the user the rights in 1C, then: sverka doctor",
            "дайте пользователю права в 1С, затем: sverka doctor",
            "дайте користувачу права в 1С, потім: sverka doctor",
        ),
        ("sverka dead list", "sverka dead list", "sverka dead list"),
        ("Деньги на бочку", "Деньги на бочку", "Деньги на бочку"),
        ("Insufficient funds at the bank", "Insufficient funds at the bank", "Insufficient funds at the bank"),
        ("", "", ""),
        (
            "1C refuses: Поле «ИНН» не заполнено",
            "1С отказала: Поле «ИНН» не заполнено",
            "1С відмовила: Поле «ИНН» не заполнено",
        ),
        (
            "1C cannot be reached: no connection",
            "До 1С не достучаться: нет связи",
            "До 1С не достукатися: немає зв’язку",
        ),
        (
            "counterparty out: 1C refuses: Нельзя Next: sverka dead list; order: 3 dead, 1 parked",
            "контрагент, отправка: 1С отказала: Нельзя Что делать: sverka dead list; "
            "заказ: не принято 3, отложено 1",
            "контрагент, надсилання: 1С відмовила: Нельзя Що робити: sverka dead list; "
            "замовлення: не прийнято 3, відкладено 1",
        ),
        (
            "Writing into buh needs approval; would be linked by same INN 7700000000, same KPP.",
            "Запись в buh ждёт одобрения; будет связано: тот же ИНН 7700000000, тот же КПП.",
            "Запис до buh чекає схвалення; буде зв’язано: той самий податковий номер 7700000000, той самий КПП.",
        ),
        (
            "Review 4 has been decided already: linked by anna.",
            "По вопросу 4 уже решено: связано (anna).",
            "З питання 4 уже вирішено: зв’язано (anna).",
        ),
        (
            "in review 3: 2 cards of accounting have this INN.",
            "на разборе, вопрос 3: В учёте с этим ИНН 2 карточки.",
            "на розборі, питання 3: В обліку з цим податковим номером 2 картки.",
        ),
        ("waits for the INN (10 digits) and name", "ждёт, чего не хватает: ИНН (10 цифр) и название", None),
        ("unknown key; did you mean 'steps'?", "неизвестный ключ; может быть, 'steps'?", None),
        ("This base does not publish the set: it was published before and is not any more.",
         "Эта база не публикует этот набор: раньше он был опубликован, а теперь нет.", None),
        (
            "there is no field betrag; posted: yes or no was expected, 'vielleicht' was found. "
            "A shipment has: number, date.",
            "поля betrag нет; posted: ожидалось «да» или «нет», а пришло: 'vielleicht'. Поля (отгрузка): number, date.",
            None,
        ),
        (
            "counterparty out: 1C refuses: Нельзя Next: sverka dead list; 3 balances are held: 3 balances would have "
            "become zero at once, the guard lets pass 1. The next cycle asks again; if it is right: sverka sync buh "
            "--full; order: 2 dead",
            "контрагент, отправка: 1С отказала: Нельзя Что делать: sverka dead list; Остатков не тронуто до проверки: "
            "3: в ноль разом ушло бы остатков: 3, а защита пропускает 1. Следующий обмен спросит снова; если это "
            "верно: sverka sync buh --full; заказ: не принято 2",
            None,
        ),
        ("from `ИНН`, then digits, optional: yes", "из `ИНН`, затем digits, необязательно: да", None),
    ],
)  # fmt: skip
def test_told(said: str, russian: str, ukrainian: str | None) -> None:
    assert tell(said, "en") == said
    assert tell(said, "ru") == russian
    assert ukrainian is None or tell(said, "uk") == ukrainian


@pytest.mark.parametrize(
    ("number", "russian", "ukrainian"),
    [
        (1, "В учёте с этим ИНН 1 карточка.", "В обліку з цим податковим номером 1 картка."),
        (3, "В учёте с этим ИНН 3 карточки.", "В обліку з цим податковим номером 3 картки."),
        (12, "В учёте с этим ИНН 12 карточек.", "В обліку з цим податковим номером 12 карток."),
        (21, "В учёте с этим ИНН 21 карточка.", "В обліку з цим податковим номером 21 картка."),
    ],
)
def test_forms_of_a_number(number: int, russian: str, ukrainian: str) -> None:
    said = f"{number} cards of accounting have this INN."
    assert (tell(said, "ru"), tell(said, "uk")) == (russian, ukrainian)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_the_catalogues_is_left_in_english(language: str) -> None:
    """A translation has letters of its language, unless it is names and commands alone."""
    told = {text_of(message): PLACE.sub("", "".join(forms_of(message))) for message in load_messages(language)}
    bare = {text for text, form in told.items() if not CYRILLIC.search(form)}
    assert {text for text in bare if "sverka" not in text} == {"$metadata: {error:said}"}


def test_hostile_words_cost_no_time_and_stay_as_they_are() -> None:
    """A customer may be called what we say ourselves, a thousand times over."""
    name = "; did you mean " * 400 + ": changed here and in " * 400
    began = time.process_time()
    told = tell(f"There is no contact {name!r}.", "ru")
    assert time.process_time() - began < 2
    assert told == f"Контакта {name!r} нет."
    began = time.process_time()
    for words in ("aa: bb, cc; dd. " * 2000, "Not sure who it is: " * 2000, "Nothing. " * 4000, "x; " * 9000):
        assert tell(words, "uk").count("cc") == words.count("cc"), "nothing is lost"
    assert time.process_time() - began < 10


BROKEN = """extends = "bp30"
[settings]
vat = 5
acounts = ["62"]
[entities.counterparty.fields]
nme = "Description"
name = { fro = "Description" }
phones = { from = "a..b", steps = [{ do = "trimm" }] }
tax_id = { from = "ИНН", value = "1" }
region = { formula = "1 +" }
segment = { formula = "nofun(1)" }
comment = { formula = "1 / 0" }
industry = { formula = "lambda: 1" }
credit_limit = { from = "X", steps = ["money"], table = "zzz" }
payment_days = { from = "X[Y].Z" }
code = { from = [] }
[entities.unknown]
source = "x"
[balance]
accounts = "62"
[outbound.counterparty]
steps = 5
"""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [BROKEN, "a = \n", "extends = 5", "a = 'x", "[a]\n[a]\n", "", 'extends = "nope"', "a = 1\na = 2", "[a\n", "a =="],
)
def test_mistakes_of_a_mapping_are_told(language: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_mapping(text, "own.toml")
    mistakes = [one.message for one in getattr(caught.value, "mistakes", [])] or [caught.value.message]
    told = [re.sub("'[^']*'|there are .*|есть.*|є .*", "", tell(message, language)) for message in mistakes]
    assert [words for words in told if re.search("[a-z]{2,} [a-z]{2,} [a-z]{2,}", words)] == []
    assert all(CYRILLIC.search(words) for words in told)


def test_a_reason_that_became_a_sentence_behind_a_name_is_told() -> None:
    assert tell("ООО «Заря»: 2 cards of the CRM have this INN.", "ru") == "ООО «Заря»: в CRM с этим ИНН 2 карточки."
    assert tell("Заря: the CRM knows this INN with another KPP (a branch?).", "uk").startswith("Заря: CRM ")
    assert tell("Заря: whatever 1C says.", "ru") == "Заря: whatever 1C says."
    assert tell("ООО «Заря»: Заря: same name.", "ru") == "ООО «Заря»: Заря: то же название."
    assert tell("ООО «Заря»: Заря: same phone +79038480551.", "uk").endswith("той самий телефон +79038480551.")


def test_a_number_that_is_doubted_is_called_as_people_call_it() -> None:
    wrong = "the OGRN is wrong: the number's checksum or check digit is invalid"
    assert tell(wrong, "ru") == "ОГРН с ошибкой: контрольная цифра не сходится"
    assert tell(f"{wrong} (123)", "ru") == "ОГРН с ошибкой: контрольная цифра не сходится (123)"
    assert tell("the KPP does not have 9 digits (12)", "ru") == "в КПП не 9 цифр (12)"
    assert tell("whatever (it is)", "ru") == "whatever (it is)"
    assert tell("the INN is all zeros", "uk") == "податковий номер складається з самих нулів"
    assert tell("the EDRPOU is all zeros", "uk").startswith("ЄДРПОУ ")
