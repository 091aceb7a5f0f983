"""A reservation nobody knows of, because its answer got lost, is given back however it ends."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.utils import timezone

from payments import checkout
from payments.checkout.rows import CALL_GRACE
from payments.models import Payment
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
AFTER_THE_CALLS = CALL_GRACE + timedelta(seconds=1)


def submitted_twice(operator: Any, last4: str) -> Payment:
    """The operator reserved and its answer got lost; the shopper sent the form once more."""
    httpx2.post(
        f"{operator.base_url}/control/faults",
        headers={"Authorization": f"Bearer {operator.token}"},
        json={"operation": "prepare", "mode": "error_after", "times": 1},
    ).raise_for_status()
    payment = factories.opened()
    line = factories.applicant(last4)
    with pytest.raises(checkout.CarrierSilent):
        checkout.submit(payment.pk, line, now=timezone.now())
    checkout.submit(payment.pk, line, now=timezone.now())
    return payment


def prepared(payment: Payment) -> list[str]:
    """What is known of each reservation that was asked for."""
    return [
        f"{call.state} {call.answer}".strip()
        for call in payment.calls.filter(kind="PREPARE").order_by("pk")
    ]


def test_a_stray_reservation_is_given_back_after_the_payment_was_made(operator: Any) -> None:
    payment = submitted_twice(operator, "3301")
    code = factories.texted_code(operator.base_url, "3301")

    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    checkout.resolve_due(now=timezone.now() + AFTER_THE_CALLS)

    payment.refresh_from_db()
    assert (payment.state, payment.check_at) == ("PAID", None)
    assert prepared(payment) == ["RESOLVED released", "OK"]


def test_a_stray_reservation_is_given_back_after_the_shopper_left(operator: Any) -> None:
    payment = submitted_twice(operator, "3302")
    checkout.change_line(payment.pk, now=timezone.now())

    checkout.leave(payment.pk, now=timezone.now())
    checkout.resolve_due(now=timezone.now() + AFTER_THE_CALLS)

    payment.refresh_from_db()
    assert (payment.state, payment.check_at) == ("CANCELED", None)
    assert prepared(payment) == ["RESOLVED released", "OK"]


def test_a_payment_that_leaves_nothing_behind_is_not_looked_at_again(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "3303")

    assert payment.check_at is None
