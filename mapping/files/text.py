"""Rule files as text: read within limits, extended, settings put in, every value's place kept for messages."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from core.toml import parse_toml
from mapping.files.positions import Positions, find_positions
from mapping.files.problems import NEXT_STEP, Loc, MappingMistakes, Mistake, Place, Problems

PRESETS = Path(__file__).parent.parent / "presets"
LARGEST = 1024 * 1024
BUNDLE = "#@@ file: "
"""In a text that is kept for good, a line like this begins each further file that the first one extends."""
_DEEPEST = 5
SETTING = re.compile(r"(?:^|=)@([A-Za-z_]\w*)")
"""The settings that a text asks for: as a whole, or as what a row of a section is tested for."""
_WHOLE_SETTING = re.compile(r"@([A-Za-z_]\w*)")
_SETTING_IN_PATH = re.compile(r"(?<==)@([A-Za-z_]\w*)")

Tree = dict[str, Any]


@dataclass(slots=True)
class RuleText:
    """One file of the chain, parsed."""

    origin: str
    text: str
    tree: Tree
    positions: Positions


@dataclass(slots=True)
class Chain:
    """A file and all that it extends, the file first."""

    files: list[RuleText]
    tree: Tree = field(default_factory=dict)
    taken_away: list[Loc] = field(default_factory=list)
    kept: bool = False
    """Whether the text brings along what it extends, as the store keeps it."""
    put_in: dict[Loc, str] = field(default_factory=dict)
    """Where values stand that came from settings, and from which."""

    @property
    def text(self) -> str:
        """Everything in one text, which is enough to build this very version again, whatever later presets say."""
        first, *rest = self.files
        return first.text + "".join(f"\n{BUNDLE}{file.origin}\n{file.text}" for file in rest)

    def meant(self, loc: Loc) -> Loc:
        """The path of the setting that a value came from where it stands nearer to the user than the rule; or `loc`."""
        ways = {put[:length] for put in self.put_in for length in range(1, len(put) + 1)}
        known: Loc = ()
        for part in loc:
            known = (*known, part) if (*known, part) in ways else known
            name = self.put_in.get(known)
            if name is not None:
                setting = ("settings", name)
                return setting if self._nearness(setting) <= self._nearness(loc) else loc
        return loc

    def tell_taken_away(self) -> list[Mistake]:
        """What files of the user's own take away from what they extend, each with its place."""
        found = []
        for loc in self.taken_away:
            file, line, column = self.place_of(loc)
            if not is_preset(file) and value_at(self.tree, loc) is False:
                text = "is taken away from what the file extends"
                found.append(Mistake(file, line, column, ".".join(str(part) for part in loc), text))
        return sorted(found, key=lambda one: (one.file, one.line, one.column))

    def _nearness(self, loc: Loc) -> int:
        origin = self.place_of(loc)[0]
        return next(index for index, file in enumerate(self.files) if file.origin == origin)

    def place_of(self, loc: Loc) -> Place:
        """The file, line and column where a value stands; the file that is nearest to the user wins."""
        best: tuple[int, Place] = (-1, (self.files[0].origin, 0, 0))
        rule = next((loc[: index + 2] for index, part in enumerate(loc[:-1]) if part in _REPLACED_WHOLE), ())
        owner = next((file for file in self.files if rule in file.positions.places), None)
        for file in self.files if owner is None else [owner]:
            depth, line, column = file.positions.find(loc)
            if depth > best[0]:
                best = (depth, (file.origin, line, column))
        return best[1]


def read_file(path: Path) -> str:
    """The text of a rule file.

    Raises:
        ConfigError: not there, larger than 1 MB, or not UTF-8.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"The mapping file {path} cannot be read: {error.strerror}.", next_step="sverka mapping check"
        ) from error
    return decode(raw, str(path))


def is_file(path: Path) -> bool:
    """Whether a file is there; no name that people type, too long or in a closed folder, is more than a no."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there."""
    try:
        return path.is_dir()
    except OSError:
        return False


def decode(raw: bytes, origin: str) -> str:
    """Bytes of a rule file as text.

    Raises:
        ConfigError: larger than 1 MB, or not UTF-8; says at which byte.
    """
    if len(raw) > LARGEST:
        raise ConfigError(f"{origin} is larger than 1 MB: that is no mapping.", next_step=NEXT_STEP)
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(
            f"{origin}:{line}: the file is not UTF-8 text (byte {error.start + 1}).",
            next_step=f"save {origin} as UTF-8",
        ) from error


def preset_names() -> list[str]:
    """The presets that are shipped."""
    return sorted(path.stem for path in PRESETS.glob("*.toml"))


def load_chain(text: str, origin: str, folder: Path | None) -> Chain:
    """A text and all that it extends, merged.

    Raises:
        ConfigError: no TOML (with line and column), an unknown preset, a cycle, too long a chain.
    """
    kept = _split_bundle(text, origin)
    files, complete = [parse_text(*kept.pop(0))], bool(kept)
    while (name := files[-1].tree.get("extends")) is not None:
        if not isinstance(name, str):
            _fail(files, ("extends",), "extends is the name of a preset or of a file")
        following = kept.pop(0) if kept else _find(name, files, folder)
        if following[0] in [file.origin for file in files]:
            circle = " -> ".join([*(file.origin for file in files), following[0]])
            _fail(files, ("extends",), f"goes in a circle: {circle}")
        if len(files) >= _DEEPEST:
            _fail(files, ("extends",), f"is a chain of more than {_DEEPEST} files")
        files.append(parse_text(*following))
    return join_chain(files, kept=complete)


