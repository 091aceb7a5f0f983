"""The second factor: who is asked, what a right and a wrong PIN do, and where the PIN is not."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from payments import checkout, declines
from payments.forms import CONSENTS
from payments.models import CarrierCall, Payment, SecondFactor
from payments.risk import Action, Kind
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_screening import counted, guess, only, tried

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT, WRONG = "135790", "975310"


@pytest.fixture(autouse=True)
def _pins_as_lines_come(operator: Any) -> Iterator[None]:
    """Whatever a test did to the PIN of 0054 is undone."""
    yield
    set_pin(operator, "0054", RIGHT)


def set_pin(operator: Any, last4: str, pin: str) -> httpx2.Response:
    return httpx2.post(
        f"{operator.base_url}/payment-pin/v1/set",
        json={"phoneNumber": f"+82109000{last4}", "pin": pin},
        headers={"Authorization": f"Bearer {operator.token}"},
    )


def asked(last4: str = "0054") -> Payment:
    """A payment that owes its second factor: the SIM of 0054 was changed yesterday."""
    assert tried(last4) == "PIN"
    return Payment.objects.latest("pk")


def prove(payment: Payment, pin: str) -> str:
    """What came of a PIN: the payment's state, or the name of the error."""
    try:
        checkout.prove(payment.pk, pin, now=timezone.now())
    except Exception as error:
        return type(error).__name__
    return str(Payment.objects.get(pk=payment.pk).state)


def test_a_right_pin_has_the_operator_reserve_and_the_text_pays(operator: Any) -> None:
    payment = asked()
    assert not payment.calls.filter(kind="PREPARE").exclude(state="SKIPPED").exists()

    assert prove(payment, RIGHT) == PaymentState.AWAITING_CONFIRMATION

    code = factories.texted_code(operator.base_url, "0054")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    payment.refresh_from_db()
    assert payment.state == PaymentState.PAID
    assert payment.decisions.filter(outcome="SECOND_FACTOR").exists()


def test_a_new_text_asks_no_second_time(operator: Any, settings: Any) -> None:
    settings.CODE_RESEND_SECONDS = 0
    payment = asked()
    prove(payment, RIGHT)

    checkout.resend(payment.pk, now=timezone.now())

    assert Payment.objects.get(pk=payment.pk).state == PaymentState.AWAITING_CONFIRMATION


def test_another_number_owes_it_anew(operator: Any) -> None:
    only(Kind.AMOUNT, 0, Action.SECOND_FACTOR)
    payment = asked("3401")
    prove(payment, RIGHT)
    checkout.change_line(payment.pk, now=timezone.now())

    checkout.submit(payment.pk, factories.applicant("3402"), now=timezone.now())

    assert SecondFactor.owed_by(Payment.objects.get(pk=payment.pk))


def test_wrong_pins_are_counted_down_and_the_last_one_ends_the_payment(operator: Any) -> None:
    payment = asked()

    for left in (4, 3, 2, 1):
        with pytest.raises(checkout.WrongPin) as caught:
            checkout.prove(payment.pk, WRONG, now=timezone.now())
        assert caught.value.tries_left == left
    assert prove(payment, WRONG) == "PinLocked"

    payment.refresh_from_db()
    assert (payment.state, payment.failure_code) == ("DECLINED", "PIN_LOCKED")
    assert not payment.holds.exists()
    assert counted(Kind.FAILURES_ALL) == 5
    assert not payment.calls.filter(kind="PREPARE").exclude(state="SKIPPED").exists()


@pytest.mark.parametrize(
    ("last4", "pin", "answer"),
    [
        ("0055", RIGHT, "WrongPin"),  # the line has no PIN
        ("0056", RIGHT, "PinLocked"),  # the operator locked it
    ],
)
def test_a_line_without_a_pin_cannot_be_proven(
    operator: Any, last4: str, pin: str, answer: str
) -> None:
    assert prove(asked(last4), pin) == answer


def test_a_hundred_pins_at_once_check_at_most_five(operator: Any) -> None:
    payment = asked()

    outcomes = outcomes_of(100, lambda: checkout.prove(payment.pk, WRONG, now=timezone.now()))

    assert outcomes["ok"] == 0
    checks = CarrierCall.objects.filter(payment=payment, kind="PIN").count()
    assert checks == SecondFactor.objects.get(payment=payment).attempts <= 5


