"""Who a user is in several systems, tokens and browsers of others, and who can never be shut out."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core.errors import ConflictError, SverkaError, UsageError
from store.tables import session, user
from tests.integration.store.filling import NOW
from tests.integration.web.test_people import seen
from tests.integration.web.world import World
from web.people.records import tie_record, untie_record
from web.people.standing_in import add_substitute, hand_over
from web.people.users import Traits, change_user, set_active, set_role


@pytest.fixture
def two(world: World) -> World:
    """Anna is known to the CRM as well, where a customer is hers."""
    world.managers["Anna"] = world.filling.add("manager", {"crm": "17"}, name="Anna I.", code="")
    world.customers["crm"] = world.filling.add(
        "counterparty", {"crm": "c-1"}, name="Лилия ООО", kind="company", manager_id=world.managers["Anna"]
    )
    world.filling.add("order", {"crm": "o-1"}, counterparty_id=world.customers["crm"], number="L-1")
    return world


def test_one_person_in_two_systems_has_the_customers_of_both(two: World) -> None:
    app = two.site.app
    assert seen(two, "manager") == {"mine"}
    tie_record(app, "test", "manager", "17")
    assert seen(two, "manager") == {"mine", "crm"}
    shown = two.browser("manager").get("/customers", params={"who": "mine"}).text
    assert "Лилия ООО" in shown and "Ромашка ООО" in shown
    with pytest.raises(ConflictError):
        tie_record(app, "test", "other", "Anna I.")
    with pytest.raises(ConflictError):
        change_user(app, "test", "other", Traits(manager="17"))
    with pytest.raises(ConflictError):
        tie_record(app, "test", "other", str(two.managers["Анна"]))
    untie_record(app, "test", "manager", "17")
    assert seen(two, "manager") == {"mine"}
    with pytest.raises(UsageError):
        untie_record(app, "test", "manager", "17")


def test_whoever_stands_in_or_inherits_sees_both(two: World) -> None:
    app = two.site.app
    tie_record(app, "test", "manager", "17")
    add_substitute(app, "test", "m-Анна", "other", NOW.date(), NOW.date())
    assert seen(two, "other") == {"mine", "crm", "foreign"}
    assert seen(two, "other", day=1) == {"foreign"}
    assert hand_over(app, "test", "manager", "other", NOW.date() + timedelta(days=1)) == 2
    assert seen(two, "other", day=1) == {"mine", "crm", "foreign"}


def test_the_first_record_that_goes_is_followed_by_another(two: World) -> None:
    app = two.site.app
    tie_record(app, "test", "manager", "17")
    untie_record(app, "test", "manager", "m-Анна")
    with two.engine.begin() as conn:
        assert conn.scalar(select(user.c.manager_id).where(user.c.login == "manager")) == two.managers["Anna"]
    assert seen(two, "manager") == {"crm"}
    change_user(app, "test", "manager", Traits(manager=""))
    assert seen(two, "manager") == set()
    tie_record(app, "test", "other", "17")
    assert seen(two, "other") == {"crm", "foreign"}


def test_tied_on_the_page(two: World) -> None:
    browser, path = two.browser("admin"), f"/users/{two.users['manager']}"
    shown = browser.get(path).text
    assert "Anna I. · crm" in shown
    browser.submit(f"{path}/records", manager=str(two.managers["Anna"]))
    shown = browser.get(path).text
    assert "Saved." in shown and shown.count("/untie") == 2 and "Anna I. · crm" not in shown
    browser.submit(f"{path}/records", manager="nobody")
    assert "No manager is called" in browser.get(path).text
    browser.submit(f"{path}/records/{two.managers['Anna']}/untie")
    assert browser.get(path).text.count("/untie") == 1
    assert [what for _, what, _ in two.audited()] == ["user.tie", "user.untie"]


def test_tokens_and_browsers_of_others_are_ended_by_an_admin(world: World) -> None:
    key, theirs = world.api_key("manager"), world.browser("manager")
    browser, path = world.browser("admin"), f"/users/{world.users['manager']}"
    (token,) = re.findall(rf'action="{path}/tokens/([\w-]+)/revoke"', browser.get(path).text)
    wrong = browser.submit(f"/users/{world.users['other']}/tokens/{token}/revoke")
    assert wrong.status_code == 303 and "already" in browser.get(wrong.headers["location"]).text
    browser.submit(f"{path}/tokens/{token}/revoke")
    headers = {"authorization": f"Bearer {key}"}
    assert world.browser().get("/api/v1/customers", headers=headers).status_code == 401
    browser.submit(f"{path}/log-out")
    assert "1 browser is logged out." in browser.get(path).text
    assert theirs.get("/customers").status_code == 303
    assert [(who, what) for who, what, _ in world.audited()][-2:] == [
        ("admin", "token.revoke"), ("admin", "user.log-out"),
    ]  # fmt: skip
    assert theirs.submit(f"{path}/log-out").status_code in (303, 403)


def test_log_out_everywhere_else(world: World) -> None:
    lost, own = world.browser("manager"), world.browser("manager")
    other = world.browser("other")
    assert "Log out everywhere else" in own.get("/profile").text
    own.submit("/profile/log-out")
    shown = own.get("/profile").text
    assert "1 browser is logged out." in shown and "Log out everywhere else" not in shown
    assert lost.get("/profile").status_code == 303 and other.get("/profile").status_code == 200
    with world.engine.begin() as conn:
        assert conn.scalar(select(func.count()).select_from(session).where(session.c.revoked_at.is_not(None))) == 1


def test_the_last_admin_cannot_hand_over_either(world: World) -> None:
    app = world.site.app
    for deed in (
        lambda: hand_over(app, "test", "admin", "manager", NOW.date()),
        lambda: set_active(app, "test", "admin", active=False),
        lambda: set_role(app, "test", "admin", "head"),
    ):
        with pytest.raises(UsageError, match="last admin"):
            deed()
    set_role(app, "test", "head", "admin")
    hand_over(app, "test", "admin", "manager", NOW.date())


def test_two_admins_at_once_do_not_shut_each_other_out(world: World) -> None:
    """Each asks whether there is another, in a transaction of his own: one of the two is refused."""
    app, refused = world.site.app, []
    with world.engine.begin() as conn:
        conn.execute(update(user).where(user.c.login == "head").values(role="admin"))
    gate = threading.Barrier(2)

    def shut(login: str) -> None:
        gate.wait()
        try:
            set_active(app, "test", login, active=False)
        except SverkaError:
            refused.append(login)

    threads = [threading.Thread(target=shut, args=(login,)) for login in ("admin", "head")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with world.engine.begin() as conn:
        left = select(func.count()).select_from(user).where(user.c.role == "admin", user.c.active.is_(True))
        assert conn.scalar(left) == 1 and len(refused) == 1
