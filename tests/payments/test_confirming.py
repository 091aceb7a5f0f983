"""One intent stands for the check of the code and the charge (docs/decisions/0004)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import checkout
from payments.carriers.camara import Camara
from payments.models import CarrierCall, Payment
from payments.states import PaymentState
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def during(monkeypatch: pytest.MonkeyPatch, verb: str, step: Callable[[], object]) -> None:
    """Do something while a call to the operator is under way, just before its answer."""
    call = getattr(Camara, verb)

    def slow(*arguments: Any) -> Any:
        answer = call(*arguments)
        step()
        return answer

    monkeypatch.setattr(Camara, verb, slow)


def state_of(payment: Payment) -> str:
    return str(Payment.objects.get(pk=payment.pk).state)


def test_a_payment_is_confirming_from_the_moment_the_code_leaves_us(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.awaiting("0000")
    seen: list[Any] = []

    def look() -> None:
        calls = CarrierCall.objects.filter(payment=payment, kind__in=["VALIDATE", "CONFIRM"])
        seen.append((state_of(payment), sorted(calls.values_list("kind", "state"))))

    during(monkeypatch, "validate", look)
    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    assert seen == [("CONFIRMING", [("CONFIRM", "SENT"), ("VALIDATE", "SENT")])]
    assert state_of(payment) == PaymentState.PAID


def test_a_wrong_code_leads_back_and_the_charge_it_would_have_led_to_is_skipped(
    operator: Any,
) -> None:
    payment = factories.awaiting("0000")
    code = factories.texted_code(operator.base_url, "0000")

    with pytest.raises(checkout.WrongCode):
        checkout.confirm_with_code(payment.pk, factories.wrong(code), now=timezone.now())
    assert state_of(payment) == PaymentState.AWAITING_CONFIRMATION
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    confirms = CarrierCall.objects.filter(payment=payment, kind="CONFIRM").order_by("id")
    assert [call.state for call in confirms] == ["SKIPPED", "OK"]
    assert state_of(payment) == PaymentState.PAID


def test_nobody_leaves_a_payment_whose_code_is_being_checked(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.awaiting("0000")
    refused: list[str] = []

    def leave() -> None:
        for step in (checkout.leave, checkout.resend, checkout.change_line):
            with pytest.raises(checkout.WrongStep) as caught:
                step(payment.pk, now=timezone.now())
            refused.append(caught.value.state)

    during(monkeypatch, "validate", leave)
    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    assert refused == ["CONFIRMING"] * 3
    assert state_of(payment) == PaymentState.PAID


def test_a_charge_is_adopted_once_when_the_resolver_is_faster_than_the_answer(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.awaiting("0000")

    def lose_patience() -> None:
        for minutes in (1, 2):
            checkout.resolve_due(now=timezone.now() + timedelta(minutes=minutes))
        assert state_of(payment) == PaymentState.PAID

    during(monkeypatch, "confirm", lose_patience)
    code = factories.texted_code(operator.base_url, "0000")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    assert state_of(payment) == PaymentState.PAID
    assert payment.postings.count() == 1
    calls = CarrierCall.objects.filter(payment=payment)
    assert not calls.filter(state__in=["SENT", "UNKNOWN"]).exists()
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


def test_a_reservation_nobody_wants_any_more_is_given_back(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = factories.opened()
    during(monkeypatch, "prepare", lambda: checkout.leave(payment.pk, now=timezone.now()))

    with pytest.raises(checkout.WrongStep) as caught:
        checkout.submit(payment.pk, factories.applicant("0000"), now=timezone.now())

    assert caught.value.state == state_of(payment) == PaymentState.CANCELED
    assert CarrierCall.objects.get(payment=payment, kind="REVERSE").state == "OK"
