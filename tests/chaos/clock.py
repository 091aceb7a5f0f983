"""A clock for a whole portal that can be set: libfaketime under every one of its processes."""

import os
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

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
        return timezone.now() + self._ahead

    def set(self, at: datetime) -> None:
        """Jump there, all processes at once; forwards only."""
        self._ahead = at - timezone.now()
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{self._ahead.total_seconds():+.3f}")
        draft.replace(self._file)

    def environment(self) -> dict[str, str]:
        """What a process needs to follow this clock. Raises Missing."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            # Timeouts and leases of programs go by the monotonic clock, which never jumps.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def _library() -> Path:
    for place in _PLACES:
        for name in ("libfaketimeMT.so.1", "libfaketime.so.1"):
            for path in sorted(Path("/").glob(f"{place[1:]}/{name}")):
                if os.access(path, os.R_OK):
                    return path
    raise Missing("libfaketime is not installed; on Debian and Ubuntu: apt-get install faketime")
