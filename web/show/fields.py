"""What every field of the canonical model is called, where admins see rules and what they change."""

from __future__ import annotations

from mapping.model import ENTITIES
from web.show.reasons import FIELD_TITLES
from web.show.texts import N_

MODEL_TITLES = FIELD_TITLES | {
    "name": N_("Title"), "numeric_code": N_("Numeric code"), "active": N_("Works here"), "department": N_("Department"),
    "kind": N_("Kind"), "parent": N_("Belongs to the group"), "full_name": N_("Full name"), "sku": N_("Article number"),
    "service": N_("Is a service"), "attributes": N_("Attributes of your own"), "group": N_("Group"),
    "ogrn": N_("State registration number (OGRN)"), "okpo": N_("Statistics code (OKPO)"),
    "source": N_("Where he came from"), "link": N_("Link to the record"), "manager": N_("Manager"),
    "head": N_("Head of the holding"), "post": N_("Post"), "counterparty": N_("Customer"), "number": N_("Number"),
    "date": N_("Date"), "valid_until": N_("Valid until"), "closed": N_("Closed"), "organisation": N_("Organisation"),
    "currency": N_("Currency"), "posted": N_("Posted"), "amount": N_("Amount"), "operation": N_("Kind of operation"),
    "pay_until": N_("Pay until"), "contract": N_("Contract"), "section": N_("Section of the document"),
    "description": N_("Description"), "quantity": N_("Quantity"), "price": N_("Price"), "vat_rate": N_("VAT rate"),
    "vat_amount": N_("VAT amount"), "product": N_("Product"), "order": N_("Order"), "shipment": N_("Shipment"),
    "direction": N_("In or out"), "method": N_("Way of payment"), "purpose": N_("Purpose of payment"),
    "settlement_amount": N_("Amount in the contract's currency"), "pipeline": N_("Pipeline"), "stage": N_("Stage"),
    "stage_since": N_("In the stage since"), "outcome": N_("Outcome"), "probability": N_("Probability, %"),
    "expected_date": N_("Expected on"), "lost_reason": N_("Why it was lost"), "person": N_("Person"),
    "subject": N_("Subject"), "completed": N_("Done"), "deal": N_("Deal"),
}  # fmt: skip
"""By the field's name. A test reads the model: none is without one, in any language."""
_OF_ONE = {
    ("counterparty", "name"): FIELD_TITLES["name"], ("person", "name"): N_("Name"), ("manager", "name"): N_("Name"),
}  # fmt: skip
"""Where a field of one entity is called otherwise."""


def field_title(entity: str, name: str) -> str:
    """What a field of an entity, or of its lines, is called, for the catalogues; "" for what is not in the model."""
    if entity not in ENTITIES or name not in known_fields(entity):
        return ""
    return _OF_ONE.get((entity, name)) or MODEL_TITLES.get(name, "")


def known_fields(entity: str) -> set[str]:
    """The names of all fields and references of an entity and of its lines."""
    spec = ENTITIES[entity]
    of_lines = {name for lines in spec.lines.values() for name in (*lines.fields, *lines.refs)}
    return {*spec.fields, *spec.refs} | of_lines
