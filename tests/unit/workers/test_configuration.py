"""What Celery is told."""

from core.settings import Settings
from workers.app import create_celery


def test_work_that_hangs_ends_after_hours() -> None:
    conf = create_celery(Settings()).conf
    assert 4 * 3600 < conf.task_soft_time_limit < conf.task_time_limit < 24 * 3600


def test_a_broker_that_is_away_for_a_night_or_cuts_a_connection_ends_no_worker() -> None:
    """Celery's own queue for remote control is exclusive: after a cut RabbitMQ refuses it, and the worker gave up."""
    conf = create_celery(Settings.model_validate({"broker": {"url": "amqp://localhost//"}})).conf
    assert conf.broker_connection_max_retries is None
    assert not conf.worker_enable_remote_control


def test_the_tick_is_no_message() -> None:
    assert create_celery(Settings()).conf.beat_scheduler == "workers.schedule:TickScheduler"
