"""Announcements belong to a transaction; a message keeps its id however often it is tried."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import notifications, outbox
from payments.messengers import gateway
from payments.models import Message, OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_announced_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        outbox.record("payment.paid", subject_id=1, at=timezone.now())

    assert not OutboxEvent.objects.exists()


def test_a_message_is_tried_again_under_the_same_id(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def deaf(*, message_id: str, **_: Any) -> str:
        seen.append(message_id)
        raise gateway.NotAccepted("no answer")

    monkeypatch.setattr(gateway, "send", deaf)
    now = timezone.now()
    notifications.start_verification(phone="+821090000000", now=now)

    for hours in range(3):
        notifications.send_due(now=now + timedelta(hours=hours))

    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert Message.objects.get().done_at is None
