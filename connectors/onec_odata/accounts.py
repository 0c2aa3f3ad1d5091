"""The settlement accounts: their GUIDs in this base, by the codes that the mapping names (1c-odata.md §5, §8.3)."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.base import BalanceSpec
from connectors.onec_odata.errors import Verdict
from connectors.onec_odata.values import key
from connectors.onec_odata.wire import Wire
from core.errors import SchemaDrift, TransientError, Where

_NO_CHART = {"not_published", "no_right"}


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

    def codes_only(self, spec: BalanceSpec) -> list[str]:
        """The codes to ask by, where GUIDs cannot be had."""
        return _codes(spec) if self._chart(spec.chart) is None else []

    def missing(self, spec: BalanceSpec) -> list[str]:
        """Accounts that the mapping names and this base does not have; empty where that cannot be known."""
        chart = self._chart(spec.chart)
        return [code for code in _codes(spec) if chart is not None and code not in chart.values()]

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
            raise outcome.error(where=Where(entity="balance"))
        pairs = [(key(row.data.get("Ref_Key")), str(row.data.get("Code") or "").strip()) for row in outcome.rows]
        return {guid: code for guid, code in pairs if guid is not None}


def _codes(spec: BalanceSpec) -> list[str]:
    return list(dict.fromkeys(code.strip() for code in spec.accounts))
