"""Is the process alive, and can the whole thing do its work?"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx2
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Min
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from payments.models import Message, OutboxEvent
from portal.models import WorkerHeartbeat

REACH_SECONDS = 1.0
HEARTBEAT_MAX = timedelta(seconds=30)
UNDELIVERED_MAX = timedelta(seconds=120)


class NotReady(Exception):
    """A part does not do its work; the text says how, `facts` what a program may want to know."""

    def __init__(self, problem: str, **facts: object) -> None:
        super().__init__(problem)
        self.facts = facts


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part by name, 503 when one of them fails."""
    results = {name: _result(check) for name, check in _CHECKS.items()}
    is_ready = all(result["ok"] for result in results.values())
    return JsonResponse(
        {"status": "ready" if is_ready else "not ready", "checks": results},
        status=200 if is_ready else 503,
    )


def _result(check: Callable[[], Mapping[str, object]]) -> dict[str, Any]:
    try:
        return {"ok": True, **check()}
    except NotReady as problem:
        return {"ok": False, "problem": str(problem), **problem.facts}
    # The names of errors only: their texts hold addresses and users.
    except (DatabaseError, redis.RedisError, httpx2.HTTPError, OSError) as problem:
        return {"ok": False, "problem": type(problem).__name__}


def _database() -> Mapping[str, object]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {}


def _redis() -> Mapping[str, object]:
    # Celery and redis-py spell an address of a socket differently.
    url = settings.REDIS_URL.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")
    client = redis.Redis.from_url(
        url, socket_timeout=REACH_SECONDS, socket_connect_timeout=REACH_SECONDS
    )
    try:
        client.ping()
    finally:
        client.close()
    return {}


def _worker() -> Mapping[str, object]:
    seen_at = WorkerHeartbeat.objects.values_list("seen_at", flat=True).first()
    if seen_at is None:
        raise NotReady("no worker has been seen yet")
    age = timezone.now() - seen_at
    facts = {"age_seconds": round(age.total_seconds(), 1)}
    if age > HEARTBEAT_MAX:
        raise NotReady(f"last seen {age.total_seconds():.0f} s ago", **facts)
    return facts


def _deliveries() -> Mapping[str, object]:
    # By the time they were due, so that a row waiting for its next try is not late.
    waiting = {"done_at__isnull": True, "dead_at__isnull": True}
    rows = [
        model.objects.filter(**waiting).aggregate(oldest=Min("due_at"))["oldest"]
        for model in (OutboxEvent, Message)
    ]
    oldest = min((row for row in rows if row is not None), default=None)
    late = max(timedelta(0), timezone.now() - oldest) if oldest else timedelta(0)
    if late > UNDELIVERED_MAX:
        raise NotReady(f"the oldest undelivered row is {late.total_seconds():.0f} s late")
    return {"late_seconds": round(late.total_seconds(), 1)}


def _operator() -> Mapping[str, object]:
    # A real operator has no such address; its state shows in its own calls.
    if not settings.SANDBOX:
        return {"skipped": "asked in sandbox mode only"}
    answer = httpx2.get(
        f"{settings.CARRIER_API_URL}/healthz", timeout=REACH_SECONDS, trust_env=False
    )
    if not answer.is_success:
        raise NotReady(f"answered {answer.status_code}")
    return {}


_CHECKS: dict[str, Callable[[], Mapping[str, object]]] = {
    "database": _database,
    "redis": _redis,
    "worker": _worker,
    "deliveries": _deliveries,
    "operator": _operator,
}
