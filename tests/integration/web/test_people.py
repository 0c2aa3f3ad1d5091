"""Users and their rights: who sees whose customers on which day, and one action for a colleague who leaves."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from core.errors import ConflictError, UsageError
from store.entities import counterparties, entity_tables
from store.queries.audit import load_audit
from store.queries.customers.rights import Viewer, load_visible, narrow_customers, narrow_documents
from store.queries.people import load_stood_in_for, load_substitutes, load_tokens, load_users
from store.tables import audit, user
from tests.integration.store.filling import NOW
from tests.integration.web.world import World
from web.door.auditing import write_audit
from web.people.passwords import make_password, verify_password
from web.people.standing_in import add_substitute, end_substitute, hand_over
from web.people.users import Traits, add_user, change_user, set_active, set_password, set_role
from web.show.deeds import DEEDS
from web.show.texts import translations

TODAY = NOW.date()
DAY = timedelta(days=1)
orders = entity_tables["order"]


def viewer(world: World, login: str, day: int = 0) -> Viewer:
    with world.engine.begin() as conn:
        row = conn.execute(select(user).where(user.c.login == login)).one()
    return Viewer(row.id, row.role, TODAY + day * DAY, row.manager_id, row.department_id)


def seen(world: World, login: str, day: int = 0) -> set[str]:
    """Whose customers and documents a user sees; both questions have to agree."""
    by_id = {key: name for name, key in world.customers.items()}
    eyes = viewer(world, login, day)
    with world.engine.begin() as conn:
        found = {by_id[key] for key in conn.execute(narrow_customers(select(counterparties.c.id), eyes)).scalars()}
        documents = conn.execute(narrow_documents(select(orders.c.counterparty_id), eyes, orders)).scalars()
        assert {by_id[key] for key in documents} == found
        assert {name for name, key in world.customers.items() if load_visible(conn, eyes, key)} == found
        assert not load_visible(conn, eyes, uuid4())
    return found


def test_each_role_sees_what_is_its_own(world: World) -> None:
    assert seen(world, "manager") == {"mine"}
    assert seen(world, "other") == {"foreign"}
    assert seen(world, "head") == seen(world, "admin") == {"mine", "foreign", "nobody"}
    assert seen(world, "north") == {"mine"}
    assert seen(world, "ops") == set()


def test_manager_without_an_account_in_accounting_sees_nobody(world: World) -> None:
    """Not even nobody's customers: nothing is not the same nothing."""
    add_user(world.site.app, "test", "fresh", "manager", None)
    assert seen(world, "fresh") == set()


def test_standing_in_counts_from_day_to_day(world: World) -> None:
    world.stand_in("manager", "Пётр", TODAY, TODAY + DAY)
    assert [seen(world, "manager", day) for day in (-1, 0, 1, 2)] == [
        {"mine"},
        {"mine", "foreign"},
        {"mine", "foreign"},
        {"mine"},
    ]
    assert seen(world, "north") == {"mine", "foreign"}  # what its people see, the head of a department sees
    assert seen(world, "other") == {"foreign"}


def test_substitutes_are_added_listed_and_ended(world: World) -> None:
    app = world.site.app
    key = add_substitute(app, "boss", "m-Пётр", "manager", TODAY, TODAY + DAY)
    with world.engine.begin() as conn:
        assert [(row["manager"], row["login"]) for row in load_substitutes(conn, TODAY)] == [("Пётр", "manager")]
        assert load_stood_in_for(conn, world.users["manager"], TODAY) == ["Пётр"]
        assert load_stood_in_for(conn, world.users["manager"], TODAY + 2 * DAY) == []
    longer = add_substitute(app, "boss", "Пётр", "manager", TODAY)
    assert longer != key and not end_substitute(app, "boss", key)
    assert end_substitute(app, "boss", longer)
    assert seen(world, "manager") == {"mine"}
    for wrong in (
        ("Пётр", "ops", TODAY, None),
        ("Никто", "manager", TODAY, None),
        ("Пётр", "manager", TODAY, TODAY - DAY),
    ):
        with pytest.raises(UsageError):
            add_substitute(app, "boss", *wrong)


