"""Minutes and hours of waiting stand in tables: no message waits in a worker's memory or in a broker (design §5-1)."""

from __future__ import annotations

import ast
from pathlib import Path

from core.settings import Settings
from workers.app import create_celery

ROOT = Path(__file__).parents[3]
DELAYS = {"countdown", "eta", "retry_backoff", "autoretry_for", "retry_kwargs", "default_retry_delay", "max_retries"}
RETRIES = {"retry", "apply_async_on_commit", "delay_on_commit", "chord", "chain"}


def calls() -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted((ROOT / "workers").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return found


def test_no_task_is_put_off_or_repeated_by_celery() -> None:
    wrong = []
    for place, call in calls():
        named = {word.arg for word in call.keywords if word.arg is not None}
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if named & DELAYS or called in RETRIES:
            wrong.append(f"{place} {called} {sorted(named & DELAYS)}")
    assert wrong == []


def test_messages_are_sent_from_one_place_and_expire() -> None:
    """A wake-up call that nobody took up is worthless after minutes: the next tick sends a new one."""
    sent = [call for _, call in calls() if isinstance(call.func, ast.Attribute) and call.func.attr == "apply_async"]
    assert len(sent) == 1
    assert {word.arg for word in sent[0].keywords} == {"args", "expires"}


def test_the_configuration_repeats_nothing_either() -> None:
    app = create_celery(Settings())
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if name.startswith("sverka.")]
    assert len(ours) == 2
    assert all(not getattr(task, "autoretry_for", ()) for task in ours)
    assert app.conf.task_annotations is None
    assert set(app.conf.beat_schedule) == {"tick"}
