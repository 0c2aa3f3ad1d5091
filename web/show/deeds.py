"""What the deeds in the audit are called, and what stands in their "before" and "after": for people, in the catalogues.

The code of a deed ("user.role") is its name for programs and for the filter of the page; it never changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.i18n import tell
from web.show.format import DASH
from web.show.payloads import cover
from web.show.reasons import FIELD_TITLES
from web.show.texts import N_, translations
from web.show.wording import CUSTOMER_KINDS, ROLE_TITLES, STATUS_TITLES

DEEDS = {
    "call.look": N_("A colleague's customer looked at during a call"),
    "connection.add": N_("Connection added"),
    "connection.change": N_("Connection changed"),
    "connection.lines": N_("Lines for the settings of a connection shown"),
    "connection.pause": N_("Connection paused"),
    "connection.reconcile": N_("Comparison ordered"),
    "connection.resume": N_("Connection resumed"),
    "connection.sync": N_("Cycle ordered"),
    "connection.try": N_("Connection tried"),
    "contact.add": N_("Contact added"),
    "contact.bind": N_("Card tied to a customer"),
    "contact.manager": N_("Customer given to a manager"),
    "contact.merge": N_("Twins merged into one customer"),
    "contact.reuse": N_("A customer of accounting became a contact"),
    "contact.set": N_("Contact changed"),
    "contact.unbind": N_("Card taken from a customer"),
    "contact.update": N_("Changes written into the other system"),
    "crm.setup": N_("Field of Sverka made in the CRM"),
    "customer.refresh": N_("Customer's figures asked for anew"),
    "customers.export": N_("List of customers exported"),
    "dead.discard": N_("Letter discarded"),
    "dead.edit": N_("Values of a letter edited"),
    "dead.edit-superseded": N_("Edit of a letter overtaken by a change"),
    "dead.retry": N_("Letters tried again"),
    "deal.assign": N_("Order given to a deal"),
    "deal.unassign": N_("Order taken from a deal"),
    "field.overruled": N_("The value of one side gave way"),
    "link.agreed": N_("First link agreed to"),
    "log-in": N_("Logged in"),
    "mapping.case.accept": N_("New outcome of an example accepted"),
    "mapping.case.drop": N_("Example of the mapping dropped"),
    "mapping.case.keep": N_("Example of the mapping kept"),
    "mapping.draft.drop": N_("Draft of the mapping thrown away"),
    "mapping.draft.publish": N_("Draft of the mapping published"),
    "mapping.draft.save": N_("Draft of the mapping saved"),
    "mapping.publish": N_("Mapping published"),
    "mapping.reapply": N_("Mapping applied anew to what is stored"),
    "record.read": N_("Received record looked at"),
    "review.approve": N_("Question decided: it may be written"),
    "review.create": N_("Question decided: somebody new"),
    "review.dismiss": N_("Question decided: left alone"),
    "review.keep": N_("Question decided: ours kept"),
    "review.link": N_("Question decided: the same, linked"),
    "review.take": N_("Question decided: theirs taken"),
    "state.reset": N_("Reading begun from the very beginning"),
    "state.rewind": N_("Reading set back to a day"),
    "terms.overruled": N_("Terms set here overruled accounting's"),
    "terms.set": N_("Limit and terms set"),
    "token.add": N_("Token given out"),
    "token.revoke": N_("Token taken back"),
    "user.active": N_("User let in or shut out"),
    "user.add": N_("User added"),
    "user.handover": N_("Customers handed over to a colleague"),
    "user.log-out": N_("User's sessions ended"),
    "user.password": N_("Password changed"),
    "user.role": N_("Role changed"),
    "user.set": N_("User changed"),
    "user.substitute": N_("Standing in begun"),
    "user.substitute.end": N_("Standing in ended"),
    "user.tie": N_("User tied to a manager"),
    "user.untie": N_("User parted from a manager"),
}
"""The code of every deed that is noted, and its title. A test reads the source: none is without one."""
KEYS = FIELD_TITLES | {
    "name": N_("Name"), "role": N_("Role"), "address": N_("Address"), "department": N_("Department"),
    "department_id": N_("Department"), "manager": N_("Manager"), "manager_id": N_("Manager"), "user": N_("User"),
    "active": N_("May log in"), "on_call": N_("On call"), "may_export": N_("Exports lists of customers"),
    "language": N_("Language"), "timezone": N_("Time zone"), "sessions": N_("Sessions"), "heir": N_("Heir"),
    "customers": N_("Customers"), "from": N_("From the day"), "to": N_("To the day"), "kind": N_("Kind"),
    "keys": N_("Settings"), "reason": N_("Reason"), "why": N_("Reason"), "note": N_("Note"), "by": N_("By whom"),
    "connection": N_("Connection"), "external_id": N_("Id there"), "deal": N_("Deal"), "rule": N_("Rule"),
    "version": N_("Version"), "order": N_("Order"), "title": N_("Title"), "text": N_("Text"), "state": N_("State"),
    "owner": N_("Owner"), "contract": N_("Contract"), "action": N_("Decision"), "candidates": N_("Candidates"),
    "rejected": N_("Rejected"), "letters": N_("Letters"), "edited": N_("Put in its place"), "made": N_("Made"),
    "kept": N_("Kept"), "filled": N_("Filled in"), "home": N_("Kept by"), "phone": N_("Phone"), "rows": N_("Rows"),
    "format": N_("Format"), "linked_at": N_("When"), "expected": N_("Expected"),
}  # fmt: skip
"""What is common in "before" and "after". Other names (fields of a CRM, of a cursor) stay as they are."""
_SIDES = {"crm": N_("CRM"), "accounting": N_("accounting")}
_VALUES = {
    "role": ROLE_TITLES, "status": STATUS_TITLES, "home": _SIDES, "kind": CUSTOMER_KINDS,
    "owner": _SIDES | {"newest": N_("whoever changed it last"), "review": N_("a person is asked")},
}  # fmt: skip
_PLACES = {key: place for place, key in enumerate(KEYS)}
_SAID = ("reason", "why")
"""The engine's own words as often as a person's."""


_OF_CUSTOMERS = ("call.", "contact.", "customer.", "customers.", "dead.", "deal.", "field.", "review.", "terms.")
_SAYS_NOTHING = frozenset((
    "action", "connection", "deal", "external_id", "format", "home", "kept", "kind", "letters", "manager", "order",
    "owner", "owing", "rows", "rule", "sort", "state", "status", "version", "whose",
))  # fmt: skip
"""What a deed about a customer may tell those who see no customers; his name, numbers and terms are none of it."""


def cover_values(code: str, told: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a deed found or left behind, for those who see no customers: which fields, and nothing that they say."""
    known = dict(told or {})
    if not code.startswith(_OF_CUSTOMERS):
        return known
    return {key: value if key in _SAYS_NOTHING else cover(value) for key, value in known.items()}


