"""When a refund may not be made, or not by this route."""

from datetime import timedelta
from typing import Any

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
