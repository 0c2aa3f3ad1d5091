"""The commands of docs/mapping.md, one after another, as an admin types them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sandbox.onec.base import Base
from tests.acceptance.installation import ROOT, Installation

PAGE = (ROOT / "docs" / "mapping.md").read_text("utf-8").split("## In English")[1]
FIRST = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = [line[2:] for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def segments(installed: Installation) -> dict[str, str | None]:
    rows = installed.lines("export", "counterparties")
    return {row["external_ids"]["accounting"]: row.get("segment") for row in rows}


@pytest.mark.timeout(300)  # a dozen commands, each a process of its own
def test_every_command_of_the_page(on_sqlite: Installation, base: Base, tmp_path: Path) -> None:
    assert FIRST is not None
    customers = "Catalog_Контрагенты"
    chosen = next(key for key in base.keys(customers) if not base.get(customers, key)["IsFolder"])
    base.change(customers, chosen, {"Комментарий": "опт; Москва"})
    own = tmp_path / "own.toml"
    own.write_text(FIRST.group(1), "utf-8")
    on_sqlite.run("sync")
    before = segments(on_sqlite)
    some = next(key for key in before if not base.get(customers, key)["Комментарий"])  # whom the page's rule leaves be
    for line in COMMANDS:
        words = [str(own) if word == "own.toml" else some if word == "ID" else word for word in shlex.split(line)]
        assert words.pop(0) == "sverka"
        on_sqlite.run(*words)
        if "publish" in words:
            on_sqlite.run("mapping", "reapply", "--now")
            assert segments(on_sqlite) != before
    on_sqlite.run("mapping", "reapply", "--now")
    assert segments(on_sqlite) == before
    assert len(COMMANDS) == 11
