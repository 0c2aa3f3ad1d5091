"""Scenario 20 by the command: a mistake is refused with its place, a good draft is shown, published and taken back.

And bad input of every kind: a clear message, exit code 2, what rules goes on ruling.
"""

import json
import signal
import tomllib
from pathlib import Path

import pytest

from sandbox.onec import OnecServer
from store import versions
from store.engine import open_engine
from tests.acceptance.installation import Installation

DRAFT = """
extends = "bp30"
[entities.counterparty.fields]
name = { from = "Description", steps = ["trim", "upper"] }
industry = "НаименованиеПолное"
"""


def names(installed: Installation) -> list[str]:
    return [row["name"] for row in installed.lines("export", "counterparties")]


@pytest.mark.timeout(300)
def test_scenario_20(on_sqlite: Installation, server: OnecServer, tmp_path: Path) -> None:
    on_sqlite.run("sync", "--entity", "counterparties")
    before = names(on_sqlite)
    draft = tmp_path / "own.toml"
    draft.write_text(DRAFT.replace("industry", "industri"), encoding="utf-8")
    refused = on_sqlite.run("mapping", "publish", str(draft), check=2)
    assert f"{draft}:5:1: entities.counterparty.fields.industri" in refused.stderr
    assert "did you mean 'industry'?" in refused.stderr

    draft.write_text(DRAFT, encoding="utf-8")
    asked = len(server.requests)
    shown = {row["entity"]: row for row in on_sqlite.lines("mapping", "preview", str(draft), "--json")}
    assert shown["counterparty"]["fields"]["name"] > 0
    assert names(on_sqlite) == before
    told = on_sqlite.run("mapping", "diff", str(draft)).stdout
    assert "counterparty: industry: new: from `НаименованиеПолное`" in told
    assert "counterparty: name: was from" in told

    published = on_sqlite.run("mapping", "publish", str(draft), "--comment", "capitals")
    assert "Version 2" in published.stderr
    assert "sverka mapping reapply accounting" in published.stderr
    done = {row["entity"]: row for row in on_sqlite.lines("mapping", "reapply", "--now", "--json")}
    counted = {key: value for key, value in shown["counterparty"].items() if key not in ("samples", "reasons")}
    assert done["counterparty"] == counted
    assert names(on_sqlite) == [name.upper() for name in before]
    looked = [row for row in on_sqlite.lines("doctor", "--json", check=None) if row["subject"] == "mapping"]
    assert [row["level"] for row in looked] == ["ok"], "the preset is the unchanged base of what rules: no draft"
    assert "version 2 (" in looked[0]["message"]
    (told,) = json.loads(on_sqlite.run("status", "--json").stdout)["reapplies"]
    assert (told["state"], told["counters"]["counterparty"]) == (
        "done",
        {k: v for k, v in counted.items() if k != "entity"},
    )
    assert f"{counted['changed']} changed" in on_sqlite.run("status").stdout

    on_sqlite.run("mapping", "rollback")
    on_sqlite.run("mapping", "reapply", "--now")
    assert names(on_sqlite) == before
    assert all(entry.method == "GET" for entry in server.requests[asked:])


@pytest.mark.timeout(300)
def test_a_reapply_that_is_killed_goes_on_and_comes_to_the_same(tmp_path: Path, server: OnecServer) -> None:
    installed = Installation(
        tmp_path, f"sqlite:///{tmp_path / 'store.db'}", server.url, extra='[schedule]\nlease = "2s"'
    )
    installed.run("sync")
    before = names(installed)
    draft = tmp_path / "own.toml"
    draft.write_text(DRAFT, encoding="utf-8")
    shown = {row["entity"]: row for row in installed.lines("mapping", "preview", str(draft), "--json")}
    installed.run("mapping", "publish", str(draft))
    for point in ("reapply.before:2", "reapply.after:3", "reapply.after:1"):
        killed = installed.run("mapping", "reapply", "--now", check=None, env={"SVERKA_FAULT": point})
        assert killed.returncode == -signal.SIGKILL
    done = {row["entity"]: row for row in installed.lines("mapping", "reapply", "--now", "--json")}
    for row in shown.values():
        del row["samples"], row["reasons"]
    assert done == shown
    assert names(installed) == [name.upper() for name in before]


