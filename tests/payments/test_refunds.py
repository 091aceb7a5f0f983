"""Money on its way back, against the sandbox operator and bank."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from payments import refunds
from payments.models import LedgerEntry, LedgerTransaction, Payment, Refund
from payments.states import IllegalMove, RefundState
from tests import factories
from tests.payments.test_checkout import outcomes_of

pytestmark = pytest.mark.django_db(transaction=True)


def asked(payment: Payment) -> Refund:
    """A full refund of it, scheduled."""
    return refunds.request(
        payment_id=payment.pk,
        amount_won=payment.amount_won,
        expected_remaining_won=payment.amount_won,
        reason="단순 변심",
        by="test",
        now=timezone.now(),
    )


def work(refund: Refund, *, times: int = 1) -> Refund:
    """Let the worker look `times` times, each when the row is due."""
    for _ in range(times):
        Refund.objects.filter(pk=refund.pk, due_at__isnull=False).update(due_at=timezone.now())
        refunds.send_due(now=timezone.now() + timedelta(seconds=1))
    refund.refresh_from_db()
    return refund


def ledger_is_zero() -> bool:
    total = LedgerEntry.objects.aggregate(won=Sum("amount_won"))["won"]
    clearing = LedgerEntry.objects.filter(account="REFUND_CLEARING").aggregate(
        won=Sum("amount_won")
    )
    return (total or 0) == 0 and (clearing["won"] or 0) == 0


def test_a_refund_in_the_month_goes_through_the_carrier(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0000")))

    assert (refund.state, refund.route) == (RefundState.SUCCEEDED, "CARRIER")
    assert LedgerTransaction.objects.filter(refund=refund, kind="CARRIER_CANCEL").count() == 1
    assert ledger_is_zero()


def test_a_second_refund_is_refused_and_creates_nothing(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")
    asked(payment)

    with pytest.raises(refunds.UnableToRefund) as caught:
        asked(payment)

    assert caught.value.code == "ALREADY_REFUNDED"
    assert payment.refunds.count() == 1


def test_a_refund_is_refused_when_the_remaining_amount_is_not_what_the_caller_saw(
    operator: Any,
) -> None:
    payment = factories.paid(operator.base_url, "0000")

    with pytest.raises(refunds.UnableToRefund) as caught:
        refunds.request(
            payment_id=payment.pk,
            amount_won=1_000,
            expected_remaining_won=1_000,
            reason="",
            by="test",
            now=timezone.now(),
        )

    assert caught.value.code == "REMAINING_CHANGED"


def test_twenty_parallel_requests_create_one_refund(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000")

    outcomes = outcomes_of(20, lambda: asked(payment))

    assert outcomes["ok"] == 1
    assert payment.refunds.count() == 1


def test_a_lost_answer_is_looked_up_and_never_sent_as_a_second_refund(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0045")))
    assert refund.state == RefundState.UNKNOWN

    refund = work(refund)

    assert refund.state == RefundState.SUCCEEDED
    assert refund.calls.filter(kind="REFUND").count() == 1


def test_a_cancel_that_fails_twice_works_the_third_time(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0049")), times=4)

    assert refund.state == RefundState.SUCCEEDED
    assert refund.attempts == 3


def test_a_cancel_refused_for_good_goes_to_the_bank_account(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0030")))
    assert (refund.state, refund.route) == (RefundState.AWAITING_ACCOUNT, "BANK")

    refunds.give_account(
        refund_id=refund.pk, bank="국민", number="12345678901", holder="김시험", now=timezone.now()
    )
    refund = work(refund)

    assert refund.state == RefundState.SUCCEEDED
    assert ledger_is_zero()


def test_a_wrong_account_is_asked_for_again(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0030")))
    refunds.give_account(
        refund_id=refund.pk, bank="국민", number="1234560000", holder="김시험", now=timezone.now()
    )

    refund = work(refund)

    assert (refund.state, refund.failure_code) == (
        RefundState.AWAITING_ACCOUNT,
        "ACCOUNT_NOT_FOUND",
    )


def test_a_refund_can_be_withdrawn_until_money_moves(operator: Any) -> None:
    refund = asked(factories.paid(operator.base_url, "0000"))

    refunds.withdraw(refund_id=refund.pk, by="shopper", now=timezone.now())

    refund = work(refund)
    assert refund.state == RefundState.WITHDRAWN
    done = work(asked(refund.payment))
    with pytest.raises(IllegalMove):
        refunds.withdraw(refund_id=done.pk, by="shopper", now=timezone.now())
