"""Every commit and every remote call of the engine has a fault point, and every fault point is somewhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sync.room.faults import CRM_POINTS, DEAL_POINTS, LINK_POINTS, OUTBOX_POINTS, PERSON_POINTS, POINTS, TOKEN_POINTS

ROOT = Path(__file__).parents[2]
ENGINE = sorted((ROOT / "sync").rglob("*.py"))
REMOTE = re.compile(r"^(fetch_\w+|find_records|write_record|confirm_changes)$")
SAYS = {"fetch_movements_of": "fetch-movements", "write_record": "send"}
EXEMPT = {
    "sync/setup/": "connect, doctor and audit only ask; nobody's work depends on them",
    "sync/push/contacts.py": "a person's command: one transaction, and whoever typed it sees whether it was done",
    "sync/push/reviews.py": "a person's decision: one transaction",
    "sync/letters.py": "a person's decision: one transaction",
    "sync/deals/deciding.py": "a person's decision: one transaction",
    "sync/link/unlink.py": "a person's decision: one transaction",
    "sync/owners/terms.py": "the head's deed: one transaction, with word for the next tick",
    "sync/owners/conflicts.py": "a person's decision: one transaction",
    "sync/mappings/ordering.py": "a person's command: one transaction",
    "sync/mappings/publishing.py": "a person's command: what is under way ends, in one transaction",
    "sync/mappings/preview.py": "a person looks: its transaction is always rolled back",
    "sync/pull/cursors.py": "a person's rewind: one transaction",
}
DOORS = {"sync/room/writing.py"}


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_exempt(path: Path) -> bool:
    return short(path).startswith(tuple(EXEMPT))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call in it with the last word of what is called."""
    for found in ast.walk(node):
        if isinstance(found, ast.Call):
            name = found.func.attr if isinstance(found.func, ast.Attribute) else getattr(found.func, "id", "")
            yield str(name), found


def constants(path: Path) -> dict[str, str]:
    """Names of a module that stand for a text (`COMMIT = "balance"`), imported ones too."""
    found: dict[str, str] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sync."):
            source = ROOT / (node.module.replace(".", "/") + ".py")
            if source.exists() and source != path and any(alias.name.isupper() for alias in node.names):
                theirs = constants(source)
                found |= {alias.name: theirs[alias.name] for alias in node.names if alias.name in theirs}
    return found


def written(path: Path) -> set[str]:
    """The points that a file passes."""
    known, found = constants(path), set()
    for name, call in calls(ast.parse(path.read_text("utf-8"))):
        said = call.args[-1] if call.args else None
        text = said.value if isinstance(said, ast.Constant) else known.get(getattr(said, "id", ""))
        if name in ("writing", "committing", "asking") and len(call.args) == 2:
            found |= {f"{text!s}.before", f"{text!s}.after"}
        elif name == "fault" and isinstance(text, str):
            found.add(text)
    return found


def test_every_point_is_somewhere_and_every_somewhere_is_a_point() -> None:
    engine = [path for path in ENGINE if short(path) not in DOORS]
    passed = {point for path in engine for point in written(path)}
    known = {*POINTS, *TOKEN_POINTS, *CRM_POINTS, *OUTBOX_POINTS, *DEAL_POINTS, *LINK_POINTS, *PERSON_POINTS}
    assert {point for path in engine if not is_exempt(path) for point in written(path)} - known == set()
    assert known - passed == set()


def test_every_commit_goes_through_a_door_with_fault_points() -> None:
    """A bare transaction would be a place where nobody has ever died."""
    bare = [
        f"{short(path)}:{call.lineno}"
        for path in ENGINE
        if short(path) not in DOORS and not is_exempt(path)
        for name, call in calls(ast.parse(path.read_text("utf-8")))
        if name in ("begin", "commit") and isinstance(call.func, ast.Attribute)
    ]
    assert bare == []


def remote_calls(function: ast.FunctionDef) -> Iterator[tuple[str, ast.Call]]:
    for name, call in calls(function):
        if REMOTE.match(name) and isinstance(call.func, ast.Attribute):
            owner = ast.unparse(call.func.value)
            if "connector" in owner or "target_of" in owner:
                yield name, call


def test_every_remote_call_has_fault_points_around_it() -> None:
    found, bare = 0, []
    for path in ENGINE:
        if is_exempt(path):
            continue
        for function in functions(path):
            text = ast.unparse(function)
            for name, call in remote_calls(function):
                found += 1
                point = SAYS.get(name, name.replace("_", "-"))
                if f"ctx, '{point}')" not in text and f"fault('{point}.before')" not in text:
                    bare.append(f"{short(path)}:{call.lineno} {name}")
    assert found > 15
    assert bare == []
