"""The stage of a cycle that deals with deals: stages, orders to deals, moves. An idle one asks three questions."""

from __future__ import annotations

from sync.context import RunContext
from sync.deals.assigning import assign_orders
from sync.deals.memory import OVERLAP, load_memory, refresh_stages, rules_mark, save_memory, since_of
from sync.deals.moving import may_move, plan_moves
from sync.deals.sending import send_moves, shelve_moves


def settle_deals(ctx: RunContext) -> None:
    """Assign orders to this CRM's deals and move the deals that their orders have earned, as the mapping says.

    Raises:
        TransientError, ConfigError: the other side does not work; what was committed stays.
        LeaseLost: another worker has taken over.
    """
    rules = ctx.mapping.deals
    if rules is None:
        shelve_moves(ctx)
        return
    memory = load_memory(ctx)
    refresh_stages(ctx, memory)
    since = since_of(ctx, memory)
    looked = assign_orders(ctx, rules, since)
    if may_move(ctx):
        looked += plan_moves(ctx, rules, memory, since)
    if (looked or since is None) and not ctx.order.dry_run:
        memory.seen, memory.rules = ctx.started_at - OVERLAP, rules_mark(ctx)
        save_memory(ctx, memory)
    send_due_moves(ctx)


def send_due_moves(ctx: RunContext) -> None:
    """Only what is due already: for a run that takes up what waits. Where nothing is moved (any more), it rests.

    Raises:
        TransientError: the other side does not answer. LeaseLost: another worker has taken over.
    """
    rules = ctx.mapping.deals
    if rules is None or not may_move(ctx):
        shelve_moves(ctx)
    else:
        send_moves(ctx, rules, load_memory(ctx))
