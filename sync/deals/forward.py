"""Where a deal is moved by what has become of its orders. Pure: forward only, once, and never out of an ended deal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.stages import Stage
from core.money import ZERO
from mapping.deals import ANY, DealRules, Moves


@dataclass(frozen=True, slots=True)
class OrderSum:
    """One order that counts: its amount, and what of it was shipped and paid."""

    amount: Decimal
    shipped: Decimal
    paid: Decimal


def is_paid(orders: Sequence[OrderSum]) -> bool:
    """Whether there are orders and each of them is paid in full; one of nothing is paid when another is."""
    return any(one.amount > ZERO for one in orders) and all(one.paid >= one.amount for one in orders)


def is_shipped(orders: Sequence[OrderSum]) -> bool:
    """The same of shipments."""
    return any(one.amount > ZERO for one in orders) and all(one.shipped >= one.amount for one in orders)


def find_stage(pipeline: Sequence[Stage], wanted: str) -> Stage | None:
    """A stage of one pipeline by its id (its prefix may be left out) or by its name; None where none fits."""
    exact = [stage for stage in pipeline if wanted in (stage.id, stage.id.partition(":")[2])]
    named = [stage for stage in pipeline if stage.name.casefold() == wanted.casefold()]
    found = exact or named
    return found[0] if len(found) == 1 else None


def next_stage(
    pipeline: Sequence[Stage],
    current: str,
    moves: Moves,
    orders: Sequence[OrderSum],
    *,
    moved_to: str = "",
    backwards: bool = False,
) -> Stage | None:
    """The stage that a deal is to be moved to now; None where it stays.

    Args:
        pipeline: the stages of its pipeline in their order.
        current: where it stands.
        moves: the rules of its pipeline.
        orders: all its orders that count.
        moved_to: the stage that we moved it to last, empty where we have not.
        backwards: whether a deal that stands where we put it goes back when that no longer holds.

    Returns:
        The furthest stage that its orders have earned, where it lies ahead. A stage that we have moved it to before is
        not asked for again: a person who moved it elsewhere since has the last word. A deal that people have ended, or
        that stands where the pipeline knows no stage, is left alone.
    """
    places = {stage.id: place for place, stage in enumerate(pipeline)}
    target = earned_stage(pipeline, moves, orders)
    if target is None or current not in places or target.id in (current, moved_to):
        return None
    if backwards and current == moved_to:
        return target
    going = pipeline[places[current]].outcome == "open"
    return target if going and places[target.id] > places[current] else None


def earned_stage(pipeline: Sequence[Stage], moves: Moves, orders: Sequence[OrderSum]) -> Stage | None:
    """The furthest stage that the orders have earned; None for none. No stage that means "lost" is earned."""
    reached = moves.reached(paid=is_paid(orders), shipped=is_shipped(orders))
    stages = [stage for name in reached if (stage := find_stage(pipeline, name)) is not None]
    return max((stage for stage in stages if stage.outcome != "lost"), key=pipeline.index, default=None)


def unknown_names(rules: DealRules, stages: Sequence[Stage], name: str) -> list[str]:
    """What `[deals.moves]` names and the CRM called `name` does not have, as sentences; empty where all is there."""
    told = []
    for pipeline, moves in (rules.moves or {}).items():
        known = [stage for stage in stages if pipeline in (ANY, stage.pipeline, stage.pipeline_name)]
        if not known:
            told.append(f"[deals.moves] names the pipeline {pipeline}, which {name} does not have.")
            continue
        every = [[one for one in known if one.pipeline == key] for key in dict.fromkeys(one.pipeline for one in known)]
        for wanted in moves.stages:
            if not any(find_stage(one, wanted) for one in every):
                told.append(f"[deals.moves] names the stage {wanted}, which {name} does not have.")
    return told
