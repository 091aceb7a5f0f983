"""Whose line it is and what it may still pay, before anything is reserved."""

from datetime import date
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import checkout, encryption
from payments.models import CarrierCall, Payment
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)


def calls(payment: Payment, kind: str) -> QuerySet[CarrierCall]:
    return CarrierCall.objects.filter(payment=payment, kind=kind)


def test_a_minor_is_declined_before_anything_is_reserved(operator: Any) -> None:
    payment = factories.opened()
    minor = checkout.Applicant(carrier="SKT", phone="+821090000032", birthdate=date(2012, 1, 31))

    with pytest.raises(checkout.Refused, match="UNDER_AGE"):
        checkout.submit(payment.pk, minor, now=timezone.now())

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("DECLINED", "UNDER_AGE")
    assert payment.carrier_payment_id == ""


def test_the_month_of_a_line_is_full_when_our_limit_is_reached(
    operator: Any, settings: Any
) -> None:
    factories.paid(operator.base_url, "3101")
    settings.LINE_MONTH_MAX_WON = 4_399
    second = factories.opened()

    with pytest.raises(checkout.Refused, match="LIMIT_MONTHLY"):
        checkout.submit(second.pk, factories.applicant("3101"), now=timezone.now())

    assert Payment.objects.get(pk=second.pk).state == PaymentState.DECLINED
    settings.LINE_MONTH_MAX_WON = 4_400
    third = factories.opened()
    checkout.submit(third.pk, factories.applicant("3101"), now=timezone.now())


def test_ten_parallel_submits_reserve_and_text_once(operator: Any) -> None:
    payment = factories.opened()
    line = factories.applicant("3102")

    outcomes = outcomes_of(10, lambda: checkout.submit(payment.pk, line, now=timezone.now()))

    payment.refresh_from_db()
    assert outcomes["ok"] == 1
    assert payment.state == PaymentState.AWAITING_CONFIRMATION
    assert calls(payment, "PREPARE").count() == 1


@pytest.mark.parametrize("step", ["window", "code", "resend", "back", "leave"])
def test_another_browser_gets_nowhere_with_somebody_elses_payment(
    operator: Any, client: Client, step: str
) -> None:
    payment = factories.awaiting("3103")
    Payment.objects.filter(pk=payment.pk).update(window_hash=encryption.token_hash("mine"))
    code = factories.texted_code(operator.base_url, "3103")

    answer = client.post(reverse(f"payments:{step}", args=[payment.token]), {"code": code})

    assert answer.status_code == 409
    assert Payment.objects.get(pk=payment.pk).state == PaymentState.AWAITING_CONFIRMATION
    assert not calls(payment, "VALIDATE").exists()
    assert not calls(payment, "REVERSE").exists()
