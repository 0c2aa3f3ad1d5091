"""A look at a portal: the way in, rights, types and fields, plan (bitrix24.md §1, §12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.base import Finding, SourceSet
from connectors.bitrix24.reading import Reader
from connectors.bitrix24.types import LISTS, Types
from connectors.bitrix24.wire import Wire
from core.errors import NoRight, SverkaError

_SKEW_SECONDS = 120
_SCOPES = {
    "crm": "nothing can be read or written",
    "user": "who is responsible cannot be read",
    "userfieldconfig": "fields of smart processes cannot be made",
}


class Doctor:
    """Asks the cheap questions in order; an error of the portal is a finding, not an exception."""

    def __init__(self, wire: Wire, types: Types, reader: Reader) -> None:
        self._wire, self._types, self._reader = wire, types, reader

    def look(self, sources: Sequence[SourceSet]) -> Iterator[Finding]:
        """All findings, each as soon as it is there; where the portal does not let us in, only that one."""
        try:
            scopes = [str(one) for one in self._wire.call("scope").result]
        except SverkaError as error:
            yield _finding(error, "connection")
            return
        yield Finding("ok", "connection", f"Bitrix24 lets us in; scopes: {', '.join(sorted(scopes))}.")
        for name, what in _SCOPES.items():
            if name not in scopes:
                step = "tick it for the webhook or application (docs/bitrix24-setup.md), then: sverka doctor"
                text = f"The scope {name} is missing: {what}."
                yield Finding("error" if name == "crm" else "warning", "rights", text, step)
        try:
            yield from self._clock()
            for source in sources:
                yield self._source(source)
        except SverkaError as error:
            yield _finding(error, "connection")

    def _clock(self) -> Iterator[Finding]:
        theirs = datetime.fromisoformat(str(self._wire.call("server.time").result))
        skew = abs((theirs - self._wire.clock.now()).total_seconds())
        if skew > _SKEW_SECONDS:
            yield Finding(
                "warning", "clock", f"The portal's clock and ours differ by {int(skew)} s.", "set this machine's clock"
            )

    def _source(self, source: SourceSet) -> Finding:
        """By a question that no row answers to; one set that is kept from us keeps no other from being looked at."""
        try:
            if not self._reader.is_published(source.name):
                step = "create it in the portal"
                return Finding("error", source.name, "The portal has no such type of elements.", step)
            method, params, key = self._reader.asked(source, whole=False)
            self._wire.call(method, {**params, "filter": {key: 0}, "start": -1})
        except NoRight as error:
            return _finding(error, source.name)
        if source.name in LISTS:
            return Finding("ok", source.name, "can be read")
        return Finding("ok", source.name, f"can be read; {len(self._types.get(source.name).fields)} fields")


def _finding(error: SverkaError, subject: str) -> Finding:
    return Finding("error", subject, error.message, error.next_step)
