"""When a refund may not be made, or not by this route."""

import time
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.utils import timezone

from payments import calendar, refunds
from payments.models import Refund
from payments.states import RefundState
from tests import factories
from tests.payments.test_refunds import asked, work

pytestmark = pytest.mark.django_db(transaction=True)


def test_nothing_goes_back_for_a_payment_that_was_not_paid() -> None:
    payment = factories.opened()

    with pytest.raises(refunds.UnableToRefund) as caught:
        asked(payment)

    assert caught.value.code == "NOT_PAID"
    assert not Refund.objects.exists()


def test_a_month_that_closes_before_the_refund_is_sent_changes_its_route(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")
    refund = asked(payment)
    assert refund.route == calendar.Route.CARRIER
    assert payment.paid_at is not None

    refunds.send_due(now=calendar.month_end(payment.paid_at) + timedelta(seconds=1))

    refund.refresh_from_db()
    assert (refund.route, refund.state) == (calendar.Route.BANK, RefundState.AWAITING_ACCOUNT)
    assert not refund.calls.exists()
    assert timezone.now() < calendar.month_end(payment.paid_at)


def test_a_refund_keeps_its_name_at_the_operator_however_often_it_is_tried(operator: Any) -> None:
    refund = asked(factories.paid(operator.base_url, "0049"))

    refund = work(refund, times=4)

    assert (refund.state, refund.attempts) == (RefundState.SUCCEEDED, 3)
    assert refund.calls.filter(kind="REFUND").count() == 1


def sent_at_the_last_moment(operator: Any, mode: str) -> tuple[Refund, datetime]:
    """A cancel that left just before the cut-off and whose answer got lost; when it left."""
    payment = factories.paid(operator.base_url, "0000")
    refund = asked(payment)
    httpx2.post(
        f"{operator.base_url}/control/faults",
        headers={"Authorization": f"Bearer {operator.token}"},
        json={"operation": "create_refund", "mode": mode, "times": 1, "seconds": 2},
    ).raise_for_status()
    assert refund.deadline_at is not None
    refunds.send_due(now=refund.deadline_at - timedelta(seconds=1))
    refund.refresh_from_db()
    assert refund.state == RefundState.UNKNOWN
    return refund, refund.calls.get().sent_at


def test_a_cancel_that_arrives_late_is_not_paid_out_as_well(operator: Any) -> None:
    refund, sent_at = sent_at_the_last_moment(operator, "late")

    refunds.send_due(now=sent_at + timedelta(minutes=1))
    refund.refresh_from_db()
    assert (refund.state, refund.route) == (RefundState.UNKNOWN, calendar.Route.CARRIER)

    time.sleep(3)
    refunds.send_due(now=sent_at + timedelta(minutes=10))
    refund.refresh_from_db()
    assert (refund.state, refund.route) == (RefundState.SUCCEEDED, calendar.Route.CARRIER)


def test_a_cancel_that_never_arrived_goes_to_the_bank_and_leaves_no_open_call(
    operator: Any,
) -> None:
    refund, sent_at = sent_at_the_last_moment(operator, "error_500")

    refunds.send_due(now=sent_at + timedelta(minutes=10))

    refund.refresh_from_db()
    call = refund.calls.get()
    assert (refund.state, refund.route) == (RefundState.AWAITING_ACCOUNT, calendar.Route.BANK)
    assert (call.state, call.answer) == ("RESOLVED", "never arrived")
