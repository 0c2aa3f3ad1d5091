"""What a card is sent: what is kept equal, what a first link leaves alone, what costs questions of its own."""

from __future__ import annotations

from dataclasses import replace

from connectors.cards import CardRef
from mapping.cards.program import CardMapping, Filled
from sync.outbox.content import Content, Ties, build_card, build_first_link, build_known

COMPANY = CardMapping("company", "counterparty")
FILLED = Filled(
    fields={"title": "Ромашка", "@balance": 700}, new={"typeId": "CUSTOMER"}, requisites={"RQ_INN": "7707083893"},
    phones=("+74950000000",), emails=(),
)  # fmt: skip


def named(code: str) -> str:
    return f"UF_{code.upper()}"


def card(content: Content, known: object, external_id: str | None = "12") -> dict[str, object]:
    built = build_card(COMPANY, "key", external_id, content, known, named)  # type: ignore[arg-type]
    return {**built.fields, **built.requisites, "phones": tuple(built.phones)}


def test_a_new_card_gets_everything_and_what_is_only_for_new_ones() -> None:
    sent = card(Content(FILLED), None, None)
    assert sent == {
        "typeId": "CUSTOMER", "title": "Ромашка", "UF_BALANCE": 700, "RQ_INN": "7707083893",
        "phones": ("+74950000000",),
    }  # fmt: skip


def test_a_first_link_fills_only_fields_of_ours() -> None:
    content = Content(FILLED)
    assert card(content, build_first_link(content)) == {"UF_BALANCE": 700, "phones": ()}


def test_what_a_first_link_left_alone_is_sent_when_ours_moves() -> None:
    known = build_first_link(Content(FILLED))
    moved = Content(replace(FILLED, fields={"title": "Ромашка плюс", "@balance": 700}))
    assert card(moved, known)["title"] == "Ромашка плюс"
    later = build_known(moved, known)
    assert card(moved, later)["title"] == "Ромашка плюс", "from then on it is kept equal"


def test_known_details_are_not_sent_again_and_changed_ones_are() -> None:
    known = build_known(Content(FILLED), None)
    assert card(Content(FILLED), known) == {"title": "Ромашка", "UF_BALANCE": 700, "phones": ()}
    moved = replace(FILLED, phones=("+74950000001",), requisites={"RQ_INN": "7736050003"})
    sent = card(Content(moved), known)
    assert (sent["RQ_INN"], sent["phones"]) == ("7736050003", ("+74950000001",))


def test_the_hash_sees_fields_details_and_ties_and_not_what_is_only_for_new_cards() -> None:
    one = Content(FILLED)
    assert one.hash == Content(replace(FILLED, new={})).hash
    assert one.hash != Content(FILLED, Ties({"companyId": "12"})).hash
    others = (
        replace(FILLED, fields={"title": "Ромашка", "@balance": 701}), replace(FILLED, requisites={}),
        replace(FILLED, phones=()), replace(FILLED, emails=("a@b.ru",)),
    )  # fmt: skip
    assert len({one.hash, *(Content(other).hash for other in others)}) == len(others) + 1


def test_a_tie_names_the_other_card() -> None:
    content = Content(FILLED, Ties({"companyId": "12"}))
    built = build_card(COMPANY, "key", None, content, None, named)
    assert built.fields["companyId"] == CardRef("12")
