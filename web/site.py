"""One site: the application, and the store opened twice, for deeds and for looking."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from sqlalchemy import Engine

from store.engine import open_engine
from sync.context import App
from sync.room.following import Follower
from web.connecting.drafts import Drafts
from web.examining import Examiner
from web.jobs import Jobs


@dataclass(slots=True)
class Site:
    """What every request is answered with.

    `reader` sees one moment in every transaction and refuses to write, so that a page fits together and no look at one
    can change a thing.
    """

    app: App
    reader: Engine
    began: float = field(default_factory=time.monotonic)
    examiner: Examiner = field(default_factory=Examiner)
    drafts: Drafts = field(default_factory=Drafts)
    follower: Follower = field(init=False)

    def __post_init__(self) -> None:
        self.follower = Follower(self.app.settings)

    def follow(self) -> None:
        """Go on with the connections that stand in the settings now."""
        self.app.settings = self.follower.current()

    def take_up(self) -> None:
        """The same at once, for whoever has just changed them here."""
        self.app.settings = self.follower.take_up()

    jobs: Jobs = field(default_factory=Jobs)

    def close(self) -> None:
        """Let go of the store."""
        self.reader.dispose()


def open_site(app: App) -> Site:
    """A site on the application's store, which is up to date already. Raises ConfigError for a wrong address."""
    return Site(app=app, reader=open_engine(app.settings.store.url, readonly=True))
