"""`sverka user`: who may log in to the pages and the API."""

from __future__ import annotations

import sys
from datetime import date
from typing import Annotated, Any

import typer

from cli.common import open_app, out_json, out_lines, out_table, out_text, person, view
from cli.exits import say
from cli.language import told
from cli.words import moment
from core.errors import UsageError
from store.queries.people import load_substitutes, load_users
from sync.context import App
from web.people.passwords import make_password
from web.people.records import tie_record, untie_record
from web.people.sessions import add_token
from web.people.standing_in import add_substitute, hand_over
from web.people.users import Traits, add_user, change_user, load_one, set_active, set_password, set_role

app = typer.Typer(help="Who may log in: users, their roles, passwords and tokens.", no_args_is_help=True)
Login = Annotated[str, typer.Argument(help="The log-in name.", metavar="NAME")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
FullName = Annotated[str | None, typer.Option("--name", help="As colleagues know him.")]
Manager = Annotated[
    str | None, typer.Option("--manager", help="The manager he is in accounting: exact name, code or id; '' for none.")
]
Department = Annotated[str | None, typer.Option("--department", help="Its name; '' for none.")]
Language = Annotated[str | None, typer.Option("--language", help="en, ru or uk; '' as the browser asks.")]
Zone = Annotated[str | None, typer.Option("--timezone", help="Like Europe/Kyiv; '' for accounting's.")]
Export = Annotated[
    str | None, typer.Option("--export", help="May he export lists: yes or no; '' as his role may (head, admin: yes).")
]
OnCall = Annotated[
    bool | None,
    typer.Option("--on-call/--off-call", help="Does he see what a colleague's customer owes when the phone rings?"),
]
_COLUMNS = ["log-in", "name", "role", "manager", "department", "last seen", ""]


def register(main: typer.Typer) -> None:
    """Add these commands."""
    main.add_typer(app, name="user")


@app.command("add")
def add(
    login: Login,
    role: Annotated[str, typer.Option("--role", help="manager, head, admin or ops.")],
    name: FullName = None,
    manager: Manager = None,
    department: Department = None,
    language: Language = None,
    zone: Zone = None,
    as_json: Json = False,
) -> None:
    """A new user. The password is asked for, or read from standard input; without one it is made and shown once.

    Example: sverka user add anna --role manager --manager "Иванова Анна" --department "Продажи"
    """
    with open_app() as application:
        password, made = _new_password(login)
        traits = Traits(name=name, manager=manager, department=department, language=language, timezone=zone)
        add_user(application, person(), login, role, password, traits)
        address = f"http://{application.settings.web.listen}/"
    _tell(login, {"role": role} | ({"password": password} if made else {}), as_json)
    say(f"{login} logs in at {address} Next: sverka web, or sverka run")


@app.command("role")
def role_of(login: Login, role: Annotated[str, typer.Argument(help="manager, head, admin or ops.")]) -> None:
    """Give a user another role.

    Example: sverka user role anna head
    """
    with open_app() as application:
        set_role(application, person(), login, role)
    say(f"{login} is {role} now.")


@app.command("password")
def password_of(login: Login, as_json: Json = False) -> None:
    """Give a user a new password, and log him out everywhere. Asked for as with `add`.

    Example: sverka user password anna
    """
    with open_app() as application:
        with application.engine.begin() as conn:
            load_one(conn, login)  # before anybody types a password for nobody
        password, made = _new_password(login)
        set_password(application, person(), login, password)
    _tell(login, {"password": password} if made else {}, as_json)
    say(f"{login} has a new password.")


@app.command("set")
def change(
    login: Login,
    name: FullName = None,
    manager: Manager = None,
    department: Department = None,
    language: Language = None,
    zone: Zone = None,
    export: Export = None,
    on_call: OnCall = None,
    active: Annotated[bool | None, typer.Option("--active/--inactive", help="May he log in?")] = None,
) -> None:
    """Change what is known of a user; --inactive logs him out and takes his tokens back.

    Example: sverka user set anna --manager 000012 --inactive
    """
    traits = Traits(name, manager, department, language, zone, export, on_call)
    with open_app() as application:
        if traits != Traits():
            change_user(application, person(), login, traits)
        if active is not None:
            set_active(application, person(), login, active=active)
    say(f"{login} is changed.")


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """Everybody who may log in.

    Example: sverka user list
    """
    with open_app(readonly=True) as application, application.engine.connect() as conn:
        users = load_users(conn, view(application))
    if as_json:
        out_lines(users)
        return
    if not users:
        say("Nobody can log in yet. Next: sverka user add NAME --role admin")
        return
    out_table(_COLUMNS, [_row(row) for row in users], said=[6])


@app.command("token")
def token(
    login: Login,
    name: Annotated[str, typer.Option("--name", help="What will use it, like a telephone exchange.")],
    as_json: Json = False,
) -> None:
    """A token for the API with the rights of this user. It is shown once.

    Example: sverka user token anna --name asterisk
    """
    with open_app() as application, application.engine.begin() as conn:
        _, key = add_token(conn, application.clock.now(), person(), load_one(conn, login), name)
    if as_json:
        out_json({"login": login, "name": name, "token": key})
    else:
        out_text(key)
    say("Keep it now: it is not shown again. It goes into the header: Authorization: Bearer …")


@app.command("substitute")
def stand_in(
    manager: Annotated[str | None, typer.Argument(help="Who is away: exact name, code or id.")] = None,
    login: Annotated[str | None, typer.Argument(help="Who stands in for him.", metavar="NAME")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, as 2026-12-01; today if left out.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day; until further notice when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Let a user see the customers of a manager who is away; without arguments, who stands in for whom.

    Example: sverka user substitute "Иванова Анна" petr --from 2026-12-01 --to 2026-12-14
    """
    with open_app() as application:
        if manager is None or login is None:
            _list_substitutes(application, as_json)
            return
        add_substitute(application, person(), manager, login, _day(first) or _today(application), _day(last))
    say(f"{login} stands in for {manager}.")


@app.command("tie")
def tie(login: Login, manager: Annotated[str, typer.Argument(help="His exact name, code or id there.")]) -> None:
    """Say that a manager of accounting or a user of the CRM is this user too: he has the customers of both.

    Example: sverka user tie anna 17
    """
    with open_app() as application:
        tie_record(application, person(), login, manager)
    say(f"{login} is {manager} too.")


@app.command("untie")
def untie(login: Login, manager: Annotated[str, typer.Argument(help="The exact name, code or id there.")]) -> None:
    """Say that a manager of accounting or a user of the CRM is this user no more.

    Example: sverka user untie anna 17
    """
    with open_app() as application:
        untie_record(application, person(), login, manager)
    say(f"{login} is {manager} no more.")


@app.command("handover")
def leave(login: Login, heir: Annotated[str, typer.Argument(help="Who gets his customers.")]) -> None:
    """A colleague leaves: another one gets his customers and whom he stood in for; he himself is shut out.

    Example: sverka user handover anna petr
    """
    with open_app() as application:
        number = hand_over(application, person(), login, heir, _today(application))
    say(f"{heir} has {number} customers of {login} now, who cannot log in any more.")


def _new_password(login: str) -> tuple[str, bool]:
    """A password, and whether it was made here: typed twice at a terminal, or the first line of standard input."""
    if sys.stdin is not None and sys.stdin.isatty():
        typed = typer.prompt(
            told(f"Password for {login} (empty: one is made)"),
            default="",
            show_default=False,
            hide_input=True,
            err=True,
        )
        if typed and typer.prompt(told("Once more"), hide_input=True, err=True) != typed:
            raise UsageError("The two are not the same.", next_step=f"sverka user password {login}")
    else:
        typed = "" if sys.stdin is None else sys.stdin.readline().rstrip("\r\n")
    return (typed, False) if typed else (make_password(), True)


def _tell(login: str, facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        out_json({"login": login} | facts)
    elif "password" in facts:
        out_text(facts["password"])


def _row(row: dict[str, Any]) -> list[object]:
    rights = [word for word, has in (("on call", row["on_call"]), ("exports", row["may_export"])) if has]
    if row["may_export"] is False:
        rights.append("does not export")
    if not row["has_password"]:
        rights.append("no password")
    seen = moment(row["seen_at"])
    named = [row[key] for key in ("login", "name", "role", "manager", "department")]
    return [*named, seen, ", ".join(rights) if row["active"] else "shut out"]


def _list_substitutes(application: App, as_json: bool) -> None:
    with application.engine.begin() as conn:
        rows = load_substitutes(conn, _today(application))
    if as_json:
        out_lines(rows)
    elif rows:
        out_table(
            ["who is away", "stands in", "from", "to"],
            [[row["manager"], row["login"], row["first_day"], row["last_day"]] for row in rows],
        )
    else:
        say("Nobody stands in for anybody.")


def _today(application: App) -> date:
    return application.clock.now().astimezone(application.zone).date()


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day; one is written 2026-12-01.", next_step="say it again") from error
