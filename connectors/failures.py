"""What can go wrong on the wire below the level of an answer, named by whether the request can have arrived."""

from __future__ import annotations


class HttpFailure(Exception):
    """No whole answer came. `sent` is false only when the request certainly never reached the other side."""

    sent = True
    again = False
    """Whether asking once more within seconds may help (a time-out is not: 1C goes on computing, 1c-odata.md §3.3)."""


class NotSent(HttpFailure):
    """The connection could not be made: name, network, refused."""

    sent = False
    again = True


class TlsFailure(HttpFailure):
    """The other side's certificate is not trusted, or TLS could not be agreed on."""

    sent = False


class NoAnswer(HttpFailure):
    """The connection broke after sending and before the answer."""

    again = True


class TimedOut(HttpFailure):
    """The answer did not come, or not wholly, in the time allowed."""


class CutAnswer(HttpFailure):
    """The answer broke off: shorter than announced, closed in the middle, or not decompressible."""

    again = True


class TooLarge(HttpFailure):
    """The answer is larger than the limit; the rest was not read."""
