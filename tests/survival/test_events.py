"""An operator's event is a bell: forged, stale or replayed, it moves no money."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments import checkout, encryption
from payments.models import CarrierCall, InboundEvent, Payment
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
COMPLETED = "org.camaraproject.carrier-billing.v0.payment-completed"


def ring(payment: Payment, token: str | None, event_id: str = "") -> int:
    """Say that this payment was charged, which is not true; returns the status."""
    body = {
        "id": event_id or str(uuid.uuid4()),
        "source": "https://operator.test",
        "type": COMPLETED,
        "specversion": "1.0",
        "data": {"paymentId": payment.carrier_payment_id, "status": "succeeded"},
    }
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    answer = Client().post(
        "/carrier/events/", body, content_type="application/cloudevents+json", headers=headers
    )
    return answer.status_code


def token_of(payment: Payment) -> str:
    """The bearer token the operator was given with this reservation."""
    call = CarrierCall.objects.get(payment=payment, kind=CarrierCall.Kind.PREPARE)
    return encryption.event_token(call.order_ref)


def row(payment: Payment) -> dict[str, Any]:
    """Every column."""
    return dict(Payment.objects.filter(pk=payment.pk).values().get())


def test_an_event_without_the_right_token_changes_nothing(operator: Any) -> None:
    payment, other = factories.awaiting("0000"), factories.awaiting("0002")
    before = row(payment)

    assert ring(payment, None) == 401
    assert ring(payment, "") == 401
    assert ring(payment, "forged-인증") == 401
    assert ring(payment, token_of(other)) == 401

    assert row(payment) == before
    assert not InboundEvent.objects.exists()


def test_a_replayed_event_rings_once(operator: Any) -> None:
    payment = factories.awaiting("0000")
    event_id = str(uuid.uuid4())

    assert ring(payment, token_of(payment), event_id) == 204
    assert row(payment)["check_at"] <= timezone.now()
    Payment.objects.filter(pk=payment.pk).update(check_at=timezone.now() + timedelta(hours=1))
    before = row(payment)
    assert ring(payment, token_of(payment), event_id) == 204

    assert row(payment) == before
    assert InboundEvent.objects.count() == 1


def test_an_authentic_event_is_not_believed_but_looked_up(operator: Any) -> None:
    payment = factories.awaiting("0000")

    assert ring(payment, token_of(payment)) == 204
    checkout.resolve_due(now=timezone.now())

    assert row(payment)["state"] == "AWAITING_CONFIRMATION"
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []
