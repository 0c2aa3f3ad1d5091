"""What the words of the machine room are called on the pages of operations; in the catalogues under these texts."""

from __future__ import annotations

from typing import Any

from web.show.texts import N_

QUEUE_TITLES = {
    "requests": N_("asked for"), "due": N_("to send"), "waiting": N_("not yet due"), "sending": N_("being sent"),
    "uncertain": N_("without an answer"), "parked": N_("parked"), "dead": N_("dead letters"), "review": N_("in review"),
}  # fmt: skip
RUN_STATES = {
    "ok": N_("ok"), "partial": N_("partial"), "failed": N_("failed"), "running": N_("running"),
    "abandoned": N_("abandoned"), "skipped": N_("left out: another one was under way"),
}  # fmt: skip
RUN_MEANINGS = {
    "ok": N_("All of it went well."),
    "partial": N_("It went through, and left something that waits for another record, for an answer or for a person."),
    "failed": N_("It was broken off. What it had read before is kept; the next run goes on."),
    "running": N_("It is under way."),
    "abandoned": N_("Its worker was killed or lost the store. The next run goes on where it stopped."),
    "skipped": N_("Another run of the connection was under way."),
}  # fmt: skip
RUN_KINDS = {
    "schedule": N_("by the schedule"), "order": N_("ordered by a person"), "push": N_("sending what is due"),
    "retry": N_("trying again what is due"), "repair": N_("single records read again"),
    "reapply": N_("the rules applied anew"),
}  # fmt: skip
BREAKER = {"closed": N_("answers"), "open": N_("does not answer"), "half_open": N_("is being tried")}
ENTITIES = {
    "organisation": N_("organisations"), "currency": N_("currencies"), "manager": N_("managers"),
    "group": N_("groups"), "product": N_("products"), "counterparty": N_("counterparties"), "person": N_("persons"),
    "contract": N_("contracts"), "order": N_("orders"), "shipment": N_("shipments"), "return": N_("returns"),
    "payment": N_("payments"), "balance": N_("balances"), "movement": N_("movements"), "deal": N_("deals"),
    "activity": N_("activities"), "target": N_("targets"),
}  # fmt: skip
COUNTER_TITLES = {
    "read": N_("looked at"), "created": N_("new ones"), "linked": N_("linked"), "updated": N_("updated"),
    "deleted": N_("deleted"), "unchanged": N_("the same"), "filtered": N_("left out"), "parked": N_("parked"),
    "review": N_("in review"), "uncertain": N_("without an answer"), "dead": N_("dead letters"),
}  # fmt: skip
BECAME = {
    "created": N_("new"), "updated": N_("updated"), "unchanged": N_("the same"), "deleted": N_("deleted"),
    "filtered": N_("left out"), "parked": N_("parked"), "dead": N_("dead letter"), "bound": N_("here"),
}  # fmt: skip
SLOT_STATES = {
    "done": N_("done"), "running": N_("running"), "claimed": N_("taken up"), "missed": N_("missed: no worker came"),
    "abandoned": N_("abandoned"), "skipped_overlap": N_("left out: another one was under way"),
    "skipped_breaker": N_("left out: the other side does not answer"), "skipped_quiet": N_("left out: quiet hours"),
    "skipped_paused": N_("left out: paused"),
}  # fmt: skip
VERDICTS = {
    "ok": N_("nothing to mend"), "explained": N_("explained"), "unexplained": N_("unexplained"),
    "incomplete": N_("incomplete"), "failed": N_("not compared"),
}  # fmt: skip
VERDICT_MEANINGS = {
    "ok": N_("The two books agree, or every difference is as it should be."),
    "explained": N_("Every difference is named. What is to be mended is read again by: sverka reconcile --repair"),
    "unexplained": N_("Something differs that nothing explains: this is the alarm."),
    "incomplete": N_("Nothing unexplained in what was compared, and not all of it could be compared."),
    "failed": N_("The books could not be compared, so nothing is concluded."),
}  # fmt: skip
ASKED_BY = {"order": N_("ordered by a person"), "schedule": N_("by itself, at night")}
DIFFERENCES = {
    "missing_document": N_("missing document"), "missing_record": N_("missing record"),
    "extra_document": N_("extra document"), "extra_record": N_("extra record"),
    "different_amount": N_("different amount"), "different_date": N_("different date"),
    "dead_letter": N_("dead letter"), "parked": N_("parked"), "not_yet_applied": N_("not yet applied"),
    "unexplained": N_("unexplained"), "balance_differs": N_("balance differs"),
    "debt_correction": N_("Correction of debt"), "opening_balance": N_("Opening balance"),
    "manual_entry": N_("Manual entry"), "netting": N_("Netting"), "commission_report": N_("Commission report"),
    "filtered": N_("Left out by the mapping"), "not_published": N_("Not published by accounting"),
    "converted": N_("converted"), "other_organisation": N_("other organisation"), "other": N_("Other"),
}  # fmt: skip
WORDS: dict[str, Any] = {
    "queue_titles": QUEUE_TITLES, "run_states": RUN_STATES, "run_meanings": RUN_MEANINGS, "run_kinds": RUN_KINDS,
    "breaker_states": BREAKER, "entity_titles": ENTITIES, "counter_titles": COUNTER_TITLES, "became_titles": BECAME,
    "slot_states": SLOT_STATES, "verdicts": VERDICTS, "verdict_meanings": VERDICT_MEANINGS, "asked_by": ASKED_BY,
    "differences": DIFFERENCES,
}  # fmt: skip
