"""A CRM's cards on disk, found by what people would look for: our key, tax id, phone, e-mail, name.

Memory stays the same however many there are; the book goes with the process that has written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.cards import ListedCard
from mapping.cleaners.taxids import check_edrpou, check_inn
from store.scratch import Scratch
from store.search import plain_phone
from sync.push.names import ALIKE, likeness, normalise_name, rarest_word

MOST_ALIKE = 50
"""A word that more cards share tells nobody apart."""
_SHORTEST_WORD = 3
_ANYBODY = "SELECT min(tax_id) FROM legal WHERE legal.external_id = card.external_id AND good"
_SHOWN = f"card.external_id, card.kind, card.title, card.key, ({_ANYBODY})"


@dataclass(frozen=True, slots=True)
class Found:
    """A card that may be a customer's. `codes`: the registration codes that it has under this tax id, "" for none."""

    external_id: str
    kind: str
    title: str
    key: str
    tax_id: str = ""
    codes: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        """A registration code to show."""
        return next((code for code in self.codes if code), "")


@dataclass(frozen=True, slots=True)
class Kept:
    """A card as it was read, for those that are linked."""

    source: str
    version: str
    raw: bytes


class CardBook:
    """The cards of one CRM while it is linked. Own firms are not in it."""

    def __init__(self) -> None:
        self._disk = Scratch(
            "card (external_id TEXT PRIMARY KEY, kind TEXT, title TEXT, key TEXT, source TEXT, version TEXT, raw BLOB)",
            "legal (tax_id TEXT, code TEXT, external_id TEXT, good INTEGER)",
            "reach (value TEXT, external_id TEXT)",
            "name (plain TEXT, external_id TEXT)",
            "word (word TEXT, external_id TEXT)",
            "met (external_id TEXT PRIMARY KEY)",
            "claim (external_id TEXT, ours TEXT, PRIMARY KEY (external_id, ours))",
            "wanted (place INTEGER, value TEXT)",
        )
        for table, column in (("legal", "tax_id"), ("reach", "value"), ("name", "plain"), ("word", "word")):
            self._disk.run(f"CREATE INDEX {table}_by ON {table} ({column})")
        self._disk.run("CREATE INDEX card_by_key ON card (key)")
        self._disk.run("CREATE INDEX legal_of ON legal (external_id)")
        self.own_firms = 0

    def close(self) -> None:
        """Give the room on disk back."""
        self._disk.__exit__(None, None, None)

    def put(self, kind: str, cards: Iterable[ListedCard]) -> int:
        """Write down these cards; returns how many."""
        kept = [card for card in cards if not card.own_firm]
        self._disk.put(
            "INSERT OR REPLACE INTO card VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(c.external_id, kind, c.title, c.key, c.raw.source, c.raw.version, c.raw.raw) for c in kept],
        )
        legal = [(plain_tax_id(tax), code, card.external_id, is_good(tax)) for card in kept for tax, code in card.legal]
        self._disk.put("INSERT INTO legal VALUES (?, ?, ?, ?)", legal)
        reach = [(value, card.external_id) for card in kept for value in reaches(card.phones, card.emails)]
        self._disk.put("INSERT INTO reach VALUES (?, ?)", reach)
        names = [(plain, card.external_id) for card in kept if (plain := normalise_name(card.title))]
        self._disk.put("INSERT INTO name VALUES (?, ?)", names)
        words = [(word, key) for plain, key in names for word in set(plain.split()) if len(word) >= _SHORTEST_WORD]
        self._disk.put("INSERT INTO word VALUES (?, ?)", words)
        return len(kept)

    def by_key(self, wanted: Iterable[tuple[int, str]]) -> dict[int, list[Found]]:
        """Cards that stand under these keys; here as below `wanted` are pairs of a customer's place and a value."""
        query = f"SELECT place, value, {_SHOWN} FROM wanted JOIN card ON card.key = value"  # noqa: S608
        found: dict[int, list[Found]] = {}
        for place, _, *card in self._ask(wanted, query):
            found.setdefault(place, []).append(_found(card))
        return found

    def by_tax_id(self, wanted: Iterable[tuple[int, str]]) -> dict[int, list[Found]]:
        """Cards that have these tax ids, each once with all its registration codes under it."""
        query = (
            "SELECT place, value, card.external_id, card.kind, card.title, card.key, legal.code FROM wanted"
            " JOIN legal ON legal.tax_id = value JOIN card ON card.external_id = legal.external_id"
            " ORDER BY place, card.rowid"
        )
        gathered: dict[tuple[int, str], tuple[list[str], list[str]]] = {}
        for place, tax_id, external_id, *shown, code in self._ask(wanted, query):
            gathered.setdefault((place, external_id), ([*shown, tax_id], []))[1].append(code)
        found: dict[int, list[Found]] = {}
        for (place, external_id), ((kind, title, key, tax_id), codes) in gathered.items():
            found.setdefault(place, []).append(
                Found(external_id, kind, title, key, tax_id, tuple(dict.fromkeys(codes)))
            )
        return found

    def by_reach(self, wanted: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, Found]]:
        """Cards with these phones (plain) or e-mails, with the value that they have in common."""
        query = (
            f"SELECT place, value, {_SHOWN} FROM wanted JOIN reach USING (value)"  # noqa: S608
            " JOIN card ON card.external_id = reach.external_id"
        )
        for place, value, *card in self._ask(wanted, query):
            yield place, value, _found(card)

    def by_name(self, wanted: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str, Found]]:
        """Cards with these names or names much like them (all normalised), with how alike they are in words."""
        rare = [(place, word) for place, plain in wanted if len(word := rarest_word(plain)) >= _SHORTEST_WORD]
        common = "SELECT word FROM word WHERE word IN (SELECT value FROM wanted) GROUP BY word HAVING count(*) > ?"
        query = (
            f"SELECT place, name.plain, {_SHOWN} FROM wanted JOIN word ON word.word = value"  # noqa: S608
            " JOIN card ON card.external_id = word.external_id JOIN name ON name.external_id = card.external_id"
            f" WHERE value NOT IN ({common})"
        )
        names: dict[int, list[str]] = {}
        for place, plain in wanted:
            names.setdefault(place, []).append(plain)
        for place, theirs, *card in self._ask(rare, query, MOST_ALIKE):
            best = max(likeness(plain, theirs) for plain in names[place])
            if ALIKE <= best < 100:
                yield place, f"similar name ({best:.0f} of 100)", _found(card)
        same = (
            f"SELECT place, value, {_SHOWN} FROM wanted JOIN name ON name.plain = value"  # noqa: S608
            " JOIN card ON card.external_id = name.external_id"
        )
        for place, _, *card in self._ask(wanted, same):
            yield place, "same name", _found(card)

    def by_id(self, ids: Iterable[str]) -> dict[str, Found]:
        """These cards, as far as they are there."""
        query = f"SELECT {_SHOWN} FROM wanted JOIN card ON card.external_id = value"  # noqa: S608
        return {found.external_id: found for found in map(_found, self._ask(enumerate(ids), query))}

    def load_kept(self, ids: Iterable[str]) -> dict[str, Kept]:
        """These cards as they were read."""
        query = "SELECT external_id, source, version, raw FROM wanted JOIN card ON card.external_id = value"
        return {key: Kept(*kept) for key, *kept in self._ask(enumerate(ids), query)}

    def meet(self, ids: Iterable[str]) -> None:
        """Say of cards that some customer of ours has them, or may have."""
        self._disk.put("INSERT OR IGNORE INTO met VALUES (?)", [(key,) for key in ids])

    def has_several_tax_ids(self) -> bool:
        """Whether some card has more than one: customers who have nothing in common may be sure of it."""
        query = "SELECT 1 FROM legal WHERE good GROUP BY external_id HAVING count(DISTINCT tax_id) > 1 LIMIT 1"
        return next(iter(self._disk.read(query)), None) is not None

    def claim(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Note cards with customers of ours who would have them: (card, customer)."""
        self._disk.put("INSERT OR IGNORE INTO claim VALUES (?, ?)", pairs)

    def disputed(self, ids: Iterable[str]) -> set[str]:
        """Of these cards those that more than one customer would have."""
        query = "SELECT external_id FROM wanted JOIN claim ON claim.external_id = value GROUP BY 1 HAVING count(*) > 1"
        return {key for (key,) in self._ask(enumerate(dict.fromkeys(ids)), query)}

    def never_met(self) -> Iterator[Found]:
        """Cards that nobody here has."""
        query = f"SELECT {_SHOWN} FROM card WHERE external_id NOT IN (SELECT external_id FROM met) ORDER BY rowid"  # noqa: S608
        return map(_found, self._disk.read(query))

    def _ask(self, wanted: Iterable[tuple[int, str]], query: str, *values: object) -> list[tuple[Any, ...]]:
        self._disk.empty("wanted")
        self._disk.put("INSERT INTO wanted VALUES (?, ?)", wanted)
        return list(self._disk.read(query, values))


def _found(row: Sequence[object]) -> Found:
    external_id, kind, title, key, tax_id = row
    return Found(str(external_id), str(kind), str(title), str(key), str(tax_id or ""))


def reaches(phones: Iterable[str], emails: Iterable[str]) -> list[str]:
    """By what somebody is reached, in the one writing in which it is compared."""
    found = [plain_phone(phone) for phone in phones] + [email.strip().casefold() for email in emails]
    return list(dict.fromkeys(value for value in found if value))


def plain_tax_id(text: str) -> str:
    """A tax id without what people put between its digits."""
    return check_inn(text)[0]


def is_good(tax_id: str) -> bool:
    """Whether a tax id can be one at all: its check digit is right for one of the countries."""
    return any(not check(tax_id)[1] for check in (check_inn, check_edrpou))
