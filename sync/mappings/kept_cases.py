"""Golden cases that are kept in the store, read and written in the format of their files."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Engine

from core.errors import UsageError
from mapping.cases.files import Case, Expected, PlacedCase, parse_case, write_case
from mapping.cases.trial import build_expected
from mapping.rules import Mapping
from store.queries.work.mapping_cases import load_case_rows, save_case_row


def load_kept_cases(engine: Engine, name: str) -> list[PlacedCase]:
    """The cases of a mapping, by title."""
    cases = (parse_case(msgspec.json.encode(row).decode()) for row in load_case_rows(engine, name))
    return [PlacedCase(f"store: {case.title}", case) for case in cases]


def keep_case(engine: Engine, name: str, case: Case, author: str, now: datetime) -> None:
    """Keep a case; one with the same title is replaced."""
    save_case_row(engine, name, msgspec.json.decode(write_case(case)), author, now)


def accept_found(engine: Engine, name: str, case: Case, mapping: Mapping, who: str, now: datetime) -> Case:
    """Take over what a mapping makes of a kept case's payload as what it must make; the former is in the audit.

    Raises:
        UsageError: a case of what is sent, which a person has written: its steps are not taken over unread.
    """
    if case.direction == "out":
        raise UsageError(
            f"{case.title!r} is a case of what is sent; what it expects is not taken over by itself.",
            next_step="sverka mapping cases --drop TITLE",
        )
    accepted = case.model_copy(update={"expected": Expected(**build_expected(mapping, case))})
    keep_case(engine, name, accepted, who, now)
    return accepted
