"""What the command says of itself."""

import tomllib
from pathlib import Path

from typer.testing import CliRunner

from cli.main import build_app

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_version_is_the_projects_own() -> None:
    """Who reports a fault is asked for it first."""
    told = CliRunner().invoke(build_app(["--version"]), ["--version"])
    version = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"]
    assert (told.exit_code, told.output) == (0, f"sverka {version}\n")
