"""Ways to the crash points that a crowd rarely comes past: what makes somebody go there.

All of it happens in every portal sooner or later, but not within minutes.
"""

import contextlib
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2

from tests.stack import Stack
from tests.survival import witness

if TYPE_CHECKING:
    from subprocess import Popen

# Passed once a day, at the first look after midnight: to be ordered before.
ONCE_A_DAY = (
    "fetching._write_missing_days:before-commit",
    "fetching._write_missing_days:after-commit",
)
# Steps of set-up, which every deployment repeats while people pay: the command that takes them.
_SET_UP = {"load_demo.": "load_demo", "roles.": "migrate"}
# Steps of comparing an operator's file with our rows.
_FILES = ("fetching._carry_out", "comparing.")
# Steps that are taken when the operator fails in this way.
_FAILURES = {
    # A refund that failed for good is told of.
    "alerts.note": ("create_refund", "deny"),
    "confirming._record_unanswered": ("validate", "error_500"),
    "confirming._record_unknown": ("confirm", "error_after"),
    "identifying._record_refusal": ("prepare", "deny"),
    "identifying._record_silence": ("prepare", "error_500"),
    "proving._record_silence": ("pin_verify", "error_500"),
    "releasing._try_later": ("cancel", "error_500"),
    "resolving._ask_again": ("retrieve", "error_500"),
    "resolving._look_at_unknown": ("confirm", "error_after"),
    "resolving._settle": ("confirm", "error_after"),
    "resolving._trace": ("prepare", "error_after"),
    "sending._look_up": ("create_refund", "error_after"),
    "sending._record_refusal": ("create_refund", "deny"),
    "sending._record_unknown": ("create_refund", "error_after"),
}
# A way is not shown again before: what few come past must not fail for all of them.
_REST_SECONDS = 20.0


def unseen(seen: Iterable[str]) -> list[str]:
    """Steps that some failure of the operator leads to, and that nobody has taken yet."""
    taken = {name.partition(":")[0] for name in seen}
    return sorted(set(_FAILURES) - taken)


class Guide:
    """Leads somebody to one crash point after the other."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._command: Popen[bytes] | None = None
        # When each way was shown last.
        self._shown: dict[tuple[str, str], float] = {}

    def lead(self, names: Iterable[str]) -> None:
        """Send somebody to one of these points, or steps; to none that everybody comes past."""
        ways = sorted(filter(None, {_way(name) for name in names}))
        rested = time.monotonic() - _REST_SECONDS
        way = min(ways, key=lambda one: self._shown.get(one, 0), default=None)
        if way is None or self._shown.get(way, 0) > rested:
            return
        self._shown[way] = time.monotonic()
        what, detail = way
        # What is being restarted right now is asked again in a moment.
        with contextlib.suppress(httpx2.HTTPError, OSError):
            if what == "command":
                self._run(detail)
            elif what == "file":
                _ask_for_one_more_day()
            else:
                witness.fault(self._stack, operation=what, mode=detail, times=2)

    def go_home(self) -> None:
        """Wait for what was started."""
        if self._command is not None:
            self._command.wait()

    def _run(self, command: str) -> None:
        if self._command is None or self._command.poll() is not None:
            self._command = self._stack.launch(command)


def _way(name: str) -> tuple[str, str] | None:
    step = name.partition(":")[0]
    for prefix, command in _SET_UP.items():
        if step.startswith(prefix):
            return "command", command
    return ("file", "") if step.startswith(_FILES) else _FAILURES.get(step)


def _ask_for_one_more_day() -> None:
    """An older day's file is wanted, as after a day without a worker."""
    from django.db import DatabaseError, InterfaceError, connection
    from django.utils import timezone

    from payments.models import Reconciliation

    # A connection of its own each time: the storm ends every one that is left open.
    with contextlib.closing(connection), contextlib.suppress(DatabaseError, InterfaceError):
        oldest = Reconciliation.objects.order_by("day").first()
        if oldest is not None and oldest.done_at is not None:
            day = oldest.day - timedelta(days=1)
            Reconciliation.objects.create(day=day, due_at=timezone.now())
