"""Personal data out of a payload, so that it can be kept as a golden case: made-up values that the cleaners take alike.

Everything that people may have typed is masked; what is kept is structure: keys of other objects, dates of documents,
numbers and codes of documents, amounts, and words of lists (kinds, statuses) that the rules look at. Days of a
person's life and dates among additional attributes are shifted by some years. A number with right check digits becomes
another one with right check digits, a wrong one stays wrong; of a phone number the country stays. The same value is
masked alike everywhere, and alike each time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b

import phonenumbers

from mapping.cleaners.taxids import check_edrpou, check_inn, check_ogrn
from mapping.files.text import load_chain
from mapping.formula import LONGEST_SOURCE
from mapping.paths import EMPTY_GUID
from mapping.rules import Mapping

_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?")
_PLAIN_NUMBER = re.compile(r"-?\d{1,4}([.,]\d+)?|-?\d+[.,]\d{1,6}")
_EMAIL = re.compile(r"[^\s,;<>()\"']+@[^\s,;<>()\"']+")
_WORD = re.compile(r"[^\W\d_]+")
_LONG_DIGITS = re.compile(r"\+?\d(?:[\s\-().]{0,3}\d){4,}")
_ONE_WORD = re.compile(r"[^\W\d]\w*")
_KEPT_KEYS = re.compile(
    r"Ref_Key|DataVersion|LineNumber|Number|Номер|Code|Код|Predefined(DataName)?|IsFolder|version|id"
    r"|.*_Key|.*_Type|.*_id", re.IGNORECASE
)  # fmt: skip
_PERSONAL_KEYS = re.compile(
    r"имя|фамил|отчеств|фио|наименован|представлен|телефон|номертел|адрес|почт|e-?mail|описан|комментар|паспорт|"
    r"инн$|кпп$|огрн|окпо|description|name|phone|address|comment|title|purpose|назначен|основан", re.IGNORECASE
)  # fmt: skip
_PERSONAL_DATES = re.compile(r"рожд|birth|паспорт|выдач|значен|value", re.IGNORECASE)
"""A day of these says something of a person; the value of an additional attribute may."""
_AREA_KEYS = re.compile(r"код_?(города|оператора)|area_?code|city_?code", re.IGNORECASE)
_AREA = re.compile(rf"(?i:{_AREA_KEYS.pattern})\W{{1,8}}\d{{2,5}}(?!\d)")
"""Such a code as contact data are kept in texts, XML or JSON: `КодГорода="912"`."""
_FORMS = frozenset(
    re.split(
        " ",
        "ооо оао зао пао ао нко ип чп тов фоп пат прат тд тоо гуп муп мбоу фгбу ltd llc gmbh inc доб ext тел моб факс",
    )
)
"""Forms of enterprise and words around numbers: they name nobody, and cleaners look at them."""
_SYLLABLES = {
    "cyrillic": re.findall("..", "вавевидадедижазокакилолумамеминаненопаперарерисасетатетифошу"),
    "latin": re.findall("..", "vavevidadedijazokakilolumameminanenopaperarerisasetatetifosu"),
}


@dataclass(frozen=True, slots=True)
class Masker:
    """Masks payloads of one mapping; `listed` are the attributes whose single words are kept."""

    listed: frozenset[str]
    country: str = "RU"

    def mask(self, payload: dict[str, object]) -> dict[str, object]:
        """The payload with everything personal made up."""
        return {key: self._value(key, value) for key, value in payload.items()}

    def _value(self, key: str, value: object) -> object:
        if isinstance(value, dict):
            return {name: self._value(name, item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(key, item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**8:
            return int(self._text(key, str(value)))
        return self._text(key, value) if isinstance(value, str) else value

    def _text(self, key: str, text: str) -> str:
        stripped = text.strip()
        if not stripped or stripped == EMPTY_GUID or _GUID.fullmatch(stripped):
            return text
        if _DATE.fullmatch(stripped):
            return _shifted(text) if _PERSONAL_DATES.search(key) else text
        if _AREA_KEYS.search(key) and not _WORD.search(text):
            return _other_digits(text)
        personal = bool(_PERSONAL_KEYS.search(key))
        if not personal and (_KEPT_KEYS.fullmatch(key) or _PLAIN_NUMBER.fullmatch(stripped)):
            return text
        if not personal and key in self.listed and _ONE_WORD.fullmatch(stripped):
            return text
        return mask_text(text, self.country)


def masker_of(rules: Mapping) -> Masker:
    """A masker that keeps the words of lists which the mapping's value tables, conditions and row tests look at."""
    return Masker(frozenset(_listed(rules)), rules.country)


