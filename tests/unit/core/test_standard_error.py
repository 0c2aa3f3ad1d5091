"""Logs go to standard error as it is when something is said, not as it was when logging was set up."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from core.logs import configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level, kept = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = before, level
    structlog.configure(**kept)


def test_a_stream_that_is_closed_meanwhile_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    configure_logging("info")
    first.close()
    monkeypatch.setattr(sys, "stderr", second)
    structlog.get_logger().warning("run.failed")
    logging.getLogger("library").warning("heard")
    assert "run.failed" in second.getvalue()
    assert "heard" in second.getvalue()
