"""The service files: systemd understands them, and they start what is there."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "/opt/sverka/.venv/bin/sverka"
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))


class Unit(configparser.RawConfigParser):
    """A unit file: keys keep their case, and one that comes twice has several values, a line each."""

    def __init__(self, path: Path) -> None:
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.read(path, "utf-8")

    def optionxform(self, optionstr: str) -> str:
        return optionstr

    def service(self, key: str) -> str:
        return self["Service"][key]


@pytest.fixture(params=UNITS, ids=lambda path: path.name)
def unit(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def verify(folder: Path, text: str, name: str) -> str:
    """What systemd has to say about a unit, as it would be installed."""
    path = folder / name.replace("@.", "@1.")
    (folder / name).write_text(text.replace(PROGRAM, "/bin/true"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)], capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr + (f"exit {done.returncode}" if done.returncode else "")


def test_systemd_has_nothing_to_say(unit: Path, tmp_path: Path) -> None:
    assert verify(tmp_path, unit.read_text("utf-8"), unit.name) == ""


def test_systemd_would_say_it(tmp_path: Path) -> None:
    text = UNITS[0].read_text("utf-8").replace("KillMode=mixed", "KillMode=gently")
    assert "kill mode" in verify(tmp_path, text, UNITS[0].name)


def test_unit_starts_a_command_that_is_there(unit: Path) -> None:
    program, *arguments = Unit(unit).service("ExecStart").split()
    assert program == PROGRAM
    sverka = shutil.which("sverka", path=str(Path(sys.executable).parent))
    assert sverka is not None
    done = subprocess.run([sverka, *arguments, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_unit_is_watched_stopped_softly_and_not_root(unit: Path) -> None:
    service = Unit(unit)["Service"]
    assert service["User"] == "sverka"
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 30
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 8  # the soft stop of the worker library
    assert service["RestartPreventExitStatus"] == "2"
    assert service["CapabilityBoundingSet"] == ""


def test_units_differ_only_in_what_they_run() -> None:
    def common(path: Path) -> list[str]:
        own = ("#", "Description=", "ExecStart=", "Environment=REMAP_SIGTERM=")
        return [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith(own)]

    assert [path.name for path in UNITS if common(path) != common(UNITS[0])] == []


def test_account_and_folders_are_those_of_the_units() -> None:
    service = Unit(UNITS[0])["Service"]
    account = (ROOT / "deploy" / "sysusers.d" / "sverka.conf").read_text("utf-8")
    assert re.search(rf"^u {service['User']} - ", account, re.M)
    folders = (ROOT / "deploy" / "tmpfiles.d" / "sverka.conf").read_text("utf-8")
    assert re.search(rf"^d {service['WorkingDirectory']} +0750 sverka sverka", folders, re.M)
    assert re.search(r"^z /etc/sverka/secrets.env +0600 root +root", folders, re.M)
