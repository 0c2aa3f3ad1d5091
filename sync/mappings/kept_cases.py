"""Golden cases that are kept in the store, read and written in the format of their files."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Engine

from mapping.cases import Case, PlacedCase, parse_case, write_case
from store.queries.mapping_cases import load_case_rows, save_case_row


def load_kept_cases(engine: Engine, name: str) -> list[PlacedCase]:
    """The cases of a mapping, by title."""
    cases = (parse_case(msgspec.json.encode(row).decode()) for row in load_case_rows(engine, name))
    return [PlacedCase(f"store: {case.title}", case) for case in cases]


def keep_case(engine: Engine, name: str, case: Case, author: str, now: datetime) -> None:
    """Keep a case; one with the same title is replaced."""
    save_case_row(engine, name, msgspec.json.decode(write_case(case)), author, now)
