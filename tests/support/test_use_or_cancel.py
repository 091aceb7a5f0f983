"""Using what was bought and cancelling it unused cross each other: one of them is first."""

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from payments import checkout
from payments.models import Payment, Refund
from support import self_cancel
from tests.support.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)


def cancel(payment: Payment) -> object:
    return self_cancel.cancel(payment_id=payment.pk, reason="이 달", language="ko", now=NOW)


def while_uncommitted(first: Any, second: Any) -> object:
    """What `second` answers when it begins while `first` has acted and not committed yet."""
    has_acted, may_commit = threading.Event(), threading.Event()

    def act() -> None:
        with transaction.atomic():
            first()
            has_acted.set()
            may_commit.wait(timeout=30)
        connection.close()

    thread = threading.Thread(target=act)
    thread.start()
    assert has_acted.wait(timeout=30)
    # Long enough for `second` to stand at the row.
    threading.Timer(0.5, may_commit.set).start()
    try:
        return second()
    finally:
        thread.join()


def test_what_is_being_cancelled_is_not_used_any_more(payment: Payment) -> None:
    is_used = while_uncommitted(
        lambda: cancel(payment), lambda: checkout.mark_used(payment_id=payment.pk, now=NOW)
    )

    payment.refresh_from_db()
    assert is_used is False
    assert (payment.used_at, Refund.objects.count()) == (None, 1)


def test_what_is_being_used_cannot_be_cancelled_unused(payment: Payment) -> None:
    with pytest.raises(self_cancel.NeedsAgent):
        while_uncommitted(
            lambda: checkout.mark_used(payment_id=payment.pk, now=NOW), lambda: cancel(payment)
        )

    payment.refresh_from_db()
    assert (payment.used_at, Refund.objects.count()) == (NOW, 0)


def test_it_counts_from_the_first_use(payment: Payment) -> None:
    assert checkout.mark_used(payment_id=payment.pk, now=NOW)
    assert checkout.mark_used(payment_id=payment.pk, now=NOW.replace(hour=23))

    payment.refresh_from_db()
    assert payment.used_at == NOW