def test_a_pin_nobody_answered_about_may_be_typed_again(
    operator: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = asked()
    httpx2.post(
        f"{operator.base_url}/control/faults",
        json={"operation": "pin_verify", "mode": "error_500", "times": 1},
        headers={"Authorization": f"Bearer {operator.token}"},
    )

    assert prove(payment, RIGHT) == "CarrierSilent"
    assert prove(payment, RIGHT) == PaymentState.AWAITING_CONFIRMATION
    assert SecondFactor.objects.get(payment=payment).attempts == 2


def test_whoever_sweeps_learns_nothing_from_the_pin_of_an_unknown_number(operator: Any) -> None:
    """A number of nobody, one of another carrier and one with another birthdate look alike."""
    only(Kind.FAILURES_ALL, 0, Action.SECOND_FACTOR)
    known, unknown = asked("3403"), asked("0011")
    assert guess(factories.opened(), "3404") == "PIN"

    answers = {prove(payment, WRONG) for payment in (known, unknown, asked("0055"))}

    assert answers == {"WrongPin"}
    assert not CarrierCall.objects.filter(kind="MATCH").exists()


def test_going_back_keeps_the_tries_spent(operator: Any) -> None:
    payment = asked()
    prove(payment, WRONG)

    checkout.give_up(payment.pk, now=timezone.now())
    checkout.submit(payment.pk, factories.applicant("0054"), now=timezone.now())

    factor = SecondFactor.objects.get(payment=payment)
    assert (factor.is_due, factor.attempts) == (True, 1)


def test_the_pin_is_in_no_row_and_no_log(operator: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    payment = asked()
    prove(payment, WRONG)
    prove(payment, RIGHT)

    with connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names() if t.startswith("payments_")]
        rows = ""
        for table in tables:
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            rows += " ".join(row[0] for row in cursor.fetchall())
    for pin in (WRONG, RIGHT):
        assert pin not in rows
        assert pin not in caplog.text


# The window, without JavaScript


def at_pin(client: Client) -> tuple[Payment, str]:
    """A browser in front of the PIN step: the payment and the window's address."""
    payment = factories.opened()
    window = reverse("payments:window", args=[payment.token])
    line = {"carrier": "SKT", "phone": "010-9000-0054", "birthdate": "19900131"}
    answer = client.post(window, line | dict.fromkeys(CONSENTS, "on"), follow=True)
    assert "결제 비밀번호를 입력해 주세요" in answer.content.decode()
    return payment, window


def test_the_window_asks_for_the_pin_and_then_for_the_code(operator: Any, client: Client) -> None:
    _payment, window = at_pin(client)

    answer = client.post(f"{window}pin/", {"pin": RIGHT})

    assert (answer.status_code, answer.headers["Location"]) == (302, window)
    assert "문자로 온 번호를 입력해 주세요" in client.get(window).content.decode()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (WRONG, "맞지 않아요. 4번 더 입력할 수 있어요"),
        ("", "결제 비밀번호를 입력하세요"),
        ("1357", "숫자 6자리예요"),
        ("abcdef", "숫자 6자리예요"),
    ],
)
def test_a_pin_that_will_not_do_is_told_beside_its_field_and_not_shown_back(
    operator: Any, client: Client, typed: str, words: str
) -> None:
    payment, window = at_pin(client)

    answer = client.post(f"{window}pin/", {"pin": typed})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert not typed or f'value="{typed}"' not in page
    spent = 1 if typed == WRONG else 0
    assert SecondFactor.objects.get(payment=payment).attempts == spent


def test_the_pin_step_leads_back_on_and_out(operator: Any, client: Client) -> None:
    payment, window = at_pin(client)

    assert (
        "휴대폰 정보를 입력해 주세요" in client.post(f"{window}back/", follow=True).content.decode()
    )
    client.post(f"{window}leave/")

    assert Payment.objects.get(pk=payment.pk).state == PaymentState.CANCELED


def test_a_locked_pin_ends_the_payment_with_whom_to_call(operator: Any, client: Client) -> None:
    payment, window = at_pin(client)
    SecondFactor.objects.filter(payment=payment).update(attempts=4)

    page = client.post(f"{window}pin/", {"pin": WRONG}, follow=True).content.decode()

    assert "결제 비밀번호를 여러 번 잘못 입력해" in page
    assert "돈이 빠져나가지 않았어요" in page
    assert "114" in page


def test_a_refusal_by_risk_says_safe_words_and_no_reason(operator: Any, client: Client) -> None:
    only(Kind.TRIES_LINE, 0, Action.REFUSE)
    payment = factories.opened()
    window = reverse("payments:window", args=[payment.token])
    line = {"carrier": "SKT", "phone": "010-9000-3405", "birthdate": "19900131"}

    page = client.post(window, line | dict.fromkeys(CONSENTS, "on"), follow=True).content.decode()

    assert "안전한 거래를 위해 결제가 제한됐어요" in page
    assert Payment.objects.get(pk=payment.pk).failure_code == declines.RISK
    for hint in ("횟수", "시도가 많아", "TRIES", "유심"):
        assert hint not in page.partition("<main")[2].partition("</main")[0]


def test_a_browser_behind_one_address_is_counted_with_its_network(
    operator: Any, client: Client
) -> None:
    only(Kind.TRIES_NETWORK, 1, Action.REFUSE)
    refused = []
    for address in ("203.0.113.5", "203.0.113.99", "198.51.100.7"):
        payment = factories.opened()
        window = reverse("payments:window", args=[payment.token])
        line = {"carrier": "SKT", "phone": "010-9000-3406", "birthdate": "19900131"}
        Client().post(window, line | dict.fromkeys(CONSENTS, "on"), REMOTE_ADDR=address)
        refused.append(Payment.objects.get(pk=payment.pk).failure_code)

    assert refused == ["", declines.RISK, ""]
