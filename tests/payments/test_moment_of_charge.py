"""What must hold at the moment of the charge: the amount and the time."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import checkout
from payments.carriers.base import PaymentStatus
from payments.carriers.camara import Camara
from payments.models import CarrierCall, LedgerTransaction, Message, Payment
from payments.states import PaymentState
from payments.tasks import notify_paid
from tests import factories
from tests.payments.test_checkout import open_link

pytestmark = pytest.mark.django_db(transaction=True)


def look(payment: Payment, *, in_seconds: int = 0) -> str:
    """Let the resolver look now, or as if it were later; returns the state."""
    now = timezone.now() + timedelta(seconds=in_seconds)
    Payment.objects.filter(pk=payment.pk, check_at__isnull=False).update(check_at=now)
    checkout.resolve_due(now=now)
    payment.refresh_from_db()
    return payment.state


@pytest.mark.parametrize("charged_won", [1, 2_199, 2_201, 22_000])
def test_another_amount_than_agreed_is_never_paid_and_goes_to_a_person(
    operator: Any, monkeypatch: pytest.MonkeyPatch, charged_won: int
) -> None:
    payment = factories.awaiting("0000")
    retrieve = Camara.retrieve

    def other_amount(self: Camara, carrier_payment_id: str) -> PaymentStatus:
        return replace(retrieve(self, carrier_payment_id), amount_won=charged_won)

    monkeypatch.setattr(Camara, "retrieve", other_amount)
    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    payment.refresh_from_db()
    assert payment.state == PaymentState.UNKNOWN
    assert look(payment) == PaymentState.REVIEW
    assert not LedgerTransaction.objects.filter(payment=payment).exists()


def test_the_right_code_after_the_end_of_the_window_charges_nothing(operator: Any) -> None:
    payment = factories.awaiting("0000")
    code = factories.texted_code(operator.base_url, "0000")

    with pytest.raises(checkout.WindowClosed):
        checkout.confirm_with_code(payment.pk, code, now=payment.expires_at)

    assert not CarrierCall.objects.filter(payment=payment, kind="VALIDATE").exists()
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []


def test_a_link_used_in_time_but_seen_after_the_end_is_given_back(operator: Any) -> None:
    payment = factories.awaiting("0000")
    open_link(operator.base_url, "0000")
    Payment.objects.filter(pk=payment.pk).update(expires_at=timezone.now())

    assert look(payment, in_seconds=1) == PaymentState.EXPIRED

    assert CarrierCall.objects.get(payment=payment, kind="REVERSE").state == "OK"
    assert not CarrierCall.objects.filter(payment=payment, kind="CONFIRM").exists()
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []


def test_a_receipt_is_written_once_however_often_it_is_announced(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")

    for _ in range(3):
        notify_paid(subject_id=payment.pk)

    assert Message.objects.filter(kind="paid", payment=payment, channel="SMS").count() == 1