def tell_deed(code: str, language: str) -> str:
    """The title of a deed; "" for a code that nobody knows, such as one of another version."""
    return translations(language).gettext(DEEDS[code]) if code in DEEDS else ""


def list_deeds(language: str) -> dict[str, str]:
    """The code of every deed with its title, by the alphabet of the titles."""
    titles = {code: tell_deed(code, language) for code in DEEDS}
    return dict(sorted(titles.items(), key=lambda one: (one[1].casefold(), one[0])))


def tell_values(told: Mapping[str, Any] | None, language: str) -> list[tuple[str, str]]:
    """What a deed found or left behind, as names and values that people read; a name nobody knows stays as it is.

    In the order of `KEYS`, then by name: PostgreSQL does not keep the order in which a deed named them.
    """
    said = translations(language).gettext
    found = []
    for key, value in sorted((told or {}).items(), key=_place):
        title = said(KEYS[key]) if key in KEYS else key
        found.append((title, _tell_value(key, value, language)))
    return found


def _place(named: tuple[str, Any]) -> tuple[int, str]:
    return _PLACES.get(named[0], len(_PLACES)), named[0]


def _tell_value(key: str, value: Any, language: str) -> str:
    said = translations(language).gettext
    if value is None or value in ("", [], {}):
        return DASH
    if isinstance(value, bool):
        return said("yes") if value else said("no")
    if isinstance(value, str):
        known = _VALUES.get(key, {}).get(value)
        return said(known) if known else tell(value, language) if key in _SAID else value
    if isinstance(value, list) and not any(isinstance(one, list | dict) for one in value):
        return ", ".join(_tell_value(key, one, language) for one in value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
