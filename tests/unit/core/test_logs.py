"""With `[log] format = "json"` every line is JSON: of ours, of libraries, warnings, and what nobody has caught."""

import json
import subprocess
import sys

SAYS = """
import logging, threading, warnings
import structlog
from core.logs import configure_logging, log_uncaught
from core.secrets import remember
remember("canary-7Q-secret")
configure_logging("info", "json")
log_uncaught()
structlog.get_logger().info("ours", connection="accounting")
try:
    raise ValueError("canary-7Q-secret")
except ValueError:
    logging.getLogger("celery.app.trace").exception("Task %s raised", "x")
warnings.warn("old", UserWarning)
thread = threading.Thread(target=lambda: 1 / 0, name="broken")
thread.start()
thread.join()
raise RuntimeError("nobody caught this")
"""


def test_every_line_is_json() -> None:
    done = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    said = [(line["event"].split(":")[-1].strip()[:16], line["level"], line.get("logger")) for line in lines]
    assert said[:2] == [("ours", "info", None), ("Task x raised", "error", "celery.app.trace")]
    assert [line[1:] for line in said[2:]] == [("warning", "py.warnings"), ("error", None), ("error", None)]
    assert "ValueError" in lines[1]["exception"] and "canary" not in done.stderr
    assert (lines[3]["event"], lines[3]["thread"]) == ("thread.uncaught", "broken")
    assert lines[4]["event"] == "process.uncaught" and "nobody caught this" in lines[4]["exception"]
    assert done.returncode == 1
