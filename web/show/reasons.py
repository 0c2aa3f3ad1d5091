"""What the engine says of a question, in the reader's language; a sentence that is not known stays as it was said."""

from __future__ import annotations

import re

from web.here import Here
from web.show.texts import N_

FIELD_TITLES = {
    "name": N_("Company or name"), "legal_name": N_("Legal name"), "tax_id": N_("Tax id"),
    "registration_code": N_("Registration code"), "code": N_("Code"), "phones": N_("Phones"), "emails": N_("E-mails"),
    "addresses": N_("Addresses"), "region": N_("Region"), "industry": N_("Industry"), "category": N_("Category"),
    "segment": N_("Segment"), "status": N_("Status"), "comment": N_("Comment"), "credit_limit": N_("Credit limit"),
    "payment_days": N_("Days to pay"),
}  # fmt: skip
_KNOWN = [
    (re.compile(pattern), text)
    for pattern, text in (
        (r"same INN (?P<value>.+)", N_("same tax id %(value)s")),
        (r"same tax id (?P<value>.+)", N_("same tax id %(value)s")),
        (r"same KPP", N_("same registration code")),
        (r"KPP not known on both sides", N_("registration code not known on both sides")),
        (r"other KPP: (?P<there>.*) there, (?P<here>.*) here",
         N_("other registration code: %(there)s there, %(here)s here")),
        (r"same phone (?P<value>.+)", N_("same phone %(value)s")),
        (r"same phone", N_("same phone")),
        (r"same e-?mail (?P<value>.+)", N_("same e-mail %(value)s")),
        (r"same e-?mail", N_("same e-mail")),
        (r"same name", N_("same name")),
        (r"similar name.*", N_("similar name")),
        (r"it carries our (mark|key).*", N_("it carries our mark: made when an answer was lost")),
        (r"it is the card of (the contact )?'(?P<name>.*)' (here )?already", N_("it is the card of %(name)s already")),
        (r"(it|the card) stands under another.*key", N_("the card stands under another key")),
        (r"the card stands under the key of another customer of ours",
         N_("the card stands under the key of another customer of ours")),
        (r"changed here and there since they last agreed", N_("changed on both sides since they last agreed")),
        (r"(?P<number>\d+) cards of accounting have this INN\.",
         N_("Accounting has %(number)s cards with this tax id.")),
        (r"(?P<name>.+): (?P<fields>[^:]+) changed here and in (?P<there>.+)\.",
         N_("%(name)s: %(fields)s changed here and in %(there)s.")),
    )
]  # fmt: skip


def explain(here: Here, said: str) -> str:
    """A reason in the reader's language."""
    for pattern, text in _KNOWN:
        found = pattern.fullmatch(said)
        if found is not None:
            return here.gettext(text, **found.groupdict())
    return said
