"""Handing a letter to the mail server, with time-outs and, unless told otherwise, with TLS."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from core.alerting import EmailSettings
from core.errors import ConfigError, TransientError
from core.secrets import redact


def send_letter(letter: EmailMessage, email: EmailSettings) -> str:
    """Hand it over; returns a remark when some of its recipients were refused.

    Raises:
        TransientError: it was not taken, or nobody knows whether it was: then it is sent again, with the same
            Message-ID. An alert twice is better than none.
        ConfigError: a secret or the file of certificates cannot be had.
    """
    with _server(email) as server:
        refused = server.send_message(letter)
    return f"refused for {', '.join(sorted(refused))}" if refused else ""


def check_server(email: EmailSettings) -> None:
    """Connect, agree on TLS and log in, without sending anything. Raises as `send_letter`."""
    with _server(email) as server:
        server.noop()


@contextmanager
def _server(email: EmailSettings) -> Iterator[smtplib.SMTP]:
    password, context = email.password.reveal(), _context(email)
    try:
        with _connected(email, context) as server:
            server.ehlo_or_helo_if_needed()
            if email.security == "starttls":
                server.starttls(context=context)
            if email.user:
                server.login(email.user, password)
            yield server
    except (smtplib.SMTPException, OSError, UnicodeError) as error:
        raise TransientError(
            f"The mail server {email.host}:{email.server_port} did not take it: {_explain(error)}",
            next_step="look at [alerts.email], then: sverka doctor",
        ) from None


def _connected(email: EmailSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    where, name = (email.host, email.server_port), socket.gethostname()
    if email.security == "tls":
        return smtplib.SMTP_SSL(*where, local_hostname=name, timeout=email.timeout, context=context)
    return smtplib.SMTP(*where, local_hostname=name, timeout=email.timeout)


def _context(email: EmailSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=email.ca_file)
    except OSError as error:
        raise ConfigError(f"The file alerts.email.ca_file cannot be used: {error.strerror}.") from None


def _explain(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        said = "; ".join(f"{name}: {code} {_text(reply)}" for name, (code, reply) in sorted(error.recipients.items()))
        return redact(f"all recipients were refused ({said})")
    if isinstance(error, smtplib.SMTPResponseException):
        return redact(f"{error.smtp_code} {_text(error.smtp_error)}")
    return redact(f"{type(error).__name__} {error}".strip())


def _text(reply: bytes | str) -> str:
    return reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
