"""The notice with the bill: the four items again, once for a payment and month."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from payments import billing
from payments.calendar import SEOUL
from payments.models import BillingNotice, Message, Payment
from tests.portal import histories

pytestmark = pytest.mark.django_db

PAID = datetime(2026, 11, 23, 14, 5, tzinfo=SEOUL)
MORNING = datetime(2026, 12, 1, 9, tzinfo=SEOUL)


def sale(**fields: Any) -> Payment:
    payment = histories.sale(histories.shop(f"shop{Payment.objects.count()}"), at=PAID, **fields)
    payment.set_line(
        carrier="SKT", phone="+821090000000", birthdate=date(1990, 1, 31), email="a@mail.test"
    )
    payment.save()
    return payment


def texts() -> list[str]:
    return [message.text for message in Message.objects.filter(channel="SMS", kind="billing")]


def test_the_notice_names_the_four_items_and_no_address() -> None:
    payment = sale()

    assert billing.notify_due(now=MORNING) == 1

    (text,) = texts()
    for item in (
        "2026. 11. 23. 14:05",
        payment.merchant.name,
        payment.merchant.phone,
        "2,200원",
        payment.item_name,
        "이의신청",
        "11월",
    ):
        assert item in text
    assert "http" not in text
    assert Message.objects.filter(channel="EMAIL", kind="billing").count() == 1


def test_it_is_written_once_however_often_it_is_looked_for() -> None:
    sale()

    for hours in (0, 1, 24, 24 * 40):
        billing.notify_due(now=MORNING + timedelta(hours=hours))

    assert len(texts()) == 1


def test_it_names_what_is_left_on_the_bill() -> None:
    payment = sale(amount_won=10_000)
    payment.refunds.create(
        merchant=payment.merchant,
        amount_won=4_000,
        route="CARRIER",
        state="SUCCEEDED",
        requested_by="agent",
        requested_at=PAID,
    )
    billing.notify_due(now=MORNING)

    assert "6,000원" in texts()[0]


def test_a_payment_that_left_the_bill_is_not_told_of() -> None:
    gone, sent_back = sale(), sale()
    histories.refund(gone, at=PAID)
    histories.refund(sent_back, at=PAID, route="BANK")

    billing.notify_due(now=MORNING)

    assert [notice.billed_won for notice in BillingNotice.objects.order_by("pk")] == [0, 2_200]
    assert len(texts()) == 1


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 30, 19, tzinfo=SEOUL),
        datetime(2026, 12, 1, 8, 59, tzinfo=SEOUL),
        datetime(2026, 12, 1, 20, tzinfo=SEOUL),
        datetime(2026, 12, 11, 10, tzinfo=SEOUL),
        datetime(2027, 1, 1, 10, tzinfo=SEOUL),
    ],
)
def test_it_is_sent_by_day_in_the_first_days_of_the_month_after(moment: datetime) -> None:
    sale()

    assert billing.notify_due(now=moment) == 0
