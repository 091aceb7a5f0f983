"""A clock for a whole portal that can be set: libfaketime under every one of its processes."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

_PLACES = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")


class Missing(Exception):
    """There is no libfaketime; the text says how to get it."""


class Clock:
    """Runs on from where it was last set. The portal's processes read it from a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._ahead = timedelta(0)

    def __call__(self) -> datetime:
        """What the portal's processes believe."""
        return _now() + self._ahead

    def set(self, at: datetime) -> None:
        """Jump there, unless it is later already; every process follows within a second."""
        self._ahead = max(self._ahead, at - _now())
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{self._ahead.total_seconds():+.3f}")
        draft.replace(self._file)

    def environment(self) -> dict[str, str]:
        """What a process needs to follow this clock. Raises Missing."""
        return {
            "LD_PRELOAD": str(_library()),
            "PYTHONPATH": str(Path(__file__).with_name("faketime")),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            # Read once a second: whoever waits for Python's lock would read it all the time.
            "FAKETIME_CACHE_DURATION": "1",
            # Timeouts and leases of programs go by the monotonic clock, which never jumps.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def _library() -> Path:
    for place in _PLACES:
        for path in sorted(Path("/").glob(f"{place[1:]}/libfaketime.so.1")):
            if os.access(path, os.R_OK):
                return path
    raise Missing("libfaketime is not installed; on Debian and Ubuntu: apt-get install faketime")
