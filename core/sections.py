"""How values are written in the settings: stretches of time, hours of the day, rates, addresses to listen on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from core.clock import local_from_utc, utc_from_local

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,5})\s*/\s*([smh])")


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values never stand in error texts."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


def parse_duration(value: object) -> timedelta:
    """A stretch of time written as "1s", "5m", "2h" or "1d"; a bare number counts seconds."""
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower()
    unit = _UNITS.get(text[-1:], 0)
    number = text[:-1] if unit else text
    if not number.isdigit() or int(number) * (unit or 1) < 1:
        raise ValueError('is written as a whole number and a unit, from "1s" up: "30s", "5m", "2h", "1d"')
    return timedelta(seconds=int(number) * (unit or 1))


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


def parse_rate(value: object) -> timedelta:
    """A rate written as "2/s", "100/m" or "1000/h", as the time that each request stands for."""
    if isinstance(value, timedelta):
        return value
    found = _RATE.fullmatch(str(value).strip().lower())
    if found is None:
        raise ValueError('is written as requests in a second, minute or hour: "2/s", "100/m", "1000/h"')
    return timedelta(seconds=_UNITS[found[2]] / int(found[1]))


Spacing = Annotated[timedelta, BeforeValidator(parse_rate)]


@dataclass(frozen=True, slots=True)
class Rate:
    """How often an outside system may be asked: one request every so long; `burst` of them at once after a rest."""

    every: timedelta
    burst: int = 1


def parse_quiet(stretch: str) -> tuple[time, time]:
    """Quiet hours written as "01:00-03:30", on somebody's wall clock; may cross midnight."""
    try:
        start, end = stretch.split("-")
        return time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError('quiet hours are written as "01:00-03:30"') from error


def check_quiet(value: tuple[str, ...]) -> tuple[str, ...]:
    """The stretches as they are; raises ValueError when one cannot be read."""
    for stretch in value:
        parse_quiet(stretch)
    return value


Quiet = Annotated[tuple[str, ...], AfterValidator(check_quiet)]


def quiet_until(now: datetime, zone: ZoneInfo, stretches: tuple[str, ...]) -> datetime | None:
    """The end of the quiet hours that the moment lies in, by this zone's wall clock; None when it lies in none."""
    moment = now
    for _ in range(len(stretches) + 1):  # the end of one stretch may lie in another
        ends = [end for stretch in stretches if (end := _end_of(moment, zone, *parse_quiet(stretch))) is not None]
        if not ends:
            break
        moment = max(ends)
    return moment if moment > now else None


def _end_of(now: datetime, zone: ZoneInfo, start: time, end: time) -> datetime | None:
    local = local_from_utc(now, zone)
    clock = local.time()
    inside = start <= clock < end if start <= end else clock >= start or clock < end
    if not inside:
        return None
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    return utc_from_local(datetime.combine(day, end), zone)


def check_zone(value: str) -> str:
    """The name as it is; raises ValueError when there is no such time zone."""
    if value not in available_timezones():
        raise ValueError('is the name of a time zone, like "Europe/Moscow" or "Europe/Kyiv"')
    return value


ZoneName = Annotated[str, AfterValidator(check_zone)]


def parse_listen(listen: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8080"; the own machine when only a port is given."""
    host, _, port = listen.strip().rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or "/" in host or " " in host:
        raise ValueError('is written as "127.0.0.1:8080", "[::1]:8080" or "0.0.0.0:8080"')
    return host.strip("[]") or "127.0.0.1", int(port)
