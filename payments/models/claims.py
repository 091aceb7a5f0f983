"""Rows that are jobs: taken by one worker at a time, put back when it did not work (design §3.6).

A job has `due_at`, `lease_expires_at`, `attempts`, and is given up by `dead_at`. A worker that dies
leaves a lease behind that runs out; then the next one takes the row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Expression, F, Q, QuerySet

LEASE = timedelta(seconds=60)
Row = TypeVar("Row", bound=models.Model)


def claim_due(
    jobs: QuerySet[Row],
    *,
    now: datetime,
    batch: int,
    order: Sequence[str | Expression] = ("due_at", "id"),
) -> list[Row]:
    """Take up to `batch` due jobs that nobody works on, the longest due first unless told.

    Each counts one more attempt, in the row and in the objects returned.
    """
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=now)
    rows = claim(
        jobs.filter(free, due_at__lte=now).order_by(*order),
        batch=batch,
        hold={"lease_expires_at": now + LEASE, "attempts": F("attempts") + 1},
    )
    for row in rows:
        job: Any = row
        job.attempts += 1
    return rows


@transaction.atomic(durable=True)
def claim(due: QuerySet[Row], *, batch: int, hold: Mapping[str, object]) -> list[Row]:
    """Take up to `batch` of these rows and write `hold` on them, which keeps others away.

    Races with other workers: whoever locks a row first has it, the others pass it by.
    """
    rows = list(due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:batch])
    if rows:
        due.model.objects.filter(pk__in=[row.pk for row in rows]).update(**hold)  # type: ignore[attr-defined]
    return rows


def done(job: Any, *, now: datetime) -> None:
    """The job is finished for good."""
    job.done_at, job.lease_expires_at = now, None
    job.save(update_fields=["done_at", "lease_expires_at"])


def put_back(job: Any, *, waits_seconds: Sequence[int], now: datetime) -> None:
    """The job did not work: due again after this attempt's wait, dead after the last one."""
    job.lease_expires_at = None
    if job.attempts > len(waits_seconds):
        job.dead_at = now
    else:
        job.due_at = now + timedelta(seconds=waits_seconds[job.attempts - 1])
    job.save(update_fields=["lease_expires_at", "dead_at", "due_at"])
