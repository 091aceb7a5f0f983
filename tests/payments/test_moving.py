"""A move is written with its history or not at all, and only from the state it was read in."""

import pytest
from django.utils import timezone

from payments.models import Payment, PaymentEvent
from payments.states import IllegalMove, Overtaken, PaymentState
from tests import factories

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def test_move_to_saves_the_fields_set_before_it_and_one_row_of_history() -> None:
    payment = factories.opened()
    payment.failure_code = "USER_CANCELLED"

    event = payment.move_to(PaymentState.CANCELED, at=NOW, by="shopper", reason="left")

    assert event == "payment.canceled"
    row = Payment.objects.get(pk=payment.pk)
    assert (row.state, row.failure_code) == ("CANCELED", "USER_CANCELLED")
    written = row.events.get()
    assert (written.from_state, written.to_state, written.event) == (
        "CREATED",
        "CANCELED",
        "payment.canceled",
    )
    assert (written.actor, written.reason, written.occurred_at) == ("shopper", "left", NOW)
    assert written.recorded_at is not None


def test_move_to_writes_nothing_when_the_table_has_no_such_move() -> None:
    payment = factories.opened()

    with pytest.raises(IllegalMove):
        payment.move_to(PaymentState.PAID, at=NOW, by="test")

    assert payment.state == Payment.objects.get(pk=payment.pk).state == "CREATED"
    assert not PaymentEvent.objects.exists()


def test_move_to_writes_nothing_when_somebody_else_moved_the_row_first() -> None:
    payment = factories.opened()
    same = Payment.objects.get(pk=payment.pk)
    same.move_to(PaymentState.EXPIRED, at=NOW, by="clock")
    payment.failure_code = "USER_CANCELLED"

    with pytest.raises(Overtaken):
        payment.move_to(PaymentState.CANCELED, at=NOW, by="shopper")

    row = Payment.objects.get(pk=payment.pk)
    assert (row.state, row.failure_code) == ("EXPIRED", "")
    assert row.events.count() == 1
    assert payment.state == "CREATED"
