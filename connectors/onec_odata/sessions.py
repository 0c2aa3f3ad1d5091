"""1C's sessions, kept over several requests where the base allows it (1c-odata.md §4.3).

Each session holds a licence. Without reuse every request opens one; a base may ignore our wish altogether, so nothing
here is ever necessary.
"""

from __future__ import annotations

from connectors.http import HttpClient, HttpFailure
from connectors.onec_odata.errors import Verdict

_COOKIE = "ibsession"
_LOST = {400, 404}
_REFUSED = 406


class Session:
    """Asks for a session with the first read (never with a write), keeps its cookie, and ends it."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._asked = False
        self._asking = False

    def headers(self, http: HttpClient, *, read: bool) -> dict[str, str]:
        """What to add to the next request. `IBSession: start` goes with a harmless read only."""
        self._asking = self._enabled and read and not self._asked and http.cookie(_COOKIE) is None
        if not self._asking:
            return {}
        self._asked = True
        return {"IBSession": "start"}

    def was_to_blame(self, http: HttpClient, verdict: Verdict) -> bool:
        """Whether a refusal speaks of our session only: it is dropped, and the next request starts anew.

        406 to a start means that no new session was granted: go on without. 400 or 404 with a cookie means that the
        session is lost, unless OData itself spoke of the question (that a lost session does not is inferred).
        """
        if verdict.status == _REFUSED and self._asking:
            self._asking = False
            return True
        if http.cookie(_COOKIE) is not None and verdict.status in _LOST and not verdict.spoke_of_the_question:
            http.drop_cookies()
            self._asked = False
            return True
        return False

    def finish(self, http: HttpClient, address: str) -> None:
        """Give the licence back. Where that fails, 1C does it itself after `sessionMaxAge`."""
        if http.cookie(_COOKIE) is None:
            return
        try:
            http.send("GET", address, headers={"IBSession": "finish"})
        except HttpFailure:
            return  # nothing is lost: the server ends an idle session by itself
        finally:
            http.drop_cookies()
