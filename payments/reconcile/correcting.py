"""What an operator cancelled by itself becomes a refund of ours: in the open, never by a change."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from payments import calendar, money
from payments.carriers import registry
from payments.carriers.files import FileLine
from payments.models import Account, LedgerTransaction, Payment, Refund
from payments.states import REFUND_HOLDS_MONEY, PaymentState, RefundState

ACTOR = "reconcile"
CORRECTED = "CORRECTED"


@transaction.atomic
def correct(payment_id: int, line: FileLine, *, now: datetime) -> Refund | None:
    """Book the operator's cancellation: a refund that has succeeded, its posting, its event.

    None when it does not fit what is left of the payment, because it was given back already or a
    refund is on its way: then a person decides.
    """
    # Races with a refund of the same payment: what is left must not change under us.
    payment = (
        Payment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("merchant")
        .get(pk=payment_id)
    )
    held = payment.refunds.filter(state__in=REFUND_HOLDS_MONEY).aggregate(won=Sum("amount_won"))
    left_won = money.refundable_won(payment.amount_won, held["won"] or 0)
    if payment.state != PaymentState.PAID or not 0 < line.amount_won <= left_won:
        return None
    refund = Refund.objects.create(
        payment=payment,
        merchant=payment.merchant,
        amount_won=line.amount_won,
        route=calendar.Route.CARRIER,
        reason="CANCELLED_THERE",
        requested_by="carrier",
        deadline_at=calendar.carrier_cutoff(
            payment.paid_at or now, registry.capabilities(payment.carrier)
        ),
        requested_at=line.at,
        confirmed_at=line.at,
    )
    refund.move_to(RefundState.SUCCEEDED, at=now, by=ACTOR, reason="CANCELLED_THERE")
    # Today, not on the operator's day: what was reported of that day stays as it was.
    LedgerTransaction.post(
        LedgerTransaction.Kind.CORRECTION,
        LedgerTransaction.refund_lines(payment, refund.amount_won, Account.CARRIER_RECEIVABLE),
        payment=payment,
        refund=refund,
        at=now,
    )
    return refund
