"""The Celery app, its schedule and thin tasks; the embedded runner; health and metrics. Alone imports celery."""
