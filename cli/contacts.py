"""`sverka contact`: contacts of the store; one that is made a client becomes a counterparty in accounting at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from cli.common import open_app, out_json, out_lines, out_table
from cli.exits import say
from sync.push.contacts import add_contact, list_contacts, set_contact

app = typer.Typer(help="Contacts of the store, and who of them is a client.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Status = Annotated[
    Literal["lead", "prospect", "client", "former"] | None, typer.Option(help="client: make it known to accounting.")
]
Inn = Annotated[str | None, typer.Option("--inn", help="Tax id: INN or EDRPOU.")]
Kpp = Annotated[str | None, typer.Option("--kpp", help="Registration code of a branch.")]
Phones = Annotated[list[str] | None, typer.Option("--phone", help="In any writing; may be given several times.")]
Emails = Annotated[list[str] | None, typer.Option("--email", help="May be given several times.")]
Kind = Annotated[
    Literal["company", "sole_trader", "person", "state_body"] | None,
    typer.Option(help="Told by the length of the INN when left out."),
]
_COLUMNS = ["name", "INN", "status", "where it stands", "id"]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="contact")


@app.command("add")
def add(
    name: Annotated[str, typer.Option("--name", help="As people call it.")],
    inn: Inn = None,
    kpp: Kpp = None,
    phone: Phones = None,
    email: Emails = None,
    status: Status = None,
    kind: Kind = None,
    as_json: Json = False,
) -> None:
    """A new contact.

    Example: sverka contact add --name "ООО Ромашка" --inn 7707083893 --phone "+7 495 123-45-67" --status client
    """
    with open_app() as application:
        contact = add_contact(
            application,
            name=name,
            tax_id=inn,
            registration_code=kpp,
            phones=phone or [],
            emails=email or [],
            status=status or "lead",
            kind=kind,
        )
    _print(contact, as_json)


@app.command("set")
def change(
    query: Annotated[str, typer.Argument(help="Id, INN, or exact name of the contact.")],
    name: Annotated[str | None, typer.Option("--name")] = None,
    inn: Inn = None,
    kpp: Kpp = None,
    phone: Phones = None,
    email: Emails = None,
    status: Status = None,
    kind: Kind = None,
    as_json: Json = False,
) -> None:
    """Change a contact.

    Example: sverka contact set "ООО Ромашка" --status client
    """
    given: dict[str, Any] = {
        "name": name,
        "tax_id": inn,
        "registration_code": kpp,
        "phones": phone,
        "emails": email,
        "status": status,
        "kind": kind,
    }
    with open_app() as application:
        contact = set_contact(application, query, **{key: value for key, value in given.items() if value is not None})
    _print(contact, as_json)


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """All contacts, and where each stands in accounting.

    Example: sverka contact list --json
    """
    with open_app(readonly=True) as application:
        contacts = list_contacts(application)
        if as_json:
            out_lines(contacts)
            return
        rows = [[row["name"], row["inn"], row["status"], row["standing_text"], row["id"]] for row in contacts]
    if not rows:
        say('There are no contacts yet. Next: sverka contact add --name "…" --inn … --status client')
        return
    out_table(_COLUMNS, rows, said=[3])


def _print(contact: dict[str, Any], as_json: bool) -> None:
    for remark in contact.get("remarks", []):
        say(str(remark))
    if as_json:
        out_json(contact)
    else:
        out_table(_COLUMNS, [_row(contact)], said=[3])


def _row(contact: dict[str, Any]) -> list[object]:
    return [contact["name"], contact["inn"], contact["status"], contact["standing_text"], contact["id"]]
