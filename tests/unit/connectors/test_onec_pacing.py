"""How many whole objects are asked for at once."""

from connectors.onec_odata.pacing import PageSizes


def test_pages_grow_threefold_at_most_and_shrink_at_once() -> None:
    sizes = PageSizes(4_000_000)
    assert sizes.get("D") == 20
    sizes.note("D", 20, 2_000)
    assert sizes.get("D") == 60
    for _ in range(10):
        sizes.note("D", sizes.get("D"), 2_000)
    assert sizes.get("D") == 2000
    sizes.note("D", 2000, 400_000_000)
    assert sizes.get("D") == 20
    sizes.note("D", 20, 100_000_000_000)
    assert sizes.get("D") == 1
    sizes.note("D", 0, 30)
    assert sizes.get("D") == 1


def test_a_page_that_was_too_much_is_quartered_down_to_one() -> None:
    sizes = PageSizes(4_000_000)
    assert [sizes.shrink("D") for _ in range(4)] == [True, True, False, False]
    assert sizes.get("D") == 1
    assert sizes.get("other") == 20
