"""Refusals as the portal words them (fact sheet §2, §5; fixtures `error.*`, `*.error`)."""

from __future__ import annotations

SYSTEM = {
    "NO_AUTH_FOUND": (401, "Wrong authorization data"),
    "expired_token": (401, "The access token provided has expired"),
    "INVALID_CREDENTIALS": (403, "Invalid request credentials"),
    "insufficient_scope": (403, "The request requires higher privileges than provided by the webhook token"),
    "ACCESS_DENIED": (403, "REST API is available only on commercial plans"),
    "WRONG_AUTH_TYPE": (
        403,
        "Current authorization type is denied for this method Application context required",
    ),
    "user_access_error": (403, "The user does not have access to the application"),
    "ERROR_BATCH_LENGTH_EXCEEDED": (400, "Max batch length exceeded"),
    "ERROR_BATCH_METHOD_NOT_ALLOWED": (405, "Method is not allowed for batch usage"),
    "OPERATION_TIME_LIMIT": (429, "Method is blocked due to operation time limit"),
    "QUERY_LIMIT_EXCEEDED": (503, "Too many requests"),
    "OVERLOAD_LIMIT": (503, "REST API is blocked due to overload"),
    "INTERNAL_SERVER_ERROR": (500, "Internal server error"),
    "PORTAL_DELETED": (500, "Portal was deleted"),
    "ERROR_METHOD_NOT_FOUND": (404, "Method not found!"),
    "INVALID_REQUEST": (400, "Https required."),
}
"""Errors that any method may answer with: code -> (HTTP status, text)."""


class RestError(Exception):
    """A refusal: HTTP status, code (may be empty or the number 0, as old methods have it) and text."""

    def __init__(self, code: str | int, text: str, status: int = 400, **more: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.status, self.more = code, text, status, more

    def as_json(self) -> dict[str, str | int]:
        """The body."""
        return {"error": self.code, "error_description": self.text, **self.more}


def system(code: str) -> RestError:
    """One of the errors that any method may answer with."""
    status, text = SYSTEM[code]
    return RestError(code, text, status)


def missing(name: str) -> RestError:
    """A parameter that a method cannot do without."""
    return RestError("100", f"Could not find value for parameter {{{name}}}")


def unknown_type() -> RestError:
    """No such `entityTypeId` (fixture crm.item.add.error)."""
    return RestError("NOT_FOUND", "Смарт-процесс не найден")


def unknown_item() -> RestError:
    """No such element (fixture crm.item.get.error)."""
    return RestError("NOT_FOUND", "Элемент не найден")


def bad_value(text: str) -> RestError:
    """A value that the method does not take."""
    return RestError("INVALID_ARG_VALUE", text)


def old(text: str, code: str | int = "") -> RestError:
    """How methods older than crm.item refuse: a text, and no code worth the name."""
    return RestError(code, text)


def app_only() -> RestError:
    """A webhook called what only an application may."""
    return RestError("ACCESS_DENIED", "Access denied! Application context required", 403)
