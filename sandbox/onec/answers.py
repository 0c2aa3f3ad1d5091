"""Building the bodies of successful answers in the negotiated format (fact sheet §1.1, §1.3)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sandbox.common.serving import Answer
from sandbox.onec import accumulation, changes, exchange
from sandbox.onec.configurations.kind import Register
from sandbox.onec.errors import OdataError, instance_not_found, method_not_found, path_segment
from sandbox.onec.fields import EMPTY_GUID, Fields, json_text, plain_text
from sandbox.onec.metadata import all_sets, build_metadata
from sandbox.onec.query import Projection, parse_projection, whole_projection
from sandbox.onec.reading import Reader
from sandbox.onec.records import (
    DR_CR,
    RECORD_SET,
    ROW_SET,
    WITH_SUBCONTO,
    dr_cr_turnovers,
    query_rows,
    query_sets,
    record_set,
    records_with_subconto,
    slice_rates,
)
from sandbox.onec.render import (
    DATA_NS,
    NAMESPACES,
    XML_HEAD,
    Shape,
    entry_key,
    json_collection,
    json_element,
    xml_entry,
    xml_feed,
    xml_text,
)
from sandbox.onec.schema import RATES, EntitySet
from sandbox.onec.tables import run_table
from sandbox.onec.urls import Resource
from sandbox.onec.wire import ATOM_ENTRY, ATOM_FEED, JSON_TYPE, XML_TYPE, Format


class Answers:
    """Answers of one request."""

    def __init__(self, reader: Reader, wanted: Format, root: str, options: dict[str, str]) -> None:
        self.reader, self.wanted, self.root, self.options = reader, wanted, root, options
        self.schema = reader.base.schema
        self.shape = Shape(root, self.schema, wanted.level, reader.load, reader.title)

    def text(self, body: str, content_type: str, status: int = 200) -> Answer:
        """Body in UTF-8, with the protocol version."""
        return Answer(status, content_type, body.encode(), [(b"DataServiceVersion", b"3.0")])

    def service_root(self) -> Answer:
        """List of published sets (§1.1)."""
        names = [item.name for item in all_sets(self.schema)]
        if self.wanted.json:
            head = {} if self.wanted.level == "none" else {"odata.metadata": f"{self.root}/$metadata"}
            body = {**head, "value": [{"name": name, "url": name} for name in names]}
            return self.text(json.dumps(body, ensure_ascii=False), JSON_TYPE)
        items = "".join(f'<collection href="{name}"><atom:title>{name}</atom:title></collection>' for name in names)
        spaces = 'xmlns="http://www.w3.org/2007/app" xmlns:atom="http://www.w3.org/2005/Atom"'
        head_text = f'<service {spaces} xml:base="{self.root}/">'
        return self.text(
            f"{XML_HEAD}{head_text}<workspace><atom:title>Default</atom:title>{items}</workspace></service>", XML_TYPE
        )

    def metadata(self, asked_json: bool) -> Answer:
        """EDMX; JSON metadata is not supported (§1.1)."""
        if asked_json:
            raise OdataError(406, 3, "Запрошенное представление не поддерживается")
        return self.text(build_metadata(self.schema), XML_TYPE)

    # ------------------------------------------------------------------ sets and elements

    def projection(self, entity: EntitySet) -> Projection:
        """``$select`` and ``$expand`` of this request."""
        return parse_projection(self.schema, entity, self.options.get("$select"), self.options.get("$expand"))

    def collection(self, entity: EntitySet) -> Answer:
        """One page of a set."""
        what = self.projection(entity)
        plain = not what.sections and not what.presentations and not what.expanded
        columns = [item.name for item in what.fields] if plain else []
        records, count = self.reader.query(entity, self.options, columns)
        return self.render(entity, records, what, count)

    def render(
        self, entity: EntitySet, records: Iterable[Fields], what: Projection, count: int | None = None
    ) -> Answer:
        """Collection in the negotiated format."""
        if self.wanted.json:
            return self.text(json_collection(entity, records, what, self.shape, count), JSON_TYPE)
        entries = (xml_entry(entity, record, what, self.shape, entry_key(entity, record)) for record in records)
        return self.text(xml_feed(entity.name, self.shape, entries, count), ATOM_FEED)

    def element(self, entity: EntitySet, resource: Resource) -> Answer:
        """One object, or a walk from it."""
        record = self.reader.element(entity, resource.key or {})
        if resource.rest:
            return self.walk(entity, record, f"{resource.rest}/{resource.more}".rstrip("/"))
        if "$expand" in self.options:
            raise OdataError(400, 0, "The $expand parameter is not supported")
        return self.single(entity, record, self.projection(entity))

    def single(self, entity: EntitySet, record: Fields, what: Projection, status: int = 200) -> Answer:
        """Bare object in the negotiated format."""
        if self.wanted.json:
            return self.text(json_element(entity, record, what, self.shape), JSON_TYPE, status)
        key = entry_key(entity, record)
        return self.text(XML_HEAD + xml_entry(entity, record, what, self.shape, key, NAMESPACES), ATOM_ENTRY, status)

    def walk(self, entity: EntitySet, record: Fields, path: str) -> Answer:
        """``/Catalog_X(guid'…')/Поле`` and ``…/Валюта/Description`` (§1.1)."""
        name, _, more = path.partition("/")
        linked = entity.navigation(name)
        if linked is None:
            return self.scalar(entity, record, path)
        if not self.schema.published(linked.target):
            raise path_segment(name)
        target, key = self.schema.sets[linked.target], str(record.get(linked.name, EMPTY_GUID))
        found = self.reader.load(target.name, key)
        if found is None:
            raise instance_not_found()
        return self.walk(target, found, more) if more else self.single(target, found, whole_projection(target))

    def scalar(self, entity: EntitySet, record: Fields, name: str) -> Answer:
        """One property."""
        found = entity.find(name)
        if found is None:
            raise path_segment(name)
        value = record.get(name, found.default)
        if self.wanted.json:
            head = "" if self.wanted.level == "none" else f'"odata.metadata":"{self.root}/$metadata#{found.edm}",'
            return self.text(f'{{{head}"value":{json_text(found, value)}}}', JSON_TYPE)
        text = xml_text(plain_text(found, value))
        return self.text(f'{XML_HEAD}<d:{name} xmlns:d="{DATA_NS}">{text}</d:{name}>', XML_TYPE)

    def count(self, entity: EntitySet) -> Answer:
        """``/$count``: a number after a byte-order mark (§1.1)."""
        records, _ = self.reader.query(
            entity, {name: text for name, text in self.options.items() if name == "$filter"}, ["Ref_Key"]
        )
        return Answer(200, "text/plain;charset=utf-8", f"\ufeff{len(records)}".encode())

    def written(self, entity: EntitySet, key: str, status: int) -> Answer:
        """Whole object after a write; ``Location`` in raw UTF-8 bytes (§6)."""
        self.reader.cache.clear()
        record = self.reader.load(entity.name, key) or {}
        answer = self.single(entity, record, whole_projection(entity), status)
        if status == 201:
            answer.headers.append((b"Location", f"{self.root}/{entry_key(entity, record)}".encode()))
        return answer

    # ------------------------------------------------------------------ registers and changes

    def args(self, resource: Resource) -> dict[str, str]:
        """Arguments of a function: in the parentheses or in the query (§5)."""
        from_query = {name: text for name, text in self.options.items() if not name.startswith("$")}
        unquoted = {name: unquote_argument(text) for name, text in from_query.items()}
        return {**unquoted, **resource.args}

    def slice(self, entity: EntitySet, resource: Resource) -> Answer:
        """``SliceLast``, ``SliceFirst``; any other function is code 6."""
        if entity.name != RATES:
            raise method_not_found()
        rows = slice_rates(self.reader.base, self.reader, resource.rest, self.args(resource), self.options)
        return self.render(entity, rows, self.projection(entity))

    def register(self, resource: Resource) -> Answer:
        """The accounting register: sets, rows, functions."""
        base = self.reader.base
        if resource.rest == "RecordsWithExtDimensions":
            rows = records_with_subconto(base, self.reader, self.args(resource), self.options)
            return self.render(WITH_SUBCONTO, rows, self.projection(WITH_SUBCONTO))
        if resource.rest == "DrCrTurnovers":
            rows = dr_cr_turnovers(base, self.reader, self.args(resource), self.options)
            return self.render(DR_CR, rows, self.projection(DR_CR))
        if resource.rest and resource.key is None:
            entity, rows = run_table(base, self.reader, resource.rest, self.args(resource), self.options)
            return self.render(entity, rows, self.projection(entity))
        return self.record_sets(resource)

    def record_sets(self, resource: Resource) -> Answer:
        """Record sets and their flat rows."""
        base = self.reader.base
        if resource.set_name == ROW_SET.name:
            return self.render(ROW_SET, query_rows(base, self.reader, self.options), self.projection(ROW_SET))
        if resource.key is None:
            return self.render(RECORD_SET, query_sets(base, self.reader, self.options), whole_projection(RECORD_SET))
        if set(resource.key) != set(RECORD_SET.key):
            raise OdataError(400, 7, "Не указана часть ключа сущности")
        record = record_set(base, resource.key["Recorder"].lower(), resource.key["Recorder_Type"])
        return self.single(RECORD_SET, record, whole_projection(RECORD_SET))

    def accumulation(self, resource: Resource, register: Register) -> Answer:
        """An accumulation register: virtual tables, flat rows, record sets."""
        base = self.reader.base
        if resource.rest and resource.key is None:
            args = self.args(resource)
            entity, rows = accumulation.run_table(base, self.reader, register, resource.rest, args, self.options)
            return self.render(entity, rows, self.projection(entity))
        if register.state is not None:
            raise method_not_found()
        if resource.set_name != register.name:
            flat = accumulation.row_set(register)
            found = accumulation.query_rows(base, self.reader, register, self.options)
            return self.render(flat, found, self.projection(flat))
        sets = accumulation.record_sets(register)
        if resource.key is None:
            whole = accumulation.query_sets(base, self.reader, register, self.options)
            return self.render(sets, whole, whole_projection(sets))
        if set(resource.key) != set(sets.key):
            raise OdataError(400, 7, "Не указана часть ключа сущности")
        recorder, kind = resource.key["Recorder"].lower(), resource.key["Recorder_Type"]
        return self.single(sets, accumulation.record_set(base, register, recorder, kind), whole_projection(sets))

    def changes(self, name: str, json_allowed: bool) -> Answer:
        """Change tracking: Atom unless the base obeys ``$format`` here (§7)."""
        with self.reader.base.storage.transaction():
            if name == "NotifyChangesReceived":
                node, number = changes.node_of(self.reader, self.options)
                exchange.confirm(self.reader.base, node, number)
                return Answer(200, JSON_TYPE)
            packet = changes.build_packet(self.reader, self.options)
        if json_allowed and self.wanted.json:
            return self.text(changes.packet_json(packet, self.shape), JSON_TYPE)
        return self.text(changes.packet_atom(packet, self.shape), ATOM_FEED)


def unquote_argument(text: str) -> str:
    """Argument in the query: bare, or as a literal."""
    if text[:1] == "'" == text[-1:] and len(text) > 1:
        inner = text[1:-1]
        return inner.replace("''", "'") if "''" in inner else inner
    if text.startswith("datetime'"):
        return text[9:].rstrip("'")
    return text
