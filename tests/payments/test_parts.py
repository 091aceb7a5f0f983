"""Giving back a part: how much, by which route, and never more than is left (domain §6)."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pgtrigger
import pytest
from django.conf import settings
from django.db import IntegrityError, models, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from payments import calendar, checkout, refunds, standing
from payments.calendar import SEOUL, Parts, Reason, Route
from payments.carriers import registry
from payments.models import Account, LedgerEntry, LedgerTransaction, Payment, Refund
from payments.refunds import asking, sending
from payments.states import RefundState
from portal import reports
from tests import factories
from tests.payments.test_checkout import outcomes_of
from tests.payments.test_refunds import ledger_is_zero, work
from tests.portal import histories

pytestmark = pytest.mark.django_db(transaction=True)
PAID_AT = datetime(2026, 11, 10, 12, tzinfo=SEOUL)
NOW = PAID_AT + timedelta(days=1)
CLOSED = datetime(2026, 12, 2, 12, tzinfo=SEOUL)
GUARD = "payments.Refund:within_paid"


@pytest.fixture
def payment() -> Payment:
    """10,000 won on an SKT line, this month."""
    shop = histories.shop("melody")
    return histories.sale(shop, at=PAID_AT, amount_won=10_000, carrier_payment_id="cp-1")


@pytest.fixture
def _no_database_guard() -> Iterator[None]:
    pgtrigger.disable(GUARD)
    yield
    pgtrigger.enable(GUARD)


def ask(
    payment: Payment, amount_won: int, *, seen: int | None = None, now: datetime | None = None
) -> Refund:
    """A refund of this much; what the caller saw is what is left."""
    return refunds.request(
        payment_id=payment.pk,
        amount_won=amount_won,
        expected_remaining_won=refunds.remaining_won(payment) if seen is None else seen,
        reason="단순 변심",
        by="test",
        now=now or NOW,
    )


def row(payment: Payment, amount_won: int, route: Route, *, state: str = "SUCCEEDED") -> Refund:
    """A refund as the worker leaves it."""
    return Refund.objects.create(
        payment=payment,
        merchant=payment.merchant,
        amount_won=amount_won,
        route=route,
        state=state,
        requested_by="test",
        requested_at=NOW,
        confirmed_at=NOW,
    )


def given_back(payment: Payment, amount_won: int, route: Route) -> None:
    """Money that is back, posted as the worker posts it."""
    with transaction.atomic():
        sending._post(row(payment, amount_won, route), at=NOW)


def can(monkeypatch: pytest.MonkeyPatch, code: str = "SKT", **changes: Any) -> None:
    """An operator with other capabilities."""
    known = registry.carrier(code)
    changed = replace(known, capabilities=replace(known.capabilities, **changes))
    monkeypatch.setitem(registry._CARRIERS, code, changed)


def sold_with(payment: Payment, parts: Parts) -> None:
    payment.merchant.parts = parts
    payment.merchant.save()


def theirs(operator: Any, payment: Payment) -> list[tuple[int, str]]:
    """Amounts and kinds of the refunds in the operator's own answers."""
    answer = httpx2.get(
        f"{operator.base_url}/carrier-billing-refund/v0.3"
        f"/payments/{payment.carrier_payment_id}/refunds",
        headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
    )
    books = httpx2.get(
        f"{operator.base_url}/books",
        headers={"Authorization": f"Bearer {settings.CARRIER_API_TOKEN}"},
    ).json()
    amounts = {row["refund_id"]: row["amount_won"] for row in books["refunds"]}
    return [(amounts[row["refundId"]], row["type"]) for row in answer.json()]


# How much


def test_what_is_left_is_what_was_paid_less_what_succeeded_and_what_is_on_its_way(
    payment: Payment,
) -> None:
    given_back(payment, 3_000, Route.CARRIER)
    ask(payment, 2_000)

    assert refunds.remaining_won(payment) == 5_000


def test_a_withdrawn_part_is_free_again(payment: Payment) -> None:
    refund = ask(payment, 2_000)

    refunds.withdraw(refund_id=refund.pk, by="shopper", now=NOW)

    assert refunds.remaining_won(payment) == 10_000


