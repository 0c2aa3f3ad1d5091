"""Saving a connection: its secrets into files, everything else into the settings; or the lines to be pasted there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import ConflictError
from core.secret_files import forget_secret, keep_secret
from sync.room.breaker import resume_connection
from sync.setup.settings_file import Changes, change_section, is_writable, read_section, section_lines
from web.connecting.drafts import Draft
from web.door.auditing import write_audit
from web.here import Here


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of it: in force, or `lines` that somebody has to paste, and keys of `gone` to be taken out."""

    lines: str = ""
    gone: tuple[str, ...] = ()


def save(here: Here, draft: Draft, mapping: str) -> Saved:
    """Put the connection into the settings, audited by the names of its keys alone; in force here at once.

    Where our account may not write the settings nothing is changed but the secrets, which are kept for the lines.

    Raises:
        SverkaError: the settings were changed meanwhile, or cannot be written; then no secret is kept either.
    """
    path, folder = here.app.settings.path, here.app.settings.web.secrets
    _refuse_taken(path, draft)
    files: dict[str, Path] = {}
    in_force, written = path is not None and is_writable(path), False
    try:
        for name, value in draft.typed.items():
            files[name] = keep_secret(folder, f"{draft.name}-{name}", value)
        changes = draft.changes({name: str(file) for name, file in files.items()}, mapping)
        with here.writing() as conn:
            what = ("connection.add" if draft.fresh else "connection.change") if in_force else "connection.lines"
            told = {"kind": draft.kind, "keys": sorted(changes)}
            write_audit(conn, here.now, here.me.login, what, draft.name, after=told)
            if path is not None and in_force:
                change_section(path, draft.name, changes, mark=draft.mark)
            written = True
    finally:
        if not written:  # whatever it was, also a store that went away
            for file in files.values():
                forget_secret(folder, str(file))
    here.site.drafts.drop(draft)
    if not in_force:
        gone = tuple(sorted(key for key, value in changes.items() if value is None))
        return Saved(section_lines(draft.name, changes), gone)
    _forget_replaced(draft, changes, folder)
    here.site.take_up()
    resume_connection(here.app, draft.name)
    return Saved()


def _refuse_taken(path: Path | None, draft: Draft) -> None:
    """A new one is put into no section that is there: the secrets of that one would go where the new one leads."""
    if draft.fresh and path is not None and read_section(path, draft.name) is not None:
        raise ConflictError(
            f"{path.name} was changed by somebody else meanwhile.", next_step="open the page again and repeat it"
        )


def may_name(here: Here, path: str) -> bool:
    """Whether a file may be named from afar: only one that lies in the folder of secrets."""
    folder = here.app.settings.web.secrets.absolute().resolve()
    found = Path(path)
    return found.is_absolute() and found.resolve().parent == folder


def _forget_replaced(draft: Draft, changes: Changes, folder: Path) -> None:
    for key in changes:
        old = draft.before.get(key)
        if isinstance(old, dict) and isinstance(old.get("file"), str):
            forget_secret(folder, old["file"])
