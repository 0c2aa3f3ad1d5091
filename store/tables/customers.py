"""By what customers are found and sorted in lists, and what people set of them here.

All but `own_value` is derived from their records, never a truth of its own: it can be thrown away and is made anew by
the next run (`store.customers`).
"""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, String, Table, Text, Uuid

from store.tables.base import metadata, partial
from store.types import Money, UtcDateTime

LONGEST_WORD = 64
Word = String(LONGEST_WORD).with_variant(String(LONGEST_WORD, collation="C"), "postgresql")
"""Compared letter by letter on both databases, so that the words that begin with something stand together."""

customer_word = Table(  # a word, tax id, phone or e-mail by which a customer is found; of him, or of a person there
    "customer_word",
    metadata,
    Column("counterparty_id", Uuid, primary_key=True),
    Column("word", Word, primary_key=True),
    Column("person", String(36), primary_key=True, server_default=""),  # id of the person at the customer
    Index("ix_customer_word_word", "word", "counterparty_id"),
    partial("ix_customer_word_person", "person", where="person <> ''", unique=False),
)

word_form = Table(  # a word as it is, and with one letter left out: by it a word with a typo is found
    "word_form",
    metadata,
    Column("form", Word, primary_key=True),
    Column("word", Word, primary_key=True),
)

customer_figure = Table(  # by what lists are sorted; what they show is read where it is kept
    "customer_figure",
    metadata,
    Column("counterparty_id", Uuid, primary_key=True),
    Column("currency", String(10), nullable=False, server_default=""),  # in which most is owed
    Column("amount", Money, nullable=False, server_default="0"),
    Column("overdue", Money, nullable=False, server_default="0"),
    Column("overdue_since", Date),
    Column("over", Money, nullable=False, server_default="0"),  # by so much he is over a credit limit
    Column("last_order_at", UtcDateTime, nullable=False),  # `NEVER` where there was none
    Column("last_shipment_at", UtcDateTime, nullable=False),
    Column("last_payment_at", UtcDateTime, nullable=False),
    Index("ix_customer_figure_amount", "amount", "counterparty_id"),
    Index("ix_customer_figure_overdue", "overdue", "counterparty_id"),
    Index("ix_customer_figure_over", "over", "counterparty_id"),
    Index("ix_customer_figure_last_order_at", "last_order_at", "counterparty_id"),
    Index("ix_customer_figure_last_shipment_at", "last_shipment_at", "counterparty_id"),
    Index("ix_customer_figure_last_payment_at", "last_payment_at", "counterparty_id"),
)

own_value = Table(  # a limit or term that is set here because accounting does not keep it
    "own_value",
    metadata,
    Column("entity", String(20), primary_key=True),  # counterparty, contract
    Column("entity_id", Uuid, primary_key=True),
    Column("field", String(40), primary_key=True),
    Column("value", Text, nullable=False),
    Column("theirs", Text),  # what the other side says meanwhile; it comes back when ours is taken away
    Column("set_by", String(100), nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
)

customer_mark = Table(  # up to when the tables above speak of everything; one row
    "customer_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("since", UtcDateTime, nullable=False),  # what changed before is in them
    Column("passed_at", UtcDateTime, nullable=False),  # when all of it was made last
)
