"""The crash matrix: every fault point in turn is provoked in the real processes, which die there, and is judged."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

from sqlalchemy import delete, insert, select, update

from core.clock import SystemClock
from core.ids import new_id
from store.engine import reading
from store.tables import alert_delivery, intent, lease, rate, request
from sync.alerts.standing import WAITING
from sync.mappings.ordering import order_reapply
from sync.pull.cursors import reset
from sync.push.contacts import add_contact, set_contact
from sync.room.faults import POINTS
from sync.room.lease import claim_lease
from tests.chaos.broker import copies
from tests.chaos.campaign import inn_of, say
from tests.chaos.house import NAME, House, Unhealed
from tests.chaos.judge import Judge
from tests.chaos.kinds import busy
from tests.chaos.onec import PARTIES

ORDER, SALE = "Document_СчетНаОплатуПокупателю", "Document_РеализацияТоваровУслуг"
GHOST = "11111111-2222-3333-4444-555555555555"
OWN = ("Ref_Key", "Number", "DataVersion")
"""What no two documents share."""
NAMES = tuple(dict.fromkeys(point.rpartition(".")[0] for point in POINTS))
"""The commits and calls that have points."""
PLAN = ("fetch-changes", "confirm-changes")
CALM = ("wake", "wake-begin", "wake-end", "reapply")
BROKEN = ("pause", "run-fail", "resume")
WATCHED = ("rate-begin", "rate-turn", "rate-block", "alert-turn", "alert-mark", "alert-claim", "alert-end")
"""Only where a connection has a rate and somebody is told of alerts."""
BROKER_ONLY = ("request-free",)
ELSEWHERE = ("fetch-terms",)
"""No base of this configuration keeps terms: test_terms.py."""
MAIN = tuple(name for name in NAMES if name not in (*PLAN, *CALM, *BROKEN, *WATCHED, *ELSEWHERE))
SIDES = ("before", "after")
AGAIN, PATIENCE = 6.5, 90.0
"""Seconds until what was to lead to the point is done once more, and until it counts as never reached."""


class Matrix:
    """Kills one process after the other on one installation."""

    def __init__(self, house: House, judge: Judge, seed: int = 1) -> None:
        self.house, self.judge, self.random = house, judge, Random(seed)
        self.mending: list[Callable[[], object]] = []
        self.hit: list[str] = []
        self.patient_until = 0.0
        sold = self.house.onec.documents(SALE)[0]
        self.sold = {name: text for name, text in sold.items() if isinstance(text, str) and name not in OWN}
        """The head of a sale like others, not posted."""

    def kill_at(self, point: str) -> None:
        """Arm a point, provoke it until somebody is dead there, mend what was spoilt for it, start what died.

        Raises:
            Unhealed: nobody ever passed the point, or who was hit is still alive.
        """
        provoke = PROVOKE.get(point.rpartition(".")[0], Matrix.stir)
        before = set(self.house.hits(point))
        self.house.arm(point)
        began, again = time.monotonic(), 0.0
        while not (killed := set(self.house.hits(point)) - before):
            if time.monotonic() > began + PATIENCE:
                raise Unhealed(f"{point} was never hit\n{self.house.log_tail()}")
            if time.monotonic() > again:
                self.house.start()  # who could not start, is started again
                provoke(self)
                again = time.monotonic() + AGAIN
            time.sleep(0.03)
        self.house.bury(killed)
        self.hit.append(point)
        self.patient_until = 0.0
        say(f"{point}: {time.monotonic() - began:.1f} s")
        while self.mending:
            self.mending.pop()()
        for name in ("hand", "reconcile"):
            if name in self.house.processes:
                self.house.kill(name)
        self.house.start()

    # ------------------------------------------------------------------ what leads to a point

    def stir(self) -> None:
        """New, changed, gone, linked to nowhere; a new client: all that an ordinary cycle does.

        As many sales come as go: a slow machine stirs often, and must not find the base sold out.
        """
        onec = self.house.onec
        onec.random_edits(4, self.random.randrange(1 << 30))
        onec.edit("create", SALE, **self.sold)
        sale = self.random.choice(onec.documents(SALE))
        onec.edit("delete", SALE, str(sale["Ref_Key"]))
        self.client()

    def client(self) -> str:
        """A contact becomes a client."""
        inn = self.inn()
        contact = add_contact(self.house.app, name=f"ООО «{inn}»", tax_id=inn, status="client")
        self.judge.expect_client(inn, str(contact["id"]))
        return inn

    def inn(self) -> str:
        """One that nobody has."""
        return inn_of(self.random.randrange(10**6, 10**7))

    def link_nowhere(self) -> None:
        """A new card with a head office that does not exist: a late reference, looked for once the set is read."""
        inn = self.inn()
        fields = {"Description": f"Филиал {inn}", "ИНН": inn, "ГоловнойКонтрагент_Key": GHOST}
        self.house.onec.edit("create", PARTIES, **fields)

    def load_anew(self) -> None:
        """The first load of one set once more."""
        reset(self.house.app, NAME, "order")

    def poison(self) -> None:
        """A record that cannot be read."""
        key = str(self.random.choice(self.house.onec.documents(ORDER))["Ref_Key"])
        self.spoil("error", error="control_char", path=f"{ORDER}.*{key}")
        self.house.onec.edit("touch", ORDER, key)
        self.mending.append(lambda: self.house.onec.edit("touch", ORDER, key))

    def spoil(self, action: str, **rule: object) -> None:
        """Wrong answers until the point is hit."""
        self.house.onec.fault(action, **rule)
        self.mending.append(self.house.onec.clear_faults)

    def slow(self) -> None:
        """A cycle that takes longer than a third of the lease."""
        self.spoil("slow", seconds=0.5)

    def silence(self) -> None:
        """Accounting is away."""
        self.spoil("error", error="unavailable", times=20)

    def tell(self) -> None:
        """Something is wrong; what was tried in vain, or by who is dead now, is due again minutes early."""
        now = SystemClock().now()
        untold = update(alert_delivery).where(alert_delivery.c.state.in_(WAITING))
        with self.house.engine.begin() as conn:
            known = conn.execute(untold.values(state="due", next_attempt_at=now)).rowcount
        if not known:
            self.silence()

    def never_arrived(self) -> None:
        """The connection breaks before accounting has the card: uncertain until asked again."""
        self.spoil("drop_before", method="POST", path=PARTIES, times=1)
        self.client()

    def refused(self) -> None:
        """Accounting says no; later somebody mends the contact."""
        self.spoil("error", error="refused", method="POST", path=PARTIES, times=1)
        self.client()
        self.mending.append(self.revive)

    def revive(self) -> None:
        """What a person does about refused clients: whom the refusal met is whoever was sent first."""
        query = select(intent.c.entity_id).where(intent.c.state == "dead")
        with reading(self.house.engine) as conn:
            refused = {str(key) for key in conn.execute(query).scalars()}
        for inn, (contact, _) in self.judge.clients.items():
            if contact in refused:
                set_contact(self.house.app, inn, phones=[f"+7495{self.random.randrange(10**6, 10**7)}"])

    def busy(self) -> None:
        """Nobody can say whether the client is known."""
        self.spoil("error", error="unavailable", method="GET", path=f"{PARTIES}.*ИНН", times=6)
        self.client()

    def known_once(self) -> None:
        """The same INN is in accounting already, since a moment."""
        self.alike(1)

    def known_twice(self) -> None:
        """And twice: a person must choose; he says that it was no client after all."""
        inn = self.alike(2)
        self.mending.append(lambda: set_contact(self.house.app, inn, status="lead"))

    def alike(self, cards: int) -> str:
        """Cards with the INN of a contact that nobody has read yet."""
        inn = self.inn()
        for number in range(cards):
            self.house.onec.edit("create", PARTIES, Description=f"Карточка {inn}/{number}", ИНН=inn)
        contact = add_contact(self.house.app, name=f"ООО «{inn}»", tax_id=inn, status="client")
        if cards == 1:
            self.judge.expect_client(inn, str(contact["id"]), contracts=0)
        return inn

    def ask_for_customer(self) -> None:
        """A manager opens a card."""
        party = self.random.choice(self.house.onec.balances())["counterparty"]
        self.request("pull_customer", {"counterparty": party})

    def request(self, kind: str, arguments: dict[str, str], **values: object) -> str:
        """What a page leaves for the next tick."""
        row = {"id": new_id(), "kind": kind, "connection": NAME, "arguments": arguments}
        with self.house.engine.begin() as conn:
            conn.execute(insert(request).values(row | {"created_at": SystemClock().now()} | values))
        return str(row["id"])

    def senseless_request(self) -> None:
        """A request that nobody could carry out is answered at once, whoever holds the lease, and by no cycle."""
        self.request("pull_customer", {})

    def blocked_request(self) -> None:
        """A request is taken up while a cycle is running."""
        held = claim_lease(self.house.app, NAME, wait=10)
        if held is None:
            return
        self.mending.append(held.release)
        now = SystemClock().now()
        token = f"{self.request('push', {}, claimed_at=now)}@{now.isoformat()}"
        copies(self.house, [{"kind": "request", "connection": NAME, "token": token}], 1)
        time.sleep(1)

    def reconcile(self) -> None:
        """Somebody compares the books."""
        if "reconcile" not in self.house.processes or self.house.processes["reconcile"].poll() is not None:
            self.house.launch("reconcile", "reconcile", "--fresh")

    def forgotten_client(self) -> None:
        """A client whose request was answered while accounting was away: his intent becomes due between two slots."""
        self.cycle_over()
        self.client()
        with self.house.engine.begin() as conn:
            conn.execute(update(request).values(done_at=SystemClock().now()))
        self.rested()

    def cycle_over(self) -> None:
        """Until the next slot there is some time now."""
        busy(self.house, 15)
        free = select(lease.c.name).where(lease.c.name == NAME, lease.c.owner.is_(None))
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with reading(self.house.engine) as conn:
                if conn.execute(free).first() is not None:
                    return
            time.sleep(0.02)

    def map_anew(self) -> None:
        """Somebody has the published rules carried over to all that is here."""
        self.cycle_over()
        order_reapply(self.house.app, NAME, "Анна")
        self.rested()

    def rested(self) -> None:
        """The half minute is over for which somebody was woken who is dead now."""
        with self.house.engine.begin() as conn:
            conn.execute(update(lease).where(lease.c.name == f"wake:{NAME}").values(until=None))

    def forget_rate(self) -> None:
        """The rate budget begins anew."""
        with self.house.engine.begin() as conn:
            conn.execute(delete(rate))

    def too_many(self) -> None:
        """Accounting asks to be left alone for a second."""
        self.spoil("error", error="too_many", times=2)

    def start_anew(self) -> None:
        """Somebody restarts the service, and lets it come up before he does so again."""
        if time.monotonic() < self.patient_until:
            return
        self.patient_until = time.monotonic() + PATIENCE / 4
        with suppress(KeyError):
            self.house.kill("run")
        self.house.start()

    def wait(self) -> None:
        """It comes by itself."""


ALWAYS = (
    "tick", "due", "slot-begin", "slot-end", "lease-claim", "lease-release", "run-start", "run-finish", "rate-turn",
    "alert-turn", "alert-mark",
)  # fmt: skip
"""What every cycle passes, or every tick."""
PROVOKE: dict[str, Callable[[Matrix], object]] = {
    "relink": Matrix.link_nowhere,
    "fetch-page": Matrix.load_anew,
    "dead": Matrix.poison,
    "lease-renew": Matrix.slow,
    "breaker-count": Matrix.silence,
    "rate-begin": Matrix.forget_rate,
    "rate-block": Matrix.too_many,
    "alert-claim": Matrix.tell,
    "alert-end": Matrix.tell,
    "push-settle": Matrix.never_arrived,
    "push-refuse": Matrix.refused,
    "push-postpone": Matrix.busy,
    "push-link": Matrix.known_once,
    "push-review": Matrix.known_twice,
    "fetch-customer-keys": Matrix.ask_for_customer,
    "request-end": Matrix.senseless_request,
    "request-free": Matrix.blocked_request,
    "pause": Matrix.start_anew,
    "run-fail": Matrix.start_anew,
    "resume": Matrix.start_anew,
    **dict.fromkeys(CALM, Matrix.forgotten_client),
    "reapply": Matrix.map_anew,
    **dict.fromkeys(
        ("reconcile-movements", "reconcile-result", "fetch-movements", "fetch-figures"),
        Matrix.reconcile,
    ),
    **dict.fromkeys(ALWAYS, Matrix.wait),
}
"""What leads to a point; `stir` where nothing is said."""
