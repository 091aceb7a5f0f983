"""The worker's side: due refunds go to the operator or to the bank, exactly once.

A claimed row carries a lease. If the worker dies, the row stays SENDING, its lease runs out, and
the next one asks what became of the call before it does anything: the same `order_ref` is used
again, so a repeated call is not a second refund.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Least

from payments import calendar, declines
from payments.banks import transfers
from payments.carriers import registry
from payments.carriers.base import (
    CarrierRefund,
    Declined,
    OutcomeUnknown,
    Unreachable,
    stopwatch,
)
from payments.models import (
    Account,
    CarrierCall,
    LedgerTransaction,
    LimitHold,
    Payment,
    Refund,
    claims,
)
from payments.models.ledger import Line
from payments.refunds.asking import in_time, locked, to_bank, verdict_of
from payments.states import RefundState

BATCH = 50
BACKOFF_SECONDS = (2, 5, 15, 60, 300, 1800)
GIVE_UP_AFTER = 20
# So long a cancel that the operator does not know of may still be on its way to it. Not longer than
# the cut-off lies before the end of the month, after which it is refused.
ARRIVES_WITHIN = timedelta(minutes=10)
_DUE = (RefundState.SCHEDULED, RefundState.SENDING, RefundState.UNKNOWN)
# When each should be sent under backlog: a day after it was due, but before its carrier's deadline.
# So on the last day the carrier's refunds overtake the bank's, which have no deadline, and on no
# other day does one kind keep the other waiting.
_LATEST = Least("deadline_at", F("due_at") + timedelta(days=1))
# How long a lost answer is waited for when the carrier's deadline is near.
_LAST_WAIT_SECONDS = 15
_log = logging.getLogger(__name__)


def send_due(*, now: datetime) -> int:
    """Carry out every refund that is due; returns how many were looked at."""
    due = Refund.objects.filter(state__in=_DUE)
    refunds = claims.claim_due(due, now=now, batch=BATCH, order=(_LATEST, "due_at", "id"))
    count = 0
    for refund in refunds:
        count += 1
        try:
            _carry_on(refund, now=now)
        except Exception:
            # One refund's trouble must not keep the others waiting; its lease brings it back.
            _log.exception("refund %s could not be carried on", refund.pk)
    return count


def _carry_on(refund: Refund, *, now: datetime) -> None:
    back_at = stopwatch(now)
    if refund.state != RefundState.SCHEDULED and _is_settled(refund, now=now):
        return
    call = _intend(refund.pk, now=back_at())
    if call is None:
        return
    try:
        is_done = _send(call)
    except Declined as refusal:
        _record_refusal(refund.pk, call, refusal, at=back_at())
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unknown(refund.pk, call, str(problem), at=back_at())
    else:
        if is_done:
            _record_success(refund.pk, call, at=back_at())
        else:
            _record_unknown(refund.pk, call, "processing", at=back_at())


def _is_settled(refund: Refund, *, now: datetime) -> bool:
    """Ask about the call whose answer is missing; True when that ended or postponed the refund."""
    back_at = stopwatch(now)
    call = refund.calls.filter(kind__in=_SENDS).latest("id")
    try:
        is_done = _look_up(refund, call)
    except (Unreachable, OutcomeUnknown, Declined) as problem:
        _record_unknown(refund.pk, call, str(problem), at=back_at())
        return True
    if is_done:
        _record_success(refund.pk, call, at=back_at())
        return True
    return False


_SENDS = (CarrierCall.Kind.REFUND, CarrierCall.Kind.PAYOUT)


@transaction.atomic(durable=True)
def _intend(refund_id: int, *, now: datetime) -> CarrierCall | None:
    """Commit what is about to be sent; None when there is nothing to send any more."""
    refund = locked(refund_id)
    if refund.state not in _DUE:
        return None
    if refund.route == calendar.Route.CARRIER:
        answer = verdict_of(refund, now)
        if answer.route != calendar.Route.CARRIER:
            _change_route(refund, answer.reason, at=now)
            return None
    if refund.state != RefundState.SCHEDULED:
        refund.move_to(RefundState.SCHEDULED, at=now, by="worker", reason="ask again")
    kind = (
        CarrierCall.Kind.REFUND
        if refund.route == calendar.Route.CARRIER
        else CarrierCall.Kind.PAYOUT
    )
    # A refused payout ended with its call; a lost answer is asked again under the same order_ref.
    call = refund.calls.filter(
        kind=kind, state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN]
    ).last()
    if call is None:
        call = CarrierCall(payment=refund.payment, refund=refund, kind=kind)
    call.state = CarrierCall.State.SENT
    call.sent_at = now
    call.save()
    refund.lease_expires_at = now + claims.LEASE
    refund.move_to(RefundState.SENDING, at=now, by="worker")
    return call


def _change_route(refund: Refund, reason: str, *, at: datetime) -> None:
    """To the bank, unless a cancel the operator does not know of may still arrive there.

    The caller holds the lock and has just asked. Whoever paid out now could pay twice.
    """
    lost = refund.calls.filter(
        kind=CarrierCall.Kind.REFUND, state__in=[CarrierCall.State.SENT, CarrierCall.State.UNKNOWN]
    ).last()
    if lost is not None and at < lost.sent_at + ARRIVES_WITHIN:
        refund.due_at = lost.sent_at + ARRIVES_WITHIN
        refund.lease_expires_at = None
        if refund.state == RefundState.SENDING:
            refund.move_to(RefundState.UNKNOWN, at=at, by="worker", reason="may still arrive")
        else:
            refund.save(update_fields=["due_at", "lease_expires_at"])
        return
    if lost is not None:
        lost.finish(CarrierCall.State.RESOLVED, at=at, answer="never arrived")
    to_bank(refund, reason, by="worker", at=at)


def _send(call: CarrierCall) -> bool:
    refund, payment = call.refund, call.payment
    if refund is None:
        raise ValueError("a call without its refund")
    if call.kind == CarrierCall.Kind.PAYOUT:
        transfers.pay_out(
            transfers.Payout(
                order_ref=call.order_ref,
                bank=refund.bank,
                account_number=refund.account_number,
                holder=refund.account_holder,
                amount_won=refund.amount_won,
                memo=payment.merchant.name,
            )
        )
        return True
    status = registry.adapter(payment.carrier).refund(
        payment.carrier_payment_id,
        CarrierRefund(
            order_ref=call.order_ref,
            reference=f"{payment.reference}-R{refund.pk}",
            part_won=refund.amount_won if refund.amount_won < payment.amount_won else None,
            item_name=payment.item_name,
        ),
    )
    return _is_done(status.status)


def _look_up(refund: Refund, call: CarrierCall) -> bool:
    if call.kind == CarrierCall.Kind.PAYOUT:
        return transfers.is_settled(call.order_ref)
    payment = refund.payment
    found = registry.adapter(payment.carrier).find_refund(
        payment.carrier_payment_id, call.order_ref
    )
    if found is not None and found.status == "processing":
        raise OutcomeUnknown("processing")
    return found is not None and _is_done(found.status)


def _is_done(status: str) -> bool:
    if status == "denied":
        raise Declined("CANCEL_INFO_MISMATCH", "refund denied")
    return status == "succeeded"


@transaction.atomic(durable=True)
def _record_success(refund_id: int, call: CarrierCall, *, at: datetime) -> None:
    refund = locked(refund_id)
    if refund.state not in (RefundState.SENDING, RefundState.UNKNOWN):
        return
    call.finish(CarrierCall.State.OK, at=at)
    refund.confirmed_at = at
    refund.lease_expires_at = None
    refund.move_to(RefundState.SUCCEEDED, at=at, by="worker")
    _post(refund, at=at)


@transaction.atomic(durable=True)
def _record_refusal(refund_id: int, call: CarrierCall, refusal: Declined, *, at: datetime) -> None:
    refund = locked(refund_id)
    if refund.state != RefundState.SENDING:
        return
    call.finish(CarrierCall.State.DECLINED, at=at, answer=refusal.detail)
    call.note_if_unmapped(refusal.code, at=at)
    refund.lease_expires_at = None
    refund.failure_code = refusal.code
    if refusal.code in declines.TO_BANK:
        if refusal.code not in declines.OF_PART:
            Payment.objects.filter(pk=refund.payment_id).update(is_refused_by_carrier=True)
        to_bank(refund, refusal.code, by="carrier", at=at)
    elif refund.route == calendar.Route.BANK:
        to_bank(refund, refusal.code, by="carrier", at=at)
    elif refusal.code == "CANCEL_TOO_EARLY" and refund.attempts < GIVE_UP_AFTER:
        refund.due_at = at + timedelta(minutes=1)
        refund.move_to(RefundState.SCHEDULED, at=at, by="carrier", reason=refusal.code)
    else:
        refund.move_to(RefundState.FAILED, at=at, by="carrier", reason=refusal.code)


@transaction.atomic(durable=True)
def _record_unknown(refund_id: int, call: CarrierCall, problem: str, *, at: datetime) -> None:
    refund = locked(refund_id)
    if refund.state not in (RefundState.SENDING, RefundState.UNKNOWN):
        return
    call.finish(CarrierCall.State.UNKNOWN, at=at, answer=problem)
    wait = BACKOFF_SECONDS[min(refund.attempts, len(BACKOFF_SECONDS) - 1)]
    refund.lease_expires_at = None
    earliest = at + timedelta(seconds=min(wait, _LAST_WAIT_SECONDS))
    refund.due_at = in_time(refund, at + timedelta(seconds=wait), earliest=earliest)
    if refund.state == RefundState.SENDING:
        refund.move_to(RefundState.UNKNOWN, at=at, by="worker", reason=problem[:200])
    else:
        refund.save(update_fields=["due_at", "lease_expires_at"])


def _post(refund: Refund, *, at: datetime) -> None:
    """Both routes return the fee; the carrier route takes the charge off the receivable."""
    payment = refund.payment
    kinds = LedgerTransaction.Kind
    if refund.route == calendar.Route.CARRIER:
        lines = LedgerTransaction.refund_lines(
            payment, refund.amount_won, Account.CARRIER_RECEIVABLE
        )
        LedgerTransaction.post(kinds.CARRIER_CANCEL, lines, payment=payment, refund=refund, at=at)
        LimitHold.give_back(payment, refund.amount_won)
        return
    lines = LedgerTransaction.refund_lines(payment, refund.amount_won, Account.REFUND_CLEARING)
    LedgerTransaction.post(kinds.BANK_REFUND, lines, payment=payment, refund=refund, at=at)
    settled = [
        Line(Account.REFUND_CLEARING, refund.amount_won),
        Line(Account.BANK, -refund.amount_won),
    ]
    LedgerTransaction.post(kinds.BANK_SETTLED, settled, payment=payment, refund=refund, at=at)