def join_chain(files: list[RuleText], *, kept: bool) -> Chain:
    """Texts of which each extends the next, merged; `kept`: they came as one text, as the store keeps it."""
    chain = Chain(files, kept=kept)
    chain.tree = merge_files(files, chain.taken_away)
    return chain


def merge_files(files: list[RuleText], taken_away: list[Loc] | None = None) -> Tree:
    """What files say together, the nearest to the user first; what they take away is added to `taken_away`."""
    tree: Tree = {}
    for file in reversed(files):
        tree = _merge(tree, file.tree, (), taken_away if taken_away is not None else [])
    return tree


def _split_bundle(text: str, origin: str) -> list[tuple[str, str]]:
    if len(text) > LARGEST * _DEEPEST:
        raise ConfigError(f"{origin} is larger than 1 MB: that is no mapping.", next_step=NEXT_STEP)
    parts = re.split(rf"\n{BUNDLE}(.+)\n", text)
    files = [(origin, parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
    if any(len(part.encode(errors="replace")) > LARGEST for _, part in files):
        raise ConfigError(f"{origin} is larger than 1 MB: that is no mapping.", next_step=NEXT_STEP)
    return files


def parse_text(origin: str, text: str) -> RuleText:
    """One file of a chain; its tree is the caller's own.

    Raises:
        ConfigError: no TOML, with line and column.
    """
    try:
        tree, positions = _parsed(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(origin, text, error) from error
    return RuleText(origin, text, _copied(tree), positions)


@lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[Tree, Positions]:
    """A preset's text is asked for by every mapping that extends it, and takes twenty milliseconds."""
    return parse_toml(text), find_positions(text)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


_AT_END = re.compile(r"\(at end of document\)$")


def _not_toml(origin: str, text: str, error: tomllib.TOMLDecodeError) -> ConfigError:
    reason = str(error)
    found = re.search(r" \(at line (\d+), column (\d+)\)$", reason)
    line, column = (int(found[1]), int(found[2])) if found else (0, 0)
    reason = reason[: found.start()] if found else reason
    if _AT_END.search(reason):  # what was begun is nowhere ended: the last line that says something
        kept = text.rstrip()
        line, column = kept.count("\n") + 1, len(kept) - kept.rfind("\n")
    mistake = Mistake(origin, line, column, "", f"not valid TOML: {reason}.")
    return MappingMistakes(str(mistake), next_step=NEXT_STEP, mistakes=[mistake])


def _find(name: str, files: list[RuleText], folder: Path | None) -> tuple[str, str]:
    if name in preset_names():
        return preset_origin(name), read_file(PRESETS / f"{name}.toml")
    path = (folder or Path()) / name
    if name.endswith(".toml") and is_file(path):
        return str(path), read_file(path)
    problems = Problems(Chain(files).place_of)
    problems.add_unknown(("extends",), "the preset or file", name, preset_names())
    problems.finish(files[0].origin)
    raise AssertionError("finish raises")


def preset_origin(name: str) -> str:
    """How a shipped preset is called in messages."""
    return f"presets/{name}.toml"


def is_preset(origin: str) -> bool:
    """Whether a file that messages call so is a shipped preset."""
    return origin in map(preset_origin, preset_names())


def value_at(tree: object, loc: Loc) -> object:
    """What stands at a path of a tree; None where nothing does."""
    for part in loc:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _fail(files: list[RuleText], loc: Loc, message: str) -> None:
    problems = Problems(lambda at: (files[-1].origin, *files[-1].positions.find(at)[1:]))
    problems.add(loc, message)
    problems.finish(files[0].origin)


_REPLACED_WHOLE = frozenset({"fields", "attributes", "body", "new", "requisites", "own"})
"""Under these a rule is replaced as a whole: what is written is what runs."""


def _merge(base: Tree, over: Tree, loc: Loc, taken_away: list[Loc]) -> Tree:
    merged = dict(base)
    for key, value in over.items():
        here, before = (*loc, key), base.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and (not loc or loc[-1] not in _REPLACED_WHOLE):
            merged[key] = _merge(before, value, here, taken_away)
            continue
        if value is False and before is not None and before is not False and isinstance(before, (dict, list, str)):
            taken_away.append(here)
        merged[key] = value
    return merged


_UNKNOWN = "Ref_Key"
"""Stands in for an unknown setting, so that one mistake is told once."""


def put_settings(chain: Chain, problems: Problems) -> None:
    """Put settings in the place of "@name"; a name that is no setting is noted."""
    settings = chain.tree.get("settings")
    known: Tree = settings if isinstance(settings, dict) else {}

    def whole(text: str, loc: Loc) -> object:
        match = _WHOLE_SETTING.fullmatch(text)
        if match is not None:
            return _setting(match[1], text, loc)
        return _SETTING_IN_PATH.sub(lambda found: str(_setting(found[1], found[0], loc)), text)

    def _setting(name: str, text: str, loc: Loc) -> object:
        if name not in known:
            problems.add_unknown(loc, "the setting", name, known)
            return _UNKNOWN
        chain.put_in[loc] = name
        return known[name]

    chain.tree = {
        key: value if key == "settings" else _replaced(value, (key,), whole) for key, value in chain.tree.items()
    }


def _replaced(value: object, loc: Loc, whole: Callable[[str, Loc], object]) -> object:
    if isinstance(value, str):
        return whole(value, loc)
    if isinstance(value, dict):
        return {key: _replaced(item, (*loc, key), whole) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, (*loc, index), whole) for index, item in enumerate(value)]
    return value
