"""Whether `[alerts]` would work, for `sverka doctor`: looks and logs in, sends nothing."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.base import Finding
from connectors.registry import open_webhook
from core.alerting import EmailSettings, WebhookSettings
from core.errors import SverkaError
from sync.alerts.mail import check_server
from sync.context import App


def examine_alerts(app: App) -> Iterator[Finding]:
    """One finding for each way in which people are told; a notice when there is none. Raises nothing."""
    alerts = app.settings.alerts
    if alerts.email is not None:
        yield _examine_email(alerts.email)
    if alerts.webhook is not None:
        yield _examine_webhook(app, alerts.webhook)
    if not alerts.channels:
        yield Finding("notice", "alerts", "Nobody is told when something is wrong.", "set up [alerts]: docs/alerts.md")


def _examine_email(email: EmailSettings) -> Finding:
    try:
        check_server(email)
    except SverkaError as error:
        return Finding("error", "e-mail", error.message, error.next_step)
    if email.security == "none" and email.user:
        text = f"{email.host} takes our letters, but the password goes there in the clear."
        return Finding("warning", "e-mail", text, 'set alerts.email.security = "starttls" or "tls"')
    return Finding("ok", "e-mail", f"{email.host}:{email.server_port} takes our letters")


def _examine_webhook(app: App, webhook: WebhookSettings) -> Finding:
    try:
        open_webhook(webhook, app.clock).close()
    except SverkaError as error:
        return Finding("error", "webhook", error.message, error.next_step)
    return Finding("ok", "webhook", "its address and secret are at hand; whether it answers: sverka alerts test")
