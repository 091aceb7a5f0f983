"""An accepted refund is sent before the carrier's month closes, whatever else waits."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from payments import refunds
from payments.calendar import SEOUL, Route
from payments.carriers.base import OutcomeUnknown
from payments.models import OutboxEvent, Payment, Refund
from payments.refunds import sending
from payments.states import RefundState
from tests.portal import histories

pytestmark = pytest.mark.django_db(transaction=True)
PAID_AT = datetime(2026, 11, 10, 12, tzinfo=SEOUL)
CUTOFF = datetime(2026, 11, 30, 23, 50, tzinfo=SEOUL)


@pytest.fixture
def payment() -> Payment:
    return histories.sale(histories.shop("melody"), at=PAID_AT, carrier_payment_id="cp-1")


@pytest.fixture(autouse=True)
def ten_minutes(settings: Any) -> None:
    settings.REFUND_DELAY_SECONDS = 600


def asked(payment: Payment, *, now: datetime) -> Refund:
    return refunds.request(
        payment_id=payment.pk,
        amount_won=payment.amount_won,
        expected_remaining_won=payment.amount_won,
        reason="단순 변심",
        by="test",
        now=now,
    )


@pytest.mark.parametrize(
    ("before_cutoff", "waits"),
    [
        (timedelta(days=3), timedelta(minutes=10)),
        (timedelta(minutes=12), timedelta(minutes=10)),
        (timedelta(minutes=11), timedelta(minutes=9)),
        (timedelta(minutes=2), timedelta(0)),
        (timedelta(seconds=1), timedelta(0)),
    ],
)
def test_a_refund_waits_its_delay_but_is_due_before_the_month_closes(
    payment: Payment, before_cutoff: timedelta, waits: timedelta
) -> None:
    now = CUTOFF - before_cutoff

    refund = asked(payment, now=now)

    assert (refund.state, refund.deadline_at) == (RefundState.SCHEDULED, CUTOFF)
    assert refund.due_at == now + waits


def test_a_refund_is_never_due_before_the_carrier_takes_it(payment: Payment) -> None:
    old_enough_at = CUTOFF - timedelta(seconds=30)
    refund = Refund(payment=payment, route=Route.CARRIER, deadline_at=CUTOFF)

    due_at = refunds.asking.in_time(refund, CUTOFF, earliest=old_enough_at)

    assert due_at == old_enough_at


def test_a_refund_by_bank_has_no_deadline(payment: Payment) -> None:
    refund = asked(payment, now=CUTOFF)
    now = CUTOFF + timedelta(minutes=1)

    given = refunds.give_account(
        refund_id=refund.pk, bank="국민", number="12345678901", holder="김시험", now=now
    )

    assert (given.route, given.due_at) == (Route.BANK, now + timedelta(minutes=10))


def test_a_refund_that_missed_the_month_goes_to_the_bank_and_the_payer_is_told(
    payment: Payment,
) -> None:
    refund = asked(payment, now=CUTOFF - timedelta(minutes=1))

    refunds.send_due(now=CUTOFF)

    refund.refresh_from_db()
    assert (refund.state, refund.route) == (RefundState.AWAITING_ACCOUNT, Route.BANK)
    assert not refund.calls.exists()
    told = OutboxEvent.objects.get(subject_id=refund.pk)
    assert told.kind == "refund.account_needed"


def test_a_lost_answer_is_asked_about_before_the_month_closes(
    payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund = asked(payment, now=CUTOFF - timedelta(minutes=4))
    Refund.objects.filter(pk=refund.pk).update(attempts=5)

    def lost(_: object) -> bool:
        raise OutcomeUnknown("timeout")

    monkeypatch.setattr(sending, "_send", lost)
    refunds.send_due(now=CUTOFF - timedelta(minutes=2))

    refund.refresh_from_db()
    assert refund.state == RefundState.UNKNOWN
    assert refund.due_at is not None
    assert refund.due_at < CUTOFF - timedelta(minutes=1)


def test_under_backlog_the_nearest_deadline_is_taken_first(
    payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = CUTOFF - timedelta(hours=1)
    bank = waiting(payment, due_at=now - timedelta(hours=9), deadline_at=None)
    carrier = waiting(payment, due_at=now - timedelta(minutes=1), deadline_at=CUTOFF)

    assert taken_in_order(2, now=now, monkeypatch=monkeypatch) == [carrier.pk, bank.pk]


def test_far_from_a_deadline_who_came_first_is_taken_first(
    payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = CUTOFF - timedelta(days=10)
    bank = waiting(payment, due_at=now - timedelta(hours=9), deadline_at=None)
    carrier = waiting(payment, due_at=now - timedelta(minutes=1), deadline_at=CUTOFF)

    assert taken_in_order(2, now=now, monkeypatch=monkeypatch) == [bank.pk, carrier.pk]


def waiting(payment: Payment, *, due_at: datetime, deadline_at: datetime | None) -> Refund:
    return Refund.objects.create(
        payment=payment,
        merchant=payment.merchant,
        amount_won=1_000,
        route=Route.CARRIER if deadline_at else Route.BANK,
        state=RefundState.SCHEDULED,
        requested_by="test",
        requested_at=PAID_AT,
        due_at=due_at,
        deadline_at=deadline_at,
    )


def taken_in_order(count: int, *, now: datetime, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Which refunds a worker takes that can carry one at a time."""
    taken: list[int] = []
    monkeypatch.setattr(sending, "BATCH", 1)
    monkeypatch.setattr(sending, "_carry_on", lambda refund, **_: taken.append(refund.pk))
    for _ in range(count):
        refunds.send_due(now=now)
    return taken
