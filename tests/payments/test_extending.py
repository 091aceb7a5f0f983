"""More time for the window: one press, a bounded number of times (WCAG 2.2.1)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments import checkout
from payments.models import CodeChallenge, Payment
from tests import factories
from tests.payments.test_checkout import outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)
STEP = timedelta(minutes=5)


@pytest.fixture(autouse=True)
def _clocks(settings: Any) -> None:
    settings.WINDOW_SECONDS = 600
    settings.WINDOW_EXTEND_SECONDS = 300
    settings.WINDOW_EXTENSIONS = 3


def test_extend_moves_the_end_by_the_setting_when_the_window_is_open() -> None:
    payment = factories.opened()

    end = checkout.extend(payment.pk, now=payment.expires_at - timedelta(seconds=60))

    assert end == payment.expires_at + STEP
    payment.refresh_from_db()
    assert payment.expires_at == end
    assert checkout.extensions_left(payment) == 2


def test_extend_is_refused_when_it_was_done_as_often_as_allowed() -> None:
    payment = factories.opened()
    for _ in range(3):
        checkout.extend(payment.pk, now=payment.created_at)

    with pytest.raises(checkout.NoMoreTime):
        checkout.extend(payment.pk, now=payment.created_at)

    assert Payment.objects.get(pk=payment.pk).expires_at == payment.expires_at + 3 * STEP


def test_twenty_presses_at_once_extend_three_times() -> None:
    payment = factories.opened()

    outcomes = outcomes_of(20, lambda: checkout.extend(payment.pk, now=timezone.now()))

    assert outcomes == {"ok": 3, "NoMoreTime": 17}
    assert Payment.objects.get(pk=payment.pk).expires_at == payment.expires_at + 3 * STEP


def test_extend_is_refused_when_the_time_is_up() -> None:
    payment = factories.opened()

    with pytest.raises(checkout.WindowClosed):
        checkout.extend(payment.pk, now=payment.expires_at)


def test_extend_is_refused_when_the_payment_has_ended() -> None:
    payment = factories.opened()
    checkout.leave(payment.pk, now=timezone.now())

    with pytest.raises(checkout.WrongStep):
        checkout.extend(payment.pk, now=timezone.now())


def test_a_code_cut_short_by_the_window_lives_its_own_time_when_the_window_is_longer(
    operator: Any, settings: Any
) -> None:
    settings.WINDOW_SECONDS = 60
    payment = factories.awaiting("0000")
    challenge = CodeChallenge.objects.get(payment=payment)
    assert challenge.expires_at == payment.expires_at

    checkout.extend(payment.pk, now=timezone.now())

    challenge.refresh_from_db()
    assert challenge.expires_at == challenge.sent_at + timedelta(seconds=settings.CODE_SECONDS)


def test_an_expired_code_stays_expired_when_the_window_is_longer(operator: Any) -> None:
    payment = factories.awaiting("0000")
    before = timezone.now() - timedelta(seconds=1)
    CodeChallenge.objects.filter(payment=payment).update(expires_at=before)

    checkout.extend(payment.pk, now=timezone.now())

    assert CodeChallenge.objects.get(payment=payment).expires_at == before