@pytest.mark.timeout(300)
def test_golden_cases_by_the_command(on_sqlite: Installation, tmp_path: Path) -> None:
    on_sqlite.run("sync", "--entity", "counterparties")
    customers = on_sqlite.lines("export", "counterparties")
    record = next(row for row in customers if row["name"] != row["name"].upper())
    case = json.loads(on_sqlite.run("mapping", "capture", record["external_id"], "--title", "captured").stdout)
    assert (case["entity"], case["raw"]["Ref_Key"]) == ("counterparty", record["external_id"])
    assert record["name"] not in json.dumps(case, ensure_ascii=False)
    draft = tmp_path / "own.toml"
    draft.write_text(DRAFT, encoding="utf-8")
    red = on_sqlite.run("mapping", "test", str(draft), check=1)
    assert "red   captured" in red.stdout
    assert "name" in red.stdout
    refused = on_sqlite.run("mapping", "publish", str(draft), check=2)
    assert "1 golden cases are red" in refused.stderr
    assert [state for _, state in published_in(on_sqlite)] == ["draft", "published"]

    way_out = f"sverka mapping test {draft} --accept"
    assert f"Next: {way_out}, then: publish again" in " ".join(refused.stderr.split())
    (taken,) = on_sqlite.lines(*way_out.split()[1:], "--case", "captured", "--json")
    assert (taken["green"], taken["accepted"]) == (True, True)
    on_sqlite.run("mapping", "publish", str(draft))
    (kept,) = on_sqlite.lines("mapping", "cases", "--json")
    assert (kept["mapping"], kept["title"], kept["entity"]) == ("bp30", "captured", "counterparty")
    on_sqlite.run("mapping", "test", "bp30", check=1)
    assert "Given up: captured" in on_sqlite.run("mapping", "cases", "--drop", "captured").stderr
    assert "keeps no golden case" in on_sqlite.run("mapping", "cases", "--drop", "captured", check=2).stderr
    on_sqlite.run("mapping", "publish", "bp30")


def test_a_red_case_beside_the_file_is_not_taken_over(settled: Installation, tmp_path: Path) -> None:
    draft = tmp_path / "own.toml"
    draft.write_text(DRAFT, encoding="utf-8")
    (tmp_path / "own.cases").mkdir()
    case = {"title": "wrong", "entity": "order", "source": "Document_X", "raw": {}, "expected": {"left_out": True}}
    beside = tmp_path / "own.cases" / "a.json"
    beside.write_text(json.dumps(case), encoding="utf-8")
    refused = settled.run("mapping", "publish", str(draft), check=2)
    assert "--accept" not in refused.stderr
    assert f"mend the mapping or {beside}" in " ".join(refused.stderr.split())
    settled.run("mapping", "test", str(draft), "--accept", check=1)
    assert json.loads(beside.read_text("utf-8")) == case


def test_a_mapping_of_the_settings_with_a_red_case_does_not_publish_itself(tmp_path: Path) -> None:
    installed = Installation(tmp_path, f"sqlite:///{tmp_path / 'store.db'}", "http://127.0.0.1:9/base")
    text = installed.settings.read_text("utf-8").replace('mapping = "bp30"', 'mapping = "own.toml"')
    installed.settings.write_text(text, encoding="utf-8")
    (tmp_path / "own.toml").write_text('extends = "bp30"\n', encoding="utf-8")
    (tmp_path / "own.cases").mkdir()
    case = {"title": "red one", "entity": "order", "source": "Document_X", "raw": {}, "expected": {"left_out": True}}
    (tmp_path / "own.cases" / "a.json").write_text(json.dumps(case), encoding="utf-8")
    refused = installed.run("sync", check=2)
    assert "own.toml is not published: 1 golden cases are red" in refused.stderr
    assert "a.json, then: sverka mapping test, then: sverka sync" in refused.stderr
    assert published_in(installed) == []
    told = [row for row in installed.lines("doctor", "--json", check=1) if row["subject"] == "mapping"]
    assert [(row["level"], "red one" in row["message"]) for row in told] == [("error", True)]


