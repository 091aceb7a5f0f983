"""Paying against the sandbox operator over real HTTP, on real PostgreSQL."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import checkout
from payments.models import CarrierCall, CodeChallenge, LedgerEntry, OutboxEvent, Payment
from payments.states import PaymentState
from tests import factories, phones

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes_of(count: int, step: Callable[[], object]) -> Counter[str]:
    """Run a step in `count` threads that start together; what each came back with."""
    barrier = threading.Barrier(count)

    def one(_: int) -> str:
        barrier.wait()
        try:
            step()
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()
        return "ok"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def test_confirm_charges_posts_and_announces_when_the_code_is_right(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")

    assert payment.paid_at is not None
    assert payment.billing_month
    entries = LedgerEntry.objects.filter(transaction__payment=payment)
    assert {entry.account: entry.amount_won for entry in entries} == {
        "CARRIER_RECEIVABLE": 2_200,
        "MERCHANT_PAYABLE": -2_031,
        "FEE_REVENUE": -154,
        "VAT_PAYABLE": -15,
    }
    assert OutboxEvent.objects.filter(kind="payment.paid", subject_id=payment.pk).count() == 1
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


def test_wrong_codes_leave_tries_and_the_fifth_ends_the_payment(operator: Any) -> None:
    payment = factories.awaiting("0000")
    wrong = factories.wrong(factories.texted_code(operator.base_url, "0000"))

    for left in (4, 3, 2, 1):
        with pytest.raises(checkout.WrongCode) as caught:
            checkout.confirm_with_code(payment.pk, wrong, now=timezone.now())
        assert caught.value.tries_left == left
    with pytest.raises(checkout.AttemptsExceeded):
        checkout.confirm_with_code(payment.pk, wrong, now=timezone.now())

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("DECLINED", "CODE_ATTEMPTS_EXCEEDED")
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []


@pytest.mark.parametrize(
    ("last4", "code"),
    [
        ("0013", "LINE_SUSPENDED"),
        ("0016", "UNPAID_BILL"),
        ("0017", "PREPAID_LINE"),
        ("0031", "LIMIT_MONTHLY"),
        ("0035", "NOT_CONSENTED"),
        ("0036", "BLOCKED_BY_OWNER"),
        ("0103", "CARRIER_MAINTENANCE"),
    ],
)
def test_submit_declines_with_our_code_when_the_operator_refuses(
    operator: Any, last4: str, code: str
) -> None:
    payment = factories.opened()

    with pytest.raises(checkout.Refused) as caught:
        checkout.submit(payment.pk, factories.applicant(last4), now=timezone.now())

    payment.refresh_from_db()
    assert caught.value.code == payment.failure_code == code
    assert payment.state == PaymentState.DECLINED


@pytest.mark.parametrize(
    ("last4", "code"), [("0011", "CARRIER_MISMATCH"), ("0012", "BIRTHDATE_MISMATCH")]
)
def test_submit_keeps_the_window_open_when_a_field_can_be_corrected(
    operator: Any, last4: str, code: str
) -> None:
    payment = factories.opened()

    with pytest.raises(checkout.Refused) as caught:
        checkout.submit(payment.pk, factories.applicant(last4), now=timezone.now())

    payment.refresh_from_db()
    assert caught.value.code == code
    assert payment.state == PaymentState.CREATED
    checkout.submit(payment.pk, factories.applicant("0000"), now=timezone.now())


def test_fifty_parallel_confirmations_charge_once(operator: Any) -> None:
    payment = factories.awaiting("0000")
    code = factories.texted_code(operator.base_url, "0000")

    outcomes_of(50, lambda: checkout.confirm_with_code(payment.pk, code, now=timezone.now()))

    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID
    assert payment.challenge.attempts == 1
    assert CarrierCall.objects.filter(payment=payment, kind="CONFIRM").count() == 1
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


def test_a_hundred_parallel_wrong_codes_evaluate_at_most_five(operator: Any) -> None:
    payment = factories.awaiting("0000")
    wrong = factories.wrong(factories.texted_code(operator.base_url, "0000"))

    outcomes_of(100, lambda: checkout.confirm_with_code(payment.pk, wrong, now=timezone.now()))

    assert CarrierCall.objects.filter(payment=payment, kind="VALIDATE").count() <= 5


def test_the_code_race_is_seen_when_the_counter_is_read_before_it_is_written(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: with the guard off the same storm gets more than five guesses through."""
    payment = factories.awaiting("0000")
    barrier = threading.Barrier(20, timeout=5)

    def careless(*, payment_id: int, limit: int, until: object) -> bool:
        row = CodeChallenge.objects.get(payment_id=payment_id)
        barrier.wait()
        return row.attempts < limit

    monkeypatch.setattr(CodeChallenge, "take_attempt", careless)
    taken = []
    outcomes_of(
        20,
        lambda: taken.append(
            CodeChallenge.take_attempt(payment_id=payment.pk, limit=5, until=timezone.now())
        ),
    )

    assert sum(taken) == 20


