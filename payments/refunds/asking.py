"""Asking for a refund: whether, how much, by which route. Only rows; nothing is sent here."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum

from payments import calendar, decisions, money
from payments.carriers import registry
from payments.models import Payment, Refund
from payments.states import REFUND_HOLDS_MONEY, PaymentState, RefundState

# A carrier refund is tried this long before its deadline at the latest, whatever it would wait for.
LAST_CHANCE = timedelta(minutes=2)

# Why an accepted refund left the carrier's route; any other word is a refusal of the operator's.
_REASON_OF = {
    "MONTH_CLOSED": calendar.Reason.MONTH_CLOSED,
    "CANCEL_MONTH_CLOSED": calendar.Reason.MONTH_CLOSED,
    "PART_NOT_SUPPORTED": calendar.Reason.PART_NOT_SUPPORTED,
    "PARTIAL_NOT_SUPPORTED": calendar.Reason.PART_NOT_SUPPORTED,
}


class UnableToRefund(Exception):
    """The refund was not created or not sent again.

    `code` is NOT_PAID, ALREADY_REFUNDED, REMAINING_CHANGED, AMOUNT_EXCEEDED, MAY_HAVE_MOVED, or
    NO_ROUTE with the rule's `reasons`. `remaining_won` is what is left now, where that matters.
    """

    def __init__(
        self,
        code: str,
        *,
        remaining_won: int | None = None,
        reasons: tuple[calendar.Reason, ...] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.remaining_won = remaining_won
        self.reasons = reasons


def verdict(payment: Payment, now: datetime, *, amount_won: int | None = None) -> calendar.Verdict:
    """By which route and until when this much of a payment can go back; None is all that is left.

    Raises calendar.NotPaid.
    """
    return _route(payment, now, amount_won=amount_won, left_won=remaining_won(payment))


def verdict_of(refund: Refund, now: datetime) -> calendar.Verdict:
    """By which route an accepted refund can go now: whether it is a part was decided then."""
    return _route(refund.payment, now, amount_won=None, left_won=refund.amount_won)


def remaining_won(payment: Payment) -> int:
    """Won not yet given back or promised back."""
    held = payment.refunds.filter(state__in=REFUND_HOLDS_MONEY).aggregate(won=Sum("amount_won"))
    return money.refundable_won(payment.amount_won, held["won"] or 0)


def decided_alone_won(payment: Payment) -> int:
    """Won of this payment that go back by the word of one person each: asked for and approved."""
    alone = payment.refunds.filter(state__in=REFUND_HOLDS_MONEY, approved_by=F("requested_by"))
    return alone.aggregate(won=Sum("amount_won"))["won"] or 0


@transaction.atomic
def request(
    *,
    payment_id: int,
    amount_won: int,
    expected_remaining_won: int,
    reason: str,
    by: str,
    now: datetime,
    requested_by: str = "",
) -> Refund:
    """Create and schedule a refund, or wait for an account where the carrier cannot cancel.

    `expected_remaining_won` is what the caller saw; if it is no longer true nothing is created, and
    the error says what is left. `by` approves; `requested_by` is who asked, when that is somebody
    else of ours. Raises UnableToRefund, and decisions.SecondPersonNeeded when one person does both
    above the limit, which counts all that was decided so of this payment.
    """
    # Races with another refund of the same payment: the sum below must not change under us.
    payment = (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .get(pk=payment_id)
    )
    if payment.state != PaymentState.PAID:
        raise UnableToRefund("NOT_PAID")
    remaining = remaining_won(payment)
    if remaining == 0:
        raise UnableToRefund("ALREADY_REFUNDED")
    if remaining != expected_remaining_won:
        raise UnableToRefund("REMAINING_CHANGED", remaining_won=remaining)
    if not 0 < amount_won <= remaining:
        raise UnableToRefund("AMOUNT_EXCEEDED", remaining_won=remaining)
    decisions.check_two(
        amount_won=decided_alone_won(payment) + amount_won,
        merchant=payment.merchant,
        requested_by=requested_by or by,
        by=by,
        now=now,
    )
    answer = _route(payment, now, amount_won=amount_won, left_won=remaining)
    if answer.route is None:
        raise UnableToRefund("NO_ROUTE", remaining_won=remaining, reasons=answer.reasons)
    refund = Refund.objects.create(
        payment=payment,
        merchant=payment.merchant,
        amount_won=amount_won,
        route=answer.route,
        route_reason=answer.reason,
        reason=reason[:200],
        requested_by=requested_by or by,
        approved_by=by,
        requested_at=now,
        deadline_at=answer.deadline,
        expected_on=answer.expected_on,
    )
    _start(refund, answer, by=by, now=now)
    return refund


@transaction.atomic
def withdraw(*, refund_id: int, by: str, now: datetime) -> Refund:
    """Take the request back. Raises IllegalMove once money moves."""
    refund = locked(refund_id)
    refund.move_to(RefundState.WITHDRAWN, at=now, by=by)
    return refund


@transaction.atomic
def give_account(*, refund_id: int, bank: str, number: str, holder: str, now: datetime) -> Refund:
    """The payer names the account. Raises IllegalMove unless the refund waits for one."""
    refund = locked(refund_id)
    refund.set_account(bank=bank, number=number, holder=holder)
    refund.failure_code = ""
    refund.due_at = now + timedelta(seconds=settings.REFUND_DELAY_SECONDS)
    refund.move_to(RefundState.SCHEDULED, at=now, by="shopper")
    return refund


def locked(refund_id: int) -> Refund:
    """The refund's row, locked against the worker, the desk and the shopper at once."""
    return (
        Refund.objects.select_for_update(of=("self",), no_key=True)
        .select_related("payment__merchant")
        .get(pk=refund_id)
    )


