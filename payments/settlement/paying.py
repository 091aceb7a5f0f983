"""Paying a settlement out through the bank, exactly once: intent, call, outcome.

A call whose answer is missing is asked about under its id before it is sent again under the same
id, with the account and amount it was first sent with. What the bank refuses goes to a person.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from payments import decisions
from payments.banks import transfers
from payments.carriers.base import Declined, OutcomeUnknown, Unreachable, stopwatch
from payments.models import (
    Account,
    Alert,
    LedgerTransaction,
    Payout,
    PayoutCall,
    SettlementTerms,
    claims,
)
from payments.models.ledger import Line
from payments.states import PayoutState

BATCH = 20
BACKOFF_SECONDS = (5, 15, 60, 300, 1800)
_DUE = (PayoutState.SCHEDULED, PayoutState.SENDING, PayoutState.UNKNOWN)
_log = logging.getLogger(__name__)


def pay_due(*, now: datetime) -> int:
    """Carry out every payout that is due; returns how many were looked at."""
    due = Payout.objects.filter(state__in=_DUE)
    payouts = claims.claim_due(due, now=now, batch=BATCH)
    count = 0
    for payout in payouts:
        count += 1
        try:
            _carry_on(payout, now=now)
        except Exception:
            # One payout's trouble must not keep the others waiting; its lease brings it back.
            _log.exception("payout %s could not be carried on", payout.pk)
    return count


@transaction.atomic
def retry(payout_id: int, *, reason: str, by: str, now: datetime) -> Payout:
    """A person has seen to what the bank refused: send it anew, under a new id.

    Raises IllegalMove unless the payout has failed, and decisions.ReasonMissing.
    """
    reason = decisions.required(reason)
    payout = _locked(payout_id)
    payout.failure_code = ""
    payout.due_at = now
    payout.move_to(PayoutState.SCHEDULED, at=now, by=by, reason=reason[:200])
    subject = f"payout:{payout.pk}"
    Alert.settle(subject, resolution=reason, by=by, at=now)
    decisions.record("payout.retry", subject=subject, reason=reason, by=by, at=now)
    return payout


def _carry_on(payout: Payout, *, now: datetime) -> None:
    back_at = stopwatch(now)
    call = _open_call(payout)
    if call is not None and _is_answered(payout.pk, call, now=now):
        return
    call = _intend(payout.pk, now=back_at())
    if call is None:
        return
    try:
        transfers.pay_out(
            transfers.Payout(
                order_ref=call.order_ref,
                bank=call.bank,
                account_number=call.account_number,
                holder=call.account_holder,
                amount_won=call.amount_won,
                memo=f"settlement {payout.settlement_id}",
            )
        )
    except Declined as refusal:
        _record_refusal(payout.pk, call, refusal, at=back_at())
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unknown(payout.pk, call, str(problem), at=back_at())
    else:
        _record_paid(payout.pk, call, at=back_at())


def _open_call(payout: Payout) -> PayoutCall | None:
    return payout.calls.filter(state__in=[PayoutCall.State.SENT, PayoutCall.State.UNKNOWN]).first()


def _is_answered(payout_id: int, call: PayoutCall, *, now: datetime) -> bool:
    """Ask the bank what became of a call; True when it need not be sent again now."""
    back_at = stopwatch(now)
    try:
        is_settled = transfers.is_settled(call.order_ref)
    except (Unreachable, OutcomeUnknown) as problem:
        _record_unknown(payout_id, call, str(problem), at=back_at())
        return True
    if is_settled:
        _record_paid(payout_id, call, at=back_at())
    return is_settled


def _locked(payout_id: int) -> Payout:
    return (
        Payout.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .get(pk=payout_id)
    )


@transaction.atomic(durable=True)
def _intend(payout_id: int, *, now: datetime) -> PayoutCall | None:
    """Commit what is about to be sent; None when there is nothing to send any more."""
    payout = _locked(payout_id)
    if payout.state not in _DUE:
        return None
    call = _open_call(payout)
    if call is None:
        terms = SettlementTerms.objects.get(merchant_id=payout.merchant_id)
        if not terms.account_sealed:
            _fail(payout, "ACCOUNT_MISSING", at=now)
            return None
        call = PayoutCall.intended(payout, terms, at=now)
    payout.lease_expires_at = now + claims.LEASE
    if payout.state == PayoutState.SENDING:
        # Whoever sent it never came back.
        payout.move_to(PayoutState.UNKNOWN, at=now, by="worker", reason="lease ran out")
    payout.move_to(PayoutState.SENDING, at=now, by="worker")
    return call


@transaction.atomic(durable=True)
def _record_paid(payout_id: int, call: PayoutCall, *, at: datetime) -> None:
    payout = _locked(payout_id)
    if payout.state not in (PayoutState.SENDING, PayoutState.UNKNOWN):
        return
    call.finish(PayoutCall.State.OK, at=at)
    payout.paid_at = at
    payout.lease_expires_at = None
    payout.move_to(PayoutState.PAID, at=at, by="bank")
    LedgerTransaction.post(
        LedgerTransaction.Kind.PAYOUT,
        [
            Line(Account.MERCHANT_PAYABLE, payout.amount_won),
            Line(Account.BANK, -payout.amount_won),
        ],
        merchant=payout.merchant,
        source=f"payout:{payout.pk}",
        at=at,
    )


@transaction.atomic(durable=True)
def _record_refusal(payout_id: int, call: PayoutCall, refusal: Declined, *, at: datetime) -> None:
    payout = _locked(payout_id)
    if payout.state != PayoutState.SENDING:
        return
    call.finish(PayoutCall.State.DECLINED, at=at, answer=refusal.detail)
    _fail(payout, refusal.code, at=at)


@transaction.atomic(durable=True)
def _record_unknown(payout_id: int, call: PayoutCall, problem: str, *, at: datetime) -> None:
    payout = _locked(payout_id)
    if payout.state not in (PayoutState.SENDING, PayoutState.UNKNOWN):
        return
    call.finish(PayoutCall.State.UNKNOWN, at=at, answer=problem)
    payout.lease_expires_at = None
    payout.due_at = at + timedelta(
        seconds=BACKOFF_SECONDS[min(payout.attempts, len(BACKOFF_SECONDS)) - 1]
    )
    if payout.state == PayoutState.SENDING:
        payout.move_to(PayoutState.UNKNOWN, at=at, by="worker", reason=problem[:200])
    else:
        payout.save(update_fields=["due_at", "lease_expires_at"])


def _fail(payout: Payout, code: str, *, at: datetime) -> None:
    payout.failure_code = code
    payout.lease_expires_at = None
    payout.move_to(PayoutState.FAILED, at=at, by="worker", reason=code)
