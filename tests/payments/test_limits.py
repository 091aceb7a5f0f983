"""Limits are data with dates, and two payments at once cannot pass one."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from payments import checkout, limits, refunds
from payments.limits import Goods, Scope
from payments.models import LimitHold, LimitTerm, LimitUse, Merchant, Payment, RiskRule
from payments.models import limits as limit_rows
from payments.states import PaymentState
from tests import factories
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_refunds import asked, work

LINE = "0000"


def term(
    scope: Scope,
    amount_won: int,
    *,
    merchant: Merchant | None = None,
    goods: str = "",
    days: float = -1,
) -> None:
    """A limit valid from so many days from now."""
    LimitTerm.objects.create(
        scope=scope,
        merchant=merchant,
        goods=goods,
        amount_won=amount_won,
        valid_from=timezone.now() + timedelta(days=days),
        source="test",
    )


def used(scope: Scope = Scope.LINE_MONTH) -> int:
    return LimitUse.objects.filter(scope=scope).aggregate(won=Sum("used_won"))["won"] or 0


def submitted(payment: Payment, last4: str = LINE) -> str:
    """The payment's state after its line was submitted, or the code it was refused with."""
    try:
        checkout.submit(payment.pk, factories.applicant(last4), now=timezone.now())
    except checkout.Refused as refused:
        return refused.code
    return str(Payment.objects.get(pk=payment.pk).state)


@pytest.mark.django_db
def test_open_payment_follows_the_merchants_limit_then_everyones_then_the_settings() -> None:
    shop, other = factories.merchant("melody"), factories.merchant("bookshelf")
    term(Scope.PAYMENT_MAX, 50_000)
    term(Scope.PAYMENT_MAX, 5_000, merchant=shop)
    term(Scope.PAYMENT_MAX, 1_000, merchant=shop, days=+1)

    factories.opened(5_000, shop=shop)
    factories.opened(50_000, shop=other)
    with pytest.raises(checkout.OutsideLimits) as caught:
        factories.opened(5_001, shop=shop)
    assert caught.value.limit == Scope.PAYMENT_MAX
    with pytest.raises(checkout.OutsideLimits):
        factories.opened(50_001, shop=other)
    with pytest.raises(checkout.OutsideLimits) as caught:
        factories.opened(999)
    assert caught.value.limit == Scope.PAYMENT_MIN


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scope", [Scope.LINE_MONTH, Scope.MERCHANT_DAY, Scope.MERCHANT_MONTH])
def test_submit_declines_the_payment_that_would_pass_a_limit(operator: Any, scope: Scope) -> None:
    term(scope, 4_400)
    first, second, third = (factories.opened(2_200) for _ in range(3))

    assert submitted(first) == submitted(second) == PaymentState.AWAITING_CONFIRMATION
    assert submitted(third) == limits.CODE_OF[scope]

    third.refresh_from_db()
    assert (third.state, third.failure_code) == ("DECLINED", limits.CODE_OF[scope])
    assert not third.calls.exists()
    assert used(scope) == 4_400
    assert not third.holds.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("last4", ["0012", "0016"])
def test_a_payment_that_ends_without_a_charge_holds_nothing(operator: Any, last4: str) -> None:
    payment = factories.opened()
    submitted(payment, last4)

    if Payment.objects.get(pk=payment.pk).state == PaymentState.CREATED:
        checkout.leave(payment.pk, now=timezone.now())

    assert used() == 0
    assert not LimitHold.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_corrected_number_moves_the_hold_to_the_line_that_pays(operator: Any) -> None:
    payment = factories.opened()
    submitted(payment, "0012")
    submitted(payment, LINE)

    payment.refresh_from_db()
    hold = payment.holds.get()
    assert (hold.use.key, hold.use.used_won) == (payment.phone_bidx, payment.amount_won)
    assert used() == payment.amount_won


@pytest.mark.django_db(transaction=True)
def test_a_cancel_at_the_carrier_gives_the_line_its_month_back(operator: Any) -> None:
    payment = factories.paid(operator.base_url, LINE)
    assert used() == payment.amount_won

    work(asked(payment))

    assert used() == 0


