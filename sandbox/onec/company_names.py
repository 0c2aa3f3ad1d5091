"""Words the trading company's books are made of."""

from __future__ import annotations

from random import Random

FIRST = (
    "Алексей",
    "Мария",
    "Дмитрий",
    "Ольга",
    "Сергей",
    "Наталья",
    "Игорь",
    "Елена",
    "Павел",
    "Ирина",
    "Фёдор",
    "Юлия",
)
LAST = (
    "Иванов",
    "Петров",
    "Сидоров",
    "Кузнецов",
    "Щербаков",
    "Воробьёв",
    "Никитин",
    "Ефимов",
    "Жуков",
    "Цветков",
    "Яшин",
)
MIDDLE = ("Алексеевич", "Дмитриевич", "Сергеевич", "Игоревич", "Павлович", "Ильич")
ROOTS = (
    "Техно", "Строй", "Агро", "Пром", "Мед", "Авто", "Энерго", "Лес", "Метал", "Хим", "Торг", "Эко", "Север", "Юг",
    "Волга",
    "Урал", "Сиб", "Нева", "Альфа", "Вектор", "Гранит", "Орион", "Маяк", "Компас", "Ромашка", "Заря", "Прогресс",
    "Каскад",
)  # fmt: skip
TAILS = (
    "Логистик",
    "Сервис",
    "Снаб",
    "Комплект",
    "Групп",
    "Трейд",
    "Центр",
    "Проект",
    "Маш",
    "Инвест",
    "Плюс",
    "Ресурс",
    "",
)
CITIES = (
    "Москва",
    "Санкт-Петербург",
    "Екатеринбург",
    "Казань",
    "Нижний Новгород",
    "Самара",
    "Краснодар",
    "Новосибирск",
)
STREETS = ("Ленина", "Мира", "Заводская", "Садовая", "Советская", "Промышленная", "Гагарина", "Лесная")
GOODS = (
    "Насос центробежный", "Клапан обратный", "Труба стальная", "Фланец", "Задвижка", "Кабель силовой", "Муфта",
    "Подшипник", "Ремень приводной", "Редуктор", "Манометр", "Фильтр сетчатый", "Краска фасадная", "Болт М12",
)  # fmt: skip
SERVICES = ("Доставка", "Монтаж оборудования", "Пусконаладочные работы", "Техническое обслуживание", "Консультация")
GROUPS = ("Насосное оборудование", "Арматура", "Электрика", "Расходные материалы", "Услуги")
FOLDERS = ("Покупатели", "Поставщики", "Государственные", "Физические лица", "Прочие")
POSTS = ("Директор", "Главный бухгалтер", "Менеджер по закупкам", "Инженер", "Кладовщик")
DOMAINS = ("mail.example", "yandex.example", "firma.example", "zavod.example")
INDUSTRIES = ("Строительство", "Нефтегаз", "ЖКХ", "Машиностроение", "Пищевая промышленность")
LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e e zh z i y k l m n o p r s t u f h ts ch sh sch  y  e yu ya".replace(
            "sch  y  e", "sch - y - e"
        ).split(),
        strict=True,
    )
)


def latin(text: str) -> str:
    """Rough transliteration for e-mail names."""
    return "".join(
        LATIN.get(char, char if char.isascii() and char.isalnum() else "").replace("-", "") for char in text.lower()
    )


def person_name(random: Random) -> tuple[str, str, str]:
    """Family name, first name, patronymic."""
    first, last, middle = random.choice(FIRST), random.choice(LAST), random.choice(MIDDLE)
    if first[-1] in "ая":
        return f"{last}а", first, middle.removesuffix("ич") + "на"
    return last, first, middle


def phone_digits(random: Random) -> str:
    """Eleven digits starting with 7."""
    return f"7{random.choice(('495', '812', '343', '903', '912', '926'))}{random.randrange(10**7):07d}"


def phone_text(random: Random, digits: str) -> str:
    """The same number as people write it."""
    code, rest = digits[1:4], digits[4:]
    forms = (
        f"+7 ({code}) {rest[:3]}-{rest[3:5]}-{rest[5:]}", f"8 {code} {rest}", f"8({code}){rest[:3]}-{rest[3:]}",
        f"{code}{rest}", f"+7{code}{rest}",
        f"8-{code}-{rest[:3]}-{rest[3:5]}-{rest[5:]} доб. {random.randrange(10, 999)}",
        f"тел. {rest[:3]}-{rest[3:5]}-{rest[5:]} ({code})",
    )  # fmt: skip
    return random.choice(forms)
