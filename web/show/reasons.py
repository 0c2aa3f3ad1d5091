"""What the fields of a customer are called where sides are compared."""

from __future__ import annotations

from web.show.texts import N_

FIELD_TITLES = {
    "name": N_("Company or name"), "legal_name": N_("Legal name"), "tax_id": N_("Tax id"),
    "registration_code": N_("Registration code"), "code": N_("Code"), "phones": N_("Phones"), "emails": N_("E-mails"),
    "addresses": N_("Addresses"), "region": N_("Region"), "industry": N_("Industry"), "category": N_("Category"),
    "segment": N_("Segment"), "status": N_("Status"), "comment": N_("Comment"), "credit_limit": N_("Credit limit"),
    "payment_days": N_("Days to pay"),
}  # fmt: skip
