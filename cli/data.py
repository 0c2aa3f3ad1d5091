"""`sverka export`, `balances`, `card`: what the store knows, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from cli.cards import print_card
from cli.common import (
    check_file,
    open_app,
    out_json,
    out_lines,
    out_said,
    out_table,
    plural_of,
    telling_file,
    view,
    write_output,
)
from cli.exits import FAILED, say
from cli.words import moment, money
from mapping.model import ENTITIES
from store.queries.customers.card import find_customers, load_card
from store.queries.export import EXPORTS, blank_record, iter_export
from store.queries.settlements.balances import iter_balances
from store.tabular import columns_of, flatten, laid_aside, write_csv, write_xlsx

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
_NEAR = 5


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("export")(export)
    app.command("balances")(balances)
    app.command("card")(card)


def export(
    entity: Annotated[str, typer.Argument(help="Plural or singular, e.g. shipments.")],
    format: Annotated[Literal["jsonl", "csv", "xlsx"], typer.Option(help="Shape of the output.")] = "jsonl",
    output: Annotated[Path | None, typer.Option(help="A file; standard output when left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
) -> None:
    """Records of the store.

    Example: sverka export shipments --format xlsx --output shipments.xlsx
    """
    name = plural_of(entity, next_step="sverka export --help")
    check_file(output)
    with open_app(readonly=True) as app, app.engine.connect() as conn:
        records = iter_export(conn, name, view(app))
        if format == "jsonl" or as_json:
            _write_jsonl(records, output)
        else:
            references = _references(EXPORTS[name])
            header = columns_of([flatten(blank_record(conn, name, view(app)), references)])
            _write_table((flatten(record, references) for record in records), header, format, output)


def _references(entity: str) -> set[str]:
    """Which columns of an entity speak of other records; of a currency its code is shown."""
    refs = set(ENTITIES[entity].refs) if entity in ENTITIES else {"counterparty", "contract", "organisation"}
    return refs - {"currency"}


def _write_jsonl(records: Iterator[dict[str, Any]], output: Path | None) -> None:
    if output is None:
        out_lines(records)
        return
    with telling_file(output), output.open("wb") as target:
        for record in records:
            target.write(msgspec.json.encode(record, enc_hook=str) + b"\n")


def _write_table(records: Iterator[dict[str, Any]], header: list[str], format: str, output: Path | None) -> None:
    write = write_csv if format == "csv" else write_xlsx
    with laid_aside(records, header) as (columns, kept):
        number = write_output(output, lambda target: write(kept, columns, target))
    say(f"{number} records in {output}" if output else f"{number} records")


def balances(as_json: Json = False) -> None:
    """Who owes what: every balance that is not zero; plus means that the customer owes us.

    Example: sverka balances --json
    """
    with open_app(readonly=True) as app, app.engine.connect() as conn:
        rows = iter_balances(conn, view(app))
        if as_json:
            out_lines(rows)
            return
        print_balances(rows)


def print_balances(rows: Iterator[dict[str, Any]]) -> None:
    """Balances as a table for people."""
    columns = ["customer", "currency", "balance", "receivable", "advance", "overdue", "as of"]
    cells = [
        [row["counterparty"]["name"] or row["counterparty"]["external_id"], row["currency"]]
        + [money(row[name]) for name in ("amount", "receivable", "advance", "overdue")]
        + [moment(row["as_of"])]
        for row in rows
    ]
    if not cells:
        out_said("Nobody owes anything. If nothing has been read yet, run: sverka sync")
        return
    out_table(columns, cells, right=range(2, 6))


def card(
    query: Annotated[str, typer.Argument(help="Name, INN, code in 1C, phone in any writing, or e-mail.")],
    as_json: Json = False,
) -> None:
    """One customer: what he ordered, got, paid and owes, and how old that knowledge is.

    Example: sverka card "+7 (495) 123-45-67"
    """
    with open_app(readonly=True) as app, app.engine.connect() as conn:
        found = find_customers(conn, query, view(app), guess=False)
        if len(found) != 1:
            near = [] if found else find_customers(conn, query, view(app), limit=_NEAR)
            _say_not_one(query, found, [row["name"] for row in near], as_json)
            raise typer.Exit(FAILED)
        report = load_card(conn, found[0]["id"], view(app), now=app.clock.now())
    if as_json:
        out_json(report)
    else:
        print_card(report)


def _say_not_one(query: str, found: list[dict[str, Any]], near: list[str], as_json: bool) -> None:
    if not found:
        meant = f" Did you mean {', '.join(near)}?" if near else ""
        say(f"Nobody is found by {query!r}.{meant} Next: sverka contact add --name …")
        return
    say(f"{len(found)} customers fit {query!r}; say which by INN or full name:")
    if as_json:
        out_lines(found)
    else:
        out_table(["name", "INN", "id"], [[row["name"], row.get("tax_id"), row["id"]] for row in found])