def test_leaver_hands_over_everything_in_one_action(world: World) -> None:
    world.stand_in("manager", "Олена", TODAY - DAY, None)
    olena = world.filling.add("counterparty", name="Калина", manager_id=world.managers["Олена"])
    world.filling.add("order", counterparty_id=olena, number="k-1")
    world.customers["olena"] = olena
    browser, key = world.browser("manager"), world.api_key("manager")
    assert hand_over(world.site.app, "boss", "manager", "other", TODAY) == 1
    assert seen(world, "other") == {"foreign", "mine", "olena"}
    assert browser.get("/profile").status_code == 303
    assert world.browser().get("/api/v1/customers", headers={"authorization": f"Bearer {key}"}).status_code == 401
    assert world.sessions_of("manager") == 0
    assert ("boss", "user.handover", "manager") in world.audited()
    with world.engine.begin() as conn:  # accounting has the last word: it names another manager
        conn.execute(
            update(counterparties)
            .where(counterparties.c.id == world.customers["mine"])
            .values(manager_id=world.managers["Олена"])
        )
    with world.engine.begin() as conn:
        row = conn.execute(select(user.c.id).where(user.c.login == "north")).one()
        conn.execute(update(user).where(user.c.id == row.id).values(manager_id=world.managers["Олена"], role="manager"))
    assert seen(world, "north") == {"mine", "olena"}


def test_nobody_inherits_who_could_not_look_after_them(world: World) -> None:
    for leaver, heir in (("manager", "manager"), ("manager", "ops"), ("manager", "nobody"), ("nobody", "other")):
        with pytest.raises(UsageError):
            hand_over(world.site.app, "boss", leaver, heir, TODAY)
    assert seen(world, "manager") == {"mine"}


def test_users_are_added_with_what_is_known_of_them(world: World) -> None:
    app = world.site.app
    traits = Traits(name="Олена", manager="Олена", department="Захід", language="uk", timezone="Europe/Kyiv")
    add_user(app, "boss", " Olena ", "manager", "Ялинка-і-сосна-7", traits)
    with world.engine.begin() as conn:
        row = next(one for one in load_users(conn) if one["login"] == "olena")
    expected = {"role": "manager", "manager": "Олена", "department": "Захід", "language": "uk", "has_password": True}
    assert {name: row[name] for name in expected} == expected
    change_user(app, "boss", "olena", Traits(manager="", department="", language="", timezone=""))
    with world.engine.begin() as conn:
        row = next(one for one in load_users(conn) if one["login"] == "olena")
    assert (row["manager"], row["department"], row["language"]) == (None, None, None)
    assert [line for line in world.audited() if line[2] == "olena"] == [
        ("boss", "user.add", "olena"),
        ("boss", "user.set", "olena"),
    ]


@pytest.mark.parametrize(
    ("login", "role", "password", "traits"),
    [
        ("", "admin", None, Traits()),
        ("two words", "admin", None, Traits()),
        ("x" * 101, "admin", None, Traits()),
        ("x", "boss", None, Traits()),
        ("x", "admin", "short", Traits()),
        ("x", "admin", "aaaaaaaaaaaaa", Traits()),
        ("xxxxyyyyzzzz", "admin", "XXXXyyyyzzzz", Traits()),
        ("x", "admin", None, Traits(manager="Никто")),
        ("x", "admin", None, Traits(language="de")),
        ("x", "admin", None, Traits(timezone="Moscow")),
    ],
    ids=range(10),
)
def test_what_cannot_be_is_refused(world: World, login: str, role: str, password: str | None, traits: Traits) -> None:
    before = len(world.audited())
    with pytest.raises(UsageError):
        add_user(world.site.app, "boss", login, role, password, traits)
    assert len(world.audited()) == before


def test_names_and_managers_are_unique_in_the_database(world: World) -> None:
    for login, traits in (("ADMIN", Traits()), ("another", Traits(manager="Анна"))):
        with pytest.raises(ConflictError):
            add_user(world.site.app, "boss", login, "manager", None, traits)
    world.filling.add("manager", {"accounting": "twin"}, name="Анна", code="twin")
    with pytest.raises(UsageError, match="Several"):
        change_user(world.site.app, "boss", "ops", Traits(manager="Анна"))


def test_the_last_admin_stays(world: World) -> None:
    app = world.site.app
    for deed in (lambda: set_role(app, "x", "admin", "ops"), lambda: set_active(app, "x", "admin", active=False)):
        with pytest.raises(UsageError, match="last admin"):
            deed()
    set_role(app, "x", "ops", "admin")
    set_role(app, "x", "admin", "ops")


