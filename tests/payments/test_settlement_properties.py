"""Whatever happens in whatever order, no won of a merchant is lost, doubled or paid too early."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments import settlement
from payments.banks import transfers
from payments.calendar import SEOUL
from payments.carriers.base import Declined, OutcomeUnknown
from payments.models import (
    Account,
    LedgerEntry,
    LedgerTransaction,
    Merchant,
    Payment,
    Payout,
    Settlement,
    SettlementHold,
    SettlementLine,
    SettlementTerms,
)
from payments.models.ledger import Line
from payments.money import fee_for
from payments.states import PayoutState
from tests.portal import histories

pytestmark = pytest.mark.django_db

START = datetime(2026, 11, 1, 12, tzinfo=SEOUL)
STEPS = st.one_of(
    st.tuples(st.just("sale"), st.integers(1_000, 30_000), st.integers(0, 40)),
    st.tuples(st.just("refund"), st.integers(0, 30), st.integers(1, 3)),
    st.tuples(st.just("hold"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("release"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("days"), st.integers(1, 40), st.just(0)),
    st.tuples(st.just("close"), st.just(0), st.just(0)),
    st.tuples(st.just("pay"), st.sampled_from(["ok", "lost", "absent", "refused"]), st.just(0)),
    st.tuples(st.just("retry"), st.just(0), st.just(0)),
)


class Bank:
    """A bank that remembers what it paid, whatever it answers."""

    def __init__(self) -> None:
        self.mode = "ok"
        self.paid: dict[str, int] = {}

    def pay_out(self, payout: transfers.Payout) -> None:
        if self.mode == "refused":
            raise Declined("ACCOUNT_NOT_FOUND")
        if self.mode == "absent":
            raise OutcomeUnknown("504")
        assert self.paid.setdefault(payout.order_ref, payout.amount_won) == payout.amount_won
        if self.mode == "lost":
            raise OutcomeUnknown("504")

    def is_settled(self, order_ref: str) -> bool:
        return order_ref in self.paid


class World:
    """One merchant, one bank, and a clock that only goes on."""

    def __init__(self, cycle: str) -> None:
        self.bank = Bank()
        self.now = START
        self.shop = histories.shop("melody")
        terms = SettlementTerms(merchant=self.shop, cycle=cycle, payout_days=0)
        terms.set_account(bank="국민", number="12345678901", holder="멜로디")
        terms.save()
        self.sales: list[Payment] = []

    def do(self, step: tuple[str, Any, int]) -> None:
        name, value, more = step
        getattr(self, name)(value, more)

    def sale(self, amount_won: int, days_ago: int) -> None:
        at = self.now - timedelta(days=days_ago)
        self.sales.append(histories.sale(self.shop, at=at, amount_won=amount_won))

    def refund(self, which: int, parts: int) -> None:
        """A part of it, or the rest, by the route its number says."""
        if not self.sales:
            return
        payment = self.sales[which % len(self.sales)]
        gone = payment.refunds.aggregate(won=Sum("amount_won"))["won"] or 0
        left = payment.amount_won - gone
        amount = max(1, left // parts)
        if left:
            refund_part(payment, amount, at=self.now, is_bank=bool(which % 2))

    def hold(self, which: int, _: int) -> None:
        if self.sales:
            payment = self.sales[which % len(self.sales)]
            settlement.hold(payment.pk, reason="이의신청", by="agent", now=self.now)

    def release(self, which: int, _: int) -> None:
        held = SettlementHold.objects.filter(released_at__isnull=True).order_by("pk")
        if held:
            payment_id = held[which % len(held)].payment_id
            settlement.release(payment_id, reason="기각", by="agent", now=self.now)

    def days(self, count: int, _: int) -> None:
        self.now += timedelta(days=count)

    def close(self, *_: object) -> None:
        settlement.close_due(now=self.now)

    def pay(self, mode: str, _: int) -> None:
        self.bank.mode = mode
        self.now += timedelta(hours=1)
        settlement.pay_due(now=self.now)

    def retry(self, *_: object) -> None:
        for payout in Payout.objects.filter(state=PayoutState.FAILED):
            settlement.retry(payout.pk, reason="계좌 고침", by="staff", now=self.now)

    def end(self) -> None:
        """Every objection is over, every period closed, every payout paid."""
        while SettlementHold.objects.filter(released_at__isnull=True).exists():
            self.release(0, 0)
        for _ in range(3):
            self.days(62, 0)
            self.close()
            self.retry()
            self.pay("ok", 0)
            self.pay("ok", 0)


def refund_part(payment: Payment, amount_won: int, *, at: datetime, is_bank: bool) -> None:
    back = payment.refunds.create(
        merchant=payment.merchant,
        amount_won=amount_won,
        route="BANK" if is_bank else "CARRIER",
        state="SUCCEEDED",
        requested_by="agent",
        requested_at=at,
        confirmed_at=at,
    )
    kinds = LedgerTransaction.Kind
    account = Account.REFUND_CLEARING if is_bank else Account.CARRIER_RECEIVABLE
    lines = LedgerTransaction.refund_lines(payment, amount_won, account)
    kind = kinds.BANK_REFUND if is_bank else kinds.CARRIER_CANCEL
    LedgerTransaction.post(kind, lines, payment=payment, refund=back, at=at)
    if is_bank:
        settled = [Line(account, amount_won), Line(Account.BANK, -amount_won)]
        LedgerTransaction.post(kinds.BANK_SETTLED, settled, payment=payment, refund=back, at=at)


def won(rows: Any, column: str) -> int:
    return rows.aggregate(won=Sum(column))["won"] or 0


def check(shop: Merchant, bank: Bank) -> None:
    """What holds after every single step."""
    sums = LedgerTransaction.objects.annotate(won=Sum("entries__amount_won"))
    assert not sums.exclude(won=0).exists()
    assert won(LedgerEntry.objects.filter(account=Account.REFUND_CLEARING), "amount_won") == 0
    payable = -won(LedgerEntry.objects.filter(account=Account.MERCHANT_PAYABLE), "amount_won")
    paid = won(Payout.objects.filter(state=PayoutState.PAID), "amount_won")
    open_ = settlement.open_figures(shop)
    settled = won(Settlement.objects.all(), "net_won")
    assert payable == settled - paid + open_.figures.net_won + open_.held_won
    for row in Settlement.objects.all():
        for column in ("gross_won", "refunds_won", "fee_won", "fee_vat_won", "net_won"):
            assert won(row.lines.all(), column) == getattr(row, column)
        assert won(row.lines.filter(is_late=True), "net_won") == row.late_won
    spans = list(Settlement.objects.order_by("last"))
    assert all(a.last < b.first for a, b in itertools.pairwise(spans))
    # reliability.md I23: nothing under an objection is ever settled.
    for hold in SettlementHold.objects.all():
        lines = SettlementLine.objects.filter(
            payment_id=hold.payment_id, settlement__closed_at__gt=hold.held_at
        )
        if hold.released_at:
            lines = lines.filter(settlement__closed_at__lt=hold.released_at)
        assert not lines.exists()
    known = Payout.objects.exclude(state__in=["SCHEDULED", "FAILED", "CANCELED"])
    assert sum(bank.paid.values()) <= won(known, "amount_won")


@contextmanager
def undone() -> Iterator[None]:
    """Rows of one example, gone with it; a transaction of its own would be refused inside."""
    point = transaction.savepoint()
    try:
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    finally:
        transaction.savepoint_rollback(point)


def run(steps: list[tuple[str, Any, int]], cycle: str, patch: pytest.MonkeyPatch) -> None:
    with undone(), patch.context() as patched:
        world = World(cycle)
        patched.setattr(transfers, "pay_out", world.bank.pay_out)
        patched.setattr(transfers, "is_settled", world.bank.is_settled)
        for step in steps:
            world.do(step)
            check(world.shop, world.bank)
        world.end()
        check(world.shop, world.bank)
        earned = won(Payment.objects.all(), "amount_won")
        payable = -won(LedgerEntry.objects.filter(account=Account.MERCHANT_PAYABLE), "amount_won")
        # Nothing is left with us; the merchant may owe what was given back after it was paid.
        assert payable <= 0
        assert sum(world.bank.paid.values()) <= earned
        assert not Payout.objects.exclude(state__in=["PAID", "CANCELED"]).exists()


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    steps=st.lists(STEPS, min_size=5, max_size=25),
    cycle=st.sampled_from(["DAILY", "WEEKLY", "HALF_MONTHLY", "MONTHLY"]),
)
def test_any_history_keeps_every_won(
    monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, Any, int]], cycle: str
) -> None:
    run(steps, cycle, monkeypatch)


def test_the_check_sees_a_won_that_is_settled_and_paid_but_not_booked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: a payout without its posting must not pass."""
    steps = [("sale", 10_000, 0), ("days", 40, 0), ("close", 0, 0), ("pay", "ok", 0)]
    real = LedgerTransaction.post
    monkeypatch.setattr(
        LedgerTransaction,
        "post",
        lambda kind, lines, **about: None if kind == "PAYOUT" else real(kind, lines, **about),
    )

    with pytest.raises(AssertionError, match="assert 9230 == "):
        run(steps, "MONTHLY", monkeypatch)


@given(
    amount_won=st.integers(1_000, 1_000_000),
    bps=st.integers(0, 1_000),
    cuts=st.lists(st.integers(1, 999), max_size=5),
)
def test_however_a_payment_is_given_back_all_of_its_fee_comes_back(
    amount_won: int, bps: int, cuts: list[int]
) -> None:
    from payments.money import Fee, fee_share

    left, left_won = fee_for(amount_won, bps), amount_won
    for part in [*cuts, None]:
        refund_won = left_won if part is None else max(1, left_won * part // 1_000)
        share = fee_share(left, left_won, refund_won)
        assert 0 <= share.total_won <= refund_won
        left = Fee(left.fee_won - share.fee_won, left.fee_vat_won - share.fee_vat_won)
        left_won -= refund_won
        if not left_won:
            break

    assert left == Fee(0, 0)