def test_one_mapping_for_two_bases_says_so_everywhere(tmp_path: Path) -> None:
    second = (
        '[connections.third]\nconnector = "onec_odata"\nurl = "http://127.0.0.1:9/third"\nuser = "Обмен"\n'
        'password = { env = "ACCOUNTING_PASSWORD" }\nmapping = "bp30"'
    )
    url = f"sqlite:///{tmp_path / 'store.db'}"
    installed = Installation(tmp_path, url, "http://127.0.0.1:9/base", connection=second)
    own = tmp_path / "own.toml"
    own.write_text(DRAFT, encoding="utf-8")
    installed.run("mapping", "publish", "bp30", "--connection", "third")
    shown = installed.run("mapping", "preview", str(own), "third").stderr
    assert f"sverka mapping preview {own} accounting" in shown
    assert f"sverka mapping publish {own} --connection third --reapply --expect 1" in shown

    done = installed.run("mapping", "publish", str(own), "--connection", "third", "--reapply", "--expect", "1").stderr
    assert "rules now, for: accounting, third" in done
    assert "It replaces version 1 (" in done
    ordered = json.loads(installed.run("status", "--json").stdout)["reapplies"]
    assert [(row["connection"], row["state"]) for row in ordered] == [("accounting", "due"), ("third", "due")]
    ruling = [row for row in installed.lines("mapping", "list", "--json") if row["state"] == "published"]
    assert [row["rules_for"] for row in ruling] == [["accounting", "third"]]
    assert "+03:00" in ruling[0]["published_at"], "the zone in which status tells"

    late = installed.run("mapping", "publish", "bp30", "--connection", "third", "--expect", "1", check=1)
    assert "Someone else has published" in late.stderr
    back = installed.run("mapping", "rollback", "--connection", "accounting").stderr
    assert "rules again, for: accounting, third" in back
    assert "for: accounting, third" in installed.run("mapping", "reapply").stderr
    versions_of = {row["version"] for row in json.loads(installed.run("status", "--json").stdout)["reapplies"]}
    assert len(versions_of) == 1
    assert {row["state"] for row in json.loads(installed.run("status", "--json").stdout)["reapplies"]} == {"due"}


def test_export_and_import_are_each_others_reverse(settled: Installation, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(DRAFT, encoding="utf-8")
    settled.run("mapping", "import", str(own), "--comment", "from git")
    listed = {row["number"]: row for row in settled.lines("mapping", "list", "--json")}
    assert (listed[2]["state"], listed[2]["comment"]) == ("draft", "from git")
    text = settled.run("mapping", "export", "2").stdout
    again = tmp_path / "again.toml"
    again.write_text(text, encoding="utf-8")
    assert "is version 2 " in settled.run("mapping", "import", str(again)).stderr
    assert len(published_in(settled)) == 2


def test_the_schema_for_editors_is_printed(settled: Installation) -> None:
    assert json.loads(settled.run("mapping", "schema").stdout)["title"] == "Sverka rule file"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """One installation for all of them, with bp30 published; nobody is asked anything."""
    folder = tmp_path_factory.mktemp("settled")
    installed = Installation(folder, f"sqlite:///{folder / 'store.db'}", "http://127.0.0.1:9/base")
    installed.run("mapping", "publish", "bp30")
    return installed


def published_in(installed: Installation) -> list[tuple[str, str]]:
    """Version and state of all that is kept, newest first."""
    url = tomllib.loads(installed.settings.read_text("utf-8"))["store"]["url"]
    engine = open_engine(url)
    try:
        return [(one.hash, one.state) for one in versions.list_versions(engine)]
    finally:
        engine.dispose()


def of_code(rule: bytes) -> bytes:
    return b'extends = "bp30"\n[entities.counterparty.fields]\ncode = ' + rule


def computed(formula: bytes) -> bytes:
    return of_code(b'{ formula = "' + formula + b'" }')


BAD = [
    (b'extends = "bp30"\n[entities.counterparty.fields\n', "own.toml:2:"),
    (of_code(b'{ from = "Code", steps = ["digit"] }'), "own.toml:3:34"),
    (b'extends = "own.toml"\n', "goes in a circle"),
    (b"# " + b"x" * (10 * 1024 * 1024), "larger than 1 MB"),
    (b'title = "\xff\xfe"\n', "own.toml:1: the file is not UTF-8"),
    (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deeply"),
    (b"a = " + b"{ a = " * 3000 + b"1" + b" }" * 3000, "nested too deeply"),
    (computed(b"not " * 40 + b"1"), "nested deeper than 30 levels"),
    (computed(b"9**9**9**9"), "Pow is not allowed here"),
    (computed(b"1+" * 300 + b"1"), "longer than 500"),
    (computed(b"__import__(1)"), "there is no function '__import__'"),
    (of_code(b'"Code.Part[x"'), "is not a path"),
    (b"", "says nothing of any entity"),
]


@pytest.mark.parametrize("command", ["check", "publish"])
@pytest.mark.parametrize(("content", "message"), BAD, ids=range(len(BAD)))
def test_bad_input_is_told_and_nothing_else_happens(
    settled: Installation, tmp_path: Path, content: bytes, message: str, command: str
) -> None:
    before = published_in(settled)
    own = tmp_path / "own.toml"
    own.write_bytes(content)
    done = settled.run("mapping", command, str(own), check=2)
    assert message in done.stderr
    assert "Next: " in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 20_000
    assert published_in(settled) == before
    assert "published" in [state for _, state in before]