def test_passwords_are_kept_as_hashes(world: World) -> None:
    password = make_password()
    set_password(world.site.app, "boss", "ops", password)
    with world.engine.begin() as conn:
        kept = conn.execute(select(user.c.password_hash).where(user.c.login == "ops")).scalar_one()
        noted = str(conn.execute(select(audit)).all())
    assert kept.startswith("$argon2id$") and password not in kept and password not in noted
    assert verify_password(password, kept) and not verify_password(password + "x", kept)
    assert not verify_password(password, None)


def test_own_account(world: World) -> None:
    set_password(world.site.app, "boss", "ops", "old-password-1")
    browser, other = world.browser("ops"), world.browser("ops")
    assert "Sverka-Test" not in browser.get("/profile").text
    browser.submit("/profile", name="Олег", language="ru", timezone="Asia/Omsk")
    shown = browser.get("/profile").text
    assert "Сохранено." in shown and "Олег" in shown and "<option selected>Asia/Omsk" in shown
    wrong = browser.submit("/profile/password", present="nonsense", fresh="new-password-1", again="new-password-1")
    assert wrong.status_code == 303 and other.get("/ops").status_code == 200
    browser.submit("/profile/password", present="old-password-1", fresh="new-password-1", again="new-password-1")
    assert browser.get("/ops").status_code == 200 and other.get("/ops").status_code == 303


def test_own_tokens_and_sessions(world: World) -> None:
    browser, other = world.browser("manager"), world.browser("manager")
    shown = browser.submit("/profile/tokens", name="Asterisk").text
    key = shown.split("<code>sverka_")[1].split("<")[0]
    headers = {"authorization": f"Bearer sverka_{key}"}
    assert world.browser().get("/api/v1/customers", headers=headers).status_code == 200
    assert key not in browser.get("/profile").text
    with world.engine.begin() as conn:
        token = load_tokens(conn, world.users["manager"])[0]["id"]
    assert world.browser("other").submit(f"/profile/tokens/{token}/revoke").status_code == 303
    assert world.browser().get("/api/v1/customers", headers=headers).status_code == 200
    browser.submit(f"/profile/tokens/{token}/revoke")
    assert world.browser().get("/api/v1/customers", headers=headers).status_code == 401
    ends = [part.split('"')[0] for part in browser.get("/profile").text.split("/profile/sessions/")[1:]]
    assert len(ends) == 1
    assert other.get("/profile").status_code == 200
    browser.submit(f"/profile/sessions/{ends[0]}")
    assert other.get("/profile").status_code == 303


