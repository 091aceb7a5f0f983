"""A move is written with its history and its announcement or not at all, and only from the state
it was read in."""

import pytest
from django.utils import timezone

from payments.models import OutboxEvent, Payment, PaymentEvent
from payments.states import IllegalMove, Overtaken, PaymentState
from tests import factories

pytestmark = pytest.mark.django_db
NOW = timezone.now()


def test_move_to_saves_the_fields_set_before_it_and_one_row_of_history() -> None:
    payment = factories.opened()
    payment.failure_code = "USER_CANCELLED"

    payment.move_to(PaymentState.CANCELED, at=NOW, by="shopper", reason="left")

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


def test_move_to_announces_the_event_of_the_table() -> None:
    payment = factories.opened()

    payment.move_to(PaymentState.CANCELED, at=NOW, by="shopper")

    news = OutboxEvent.objects.get()
    assert (news.kind, news.subject_id) == ("payment.canceled", payment.pk)
    assert (news.created_at, news.due_at, news.done_at) == (NOW, NOW, None)


def test_move_to_announces_nothing_where_the_table_has_no_event() -> None:
    factories.opened().move_to(PaymentState.AWAITING_CONFIRMATION, at=NOW, by="carrier")

    assert not OutboxEvent.objects.exists()


def test_move_to_can_be_told_that_another_announcement_follows() -> None:
    payment = factories.opened()

    payment.move_to(PaymentState.CANCELED, at=NOW, by="shopper", is_announced=False)

    assert payment.events.get().event == "payment.canceled"
    assert not OutboxEvent.objects.exists()


def test_move_to_writes_nothing_when_the_table_has_no_such_move() -> None:
    payment = factories.opened()

    with pytest.raises(IllegalMove):
        payment.move_to(PaymentState.PAID, at=NOW, by="test")

    assert payment.state == Payment.objects.get(pk=payment.pk).state == "CREATED"
    assert not PaymentEvent.objects.exists()
    assert not OutboxEvent.objects.exists()


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
    assert [news.kind for news in OutboxEvent.objects.all()] == ["payment.expired"]
    assert payment.state == "CREATED"
