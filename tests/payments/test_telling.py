"""Announcements belong to a transaction."""

import pytest
from django.utils import timezone

from payments import outbox
from payments.models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_is_announced_outside_a_transaction() -> None:
    with pytest.raises(RuntimeError):
        outbox.record("payment.paid", subject_id=1, at=timezone.now())

    assert not OutboxEvent.objects.exists()