def in_time(refund: Refund, wanted: datetime, *, earliest: datetime) -> datetime:
    """When to send: as `wanted`, but before the carrier's deadline, and never before `earliest`."""
    if refund.deadline_at is None:
        return max(wanted, earliest)
    return max(min(wanted, refund.deadline_at - LAST_CHANCE), earliest)


def to_bank(refund: Refund, reason: str, *, by: str, at: datetime) -> None:
    """The carrier route is closed, or the account was wrong: ask the payer for an account.

    Where no bank route is contracted it fails instead, for a person. The caller holds the lock.
    """
    refund.lease_expires_at = None
    if not has_bank_route(refund):
        refund.failure_code = calendar.Reason.BANK_NOT_CONTRACTED
        refund.move_to(RefundState.FAILED, at=at, by=by, reason=reason)
        return
    if refund.route == calendar.Route.CARRIER:
        refund.route_reason = _REASON_OF.get(reason, calendar.Reason.REFUSED_BY_CARRIER)
    refund.route = calendar.Route.BANK
    refund.deadline_at = None
    refund.expected_on = calendar.business_days_after(at.astimezone(calendar.SEOUL).date(), 3)
    refund.move_to(RefundState.AWAITING_ACCOUNT, at=at, by=by, reason=reason)


def has_bank_route(refund: Refund) -> bool:
    """Whether it may go to an account; one that was promised to go there still does."""
    is_promised = refund.route == calendar.Route.BANK
    return is_promised or registry.capabilities(refund.payment.carrier).has_bank_route


def _route(
    payment: Payment, now: datetime, *, amount_won: int | None, left_won: int
) -> calendar.Verdict:
    return calendar.refund_route(
        payment,
        now,
        registry.capabilities(payment.carrier),
        payment.merchant.policy,
        amount_won=amount_won,
        remaining_won=left_won,
    )


def _start(refund: Refund, answer: calendar.Verdict, *, by: str, now: datetime) -> None:
    if answer.route == calendar.Route.BANK:
        refund.move_to(RefundState.AWAITING_ACCOUNT, at=now, by=by)
        return
    delay = timedelta(seconds=settings.REFUND_DELAY_SECONDS)
    refund.due_at = in_time(refund, now + delay, earliest=answer.not_before)
    refund.move_to(RefundState.SCHEDULED, at=now, by=by)
