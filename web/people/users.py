"""Users: adding them, their roles and passwords, whose account in accounting they have; each deed is audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import ConflictError, UsageError
from core.ids import new_id
from core.sections import check_zone
from store.bulk import upsert
from store.entities import entity_tables
from store.queries.customers.rights import ROLES, Role
from store.queries.people import find_user, fold_login
from store.tables import binding, department, lease, user, user_record
from sync.context import App
from web.door.auditing import write_audit
from web.people.passwords import check_password, hash_password
from web.people.sessions import close_all, revoke_all

LANGUAGES = ("en", "ru", "uk")
_LONGEST_LOGIN = 100
managers = entity_tables["manager"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of a user besides his log-in name, role and password; None leaves a trait as it is.

    `manager` is a manager of accounting or the CRM: his id there, his code, or his exact name. `department` is a name,
    and comes into being with the first who is in it. "" takes a trait away. `export`: "yes", "no",
    or "" as his role may.
    """

    name: str | None = None
    manager: str | None = None
    department: str | None = None
    language: str | None = None
    timezone: str | None = None
    export: str | None = None
    on_call: bool | None = None


def add_user(app: App, who: str, login: str, role: str, password: str | None, traits: Traits | None = None) -> UUID:
    """A new user, who may log in at once when he has a password.

    Raises:
        UsageError: the log-in name, role, password or a trait cannot be.
        ConflictError: there is such a user already, or the manager is somebody else's.
    """
    name, given, now = _check_login(login), traits or Traits(), app.clock.now()
    if password is not None:
        check_password(password, name)
    kept = None if password is None else hash_password(password)
    row: dict[str, Any] = {"id": new_id(), "login": name, "name": login.strip(), "role": _check_role(role)}
    row |= {"password_hash": kept, "created_at": now, "updated_at": now}
    with app.engine.begin() as conn:
        if find_user(conn, name) is not None:
            raise ConflictError(f"There is a user {name!r} already.", next_step="sverka user list")
        row |= _build_traits(conn, given)
        _write(conn, insert(user).values(row))
        if row.get("manager_id") is not None:
            take_record(conn, row["id"], row["manager_id"])
        after = {"role": role, "manager": given.manager, "department": given.department}
        after |= {name: row[name] for name in ("may_export", "on_call") if row.get(name) is not None}
        write_audit(conn, now, who, "user.add", name, after=after)
    added: UUID = row["id"]
    return added


def change_user(app: App, who: str, login: str, traits: Traits) -> None:
    """Change what is known of a user. Raises as `add_user` does."""
    with app.engine.begin() as conn:
        row, now = _one(conn, login), app.clock.now()
        values = _build_traits(conn, traits)
        _write(conn, update(user).where(user.c.id == row.id).values(**values, updated_at=now))
        if "manager_id" in values:
            _change_first(conn, row, values["manager_id"])
        before = {name: _told(row._mapping[name]) for name in values}
        after = {name: _told(value) for name, value in values.items()}
        write_audit(conn, now, who, "user.set", row.login, before=before, after=after)


def set_role(app: App, who: str, login: str, role: str) -> None:
    """Give a user another role; it counts from his next request on.

    Raises:
        UsageError: there is no such role or user, or nobody would be left who may give roles.
    """
    with app.engine.begin() as conn:
        row, now = _one(conn, login), app.clock.now()
        if row.role == "admin" and _check_role(role) != "admin":
            keep_an_admin(conn, row)
        conn.execute(update(user).where(user.c.id == row.id).values(role=_check_role(role), updated_at=now))
        write_audit(conn, now, who, "user.role", row.login, before={"role": row.role}, after={"role": role})


def set_password(app: App, who: str, login: str, password: str, *, but_session: UUID | None = None) -> None:
    """Give a user a new password. Whoever is logged in with the old one is logged out, but for `but_session`.

    Raises:
        UsageError: there is no such user, or the password is not worth having.
    """
    check_password(password, fold_login(login))
    kept = hash_password(password)
    with app.engine.begin() as conn:
        row, now = _one(conn, login), app.clock.now()
        conn.execute(update(user).where(user.c.id == row.id).values(password_hash=kept, updated_at=now))
        close_all(conn, now, row.id, but=but_session)
        write_audit(conn, now, who, "user.password", row.login)


def set_active(app: App, who: str, login: str, *, active: bool) -> None:
    """Let a user in, or shut him out at once: his sessions end, his tokens are taken back.

    Raises:
        UsageError: there is no such user, or nobody would be left who may give roles.
    """
    with app.engine.begin() as conn:
        row, now = _one(conn, login), app.clock.now()
        if not active:
            keep_an_admin(conn, row)
            shut_out(conn, app, row)
        conn.execute(update(user).where(user.c.id == row.id).values(active=active, updated_at=now))
        write_audit(conn, now, who, "user.active", row.login, before={"active": row.active}, after={"active": active})


def shut_out(conn: Connection, app: App, row: Row[Any]) -> None:
    """End all sessions of a user and take all his tokens back, in the caller's transaction."""
    close_all(conn, app.clock.now(), row.id)
    revoke_all(conn, app.clock.now(), row.id)


def load_one(conn: Connection, login: str) -> Row[Any]:
    """The user of a log-in name. Raises UsageError when there is none."""
    return _one(conn, login)