@pytest.mark.django_db(transaction=True)
def test_a_refund_to_the_bank_does_not(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0030")
    refund = work(asked(payment))
    refunds.give_account(
        refund_id=refund.pk, bank="국민", number="1234567890", holder="김시험", now=timezone.now()
    )

    work(refund)

    assert used() == payment.amount_won


@pytest.mark.django_db(transaction=True)
def test_twenty_payments_at_once_cannot_pass_the_limit_of_their_line(
    operator: Any, settings: Any
) -> None:
    settings.LINE_MONTH_MAX_WON = 5 * 2_200
    waiting = [factories.opened(2_200) for _ in range(20)]

    outcomes_of(20, lambda: submitted(waiting.pop()))

    states = list(Payment.objects.values_list("state", flat=True))
    assert states.count("AWAITING_CONFIRMATION") == 5
    assert states.count("DECLINED") == 15
    assert used() == 5 * 2_200


@pytest.mark.django_db(transaction=True)
def test_the_race_for_a_limit_is_seen_when_the_sum_is_read_before_it_is_written() -> None:
    """Negative control: with the guard off the same twenty all pass."""
    payments = [factories.opened(2_200) for _ in range(20)]
    barrier = threading.Barrier(20, timeout=10)
    passed: list[Payment] = []

    def careless() -> None:
        payment = payments.pop()
        with transaction.atomic():
            fits = used() + payment.amount_won <= 5 * 2_200
            barrier.wait()
            if fits:
                passed.append(payment)
                LimitUse.objects.create(
                    scope=Scope.LINE_MONTH,
                    key=str(payment.pk),
                    period="2026-11",
                    used_won=payment.amount_won,
                )

    outcomes_of(20, careless)

    assert len(passed) > 5


@pytest.mark.django_db(transaction=True)
def test_a_charge_in_the_next_month_counts_in_that_month(operator: Any) -> None:
    payment = factories.awaiting(LINE)
    code = factories.texted_code(operator.base_url, LINE)
    earlier = payment.created_at - timedelta(days=40)
    Payment.objects.filter(pk=payment.pk).update(created_at=earlier)
    LimitUse.objects.update(period=limits.period_of(Scope.LINE_MONTH, earlier))

    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    payment.refresh_from_db()
    use = payment.holds.get().use
    assert (use.period, use.used_won) == (payment.billing_month, payment.amount_won)
    assert used() == payment.amount_won


def with_cash_limit(amount_won: int) -> None:
    """What a line may spend on cash-like goods in a month; no risk rule looks at the hour."""
    RiskRule.objects.filter(valid_until=None).update(valid_until=timezone.now())
    term(Scope.LINE_GOODS, amount_won, goods=Goods.CASH_LIKE, days=0)


@pytest.mark.django_db(transaction=True)
def test_a_fresh_portal_limits_what_a_line_spends_on_cash_like_goods(operator: Any) -> None:
    [limit] = LimitTerm.objects.filter(scope=Scope.LINE_GOODS)

    assert (limit.goods, limit.amount_won) == (Goods.CASH_LIKE, 100_000)
    assert limit.source


@pytest.mark.django_db(transaction=True)
def test_a_limit_of_goods_counts_these_goods_of_this_line_alone(operator: Any) -> None:
    with_cash_limit(4_400)
    for _ in range(2):
        voucher = factories.opened(2_200, goods=Goods.CASH_LIKE)
        assert submitted(voucher) == PaymentState.AWAITING_CONFIRMATION

    assert submitted(factories.opened(2_200, goods=Goods.CASH_LIKE)) == "LIMIT_CATEGORY"
    assert submitted(factories.opened(2_200)) == PaymentState.AWAITING_CONFIRMATION
    of_another = factories.opened(2_200, goods=Goods.CASH_LIKE)
    assert submitted(of_another, "3107") == PaymentState.AWAITING_CONFIRMATION
    assert used(Scope.LINE_GOODS) == 3 * 2_200


@pytest.mark.django_db(transaction=True)
def test_a_cancel_at_the_carrier_gives_the_goods_their_month_back(operator: Any) -> None:
    with_cash_limit(2_200)
    payment = factories.opened(2_200, goods=Goods.CASH_LIKE)
    submitted(payment)
    code = factories.texted_code(operator.base_url, LINE)
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())
    payment.refresh_from_db()

    work(asked(payment))

    assert used(Scope.LINE_GOODS) == 0
    again = factories.opened(2_200, goods=Goods.CASH_LIKE)
    assert submitted(again) == PaymentState.AWAITING_CONFIRMATION


@pytest.mark.django_db(transaction=True)
def test_twenty_vouchers_at_once_cannot_pass_the_limit_of_their_goods(operator: Any) -> None:
    with_cash_limit(5 * 2_200)
    waiting = [factories.opened(2_200, goods=Goods.CASH_LIKE) for _ in range(20)]

    outcomes_of(20, lambda: submitted(waiting.pop()))

    states = list(Payment.objects.values_list("state", flat=True))
    assert states.count("AWAITING_CONFIRMATION") == 5
    assert used(Scope.LINE_GOODS) == 5 * 2_200


@pytest.mark.django_db(transaction=True)
def test_the_race_for_the_limit_of_goods_is_seen_when_its_counter_has_no_condition(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: the same twenty pass when raising the counter does not ask for the sum."""
    with_cash_limit(5 * 2_200)
    begin, _, rest = limit_rows._TAKE.partition("WHERE use.used_won + excluded.used_won")
    condition, _, end = rest.partition("RETURNING")
    assert "max_won" in condition
    monkeypatch.setattr(limit_rows, "_TAKE", f"{begin} RETURNING {end}")
    waiting = [factories.opened(2_200, goods=Goods.CASH_LIKE) for _ in range(20)]

    outcomes_of(20, lambda: submitted(waiting.pop()))

    assert used(Scope.LINE_GOODS) > 5 * 2_200
