"""Differences that an earlier reconciliation named: as long as they add up, accounting is not asked again.

They add up when for every settlement of a customer opening + mirrored documents + remembered movements is the register,
to the kopeck. One kopeck less and all of the customer's movements are fetched and what is remembered is replaced.
"""

from __future__ import annotations

from core.money import ZERO
from store.queries.settlements.recorders import Head
from sync.context import RunContext
from sync.reconcile.customer import Customer, Explanation, stored_lines
from sync.reconcile.ties import Seen, build_tie_line, find_mirrored, load_ours
from sync.settle.effects import Totals, find_offsets
from sync.settle.movements import NOT_PUBLISHED, OTHER, NamedMovement, Tie, tie_movements

_OF_MIRRORED = frozenset({"filtered", "other_organisation", "converted", NOT_PUBLISHED})
"""Names that a document of a mirrored set may bear."""
_OF_BOTH = frozenset({"converted", NOT_PUBLISHED})
"""Those of documents that may move something here as well."""


def remember(ctx: RunContext, customer: Customer, seen: Seen) -> Explanation | None:
    """The lines of last time, without a question; None where they do not explain the whole of today's difference.

    A remembered movement whose name would be another one today (its set is mirrored since, published since, named by
    the mapping since, or older than the opening) explains nothing.
    """
    known = customer.remembered
    if not known or stored_lines(customer) or not all(_holds(ctx, customer, named, seen) for _, named in known):
        return None
    kinds = {named.recorder: (named.kind, named.number) for _, named in known}
    ties = _build_ties(ctx, customer)
    if any(find_offsets(customer.gaps, _sum(ties)).values()):
        return None
    lines = [
        build_tie_line(ctx, customer, tie, kinds[tie.recorder][0], Head(kinds[tie.recorder][1], tie.date, ""))
        for tie in ties
        if tie.difference
    ]
    return Explanation(customer, lines, [named for _, named in known])


def _holds(ctx: RunContext, customer: Customer, named: NamedMovement, seen: Seen) -> bool:
    if customer.start is not None and named.date is not None and named.date < customer.start:
        return False
    if named.recorder.set not in find_mirrored(ctx):
        return named.kind == ctx.mapping.recorder_kinds.get(named.recorder.set, OTHER)
    hidden = not seen.is_published(ctx, named.recorder.set)
    return named.kind in _OF_MIRRORED and hidden == (named.kind == NOT_PUBLISHED)


def _build_ties(ctx: RunContext, customer: Customer) -> list[Tie]:
    """What is remembered of accounting, against what the same documents move here."""
    theirs = {(named.recorder, key): named.amount for key, named in customer.remembered}
    dates = {named.recorder: named.date for _, named in customer.remembered}
    ours = load_ours(ctx, [customer]) if any(named.kind in _OF_BOTH for _, named in customer.remembered) else {}
    return tie_movements(theirs, {pair: ours.get(pair, ZERO) for pair in theirs}, dates)


def _sum(ties: list[Tie]) -> Totals:
    sums: Totals = {}
    for tie in ties:
        sums[tie.key] = sums.get(tie.key, ZERO) + tie.difference
    return sums