def find_manager(conn: Connection, text: str) -> UUID:
    """The manager of accounting or the CRM that a person means: by our id, his id there, his code or exact name.

    Raises:
        UsageError: nobody is meant, or several; then it says who.
    """
    word = text.strip()
    bound = select(binding.c.entity_id).where(
        binding.c.entity == "manager", binding.c.external_id == word, binding.c.entity_id.is_not(None)
    )
    fits = managers.c.id.in_(bound) | (managers.c.name == word) | (managers.c.code == word)
    own = _as_id(word)
    if own is not None:
        fits |= managers.c.id == own
    found = conn.execute(
        select(managers.c.id, managers.c.name, managers.c.code).where(fits).order_by(managers.c.name, managers.c.id)
    ).all()
    if len(found) == 1:
        manager_id: UUID = found[0].id
        return manager_id
    if not found:
        raise UsageError(f"No manager is called {word!r}.", next_step="sverka export managers")
    several = ", ".join(f"{row.name} ({row.code or row.id})" for row in found[:5])
    raise UsageError(f"Several managers fit {word!r}: {several}.", next_step="name one by his code or id")


def take_record(conn: Connection, user_id: UUID, manager_id: UUID) -> None:
    """This record of accounting or the CRM is this user. Raises ConflictError when it is somebody else already."""
    holder = conn.scalar(select(user_record.c.user_id).where(user_record.c.manager_id == manager_id))
    if holder is None:
        _write(conn, insert(user_record).values(manager_id=manager_id, user_id=user_id))
    elif holder != user_id:
        raise ConflictError("Another user is this manager already.", next_step="sverka user list")


def _change_first(conn: Connection, row: Row[Any], manager_id: UUID | None) -> None:
    if row.manager_id is not None and row.manager_id != manager_id:
        conn.execute(delete(user_record).where(user_record.c.manager_id == row.manager_id))
    if manager_id is not None:
        take_record(conn, row.id, manager_id)


def _build_traits(conn: Connection, traits: Traits) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if traits.name is not None:
        values["name"] = traits.name.strip()[:200]
    if traits.language is not None:
        values["language"] = _check_language(traits.language)
    if traits.timezone is not None:
        values["timezone"] = _check_zone(traits.timezone)
    if traits.export is not None:
        values["may_export"] = _check_export(traits.export)
    if traits.on_call is not None:
        values["on_call"] = traits.on_call
    if traits.manager is not None:
        values["manager_id"] = find_manager(conn, traits.manager) if traits.manager.strip() else None
    if traits.department is not None:
        values["department_id"] = _department(conn, traits.department.strip()[:200])
    return values


def _department(conn: Connection, name: str) -> UUID | None:
    if not name:
        return None
    known: UUID | None = conn.scalar(select(department.c.id).where(department.c.name == name))
    if known is not None:
        return known
    fresh = new_id()
    _write(conn, insert(department).values(id=fresh, name=name))
    return fresh


def _one(conn: Connection, login: str) -> Row[Any]:
    row = find_user(conn, login)
    if row is None:
        raise UsageError(f"There is no user {fold_login(login)!r}.", next_step="sverka user list")
    return row


def keep_an_admin(conn: Connection, row: Row[Any]) -> None:
    """Make sure that somebody else could give roles. Raises UsageError.

    Two admins who shut each other out at the same moment ask one after the other: the first statement keeps one row of
    the store until the commit, on both databases.
    """
    upsert(conn, lease, [{"name": "admins", "fence": 0}], ["name"], update=())
    conn.execute(update(lease).where(lease.c.name == "admins").values(fence=lease.c.fence + 1))
    others = select(user.c.id).where(user.c.role == "admin", user.c.active.is_(True), user.c.id != row.id).limit(1)
    if row.role == "admin" and row.active and conn.execute(others).first() is None:
        raise UsageError(
            f"{row.login} is the last admin: nobody could give roles any more.",
            next_step="sverka user role ANOTHER admin",
        )


def _write(conn: Connection, statement: Any) -> None:
    try:
        conn.execute(statement)
    except IntegrityError as error:
        raise ConflictError(
            "Another user has this log-in name or this manager already.", next_step="sverka user list"
        ) from error


def _check_login(login: str) -> str:
    name = fold_login(login)
    if not 0 < len(name) <= _LONGEST_LOGIN or not name.isprintable() or any(sign.isspace() for sign in name):
        raise UsageError(
            f"A log-in name is 1 to {_LONGEST_LOGIN} characters without spaces.",
            next_step="sverka user add NAME --role manager",
        )
    return name


def _check_role(role: str) -> Role:
    for known in get_args(Role):
        if role == known:
            return role  # type: ignore[return-value] # one of them, as the comparison says
    raise UsageError(f"{role!r} is no role. There are: {', '.join(ROLES)}.", next_step="sverka user role NAME ROLE")


def _check_language(language: str) -> str | None:
    if language and language not in LANGUAGES:
        raise UsageError(f"{language!r} is none of: {', '.join(LANGUAGES)}.", next_step="sverka user set --help")
    return language or None


def _check_zone(name: str) -> str | None:
    try:
        return check_zone(name) if name else None
    except ValueError as error:
        raise UsageError(f"The time zone {error}.", next_step="sverka user set --help") from error


def _check_export(word: str) -> bool | None:
    known = {"yes": True, "no": False, "": None}
    if word not in known:
        raise UsageError(f"{word!r} is neither yes nor no, nor empty for what his role may.", next_step="say it again")
    return known[word]


def _as_id(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None


def _told(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value
