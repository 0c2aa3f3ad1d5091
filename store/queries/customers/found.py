"""Customers found as somebody types: name with typos, tax id, code, phone in any writing, e-mail, document number.

Asked of the words kept by `store.customers`, never by reading all customers. A search without a viewer looks at all of
them: it serves matching, and its answers hold names only.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from itertools import takewhile
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, and_, exists, literal_column, or_, select, union

from store.entities import NUMBER_TAIL, counterparties, entity_tables
from store.queries.customers.rights import Viewer, may_see_customer
from store.search import REGION, plain_words
from store.tables import customer_word, word_form
from store.words import Typed, code_words, forms_of, other_layout, read_typed

MOST = 200
"""So many are looked at to find the best of them."""
DOCUMENTS = ("order", "shipment", "return", "payment")
_LAST = chr(0x10FFFF)
_LONGEST_NUMBER = 40
MOST_ALIKE = 12
"""So many words that begin almost as what was typed are tried: each is a question."""
SHORTEST_UNFINISHED = 5
"""The beginning of a shorter word, a letter left out, is the beginning of half of all words."""
_SHORTEST_TAIL = 3
"""Fewer figures alone are half of all papers."""


def find_ids(
    conn: Connection, text: str, viewer: Viewer | None, *, limit: int = MOST, region: str = REGION
) -> list[UUID]:
    """Ids of the customers whom the text may mean, the surest first; of those only whom the viewer may see.

    Every word that was typed must be met, by its beginning at least. Only where that finds nobody words that differ by
    a letter are tried, then what would have been typed on the other keyboard, then words whose beginning differs by a
    letter. A document's number finds its customer, and so does his own code, with its leading zeros or without.
    """
    typed = read_typed(text, region=region)
    if typed.empty:
        return []
    codes = find_by_code(conn, text, viewer)
    papers = [*codes, *_by_document(conn, text, viewer)]
    words: Sequence[Sequence[str]] = typed.words
    found = papers + _by_words(conn, words, viewer)
    if not found and not typed.number:
        words = _similar(conn, typed)
        found = _by_words(conn, words, viewer)
    if not found and (other := other_layout(text)) != text.casefold():
        words = read_typed(other, region=region).words
        found = _by_words(conn, words, viewer)
    if not found and not typed.number:
        words = _begun_similar(conn, typed)
        found = _by_words(conn, words, viewer)
    return _rank(conn, list(dict.fromkeys(found)), text, words, frozenset(papers), codes)[:limit]


def may_see(viewer: Viewer | None, key: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """The condition on a customer's id that he is one of the viewer's; none where nobody looks or all may be seen."""
    if viewer is None or viewer.sees_all:
        return []
    return [key.in_(select(counterparties.c.id).where(may_see_customer(viewer)))]


def find_by_code(conn: Connection, text: str, viewer: Viewer | None) -> dict[UUID, bool]:
    """Of those whom the viewer may see, whose code this is, leading zeros left off or not; and whether it is all of it.

    All of a code is one customer's in each base; its last figures, with others before them, may be several's.
    """
    typed = code_words(text) if len(text) <= _LONGEST_NUMBER else ()
    if not typed:
        return {}
    key = customer_word.c.counterparty_id
    query = select(key, counterparties.c.code).join(counterparties, counterparties.c.id == key)
    query = query.where(customer_word.c.word == typed[0], *may_see(viewer, key)).order_by(key).limit(MOST)
    return {row.counterparty_id: typed[0] in code_words(row.code or "")[:1] for row in conn.execute(query)}


def _by_words(conn: Connection, words: Sequence[Sequence[str]], viewer: Viewer | None) -> list[UUID]:
    if not words or not all(words):
        return []
    driving = max(range(len(words)), key=lambda place: min(map(len, words[place])))
    others = [group for place, group in enumerate(words) if place != driving]
    parts = [_begun(word, others, viewer) for word in words[driving]]
    return [row[0] for part in parts for row in conn.execute(part)]


def _begun(word: str, others: Sequence[Sequence[str]], viewer: Viewer | None) -> Select[Any]:
    """Customers with a word that begins so, and the other words too; the shortest such words first."""
    key = customer_word.c.counterparty_id
    query = select(key, customer_word.c.word).where(_begins(customer_word, word), *may_see(viewer, key))
    for group in others:
        twin = customer_word.alias()
        met = or_(*(_begins(twin, other) for other in group))
        query = query.where(exists().where(twin.c.counterparty_id == key, met))
    return query.order_by(customer_word.c.word, key).limit(MOST)


def _begins(table: Any, word: str) -> ColumnElement[bool]:
    return and_(table.c.word >= word, table.c.word < word + _LAST)


def _similar(conn: Connection, typed: Typed) -> list[tuple[str, ...]]:
    """For every typed word those that share a form with it; itself stays one of them."""
    forms = {word: forms_of(word) for group in typed.words for word in group}
    every = {form for group in forms.values() for form in group}
    query = select(word_form.c.form, word_form.c.word).where(word_form.c.form.in_(sorted(every)))
    known = conn.execute(query).all()
    return [
        tuple(dict.fromkeys([*group, *(row.word for row in known for word in group if row.form in forms[word])]))
        for group in typed.words
    ]


def _begun_similar(conn: Connection, typed: Typed) -> list[tuple[str, ...]]:
    """For every typed word those whose beginning differs from it by a letter: it may not be finished yet.

    A few of each, those first that begin as it does for longest: many words begin alike, and every one is looked for.
    """
    return [tuple(dict.fromkeys([*group, *_alike(conn, group)])) for group in typed.words]


def _alike(conn: Connection, group: Sequence[str]) -> list[str]:
    long = [word for word in group if len(word) >= SHORTEST_UNFINISHED]
    every = sorted({form for word in long for form in forms_of(word) if form.isalpha()})
    if not every:
        return []
    parts = [
        select(word_form.c.word).where(word_form.c.form >= form, word_form.c.form < form + _LAST)
        .order_by(word_form.c.form, word_form.c.word).limit(MOST_ALIKE).subquery()
        for form in every
    ]  # fmt: skip
    known = conn.execute(union(*(select(part.c.word) for part in parts))).scalars()
    return sorted(known, key=lambda word: (-_shared(word, long), word))[:MOST_ALIKE]


def _shared(word: str, group: Sequence[str]) -> int:
    """With so many letters the word begins as one of these does."""
    pairs = [zip(word, other, strict=False) for other in group]
    return max(sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], both)) for both in pairs)


def _by_document(conn: Connection, text: str, viewer: Viewer | None) -> list[UUID]:
    """Whose order, shipment, return or payment has this number: as it is printed, else by the end of it.

    123, 00123 and УТ-123 all mean УТ-000123; what is typed before the last figures must stand there too.
    """
    number = " ".join(text.split())
    if len(number) > _LONGEST_NUMBER or not any(letter.isdigit() for letter in number):
        return []
    writings = sorted({number, number.upper(), number.lower()})
    found = _load_documents(conn, viewer, lambda table: table.c.number.in_(writings))
    head, figures = split_number(number)
    tail = figures.lstrip("0")
    if tail and (plain_words(head) or len(figures) >= _SHORTEST_TAIL):
        ends = _load_documents(conn, viewer, lambda _: literal_column(NUMBER_TAIL) == tail)
        found += [row for row in ends if _plain(head) in _plain(split_number(row.number)[0])]
    return list(dict.fromkeys(row.counterparty_id for row in found))


def _load_documents(
    conn: Connection, viewer: Viewer | None, condition: Callable[[Table], ColumnElement[bool]]
) -> list[Row[Any]]:
    """Number and customer of documents that fit, the newest first; each kind by its own index."""
    found: list[Row[Any]] = []
    for name in DOCUMENTS:
        table = entity_tables[name]
        key = table.c.counterparty_id
        query = select(key, table.c.number, table.c.date).where(condition(table), key.is_not(None))
        found += conn.execute(query.where(*may_see(viewer, key)).order_by(table.c.date.desc(), table.c.id).limit(MOST))
    return sorted(found, key=lambda row: row.date, reverse=True)


def split_number(number: str) -> tuple[str, str]:
    """A document's number, as the figures at its end and what stands before them."""
    head = number.rstrip("0123456789")
    return head, number[len(head) :]


def _plain(text: str) -> str:
    return plain_words(text).replace(" ", "")


def _rank(
    conn: Connection,
    ids: list[UUID],
    text: str,
    words: Sequence[Sequence[str]],
    by_number: Container[UUID],
    codes: Mapping[UUID, bool],
) -> list[UUID]:
    """A whole entry or code, then whose paper or end of a code it is, a beginning, then who has the words himself.

    That is, not by a person there. A living customer before a deleted one; then by name.
    """
    columns = [counterparties.c[name] for name in ("id", "name", "search", "deleted")]
    plain = plain_words(text)
    order: dict[UUID, tuple[Any, ...]] = {}
    for row in conn.execute(select(*columns).where(counterparties.c.id.in_(ids[: MOST * 2]))):
        whole = f"\n{plain}\n" in row.search or codes.get(row.id, False)
        begins = f"\n{plain}" in row.search
        own = sum(any(word in row.search for word in group) for group in words)
        surest = (row.deleted, not whole, row.id not in by_number, not begins, -own)
        order[row.id] = (*surest, row.name.casefold(), str(row.id))
    return sorted(order, key=lambda key: order[key])
