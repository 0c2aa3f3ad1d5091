"""`/healthz`, `/readyz` and `/metrics`, for machines that watch; computed from our tables at the moment of asking."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, PlainTextResponse, Response

from store.queries.work.status import Metric as Number
from store.queries.work.status import load_metrics
from web.door.faults import LoginNeeded
from web.door.guard import Page
from web.door.rules import public
from web.door.visitor import identify_machine
from web.here import Here

router = APIRouter()
_WATCHERS = ("ops", "admin")


@router.get("/healthz")
@public
def healthz(here: Page) -> Response:
    """The process lives."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
@public
def readyz(here: Page) -> Response:
    """The store answers."""
    try:
        _load(here)
    except SQLAlchemyError:
        told = {"ready": False, "reason": "the store does not answer", "next": "sverka doctor"}
        return JSONResponse(told, status_code=503)
    return JSONResponse({"ready": True})


@router.get("/metrics")
@public
def metrics(here: Page) -> Response:
    """For Prometheus: on this very machine as it is, from elsewhere with the token of an ops or admin user."""
    if not _is_own_machine(here.address):
        watcher = identify_machine(here.site, here.request)
        if watcher is None or watcher.role not in _WATCHERS:
            raise LoginNeeded
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(_load(here)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Numbers(Collector):
    """Our numbers as gauges: one family a name."""

    def __init__(self, numbers: Iterable[Number]) -> None:
        self._numbers = list(numbers)

    def collect(self) -> Iterable[Metric]:
        """The families, in the order in which their names come first."""
        families: dict[str, GaugeMetricFamily] = {}
        for name, labels, value in self._numbers:
            told = name.replace("_", " ")
            family = families.setdefault(name, GaugeMetricFamily(f"sverka_{name}", told, labels=list(labels)))
            family.add_metric(list(labels.values()), value)
        return families.values()


def _load(here: Here) -> list[Number]:
    with here.reading() as conn:
        return load_metrics(conn, here.now, names=here.app.settings.connections)


def _is_own_machine(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
