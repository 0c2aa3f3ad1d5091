"""`sverka crm setup` against a portal over HTTP: what is told is what is there, nothing is made twice or unasked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from cli.exits import FAILED, OK, USAGE
from cli.main import main
from mapping.rules import load_mapping
from sandbox.bitrix24 import BitrixServer, build_portal
from sandbox.bitrix24.userfields import UserFields
from store.tables import audit

Told = list[dict[str, str]]
ROOT = Path(__file__).parents[3]
OWN_TYPES = {"SVERKA_ORDER", "SVERKA_SHIPMENT", "SVERKA_PAYMENT"}
BITRIX = """
[store]
url = "{store}"
[connections.crm]
connector = "bitrix24"
webhook = {{ env = "WEBHOOK_OF_THIS_TEST" }}
allow_http = true
drain = 1000
burst = 1000
write = "{write}"
mapping = "{mapping}"
"""


class Installation:
    """A working folder whose settings name a portal."""

    def __init__(
        self, folder: Path, store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder, self.store = folder, store
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SVERKA_SETTINGS", str(folder / "settings.toml"))
        self.errors = ""

    def write(self, *, write: str = "review", mapping: str = "bitrix24", more: str = "") -> None:
        text = BITRIX.format(store=self.store, write=write, mapping=mapping) + more
        (self.folder / "settings.toml").write_text(text, encoding="utf-8")

    def run(self, *words: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", ["sverka", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        self.errors = told.err
        return int(ended.value.code or 0), told.out

    def setup(self, *words: str) -> tuple[int, Told]:
        code, text = self.run("crm", "setup", "crm", "--json", *words)
        return code, [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def portal() -> Iterator[BitrixServer]:
    portal = build_portal(customers=[])
    portal.limits.cap = portal.limits.drain = float("inf")
    with BitrixServer(portal) as server:
        yield server


@pytest.fixture
def here(
    tmp_path: Path,
    store_url: str,
    portal: BitrixServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Installation:
    monkeypatch.setenv("WEBHOOK_OF_THIS_TEST", portal.webhook)
    found = Installation(tmp_path, store_url, monkeypatch, capsys)
    found.write()
    return found


def states(told: Told) -> set[str]:
    return {one["state"] for one in told}


def made_in(portal: BitrixServer) -> set[str]:
    return {one.code for one in portal.portal.kinds.values() if one.code}


def writes(portal: BitrixServer) -> int:
    return sum(".add" in one.path or ".update" in one.path for one in portal.requests)


def test_a_dry_run_tells_everything_and_writes_nothing(here: Installation, portal: BitrixServer) -> None:
    code, told = here.setup("--dry-run")
    cards = load_mapping("bitrix24").cards.values()
    assert code == OK
    assert states(told) == {"missing"}
    assert len(told) == sum(len(card.own_fields) + card.own for card in cards)
    assert (writes(portal), made_in(portal), portal.portal.user_fields) == (0, set(), {})
    assert "Next: sverka crm setup crm" in here.errors


def test_everything_is_made_once_and_found_again(here: Installation, portal: BitrixServer) -> None:
    _, missing = here.setup("--dry-run")
    code, made = here.setup()
    assert (code, states(made), len(made)) == (OK, {"made"}, len(missing))
    assert made_in(portal) == OWN_TYPES
    before = writes(portal)
    code, again = here.setup()
    assert (code, states(again)) == (OK, {"there"})
    assert [one["what"] for one in again] == [one["what"] for one in made]
    assert writes(portal) == before
    assert "Next: sverka link crm --dry-run" in here.errors
    balance = next(
        row for row in portal.portal.user_fields["CRM_COMPANY"] if row["FIELD_NAME"] == "UF_CRM_SVERKA_BALANCE"
    )
    assert balance["USER_TYPE_ID"] == "money"
    assert balance["EDIT_FORM_LABEL"]["ua"].startswith("Сальдо")
    engine = create_engine(here.store)
    with engine.connect() as conn:
        noted = list(conn.execute(select(audit.c.after).where(audit.c.what == "crm.setup")).scalars())
    engine.dispose()
    assert len(noted) == len(made)


def test_only_what_is_missing_is_made(here: Installation, portal: BitrixServer) -> None:
    here.setup()
    lost = portal.portal.user_fields["CRM_COMPANY"].pop()
    kind = portal.portal.kinds[4]
    kind.fields = {name: one for name, one in kind.fields.items() if one.upper != lost["FIELD_NAME"]}
    code, told = here.setup()
    assert code == OK
    assert [one["what"] for one in told if one["state"] == "made"] == [f"company.{lost['FIELD_NAME']}"]


def test_without_smart_processes_in_the_plan_it_is_told_what_was_made_and_what_to_do(
    here: Installation, portal: BitrixServer
) -> None:
    portal.portal.plan_types = 0
    code, told = here.setup()
    assert code == USAGE
    assert {one["what"].split(".")[0] for one in told} == {"company", "contact"}
    assert "plan does not allow it" in here.errors
    assert "Next:" in here.errors
    (here.folder / "own.toml").write_text(
        'extends = "bitrix24"\n[cards]\norder = false\nshipment = false\npayment = false\n', encoding="utf-8"
    )
    here.write(mapping="own.toml")
    code, told = here.setup()
    assert (code, states(told)) == (OK, {"there"})


def test_a_field_of_another_kind_is_not_taken_over(here: Installation, portal: BitrixServer) -> None:
    fields = {"FIELD_NAME": "SVERKA_ADVANCE", "USER_TYPE_ID": "string"}
    UserFields(portal.portal).add_old("CRM_COMPANY", {"fields": fields})
    code, _ = here.setup()
    assert code == FAILED
    assert "UF_CRM_SVERKA_ADVANCE is of type string, not money" in here.errors


def test_switched_off_means_off(here: Installation, portal: BitrixServer) -> None:
    here.write(write="off")
    assert here.setup()[0] == USAGE
    assert "Writing into crm is switched off" in here.errors
    assert writes(portal) == 0
    assert here.setup("--dry-run")[0] == OK


@pytest.mark.parametrize(
    ("more", "words", "text"),
    [
        ("", ("nowhere",), "no connection 'nowhere'"),
        ('[connections.books]\nconnector = "onec_odata"\nurl = "http://127.0.0.1:9/odata/standard.odata"\nuser = "x"\n'
         'password = { env = "WEBHOOK_OF_THIS_TEST" }\nmapping = "bp30"\n', ("books",), "shows nothing on cards"),
    ],
)  # fmt: skip
def test_what_is_no_crm_is_said(here: Installation, more: str, words: tuple[str, ...], text: str) -> None:
    here.write(more=more)
    assert here.run("crm", "setup", *words)[0] == USAGE
    assert text in here.errors


def test_doctor_and_check_say_what_is_not_set_up_and_how(here: Installation) -> None:
    code, text = here.run("doctor", "--json")
    found = [one for one in map(json.loads, text.splitlines()) if one["subject"] == "cards"]
    assert code == OK
    assert [(one["level"], one["next"]) for one in found] == [("warning", "sverka crm setup crm")]
    code, text = here.run("mapping", "check", "--live", "--json")
    assert code == OK
    assert "sverka crm setup crm" in [json.loads(line)["next"] for line in text.splitlines()]
    here.setup()
    code, text = here.run("doctor", "--json")
    assert [one["level"] for one in map(json.loads, text.splitlines()) if one["subject"] == "cards"] == ["ok"]
    code, text = here.run("mapping", "check", "--live", "--json")
    assert (code, "crm setup" in text) == (OK, False)


def test_a_name_that_the_portal_does_not_have_is_found_with_its_place(here: Installation) -> None:
    own = 'extends = "bitrix24"\n[cards.company.fields]\ntitel = "name"\n[cards.order]\ndeal_field = "parentId7"\n'
    (here.folder / "own.toml").write_text(own, encoding="utf-8")
    here.setup()
    code, text = here.run("mapping", "check", "own.toml", "--live", "--json")
    found = [one for one in map(json.loads, text.splitlines()) if one["level"] == "error"]
    assert code == FAILED
    assert [(one["file"], one["line"]) for one in found] == [("own.toml", 3), ("own.toml", 5)]
    assert "`titel` is not a field of `company`; did you mean 'title'?" in found[0]["message"]


def test_two_setups_at_once_make_everything_once(here: Installation, portal: BitrixServer) -> None:
    """A portal takes a second type of the same code, so it is we who must not ask for it."""
    here.setup("--dry-run")  # brings the store up to date
    command = [sys.executable, "-m", "cli.main", "crm", "setup", "crm", "--json"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    told = [json.loads(line) for one in both for line in one.communicate(timeout=120)[0].splitlines()]
    assert [one.returncode for one in both] == [OK, OK]
    made = [one["what"] for one in told if one["state"] == "made"]
    assert len(made) == len(set(made)) == len(told) / 2
    codes = [one.code for one in portal.portal.kinds.values() if one.code]
    assert sorted(codes) == sorted(OWN_TYPES)


@pytest.mark.parametrize("method", ["crm.company.userfield.add", "crm.type.add", "userfieldconfig.add"])
def test_an_answer_that_was_lost_is_no_success_and_makes_nothing_twice(
    here: Installation, portal: BitrixServer, method: str
) -> None:
    portal.faults.add("drop_after", path=method, times=1)
    code, _ = here.setup()
    assert code == FAILED
    assert "Next:" in here.errors
    code, told = here.setup()
    assert (code, states(told)) == (OK, {"there", "made"})
    assert sorted(one.code for one in portal.portal.kinds.values() if one.code) == sorted(OWN_TYPES)
    assert states(here.setup()[1]) == {"there"}


def test_publishing_says_what_is_new_on_the_cards(here: Installation) -> None:
    own = 'extends = "bitrix24"\n[cards.company.own]\nregion = { kind = "text", from = "region", labels = "Region" }\n'
    (here.folder / "own.toml").write_text('extends = "bitrix24"\n', encoding="utf-8")
    here.write(mapping="own.toml")
    here.run("mapping", "publish", "own.toml")
    assert "New on the CRM's cards: company, " not in here.errors
    assert "Next: sverka crm setup crm" in here.errors
    here.setup()
    (here.folder / "own.toml").write_text(own, encoding="utf-8")
    assert here.run("mapping", "publish", "own.toml")[0] == OK
    assert "New on the CRM's cards: company.region, contact.region; to be made there first." in here.errors
    assert {one["what"] for one in here.setup()[1] if one["state"] == "made"} == {
        "company.UF_CRM_REGION", "contact.UF_CRM_REGION"
    }  # fmt: skip
    assert here.run("mapping", "publish", "own.toml", "--comment", "again")[0] == OK
    assert "New on the CRM's cards" not in here.errors
