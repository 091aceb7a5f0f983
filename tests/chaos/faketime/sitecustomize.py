"""Loaded by every Python under libfaketime: a sleep that needs no clock.

Python sleeps until a moment of the monotonic clock. libfaketime 0.9 moves that moment by the
distance of the other clock even when told to leave this one alone, and the sleep fails.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


time.sleep = _sleep
