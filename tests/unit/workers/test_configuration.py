"""What Celery is told."""

from core.settings import Settings
from workers.app import create_celery


def test_work_that_hangs_ends_after_hours() -> None:
    conf = create_celery(Settings()).conf
    assert 4 * 3600 < conf.task_soft_time_limit < conf.task_time_limit < 24 * 3600


def test_the_tick_is_no_message() -> None:
    assert create_celery(Settings()).conf.beat_scheduler == "workers.schedule:TickScheduler"
