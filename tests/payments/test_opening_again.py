"""Once more after a payment that came to nothing: the same order, never a second charge of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import checkout
from payments.models import Payment
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)


def left() -> Payment:
    """A payment its shopper gave up."""
    payment = factories.opened()
    payment.return_url = f"/shop/melody/library/{payment.token}/"
    payment.save(update_fields=["return_url"])
    checkout.leave(payment.pk, now=timezone.now())
    payment.refresh_from_db()
    return payment


def test_the_same_order_gets_a_window_of_its_own_when_the_former_was_given_up() -> None:
    former = left()

    fresh = checkout.open_again(former.pk, now=timezone.now())

    assert fresh.state == PaymentState.CREATED
    assert (fresh.order_no, fresh.amount_won) == (former.order_no, former.amount_won)
    assert fresh.token != former.token
    assert fresh.return_url == f"/shop/melody/library/{fresh.token}/"
    assert fresh.expires_at > former.expires_at


def test_twenty_presses_at_once_open_one_window() -> None:
    former = left()

    outcomes_of(20, lambda: checkout.open_again(former.pk, now=timezone.now()))

    assert Payment.objects.filter(order_no=former.order_no).count() == 2


def test_no_second_window_when_the_order_was_paid_meanwhile(operator: Any) -> None:
    former = left()
    fresh = checkout.open_again(former.pk, now=timezone.now())
    Payment.objects.filter(pk=fresh.pk).update(
        state=PaymentState.PAID, paid_at=timezone.now(), billing_month="2026-11"
    )

    assert checkout.open_again(former.pk, now=timezone.now()).pk == fresh.pk


def test_it_is_refused_when_the_window_is_open_or_the_price_is_old() -> None:
    former = left()

    with pytest.raises(checkout.WrongStep):
        checkout.open_again(factories.opened().pk, now=timezone.now())
    with pytest.raises(checkout.WrongStep):
        checkout.open_again(former.pk, now=former.created_at + timedelta(hours=1))


@pytest.mark.parametrize(("code", "may"), [("UNPAID_BILL", False), ("LIMIT_MONTHLY", True)])
def test_the_page_offers_it_when_another_try_can_help(
    client: Client, code: str, *, may: bool
) -> None:
    former = left()
    Payment.objects.filter(pk=former.pk).update(state=PaymentState.DECLINED, failure_code=code)

    page = client.get(reverse("payments:window", args=[former.token])).content.decode()

    again = reverse("payments:again", args=[former.token])
    assert (again in page) == may
    assert "청구되지 않아요" in page
    former.refresh_from_db()
    assert client.post(again).headers["Location"].endswith(f"/pay/{former.token}/") == (not may)


def test_nothing_is_claimed_when_the_time_is_up_and_nobody_has_asked_yet(operator: Any) -> None:
    payment = factories.awaiting("0000")
    client = Client()
    Payment.objects.filter(pk=payment.pk).update(expires_at=timezone.now(), window_hash="")

    page = client.get(reverse("payments:window", args=[payment.token])).content.decode()

    assert "돈이 빠져나가지 않았어요" not in page
    assert "다시 결제하지 말고 기다려 주세요" in page
