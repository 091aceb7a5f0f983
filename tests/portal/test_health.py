"""Health addresses name every part."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import OutboxEvent
from portal import tasks
from portal.models import WorkerHeartbeat

pytestmark = pytest.mark.django_db


def test_healthz_answers_without_asking_anybody(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.usefixtures("operator")
def test_readyz_is_ready_when_every_part_works(client: Client) -> None:
    tasks.heartbeat()
    tasks.heartbeat()

    response = client.get("/readyz")

    assert response.status_code == 200, response.json()
    assert set(response.json()["checks"]) == {
        "database",
        "redis",
        "worker",
        "deliveries",
        "operator",
    }
    assert WorkerHeartbeat.objects.count() == 1


def test_readyz_names_what_does_not_work(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.CARRIER_API_URL = "http://127.0.0.1:1"
    late = timezone.now() - timedelta(minutes=5)
    WorkerHeartbeat.beat(at=late)
    OutboxEvent.objects.create(kind="payment.paid", subject_id=1, created_at=late, due_at=late)

    response = client.get("/readyz")

    assert response.status_code == 503
    checks = response.json()["checks"]
    assert {name for name, check in checks.items() if not check["ok"]} == {
        "redis",
        "worker",
        "deliveries",
        "operator",
    }
