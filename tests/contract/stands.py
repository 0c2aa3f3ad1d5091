"""What a kind of connector must bring to be tested: a stand, which is a stand-in of its system that knows the truth.

`tests/contract/<kind>/stand.py` defines `open_stand()`. The suite runs over the registry: a kind without a stand fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Protocol, cast, runtime_checkable

import pytest

from connectors.base import BalanceSpec, Connector, SourceSet, Window, Write

PASSWORD = "canary-Пароль-7f3a"
"""The stand's password, planted to be looked for in every text."""


class Stand(Protocol):
    """One system that stands in, and what is really so in it."""

    sources: list[SourceSet]
    nobody: str
    """An external id as the system writes them, of nothing."""
    secret: str
    """What must stand in no text."""
    balances: BalanceSpec | None

    def wrong(self) -> dict[str, object]:
        """Options with which the system does not let us in."""

    def far(self) -> dict[str, object]:
        """Options that lead where nobody listens."""

    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Sweeps in small pages, so that a small company needs several."""

    def connect(self, **options: object) -> Connector:
        """A fresh connector; options override the settings. Closed by the stand."""

    def keys(self, source: SourceSet) -> set[str]:
        """The external ids that really belong to a source, marked and unposted ones too."""

    def middle(self, source: SourceSet) -> tuple[Window, set[str]] | None:
        """A window that ends exactly at some record's date, a second after another's, and what is in it.

        None where the source has no date.
        """

    def change_behind(self, source: SourceSet, pages: int) -> None:
        """From the next read on, remove a record and add one before every page, so many times."""

    def spoil(self, how: str, *, method: str = ".*", times: int | None = None) -> None:
        """Make the next answers bad: see the names in the tests."""

    def mend(self) -> None:
        """Answer well again."""

    def written(self) -> int:
        """How many requests that are not reads have arrived."""


@runtime_checkable
class WritingStand(Stand, Protocol):
    """One that takes records."""

    def example(self, key: str) -> Write:
        """A write that the system takes."""

    def refusal(self, key: str) -> Write:
        """A write that the system refuses for good."""

    def count(self, write: Write) -> int:
        """How many objects there are that this write would have made."""


@runtime_checkable
class LedgerStand(Stand, Protocol):
    """One that keeps balances."""

    def true_balances(self) -> dict[tuple[str, str, str, str], object]:
        """(counterparty, contract, organisation, currency) -> what he owes, computed from the entries themselves."""

    def currency(self, external_id: str | None) -> str:
        """A currency as `true_balances` names it."""


def stand_of(kind: str) -> Callable[[], AbstractContextManager[Stand]]:
    """The stand that a kind of connector brings. Raises ModuleNotFoundError when it brings none."""
    module = import_module(f"tests.contract.{kind}.stand")
    return cast("Callable[[], AbstractContextManager[Stand]]", module.open_stand)


def opened(kind: str) -> Iterator[Stand]:
    """For fixtures."""
    with stand_of(kind)() as stand:
        yield stand
