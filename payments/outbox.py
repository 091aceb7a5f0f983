"""Announcements: written in the transaction that makes them true, passed on afterwards.

Delivery is at least once. Which tasks follow which event is one table in the portal, handed to
`drain`, so that the money can set the desk in motion without knowing it. Redis may be wiped at any
second: the row is the job, a lease that ran out is picked up again.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from celery import current_app
from django.db import transaction

from payments import decisions
from payments.models import Alert, OutboxEvent, claims

BATCH = 100
BACKOFF_SECONDS = (2, 10, 60, 300, 1800, 7200)
_log = logging.getLogger(__name__)


def record(event: str, *, subject_id: int, at: datetime) -> None:
    """Announce a change that is no move: what moves is announced by move_to() itself.

    Raises RuntimeError outside a transaction: it would be true without the change, or lost.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{event} recorded outside a transaction")
    OutboxEvent.objects.create(kind=event, subject_id=subject_id, created_at=at, due_at=at)


class NotDead(Exception):
    """The announcement was passed on, or is on its way."""


@transaction.atomic
def send_again(event_id: int, *, reason: str, by: str, now: datetime) -> OutboxEvent:
    """Begin anew with an announcement that was given up.

    What was done before it broke is done again, which its tasks allow. Raises NotDead and
    decisions.ReasonMissing.
    """
    reason = decisions.required(reason)
    event = OutboxEvent.objects.select_for_update(no_key=True).get(pk=event_id)
    if event.dead_at is None:
        raise NotDead
    event.dead_at = event.lease_expires_at = None
    event.due_at, event.attempts = now, 0
    event.save(update_fields=["dead_at", "lease_expires_at", "due_at", "attempts"])
    Alert.settle(f"event:{event.pk}", resolution=reason, by=by, at=now)
    decisions.record("event.again", subject=f"event:{event.pk}", reason=reason, by=by, at=now)
    return event


def drain(tasks: Mapping[str, Sequence[str]], *, now: datetime) -> int:
    """Run the tasks of every due announcement; returns how many were worked off.

    Tasks run right here, not through the broker, which may lose what it took (reliability M1).
    They only write rows and are safe to run twice.
    """
    waiting = OutboxEvent.objects.filter(done_at__isnull=True, dead_at__isnull=True)
    events = claims.claim_due(waiting, now=now, batch=BATCH)
    return sum(_pass_on(event, tasks, now=now) for event in events)


def _pass_on(event: OutboxEvent, tasks: Mapping[str, Sequence[str]], *, now: datetime) -> bool:
    try:
        for name in tasks.get(event.kind, ()):
            current_app.tasks[name](subject_id=event.subject_id)
    except Exception as problem:
        _log.exception("%s of %s failed", event.kind, event.subject_id)
        OutboxEvent.objects.filter(pk=event.pk).update(problem=type(problem).__name__)
        claims.put_back(event, waits_seconds=BACKOFF_SECONDS, now=now)
        if event.dead_at is not None:
            detail = f"{event.kind} {event.subject_id}"
            Alert.note(Alert.Kind.GIVEN_UP, ref=f"event:{event.pk}", detail=detail, at=now)
        return False
    claims.done(event, now=now)
    return True
