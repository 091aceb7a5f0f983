"""Ends the supervisor's process groups when the supervisor is gone, however it went.

Runs as its own process in its own session. Reads `+group` and `-group` lines from standard input;
the end of the input is the end of the supervisor. Standard library only, so it starts at once.
"""

import contextlib
import os
import signal
import sys
import time

POLITE_SECONDS = 4.0
FORCED_SECONDS = 5.0


def main() -> None:
    """Follow the groups until the input ends, then end them."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line.startswith("+"):
            groups.add(group)
        else:
            groups.discard(group)
    # SIGINT is a fast, clean shutdown for PostgreSQL and an ordinary stop for the others.
    _end(groups, signal.SIGINT, POLITE_SECONDS)
    _end(groups, signal.SIGKILL, FORCED_SECONDS)


def _end(groups: set[int], sig: signal.Signals, seconds: float) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, sig)
    deadline = time.monotonic() + seconds
    while any(_exists(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
