"""Crash points: the lines between a call and a commit at which a process can be made to die.

Random kills rarely hit the milliseconds that matter. Nothing in the portal knows of this: around
every call to the outside and around every outermost commit, the process looks into a directory and
ends itself with SIGKILL when it finds its own place there. Each place it passes leaves its name, so
that the list of points is the code's own.
"""

import contextlib
import functools
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2
from celery.schedules import schedule
from celery.signals import beat_init
from django.apps import AppConfig
from django.db import transaction

OURS = ("payments", "support", "portal")
DIRECTORY = "CHAOS_POINTS"
# In it: the names of the points passed, and of those to die at.
SEEN, ORDERS = "seen", "orders"
# What the portal does once a minute is passed too rarely.
_SELDOM = ("close-settlements", "reconcile-days", "send-billing-notices")
_OFTEN_SECONDS = 5
# Steps nobody can be led to, so that a run may be whole without a death there, and why.
UNPREDICTABLE = {
    "identifying._record_stray": "a payment has to end while the operator is asked to reserve for"
    " it, within milliseconds; tests/payments/test_strays.py holds what it leaves behind",
    "starting_rules.write": "only the very first migration writes, before anybody pays;"
    " it fills each table by one statement, and the next one fills what is still empty",
}
# Who speaks for somebody else: the name of a point is the step that wanted the call.
_MOUTHPIECES = ("payments.carriers", "payments.banks", "payments.messengers")


class Points(AppConfig):
    """Puts the points into a process that is told where to look."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        if directory := os.environ.get(DIRECTORY):
            install(Path(directory))


def is_due(name: str) -> bool:
    """Whether a run that is long enough has to come past this point."""
    return name.partition(":")[0] not in UNPREDICTABLE


def install(directory: Path) -> None:
    """Wrap calls and commits of this process."""
    seen, orders = directory / SEEN, directory / ORDERS
    for place in (seen, orders):
        place.mkdir(parents=True, exist_ok=True)

    def reach(name: str) -> None:
        with contextlib.suppress(OSError):
            (seen / name).touch()
        # Whoever removes the order carries it out, so that one order is one crash.
        with contextlib.suppress(FileNotFoundError):
            (orders / name).unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    _around_calls(reach)
    _around_commits(reach)
    beat_init.connect(_hurry)


def _hurry(sender: Any, **_: Any) -> None:
    for name in _SELDOM:
        sender.scheduler.schedule[name].schedule = schedule(_OFTEN_SECONDS)


def _around_calls(reach: Any) -> None:
    send = httpx2.Client.send

    @functools.wraps(send)
    def watched(client: httpx2.Client, request: httpx2.Request, **options: Any) -> httpx2.Response:
        step = _step(sys._getframe(1))
        reach(f"{step}:before-call")
        response = send(client, request, **options)
        reach(f"{step}:after-call")
        return response

    httpx2.Client.send = watched  # type: ignore[method-assign]


def _around_commits(reach: Any) -> None:
    leave = transaction.Atomic.__exit__

    @functools.wraps(leave)
    def watched(atomic: transaction.Atomic, kind: Any, value: Any, trace: Any) -> None:
        connection = transaction.get_connection(atomic.using)
        is_outermost = len(connection.atomic_blocks) == 1 and kind is None
        step = _step(sys._getframe(1)) if is_outermost else ""
        if step:
            reach(f"{step}:before-commit")
        leave(atomic, kind, value, trace)
        if step:
            reach(f"{step}:after-commit")

    transaction.Atomic.__exit__ = watched  # type: ignore[method-assign]


def _step(frame: FrameType | None) -> str:
    """`confirming.confirm` for whoever asked; empty when it was none of us."""
    while frame is not None:
        # A decorated function has returned by now; its wrapper still knows it.
        wrapped = frame.f_locals.get("func") if frame.f_code.co_name == "inner" else None
        module = getattr(wrapped, "__module__", None) or frame.f_globals.get("__name__", "")
        name = getattr(wrapped, "__name__", None) or frame.f_code.co_name
        is_ours = module.startswith(OURS) and not module.startswith(_MOUTHPIECES)
        if is_ours and name not in {"inner", "<module>"}:
            return f"{module.rpartition('.')[2]}.{name}"
        frame = frame.f_back
    return ""