def test_a_link_confirms_without_a_code_when_the_resolver_looks(operator: Any) -> None:
    payment = factories.awaiting("0000")
    open_link(operator.base_url, "0000")

    Payment.objects.filter(pk=payment.pk).update(check_at=timezone.now())
    checkout.resolve_due(now=timezone.now())

    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID


def open_link(base_url: str, last4: str) -> None:
    """Press the button on the page behind the link in the newest text."""
    import re

    import httpx2

    texts = phones.texts(f"{base_url}/sandbox", last4)
    link = next(m.group() for text in texts if (m := re.search(r"https?://\S+", text)))
    with httpx2.Client(follow_redirects=True) as phone:
        page = phone.get(link)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        form = {"csrfmiddlewaretoken": token.group(1)} if token else {}
        phone.post(link, data=form, headers={"Referer": link}).raise_for_status()


def test_a_charge_whose_answer_was_lost_is_adopted(operator: Any) -> None:
    payment = factories.awaiting("0098")
    code = factories.texted_code(operator.base_url, "0098")

    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    payment.refresh_from_db()
    assert payment.state == PaymentState.UNKNOWN
    checkout.resolve_due(now=timezone.now() + timedelta(seconds=30))

    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID
    assert len(factories.charges(operator.base_url, operator.token, payment.reference)) == 1


def test_a_confirm_that_charged_nothing_is_reversed(operator: Any) -> None:
    payment = factories.awaiting("0099")
    code = factories.texted_code(operator.base_url, "0099")

    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    checkout.resolve_due(now=timezone.now() + timedelta(seconds=30))

    payment.refresh_from_db()
    assert payment.state == PaymentState.REVERSED
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []


def test_a_payment_left_confirming_by_a_dead_process_is_resolved(operator: Any) -> None:
    payment = factories.awaiting("0000")
    open_link(operator.base_url, "0000")
    _die_after_the_intent(payment)

    for minute in range(1, 4):
        checkout.resolve_due(now=timezone.now() + timedelta(minutes=minute))

    payment.refresh_from_db()
    assert payment.state == PaymentState.REVERSED
    assert factories.charges(operator.base_url, operator.token, payment.reference) == []


def _die_after_the_intent(payment: Payment) -> None:
    from payments.checkout import confirming

    confirming._intend(payment.pk, by="shopper", now=timezone.now())


def test_a_window_whose_time_is_up_expires_and_gives_the_reservation_back(operator: Any) -> None:
    payment = factories.awaiting("0000")
    Payment.objects.filter(pk=payment.pk).update(expires_at=timezone.now(), check_at=timezone.now())

    checkout.resolve_due(now=timezone.now() + timedelta(seconds=1))

    payment.refresh_from_db()
    assert payment.state == PaymentState.EXPIRED
    reversal = CarrierCall.objects.get(payment=payment, kind="REVERSE")
    assert reversal.state == CarrierCall.State.OK


def test_leave_ends_the_payment_and_drops_the_reservation(operator: Any) -> None:
    payment = factories.awaiting("0000")

    checkout.leave(payment.pk, now=timezone.now())

    payment.refresh_from_db()
    assert payment.state == PaymentState.CANCELED
    with pytest.raises(checkout.WrongStep):
        checkout.leave(payment.pk, now=timezone.now())


@pytest.mark.parametrize("step", ["code", "resend", "back", "leave"])
def test_a_step_posted_too_late_leads_back_to_the_window(
    operator: Any, client: Client, step: str
) -> None:
    payment = factories.paid(operator.base_url, "0000")

    answer = client.post(reverse(f"payments:{step}", args=[payment.token]), {"code": "123456"})

    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("payments:window", args=[payment.token])
    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID
