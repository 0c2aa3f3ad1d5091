"""A look at a base before and while it is used: address, user, publication, names, clocks (1c-odata.md §1.2, §9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from connectors.base import BalanceSpec, Finding, SourceSet
from connectors.onec_odata import url
from connectors.onec_odata.accounts import Accounts
from connectors.onec_odata.changes import ChangeReader
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.fields import Book
from connectors.onec_odata.records import Question, RecordReader
from connectors.onec_odata.values import key
from connectors.onec_odata.wire import Wire
from core.errors import SverkaError

_SKEW_SECONDS = 120
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
_KINDS = {
    "Catalog_": "Справочники",
    "Document_": "Документы",
    "DocumentJournal_": "Журналы документов",
    "Constant_": "Константы",
    "ExchangePlan_": "Планы обмена",
    "ChartOfAccounts_": "Планы счетов",
    "ChartOfCharacteristicTypes_": "Планы видов характеристик",
    "InformationRegister_": "Регистры сведений",
    "AccumulationRegister_": "Регистры накопления",
    "AccountingRegister_": "Регистры бухгалтерии",
}
_TICK = "tick in 1C, «Настройка стандартного интерфейса OData», «Состав»: {}; then: sverka doctor"


class Doctor:
    """Asks the cheap questions in order and says what it finds; an error of the base is a finding, not an exception."""

    def __init__(self, wire: Wire, book: Book, reader: RecordReader, accounts: Accounts, changes: ChangeReader) -> None:
        self._wire = wire
        self._book = book
        self._reader = reader
        self._accounts = accounts
        self._changes = changes

    def look(self, sources: Sequence[SourceSet], balances: BalanceSpec | None) -> Iterator[Finding]:
        """All findings, each as soon as it is there; where the base does not answer at all, only that one."""
        opened = self._open()
        yield opened
        if opened.level == "error":
            return
        yield from self._address()
        yield from self._clock()
        steps = (self._names(), self._sources(sources), self._balances(balances), self._plan(), self._writing())
        for step in steps:
            yield from _caught(step)

    def _open(self) -> Finding:
        """Address, web server, user and OData as such, by the service's own list of sets."""
        outcome = self._wire.collection("", {})
        if isinstance(outcome, Verdict):
            return _finding(outcome.error(), "connection")
        if not outcome.rows:
            step = _TICK.format("what the mapping needs")
            return Finding("warning", "connection", "1C answers and publishes nothing at all by OData.", step)
        return Finding("ok", "connection", f"1C answers and publishes {len(outcome.rows)} sets.")

    def _address(self) -> Iterator[Finding]:
        parts = urlsplit(self._wire.base)
        if parts.scheme == "http" and parts.hostname not in _LOCAL_HOSTS:
            yield Finding(
                "warning",
                "connection",
                "The password travels unencrypted (http).",
                "publish 1C by https and change url in settings.toml, then: sverka doctor",
            )

    def _clock(self) -> Iterator[Finding]:
        if self._wire.server_time is None:
            return
        theirs, ours = self._wire.server_time
        skew = (theirs - ours).total_seconds()
        if abs(skew) > _SKEW_SECONDS:
            way = "ahead of" if skew > 0 else "behind"
            yield Finding(
                "warning",
                "clock",
                f"The server's clock is {abs(skew):.0f} s {way} ours.",
                "set both clocks by a time server, then: sverka doctor",
            )
        else:
            yield Finding("ok", "clock", "The server's clock agrees with ours.")

    def _names(self) -> Iterator[Finding]:
        if self._book.metadata() is not None:
            yield Finding("ok", "metadata", "$metadata can be read.")
            return
        why = self._book.trouble.error().message if self._book.trouble is not None else ""
        yield Finding(
            "notice",
            "metadata",
            f"$metadata cannot be read, so names are found by trying. {why}",
            "ask the administrator of 1C to let $metadata through, then: sverka doctor",
        )

    def _sources(self, sources: Sequence[SourceSet]) -> Iterator[Finding]:
        for source in dict.fromkeys(sources):
            published = self._book.published(source.name)
            if published is False:
                yield _unpublished(source.name)
            else:
                yield from _caught(self._source(source))

    def _source(self, source: SourceSet) -> Iterator[Finding]:
        """Rights and filter by one object; then what the base does without."""
        outcome = self._reader.ask(source, Question(top=1))
        if isinstance(outcome, Verdict):
            unpublished = outcome.rule.name == "not_published"
            yield _unpublished(source.name) if unpublished else _finding(outcome.error(), source.name)
            return
        yield Finding("ok", source.name, "The set can be read.")
        yield from (_unpublished(join.set) for join in source.joins if self._book.published(join.set) is False)
        if self._book.adapted_filter(source.name, source.filter) != source.filter:
            yield Finding("notice", source.name, "This base keeps no folders here: the IsFolder condition is left out.")
        if source.version and self._book.has(source.name, source.version) is False:
            yield Finding(
                "warning",
                source.name,
                f"There is no {source.version}: changes cannot be told by version.",
                "sverka mapping check",
            )
        if source.counterparty and not self._book.spellings(source.name, source.counterparty):
            yield Finding(
                "warning", source.name, f"There is no attribute {source.counterparty}.", "sverka mapping check"
            )

    def _balances(self, spec: BalanceSpec | None) -> Iterator[Finding]:
        if spec is None:
            return
        metadata = self._book.metadata()
        if metadata is not None and spec.register not in metadata.sets:
            yield _unpublished(spec.register)
            return
        if metadata is not None and metadata.function(spec.register, "Balance") is None:
            yield Finding(
                "warning", spec.register, "$metadata names no virtual table Balance for it.", "sverka mapping check"
            )
            return
        if not spec.chart:
            yield from self._register(spec)
            return
        if not self._accounts.is_published(spec):
            yield _unpublished(spec.chart)
        missing = self._accounts.missing(spec)
        if missing:
            yield Finding("notice", spec.chart, f"This base has no accounts {', '.join(missing)}.")
        yield Finding("ok", spec.register, "Balances can be asked for.")
        yield from self._unlisted(spec)

    def _register(self, spec: BalanceSpec) -> Iterator[Finding]:
        """An accumulation register: what explains its lines must be published too."""
        missing = [name for name in (spec.key_set, spec.terms.register if spec.terms else "")
                   if name and self._book.published(name) is False]  # fmt: skip
        yield from (_unpublished(name) for name in missing)
        if spec.key_set not in missing:
            yield Finding("ok", spec.register, "Balances can be asked for.")

    def _unlisted(self, spec: BalanceSpec) -> Iterator[Finding]:
        """Debts on an account that the mapping forgets would be missing from every balance."""
        unlisted = self._accounts.unlisted(spec)
        if not unlisted:
            return
        condition = url.any_of(f"Account_Key eq {url.guid(guid)}" for guid in unlisted)
        moved = self._moved(spec, "Turnovers", condition) or self._moved(spec, "Balance", condition)
        codes = sorted({unlisted[guid] for guid in moved if guid in unlisted})
        if codes:
            yield Finding(
                "warning",
                spec.register,
                f"There is turnover on settlement accounts that the mapping does not list: {', '.join(codes)}.",
                "add them to accounts under [settings] of a mapping of yours, then: sverka doctor",
            )

    def _moved(self, spec: BalanceSpec, function: str, condition: str) -> set[str]:
        """Accounts with anything on them, by one virtual table; none where the base does not offer it."""
        options = {"$filter": condition, "$select": "Account_Key"}
        outcome = self._wire.collection(f"{spec.register}/{url.call(function, {})}", options)
        if isinstance(outcome, Verdict):
            return set()
        return {found for row in outcome.rows if (found := key(row.data.get("Account_Key"))) is not None}

    def _plan(self) -> Iterator[Finding]:
        if self._wire.options.exchange_plan:
            node = self._changes.node()
            number = node.get("ReceivedNo") or 0
            yield Finding("ok", "exchange plan", f"Our node is there; confirmed up to message {number}.")

    def _writing(self) -> Iterator[Finding]:
        yield Finding(
            "notice",
            "writing",
            "Whether the user may write cannot be tried without writing.",
            'create one test counterparty with write = "review", then: sverka review list',
        )


def _caught(step: Iterator[Finding]) -> Iterator[Finding]:
    """What a step finds, its expected failure included."""
    try:
        yield from step
    except SverkaError as error:
        yield _finding(error, error.where.entity or "connection")


def _finding(error: SverkaError, subject: str) -> Finding:
    return Finding("error", subject, error.message, error.next_step)


def _unpublished(name: str) -> Finding:
    prefix, group = next(((p, g) for p, g in _KINDS.items() if name.startswith(p)), ("", ""))
    path = f"{group} → {name.removeprefix(prefix)}" if group else name
    return Finding("warning", name, "1C does not publish this set.", _TICK.format(path))
