"""The tables of the machine room (design §6), each named by what it keeps.

Uniqueness lives here, in unique and partial unique indexes, because no check in a program survives two workers.
The tables of the entities are in `store.entities`.
"""

from store.tables.alerts import alert, alert_delivery
from store.tables.base import metadata
from store.tables.books import (
    audit,
    declared_set,
    mapping_case,
    mapping_draft,
    mapping_version,
    reapply,
    reconciliation,
    reconciliation_line,
)
from store.tables.customers import customer_figure, customer_mark, customer_word, own_value, word_form
from store.tables.outward import deal_order, outbox, outbox_mark, token
from store.tables.people import api_token, department, login_attempt, session, substitute, user, user_record
from store.tables.queues import dead_letter, intent, match_decision, parked, review
from store.tables.records import binding, landing
from store.tables.runs import (
    PULL_COUNTERS,
    PUSH_COUNTERS,
    connection,
    cursor,
    lease,
    rate,
    request,
    run,
    run_counter,
    slot,
    tick,
)

__all__ = [
    "PULL_COUNTERS",
    "PUSH_COUNTERS",
    "alert",
    "alert_delivery",
    "api_token",
    "audit",
    "binding",
    "connection",
    "cursor",
    "customer_figure",
    "customer_mark",
    "customer_word",
    "dead_letter",
    "deal_order",
    "declared_set",
    "department",
    "intent",
    "landing",
    "lease",
    "login_attempt",
    "mapping_case",
    "mapping_draft",
    "mapping_version",
    "match_decision",
    "metadata",
    "outbox",
    "outbox_mark",
    "own_value",
    "parked",
    "rate",
    "reapply",
    "reconciliation",
    "reconciliation_line",
    "request",
    "review",
    "run",
    "run_counter",
    "session",
    "slot",
    "substitute",
    "tick",
    "token",
    "user",
    "user_record",
    "word_form",
]
