"""The draft of a mapping at work: begun from what rules, read as `sverka mapping check` reads a file, published.

A draft is one file's text: rules of the user's own, and `extends`. What it extends are the presets of this program, or
the file that what rules was built on, as the store has kept it: no file of the machine is read for a draft.

Used by the pages: `load_draft` (None where there is none) or `open_text` (the draft, or what one would begin with),
`read_text` (the mapping and all mistakes), `save_draft` with the mark of the draft that was shown, `discard_draft`,
`publish_draft`. Errors are the engine's own, each with a plain sentence.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import Literal

import structlog
from sqlalchemy import Connection

from core.errors import ConfigError, ConflictError, UsageError
from core.toml import parse_toml
from mapping.cases.files import PlacedCase, cases_folder, load_cases
from mapping.files.positions import find_positions
from mapping.files.problems import MappingMistakes, Mistake, Problems
from mapping.files.text import BUNDLE, preset_names
from mapping.rules import Mapping, load_mapping, parse_mapping
from store import drafts, versions
from store.drafts import Draft
from store.engine import reading
from store.versions import MappingVersion
from sync.context import App
from sync.mappings.beginning import BEHIND, begin_text, folder_of, own_text
from sync.mappings.publishing import publish_mapping

__all__ = [
    "LONGEST",
    "Draft",
    "Opened",
    "Problem",
    "ReadText",
    "cases_beside",
    "clean_text",
    "discard_draft",
    "load_draft",
    "open_text",
    "publish_draft",
    "read_text",
    "save_draft",
]

LONGEST = 150_000
"""Characters of a draft; the largest preset has a sixth of it. What is longer goes by the command."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opened:
    """What an editor shows: the text, the draft it is of (None: nothing is kept yet), and what rules now."""

    text: str
    draft: Draft | None
    ruling: MappingVersion | None

    @property
    def mark(self) -> str:
        """What a save has to bring along as `seen`; empty where there is no draft yet."""
        return self.draft.mark if self.draft is not None else ""

    @property
    def overtaken(self) -> bool:
        """Whether somebody has published since the draft was begun."""
        return self.draft is not None and self.draft.based_on != (self.ruling.hash if self.ruling else None)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to tell of a text.

    `line` and `column` count from 1 in the draft itself; 0: in no line of it (`where` then names the file), or unknown.
    """

    level: Literal["error", "notice"]
    line: int
    column: int
    path: str
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class ReadText:
    """What came of reading a text.

    `mapping`: ready to run, None where there are mistakes. `rest`: what could be read in spite of them, to be looked
    at and never run. `problems`: all of them, errors first, in the order of the lines.
    """

    mapping: Mapping | None
    rest: Mapping | None
    problems: list[Problem] = field(default_factory=list)

    @property
    def readable(self) -> Mapping | None:
        """What there is to look at: the mapping, or what could be read of it."""
        return self.mapping or self.rest

    @property
    def errors(self) -> int:
        """How many mistakes there are; 0: it can be published."""
        return sum(one.level == "error" for one in self.problems)


def load_draft(conn: Connection, key: str) -> Draft | None:
    """The draft of a mapping (named as connections name it); None where there is none."""
    return drafts.load_draft(conn, key)


def open_text(app: App, key: str) -> Opened:
    """The draft, or where there is none the text that one would begin with: see `sync.mappings.beginning`."""
    with reading(app.engine) as conn:
        draft = drafts.load_draft(conn, key)
    ruling = versions.published(app.engine, key)
    return Opened(draft.text if draft is not None else begin_text(app, key, ruling), draft, ruling)


def read_text(app: App, key: str, text: str, ruling: MappingVersion | None = None) -> ReadText:
    """Read a draft's text as the command line reads a file: all mistakes at once, never an exception for them.

    Args:
        app: the application.
        key: the mapping as connections name it.
        text: what was typed; line ends of any kind.
        ruling: the version that rules, where the caller has it at hand; else it is asked for where it is needed.
    """
    text = clean_text(text)
    if len(text) > LONGEST:
        message = f"the text is longer than {LONGEST} characters; keep it as a file: sverka mapping publish FILE"
        return ReadText(None, None, [Problem("error", 0, 0, "", message)])
    pasted = _pasted(text)
    try:
        mapping = parse_mapping(_complete(app, key, own_text(text), ruling), key)
    except MappingMistakes as error:
        rest = error.rest if isinstance(error.rest, Mapping) else None
        return ReadText(None, rest, [_problem("error", key, one) for one in error.mistakes] + pasted + _told(key, rest))
    except ConfigError as error:
        return ReadText(None, None, [Problem("error", 0, 0, "", error.message), *pasted])
    return ReadText(mapping, mapping, pasted + _told(key, mapping))


def clean_text(text: str) -> str:
    """A text as editors of a browser send it, with the line ends of files."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _complete(app: App, key: str, text: str, ruling: MappingVersion | None) -> str:
    """The text, with the files behind it on which what rules was built, where it extends the same file.

    Raises:
        MappingMistakes: it extends what is neither a preset nor that file. No file of the machine is looked at.
    """
    named = _extends(text)
    if named is None or named in preset_names():
        return text
    ruling = ruling or versions.published(app.engine, key)
    own, mark, behind = ruling.text.partition(BEHIND) if ruling is not None else ("", "", "")
    if mark and _extends(own) == named:
        return text + mark + behind
    places = find_positions(text)
    problems = Problems(lambda loc: (key, *places.find(loc)[1:]))
    problems.add_unknown(("extends",), "the preset or file", named, preset_names())
    problems.finish(key)
    raise AssertionError("finish raises")


