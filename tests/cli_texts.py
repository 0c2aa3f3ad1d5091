"""What the command line says, found in its source: sentences of its own, and the headings of its tables."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from core.i18n import FIRST
from store.queries.work.queues import QUEUES
from tests.engine_texts import pieces, read_literals, shape

ROOT = Path(__file__).parents[1]
COMMANDS_ONLY = (
    "cli", "store/backup.py", "store/upgrade.py", "sync/setup/look.py", "sync/link/report.py",
)  # fmt: skip
"""Where texts are made that a terminal shows, and no page."""
NOT_SAID = frozenset((
    # Parts of commands that are named within a sentence.
    "--connection {}", "--expect {}", ", then:",
    # Sheets of a workbook: others may look for them by name.
    "nothing found", "in doubt", "new cards", "no card",
    # Told by its unit; the sentence that a table of words begins, and its end.
    "{} {} ago", "where it stands", "Next: {}",
))  # fmt: skip
"""Shapes that read like English and are told to nobody by themselves, or in the whole that they are part of."""
_COMMAND = re.compile(r"sverka (?!.*, or)[^()]*")
_HELP = frozenset(("help", "metavar", "epilog"))
_TABLE = "out_table"
FROM_RECORDS = (
    *QUEUES, "name", "external_id", "tax_id", "registration_code", "cards", "entity", "set", "reason", "amount",
    "match", "what", "customer", "document", "number", "date", "currency", "since", "note",
    "INN", "KPP", "kind", "code", "status", "manager", "head", "phones", "e-mail", "address",
)  # fmt: skip
"""Headings that no table of a command names: queues, what a row of an audit or a difference has, facts of a card."""


def find_cli_texts() -> dict[str, list[str]]:
    """Every text by its shape, as `find_texts` finds the engine's, and where it stands. Headings are none."""
    found: dict[str, list[str]] = {}
    headings = find_headings()
    for name, tree in _sources():
        for line, text in read_literals(_WithoutHelp().visit(tree)):
            for piece in pieces(text.removeprefix(FIRST)):
                if shape(piece) in NOT_SAID or piece in headings or _COMMAND.fullmatch(piece):
                    continue
                found.setdefault(shape(piece), []).append(f"{name}:{line}: {piece}")
    return found


def find_headings() -> dict[str, list[str]]:
    """Every word that heads a column of a table, and where it stands."""
    found: dict[str, list[str]] = {}
    for name, tree in _sources():
        lists = _assigned(tree)
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == _TABLE:
                for text in _words(call.args[0], lists):
                    found.setdefault(text, []).append(f"{name}:{call.lineno}")
    return found


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for room in COMMANDS_ONLY:
        base = ROOT / room
        for path in [base] if base.is_file() else sorted(base.rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            yield name, ast.parse(path.read_text("utf-8"))


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """All lists that a name of this module is given anywhere in it."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            words = [one for one in ast.walk(node.value) if isinstance(one, ast.List | ast.Tuple)]
            found.setdefault(node.targets[0].id, []).extend(words[:1])
    return found


def _words(node: ast.expr, lists: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The literals of a list of headings, through the names of the module's lists that it is made of."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value:
            yield inner.value
        elif isinstance(inner, ast.Name):
            rest = {name: words for name, words in lists.items() if name != inner.id}
            for words in lists.get(inner.id, []):
                yield from _words(words, rest)


class _WithoutHelp(ast.NodeTransformer):
    """Takes away what `--help` shows: that is English."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        node.keywords = [one for one in node.keywords if one.arg not in _HELP]
        self.generic_visit(node)
        return node
