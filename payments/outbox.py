"""Announcements: written in the transaction that makes them true, passed on afterwards.

Delivery is at least once. Which tasks follow which event is one table in the portal, handed to
`drain`, so that the money can set the desk in motion without knowing it. Redis may be wiped at any
second: the row is the job, a lease that ran out is picked up again.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.db.models import F, Q

from payments.models import OutboxEvent

LEASE = timedelta(seconds=60)
BATCH = 100
_BACKOFF_SECONDS = (2, 10, 60, 300, 1800, 7200)
_log = logging.getLogger(__name__)


def record(event: str | None, *, subject_id: int, at: datetime) -> None:
    """Write an announcement next to the change it announces; None announces nothing.

    Raises RuntimeError outside a transaction: it would be true without the change, or lost.
    """
    if event is None:
        return
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{event} recorded outside a transaction")
    OutboxEvent.objects.create(kind=event, subject_id=subject_id, created_at=at, due_at=at)


def drain(tasks: Mapping[str, Sequence[str]], *, now: datetime) -> int:
    """Run the tasks of every due announcement; returns how many were worked off.

    Tasks run right here, not through the broker, which may lose what it took (reliability M1).
    They only write rows and are safe to run twice.
    """
    return sum(_pass_on(event, tasks, now=now) for event in _claim(now))


@transaction.atomic(durable=True)
def _claim(now: datetime) -> list[OutboxEvent]:
    # Races with other workers' drains: whoever locks a row first has it.
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=now)
    due = (
        OutboxEvent.objects.select_for_update(skip_locked=True)
        .filter(free, due_at__lte=now, done_at__isnull=True, dead_at__isnull=True)
        .order_by("due_at", "id")
    )
    events = list(due[:BATCH])
    OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        lease_expires_at=now + LEASE, attempts=F("attempts") + 1
    )
    return events


def _pass_on(event: OutboxEvent, tasks: Mapping[str, Sequence[str]], *, now: datetime) -> bool:
    try:
        for name in tasks.get(event.kind, ()):
            current_app.tasks[name](subject_id=event.subject_id)
    except Exception as problem:
        _log.exception("%s of %s failed", event.kind, event.subject_id)
        _put_back(event, type(problem).__name__, now=now)
        return False
    OutboxEvent.objects.filter(pk=event.pk).update(done_at=now, lease_expires_at=None)
    return True


def _put_back(event: OutboxEvent, problem: str, *, now: datetime) -> None:
    tries = event.attempts + 1
    fields: dict[str, object] = {"problem": problem, "lease_expires_at": None}
    if tries > len(_BACKOFF_SECONDS):
        fields["dead_at"] = now
    else:
        fields["due_at"] = now + timedelta(seconds=_BACKOFF_SECONDS[tries - 1])
    OutboxEvent.objects.filter(pk=event.pk).update(**fields)
