"""Connections that are being added or changed: kept in memory with the secrets typed for them, until saved or old.

A secret that was typed stands in no file, no page and no table before the connection is saved, and goes with its draft.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from core.secrets import read_secret, remember
from core.settings import ConnectionSettings, build_connection, environment_of
from sync.setup.trying import Trial, kinds
from web.connecting.addresses import origin_of, refuse_address
from web.connecting.fields import Field, common_fields, own_fields, read_fields

KEPT = 1800.0
"""Seconds after the last touch for which a draft is kept."""
MOST = 40
LONGEST, LONGEST_SECRET = 500, 4000
Mistakes = dict[str, str]
"""Key of the form -> what is wrong: a word of `labels.MISTAKES`, or a model's own."""


@dataclass(slots=True)
class Draft:
    """One connection as somebody wants it.

    Attributes:
        owner: the user whose it is; nobody else sees it.
        fresh: it is a new connection.
        mark: what the settings file was when it was looked at.
        before: the connection's section as the file has it.
        keys: the section as it shall be, without secrets that were typed.
        typed: the secrets that were typed, by key.
        trial: what is tried, once all was filled in well.
    """

    owner: UUID
    name: str
    kind: str
    fresh: bool
    mark: str
    before: dict[str, Any] = field(repr=False)
    keys: dict[str, Any] = field(repr=False)
    typed: dict[str, str] = field(default_factory=dict, repr=False)
    trial: Trial | None = None
    key: UUID = field(default_factory=uuid4)
    touched: float = 0.0
    tries: int = 0

    @property
    def fields(self) -> list[Field]:
        """The fields of its form: the way in first."""
        model = kinds()[self.kind]
        return [*own_fields(model), *common_fields(model)]

    @property
    def fixed(self) -> set[str]:
        """Keys that the environment of the service says, whatever the file has."""
        return set(environment_of(self.name))

    @property
    def report_key(self) -> str:
        """Under what the examination of its present values is known; what was found of former ones says nothing."""
        return f"draft {self.key} {self.tries}"

    def fill(self, form: Mapping[str, object], paths: Callable[[str], bool]) -> Mistakes:
        """Take over what was filled in. Returns what is wrong; where nothing is, it can be tried.

        Args:
            form: the fields as sent.
            paths: whether a file may be named from afar.
        """
        self.trial = None
        wrong: Mistakes = {}
        for one, value in read_fields(self.fields, form):
            refused = self._refuse(one, value, paths)
            if refused:
                wrong[one.name] = refused
            self._set(one.name, value)
        self._set("mapping", str(form.get("o.mapping") or "") or None)
        wrong |= self._take_secrets(form)
        wrong |= self._moved()
        return wrong or self._build()

    def _refuse(self, one: Field, value: object, paths: Callable[[str], bool]) -> str:
        if not isinstance(value, str):
            return ""
        if len(value) > LONGEST or not value.isprintable():
            return "long"
        if one.path and value != self.before.get(one.name) and not paths(value):
            return "path"
        return refuse_address(value)

    def _set(self, key: str, value: object) -> None:
        if value is None:
            self.keys.pop(key, None)
        else:
            self.keys[key] = value

    def _take_secrets(self, form: Mapping[str, object]) -> Mistakes:
        wrong: Mistakes = {}
        for one in self.fields:
            if one.kind != "secret":
                continue
            given = form.get(f"o.{one.name}")
            text = given if isinstance(given, str) else ""
            if form.get(f"drop.{one.name}"):
                self.keys.pop(one.name, None)
                self.typed.pop(one.name, None)
            if not text:
                continue
            remember(text)
            refused = "long" if len(text) > LONGEST_SECRET or not text.isprintable() else refuse_address(text)
            if refused:
                wrong[one.name] = refused
            else:
                self.typed[one.name] = text
        return wrong

    def _moved(self) -> Mistakes:
        """A secret that is kept goes nowhere but where it went before: who changes the address types it again."""
        secret = {one.name for one in self.fields if one.kind == "secret"}
        kept = {name for name in secret & (self.keys.keys() | self.fixed) if name not in self.typed}
        effective = environment_of(self.name)
        before, now = _origins(self.before | effective, secret), _origins(self.keys | effective, secret)
        return dict.fromkeys(kept, "again") if now - before else {}

    def _build(self) -> Mistakes:
        typed = {name: read_secret(value) for name, value in self.typed.items()}
        raw = {"connector": self.kind} | self.keys | typed | environment_of(self.name)
        settings, wrong = build_connection(self.name, raw, kinds())
        if settings is not None:
            self.trial, self.tries = Trial(settings), self.tries + 1
        return wrong

    @property
    def settings(self) -> ConnectionSettings | None:
        """The connection as it would be; None while something is wrong."""
        return self.trial.settings if self.trial is not None else None

    def changes(self, secrets: Mapping[str, str], mapping: str) -> dict[str, object]:
        """What is to be changed in the file: key -> value, None for one that goes; secrets by their files' paths."""
        wanted: dict[str, object] = {"connector": self.kind} | self.keys | {"mapping": mapping}
        wanted |= {name: {"file": path} for name, path in secrets.items()}
        gone = dict.fromkeys(self.before.keys() - wanted.keys())
        return {key: value for key, value in wanted.items() if self.before.get(key) != value} | gone


def _origins(keys: Mapping[str, Any], secret: set[str]) -> set[str]:
    texts = (value for key, value in keys.items() if key not in secret and isinstance(value, str))
    return {origin_of(text) for text in texts if "://" in text}


class Drafts:
    """The drafts of this process; each user's are his own."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._drafts: dict[UUID, Draft] = {}

    def put(self, draft: Draft) -> None:
        """Keep it; what is old goes, and the oldest where there are too many."""
        with self._lock:
            draft.touched = self._clock()
            self._drafts.pop(draft.key, None)
            self._drafts[draft.key] = draft
            self._forget()
            for key in list(self._drafts)[:-MOST]:
                del self._drafts[key]

    def load(self, owner: UUID, key: UUID) -> Draft | None:
        """A user's own draft; None for another's as for none."""
        with self._lock:
            self._forget()
            found = self._drafts.get(key)
            return found if found is not None and found.owner == owner else None

    def drop(self, draft: Draft) -> None:
        """It is saved or given up: its secrets go with it."""
        with self._lock:
            self._drafts.pop(draft.key, None)

    def _forget(self) -> None:
        now = self._clock()
        for key in [key for key, draft in self._drafts.items() if now - draft.touched > KEPT]:
            del self._drafts[key]
