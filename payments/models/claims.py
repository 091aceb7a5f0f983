"""Rows that are jobs: taken by one worker at a time, put back when it did not work (design §3.6).

A job has `due_at`, `lease_expires_at`, `attempts`, and is given up by `dead_at`. A worker that dies
leaves a lease behind that runs out; then the next one takes the row.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Expression, F, Q, QuerySet

# Longer than any call a job waits for. Whoever dies keeps its job from the others for so long.
LEASE = timedelta(seconds=30)
Row = TypeVar("Row", bound=models.Model)


def claim_due(
    jobs: QuerySet[Row],
    *,
    now: datetime,
    batch: int,
    order: Sequence[str | Expression] = ("due_at", "id"),
) -> Iterator[Row]:
    """Take due jobs that nobody works on, the longest due first unless told, as `claim` does.

    Each counts one more attempt, in the row and in the object.
    """
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lt=now)
    for row in claim(
        jobs.filter(free, due_at__lte=now).order_by(*order),
        now=now,
        batch=batch,
        hold=lambda at: {"lease_expires_at": at + LEASE, "attempts": F("attempts") + 1},
    ):
        job: Any = row
        job.attempts += 1
        yield row


def claim(
    due: QuerySet[Row],
    *,
    now: datetime,
    batch: int,
    hold: Callable[[datetime], Mapping[str, object]],
) -> Iterator[Row]:
    """Take up to `batch` of these rows, one when the one before is done, and write `hold` on each.

    `hold(at)` is what keeps others away from a row taken at that time. Taken all at once, the rows
    would all be kept from the others by a worker that dies over one of them.
    """
    began = time.monotonic()
    for _ in range(batch):
        row = _take_first(due, hold(now + timedelta(seconds=time.monotonic() - began)))
        if row is None:
            return
        yield row


@transaction.atomic(durable=True)
def _take_first(due: QuerySet[Row], hold: Mapping[str, object]) -> Row | None:
    # Races with other workers: whoever locks a row first has it, the others pass it by.
    for row in due.select_for_update(skip_locked=True, of=("self",), no_key=True)[:1]:
        due.model.objects.filter(pk=row.pk).update(**hold)  # type: ignore[attr-defined]
        return row
    return None


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
