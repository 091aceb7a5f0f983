"""One job for each Korean day: fetch the file, read it, compare it."""

import hashlib
import logging
from datetime import date, datetime, time, timedelta

from payments.calendar import SEOUL
from payments.carriers import files
from payments.carriers.base import Unreachable
from payments.models import Reconciliation, claims
from payments.reconcile.comparing import compare

READY_AT = time(0, 30)
WAITS_SECONDS = (60, 300, 900, 1800, 3600, 3600, 7200, 7200, 14400, 14400)
_LONGEST_GAP = timedelta(days=31)
_log = logging.getLogger(__name__)


def reconcile_due(*, now: datetime) -> int:
    """Compare the file of every day that is over and not compared; returns how many were."""
    _write_missing_days(now)
    waiting = Reconciliation.objects.filter(done_at__isnull=True, dead_at__isnull=True)
    jobs = claims.claim_due(waiting, now=now, batch=1)
    return sum(_carry_out(job, now=now) for job in jobs)


def _write_missing_days(now: datetime) -> None:
    yesterday = now.astimezone(SEOUL).date() - timedelta(days=1)
    latest = Reconciliation.objects.order_by("-day").values_list("day", flat=True).first()
    day = max(latest + timedelta(days=1), yesterday - _LONGEST_GAP) if latest else yesterday
    missing: list[date] = []
    while day <= yesterday:
        missing.append(day)
        day += timedelta(days=1)
    Reconciliation.objects.bulk_create(
        (Reconciliation(day=day, due_at=_due(day)) for day in missing), ignore_conflicts=True
    )


def _due(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), READY_AT, tzinfo=SEOUL)


def _carry_out(job: Reconciliation, *, now: datetime) -> bool:
    try:
        content = files.fetch(job.day)
        lines = files.read(content)
    except (Unreachable, files.UnreadableFile) as problem:
        _log.warning("the operators' file of %s: %s", job.day, problem)
        text = f"{type(problem).__name__}: {problem}"[:200]
        Reconciliation.objects.filter(pk=job.pk).update(problem=text)
        claims.put_back(job, waits_seconds=WAITS_SECONDS, now=now)
        return False
    compare(job.pk, lines, digest=hashlib.sha256(content).hexdigest(), now=now)
    return True
