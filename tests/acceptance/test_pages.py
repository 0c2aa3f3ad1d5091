"""The pages as a user gets them: out of a wheel, in processes of their own, with users made by the command."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.acceptance.installation import ROOT, Installation, wait_for
from tests.services.process import free_port

pytestmark = pytest.mark.timeout(300)
NOWHERE = "http://127.0.0.1:9/base/odata/standard.odata"


class Reader:
    """A browser's bare bones: pages, forms, cookies."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)

    def get(self, path: str, **headers: str) -> str:
        """A page; empty when nobody answers."""
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with self.opener.open(request, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError:
            return ""

    def log_in(self, login: str, password: str) -> str:
        """The page behind the log-in."""
        token = re.search(r'name="_token" value="(\w+)"', self.get("/login"))
        assert token is not None
        fields = {"_token": token[1], "login": login, "password": password}
        with self.opener.open(self.address + "/login", urllib.parse.urlencode(fields).encode(), timeout=30) as answer:
            return str(answer.read().decode())


def installation(folder: Path, port: int) -> Installation:
    folder.mkdir(parents=True, exist_ok=True)
    web = f'[web]\nlisten = "127.0.0.1:{port}"\n'
    return Installation(folder, f"sqlite:///{folder / 'store.db'}", NOWHERE, extra=web)


def install_wheel(folder: Path) -> dict[str, str]:
    """Build a wheel of the tree and unpack it; the environment in which it and no other is imported."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=240)
    (wheel,) = (folder / "dist").glob("*.whl")
    put = [*pip, "install", "--no-deps", "--target", str(folder / "installed"), str(wheel)]
    subprocess.run(put, check=True, capture_output=True, timeout=120)
    return {key: value for key, value in os.environ.items() if not key.startswith("SVERKA_")} | {
        "PYTHONPATH": str(folder / "installed")
    }


def test_wheel_serves_pages_in_every_language(tmp_path: Path) -> None:
    port = free_port()
    installed = installation(tmp_path / "home", port)
    env = install_wheel(tmp_path) | {"SVERKA_SETTINGS": str(installed.settings), "ACCOUNTING_PASSWORD": "x"}
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-c", "import cli.main; print(cli.main.__file__); cli.main.main()", "web"]
        process = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        reader = Reader(port)
        wait_for(lambda: reader.get("/healthz"), "it answers")
        assert str(tmp_path / "installed") in (tmp_path / "log").read_text("utf-8")
        for language, word in (("en", "Password"), ("ru", "Пароль"), ("uk", "Ім’я для входу")):
            assert word in reader.get("/login", **{"accept-language": language})
        for path in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', reader.get("/login"))):
            assert reader.get(path), path
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_user_made_by_the_command_logs_in_to_the_service(tmp_path: Path) -> None:
    port = free_port()
    installed = installation(tmp_path, port)
    made = json.loads(installed.run("user", "add", "Anna", "--role", "ops", "--json").stdout)
    token = installed.run("user", "token", "anna", "--name", "watch").stdout.strip()
    with installed.service("run"):
        reader = Reader(port)
        wait_for(lambda: reader.get("/readyz"), "it answers")
        shown = reader.log_in("anna", made["password"])
        assert "<h1>Operations</h1>" in shown and "accounting" in shown
        assert "sverka_queue" in reader.get("/metrics")
        described = json.loads(reader.get("/api/v1/openapi.json", authorization=f"Bearer {token}"))
        assert "/customers/{key}" in described["paths"]
        installed.run("user", "password", "anna")
        assert "<h1>Operations</h1>" not in reader.get("/ops")


def test_taken_port_is_told_where_only_pages_were_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = installation(tmp_path, taken.getsockname()[1]).run("web", check=2)
    assert "cannot be listened on" in done.stderr and "sverka web" in done.stderr
    assert done.stdout == ""


def test_users_by_command(tmp_path: Path) -> None:
    installed = installation(tmp_path, free_port())
    assert "sverka user add NAME --role admin" in installed.run("user", "list").stderr
    made = installed.run("user", "add", "boss", "--role", "admin")
    assert len(made.stdout.strip()) >= 10
    for wrong in (("add", "boss", "--role", "admin"), ("add", "x", "--role", "king"), ("role", "boss", "ops")):
        failed = installed.run("user", *wrong, check=None)
        assert failed.returncode in (1, 2) and "Next:" in failed.stderr and failed.stdout == ""
    installed.run("user", "add", "head", "--role", "head", "--department", "Продажи", "--language", "ru")
    installed.run("user", "set", "head", "--inactive")
    listed = {row["login"]: row for row in installed.lines("user", "list", "--json")}
    assert (listed["head"]["active"], listed["head"]["department"], listed["boss"]["role"]) == (
        False,
        "Продажи",
        "admin",
    )
    assert installed.run("user", "substitute").stdout == ""
