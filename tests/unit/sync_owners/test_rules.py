"""Whose value a field gets: every combination of owner, change and emptiness, as a table."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.owners.rules import (
    Ownership,
    Pair,
    Settled,
    Who,
    build_pair,
    build_sent,
    fingerprint,
    load_pair,
    settle,
    wants_sending,
)

OLD, OURS, THEIRS = "old", "ours", "theirs"
BOTH_OLD = (fingerprint(OLD), fingerprint(OLD))
SENT = Ownership("phones", "phones", "newest", "both")
KEPT = Ownership("phones", "phones", "crm", "in")


@pytest.mark.parametrize(
    ("who", "ours", "theirs", "seen", "value", "lost", "send", "ask"),
    [
        # nobody changed it, one did, the other did, both did
        ("newest", OLD, OLD, BOTH_OLD, OLD, "", False, False),
        ("newest", OLD, THEIRS, BOTH_OLD, THEIRS, "", False, False),
        ("newest", OURS, OLD, BOTH_OLD, OURS, "", True, False),
        ("newest", OURS, THEIRS, BOTH_OLD, THEIRS, "ours", False, False),
        ("review", OLD, THEIRS, BOTH_OLD, THEIRS, "", False, False),
        ("review", OURS, OLD, BOTH_OLD, OURS, "", True, False),
        ("review", OURS, THEIRS, BOTH_OLD, OURS, "", False, True),
        ("theirs", OLD, THEIRS, BOTH_OLD, THEIRS, "", False, False),
        ("theirs", OURS, THEIRS, BOTH_OLD, THEIRS, "ours", False, False),
        ("ours", OLD, THEIRS, BOTH_OLD, OLD, "theirs", True, False),
        ("ours", OURS, OLD, BOTH_OLD, OURS, "", True, False),
        # the same on both sides
        ("newest", OURS, OURS, BOTH_OLD, OURS, "", False, False),
        ("review", OURS, OURS, BOTH_OLD, OURS, "", False, False),
        # the first look changes nothing where another side owns it
        ("ours", OURS, THEIRS, None, OURS, "theirs", False, False),
        # emptiness blanks nothing, and a gap is filled
        ("theirs", OURS, None, BOTH_OLD, OURS, "", False, False),
        ("newest", OURS, "", BOTH_OLD, OURS, "", False, False),
        ("ours", None, THEIRS, BOTH_OLD, THEIRS, "", False, False),
    ],
)
def test_what_becomes_of_a_field(
    who: Who, ours: object, theirs: object, seen: Pair | None, value: object, lost: str, send: bool, ask: bool
) -> None:
    settled = settle(SENT, who, ours, theirs, seen)
    assert (settled.value, settled.lost, settled.send, settled.ask) == (value, lost, send, ask)


def test_a_field_that_is_not_sent_is_told_once() -> None:
    first = settle(KEPT, "ours", OURS, THEIRS, None)
    assert (first.value, first.lost, first.send) == (OURS, "theirs", False)
    again = settle(KEPT, "ours", OURS, THEIRS, first.seen)
    assert (again.value, again.lost, again.send) == (OURS, "", False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["+7916", "+7495"], ["+7495", "+7916"]),
        (Decimal("100"), Decimal("100.00")),
        (" имя", "имя "),
        (None, ""),
        ([], None),
    ],
)
def test_equal_values_have_equal_fingerprints(one: object, other: object) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("rule", "role", "leads", "who"),
    [
        (Ownership("a", "a"), "accounting", True, "theirs"),
        (Ownership("a", "a"), "accounting", False, "ours"),
        (Ownership("a", "a"), "crm", True, "ours"),
        (Ownership("a", "a", "crm"), "accounting", True, "ours"),
        (Ownership("a", "a", "crm"), "crm", True, "theirs"),
        (Ownership("a", "a", "crm", "both"), "crm", True, "newest"),
        (Ownership("a", "a", "newest"), "accounting", False, "newest"),
        (Ownership("a", "a", "review"), "crm", True, "review"),
    ],
)
def test_whose_value_rules(rule: Ownership, role: str, leads: bool, who: Who) -> None:
    assert rule.who(role, leads=leads) == who


X, Y, Z, W = "+74951234567", "+79161112233", "+78127654321", "+73431234567"
APART = (fingerprint([Y]), fingerprint([X]))
ALIKE = (fingerprint([X]), fingerprint([X]))


@pytest.mark.parametrize(
    ("ours", "theirs", "seen", "value", "seen_then", "send"),
    [
        ([X], [Y, Z], APART, [X, Y, Z], [Y, Z], True),  # they add one
        ([X], [Z], APART, [X, Z], [Z], True),  # they put one in another's place
        ([X, Y], [Y, Z], APART, [X, Y, Z], [Y, Z], True),  # both have changed it
        ([X], [X, Z], APART, [X, Z], [X, Z], False),  # ours has come there with it
        ([X], [Y], None, [X, Y], [Y], True),
        ([X], [], APART, [X], [], False),
        ([X], [Y], APART, [X], [Y], False),  # nothing new
        ([X], [Y], ALIKE, [Y], [Y], False),  # they had the same: theirs takes its place
    ],
)
def test_lists_of_sides_that_were_apart_are_joined(
    ours: list[str], theirs: list[str], seen: Pair | None, value: list[str], seen_then: list[str], send: bool
) -> None:
    settled = settle(SENT, "newest", ours, theirs, seen)
    assert (settled.value, settled.lost, settled.send) == (value, "", send)
    assert settled.seen is not None and settled.seen[0] == fingerprint(seen_then)
    assert wants_sending(SENT, "newest", settled.value, theirs, settled.seen) == send


def test_two_changes_there_before_we_have_sent_lose_nothing() -> None:
    first = settle(SENT, "newest", [X], [Y, Z], APART)
    again = settle(SENT, "newest", first.value, [Y, W], first.seen)
    assert again.value == [X, Y, Z, W] and again.send
    assert wants_sending(SENT, "newest", again.value, [Y, W], again.seen)
    assert build_sent(SENT, again.value, [Y, W], again.seen) == [X, Y, Z, W]


def test_what_was_emptied_there_and_filled_again_is_theirs_alone() -> None:
    emptied = settle(SENT, "newest", [X], [], ALIKE)
    assert (emptied.value, emptied.send) == ([X], False)
    assert settle(SENT, "newest", emptied.value, [Y], emptied.seen).value == [Y]


def test_a_side_that_is_only_read_is_not_joined() -> None:
    """Nothing is written there, so nothing is lost there; a typo that is mended there does not stay here."""
    read = Ownership("phones", "phones", "newest", "in")
    first = settle(read, "newest", [X], [X, Y], APART)
    assert first.value == [X, Y]
    assert settle(read, "newest", first.value, [X, Z], first.seen).value == [X, Z]


def test_a_change_here_is_not_sent_to_a_side_that_is_only_read() -> None:
    assert settle(SENT, "newest", [X, Y], [X], ALIKE).send
    assert not settle(Ownership("phones", "phones", "newest", "in"), "newest", [X, Y], [X], ALIKE).send


def test_a_list_that_is_kept_otherwise_is_not_apart() -> None:
    """They were given X, Y and Z and did not keep Z."""
    pair = build_pair(fingerprint([X, Y]), [X, Y, Z], [X, Y])
    assert load_pair({"phones": json.loads(json.dumps(pair))}, "phones") == pair
    assert build_sent(SENT, [Y, Z], [X, Y], pair) == [Y, Z]  # X was taken away here
    theirs = settle(SENT, "newest", [X, Y, Z], [Y], pair)  # X was taken away there
    assert (theirs.value, theirs.send) == ([Y, Z], False)
    assert settle(SENT, "newest", theirs.value, [Y], theirs.seen) == Settled([Y, Z], theirs.seen)
    both = settle(SENT, "newest", [X, Y, Z, W], [Y], pair)
    assert (set(both.value), both.send) == ({X, Y, Z, W}, True)


def test_of_a_side_that_holds_more_than_it_was_given_nothing_is_known() -> None:
    pair = build_pair(fingerprint([Y, Z]), [X], [Y, Z])
    assert pair == (fingerprint([Y, Z]), fingerprint([X]))
    assert build_sent(SENT, [X, W], [Y, Z], pair) == [X, W, Y, Z]


def test_what_is_sent_to_a_side_that_was_apart_keeps_what_it_alone_has() -> None:
    assert build_sent(SENT, [X, Z], [Y], APART) == [X, Z, Y]
    assert build_sent(SENT, [X, Z], [X], ALIKE) == [X, Z]
    assert build_sent(KEPT, [X, Z], [Y], APART) == [X, Z]
    assert build_sent(SENT, OURS, THEIRS, None) == OURS


VALUES = st.sampled_from(["", "a", "b", "c"])


@given(who=st.sampled_from(["theirs", "ours", "newest", "review"]), ours=VALUES, theirs=VALUES, old=VALUES)
def test_settling_twice_is_settling_once(who: Who, ours: str, theirs: str, old: str) -> None:
    """What was settled stays settled when the same is read again, and nothing is lost to emptiness."""
    seen = (fingerprint(old), fingerprint(old))
    first = settle(SENT, who, ours, theirs, seen)
    again = settle(SENT, who, first.value, theirs, first.seen)
    assert again.value == first.value
    assert first.value in (ours, theirs)
    assert first.value or not (ours or theirs)


@given(who=st.sampled_from(["theirs", "ours", "newest", "review"]), ours=VALUES, theirs=VALUES, old=VALUES)
def test_what_was_sent_is_not_sent_again(who: Who, ours: str, theirs: str, old: str) -> None:
    """After a write both sides are remembered as they are then, whatever the other made of it."""
    kept = theirs + "!"
    assert not wants_sending(SENT, who, ours, kept, (fingerprint(kept), fingerprint(ours)))
    if ours and ours == old:
        assert not wants_sending(SENT, who, ours, old, (fingerprint(old), fingerprint(old)))
