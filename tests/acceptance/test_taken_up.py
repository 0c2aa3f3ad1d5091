"""A connection that is put into settings.toml while the service runs is read without a restart."""

from __future__ import annotations

import pytest

from sandbox.onec.company import build_company
from sandbox.onec.server import OnecServer
from tests.acceptance.installation import Installation, wait_for

MORE = """
[connections.second]
connector = "onec_odata"
url = "{url}"
user = "Обмен"
password = {{ file = "{secret}" }}
mapping = "bp30"
"""


@pytest.mark.timeout(240)
def test_a_connection_added_while_the_service_runs_is_read(on_sqlite: Installation) -> None:
    text = on_sqlite.settings.read_text("utf-8").replace("[connections", '[schedule]\nevery = "2s"\n\n[connections', 1)
    on_sqlite.settings.write_text(text, "utf-8")
    secret = on_sqlite.folder / "second"
    secret.write_text("secret", "utf-8")

    def stands() -> dict[str, str | None]:
        return {row["connection"]: row["last_run"] for row in on_sqlite.lines("status", "--json")[0]["connections"]}

    with build_company(seed=7, documents=20) as base, OnecServer(base) as second:
        with on_sqlite.service("run"):
            wait_for(lambda: stands()["accounting"] == "ok", "the first one is read", 90)
            on_sqlite.settings.write_text("[connections.half", "utf-8")  # as an editor may leave it for a moment
            wait_for(lambda: stands_despite(on_sqlite, text), "the service lives on", 30)
            on_sqlite.settings.write_text(text + MORE.format(url=second.url, secret=secret), "utf-8")
            wait_for(lambda: stands()["second"] == "ok", "the second one is read", 90)
        assert second.requests


def stands_despite(installation: Installation, text: str) -> bool:
    """Settings with a mistake are put right again; the service has not noticed, or has told it."""
    installation.settings.write_text(text, "utf-8")
    return installation.run("status", check=None).returncode == 0
