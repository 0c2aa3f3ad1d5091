"""`sverka deals`: which order belongs to which deal of the CRM, what waits for a person, what became of the orders."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from cli.common import open_app, out_json, out_lines, out_said, out_table, person, view
from cli.exits import say
from cli.words import moment, money, name_of
from core.errors import ConfigError
from store.queries.deals.records import iter_stages
from store.queries.export import iter_export
from store.queries.references import References, load_external_ids
from store.queries.shapes import View, amount_text
from sync.context import App
from sync.deals import deciding

app = typer.Typer(help="Orders and deals: what belongs to what, decided by rule or by a person.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Order = Annotated[str, typer.Argument(help="Number of the order, or its id.")]
AT_ONCE = 200


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="deals")


@app.command("list")
def show_all(
    everything: Annotated[bool, typer.Option("--all", help="Deals that were won or lost too.")] = False,
    as_json: Json = False,
) -> None:
    """Open deals with their orders: what was ordered, shipped, paid.

    Example: sverka deals list
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        every = iter_export(conn, "deals", view(application))
        deals = (one for one in every if not one["deleted"] and (everything or one["outcome"] in (None, "open")))
        if as_json:
            out_lines(deals)
            return
        rows = [_deal_row(deal) for deal in deals]
    if not rows:
        say("There are no open deals here. Next: sverka sync")
        return
    out_table(["deal", "name", "customer", "stage", "orders", "ordered", "shipped", "paid"], rows, right=range(4, 8))


def _deal_row(deal: dict[str, Any]) -> list[object]:
    stage = deal["stage_name"] or deal["stage"]
    amounts = [money(deal[name]) for name in ("ordered", "shipped", "paid")]
    number = deal["number"] or deal["external_id"]
    return [number, deal["name"], name_of(deal["counterparty"]), stage, len(deal["orders"]), *amounts]


@app.command("unassigned")
def show_unassigned(
    everything: Annotated[bool, typer.Option("--all", help="Also of customers who had no open deal then.")] = False,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Orders from this day on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Orders that belong to a deal, and nobody can tell to which without a person.

    Example: sverka deals unassigned
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        _need_rules(application)
        start = since.replace(tzinfo=application.zone) if since is not None else None
        waiting = deciding.iter_waiting(application, conn, everything=everything, since=start)
        number = 0
        while part := list(islice(waiting, AT_ONCE)):
            number += len(part)
            _print_waiting(_records(conn, part, view(application)), as_json)
    if not number:
        say("Every order that could belong to a deal has one.")
    elif not as_json:
        say(f"{number} orders wait. Next: sverka deals assign ORDER DEAL")


def _need_rules(application: App) -> None:
    if not deciding.rules_by_connection(application):
        raise ConfigError(
            "No mapping of a CRM says how orders and deals belong together: none has [deals].",
            next_step="docs/deals.md",
        )


def _records(conn: Connection, part: list[deciding.Waiting], shown: View) -> list[dict[str, Any]]:
    ids = load_external_ids(conn, shown, "order", [one.order["id"] for one in part])
    references = References(conn, shown)
    references.prepare(
        {
            "counterparty": {one.order["counterparty_id"] for one in part} - {None},
            "currency": {one.order["currency_id"] for one in part} - {None},
            "deal": {deal.id for one in part for deal in one.candidates},
        }
    )
    return [
        {
            "id": str(one.order["id"]), **ids.get(one.order["id"], {}), "number": one.order["number"],
            "date": shown.moment(one.order["date"]), "amount": amount_text(one.order["amount"]),
            "currency": references.code(one.order["currency_id"]),
            "counterparty": references.card("counterparty", one.order["counterparty_id"]),
            "connection": one.connection, "reason": one.why,
            "candidates": [references.card("deal", deal.id) for deal in one.candidates],
        }
        for one in part
    ]  # fmt: skip


def _print_waiting(records: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        out_lines(records)
        return
    rows = [
        [row["number"], moment(row["date"]), name_of(row["counterparty"]), money(row["amount"]), row["reason"]]
        for row in records
    ]
    out_table(["order", "date", "customer", "amount", "why it waits"], rows, right=[3], said=[4])


@app.command("stages")
def show_stages(as_json: Json = False) -> None:
    """Pipelines and stages of the CRMs as the last cycle found them: what `deals.moves` of a mapping may name.

    Example: sverka deals stages
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        stages = list(iter_stages(conn))
    if as_json:
        out_lines(stages)
        return
    if not stages:
        say("No CRM has told its stages yet. Next: sverka sync")
        return
    names = ("connection", "pipeline", "pipeline_name", "stage", "name", "outcome")
    out_table(
        ["connection", "pipeline", "its name", "stage", "its name", "means"],
        [[one[n] for n in names] for one in stages],
    )


@app.command("assign")
def assign(
    order: Order,
    deal: Annotated[str, typer.Argument(help="Number of the deal, or its id.")],
    connection: Annotated[str | None, typer.Option("--connection", help="Which CRM, where there are several.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also where the deal is another customer's.")] = False,
    as_json: Json = False,
) -> None:
    """This order belongs to this deal. Remembered, and never changed by a cycle.

    Example: sverka deals assign ЮМ00-000123 45
    """
    with open_app() as application:
        if connection is not None:
            connection = application.settings.connection(connection).name
        decided = deciding.assign_order(application, order, deal, connection=connection, who=person(), force=force)
    _print_decided(decided, as_json)


@app.command("unassign")
def unassign(order: Order, as_json: Json = False) -> None:
    """This order does not belong to the deal that it was given; it is not given that one again.

    Example: sverka deals unassign ЮМ00-000123
    """
    with open_app() as application:
        decided = deciding.unassign_order(application, order, who=person())
    _print_decided(decided, as_json)


def _print_decided(decided: dict[str, Any], as_json: bool) -> None:
    if as_json:
        out_json(decided)
        return
    where = f"belongs to deal {decided['deal']} ({decided['name']})" if decided["deal"] else "has no deal"
    out_said(f"Order {decided['number']} {where}.")
