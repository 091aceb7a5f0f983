"""What a merchant is owed: closed by period, carried on, held, paid out once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum

from payments import settlement
from payments.calendar import SEOUL
from payments.models import (
    Account,
    FeeTerm,
    LedgerEntry,
    LedgerTransaction,
    Merchant,
    OutboxEvent,
    Payment,
    Payout,
    PayoutCall,
    Settlement,
    SettlementHold,
    SettlementLine,
    SettlementTerms,
)
from payments.states import IllegalMove, PayoutState
from tests.portal import histories

pytestmark = pytest.mark.django_db

NOVEMBER = datetime(2026, 11, 10, 12, tzinfo=SEOUL)
DECEMBER = datetime(2026, 12, 10, 12, tzinfo=SEOUL)
JANUARY = datetime(2027, 1, 10, 12, tzinfo=SEOUL)
FEBRUARY = datetime(2027, 2, 10, 12, tzinfo=SEOUL)
# Of 10,000 won at 7 %: fee 700, VAT 70.
NET = 9_230


def merchant(cycle: str = "MONTHLY", **terms: Any) -> Merchant:
    shop = histories.shop("melody")
    row = SettlementTerms(merchant=shop, cycle=cycle, payout_days=0, **terms)
    row.set_account(bank="국민", number="12345678901", holder="멜로디")
    row.save()
    return shop


def sale(shop: Merchant, at: datetime = NOVEMBER, amount_won: int = 10_000) -> Any:
    return histories.sale(shop, at=at, amount_won=amount_won)


def closed(shop: Merchant, *, now: datetime) -> list[Settlement]:
    """What closing everything that is over writes."""
    written = []
    while (row := settlement.close_next(shop.pk, now=now)) is not None:
        written.append(row)
    return written


def hold(payment: Any, *, now: datetime = DECEMBER) -> SettlementHold:
    return settlement.hold(payment.pk, reason="이의신청", by="agent", now=now)


def release(payment: Any, *, now: datetime = JANUARY) -> SettlementHold:
    return settlement.release(payment.pk, reason="기각", by="agent", now=now)


def sent(payout: Payout) -> None:
    """As if the bank had paid it."""
    payout.paid_at = payout.due_at
    payout.move_to(PayoutState.SENDING, at=payout.due_at, by="test")
    payout.move_to(PayoutState.PAID, at=payout.due_at, by="test")


def payable_won(shop: Merchant) -> int:
    entries = LedgerEntry.objects.filter(
        transaction__merchant=shop, account=Account.MERCHANT_PAYABLE
    )
    return -(entries.aggregate(won=Sum("amount_won"))["won"] or 0)


# Fees


def fees_at(shop: Merchant, *moments: datetime) -> list[int]:
    """What counts at these moments, asked for by merchant and read beside a payment: the same."""
    payment = sale(shop)
    read = Payment.objects.annotate(fee_terms=FeeTerm.beside_payment()).get(pk=payment.pk)
    fees = [FeeTerm.bps_at(shop, at) for at in moments]
    assert fees == [FeeTerm.bps_of(read, at) for at in moments]
    return fees


def test_a_payment_takes_the_fee_that_is_valid_when_it_was_paid() -> None:
    shop = merchant()
    for day, bps in ((1, 600), (20, 500)):
        at = datetime(2026, 11, day, tzinfo=SEOUL)
        FeeTerm.objects.create(merchant=shop, fee_bps=bps, valid_from=at, source="계약")

    moments = (NOVEMBER - timedelta(days=30), NOVEMBER, NOVEMBER + timedelta(days=10))
    assert fees_at(shop, *moments) == [700, 600, 500]


def test_the_fee_of_the_shops_category_goes_before_the_one_for_all() -> None:
    shop = merchant(category="REAL")
    at = NOVEMBER - timedelta(days=1)
    for category, bps in (("REAL", 350), ("DIGITAL", 900)):
        FeeTerm.objects.create(
            merchant=shop, category=category, fee_bps=bps, valid_from=at, source="계약"
        )
    FeeTerm.objects.create(merchant=shop, fee_bps=100, valid_from=NOVEMBER, source="계약")

    assert fees_at(shop, NOVEMBER) == [350]


def test_another_merchants_fee_says_nothing() -> None:
    other = histories.shop("other")
    FeeTerm.objects.create(merchant=other, fee_bps=1, valid_from=NOVEMBER, source="계약")

    assert fees_at(merchant(), NOVEMBER) == [700]


def test_a_refund_gives_back_the_fee_that_was_taken_whatever_fees_are_later() -> None:
    shop = merchant()
    payment = sale(shop)
    FeeTerm.objects.create(merchant=shop, fee_bps=100, valid_from=NOVEMBER, source="새 계약")

    lines = LedgerTransaction.refund_lines(payment, 10_000, Account.CARRIER_RECEIVABLE)

    assert [(line.account, line.amount_won) for line in lines] == [
        ("MERCHANT_PAYABLE", NET),
        ("FEE_REVENUE", 700),
        ("VAT_PAYABLE", 70),
        ("CARRIER_RECEIVABLE", -10_000),
    ]


# Closing


def test_a_period_closes_when_it_is_over_and_not_before() -> None:
    shop = merchant()
    sale(shop)
    last_moment = datetime(2026, 11, 30, 23, 59, 59, tzinfo=SEOUL)

    assert closed(shop, now=last_moment) == []
    (november,) = closed(shop, now=last_moment + timedelta(seconds=1))

    assert (november.first, november.last) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (november.gross_won, november.fee_won, november.fee_vat_won) == (10_000, 700, 70)
    assert november.net_won == november.payable_won == november.payout.amount_won == NET


def test_months_end_in_korea() -> None:
    shop = merchant()
    sale(shop, datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC))
    sale(shop, datetime(2026, 11, 30, 15, 0, tzinfo=UTC), 20_000)

    written = closed(shop, now=JANUARY)

    assert [(row.first.month, row.gross_won) for row in written] == [(11, 10_000), (12, 20_000)]


@pytest.mark.parametrize(
    ("cycle", "spans"),
    [
        ("DAILY", ["2026-11-10–2026-11-10"]),
        ("WEEKLY", ["2026-11-09–2026-11-15"]),
        ("HALF_MONTHLY", ["2026-11-01–2026-11-15"]),
        ("MONTHLY", ["2026-11-01–2026-11-30"]),
    ],
)
def test_each_cycle_has_its_period(cycle: str, spans: list[str]) -> None:
    shop = merchant(cycle)
    sale(shop)

    assert [f"{row.first}–{row.last}" for row in closed(shop, now=DECEMBER)] == spans


def test_a_changed_cycle_puts_no_day_into_two_periods() -> None:
    shop = merchant("WEEKLY")
    sale(shop)
    closed(shop, now=NOVEMBER + timedelta(days=10))
    SettlementTerms.objects.update(cycle="MONTHLY")
    sale(shop, NOVEMBER + timedelta(days=10))

    (rest,) = closed(shop, now=DECEMBER)

    assert (rest.first, rest.last) == (date(2026, 11, 16), date(2026, 11, 30))


def test_a_period_without_anything_is_not_written() -> None:
    shop = merchant()
    sale(shop)

    assert len(closed(shop, now=FEBRUARY)) == 1
    assert closed(shop, now=FEBRUARY) == []


def test_a_payment_found_late_goes_into_the_next_period_as_late() -> None:
    shop = merchant()
    sale(shop)
    closed(shop, now=DECEMBER)
    sale(shop, NOVEMBER + timedelta(days=5), 1_000)
    sale(shop, DECEMBER)

    (december,) = closed(shop, now=JANUARY)

    assert (december.gross_won, december.late_won) == (11_000, 923)
    assert list(december.lines.order_by("pk").values_list("is_late", flat=True)) == [True, False]


def test_a_refund_of_a_settled_payment_is_a_negative_line_of_the_next_period() -> None:
    shop = merchant()
    payment = sale(shop)
    (november,) = closed(shop, now=DECEMBER)
    histories.refund(payment, at=DECEMBER, route="BANK")
    sale(shop, DECEMBER, 30_000)

    (december,) = closed(shop, now=JANUARY)

    assert list(december.lines.order_by("pk").values_list("net_won", flat=True)) == [-NET, 3 * NET]
    assert (december.refunds_won, december.payable_won) == (10_000, 2 * NET)
    assert november.payout.amount_won == NET


def test_what_a_merchant_owes_is_taken_from_the_next_payout() -> None:
    shop = merchant()
    payment = sale(shop)
    (november,) = closed(shop, now=DECEMBER)
    sent(november.payout)
    histories.refund(payment, at=DECEMBER)
    (december,) = closed(shop, now=JANUARY)
    sale(shop, JANUARY, 30_000)

    (january,) = closed(shop, now=FEBRUARY)

    assert december.payable_won == -NET
    assert not Payout.objects.filter(settlement=december).exists()
    assert (january.brought_forward_won, january.payable_won) == (-NET, 2 * NET)


def test_a_settlement_and_its_lines_can_neither_be_changed_nor_deleted() -> None:
    shop = merchant()
    sale(shop)
    (row,) = closed(shop, now=DECEMBER)

    for change in (
        lambda: Settlement.objects.update(net_won=0),
        lambda: SettlementLine.objects.update(net_won=0),
        lambda: SettlementLine.objects.filter(settlement=row).delete(),
        lambda: FeeTerm.objects.create(
            merchant=shop, fee_bps=1, valid_from=NOVEMBER, source="계약"
        ).delete(),
    ):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            change()


def test_a_posting_cannot_be_settled_twice() -> None:
    shop = merchant()
    sale(shop)
    (row,) = closed(shop, now=DECEMBER)
    line = row.lines.get()
    line.pk = None

    with pytest.raises(DatabaseError, match="transaction_id"), transaction.atomic():
        line.save(force_insert=True)


def test_a_merchant_without_terms_is_settled_monthly_and_stops_at_the_payout() -> None:
    shop = histories.shop("new")
    sale(shop)

    assert settlement.close_due(now=DECEMBER) == 1
    settlement.pay_due(now=DECEMBER + timedelta(days=30))

    payout = Payout.objects.get()
    assert (payout.state, payout.failure_code) == (PayoutState.FAILED, "ACCOUNT_MISSING")
    assert OutboxEvent.objects.filter(kind="payout.failed", subject_id=payout.pk).exists()


# Holds


def test_a_payment_under_an_objection_stays_out_until_it_is_released() -> None:
    shop = merchant()
    contested, other = sale(shop), sale(shop, amount_won=20_000)
    hold(contested, now=NOVEMBER)
    (november,) = closed(shop, now=DECEMBER)

    release(contested, now=DECEMBER)
    (december,) = closed(shop, now=JANUARY)

    assert [line.payment_id for line in november.lines.all()] == [other.pk]
    assert (november.held_won, november.payable_won) == (NET, 2 * NET)
    assert (december.held_won, december.late_won, december.payable_won) == (0, NET, NET)


def test_a_hold_takes_a_settled_payment_out_of_the_payout_that_was_not_sent() -> None:
    shop = merchant()
    contested = sale(shop)
    sale(shop, amount_won=20_000)
    (november,) = closed(shop, now=DECEMBER)

    held = hold(contested)

    november.payout.refresh_from_db()
    assert (held.withheld_won, november.payout.amount_won) == (NET, 2 * NET)
    sale(shop, DECEMBER, 30_000)
    (december,) = closed(shop, now=JANUARY)
    assert (december.brought_forward_won, december.withheld_won) == (NET, NET)
    assert december.payable_won == 3 * NET
    release(contested)
    (january,) = closed(shop, now=FEBRUARY)
    assert (january.brought_forward_won, january.payable_won) == (NET, NET)


def test_a_hold_of_all_there_is_cancels_the_payout() -> None:
    shop = merchant()
    contested = sale(shop)
    (november,) = closed(shop, now=DECEMBER)

    hold(contested)

    november.payout.refresh_from_db()
    assert (november.payout.state, november.payout.amount_won) == (PayoutState.CANCELED, 0)


def test_a_hold_comes_too_late_for_money_that_is_gone() -> None:
    shop = merchant()
    contested = sale(shop)
    (november,) = closed(shop, now=DECEMBER)
    sent(november.payout)
    sale(shop, DECEMBER)
    (december,) = closed(shop, now=JANUARY)

    assert hold(contested, now=JANUARY).withheld_won == 0
    december.payout.refresh_from_db()
    assert december.payout.amount_won == NET


def test_an_upheld_objection_costs_the_merchant_the_payment_once() -> None:
    shop = merchant()
    contested = sale(shop)
    sale(shop, amount_won=20_000)
    (november,) = closed(shop, now=DECEMBER)
    hold(contested)
    november.payout.refresh_from_db()
    sent(november.payout)
    histories.refund(contested, at=DECEMBER, route="BANK")
    assert closed(shop, now=JANUARY) == []

    release(contested)
    sale(shop, JANUARY)
    closed(shop, now=FEBRUARY)

    assert sum(Payout.objects.values_list("amount_won", flat=True)) == 3 * NET


def test_holding_again_changes_nothing_and_releasing_twice_is_refused() -> None:
    payment = sale(merchant())

    assert hold(payment) == hold(payment)
    release(payment)
    with pytest.raises(settlement.NoSuchHold):
        release(payment)


def test_a_hold_is_never_deleted() -> None:
    hold(sale(merchant()))

    with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
        SettlementHold.objects.all().delete()


# Payouts


@pytest.fixture
def payout() -> Payout:
    shop = merchant()
    sale(shop)
    (row,) = closed(shop, now=DECEMBER)
    return row.payout


def at_the_bank(operator: Any, ref: str | None = None) -> list[dict[str, Any]]:
    books = httpx2.get(
        f"{operator.base_url}/books", headers={"Authorization": f"Bearer {operator.token}"}
    ).json()
    refs = set(PayoutCall.objects.values_list("order_ref", flat=True))
    return [row for row in books["payouts"] if row["id"] in refs]


def misbehave(operator: Any, mode: str, times: int = 1) -> None:
    httpx2.post(
        f"{operator.base_url}/control/faults",
        json={"operation": "payout", "mode": mode, "times": times},
        headers={"Authorization": f"Bearer {operator.token}"},
    ).raise_for_status()


def behave(operator: Any) -> None:
    httpx2.delete(
        f"{operator.base_url}/control/faults",
        headers={"Authorization": f"Bearer {operator.token}"},
    ).raise_for_status()


def work(payout: Payout, *, times: int = 1) -> Payout:
    for _ in range(times):
        settlement.pay_due(now=payout.due_at + timedelta(seconds=1))
        payout.refresh_from_db()
    return payout


@pytest.mark.django_db(transaction=True)
def test_a_payout_is_paid_once_and_empties_what_is_owed(operator: Any, payout: Any) -> None:
    work(payout, times=3)

    assert payout.state == PayoutState.PAID
    assert [row["amount_won"] for row in at_the_bank(operator)] == [NET]
    assert payable_won(payout.merchant) == 0
    bank = LedgerEntry.objects.filter(account=Account.BANK).aggregate(won=Sum("amount_won"))
    assert bank["won"] == -NET


@pytest.mark.django_db(transaction=True)
def test_a_lost_answer_is_asked_for_and_never_paid_twice(operator: Any, payout: Any) -> None:
    misbehave(operator, "timeout_after")
    assert work(payout).state == PayoutState.UNKNOWN
    assert payable_won(payout.merchant) == NET

    # Whoever sent it again instead of asking would meet this.
    misbehave(operator, "error_500")
    assert work(payout).state == PayoutState.PAID
    assert len(at_the_bank(operator)) == 1
    assert payout.calls.count() == 1
    behave(operator)


@pytest.mark.django_db(transaction=True)
def test_a_payout_that_never_arrived_is_sent_again_under_the_same_id(
    operator: Any, payout: Any
) -> None:
    misbehave(operator, "error_500")
    assert work(payout).state == PayoutState.UNKNOWN

    assert work(payout).state == PayoutState.PAID
    assert payout.calls.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_died_after_sending_is_found_out(operator: Any, payout: Any) -> None:
    from payments.settlement import paying

    assert paying._intend(payout.pk, now=payout.due_at) is not None

    settlement.pay_due(now=payout.due_at + timedelta(minutes=2))

    payout.refresh_from_db()
    assert payout.state == PayoutState.PAID
    assert len(at_the_bank(operator)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_refused_account_goes_to_a_person_and_is_sent_anew(operator: Any, payout: Any) -> None:
    terms = payout.merchant.terms
    terms.set_account(bank="국민", number="1234560000", holder="멜로디")
    terms.save()
    assert (work(payout).state, payout.failure_code) == (PayoutState.FAILED, "ACCOUNT_NOT_FOUND")
    assert OutboxEvent.objects.filter(kind="payout.failed", subject_id=payout.pk).exists()

    terms.set_account(bank="국민", number="1234567777", holder="멜로디")
    terms.save()
    settlement.retry(payout.pk, reason="계좌 고침", by="staff", now=payout.due_at)

    assert work(payout).state == PayoutState.PAID
    assert [row["account_number"] for row in at_the_bank(operator)] == ["1234567777"]
    with pytest.raises(IllegalMove):
        settlement.retry(payout.pk, reason="계좌 고침", by="staff", now=payout.due_at)


# Operators


def test_what_an_operator_remits_takes_its_receivable_down_once() -> None:
    shop = merchant()
    sale(shop)

    for _ in range(2):
        settlement.remit(
            carrier="SKT", amount_won=10_000, bank_ref="B-1", received_at=JANUARY, by="staff"
        )

    sums = {
        account: LedgerEntry.objects.filter(account=account).aggregate(won=Sum("amount_won"))["won"]
        for account in (Account.CARRIER_RECEIVABLE, Account.BANK)
    }
    assert sums == {Account.CARRIER_RECEIVABLE: 0, Account.BANK: 10_000}
    with pytest.raises(settlement.Contradiction):
        settlement.remit(
            carrier="SKT", amount_won=9_999, bank_ref="B-1", received_at=JANUARY, by="staff"
        )