def test_a_remainder_that_is_not_what_the_caller_saw_creates_nothing_and_is_told(
    payment: Payment,
) -> None:
    ask(payment, 4_000)

    with pytest.raises(refunds.UnableToRefund) as caught:
        ask(payment, 1_000, seen=10_000)

    assert (caught.value.code, caught.value.remaining_won) == ("REMAINING_CHANGED", 6_000)
    assert payment.refunds.count() == 1


@pytest.mark.parametrize("amount_won", [-1, 0, 6_001, 10_000])
def test_more_than_is_left_or_nothing_is_refused(payment: Payment, amount_won: int) -> None:
    ask(payment, 4_000)

    with pytest.raises(refunds.UnableToRefund) as caught:
        ask(payment, amount_won)

    assert (caught.value.code, caught.value.remaining_won) == ("AMOUNT_EXCEEDED", 6_000)


# By which route


def test_a_part_goes_off_the_bill_where_the_operator_can(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000", 10_000)

    first = work(ask(payment, 4_000, now=timezone.now()))
    rest = work(ask(payment, 6_000, now=timezone.now()))

    assert {first.state, rest.state} == {RefundState.SUCCEEDED}
    assert {first.route, rest.route} == {Route.CARRIER}
    # The rest by its amount too: "total" would take whatever is left there.
    assert sorted(theirs(operator, payment)) == [(4_000, "partial"), (6_000, "partial")]
    assert ledger_is_zero()


def test_all_of_it_is_asked_for_as_a_total_refund(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0000", 10_000)

    work(ask(payment, 10_000, now=timezone.now()))

    assert theirs(operator, payment) == [(10_000, "total")]


@pytest.mark.parametrize("carrier", ["LGU", "SKT_MVNO", "KT_MVNO", "LGU_MVNO"])
def test_a_part_goes_to_the_bank_where_the_operator_cannot(payment: Payment, carrier: str) -> None:
    Payment.objects.filter(pk=payment.pk).update(carrier=carrier)

    part = ask(payment, 4_000)

    assert (part.route, part.route_reason) == (Route.BANK, Reason.PART_NOT_SUPPORTED)
    assert part.state == RefundState.AWAITING_ACCOUNT


def test_an_operator_that_cannot_do_parts_refuses_one_and_still_cancels_the_whole(
    operator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens when our table is wrong about an operator."""
    can(monkeypatch, "LGU", can_cancel_in_part=True)
    payment = factories.opened(10_000)
    checkout.submit(payment.pk, factories.applicant("7002", "LGU"), now=timezone.now())
    code = factories.texted_code(operator.base_url, "7002")
    checkout.confirm_with_code(payment.pk, code, now=timezone.now())

    part = work(ask(payment, 4_000, now=timezone.now()))

    payment.refresh_from_db()
    assert (part.state, part.route) == (RefundState.AWAITING_ACCOUNT, Route.BANK)
    assert part.route_reason == Reason.PART_NOT_SUPPORTED
    assert not payment.is_refused_by_carrier
    refunds.withdraw(refund_id=part.pk, by="shopper", now=timezone.now())
    whole = work(ask(payment, 10_000, now=timezone.now()))
    assert (whole.state, whole.route) == (RefundState.SUCCEEDED, Route.CARRIER)


def test_the_lost_answer_of_a_part_is_looked_up_and_not_sent_again(operator: Any) -> None:
    payment = factories.paid(operator.base_url, "0045", 10_000)

    part = work(work(ask(payment, 4_000, now=timezone.now())))

    assert part.state == RefundState.SUCCEEDED
    assert theirs(operator, payment) == [(4_000, "partial")]


def test_a_part_after_the_month_goes_to_the_bank(payment: Payment) -> None:
    part = ask(payment, 4_000, now=CLOSED)

    assert (part.route, part.route_reason) == (Route.BANK, Reason.MONTH_CLOSED)


def test_a_part_accepted_in_its_month_and_missed_goes_to_the_bank(payment: Payment) -> None:
    part = ask(payment, 4_000)

    refunds.send_due(now=CLOSED)

    part.refresh_from_db()
    assert (part.state, part.route) == (RefundState.AWAITING_ACCOUNT, Route.BANK)
    assert part.route_reason == Reason.MONTH_CLOSED


@pytest.mark.parametrize("parts", [Parts.NEVER, Parts.ON_THE_BILL])
def test_a_shop_may_give_back_in_whole_only(payment: Payment, parts: Parts) -> None:
    sold_with(payment, parts)
    Payment.objects.filter(pk=payment.pk).update(carrier="LGU")

    with pytest.raises(refunds.UnableToRefund) as caught:
        ask(payment, 4_000)

    assert (caught.value.code, caught.value.reasons[-1]) == ("NO_ROUTE", Reason.WHOLE_ONLY)
    assert not payment.refunds.exists()


# Without a contract for the bank route


def test_after_the_month_nothing_is_promised_where_no_bank_route_is_contracted(
    payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    can(monkeypatch, has_bank_route=False)

    with pytest.raises(refunds.UnableToRefund) as caught:
        ask(payment, 10_000, now=CLOSED)

    assert caught.value.code == "NO_ROUTE"
    assert caught.value.reasons == (Reason.MONTH_CLOSED, Reason.BANK_NOT_CONTRACTED)


def test_what_was_accepted_and_missed_its_month_then_waits_for_a_person(
    payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = ask(payment, 10_000)
    can(monkeypatch, has_bank_route=False)

    refunds.send_due(now=CLOSED)

    refund.refresh_from_db()
    assert (refund.state, refund.failure_code) == (RefundState.FAILED, "BANK_NOT_CONTRACTED")
    assert not refund.calls.exists()
    for way in (refunds.retry, refunds.use_bank):
        with pytest.raises(refunds.UnableToRefund) as caught:
            way(refund_id=refund.pk, reason="계약 확인", by="lead", now=CLOSED)
        assert caught.value.code == "NO_ROUTE"
    can(monkeypatch, has_bank_route=True)
    refunds.retry(refund_id=refund.pk, reason="계약 확인", by="lead", now=CLOSED)
    refund.refresh_from_db()
    assert refund.state == RefundState.AWAITING_ACCOUNT


# Many at once


def test_twenty_parallel_parts_that_saw_the_same_remainder_create_one(payment: Payment) -> None:
    outcomes = outcomes_of(20, lambda: ask(payment, 6_000, seen=10_000))

    assert outcomes == {"ok": 1, "UnableToRefund": 19}
    assert refunds.remaining_won(payment) == 4_000


@pytest.fixture
def _no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody sees what is left before anybody takes of it."""
    all_have_looked = threading.Barrier(20)
    look = asking.remaining_won
    mine = threading.local()

    def look_and_wait(payment: Payment) -> int:
        won = look(payment)
        if not hasattr(mine, "has_waited"):
            mine.has_waited = True
            all_have_looked.wait(timeout=30)
        return won

    monkeypatch.setattr(models.QuerySet, "select_for_update", lambda rows, **_: rows)
    monkeypatch.setattr(asking, "remaining_won", look_and_wait)


@pytest.mark.usefixtures("_no_lock")
def test_the_database_alone_holds_what_was_paid_when_the_lock_is_lost(payment: Payment) -> None:
    outcomes = outcomes_of(20, lambda: ask(payment, 3_000, seen=10_000))

    assert (outcomes["ok"], outcomes["IntegrityError"]) == (3, 17)
    assert held(payment) == 9_000


@pytest.mark.usefixtures("_no_lock", "_no_database_guard")
def test_the_race_of_parts_is_seen_when_nothing_guards_it(payment: Payment) -> None:
    """Negative control: with lock and trigger off the same storm promises far too much.

    How much hangs on who comes late enough to be asked for a second person.
    """
    outcomes_of(20, lambda: ask(payment, 3_000, seen=10_000))

    assert held(payment) > 30_000


def test_a_failed_refund_takes_its_amount_again_only_while_it_is_left(payment: Payment) -> None:
    """Not by any use case: the database refuses the row."""
    failed = row(payment, 6_000, Route.CARRIER, state="FAILED")
    ask(payment, 5_000)

    with pytest.raises(IntegrityError, match="hold 11000 of 10000 won"), transaction.atomic():
        Refund.objects.filter(pk=failed.pk).update(state="SCHEDULED", due_at=NOW)


def held(payment: Payment) -> int:
    open_ = payment.refunds.exclude(state__in=["FAILED", "WITHDRAWN"])
    return open_.aggregate(won=Sum("amount_won"))["won"] or 0


# The ledger


@st.composite
def sales_in_parts(draw: st.DrawFn) -> tuple[int, int, list[tuple[int, bool]]]:
    """An amount, a fee in 1/100 %, and parts that add up to the amount, each by bank or not."""
    amount_won = draw(st.integers(1_000, 30_000))
    fee_bps = draw(st.sampled_from([0, 1, 350, 700, 1_234, 5_000]))
    cuts = draw(st.sets(st.integers(1, amount_won - 1), max_size=6))
    edges = [0, *sorted(cuts), amount_won]
    parts = [(b - a, draw(st.booleans())) for a, b in itertools.pairwise(edges)]
    return amount_won, fee_bps, draw(st.permutations(parts))


@pytest.mark.django_db
@examples(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sale=sales_in_parts())
def test_parts_add_up_to_the_whole_and_leave_every_account_at_zero(
    sale: tuple[int, int, list[tuple[int, bool]]],
) -> None:
    amount_won, fee_bps, parts = sale
    with transaction.atomic():
        shop = histories.shop("melody")
        shop.fee_bps = fee_bps
        payment = histories.sale(shop, at=PAID_AT, amount_won=amount_won)
        whole = {line.account: line.amount_won for line in lines(payment, amount_won)}
        for part_won, is_bank in parts:
            given_back(payment, part_won, Route.BANK if is_bank else Route.CARRIER)

        back = LedgerEntry.objects.filter(transaction__refund__payment=payment)
        for account in (Account.MERCHANT_PAYABLE, Account.FEE_REVENUE, Account.VAT_PAYABLE):
            assert won(back.filter(account=account)) == whole[account]
            everything = LedgerEntry.objects.filter(transaction__payment=payment, account=account)
            assert won(everything) == 0
        assert won(back.filter(account=Account.REFUND_CLEARING)) == 0
        off_the_bill = sum(part_won for part_won, is_bank in parts if not is_bank)
        receivable = LedgerEntry.objects.filter(
            transaction__payment=payment, account=Account.CARRIER_RECEIVABLE
        )
        assert won(receivable) == amount_won - off_the_bill
        transaction.set_rollback(True)


def test_a_shops_report_counts_each_part_where_it_went(payment: Payment) -> None:
    given_back(payment, 4_000, Route.CARRIER)
    given_back(payment, 1_000, Route.BANK)

    figures = reports.of_payments(payment.merchant, [payment.pk])[payment.pk]

    assert (figures.sales_won, figures.refunds_won) == (10_000, 5_000)
    assert (figures.carrier_refunds_count, figures.bank_refunds_count) == (1, 1)
    # 7 % of the 5,000 won that stayed, and its VAT.
    assert (figures.fee_won, figures.fee_vat_won, figures.net_won) == (350, 35, 4_615)
    assert [standing.of_payment(payment, payment.refunds.all()).text] == ["일부 환불됨"]


def lines(payment: Payment, amount_won: int) -> list[Any]:
    return LedgerTransaction.refund_lines(payment, amount_won, Account.CARRIER_RECEIVABLE)


def won(entries: Any) -> int:
    return entries.aggregate(won=Sum("amount_won"))["won"] or 0


@pytest.mark.parametrize(
    ("part_won", "fee_won", "fee_vat_won"),
    [(2_500, 175, 18), (7, 0, 0), (8, 1, 0), (9_999, 700, 70)],
)
def test_the_fee_of_a_part_is_its_share_rounded_half_up(
    payment: Payment, part_won: int, fee_won: int, fee_vat_won: int
) -> None:
    back = {line.account: line.amount_won for line in lines(payment, part_won)}

    assert (back[Account.FEE_REVENUE], back[Account.VAT_PAYABLE]) == (fee_won, fee_vat_won)
    assert back[Account.MERCHANT_PAYABLE] == part_won - fee_won - fee_vat_won


def test_every_operator_stops_sending_early_enough_for_a_late_cancel_to_arrive() -> None:
    assert all(
        operator.capabilities.cutoff_margin >= sending.ARRIVES_WITHIN
        for operator in registry.carriers()
    )
    assert registry.capabilities("") == calendar.Capabilities()