def _listed(rules: Mapping) -> Iterator[str]:
    tree = load_chain(rules.text, rules.name, None).tree
    for rule in _rules_in(tree):
        paths = rule.get("from")
        texts: list[object] = paths if isinstance(paths, list) else [paths or ""]
        if "table" in rule:
            yield from (re.split(r"[.|]", str(text))[-1] for text in texts)
        for text in texts:
            yield from re.findall(r"[\[,]\s*([^\W\d]\w*)\s*!?=", str(text))
        for formula in (rule.get("when"), rule.get("formula")):
            yield from _compared(str(formula or ""))


def _compared(formula: str) -> Iterator[str]:
    """The attributes that a formula holds against words of its own; what it only asks to be filled is no list."""
    try:
        nodes = list(ast.walk(ast.parse(formula.strip()[:LONGEST_SOURCE], mode="eval"))) if formula else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in nodes:
        sides: list[ast.expr] = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _COMPARING:
            sides = node.args
        inner = [one for side in sides for one in ast.walk(side)]
        if any(isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value for one in inner):
            yield from (one.id for one in inner if isinstance(one, ast.Name))


_COMPARING = frozenset({"one_of", "contains", "starts", "ends"})


def _rules_in(tree: object) -> Iterator[dict[str, object]]:
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from _rules_in(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _rules_in(value)
    elif isinstance(tree, str):
        yield {"from": tree}


def mask_text(text: str, country: str = "RU") -> str:
    """One text with its e-mails, numbers and words made up; spaces, signs, case and the number of words stay."""
    kept: list[str] = []

    def keep(made: str) -> str:
        kept.append(made)
        return f"\x00{chr(0xE000 + len(kept) - 1)}\x00"

    text = text.replace("\x00", "")[:_LONGEST]
    text = _EMAIL.sub(lambda found: keep(_email(found[0])), text)
    text = _AREA.sub(lambda found: keep(_other_digits(found[0])), text)
    text = _LONG_DIGITS.sub(lambda found: keep(_digits(found[0], country)), text)
    text = _INITIALS.sub(lambda found: _small_initials(found[0]), text)
    text = _WORD.sub(lambda found: _word(found[0]), text)
    return re.sub("\x00(.)\x00", lambda found: kept[ord(found[1]) - 0xE000], text)


_LONGEST = 6_000
_TRIES = 2_000


def _seed(kind: str, text: str, turn: int = 0) -> int:
    raw = f"{kind}\n{turn}\n{text}".encode("utf-8", "replace")
    return int.from_bytes(blake2b(raw, digest_size=16).digest(), "big")


def _email(text: str) -> str:
    name, _, domain = text.lower().partition("@")
    return f"{_made('word', name, 'latin', 6)}@{_made('word', domain, 'latin', 6)}.example"


def _word(word: str) -> str:
    if word.lower() in _FORMS:
        return word
    if len(word) == 1:
        return _initial(word) if word.isupper() else word
    latin = word.isascii()
    made = _made("word", word.lower(), "latin" if latin else "cyrillic", max(len(word), 2))
    if made == word.lower():
        made = made[::-1]
    if word.isupper():
        return made.upper()
    return made.capitalize() if word[0].isupper() else made


def _made(kind: str, text: str, script: str, length: int) -> str:
    """A word of so many letters that means nothing."""
    seed, syllables, made = _seed(kind, text), _SYLLABLES[script], ""
    while len(made) < length:
        seed, place = divmod(seed, len(syllables))
        made += syllables[place]
        seed = seed or _seed(kind, made + text)
    return made[:length]


def _digits(text: str, country: str) -> str:
    """A long number, its signs in place: a phone number stays one, check digits stay right or wrong."""
    digits = re.sub(r"\D", "", text)
    fits = _test_of(digits, text, country)
    keep = _kept_digits(digits, text, country)
    rest = digits[keep:]
    for turn in range(_TRIES):
        made = digits[:keep] + _other(rest, rest, turn)
        shaped = _in_shape(made, text)
        elsewhere = made[keep:][:_AREA_LENGTH] != rest[:_AREA_LENGTH] if keep else made != digits
        if elsewhere and fits(made, shaped):
            return shaped
    return _in_shape(_other(digits, digits, 0), text)


_AREA_LENGTH = 2
"""No area or operator is told apart by less, wherever a number is of."""


def _other_digits(text: str) -> str:
    """A text with each row of digits made up, whatever it means."""
    return re.sub(r"\d+", lambda found: _different(found[0]), text)


def _different(digits: str) -> str:
    turns = (_other(digits, digits, turn) for turn in range(_TRIES))
    return next(made for made in turns if made != digits)


_INITIALS = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.\s?){2,}")
_SMALL = re.compile(r"[^\W\d_]")
_LETTERS = {True: "BCDFGHKLMNPRSTVZ", False: "БВГДЖЗКЛМНПРСТФШ"}


