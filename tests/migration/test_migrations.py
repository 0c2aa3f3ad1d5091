"""Migrations make what the tables say, on both databases; nothing that happens to them midway does harm."""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

import store.entities
import store.migrations
from core.errors import ConfigError, TransientError
from store.engine import open_engine
from store.migrations import HEAD, REVISIONS
from store.migrations.run import make_config, migrate
from store.tables import metadata
from store.upgrade import load_revision, upgrade

RELEASED = {
    "0001_runs.py": "d432ac2e00910fdb9b605cebb4e23a32de4aa919166cbbf61f490359ce2fd855",
    "0002_queues.py": "d576b01631f0dc47b58a58c1220eae367158e41656eca894e0292a03abd70126",
    "0003_cards.py": "6abadb3f24b531ec28e62e8711cdc0de9b3a4f423ba8712e31e91ec16ce1dc30",
    "0004_documents.py": "e48455d37f6ecb2c9315d66dfa7b79c74cea6a975306276c0d613b62455fde43",
    "0005_under_fire.py": "d00eec44e3f62500af686ade7bcf75a43e45c70713481fa3fa5c1df9cb153b18",
    "0006_outward.py": "ff8859e3e6428139409bcc7e2b515c56627962e88fddcca8301df9f29a870a0a",
}
"""What a store somewhere has already walked through: a change there would never reach it. Add a new step instead."""


def ddl(engine: Engine) -> set[str]:
    """Every table and index in the database's own words."""
    with engine.connect() as conn:
        if engine.dialect.name == "sqlite":
            return _sqlite_ddl(conn)
        found = {
            row.indexdef for row in conn.execute(text("SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"))
        }
        columns = conn.execute(
            text(
                "SELECT table_name, column_name, data_type, is_nullable, column_default, character_maximum_length"
                " FROM information_schema.columns WHERE table_schema = 'public'"
            )
        )
        found |= {str(tuple(row)) for row in columns}
        return {line for line in found if "alembic_version" not in line}


def _sqlite_ddl(conn: Connection) -> set[str]:
    """Columns and indexes one by one: a column added later stands at another place of the table's own text."""
    rows = conn.execute(
        text(
            "SELECT t.name, c.name, c.type, c.'notnull', c.dflt_value, c.pk FROM sqlite_master t,"
            " pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name <> 'alembic_version'"
        )
    )
    columns = {str(tuple(row)) for row in rows}
    indexes = conn.execute(text("SELECT sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
    return columns | {re.sub(r"\s+", " ", row.sql) for row in indexes}


@pytest.fixture
def engine(bare_url: str) -> Any:
    engine = open_engine(bare_url)
    yield engine
    engine.dispose()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrations_make_what_the_tables_say(engine: Engine) -> None:
    upgrade(engine)
    migrated = ddl(engine)
    with engine.begin() as conn:
        # SQLite tells an empty default in other words than it was given; below it is compared as text.
        options = {"compare_type": True, "compare_server_default": conn.dialect.name != "sqlite"}
        differences = compare_metadata(MigrationContext.configure(conn, opts=options), metadata)
        assert differences == [], "the tables have changed: write a new step into store/migrations/versions"
        metadata.drop_all(conn)
        metadata.create_all(conn)
    assert migrated == ddl(engine)  # Alembic does not look at conditions of partial indexes, nor at expressions


def test_every_step_stands_alone(engine: Engine) -> None:
    """A store that was left at any earlier revision is brought up to date."""
    for revision in REVISIONS:
        with engine.begin() as conn:
            migrate(conn, revision)
        assert load_revision(engine) == revision
    assert not upgrade(engine)


def test_what_is_released_stays() -> None:
    folder = Path(store.migrations.__file__).parent / "versions"
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RELEASED} == RELEASED


def test_known_revisions_are_those_of_the_folder(tmp_path: Path) -> None:
    with create_engine("sqlite://").connect() as conn:
        scripts = ScriptDirectory.from_config(make_config(conn))
    walked = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


def test_nothing_to_do_is_one_query(engine: Engine, count_queries: Any) -> None:
    assert upgrade(engine)
    with count_queries(engine) as queries:
        assert not upgrade(engine)
    assert len(queries) == 1


def test_nothing_to_do_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    upgrade(url)
    engine = open_engine(url)
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO lease (name) VALUES ('held')"))
        upgrade(url)
    engine.dispose()


def test_a_store_of_a_newer_program_is_left_alone(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = ddl(engine)
    with pytest.raises(ConfigError, match="newer Sverka"):
        upgrade(engine)
    assert ddl(engine) == before
    assert load_revision(engine) == "9999"


def test_tables_of_others_stay(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE kombu_message (id INTEGER PRIMARY KEY)"))
    upgrade(engine)
    assert inspect(engine).has_table("kombu_message")


def test_a_database_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(TransientError) as caught:
        upgrade("postgresql+psycopg://sverka:hunter22@127.0.0.1:1/none")
    assert "hunter22" not in f"{caught.value!r} {caught.value} {caught.value.detail}"


CHILD = """
import os, signal, sys
from sqlalchemy import event
from store.engine import open_engine
from store.upgrade import upgrade
engine = open_engine(sys.argv[1])
left = int(sys.argv[2])
@event.listens_for(engine, "before_cursor_execute")
def die(conn, cursor, statement, parameters, context, many):
    global left
    left -= statement.lstrip().startswith("CREATE")
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
sys.stdin.readline()
print(upgrade(engine), flush=True)
"""


def start(url: str, die_at: int = -1) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(die_at)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.parametrize("die_at", [1, 2, 30])
def test_kill_in_the_middle_leaves_nothing_half_done(bare_url: str, engine: Engine, die_at: int) -> None:
    child = start(bare_url, die_at)
    assert child.communicate("go\n", timeout=60)[0] == ""
    assert child.returncode == -9
    assert ddl(engine) == set()
    assert upgrade(engine)
    assert load_revision(engine) == HEAD


def test_two_first_starts_at_once(bare_url: str, engine: Engine) -> None:
    children = [start(bare_url) for _ in range(3)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    answers = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(answers) == ["False", "False", "True"]
    assert load_revision(engine) == HEAD
