"""The way on for a refund that failed: again, or by the bank. A person decides (design §4).

Both only where money surely did not move: every call was refused, and for a reason that does not
say it had moved before.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from payments.calendar import Route
from payments.models import CarrierCall, Payment, Refund
from payments.refunds.asking import UnableToRefund, in_time, locked, remaining_won, to_bank, verdict
from payments.states import IllegalMove, RefundState

# The operator has cancelled, or is cancelling, something of this payment already.
_MAY_HAVE_MOVED = frozenset({"ALREADY_CANCELLED", "CANCEL_IN_PROGRESS"})


@transaction.atomic
def retry(*, refund_id: int, by: str, now: datetime) -> Refund:
    """Send a failed refund again, by the route that is open now.

    It ends SCHEDULED, or AWAITING_ACCOUNT when the month closed meanwhile. Raises IllegalMove
    unless it failed, and UnableToRefund MAY_HAVE_MOVED or REMAINING_CHANGED.
    """
    refund = _failed(refund_id, RefundState.SCHEDULED)
    is_carrier = refund.route == Route.CARRIER
    answer = verdict(refund.payment, now)
    if is_carrier and answer.route == Route.BANK:
        to_bank(refund, "MONTH_CLOSED", by=by, at=now)
        return refund
    refund.failure_code = ""
    refund.attempts = 0
    delay = timedelta(seconds=settings.REFUND_DELAY_SECONDS)
    refund.due_at = in_time(refund, now + delay, earliest=answer.not_before if is_carrier else now)
    refund.move_to(RefundState.SCHEDULED, at=now, by=by, reason="retry")
    return refund


@transaction.atomic
def use_bank(*, refund_id: int, by: str, now: datetime) -> Refund:
    """Send a failed refund to the payer's account instead; it then waits for the account.

    Raises IllegalMove unless it failed, and UnableToRefund MAY_HAVE_MOVED or REMAINING_CHANGED.
    """
    refund = _failed(refund_id, RefundState.AWAITING_ACCOUNT)
    refund.attempts = 0
    to_bank(refund, "use bank", by=by, at=now)
    return refund


def _failed(refund_id: int, target: RefundState) -> Refund:
    """The locked row of a refund that failed and may go on."""
    payment_id = Refund.objects.values_list("payment_id", flat=True).get(pk=refund_id)
    # Races with another refund of the same payment: a failed one holds no money any more. The
    # payment is locked before the refund, as whoever asks for a new refund locks it.
    payment = Payment.objects.select_for_update(of=("self",), no_key=True).get(pk=payment_id)
    refund = locked(refund_id)
    if refund.state != RefundState.FAILED:
        raise IllegalMove(refund.state, target)
    unrefused = refund.calls.exclude(state=CarrierCall.State.DECLINED)
    if refund.failure_code in _MAY_HAVE_MOVED or unrefused.exists():
        raise UnableToRefund("MAY_HAVE_MOVED")
    if remaining_won(payment) < refund.amount_won:
        raise UnableToRefund("REMAINING_CHANGED")
    return refund
