"""The way on for a refund that failed: again, or by the bank. A person decides (design §4).

Both only where money surely did not move: every call was refused, and for a reason that does not
say it had moved before.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments import decisions
from payments.calendar import Reason, Route
from payments.models import Alert, CarrierCall, Payment, Refund
from payments.refunds.asking import (
    UnableToRefund,
    has_bank_route,
    in_time,
    locked,
    remaining_won,
    to_bank,
    verdict_of,
)
from payments.states import IllegalMove, RefundState

# The operator has cancelled, or is cancelling, something of this payment already.
_MAY_HAVE_MOVED = frozenset({"ALREADY_CANCELLED", "CANCEL_IN_PROGRESS"})


@transaction.atomic
def retry(*, refund_id: int, reason: str, by: str, now: datetime) -> Refund:
    """Send a failed refund again, by the route that is open now.

    It ends SCHEDULED, or AWAITING_ACCOUNT when the month closed meanwhile; above the limit it
    stays FAILED until a second person agrees. Raises decisions.ReasonMissing, decisions.SamePerson,
    IllegalMove unless it failed, and UnableToRefund MAY_HAVE_MOVED, REMAINING_CHANGED or NO_ROUTE.
    """
    reason = decisions.required(reason)
    refund = _failed(refund_id, RefundState.SCHEDULED)
    is_carrier = refund.route == Route.CARRIER
    answer = verdict_of(refund, now)
    if is_carrier and answer.route is None:
        raise UnableToRefund("NO_ROUTE", reasons=answer.reasons)
    if not _is_agreed(refund, "refund.retry", reason=reason, by=by, now=now):
        return refund
    if is_carrier and answer.route == Route.BANK:
        to_bank(refund, "MONTH_CLOSED", by=by, at=now)
        _settle(refund, "refund.retry", reason=reason, by=by, now=now)
        return refund
    refund.failure_code = ""
    refund.attempts = 0
    delay = timedelta(seconds=settings.REFUND_DELAY_SECONDS)
    refund.due_at = in_time(refund, now + delay, earliest=answer.not_before if is_carrier else now)
    refund.move_to(RefundState.SCHEDULED, at=now, by=by, reason=reason[:200])
    _settle(refund, "refund.retry", reason=reason, by=by, now=now)
    return refund


@transaction.atomic
def use_bank(*, refund_id: int, reason: str, by: str, now: datetime) -> Refund:
    """Send a failed refund to the payer's account instead; it then waits for the account.

    Above the limit it stays FAILED until a second person agrees. Raises as `retry` does.
    """
    reason = decisions.required(reason)
    refund = _failed(refund_id, RefundState.AWAITING_ACCOUNT)
    if not has_bank_route(refund):
        raise UnableToRefund("NO_ROUTE", reasons=(Reason.BANK_NOT_CONTRACTED,))
    if not _is_agreed(refund, "refund.use_bank", reason=reason, by=by, now=now):
        return refund
    refund.attempts = 0
    to_bank(refund, reason[:200], by=by, at=now)
    _settle(refund, "refund.use_bank", reason=reason, by=by, now=now)
    return refund


def hindrance(refund: Refund) -> str | None:
    """Why a failed refund cannot go on by itself (an UnableToRefund code); None when it can."""
    unrefused = refund.calls.exclude(state=CarrierCall.State.DECLINED)
    if refund.failure_code in _MAY_HAVE_MOVED or unrefused.exists():
        return "MAY_HAVE_MOVED"
    if remaining_won(refund.payment) < refund.amount_won:
        return "REMAINING_CHANGED"
    return None


def _failed(refund_id: int, target: RefundState) -> Refund:
    """The locked row of a refund that failed and may go on."""
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    # Races with another refund of the same payment: a failed one holds no money any more. The
    # payment is locked before the refund, as whoever asks for a new refund locks it.
    Payment.objects.select_for_update(of=("self",), no_key=True).get(pk=payment_id)
    refund = locked(refund_id)
    if refund.state != RefundState.FAILED:
        raise IllegalMove(refund.state, target)
    if code := hindrance(refund):
        raise UnableToRefund(code)
    return refund


def _is_agreed(refund: Refund, what: str, *, reason: str, by: str, now: datetime) -> bool:
    return bool(
        decisions.agreed(
            what,
            subject=f"refund:{refund.pk}",
            amount_won=refund.amount_won,
            merchant=refund.payment.merchant,
            reason=reason,
            by=by,
            now=now,
        )
    )


def _settle(refund: Refund, what: str, *, reason: str, by: str, now: datetime) -> None:
    subject = f"refund:{refund.pk}"
    for other in ("refund.retry", "refund.use_bank"):
        decisions.drop(other, subject=subject)
    Alert.settle(subject, resolution=reason, by=by, at=now)
    decisions.record(what, subject=subject, reason=reason, by=by, at=now)
