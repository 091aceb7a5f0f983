"""Whether worker and clock still do anything: a process can be there and take no task again.

The worker writes a row every few seconds, when the clock asks it to; `/readyz` says how old that
row is. Nobody hears of it in time otherwise: a process that hangs does not end.
"""

import json
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import IO, Any

# How often the question is asked, and how long an answer may take.
LOOK_SECONDS = 10.0
_ANSWER_SECONDS = 2


class Silence:
    """Asks a portal how long its worker has been silent."""

    def __init__(self, portal: str, *, most_seconds: float) -> None:
        """`portal`: base of its addresses; `most_seconds`: longer silence is too long."""
        self._address = f"{portal}/readyz"
        self._most_seconds = most_seconds
        self._looked_at = time.monotonic()

    def is_too_long(self) -> bool:
        """Whether to start the worker again; False when it is too early to ask, or not known.

        Not known is it while the web server, PostgreSQL or Valkey do not answer: without them the
        best worker is silent.
        """
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = time.monotonic()
        checks = self._ask()
        if not all(checks.get(name, {}).get("ok") for name in ("database", "redis")):
            return False
        return bool(checks.get("worker", {}).get("age_seconds", 0) > self._most_seconds)

    def begin_anew(self) -> None:
        """What was just started is given as much time before it is asked for again."""
        self._looked_at = time.monotonic() + self._most_seconds

    def _ask(self) -> dict[str, Any]:
        try:
            with _open(self._address) as answer:
                return dict(json.load(answer)["checks"])
        except (OSError, HTTPException, ValueError, KeyError, TypeError):
            return {}


def _open(address: str) -> IO[bytes]:
    answer: IO[bytes]
    try:
        answer = urllib.request.urlopen(address, timeout=_ANSWER_SECONDS)  # noqa: S310 (our own)
    # "Not ready" is an answer as well.
    except urllib.error.HTTPError as not_ready:
        answer = not_ready
    return answer
