"""The first migrations, written from the tables: only until the first release, afterwards what is released stays.

`python -m tests.migration.drafting` writes the files of `store/migrations/versions` anew.
"""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import Column, Index, Table, UniqueConstraint
from sqlalchemy.types import JSON, TypeDecorator, TypeEngine

import store.entities  # noqa: F401 (brings its tables)
from store.tables import metadata

VERSIONS = Path(__file__).parents[2] / "store" / "migrations" / "versions"
PARTS = {
    "0001_runs.py": ("Connections, runs, what was received and what it is bound to", "connection", "binding"),
    "0002_queues.py": ("What waits, what failed, what a person must choose; versions of mappings", "parked", "audit"),
    "0003_cards.py": ("Organisations, products, customers, contracts", "organisations", "contracts"),
    "0004_documents.py": ("Documents with their lines, balances and movements", "orders", "movements"),
}


def drafts() -> dict[str, str]:
    """File name -> text of every first migration. Tables go in the order in which the store describes them."""
    tables = list(metadata.tables.values())
    order = [table.name for table in tables]
    found: dict[str, str] = {}
    before, start = None, 0
    for name, (title, first, last) in PARTS.items():
        end = order.index(last) + 1
        assert order[start] == first, f"{order[start]} stands between {PARTS}"
        found[name] = draft(name[:4], before, title, tables[start:end])
        before, start = name[:4], end
    assert start == len(tables), f"in no migration: {order[start:]}"
    return found


def draft(revision: str, before: str | None, title: str, tables: list[Table]) -> str:
    parts = [
        f'"""{title}."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n'
        "from sqlalchemy.dialects import postgresql\n",
        f"revision = {revision!r}\ndown_revision = {before!r}\n",
        'json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")\nmoment = sa.DateTime(timezone=True)\n\n',
        "def upgrade() -> None:\n" + "".join(f"    _{table.name}()\n" for table in tables) + "\n",
        *(draft_table(table) for table in tables),
    ]
    return formatted("\n".join(parts))


def draft_table(table: Table) -> str:
    rows = [f"        {draft_column(column)},\n" for column in table.columns]
    rows += [
        f"        sa.UniqueConstraint({names(item.columns)}, name=op.f('uq_{table.name}_{item.columns.keys()[0]}')),\n"
        for item in table.constraints
        if isinstance(item, UniqueConstraint)
    ]
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    made = "".join(f"    {draft_index(table, index)}\n" for index in indexes)
    return (
        f"\ndef _{table.name}() -> None:\n    op.create_table(\n        {table.name!r},\n{''.join(rows)}    )\n{made}\n"
    )


def names(columns: object) -> str:
    return ", ".join(repr(column.name) for column in columns)  # type: ignore[attr-defined]


def draft_column(column: Column[object]) -> str:
    parts = [repr(column.name), draft_type(column.type)]
    if column.primary_key:
        parts.append("primary_key=True")
    elif not column.nullable:
        parts.append("nullable=False")
    if column.server_default is not None:
        value = column.server_default.arg  # type: ignore[attr-defined]
        parts.append(
            f"server_default={value!r}" if isinstance(value, str) else f"server_default=sa.text({value.text!r})"
        )
    return f"sa.Column({', '.join(parts)})"


def draft_type(kind: TypeEngine[object]) -> str:
    if isinstance(kind, JSON):
        return "json"
    inner = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
    text = repr(inner)
    return "moment" if text == "DateTime(timezone=True)" else f"sa.{text}"


def draft_index(table: Table, index: Index) -> str:
    columns = ", ".join(repr(column.name) for column in index.columns)
    parts = [repr(index.name), repr(table.name), f"[{columns}]"]
    if index.unique:
        parts.append("unique=True")
    where = index.dialect_options["sqlite"]["where"]
    if where is not None:
        condition = f"sa.text({where.text!r})"
        parts += [f"sqlite_where={condition}", f"postgresql_where={condition}"]
    return f"op.create_index({', '.join(parts)})"


def formatted(source: str) -> str:
    command = [
        str(Path(sys.executable).with_name("ruff")),
        "format",
        "--stdin-filename",
        "store/migrations/versions/x.py",
        "-",
    ]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True, cwd=VERSIONS.parents[2])
    return done.stdout


def main() -> None:
    for name, text in drafts().items():
        (VERSIONS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
