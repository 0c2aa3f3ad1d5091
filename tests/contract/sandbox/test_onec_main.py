"""The command in a process of its own."""

from __future__ import annotations

import base64
import http.client
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from sandbox.onec.main import main

ROOT = Path(__file__).parents[3]


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "sandbox.onec", "--port", "0", "--documents", "30", *arguments]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONUTF8": "1"}
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    return process, line


def stop(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> int:
    process.send_signal(number)
    code = process.wait(15)
    assert process.stderr is not None
    process.stderr.close()
    return code


def ask(line: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    port = int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])  # type: ignore[index]
    token = base64.b64encode("Сверка:ключ".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    connection.request(method, path, body, {"Authorization": f"Basic {token}"})
    answer = connection.getresponse()
    found = (answer.status, answer.read())
    connection.close()
    return found


def test_starts_serves_and_stops_cleanly(tmp_path):
    who = ("--user", "Сверка", "--password", "ключ", "--file", str(tmp_path / "books.db"))
    process, line = start(*who)
    try:
        assert "user=Сверка password=ключ" in line
        path = "/base/odata/standard.odata/Catalog_%D0%9A%D0%BE%D0%BD%D1%82%D1%80%D0%B0%D0%B3%D0%B5%D0%BD%D1%82%D1%8B"
        status, _ = ask(line, "POST", path, '{"Description":"Помни меня"}'.encode())
        assert status == 201
    finally:
        assert stop(process) == 0
    process, line = start(*who)
    try:
        assert "Помни меня".encode() in ask(line, "GET", path)[1]
    finally:
        assert stop(process, signal.SIGINT) == 0


def test_no_auth_and_a_taken_port(capsys):
    process, line = start("--no-auth")
    try:
        port = re.search(r"127\.0\.0\.1:(\d+)", line)[1]  # type: ignore[index]
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=15)
        connection.request("GET", "/base/odata/standard.odata/")
        assert connection.getresponse().status == 200
        connection.close()
        assert main(["--port", port, "--documents", "10"]) == 2
        assert port in capsys.readouterr().err
    finally:
        assert stop(process) == 0
