"""What the words of records and the roles of users are called on the pages; in the catalogues under these texts."""

from __future__ import annotations

from typing import Any

from web.show.texts import N_

STATUS_TITLES = {
    "lead": N_("lead"), "prospect": N_("prospect"), "client": N_("client"), "former": N_("former client"),
}  # fmt: skip
CUSTOMER_KINDS = {
    "company": N_("company"), "sole_trader": N_("sole trader"), "person": N_("private person"),
    "state_body": N_("state body"),
}  # fmt: skip
KINDS = {
    "shipment": N_("Shipment"), "return": N_("Return"), "payment": N_("Payment"), "payment_out": N_("Paid back"),
    "order": N_("Order"), "debt_correction": N_("Correction of debt"), "opening_balance": N_("Opening balance"),
    "manual_entry": N_("Manual entry"), "netting": N_("Netting"), "commission_report": N_("Commission report"),
    "filtered": N_("Left out by the mapping"), "not_published": N_("Not published by accounting"), "other": N_("Other"),
}  # fmt: skip
ORDER_TITLES = {"open": N_("open"), "part": N_("in part"), "closed": N_("closed"), "cancelled": N_("cancelled")}
RULE_TITLES = {
    "document": N_("by the day in the document"), "contract": N_("by the contract's terms"),
    "counterparty": N_("by the customer's terms"), "default": N_("by the usual terms"),
    "accounting": N_("by accounting's own terms"), "terms": N_("by accounting's own terms"),
}  # fmt: skip
ROLE_TITLES = {"manager": N_("manager"), "head": N_("head"), "admin": N_("admin"), "ops": N_("operations")}
METHODS = {"bank": N_("bank"), "cash": N_("cash"), "card": N_("card")}
DOCUMENT_TITLES = {
    "order": N_("Orders"), "shipment": N_("Shipments"), "payment": N_("Payments"), "return": N_("Returns"),
}  # fmt: skip
STANDINGS = {
    "refused": N_("refused by accounting"), "review": N_("in review: somebody must say who it is"),
    "deleted": N_("deleted in accounting"), "uncertain": N_("sent, accounting has not answered yet"),
    "waiting": N_("waits"), "sending": N_("is being sent to accounting"),
    "due": N_("goes to accounting with the next run"), "in_accounting": N_("in 1C"),
    "client": N_("a client, in no accounting yet"), "lead": N_("not in accounting: is no client yet"),
}  # fmt: skip
AGES = {
    "in_time": N_("not due yet"), "days_30": N_("1-30 days late"), "days_60": N_("31-60 days late"),
    "days_90": N_("61-90 days late"), "older": N_("more than 90 days late"),
}  # fmt: skip
WORDS: dict[str, Any] = {
    "kinds": KINDS, "order_titles": ORDER_TITLES, "rule_titles": RULE_TITLES, "method_titles": METHODS,
    "document_titles": DOCUMENT_TITLES, "status_titles": STATUS_TITLES,
    "standing_titles": STANDINGS,
}  # fmt: skip
