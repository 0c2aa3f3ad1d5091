"""`sverka link`: the cards of a CRM compared with all customers here, some hundred at a time; shown, or carried out.

A stage of a run, under the connection's lease. Each piece commits by itself, so one that is killed goes on where it
stopped: what is bound already is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.cards import CardLister, ListedCard
from core.errors import ConfigError, RecordError
from mapping.entity import EntityMapping
from store.engine import reading
from store.queries.customers.outward import CUSTOMER
from sync.context import App, Order, Progress, RunContext
from sync.cycle import RunResult, run_stages
from sync.link.agreed import agree
from sync.link.book import CardBook, Found
from sync.link.foresee import Foresight
from sync.link.judge import Hits, Verdict, judge
from sync.link.ours import ENTITY, Ours, count_ours, has_said_same, load_holders, load_ours, load_page
from sync.link.report import Report
from sync.link.writing import Link, apply_links, claim, is_refused, link_of
from sync.push.ask import open_review, request_push
from sync.push.match import BRANCHES
from sync.room.writing import asking, writing

CARDS, CUSTOMERS = "cards", "customers"


@dataclass(slots=True)
class Judged:
    """A customer with what is said of him."""

    ours: Ours
    verdict: Verdict


def link_cards(app: App, name: str, report: Report, progress: Progress, *, dry_run: bool, who: str) -> RunResult:
    """Compare, and unless it is a dry run bind what is sure, ask about what is not, and let new cards be made.

    Args:
        app: the application.
        name: the connection.
        report: is filled with a line a customer and a line a card that nobody here has.
        progress: who watches.
        dry_run: nothing is written, here or there.
        who: the person who agrees.

    Raises:
        ConfigError: there is no such connection.
    """
    order = Order(kind="order", entity=ENTITY, dry_run=dry_run)
    return run_stages(app, name, order, [lambda ctx: _Linking(ctx, report, who).run()], progress)


class _Linking:
    """One run of it."""

    def __init__(self, ctx: RunContext, report: Report, who: str) -> None:
        if not isinstance(ctx.connector, CardLister):
            raise ConfigError(f"{ctx.name} is no CRM whose cards can be linked.", next_step="sverka link --help")
        self.ctx, self.report, self.who = ctx, report, who
        self.connector: CardLister = ctx.connector
        self.book = CardBook()
        self.foresight = Foresight(ctx)
        self.branches = str(ctx.mapping.settings.get(BRANCHES, "review"))

    def run(self) -> None:
        """The whole of it."""
        try:
            self.ctx.next_fetch()
            self._read_cards()
            self._survey()
            self._judge_all()
            self._tell_only_there()
        finally:
            self.book.close()
            self.report.requests = self.ctx.connector.usage.requests
        if not self.ctx.order.dry_run:
            self._agree()

    def _read_cards(self) -> None:
        entity = self.ctx.mapping.entities.get(ENTITY)
        for kind in self._kinds(entity):
            with asking(self.ctx, "list-cards"):
                for page in self.connector.list_cards(kind):
                    self.report.own_firms += sum(card.own_firm for card in page)
                    self.report.cards += self.book.put(kind, self._customers(entity, kind, page))
                    self.ctx.progress.step(CARDS, self.report.cards, f"of {self.ctx.name}")

    def _kinds(self, entity: EntityMapping | None) -> list[str]:
        """The types of cards that customers may have: those that we show them on, and those that are read as such."""
        shown = [name for name, card in self.ctx.mapping.cards.items() if card.entity == CUSTOMER]
        read = [source.name for source in entity.sources] if entity is not None else []
        kinds = list(dict.fromkeys((*shown, *read)))
        if not kinds:
            why = f"The mapping of {self.ctx.name} speaks of no customers: there is nothing to link."
            raise ConfigError(why, next_step=f"sverka mapping check --connection {self.ctx.name}")
        return kinds

    def _customers(self, entity: EntityMapping | None, kind: str, page: Sequence[ListedCard]) -> Iterator[ListedCard]:
        """Without own firms, and without those that the mapping takes for something else: a contact of a company."""
        read = entity is not None and kind in {source.name for source in entity.sources}
        for card in page:
            if not card.own_firm and (not read or self._is_customer(entity, kind, card)):
                yield card

    def _is_customer(self, entity: EntityMapping | None, kind: str, card: ListedCard) -> bool:
        try:
            return entity is None or entity.build(kind, card.raw.data, self.ctx.settings.zone) is not None
        except RecordError:
            return True

    def _survey(self) -> None:
        """Note who would have which card where customers of different pages may be sure of one; written down on disk.

        By INN alone they cannot: others of ours with the same INN are asked for whatever their page.
        """
        with reading(self.ctx.app.engine) as conn:
            if not self.book.has_several_tax_ids() and not has_said_same(conn, self.ctx.name):
                return
        for rows in self._pages():
            with reading(self.ctx.app.engine) as conn:
                ours = load_ours(conn, self.ctx.name, rows)
            self.book.claim(_claims(self._judge(ours, self._find(ours))))

    def _judge_all(self) -> None:
        done = 0
        with reading(self.ctx.app.engine) as conn:
            total = count_ours(conn, self.ctx.name)
        for rows in self._pages():
            with reading(self.ctx.app.engine) as conn:
                ours = load_ours(conn, self.ctx.name, rows)
                judged = self._judge(ours, self._find(ours))
            judged = self._carry_out(self._apart(judged))
            self._tell(judged)
            done += len(rows)
            self.ctx.progress.step(CUSTOMERS, done, f"of {total}")

    def _pages(self) -> Iterator[list[Any]]:
        """Pages of our customers, each asked for in a transaction of its own: writing goes on between them."""
        after = None
        while True:
            with reading(self.ctx.app.engine) as conn:
                rows = load_page(conn, self.ctx.name, after)
            if not rows:
                return
            yield rows
            after = rows[-1]["id"]

    def _find(self, ours: Sequence[Ours]) -> list[Hits]:
        """What the book says of each of them, with a few questions for all."""
        numbered = list(enumerate(ours))
        keys = self.book.by_key((place, str(one.id)) for place, one in numbered)
        legal = self.book.by_tax_id((place, one.tax_id) for place, one in numbered if one.tax_id)
        known = self.book.by_id({key for one in ours for key in (*one.cards, *one.decided.same)})
        weak: list[dict[str, tuple[Found, list[str]]]] = [{} for _ in ours]
        open_ones = [(place, one) for place, one in numbered if not one.cards]
        for place, value, card in self.book.by_reach((p, v) for p, one in open_ones for v in one.reached_by):
            what = "e-mail" if "@" in value else "phone"
            weak[place].setdefault(card.external_id, (card, []))[1].append(f"same {what} {value}")
        for place, reason, card in self.book.by_name([(p, v) for p, one in open_ones for v in one.names]):
            weak[place].setdefault(card.external_id, (card, []))[1].append(reason)
        return [Hits(keys.get(p, ()), legal.get(p, ()), weak[p], known) for p, _ in numbered]

    def _judge(self, ours: Sequence[Ours], hits: Sequence[Hits]) -> list[Judged]:
        cards = {found.external_id for one in hits for found in (*one.by_key, *one.by_tax_id)}
        cards |= {key for one in hits for key in one.weak}
        with reading(self.ctx.app.engine) as conn:
            holders = load_holders(conn, self.ctx.name, sorted(cards))
        found = []
        for one, hit in zip(ours, hits, strict=True):
            hit.holders = holders
            found.append(Judged(one, judge(one, hit, branches=self.branches)))
        return found

    def _apart(self, judged: list[Judged]) -> list[Judged]:
        """A card that two customers would have by different rules is a person's to give, whichever comes first."""
        self.book.claim(_claims(judged))
        disputed = self.book.disputed(card for card, _ in _claims(judged))
        for one in judged:
            card = one.verdict.card
            if one.verdict.group == "sure" and card is not None and card.external_id in disputed:
                candidates = one.verdict.candidates
                why = "another customer here would have this card"
                one.verdict = Verdict("review", "several", why, card, candidates, ask=True)
        return judged

    def _carry_out(self, judged: Sequence[Judged]) -> list[Judged]:
        """Link what is sure and ask about what is not; what turns out to be another's meanwhile is asked about too."""
        if self.ctx.order.dry_run:
            return list(judged)
        line = self.ctx.count(ENTITY, "out")
        line.read += len(judged)
        sure = self._links(judged, "sure")
        told = claim(self.ctx, [*sure.values(), *self._links(judged, "linked").values()])
        refused = {key for key in sure if is_refused(told.get(key))}
        unknown = {key for key, one in told.items() if one.error is not None and key not in refused}
        for key in sorted(unknown):
            self.ctx.leave(f"{ENTITY} out: {told[key].error}")
        ready = [link for key, link in sure.items() if key not in refused | unknown]
        kept = self.book.load_kept([link.external_id for link in ready])
        lost = apply_links(self.ctx, kept, ready) | refused
        for one in judged:
            self._settle(one, lost, unknown)
        self._ask([one for one in judged if one.verdict.ask])
        return list(judged)

    def _links(self, judged: Sequence[Judged], group: str) -> dict[str, Link]:
        return {
            card.external_id: link_of(one.ours, card, one.verdict.reason)
            for one in judged
            if one.verdict.group == group and (card := one.verdict.card) is not None
        }

    def _settle(self, one: Judged, lost: set[str], unknown: set[str]) -> None:
        """Count what became of a customer."""
        line, verdict = self.ctx.count(ENTITY, "out"), one.verdict
        key = verdict.card.external_id if verdict.card is not None else ""
        if verdict.group == "sure" and key in lost:
            one.verdict = Verdict(
                "review", verdict.rule, "the card was taken meanwhile", verdict.card, verdict.candidates, ask=True
            )
            line.add("review")
        elif verdict.group == "sure":
            line.add("uncertain" if key in unknown else "linked")
        else:
            line.add("review" if verdict.ask else "unchanged")

    def _ask(self, judged: Sequence[Judged]) -> None:
        if not judged:
            return
        now = self.ctx.app.clock.now()
        with writing(self.ctx, "link-ask") as conn:
            for one in judged:
                candidates = [candidate.as_json() for candidate in one.verdict.candidates]
                reason = f"{one.ours.row['name']}: {one.verdict.reason}."
                open_review(
                    conn, now, self.ctx.name, one.ours.id, "match", reason, candidates=candidates, intent_id=None
                )

    def _tell(self, judged: Sequence[Judged]) -> None:
        self.book.meet(key for one in judged for key in _touched(one))
        nobody = [one.ours.id for one in judged if one.verdict.group == "none"]
        made = self.foresight.of(nobody)
        self.report.add((self._group(one, made), self._line(one)) for one in judged)

    def _group(self, one: Judged, made: set[Any]) -> str:
        return "create" if one.verdict.group == "none" and one.ours.id in made else one.verdict.group

    def _line(self, one: Judged) -> dict[str, Any]:
        row, verdict, card = one.ours.row, one.verdict, one.verdict.card
        several = [found for found in verdict.candidates if card is None or found.external_id != card.external_id]
        return {
            "id": str(one.ours.id), "name": row["name"], "inn": row["tax_id"], "kpp": row["registration_code"],
            "external_ids": one.ours.elsewhere, "rule": verdict.rule, "reason": verdict.reason,
            "candidates": [f"{found.name} ({found.external_id})" for found in several], **self._card(card),
        }  # fmt: skip

    def _card(self, card: Found | None) -> dict[str, Any]:
        if card is None:
            return {"card": None, "card_name": None, "card_inn": None, "card_kpp": None, "link": None}
        link = self.connector.link_to(card.kind, card.external_id) if card.kind else None
        return {
            "card": card.external_id, "card_name": card.title, "card_inn": card.tax_id or None,
            "card_kpp": card.code or None, "link": link,
        }  # fmt: skip

    def _tell_only_there(self) -> None:
        lines = []
        for card in self.book.never_met():
            lines.append(("only_there", {"rule": "", "reason": "nobody here has this card", **self._card(card)}))
            if len(lines) >= 1000:
                self.report.add(lines)
                lines = []
        self.report.add(lines)

    def _agree(self) -> None:
        with writing(self.ctx, "link-agreed") as conn:
            agree(conn, self.ctx, self.ctx.app.clock.now(), self.who)
            request_push(conn, self.ctx.app.clock.now(), self.ctx.name)


def _claims(judged: Sequence[Judged]) -> list[tuple[str, str]]:
    """The cards that are surely somebody's, with whose."""
    sure = [one for one in judged if one.verdict.group == "sure"]
    return [(one.verdict.card.external_id, str(one.ours.id)) for one in sure if one.verdict.card is not None]


def _touched(one: Judged) -> set[str]:
    card = {one.verdict.card.external_id} if one.verdict.card is not None else set()
    return card | {found.external_id for found in one.verdict.candidates} | set(one.ours.cards)
