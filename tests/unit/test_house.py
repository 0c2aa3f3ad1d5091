"""The rules of the house that no linter knows. CONTRIBUTING.md says them in words."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
ROOMS = ("core", "connectors", "mapping", "sync", "store", "workers", "web", "cli", "sandbox")
OURS = (*ROOMS, "tests", "bench")
MAX_FILE, MAX_FUNCTION = 400, 45

# Who may swallow everything, and how often. In the product: the savepoint of a record and the boundary of a task.
BROAD_EXCEPTS = {
    "sandbox/common/shell.py": 1,  # a mistake of the stand-in itself: the test must see it and the server must live
    "sync/alerts/watch.py": 1,  # telling people must not stop the work
    "workers/alerting.py": 1,  # a thread that died would tell nobody anything any more
    "sync/room/dispatch.py": 2,  # the boundary of a request (its failure is its answer), and of a connection in a tick
}

# A library and the only places that may import it.
SOLE_USERS = {
    "requests": ("connectors/http.py",),
    "getpass": ("cli/common.py",),  # an account may have no name: person() knows what to do then
    "zeep": ("connectors/onec_soap/",),
    "celery": ("workers/",),
    "kombu": ("workers/",),
    "fastapi": ("web/",),
    "jinja2": ("web/",),
    "pwdlib": ("web/people/passwords.py",),
}

# Written with a gap, so that this file does not name what it forbids.
FOREIGN = re.compile(
    r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs|deb[.]debian|[.]library/|(?<![\w.*:/-])/(?:work|root|home/\w+)/"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def sources(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path: Path) -> set[str]:
    """The full names of the modules that a file imports, inside functions too; relative ones are made absolute."""
    found = set()
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
            yield from functions(child, f"{prefix}{child.name}.<inner>.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, f"{prefix}{child.name}.")
        else:
            yield from functions(child, prefix)


def length(function: Function) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def is_public(name: str) -> bool:
    return not any(part.startswith(("_", "<")) for part in name.split("."))


def test_every_room_is_known_to_every_tool() -> None:
    """A new room is named in all of these, with its import rules, and in ROOMS here."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    rooms = {path.parent.name for path in ROOT.glob("*/*.py")} - {"tests", "bench", "scripts"}
    assert rooms == set(ROOMS)
    assert rooms == set(tool["importlinter"]["root_packages"])
    assert rooms == set(tool["coverage"]["run"]["source"])
    assert rooms == set(tool["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert rooms <= set(tool["mypy"]["packages"]) & set(tool["ruff"]["lint"]["isort"]["known-first-party"])
    assert rooms <= set(tool["deptry"]["known_first_party"])
    assert rooms == {room for contract in tool["importlinter"]["contracts"] for room in contract["source_modules"]}


def test_every_folder_with_modules_is_a_package() -> None:
    """The import contracts do not look into others."""
    assert {short(path.parent) for path in sources(*ROOMS) if not (path.parent / "__init__.py").exists()} == set()


def test_import_contracts_hold() -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent)) or "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_no_connector_imports_another() -> None:
    folders = {path.name for path in (ROOT / "connectors").iterdir() if path.is_dir()}
    wrong = []
    for path in sources("connectors"):
        inside = path.relative_to(ROOT / "connectors").parts[0]
        if inside not in folders:
            continue
        others = {f"connectors.{folder}" for folder in folders - {inside}}
        wrong += [f"{short(path)}: {name}" for name in imports(path) if ".".join(name.split(".")[:2]) in others]
    assert wrong == []


def test_sandbox_shares_nothing_with_the_product() -> None:
    allowed = {*sys.stdlib_module_names, "sandbox", "starlette", "uvicorn"}
    wrong = [
        f"{short(path)}: {name}"
        for path in sources("sandbox")
        for name in imports(path)
        if name and name.split(".")[0] not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("library", SOLE_USERS)
def test_library_has_one_home(library: str) -> None:
    users = {short(path) for path in sources(*ROOMS) if any(n.split(".")[0] == library for n in imports(path))}
    assert [user for user in sorted(users) if not user.startswith(SOLE_USERS[library])] == []


def test_every_command_that_a_text_names_exists() -> None:
    known = {command for commands in COMMANDS.values() for command in commands}
    named = {
        (command, short(path))
        for path in sources(*(room for room in ROOMS if room != "sandbox"))
        for command in re.findall(r"\bsverka ([a-z]+)", path.read_text("utf-8"))
    }
    assert {(command, path) for command, path in named if command not in known} == set()


def test_files_are_short() -> None:
    lengths = {short(path): len(path.read_text("utf-8").splitlines()) for path in sources(*OURS)}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{short(path)}: {name}": length(function)
        for path in sources(*OURS)
        if "migrations" not in path.parts  # a table is as long as it is
        for name, function in functions(tree(path))
    }
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION} == {}


def public_functions() -> Iterator[tuple[str, Function]]:
    for path in sources(*ROOMS):
        if "migrations" in path.parts:
            continue
        for name, function in functions(tree(path)):
            decorators = {ast.unparse(decorator) for decorator in function.decorator_list}
            accessor = any(decorator.endswith((".setter", ".deleter")) for decorator in decorators)
            if is_public(name) and not accessor and not decorators & {"overload", "override"}:
                yield f"{short(path)}:{function.lineno}: {name}", function


def test_public_functions_say_what_they_do() -> None:
    assert [name for name, function in public_functions() if not ast.get_docstring(function)] == []


def test_public_functions_are_annotated() -> None:
    def bare(function: Function) -> bool:
        arguments = function.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        silent = [argument for argument in named if argument.annotation is None and argument.arg not in ("self", "cls")]
        return bool(silent) or function.returns is None

    assert [name for name, function in public_functions() if bare(function)] == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False  # it puts something right and passes the error on
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException") for kind in caught)


def test_only_named_places_catch_everything() -> None:
    counted = {
        short(path): sum(isinstance(node, ast.ExceptHandler) and is_broad(node) for node in ast.walk(tree(path)))
        for path in sources(*ROOMS)
    }
    assert {name: count for name, count in counted.items() if count} == BROAD_EXCEPTS


def committed() -> list[Path]:
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_committed_file_names_a_machine_or_a_registry() -> None:
    files = committed()
    assert ROOT / "pyproject.toml" in files
    wrong = [
        f"{short(path)}:{number}: {line.strip()[:100]}"
        for path in files
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert wrong == []


def dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = [
        *project["project"]["dependencies"],
        *(n for group in project["dependency-groups"].values() for n in group),
    ]
    return {re.split(r"[^\w.-]", name, maxsplit=1)[0].lower() for name in named}


def test_the_docs_mention_every_dependency() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8").lower()
    assert (
        sorted(name for name in dependencies() if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)) == []
    )


def test_every_dependency_is_pinned_with_a_hash_and_without_an_address() -> None:
    locks = {path.name: path.read_text("utf-8") for path in ROOT.glob("requirements*.lock")}
    assert sorted(locks) == [f"requirements{kind}.lock" for kind in ("-build", "-dev", "-peers", "")]
    pinned = {name for text in locks.values() for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", text, re.M)}
    assert dependencies() - pinned == set()
    assert [name for name, text in locks.items() if "://" in text or "--hash=sha256:" not in text] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("see /w@ork/main", True),
        ('"/r@oot/.cache"', True),
        ("https://files.pythonh@osted.org/x", True),
        ("/h@ome/anna/sverka", True),
        ("https://example.com/w@ork/", False),
        ("framew@ork/x and ../shared/fixtures", False),
    ],
)
def test_the_search_for_machine_paths_finds_them(line: str, found: bool) -> None:
    assert bool(FOREIGN.search(line.replace("@", ""))) is found
