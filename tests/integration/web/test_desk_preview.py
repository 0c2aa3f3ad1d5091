"""A draft is tried on real records behind the page: told as it runs, ended by a person, nothing written."""

from __future__ import annotations

import html
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync.mappings import preview as previewing
from sync.mappings.drafting import save_draft
from tests.integration.sync_pull.world import dump
from tests.integration.web.grid_world import DeskWorld, make_desk
from web.jobs import Ended, Job, Jobs

PREVIEW = "/mapping/bp30/preview"
DRAFT = """extends = "bp30"
[entities.counterparty.fields]
name = { from = "Description", steps = ["upper"] }
comment = false
"""


@pytest.fixture
def desk(store_url: str, tmp_path: Path) -> Iterator[DeskWorld]:
    with make_desk(store_url, tmp_path) as made:
        yield made


def wait(desk: DeskWorld) -> None:
    job = desk.site.site.jobs.find(("preview", "bp30"))
    assert job is not None and job.wait(60)


def test_what_changes_is_counted_and_shown_before_and_after(desk: DeskWorld) -> None:
    admin = desk.admin()
    assert "Nothing has been tried yet" in admin.get(PREVIEW).text
    save_draft(desk.pulled.app, "bp30", DRAFT, "olga", seen="")
    before = dump(desk.pulled.engine)
    assert admin.submit(PREVIEW, base="accounting", limit="200").status_code == 303
    wait(desk)
    page = html.unescape(admin.get(PREVIEW).text)
    assert '<h3 id="e-counterparty">' in page and '<h3 id="e-order">' not in page
    assert "Stay as they are" in page and "<del" in page and "<ins>" in page
    skip = {"session", "audit", "lease", "connection", "run", "run_counter", "cursor", "slot", "tick"}
    assert {name: rows for name, rows in dump(desk.pulled.engine).items() if name not in skip} == {
        name: rows for name, rows in before.items() if name not in skip
    }


def test_fresh_records_are_only_read(desk: DeskWorld) -> None:
    admin = desk.admin()
    save_draft(desk.pulled.app, "bp30", DRAFT, "olga", seen="")
    asked = len(desk.pulled.server.requests)
    admin.submit(PREVIEW, base="accounting", limit="200", where="fresh")
    wait(desk)
    assert '<h3 id="e-counterparty">' in admin.get(PREVIEW).text
    assert {entry.method for entry in desk.pulled.server.requests[asked:]} == {"GET"}


def test_a_draft_with_mistakes_is_not_tried(desk: DeskWorld) -> None:
    save_draft(desk.pulled.app, "bp30", 'extends = "bp30"\n[entities.counterparty.fields]\nnme = "x"\n', "o", seen="")
    answer = desk.admin().submit(PREVIEW)
    assert answer.status_code == 422 and "1 mistake" in answer.text


def test_a_base_away_is_told(desk: DeskWorld) -> None:
    desk.pulled.server.faults.add("error", error="unavailable", path=".*")
    admin = desk.admin()
    admin.submit(PREVIEW, where="fresh")
    wait(desk)
    page = admin.get(PREVIEW).text
    assert 'class="flash wrong"' in page and "Nothing changes" not in page


def test_it_runs_behind_the_page_and_is_ended(desk: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages answer while it runs; ended, it shows what was found until then."""
    monkeypatch.setattr(previewing, "AT_ONCE", 2)
    monkeypatch.setattr("web.pages.mapping.preview.PATIENCE", 0.0)
    reached, go_on = threading.Event(), threading.Event()
    step = Job.step

    def held(job: Job, entity: str, done: int, text: str = "") -> None:
        if entity == "counterparty":
            reached.set()
            go_on.wait(30)
        step(job, entity, done, text)

    monkeypatch.setattr(Job, "step", held)
    save_draft(desk.pulled.app, "bp30", DRAFT, "olga", seen="")
    admin = desk.admin()
    admin.submit(PREVIEW)
    assert reached.wait(30)
    page = admin.get(PREVIEW).text
    assert "It is being tried." in page and "every 1s" in page
    assert admin.submit(f"{PREVIEW}/end").status_code == 303
    go_on.set()
    wait(desk)
    page = admin.get(PREVIEW).text
    assert "It was ended" in page
    assert '<h3 id="e-counterparty">' in page and "every 1s" not in page


def test_a_draft_that_was_changed_since_is_told(desk: DeskWorld) -> None:
    kept = save_draft(desk.pulled.app, "bp30", DRAFT, "olga", seen="")
    admin = desk.admin()
    admin.submit(PREVIEW)
    wait(desk)
    assert "changed since" not in admin.get(PREVIEW).text
    save_draft(desk.pulled.app, "bp30", DRAFT + "# more\n", "olga", seen=kept.mark)
    assert "changed since" in admin.get(PREVIEW).text


def test_few_pieces_of_work_run_at_once_and_time_ends_them() -> None:
    jobs, go_on = Jobs(longest=0.0), threading.Event()

    def work(job: Job) -> None:
        go_on.wait(30)
        job.step("x", 1)

    first, second = jobs.start(("a",), work), jobs.start(("b",), work)
    assert first is not None and second is not None
    assert jobs.start(("a",), work) is first, "asked for twice it is done once"
    assert jobs.start(("c",), work) is None
    go_on.set()
    assert first.wait(30) and second.wait(30)
    assert first.ended and not first.failed, "its time was over at its first step"
    third = jobs.start(("c",), lambda job: None)
    assert third is not None and third.wait(30) and not third.ended

    def breaks(job: Job) -> None:
        raise Ended

    fourth = jobs.start(("d",), breaks)
    assert fourth is not None and fourth.wait(30) and fourth.ended
