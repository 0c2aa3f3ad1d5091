"""Refusals of the OData interface and of the platform (fact sheet §4, fixtures ``errors.json``)."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

META_NS = "http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"

INTERNAL = "Произошла внутренняя ошибка OData сервиса. Дополнительные сведения можно найти в технологическом журнале."
GUID_COMPARE = (
    "{(3, 23)}: Неверные параметры в операции\n сравнения. "
    "Нельзя сравнивать поля неограниченной длины и поля несовместимых типов."
)
UNAUTHORIZED_HTML = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head><title>401 Unauthorized</title></head>'
    "<body><h1>Unauthorized</h1><p>This server could not verify that you are authorized.</p></body></html>"
)
NOT_FOUND_HTML = (
    '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head><title>404 Not Found</title></head>'
    "<body><h1>Not Found</h1><p>The requested URL was not found on this server.</p></body></html>"
)
BAD_URL_HTML = (
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">\n'
    "<HTML><HEAD><TITLE>Bad Request</TITLE></HEAD><BODY><h2>Bad Request - Invalid URL</h2><hr>"
    "<p>HTTP Error 400. The request URL is invalid.</p></BODY></HTML>"
)
SESSION_WAIT_XML = (
    '<?xml version="1.0" encoding="UTF-8"?><exception xmlns="http://v8.1c.ru/8.2/virtual-resource-system" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:type="Exception" '
    'clsid="580392e6-ba49-4280-ac67-fcd6f2180121" reason="406"><descr xmlns="http://v8.1c.ru/8.1/data/core">'
    "Истекло время ожидания сеанса</descr></exception>"
)


class OdataError(Exception):
    """A refusal with an ``odata.error`` body: HTTP status, code of the table in §4.1, text."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def as_json(self) -> str:
        """JSON form: the code is a string."""
        body = {"odata.error": {"code": str(self.code), "message": {"lang": "ru", "value": self.message}}}
        return json.dumps(body, ensure_ascii=False)

    def as_xml(self) -> str:
        """Atom form, when the client did not ask for JSON."""
        text = escape(self.message)
        return f'<m:error xmlns:m="{META_NS}"><m:code>{self.code}</m:code><m:message>{text}</m:message></m:error>'


class PlainError(Exception):
    """An answer of the web server or the platform itself: no ``odata.error`` inside (§4.2)."""

    def __init__(self, status: int, content_type: str, body: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {content_type}")
        self.status, self.content_type, self.body, self.headers = status, content_type, body, headers or {}


def path_segment(name: str) -> OdataError:
    """Unknown property or function in a URL, ``$select`` or ``$orderby``: it echoes the name (§3.1)."""
    return OdataError(400, 6, f"Сегмент пути {name} не найден!")


def method_not_found() -> OdataError:
    """A function this register does not have (§5)."""
    return OdataError(400, 6, "Метод не найден")


def set_not_found(name: str) -> OdataError:
    """Not published or misspelt (§1.2)."""
    return OdataError(404, 8, f'"{name}" entity is not found')


def instance_not_found() -> OdataError:
    """No such object."""
    return OdataError(404, 9, "Экземпляр сущности не найден")


def bad_option(name: str) -> OdataError:
    """A query option that does not parse."""
    return OdataError(400, 14, f"Ошибка при разборе опции запроса {name}")


def bad_literal(text: object, edm: str) -> OdataError:
    """A value that is not of its type: it echoes the value."""
    return OdataError(400, 1, f"Не удалось разобрать строку '{text}' как значение типа {edm}!")


def internal() -> OdataError:
    """The platform's own "something broke"."""
    return OdataError(500, -1, INTERNAL)


def login_required() -> PlainError:
    """Wrong credentials: HTML, not OData (§4.2)."""
    return PlainError(401, "text/html; charset=iso-8859-1", UNAUTHORIZED_HTML, {"WWW-Authenticate": 'Basic realm=""'})


def wrong_publication() -> PlainError:
    """Wrong name of the publication: the web server's 404, which is not "no such object" (§4.2)."""
    return PlainError(404, "text/html; charset=iso-8859-1", NOT_FOUND_HTML)


def invalid_url() -> PlainError:
    """IIS and http.sys: a segment over 260 characters (§1.1)."""
    return PlainError(400, "text/html; charset=us-ascii", BAD_URL_HTML)


def sessions_exhausted() -> PlainError:
    """No session in the pool (§4.2)."""
    return PlainError(406, "application/xml", SESSION_WAIT_XML)
