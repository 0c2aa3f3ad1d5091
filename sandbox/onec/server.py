"""The stand-in as a server on loopback: in a thread for tests, or in the foreground for the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged, Loopback
from sandbox.onec.admin import build_admin
from sandbox.onec.app import OnecApp
from sandbox.onec.base import Base
from sandbox.onec.faults import ACTIONS, ERRORS
from sandbox.onec.service import PREFIX, Options, Service
from sandbox.onec.sessions import Sessions


class OnecServer(Loopback[OnecApp]):
    """Context manager that serves ``base`` on loopback; see README.md for the options."""

    def __init__(  # noqa: PLR0913 - the settings of a publication
        self,
        base: Base,
        port: int = 0,
        user: str = "Обмен",
        password: str = "secret",
        *,
        host: str = "127.0.0.1",
        auth: bool = True,
        unpublished: Iterable[str] = (),
        no_rights: Iterable[str] = (),
        iis: bool = False,
        serves_count: bool = True,
        json_changes: bool = False,
        ignores_ref_key: bool = False,
        sessions: Sessions | None = None,
        service: type[Service] = Service,
    ) -> None:
        self.base = base
        base.ignores_ref_key = base.ignores_ref_key or ignores_ref_key
        base.schema.unpublished |= set(unpublished)
        self.options = Options(user, password, auth, iis, serves_count, json_changes, set(no_rights))
        self.sessions = sessions or Sessions()
        self.service = service(base, self.options, self.sessions)
        self.requests: list[Logged] = []
        self.faults = FaultScript(ACTIONS, ERRORS)
        admin = build_admin(base, self.faults, self.requests)
        super().__init__(OnecApp(self.service, self.faults, self.requests, admin), host=host, port=port)

    @property
    def url(self) -> str:
        """Root of the OData service."""
        return f"{self.root}{PREFIX}"

    @property
    def before_page(self) -> Callable[[Base, int], None] | None:
        """Hook called before each page of a set or table is read: ``callback(base, request_no)``."""
        return self.service.before_page

    @before_page.setter
    def before_page(self, callback: Callable[[Base, int], None] | None) -> None:
        self.service.before_page = callback
