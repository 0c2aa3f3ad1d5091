"""The Celery app, its schedule and thin tasks; the embedded runner; health and metrics. The only room that imports celery."""
