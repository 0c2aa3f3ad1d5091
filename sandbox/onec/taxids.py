"""Registration numbers with valid check digits: Russian ИНН, КПП, ОГРН, ОГРНИП; Ukrainian ЄДРПОУ, РНОКПП."""

from __future__ import annotations

from random import Random

WEIGHTS_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
WEIGHTS_11 = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
WEIGHTS_12 = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
REGIONS = ("77", "78", "50", "66", "16", "52", "63", "23", "54", "74")


def check_digit(digits: str, weights: tuple[int, ...]) -> str:
    """Weighted sum modulo 11 modulo 10."""
    total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return str(total % 11 % 10)


def company_inn(random: Random, region: str) -> str:
    """Ten digits."""
    head = f"{region}{random.randrange(1, 50):02d}{random.randrange(10**5):05d}"
    return head + check_digit(head, WEIGHTS_10)


def person_inn(random: Random, region: str) -> str:
    """Twelve digits."""
    head = f"{region}{random.randrange(1, 50):02d}{random.randrange(10**6):06d}"
    head += check_digit(head, WEIGHTS_11)
    return head + check_digit(head, WEIGHTS_12)


def kpp(inn: str, branch: int = 0) -> str:
    """Tax office of the INN; 01 is the seat, 43 a branch."""
    return f"{inn[:4]}{'43' if branch else '01'}{branch or 1:03d}"


def ogrn(random: Random, region: str) -> str:
    """Thirteen digits of a company."""
    head = f"1{random.randrange(2, 24):02d}{region}{random.randrange(10**7):07d}"
    return head + str(int(head) % 11 % 10)


def ogrnip(random: Random, region: str) -> str:
    """Fifteen digits of a sole trader."""
    head = f"3{random.randrange(4, 24):02d}{region}{random.randrange(10**9):09d}"
    return head + str(int(head) % 13 % 10)


def edrpou(head: str) -> str:
    """Eight digits of a Ukrainian company, from its first seven."""
    weights = (7, 1, 2, 3, 4, 5, 6) if "3000000" <= head <= "6000000" else (1, 2, 3, 4, 5, 6, 7)
    for more in (0, 2):
        rest = sum(int(digit) * (weight + more) for digit, weight in zip(head, weights, strict=True)) % 11
        if rest < 10:
            return f"{head}{rest}"
    return f"{head}0"


def rntrc(head: str) -> str:
    """Ten digits of a Ukrainian person, from the first nine."""
    weights = (-1, 5, 7, 9, 4, 6, 10, 5, 7)
    return f"{head}{sum(int(digit) * weight for digit, weight in zip(head, weights, strict=True)) % 11 % 10}"


def vat_payer(inn: str) -> str:
    """Twelve digits of a Ukrainian VAT payer; it identifies nobody here."""
    return f"{inn}00"[:12]
