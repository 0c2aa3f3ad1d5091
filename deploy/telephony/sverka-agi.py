#!/usr/bin/env python3
"""Asterisk asks Sverka who calls: an AGI script that needs nothing but Python 3.7 or later.

In the dialplan:  AGI(sverka-agi.py,${CALLERID(num)})
It sets the variables of the channel
    SVERKA_FOUND      0, 1 or more customers have the number; "error" where Sverka did not answer
    SVERKA_NAME       the customer's name; of several the first one's and how many more
    SVERKA_PERSON     who there has the number
    SVERKA_MANAGER    who is responsible
    SVERKA_MANAGER_ID our id of him, the same in `sverka export managers`
    SVERKA_ID         our id of the customer; empty for a customer of a colleague of the token's user
    SVERKA_OVERDUE    1 where something of what he owes is overdue
and never fails: whatever happens, the call goes on.

Settings stand in /etc/asterisk/sverka.conf (or the file that SVERKA_AGI_CONF names), readable by asterisk alone:
    url = https://sverka.example
    token = sverka_…          # sverka user token NAME --name asterisk
    timeout = 2               # seconds; the caller waits for them
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal
from typing import IO, Any

NAMES = ("FOUND", "NAME", "PERSON", "MANAGER", "MANAGER_ID", "ID", "OVERDUE")
LONGEST = 80
LARGEST = 1000000


class HungUp(Exception):
    """The caller is gone: nothing more is to be said."""


def read_conf(path: str) -> dict[str, str]:
    """The settings as name -> value; lines that begin with # are notes."""
    found = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            name, sign, value = line.partition("=")
            if sign and not line.lstrip().startswith("#"):
                found[name.strip()] = value.partition(" #")[0].strip()
    return found


def read_environment(source: IO[str]) -> dict[str, str]:
    """What Asterisk tells first: lines of "agi_name: value" up to an empty one."""
    found = {}
    for line in iter(source.readline, ""):
        if not line.strip():
            break
        name, _, value = line.partition(":")
        found[name.strip()] = value.strip()
    return found


def ask(conf: dict[str, str], number: str) -> list[dict[str, Any]]:
    """The customers with the number, as the API tells them."""
    query = urllib.parse.urlencode({"phone": number})
    url = "{}/api/v1/lookup?{}".format(conf["url"].rstrip("/"), query)
    if not url.startswith(("https://", "http://")):
        raise ValueError("url in the settings begins with https:// or http://")
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + conf["token"]})  # noqa: S310
    with urllib.request.urlopen(request, timeout=float(conf.get("timeout", 2))) as answer:  # noqa: S310
        found: list[dict[str, Any]] = json.loads(answer.read(LARGEST).decode("utf-8"))["items"]
    return found


def build_variables(items: list[dict[str, Any]]) -> dict[str, str]:
    """What the dialplan gets to know."""
    found = dict.fromkeys(NAMES, "")
    found["FOUND"] = str(len(items))
    if items:
        first = items[0]
        more = f" +{len(items) - 1}" if len(items) > 1 else ""
        manager = first.get("manager") or {}
        late = any(Decimal(one["overdue"]) > 0 for one in first.get("balances") or [])
        found["NAME"] = plain(first["name"])[: LONGEST - len(more)] + more
        found["PERSON"], found["ID"] = plain(first.get("person") or ""), first.get("id") or ""
        found["MANAGER"], found["MANAGER_ID"] = plain(manager.get("name") or ""), manager.get("id") or ""
        found["OVERDUE"] = "1" if late else ""
    return found


def plain(text: str) -> str:
    """A text that means nothing to a dialplan and fits the display of a phone."""
    return " ".join("".join(sign if sign.isalnum() or sign in " -.+№/()" else " " for sign in text).split())[:LONGEST]


def say(command: str, source: IO[str], target: IO[str]) -> None:
    """One command; waits for its answer, as the protocol wants it."""
    target.write(command + "\n")
    target.flush()
    answer = source.readline()
    if not answer or answer.startswith("HANGUP"):
        raise HungUp
    if answer.startswith("520-"):  # several lines of usage, up to one that begins with "520 "
        while answer and not answer.startswith("520 "):
            answer = source.readline()


def quoted(text: str) -> str:
    """A text as one argument of a command."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def find(number: str) -> tuple[dict[str, str], str]:
    """The variables for a number, and what went wrong."""
    try:
        conf = read_conf(os.environ.get("SVERKA_AGI_CONF", "/etc/asterisk/sverka.conf"))
        return build_variables(ask(conf, number) if number.strip("+0") else []), ""
    except Exception as error:  # noqa: BLE001 the boundary: a call must go on whatever happens here
        why = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        return dict(dict.fromkeys(NAMES, ""), FOUND="error"), why


def main(source: IO[str], target: IO[str], arguments: list[str]) -> None:
    """Read who calls, ask, set the variables."""
    environment = read_environment(source)
    number = arguments[0] if arguments else environment.get("agi_callerid", "")
    variables, wrong = find(number)
    try:
        if wrong:
            say(f"VERBOSE {quoted('Sverka did not say who calls: ' + wrong)} 1", source, target)
        for name in NAMES:
            say(f"SET VARIABLE SVERKA_{name} {quoted(variables[name])}", source, target)
    except (HungUp, BrokenPipeError):
        return


if __name__ == "__main__":
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # Python 3.7
            stream.reconfigure(encoding="utf-8", errors="replace")
    main(sys.stdin, sys.stdout, sys.argv[1:])
