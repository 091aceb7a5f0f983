"""The way on for a failed refund, decided by a person, only where money surely did not move."""

from typing import Any

import pytest
from django.utils import timezone

from payments import refunds
from payments.carriers.base import Declined
from payments.carriers.camara import Camara
from payments.models import CarrierCall, OutboxEvent, Refund
from payments.states import IllegalMove, RefundState
from tests import factories
from tests.payments.test_refunds import asked, ledger_is_zero, work

pytestmark = pytest.mark.django_db(transaction=True)


def failed(operator: Any, code: str = "CANCEL_INSUFFICIENT_BALANCE") -> Refund:
    """A refund the operator refused for a reason that is neither for ever nor for a minute."""

    def refuse(*_: Any) -> None:
        raise Declined(code)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Camara, "refund", refuse)
        refund = work(asked(factories.paid(operator.base_url, "0000")))
    assert (refund.state, refund.failure_code) == (RefundState.FAILED, code)
    return refund


def test_retry_sends_a_failed_refund_again_under_a_new_call(operator: Any) -> None:
    refund = failed(operator)

    refunds.retry(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())

    refund = work(refund)
    assert (refund.state, refund.failure_code) == (RefundState.SUCCEEDED, "")
    assert refund.calls.filter(kind="REFUND").count() == 2
    assert ledger_is_zero()


def test_use_bank_asks_for_the_payers_account(operator: Any) -> None:
    refund = failed(operator)

    refunds.use_bank(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())

    refund.refresh_from_db()
    assert (refund.state, refund.route) == (RefundState.AWAITING_ACCOUNT, "BANK")
    assert OutboxEvent.objects.filter(kind="refund.account_needed", subject_id=refund.pk).exists()
    refunds.give_account(
        refund_id=refund.pk, bank="국민", number="1234567890", holder="김시험", now=timezone.now()
    )
    assert work(refund).state == RefundState.SUCCEEDED
    assert ledger_is_zero()


def test_retry_goes_to_the_bank_when_the_month_has_closed(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = failed(operator)
    paid_at = refund.payment.paid_at
    assert paid_at is not None

    refunds.retry(
        refund_id=refund.pk, reason="확인함", by="agent", now=paid_at.replace(year=paid_at.year + 1)
    )

    refund.refresh_from_db()
    assert (refund.state, refund.route) == (RefundState.AWAITING_ACCOUNT, "BANK")


@pytest.mark.parametrize("step", [refunds.retry, refunds.use_bank])
@pytest.mark.parametrize("code", ["ALREADY_CANCELLED", "CANCEL_IN_PROGRESS"])
def test_nothing_is_sent_again_when_the_operator_may_have_cancelled(
    operator: Any, step: Any, code: str
) -> None:
    refund = failed(operator, code)

    with pytest.raises(refunds.UnableToRefund) as caught:
        step(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())

    assert caught.value.code == "MAY_HAVE_MOVED"
    refund.refresh_from_db()
    assert refund.state == RefundState.FAILED


@pytest.mark.parametrize("step", [refunds.retry, refunds.use_bank])
def test_nothing_is_sent_again_when_a_call_has_no_known_end(operator: Any, step: Any) -> None:
    refund = failed(operator)
    refund.calls.update(state=CarrierCall.State.UNKNOWN)

    with pytest.raises(refunds.UnableToRefund) as caught:
        step(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())

    assert caught.value.code == "MAY_HAVE_MOVED"


@pytest.mark.parametrize("step", [refunds.retry, refunds.use_bank])
def test_nothing_is_sent_again_when_another_refund_took_the_money(operator: Any, step: Any) -> None:
    refund = failed(operator)
    asked(refund.payment)

    with pytest.raises(refunds.UnableToRefund) as caught:
        step(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())

    assert caught.value.code == "REMAINING_CHANGED"


@pytest.mark.parametrize("step", [refunds.retry, refunds.use_bank])
def test_only_a_failed_refund_is_sent_again(operator: Any, step: Any) -> None:
    refund = asked(factories.paid(operator.base_url, "0000"))

    with pytest.raises(IllegalMove):
        step(refund_id=refund.pk, reason="확인함", by="agent", now=timezone.now())
