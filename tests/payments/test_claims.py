"""Jobs are taken by one worker at a time and come back when it dies or fails."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from payments.models import OutboxEvent, claims

NOW = timezone.now()


def jobs(count: int) -> QuerySet[OutboxEvent]:
    """So many announcements that are due."""
    OutboxEvent.objects.bulk_create(
        OutboxEvent(kind="none", subject_id=number, created_at=NOW, due_at=NOW)
        for number in range(count)
    )
    return OutboxEvent.objects.filter(done_at__isnull=True, dead_at__isnull=True)


def taken_by_ten(take) -> list[int]:  # type: ignore[no-untyped-def]
    """What ten workers took between them, each row as often as it was taken."""
    barrier = threading.Barrier(10)

    def one(_: int) -> list[int]:
        barrier.wait()
        try:
            return [job.pk for job in take()]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        return [pk for pks in pool.map(one, range(10)) for pk in pks]


@pytest.mark.django_db(transaction=True)
def test_ten_workers_take_each_job_once() -> None:
    waiting = jobs(40)

    taken = taken_by_ten(lambda: claims.claim_due(waiting, now=NOW, batch=8))

    assert sorted(taken) == sorted(set(taken))
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) <= {0, 1}


@pytest.mark.django_db(transaction=True)
def test_the_race_for_jobs_is_seen_when_they_are_read_without_a_lock() -> None:
    """Negative control: with the guard off the same ten take the same rows."""
    waiting = jobs(40)
    barrier = threading.Barrier(10)

    def careless() -> list[OutboxEvent]:
        with transaction.atomic():
            rows = list(waiting.filter(lease_expires_at__isnull=True).order_by("id")[:8])
            barrier.wait()
            waiting.filter(pk__in=[row.pk for row in rows]).update(lease_expires_at=NOW)
        return rows

    taken = taken_by_ten(careless)

    assert len(taken) > len(set(taken))


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_over_a_job_keeps_no_other_from_its_colleagues() -> None:
    waiting = jobs(3)
    died_over = next(claims.claim_due(waiting, now=NOW, batch=8))

    others = claims.claim_due(waiting, now=NOW, batch=8)

    assert {job.pk for job in others} == set(waiting.values_list("pk", flat=True)) - {died_over.pk}


@pytest.mark.django_db(transaction=True)
def test_a_job_is_free_again_when_its_lease_ran_out() -> None:
    waiting = jobs(1)
    assert len(list(claims.claim_due(waiting, now=NOW, batch=8))) == 1

    assert list(claims.claim_due(waiting, now=NOW + claims.LEASE, batch=8)) == []
    again = claims.claim_due(waiting, now=NOW + claims.LEASE + timedelta(seconds=2), batch=8)

    assert [job.attempts for job in again] == [2]


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_waits_longer_each_time_and_then_is_dead() -> None:
    waiting = jobs(1)
    now, waits = NOW, []
    for _ in range(3):
        (job,) = claims.claim_due(waiting, now=now, batch=1)
        claims.put_back(job, waits_seconds=(2, 10), now=now)
        waits.append((job.due_at - now).total_seconds())
        now = max(now, job.due_at)

    assert waits[:2] == [2, 10]
    assert job.dead_at == now
    assert list(claims.claim_due(waiting, now=now + timedelta(days=1), batch=1)) == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_done_is_not_taken_again() -> None:
    waiting = jobs(1)
    (job,) = claims.claim_due(waiting, now=NOW, batch=1)

    claims.done(job, now=NOW)

    assert list(claims.claim_due(waiting, now=NOW + timedelta(hours=1), batch=1)) == []
