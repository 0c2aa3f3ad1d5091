"""КА 2 and ERP 2: УТ's sales and settlements, with regulated accounting and production beside them [I]."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sandbox.onec.configurations.kind import Configuration
from sandbox.onec.configurations.ut11 import UT11
from sandbox.onec.configurations.ut11_schema import build_catalog, build_document, build_sets
from sandbox.onec.schema import EntitySet, Layout, build_chart_of_accounts

PRODUCTION = "Document_ЗаказНаПроизводство2_2"
RECIPES = "Catalog_РесурсныеСпецификации"


def build_ka2(layout: Layout) -> Iterator[EntitySet]:
    """КА 2: УТ's sets, the chart of accounts and resource specifications [I]."""
    yield from build_sets(layout)
    yield build_chart_of_accounts()
    yield build_catalog(RECIPES, "Статус:s50", (True, "", 9, 100, "00-"))


def build_erp2(layout: Layout) -> Iterator[EntitySet]:
    """ERP 2: those of КА 2 and orders to production [I]."""
    yield from build_ka2(layout)
    yield build_document(PRODUCTION, "Организация>Catalog_Организации Статус:s50")


KA2: Configuration = replace(UT11, name="ka2", title="Комплексная автоматизация 2", sets=build_ka2)
ERP2: Configuration = replace(UT11, name="erp2", title="ERP Управление предприятием 2", sets=build_erp2)
CONFIGURATIONS = {"ka2": lambda: KA2, "erp2": lambda: ERP2}
