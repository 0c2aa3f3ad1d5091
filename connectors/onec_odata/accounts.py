"""The settlement accounts: their GUIDs in this base, by the codes that the mapping names (1c-odata.md §5, §8.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from connectors.base import BalanceSpec
from connectors.onec_odata import url
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.values import key
from connectors.onec_odata.wire import Wire
from core.errors import SchemaDrift, TransientError, Where

_BATCH = 15
"""Accounts in one question: the address must stay within 2,048 characters (1c-odata.md §1.1)."""
_NO_WALK = {"field_missing", "question_refused", "no_such_member"}
_NO_CHART = {"not_published", "no_right"}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    """How to ask a virtual table for some accounts: further parameters, or a condition on its result.

    `code` is the account where only one is asked for.
    """

    parameters: dict[str, str]
    condition: str = ""
    code: str = ""


class Accounts:
    """Looks codes up in the chart of accounts, once; does without where the chart is not published."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._charts: dict[str, dict[str, str] | None] = {}

    def guids(self, spec: BalanceSpec) -> dict[str, str]:
        """GUID -> code of the accounts that this base has; empty where the chart is not published.

        Raises:
            SchemaDrift: the chart is there and has none of these accounts.
        """
        chart = self._chart(spec.chart)
        if chart is None:
            return {}
        wanted = _codes(spec)
        found = {guid: code for guid, code in chart.items() if code in wanted}
        if not found:
            raise SchemaDrift(
                f"{spec.chart} has none of the accounts {', '.join(wanted)}.",
                next_step="sverka mapping check",
                where=Where(entity="balance"),
            )
        return found

    def questions(self, spec: BalanceSpec) -> Iterator[AccountQuestion]:
        """By the accounts' GUIDs; code by code where the chart is not published."""
        known = list(self.guids(spec))
        for start in range(0, len(known), _BATCH):
            batch = known[start : start + _BATCH]
            yield AccountQuestion({}, url.any_of(f"Account_Key eq {url.guid(guid)}" for guid in batch))
        if self._chart(spec.chart) is None:
            for code in _codes(spec):
                condition = url.text(f"Account/Code eq {url.text(code)}")
                yield AccountQuestion({"AccountCondition": condition}, code=code)

    def answered(self, spec: BalanceSpec, question: AccountQuestion, outcome: T | Verdict) -> T:
        """The answer.

        Raises:
            SchemaDrift: the base cannot be asked by code: a reference to an unpublished chart cannot be walked.
        """
        if not isinstance(outcome, Verdict):
            return outcome
        if question.code and outcome.rule.name in _NO_WALK:
            raise SchemaDrift(
                f"{spec.chart} is not published, and this base cannot be asked by account code without it.",
                next_step="tick the chart of accounts in 1C (Administration, OData, contents), then: sverka doctor",
                where=Where(entity="balance"),
            )
        raise self._wire.refusal(outcome, spec.register, Where(entity="balance"))

    def missing(self, spec: BalanceSpec) -> list[str]:
        """Accounts that the mapping names and this base does not have; empty where that cannot be known."""
        chart = self._chart(spec.chart)
        return [code for code in _codes(spec) if chart is not None and code not in chart.values()]

    def unlisted(self, spec: BalanceSpec) -> dict[str, str]:
        """GUID -> code of accounts of the same groups ("62…") that the mapping does not name."""
        chart = self._chart(spec.chart) or {}
        listed = _codes(spec)
        groups = {code.split(".")[0] for code in listed}
        return {
            guid: code
            for guid, code in chart.items()
            if code.split(".")[0] in groups and code not in listed and not _is_group(code, chart.values())
        }

    def code(self, spec: BalanceSpec, data: Mapping[str, object], side: str = "") -> str:
        """The account code of a row. Without a chart it is the GUID, which is unique all the same.

        Raises:
            TransientError: the row names no account: then it is no answer of a virtual table.
        """
        account = key(data.get(f"Account{side}_Key"))
        if account is None:
            raise TransientError(f"1C answered with rows of {spec.register} that name no account.")
        chart = self._chart(spec.chart)
        return account if chart is None else chart.get(account, account)

    def known_code(self, spec: BalanceSpec, data: Mapping[str, object], side: str = "") -> str | None:
        """The code of a row's account when it is one of the mapping's; None for any other account."""
        account = key(data.get(f"Account{side}_Key"))
        return self.guids(spec).get(account) if account is not None else None

    def is_published(self, spec: BalanceSpec) -> bool:
        """Whether accounts can be looked up by code."""
        return self._chart(spec.chart) is not None

    def _chart(self, name: str) -> dict[str, str] | None:
        if name not in self._charts:
            self._charts[name] = self._read(name)
        return self._charts[name]

    def _read(self, name: str) -> dict[str, str] | None:
        """All accounts: a chart has some hundreds; codes come padded with spaces (1c-odata.md §1.4)."""
        outcome = self._wire.collection(name, {"$select": "Ref_Key,Code"})
        if isinstance(outcome, Verdict):
            if outcome.rule.name in _NO_CHART:
                return None
            raise self._wire.refusal(outcome, name, Where(entity="balance"))
        pairs = [(key(row.data.get("Ref_Key")), str(row.data.get("Code") or "").strip()) for row in outcome.rows]
        return {guid: code for guid, code in pairs if guid is not None}


def _is_group(code: str, codes: Iterable[str]) -> bool:
    """A group account has others below it and no entries of its own."""
    return any(other.startswith(f"{code}.") for other in codes)


def _codes(spec: BalanceSpec) -> list[str]:
    return list(dict.fromkeys(code.strip() for code in spec.accounts))
