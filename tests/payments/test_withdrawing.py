"""A refund can be taken back until money moves, and not a moment longer."""

from typing import Any

import httpx2
import pytest
from django.utils import timezone

from payments import refunds
from payments.models import Payment, Refund
from payments.states import REFUND_MOVES, RefundState
from tests import factories
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_refunds import asked, work

pytestmark = pytest.mark.django_db(transaction=True)
# Money rests in these. In every other state it moves, moved, may have moved, or is not wanted.
RESTS = {RefundState.REQUESTED, RefundState.SCHEDULED, RefundState.AWAITING_ACCOUNT}


def refunded_there(operator: Any, payment: Payment) -> int:
    """Won the operator took off the bill."""
    books = httpx2.get(
        f"{operator.base_url}/books",
        params={"reference": payment.reference},
        headers={"Authorization": f"Bearer {operator.token}"},
    ).json()
    return sum(row["amount_won"] for row in books["refunds"])


@pytest.mark.parametrize("state", list(RefundState))
def test_a_refund_is_withdrawn_only_while_its_money_rests(state: RefundState) -> None:
    assert ((state, RefundState.WITHDRAWN) in REFUND_MOVES) == (state in RESTS)


def test_a_refund_whose_answer_is_lost_cannot_be_taken_back(operator: Any) -> None:
    refund = work(asked(factories.paid(operator.base_url, "0045")))
    assert refund.state == RefundState.UNKNOWN

    assert taken_back(refund) == {"IllegalMove": 1}
    assert refunds.remaining_won(refund.payment) == 0


def test_what_was_taken_back_is_never_sent_and_may_be_asked_for_again(operator: Any) -> None:
    refund = asked(factories.paid(operator.base_url, "0000"))

    assert taken_back(refund) == {"ok": 1}

    assert work(refund).state == RefundState.WITHDRAWN
    assert refunded_there(operator, refund.payment) == 0
    assert work(asked(refund.payment)).state == RefundState.SUCCEEDED


@pytest.mark.parametrize("_turn", range(3))
def test_taking_back_and_sending_at_once_end_in_one_of_the_two(operator: Any, _turn: int) -> None:
    payment = factories.paid(operator.base_url, "0000")
    refund = asked(payment)
    Refund.objects.filter(pk=refund.pk).update(due_at=timezone.now())
    steps: list[Any] = [
        lambda: refunds.send_due(now=timezone.now()),
        lambda: refunds.withdraw(refund_id=refund.pk, by="shopper", now=timezone.now()),
    ]

    def one_of_them() -> None:
        steps.pop()()

    outcomes = outcomes_of(2, one_of_them)

    refund.refresh_from_db()
    if refund.state == RefundState.WITHDRAWN:
        assert (outcomes, refunded_there(operator, payment)) == ({"ok": 2}, 0)
    else:
        assert refund.state == RefundState.SUCCEEDED
        assert outcomes == {"ok": 1, "IllegalMove": 1}
        assert refunded_there(operator, payment) == payment.amount_won


def taken_back(refund: Refund) -> dict[str, int]:
    """How trying to take it back ended."""
    return dict(
        outcomes_of(
            1, lambda: refunds.withdraw(refund_id=refund.pk, by="shopper", now=timezone.now())
        )
    )
