"""move_to() asks the table, writes history, and is the only way."""

import pytest
from django.utils import timezone

from payments.models import Payment, PaymentEvent, Refund
from payments.states import IllegalMove, PaymentState, RefundState
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_move_writes_the_state_and_one_line_of_history() -> None:
    payment = factories.opened()
    now = timezone.now()

    payment.move_to(PaymentState.DECLINED, at=now, by="carrier", reason="UNPAID_BILL")

    payment.refresh_from_db()
    written = PaymentEvent.objects.get(payment=payment)
    assert payment.state == "DECLINED"
    assert (written.from_state, written.to_state, written.event, written.actor) == (
        "CREATED",
        "DECLINED",
        "payment.declined",
        "carrier",
    )
    assert (written.reason, written.occurred_at) == ("UNPAID_BILL", now)


def test_a_payment_refuses_a_move_the_table_does_not_have() -> None:
    payment = factories.opened()

    with pytest.raises(IllegalMove):
        payment.move_to(PaymentState.PAID, at=timezone.now(), by="test")

    assert payment.state == "CREATED"
    assert Payment.objects.get(pk=payment.pk).state == "CREATED"
    assert not PaymentEvent.objects.exists()


def test_a_refund_refuses_a_move_the_table_does_not_have() -> None:
    payment, now = factories.opened(), timezone.now()
    refund = Refund.objects.create(
        payment=payment,
        merchant=payment.merchant,
        amount_won=2_200,
        route="CARRIER",
        requested_at=now,
        expected_on=now.date(),
    )

    with pytest.raises(IllegalMove):
        refund.move_to(RefundState.UNKNOWN, at=now, by="test")

    assert Refund.objects.get(pk=refund.pk).state == "REQUESTED"
