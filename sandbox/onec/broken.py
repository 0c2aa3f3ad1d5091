"""Deliberately broken twins: a contract test that passes on one of these proves nothing.

Each twin is the same server with one defect that a real base, proxy or fake could have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sandbox.common.serving import Answer, Request
from sandbox.onec import changes
from sandbox.onec.answers import Answers
from sandbox.onec.base import Base
from sandbox.onec.fields import Fields
from sandbox.onec.query import Projection
from sandbox.onec.reading import Reader
from sandbox.onec.schema import EntitySet
from sandbox.onec.server import OnecServer
from sandbox.onec.service import Service
from sandbox.onec.urls import Resource

MONEY = re.compile(r'"((?:Сумма|Валютная)[^"]*)":(-?\d+(?:\.\d+)?)')
MOMENT = re.compile(r'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"')


class CutBalance(Answers):
    """``Balance`` loses its last third without a word."""

    def render(
        self, entity: EntitySet, records: Iterable[Fields], what: Projection, count: int | None = None
    ) -> Answer:
        """Rows of a virtual table without their end."""
        rows = list(records)
        if entity.kind == "table":
            rows = rows[: len(rows) * 2 // 3]
        return super().render(entity, rows, what, count)


class FloatStrings(Answers):
    """Amounts come as strings."""

    def text(self, body: str, content_type: str, status: int = 200) -> Answer:
        """The body, spoilt."""
        return super().text(MONEY.sub(r'"\1":"\2"', body), content_type, status)


class UtcDates(Answers):
    """Wall-clock dates are moved three hours back, as by a proxy that knows better."""

    def text(self, body: str, content_type: str, status: int = 200) -> Answer:
        """The body, spoilt."""
        return super().text(MOMENT.sub(shifted, body), content_type, status)


class UpperKeys(Answers):
    """GUIDs in upper case in some answers and in lower case in others."""

    def text(self, body: str, content_type: str, status: int = 200) -> Answer:
        """The body, spoilt."""
        keys = re.compile(r'"Ref_Key":"([0-9a-f-]{36})"')
        return super().text(
            keys.sub(lambda found: found[0].replace(found[1], found[1].upper()), body), content_type, status
        )


class ForgetsTombstones(Answers):
    """``SelectChanges`` does not tell of physical deletions."""

    def changes(self, name: str, json_allowed: bool) -> Answer:
        """The packet or the confirmation, spoilt."""
        answer = super().changes(name, json_allowed)
        answer.body = re.sub(rb"<at:deleted-entry[^>]*/>", b"", answer.body)
        return answer


class ConfirmsAll(Answers):
    """A confirmation drops what was never sent."""

    def changes(self, name: str, json_allowed: bool) -> Answer:
        """The packet or the confirmation, spoilt."""
        answer = super().changes(name, json_allowed)
        if name == "NotifyChangesReceived":
            node, _ = changes.node_of(self.reader, self.options)
            self.reader.base.storage.db.execute("DELETE FROM change WHERE node = ?", (node,))
        return answer


class InclusiveBalance(Answers):
    """``Period`` counts what moves exactly then."""

    def args(self, resource: Resource) -> dict[str, str]:
        """Arguments with the period moved."""
        args = super().args(resource)
        if "Period" in args:
            args["Period"] = (datetime.fromisoformat(args["Period"]) + timedelta(seconds=1)).isoformat()
        return args


class LosesRow(Reader):
    """The first row of every page but the first is lost."""

    def query(
        self, entity: EntitySet, options: dict[str, str], columns: Iterable[str] = ()
    ) -> tuple[list[Fields], int | None]:
        """The page, spoilt."""
        records, count = super().query(entity, options, columns)
        return (records[1:] if int(options.get("$skip", "0")) else records), count


class DoublesRow(Reader):
    """The last row of a page comes again on the next one."""

    def query(
        self, entity: EntitySet, options: dict[str, str], columns: Iterable[str] = ()
    ) -> tuple[list[Fields], int | None]:
        """The page, spoilt."""
        skip = int(options.get("$skip", "0"))
        return super().query(entity, {**options, "$skip": str(max(skip - 1, 0))}, columns)


class IgnoresFilter(Reader):
    """``$filter`` is accepted and forgotten."""

    def query(
        self, entity: EntitySet, options: dict[str, str], columns: Iterable[str] = ()
    ) -> tuple[list[Fields], int | None]:
        """The page, spoilt."""
        return super().query(entity, {name: text for name, text in options.items() if name != "$filter"}, columns)


class HidesDeleted(Reader):
    """Objects marked for deletion are left out."""

    def query(
        self, entity: EntitySet, options: dict[str, str], columns: Iterable[str] = ()
    ) -> tuple[list[Fields], int | None]:
        """The page, spoilt."""
        records, count = super().query(entity, options, columns)
        return [record for record in records if not record.get("DeletionMark")], count


class RepeatedPost(Service):
    """A repeated POST with the same ``Ref_Key`` makes a second object instead of refusing."""

    def handle(self, request: Request) -> Answer:
        """The request or its answer, spoilt."""
        if request.method == "POST":
            request.body = re.sub(rb'"Ref_Key"\s*:\s*"[^"]*"\s*,?', b"", request.body)
        return super().handle(request)


class LostWrite(Service):
    """A PATCH is answered with 200 and the object it should have become, but nothing is kept."""

    def handle(self, request: Request) -> Answer:
        """The request or its answer, spoilt."""
        if request.method != "PATCH":
            return super().handle(request)
        with self.base.lock:
            self.base.storage.db.execute("SAVEPOINT lost")
            answer = super().handle(request)
            self.base.storage.db.execute("ROLLBACK TO lost")
            self.base.storage.db.execute("RELEASE lost")
        return answer


class PlusIsSpace(Service):
    """The query is decoded as a form: ``+`` is a space."""

    def handle(self, request: Request) -> Answer:
        """The request or its answer, spoilt."""
        request.query = request.query.replace("+", "%20")
        return super().handle(request)


class StaleVersions(Service):
    """``DataVersion`` never changes."""

    def handle(self, request: Request) -> Answer:
        """The request or its answer, spoilt."""
        answer = super().handle(request)
        answer.body = re.sub(rb'"DataVersion":"[^"]*"', b'"DataVersion":"AAAAAQAAAAA="', answer.body)
        return answer


def shifted(found: re.Match[str]) -> str:
    """Moment three hours earlier; the empty date stays."""
    if found[1].startswith("0001"):
        return found[0]
    return f'"{(datetime.fromisoformat(found[1]) - timedelta(hours=3)).isoformat()}"'


def with_part(part: type[Reader] | type[Answers]) -> type[Service]:
    """Service with one broken part."""
    name = "reader_type" if issubclass(part, Reader) else "answers_type"
    return type(part.__name__, (Service,), {name: part})


DEFECTS: dict[str, type[Service]] = {
    "balance_cut": with_part(CutBalance),
    "balance_inclusive": with_part(InclusiveBalance),
    "float_strings": with_part(FloatStrings),
    "utc_dates": with_part(UtcDates),
    "upper_keys": with_part(UpperKeys),
    "forgets_tombstones": with_part(ForgetsTombstones),
    "confirms_all": with_part(ConfirmsAll),
    "loses_row": with_part(LosesRow),
    "doubles_row": with_part(DoublesRow),
    "ignores_filter": with_part(IgnoresFilter),
    "hides_deleted": with_part(HidesDeleted),
    "repeated_post": RepeatedPost,
    "lost_write": LostWrite,
    "plus_is_space": PlusIsSpace,
    "stale_versions": StaleVersions,
}


def broken_server(base: Base, defect: str, **options: Any) -> OnecServer:
    """A server with one defect of ``DEFECTS``; the options are those of ``OnecServer``."""
    return OnecServer(base, service=DEFECTS[defect], **options)