def _extends(text: str) -> str | None:
    try:
        named = parse_toml(text).get("extends")
    except tomllib.TOMLDecodeError:  # whoever reads the whole says what is wrong, and where
        return None
    return named if isinstance(named, str) else None


def _pasted(text: str) -> list[Problem]:
    """A whole text, as `sverka mapping export` prints it, was put in: only its first file is the draft."""
    own, mark, _ = text.partition(BEHIND)
    said = f"from here on the text is not used: it is what the file extends, put in by {BUNDLE.strip()!r}"
    return [Problem("notice", own.count("\n") + 2, 1, "", said)] if mark else []


def _told(key: str, mapping: Mapping | None) -> list[Problem]:
    return [_problem("notice", key, one) for one in mapping.remarks] if mapping is not None else []


def _problem(level: Literal["error", "notice"], key: str, one: Mistake) -> Problem:
    if one.file == key:
        return Problem(level, one.line, one.column, one.path, one.message)
    return Problem(level, 0, 0, one.path, one.message, one.place)


def save_draft(app: App, key: str, text: str, author: str, *, seen: str, ruling: MappingVersion | None = None) -> Draft:
    """Keep a text as the draft of a mapping, right or not. Audited.

    Args:
        app: the application.
        key: the mapping as connections name it.
        text: the whole text.
        author: who has written it.
        seen: the mark of the draft that was shown to him (`Opened.mark`); empty where there was none.
        ruling: the version that rules, where the caller has it at hand.

    Raises:
        ConflictError: somebody else has saved, published or thrown the draft away since. Nothing is written.
        UsageError: the text is too long.
    """
    text = clean_text(text)
    if len(text) > LONGEST:
        raise UsageError(f"A draft has at most {LONGEST} characters.", next_step="sverka mapping publish FILE")
    ruling = ruling or versions.published(app.engine, key)
    based_on = ruling.hash if ruling is not None else None
    return drafts.write_draft(app.engine, key, text, author, app.clock.now(), seen=seen, based_on=based_on)


def discard_draft(app: App, key: str, who: str, *, seen: str) -> None:
    """Throw the draft away. Audited. Raises ConflictError when it is another one than `seen` by now."""
    drafts.drop_draft(app.engine, key, who, app.clock.now(), seen=seen)


def publish_draft(
    app: App, key: str, author: str, *, seen: str, ruling_seen: str | None, comment: str = ""
) -> MappingVersion:
    """Let the draft rule from the next page on; it is a version then, and no draft any more. Audited.

    Args:
        app: the application.
        key: the mapping as connections name it.
        author: who publishes.
        seen: the mark of the draft that was shown to him.
        ruling_seen: the hash of the version that ruled when he looked, None where nothing did.
        comment: why.

    Raises:
        UsageError: there are mistakes in it, or it says what rules already.
        ConfigError: a golden case is red.
        ConflictError: somebody else has changed the draft, or has published, since he looked.
    """
    opened = open_text(app, key)
    if opened.draft is None or opened.draft.mark != seen:
        raise drafts.tell_other(opened.draft, key)
    mapping = _ready(app, key, opened)
    ruling = opened.ruling
    if (ruling.hash if ruling is not None else None) != ruling_seen:
        raise ConflictError(
            f"Somebody else has published another version of {key!r} meanwhile; yours is still a draft.",
            next_step="look at the differences, then publish again",
        )
    published = publish_mapping(
        app, key, mapping, author, comment=comment, cases=cases_beside(app, key, mapping), seen=ruling_seen
    )
    try:
        drafts.drop_draft(app.engine, key, author, app.clock.now(), seen=seen, what="mapping.draft.publish")
    except ConflictError:  # somebody has gone on writing meanwhile: his text stays
        log.info("mapping.draft-goes-on", mapping=key)
    return published


def _ready(app: App, key: str, opened: Opened) -> Mapping:
    found = read_text(app, key, opened.text, opened.ruling)
    if found.mapping is None:
        raise UsageError(
            f"The draft of {key!r} has mistakes: {found.errors}.", next_step="mend the lines that are named"
        )
    if opened.ruling is not None and found.mapping.version == opened.ruling.hash:
        raise UsageError(f"The draft of {key!r} says what rules already.", next_step="throw it away, or change it")
    return found.mapping


def cases_beside(app: App, key: str, mapping: Mapping) -> list[PlacedCase]:
    """Golden cases in files that a draft is tried by: those beside the file that the settings name.

    Those of a preset are for the preset as it came; what extends it differs from it on purpose.
    Raises ConfigError: files that are no cases.
    """
    if key in preset_names() and mapping.text != load_mapping(key).text:
        return []
    return load_cases(cases_folder(key, folder_of(app)))