def _initial(letter: str) -> str:
    """Another letter of the same script and case."""
    known = _LETTERS[letter.isascii()].replace(letter.upper(), "")
    made = known[_seed("initial", letter.lower()) % len(known)]
    return made if letter.isupper() else made.lower()


def _small_initials(text: str) -> str:
    """Initials that somebody typed without capitals; capitals are made up as words are."""
    return _SMALL.sub(lambda found: found[0] if found[0].isupper() else _initial(found[0]), text)


_LIVES = timedelta(days=4_000)


def _shifted(text: str) -> str:
    """A moment with another day, years earlier; the day that stands for none stays."""
    stripped = text.strip()
    try:
        day = date.fromisoformat(stripped[:10])
    except ValueError:
        return _other_digits(text)
    if day.year < _LIVES.days // 365 + 2:
        return text
    made = day - timedelta(days=200 + _seed("day", stripped[:10]) % (_LIVES.days - 200))
    return text.replace(stripped[:10], made.isoformat(), 1)


def _other(part: str, whole: str, turn: int) -> str:
    seed = _seed("digits", whole, turn)
    return str(seed)[-len(part) :].zfill(len(part)) if part else ""


def _in_shape(digits: str, text: str) -> str:
    following = iter(digits)
    return "".join(next(following) if char.isdigit() else char for char in text)


def _kept_digits(digits: str, text: str, country: str) -> int:
    """Of a phone number the country and what is dialled before stay, so that it stays one; area and operator do not."""
    if len(digits) < 10 or not _is_phone(text, country):
        return 0
    own = phonenumbers.national_significant_number(phonenumbers.parse(text, country))
    return max(len(digits) - len(own), 0)


def _is_phone(text: str, country: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, country))
    except phonenumbers.NumberParseException:
        return False


def _test_of(digits: str, text: str, country: str) -> Callable[[str, str], bool]:
    checks = {8: [check_edrpou], 10: [check_inn, check_edrpou], 12: [check_inn], 13: [check_ogrn], 15: [check_ogrn]}
    right = [check for check in checks.get(len(digits), []) if not check(digits)[1]]
    if right and digits == text.strip():
        return lambda made, shaped: not right[0](made)[1]
    if _is_phone(text, country):
        return lambda made, shaped: _is_phone(shaped, country)
    wrong = checks.get(len(digits), [])
    return lambda made, shaped: all(check(made)[1] for check in wrong)
