"""What the engine says, found in its source: every literal that reads like English, with what is filled in."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from core.i18n import NEXT, THEN

ROOT = Path(__file__).parents[1]
SPEAKING = ("core", "connectors", "mapping", "store", "sync", "web/people")
"""Where people's texts are made that a page or a letter shows."""
SILENT = {
    "core/i18n.py": "tells others' texts",
    "connectors/onec_odata/url.py": "words of 1C's query language",
    "mapping/cases/masking.py": "patterns of what is masked",
    "store/backup.py": "of a command only",
    "store/copying.py": "of a command only",
    "store/scratch.py": "SQL",
    "store/upgrade.py": "of a start that fails: there are no pages then",
    "store/tables": "SQL",
    "store/migrations": "SQL",
    "sync/setup/look.py": "of `sverka audit` only",
}
"""Files that say nothing on pages or in letters, and why."""
NOT_SAID = frozenset((
    # Mistakes of ours, which no person is told of.
    "a batch has fifty commands at most, and none of them is named by a number alone",
    "{} is no outcome of direction {}",
    "all rows of a batch name the same columns; these differ: {}", "a moment without a time zone must not be stored",
    "an intent never goes from {} to {}",
    # Words of other languages: OData, SQL, headers, files.
    "{} eq {}", "{} ge {}", "{} lt {}", "{}_Key eq {}", "Ref_Key eq {}", "Account_Key eq {}", "ExtDimension1 eq {}",
    "ExtDimension{}1 eq {}", "Period ge {}", "Period lt {}", "application/xml, application/atom+xml",
    "application/json; charset=utf-8", "REPEATABLE READ",
    "#@@ file:", r"\(at line (\d+), column (\d+)\)$", "Sverka rule file", "Value error,",
    "ltrim(substr(number, length(rtrim(number, '0123456789')) + 1), '0')",
    "card.external_id, card.kind, card.title, card.key, ({})",
    # A line that goes into the text of a draft, which is a text of the admin's own.
    "from here on the text is not used: it is what the file extends, put in by {}",
    # Progress bars of commands, and what a dry run says.
    "looked at", "fetched and looked at", "would {}: {}",
    # Parts that are told within the texts they are put into.
    ", then:", ": it", "by {}", "--connection {}", "Review {} has been decided already: {}{}.",
))  # fmt: skip
"""Shapes that read like English and are told to nobody by themselves."""
_FIELD = re.compile(r"\{[a-z_]*\}")
_ENGLISH = re.compile(r"[A-Za-z'’]{2,}[,;:.]? +[A-Za-z']+|[a-z']{2,}[,;:.]? +[{`]|[}`'],?;? +[a-z]{2,}|^\W+ [a-z]+")
_COMMAND = re.compile(r"sverka( ?\{\}| (-{0,2}[a-z][a-z-]*|[A-Z]+))*")
_SQL = re.compile(
    r"\w+ \(\w+ (TEXT|INTEGER)|(SELECT|INSERT|DELETE|UPDATE|SET LOCAL|PRAGMA|CREATE)\b|\w+\(.*(PRIMARY KEY|bucket)"
)
_NAMED = {"len": "number", "join": "names", "suggest": "hint"}
_TOOLS = frozenset((
    "str", "int", "abs", "sorted", "plain", "repr", "get", "strip", "rstrip", "lower", "type", "getattr",
    "format_amount",
))  # fmt: skip
_UNHEARD = frozenset((
    "info", "warning", "debug", "exception", "bind", "compile", "text", "execute", "RuntimeError", "AssertionError",
    "TypeError", "ForwardRef", "strftime", "exec_driver_sql", "executemany", "_words", "cast", "literal_column",
))  # fmt: skip
"""Calls whose texts reach no person."""


def find_texts() -> dict[str, list[str]]:
    """Every text by its shape, the words with `{}` for what is filled in, and where it stands."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for room in SPEAKING for path in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if any(name.startswith(silent) for silent in SILENT):
            continue
        for line, text in read_literals(ast.parse(path.read_text("utf-8"))):
            for piece in pieces(text):
                found.setdefault(shape(piece), []).append(f"{name}:{line}: {piece}")
    return found


def shape(text: str) -> str:
    """A text with `{}` for whatever is filled in: names do not matter."""
    return re.sub(r"\{[a-z_]*[a-z0-9_]*(:[a-z]+)?\}", "{}", text)


def pieces(text: str) -> Iterator[str]:
    """The parts that are told one by one, those that are English: without next steps' commands."""
    for line in text.split("\n"):
        message, _, step = line.partition(NEXT)
        for part in (message, step):
            then = THEN.search(part)
            head = (part[: then.start()] if then else part).strip()
            for piece in (head, part[then.end() :] if then else ""):
                if _ENGLISH.search(piece) and not _COMMAND.fullmatch(shape(piece)) and not _SQL.match(piece):
                    yield piece


def read_literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Each literal that may be said: no documentation, no log event, no pattern, no mistake of ours."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(value) for value in node.values}
        elif isinstance(node, ast.Call) and _called(node) in _UNHEARD:
            skipped |= {id(inner) for inner in ast.walk(node)}
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            skipped |= {id(inner) for inner in ast.walk(node.annotation)}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            text = _read(node)
            if text:
                yield node.lineno, text  # type: ignore[attr-defined]


def _called(node: ast.Call) -> str:
    target = node.func
    return target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""


def _read(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _FIELD.sub("{}", node.value)
    if isinstance(node, ast.JoinedStr):
        names: dict[str, int] = {}
        return "".join(_part(value, names) for value in node.values)
    return ""


def _part(node: ast.expr, names: dict[str, int]) -> str:
    if isinstance(node, ast.FormattedValue):
        name = _name(node.value)
        names[name] = names.get(name, 0) + 1
        return "{" + name + (str(names[name]) if names[name] > 1 else "") + "}"
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _name(node: ast.expr) -> str:
    """A name for what is filled in, as near to the code as a translator needs it."""
    called = _called(node) if isinstance(node, ast.Call) else ""
    if called in _NAMED:
        return _NAMED[called]
    words = [inner for inner in ast.walk(node) if isinstance(inner, ast.Attribute | ast.Name)]
    raws = [word.attr if isinstance(word, ast.Attribute) else word.id for word in words]
    best = next((raw for raw in raws if raw not in _TOOLS), "")
    return re.sub(r"[^a-z]+", "", best.lower()) or "value"
