"""A worker that renews the tokens of an application."""

from connectors.vault import Tokens
from core.clock import SystemClock
from core.settings import Settings
from store.engine import open_engine
from sync.context import App
from sync.room.vault import StoredVault


def renew(store_url: str) -> None:
    """Claim, save, release."""
    app = App(Settings(), open_engine(store_url), SystemClock(), "killed")
    vault = StoredVault(app, "crm")
    with vault.exclusive():
        vault.save(Tokens("killed-access-7", "killed-refresh-7", app.clock.now(), "https://portal.example.com/rest/"))
