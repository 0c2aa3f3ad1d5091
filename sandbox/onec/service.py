"""The published infobase: from a request to an answer, refusing as 1C refuses (fact sheet §1, §4)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sandbox.common.serving import Answer, Request
from sandbox.onec import writing
from sandbox.onec.answers import Answers
from sandbox.onec.errors import (
    OdataError,
    PlainError,
    instance_not_found,
    invalid_url,
    login_required,
    set_not_found,
    wrong_publication,
)
from sandbox.onec.reading import Reader
from sandbox.onec.schema import REGISTER, EntitySet
from sandbox.onec.sessions import Sessions
from sandbox.onec.urls import Resource, decode, parse_query, parse_resource
from sandbox.onec.wire import JSON_TYPE, XML_TYPE, Format, negotiate

if TYPE_CHECKING:
    from sandbox.onec.base import Base

PREFIX = "/base/odata/standard.odata"
SEGMENT = 260


@dataclass(slots=True)
class Options:
    """How this publication is set up."""

    user: str = "Обмен"
    password: str = "secret"
    auth: bool = True
    iis: bool = False  # http.sys refuses path segments over 260 characters (§1.1)
    serves_count: bool = True  # some publications have no /$count (§1.1)
    json_changes: bool = False  # SelectChanges obeys $format=json (§7)
    no_rights: set[str] = field(default_factory=set)  # sets the user may not read or write: 401 code 20 (§1.6)


class Service:
    """Answers requests one at a time over one base; the broken twins exchange its parts."""

    reader_type: type[Reader] = Reader
    answers_type: type[Answers] = Answers

    def __init__(self, base: Base, options: Options, sessions: Sessions) -> None:
        self.base, self.options, self.sessions = base, options, sessions
        self.turn = 0
        self.pages = 0
        self.before_page: Callable[[Base, int], None] | None = None

    def handle(self, request: Request) -> Answer:
        """Whole life of a request; a refusal is an answer too."""
        wanted = Format(json=False)
        try:
            self.guard(request)
            cookie = self.sessions.enter(request.headers)
            options = parse_query(request.query)
            wanted = self.format_of(request, options)
            with self.base.lock:
                answer = self.dispatch(request, options, wanted)
        except PlainError as refusal:
            return plain_answer(refusal)
        except OdataError as refusal:
            return odata_answer(refusal, guess_format(request, wanted))
        return with_cookie(answer, cookie)

    def guard(self, request: Request) -> None:
        """Web server first, then the login (§4.2)."""
        path = decode(request.path)
        if path != PREFIX and not path.startswith(PREFIX + "/"):
            raise wrong_publication()
        if self.options.iis and any(len(segment) > SEGMENT for segment in path.split("/")):
            raise invalid_url()
        if self.options.auth and not self.allowed(request.headers.get("authorization", "")):
            raise login_required()

    def allowed(self, header: str) -> bool:
        """Basic token of UTF-8 bytes; cp1251 and Latin-1 do not fit (§1.6)."""
        scheme, _, token = header.partition(" ")
        expected = f"{self.options.user}:{self.options.password}".encode()
        try:
            return scheme.lower() == "basic" and base64.b64decode(token, validate=True) == expected
        except (binascii.Error, ValueError):
            return False

    def format_of(self, request: Request, options: dict[str, str]) -> Format:
        """Representation asked for, or code 3."""
        found = negotiate(options.get("$format"), request.headers.get("accept", ""))
        if found is None:
            raise OdataError(406, 3, "Запрошенное представление не поддерживается")
        return found

    def dispatch(self, request: Request, options: dict[str, str], wanted: Format) -> Answer:
        """By the first segment of the resource."""
        self.turn += 1
        path = decode(request.path).removeprefix(PREFIX).strip("/")
        root = f"http://{request.host}{PREFIX}"
        answers = self.answers_type(self.reader_type(self.base, self.turn), wanted, root, options)
        if path == "":
            return answers.service_root()
        if path == "$metadata":
            return answers.metadata("$format" in options and wanted.json)
        resource = parse_resource(path)
        if resource.set_name in ("SelectChanges", "NotifyChangesReceived"):
            need_method(request.method, ("POST",))
            return answers.changes(resource.set_name, self.options.json_changes)
        self.check_rights(resource.set_name)
        name = resource.set_name.removesuffix("_RecordType")
        if name == REGISTER and self.base.configuration.accounting:
            return self.register(request, resource, answers, REGISTER)
        if self.base.configuration.register(name):
            return self.register(request, resource, answers, name)
        entity = self.base.schema.sets.get(resource.set_name)
        if entity is None or not self.base.schema.published(entity.name):
            raise set_not_found(resource.set_name)
        return (
            self.read(entity, resource, answers)
            if request.method == "GET"
            else self.write(request, entity, resource, answers)
        )

    def check_rights(self, set_name: str) -> None:
        """Without the right: 401 code 20, not 403 (§1.6)."""
        if set_name in self.options.no_rights:
            raise OdataError(401, 20, "Недостаточно прав доступа")

    def register(self, request: Request, resource: Resource, answers: Answers, name: str) -> Answer:
        """Record sets, rows and virtual tables: read only here."""
        if name in self.base.schema.unpublished:
            raise set_not_found(resource.set_name)
        need_method(request.method, ("GET",))
        self.turn_page()
        found = self.base.configuration.register(name)
        return answers.register(resource) if found is None else answers.accumulation(resource, found)

    def turn_page(self) -> None:
        """Hook of the tests: the base may change between two pages."""
        self.pages += 1
        if self.before_page:
            self.before_page(self.base, self.pages)

    def read(self, entity: EntitySet, resource: Resource, answers: Answers) -> Answer:
        """GET of a set, an element, a walk, a count or a slice."""
        if resource.key is not None:
            return answers.element(entity, resource)
        if resource.rest == "$count":
            if not self.options.serves_count:
                raise set_not_found(f"{entity.name}/$count")
            return answers.count(entity)
        if resource.rest:
            return answers.slice(entity, resource)
        self.turn_page()
        return answers.collection(entity)

    def write(self, request: Request, entity: EntitySet, resource: Resource, answers: Answers) -> Answer:
        """POST, PATCH, PUT, DELETE and the actions of documents."""
        if request.method == "POST" and resource.key is None:
            key = writing.create(self.base, entity, writing.parse_body(request.body))
            return answers.written(entity, key, 200 if entity.kind == "info" else 201)
        key = self.key_of(entity, resource)
        if request.method == "POST" and resource.rest:
            writing.act(self.base, entity, key, resource.rest, writing.flag(answers.options, "PostingModeOperational"))
            return Answer(200, JSON_TYPE)
        need_method(request.method, ("PATCH", "PUT", "DELETE"))
        if request.method == "DELETE":
            self.base.delete(entity.name, key)
            return Answer(204, JSON_TYPE)
        apply = writing.change if request.method == "PATCH" else writing.replace
        apply(self.base, entity, key, writing.parse_body(request.body))
        return answers.written(entity, key, 200)

    def key_of(self, entity: EntitySet, resource: Resource) -> str:
        """Storage key of an addressed object."""
        if not resource.key:
            raise OdataError(405, 19, "Метод не разрешен")
        if entity.kind == "section":
            raise OdataError(405, 19, "Метод не разрешен")
        values = [resource.key.get(name, resource.key.get("", "")) for name in entity.key]
        key = "|".join(values)
        if self.base.storage.load(entity.name, key) is None:
            raise instance_not_found()
        return key


def need_method(method: str, allowed: Iterable[str]) -> None:
    """405 code 19 for the rest."""
    if method not in allowed:
        raise OdataError(405, 19, "Метод не разрешен")


def guess_format(request: Request, wanted: Format) -> Format:
    """Representation of an error that came before the format was known."""
    asked_json = "json" in request.query or "application/json" in request.headers.get("accept", "")
    return wanted if wanted.json else Format(json=asked_json)


def odata_answer(refusal: OdataError, wanted: Format) -> Answer:
    """``odata.error`` in the representation asked for (§4.1)."""
    if wanted.json:
        return Answer(refusal.status, JSON_TYPE, refusal.as_json().encode())
    return Answer(refusal.status, XML_TYPE, refusal.as_xml().encode())


def plain_answer(refusal: PlainError) -> Answer:
    """What the web server or the platform says itself."""
    headers = [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
    return Answer(refusal.status, refusal.content_type, refusal.body.encode(), headers)


def with_cookie(answer: Answer, cookie: str | None) -> Answer:
    """Session cookie, set or dropped (§4.3)."""
    if cookie is not None:
        life = "" if cookie else "; expires=Thu, 01 Jan 1970 00:00:00 GMT"
        answer.headers.append((b"Set-Cookie", f"ibsession={cookie}{life}; path=/base".encode()))
    return answer
