"""What all pages of the mapping desk share: which mappings there are, how an address names one, the frame of a page.

A mapping is named in the settings by a preset or a file, and a file's path does not fit into an address: `word_of`
makes a word of it, `find_key` finds the mapping again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from starlette.responses import Response

from core.errors import SverkaError
from mapping.files.text import preset_names
from store import drafts
from store.queries.work.mapping_versions import list_published
from sync.context import App
from sync.versions import list_sharing
from web.door.faults import Missing
from web.here import Here
from web.show.texts import N_

_PLAIN = re.compile(r"\w[\w.-]{0,99}")
STATES = {"draft": N_("kept, never ruled"), "published": N_("rules"), "retired": N_("ruled before")}
TABS = (
    ("", N_("Text")), ("/grid", N_("Fields")), ("/preview", N_("Preview")), ("/changes", N_("Differences, publish")),
    ("/cases", N_("Golden cases")), ("/versions", N_("Versions")), ("/reapply", N_("Re-apply")),
)  # fmt: skip
FOR_OPS = ("/versions", "/reapply")
"""What ops may look at: nothing of it shows a record."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The mapping that an address names: its key, the word for it, the connections that live by it."""

    key: str
    word: str
    connections: list[str]

    @property
    def path(self) -> str:
        """Where its pages begin."""
        return f"/mapping/{self.word}"

    @property
    def preset(self) -> bool:
        """Whether the settings name a preset of the program."""
        return self.key in preset_names()


def word_of(key: str) -> str:
    """A mapping's word in addresses: its key where that fits, else its file's name and a digest."""
    if _PLAIN.fullmatch(key):
        return key
    stem = re.sub(r"[^\w.-]", "", PurePath(key).stem)[:40] or "file"
    return f"{stem}~{blake2b(key.encode(), digest_size=5).hexdigest()}"


def keys_in_use(app: App) -> list[str]:
    """The mappings that connections of the settings name, each once."""
    return list(dict.fromkeys(one.mapping for one in app.settings.connections.values() if one.mapping))


def choose(here: Here, word: str) -> Chosen:
    """The mapping in use that a word of an address names.

    Raises:
        Missing: no connection names such a mapping.
    """
    key = next((one for one in keys_in_use(here.app) if word_of(one) == word), None)
    if key is None:
        raise Missing
    return Chosen(key, word, list_sharing(here.app, key))


def choose_any(here: Here, word: str) -> Chosen:
    """The same, also for a mapping that was published once and that no connection names any more: to be looked at."""
    if any(word_of(one) == word for one in keys_in_use(here.app)):
        return choose(here, word)
    with here.reading() as conn:
        key = next((one for one in list_published(conn) if word_of(one) == word), None)
    if key is None:
        raise Missing
    return Chosen(key, word, [])


def refused(here: Here, error: SverkaError) -> str:
    """Why the engine refuses something, and what to do, in the reader's language."""
    why = here.tell(error.message).strip()
    return f"{why}\n{here.gettext('What to do:')} {here.tell(error.next_step)}" if error.next_step else why


def show(here: Here, template: str, chosen: Chosen, tab: str, *, code: int = 200, **values: Any) -> Response:
    """A page of a mapping, in the frame that they share (`mapping/frame.html`); `tab`: which of `TABS` it is."""
    with here.reading() as conn:
        waiting = drafts.load_draft(conn, chosen.key) if "draft" not in values else values.pop("draft")
    tabs = [one for one in TABS if here.me.role == "admin" or one[0] in FOR_OPS]
    frame = {"chosen": chosen, "tab": tab, "tabs": tabs if chosen.connections else tabs[-2:-1], "draft": waiting}
    return here.page(template, code=code, states=STATES, **frame, **values)