def test_audit_is_paged_in_the_database(world: World) -> None:
    with world.engine.begin() as conn:
        for number in range(7):
            write_audit(conn, NOW + timedelta(seconds=number // 2), "anna", "user.set", f"№ {number}")
        write_audit(conn, NOW, "petr", "log-in", "petr")
        found, after, pages = [], None, 0
        while True:
            rows, after = load_audit(conn, who="anna", what="user", after=after, limit=3)
            found += [row["subject"] for row in rows]
            pages += 1
            if after is None:
                break
    assert len(found) == len(set(found)) == 7 and pages == 3
    assert found[0] == "№ 6"
    shown = world.browser("ops").get("/audit", params={"who": "petr"}).text
    assert "log-in" in shown and "№" not in shown.split("<tbody>")[1]


def test_a_deed_is_chosen_by_what_it_is_called(world: World) -> None:
    """In the reader's language and alphabet; the code in the address is all of it, or what several begin with."""
    with world.engine.begin() as conn:
        for what in ("user.set", "user.substitute", "user.substitute.end", "terms.set"):
            write_audit(conn, NOW, "anna", what, f"({what})")
    browser = world.browser("ops")
    browser.cookies.set("sverka-language", "ru")
    options = re.findall(r'<option value="([^"]+)"[^>]*>([^<]+)</option>', browser.get("/audit").text)
    assert dict(options)["user.set"] == translations("ru").gettext(DEEDS["user.set"])
    titles = [title.casefold() for _, title in options]
    assert len(titles) == len(DEEDS) and titles == sorted(titles)
    for what, wanted in (("user.substitute", 1), ("user", 3), ("", 4), ("terms.set", 1)):
        page = browser.get("/audit", params={"who": "anna", "what": what}).text
        assert page.partition("<tbody>")[2].count("<tr>") == wanted, what
        chosen = re.findall(r"<option(?: value=\"([^\"]*)\")? selected>([^<]*)", page)
        assert [value or text for value, text in chosen] == ([what] if what else [])


@pytest.mark.parametrize(
    ("language", "title", "told"),
    [
        ("en", "User changed", "Role: head, Department: —, May log in: yes"),
        ("ru", "Пользователь изменён", "Роль: руководитель, Отдел: —, Может входить: да"),
        ("uk", "Користувача змінено", "Роль: керівник, Відділ: —, Може входити: так"),
    ],
)
def test_audit_is_told_in_the_readers_language(world: World, language: str, title: str, told: str) -> None:
    """The code stays beside the title, for the filter; a deed or a name that nobody knows stays as it is."""
    after = {"role": "head", "department": None, "active": True}
    with world.engine.begin() as conn:
        write_audit(conn, NOW, "anna", "user.set", "anna", after=after)
        write_audit(conn, NOW, "anna", "older.deed", "anna", after={"older": "<b>"})
    browser = world.browser("ops")
    browser.cookies.set("sverka-language", language)
    shown = browser.get("/audit", params={"who": "anna"}).text
    assert f'{title}<br><code class="quiet">user.set</code>' in shown and told in shown
    assert "<code>older.deed</code>" in shown and "older: &lt;b&gt;" in shown


@pytest.mark.parametrize(("login", "customer"), [("admin", "Ромашка ООО"), ("ops", None)])
def test_audit_names_people_and_customers_as_far_as_the_reader_may_know_them(
    world: World, login: str, customer: str | None
) -> None:
    key, owner, unknown = world.customers["mine"], world.users["manager"], uuid4()
    with world.engine.begin() as conn:
        table = entity_tables["manager"]
        manager = str(conn.execute(select(table.c.id).where(table.c.name == "Пётр")).scalar_one())
        write_audit(conn, NOW, "anna", "contact.manager", str(key), after={"manager": manager})
        write_audit(conn, NOW, "anna", "token.revoke", str(owner), before={"name": "asterisk"})
        write_audit(conn, NOW, "anna", "customer.refresh", str(unknown))
        write_audit(conn, NOW, "anna", "customers.export", "7", after={"rows": 7})
    shown = world.browser(login).get("/audit", params={"who": "anna"}).text
    subjects = re.findall(r"<td class=\"wrap\"[^>]*>([^<]*)</td>\s*<td class=\"wrap\"[^>]*>", shown)
    assert sorted(subjects) == sorted([customer or str(key), "manager", str(unknown), ""])
    assert "Manager: Пётр" in shown and manager not in shown


def test_who_sees_no_customers_learns_nothing_of_them_from_the_audit(world: World) -> None:
    """Which fields, and in which system; an admin reads the values."""
    secret = ["Ромашка и партнёры", "+79161234567", "7707083893", "просил не звонить", "98765.00"]
    told = {"name": secret[0], "phones": [secret[1]], "tax_id": secret[2], "status": "lead", "kind": "sole_trader"}
    with world.engine.begin() as conn:
        write_audit(conn, NOW, "anna", "contact.add", "c", after=told)
        write_audit(conn, NOW, "anna", "call.look", "c", after={"phone": secret[1]})
        write_audit(
            conn, NOW, "anna", "review.dismiss", "c", before={"candidates": [told]}, after={"reason": secret[3]}
        )
        write_audit(conn, NOW, "anna", "dead.edit", "letter 1", before={"Name": secret[0]}, after={"Name": None})
        write_audit(
            conn, NOW, "anna", "terms.set", "c", before={"credit_limit": secret[4]}, after={"credit_limit": None}
        )
        write_audit(conn, NOW, "anna", "field.overruled", "c", before={"emails": [secret[0]], "owner": "accounting"})
        write_audit(conn, NOW, "anna", "customers.export", "7", after={"rows": 7, "q": f"{secret[0]} {secret[1]}"})
        write_audit(conn, NOW, "anna", "connection.pause", "crm", after={"reason": "nightly works"})
    pages = {}
    for login in ("admin", "ops"):
        browser = world.browser(login)
        browser.cookies.set("sverka-language", "ru")
        pages[login] = browser.get("/audit", params={"who": "anna"}).text
    assert all(one in pages["admin"] for one in secret)
    assert not any(one in pages["ops"] for one in secret)
    for page in pages.values():
        assert "nightly works" in page and "Статус: лид" in page and "Вид: ИП" in page and "Хозяин: бухгалтерия" in page
    assert "Лимит долга: •••" in pages["ops"]
